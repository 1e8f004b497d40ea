"""The notebook runs from training to its TFLite file, and is kept without outputs."""

import json
import re

import pytest
from pages import ROOT

from tfgan_suite.export import exporting

NOTEBOOK = ROOT / "docs/first_gan.ipynb"
SHORTER = {"SIZE": 16, "STEPS": 2, "DOMAIN_STEPS": 1}


def cells(kind):
    content = json.loads(NOTEBOOK.read_text("utf-8"))
    return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == kind]


def shortened(source):
    for name, value in SHORTER.items():
        source, count = re.subn(rf"^{name} = \d+", f"{name} = {value}", source, flags=re.MULTILINE)
        assert count == 1
    return source


def test_it_is_kept_without_outputs():
    content = json.loads(NOTEBOOK.read_text("utf-8"))
    assert content["nbformat"] == 4
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None


def test_its_code_runs(tmp_path, monkeypatch, eagerly):
    """As a script; what follows the TFLite file, a CycleGAN, runs in Jupyter only."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(exporting, "TFLITE_FORMATS", ("tflite_float32",))
    first, *others, translation = cells("code")
    assert "CycleGAN" in translation
    names = {}
    for source in (shortened(first), *others):
        exec(compile(source, str(NOTEBOOK), "exec"), names)
    assert int(names["game"].steps.numpy()) == 2 and len(names["grids"]) >= 2
    assert names["images"].shape == (64, 16, 16, 3)
    assert abs(names["image"] - names["game"].generate(z=names["z"])).max() < 1e-4


@pytest.mark.large
def test_it_runs_in_jupyter(tmp_path):
    """In a kernel of its own: a process that imports TensorFlow."""
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed: extra test")
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed: extra test")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    first.source = shortened(first.source)
    client = nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    shown = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    images = [out for outputs in shown for out in outputs if "image/png" in out.get("data", {})]
    assert len(images) == 4
    assert (tmp_path / "exports/first_gan/1/tflite/int8.tflite").is_file()
