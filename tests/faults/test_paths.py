"""Folders of any name: train, resume, sample, export and use, by the commands' own words."""

import json

import numpy as np
import pytest
import tiny_recipe
from fault_runs import exit_code

from tfgan_suite.cli import main as cli
from tfgan_suite.inference.generator import open_generator

# TensorFlow reads `*?[]` and `\` as patterns, URLs end at `#`; spaces lead and trail.
ALL_IN_ONE = " [a] b*c?\\d#e%20Übung 한 "
pytestmark = pytest.mark.usefixtures("eager_module")
NAMES = ["[a] b", "a*b?", "back\\slash", " lead", "trail ", "#", "%20", "Übung 한", "a'b\"c", "-x"]


@pytest.mark.parametrize(
    "name", [ALL_IN_ONE, *(pytest.param(n, marks=pytest.mark.large) for n in NAMES)]
)
def test_every_road_through_a_folder_of_any_name(tmp_path, monkeypatch, capsys, name):
    home = tmp_path / name
    for neighbour in ("a b", "axbx"):  # what patterns in the names would match
        (tmp_path / neighbour).mkdir()
    home.mkdir()
    images = home / "images.npz"
    np.savez(images, image=np.random.RandomState(0).randint(0, 256, (11, 8, 8, 1)).astype("u1"))
    words = [f"--data={images}", f"--run={home / 'run'}", "--checkpoint-every=2", "--log-every=2"]
    assert exit_code(tiny_recipe, *words, "--steps=2", "--export=none") == 0
    assert exit_code(tiny_recipe, *words, "--steps=5", f"--export={home / 'exports'}") in (0, 4)
    output = capsys.readouterr()
    assert "resuming from step 2" in output.out and "Traceback" not in output.err
    # Where the name itself is the path that the user writes.
    monkeypatch.chdir(home)
    checkpoints = sorted(path.stem for path in (home / "run" / "checkpoints").glob("*.index"))
    assert checkpoints == ["ckpt-2", "ckpt-4", "ckpt-5"]
    (exported,) = (home / "exports").glob("*/1")
    images = []
    for source in (home / "run", exported):
        assert cli.main(["sample", str(source), "--count=4", f"--out={home / 'drawn.png'}"]) == 0
        images.append((home / "drawn.png").read_bytes())
    assert images[0] == images[1]
    assert cli.main(["export", str(home / "run"), f"--to={home / 'again'}"]) in (0, 4)
    (again,) = (home / "again").glob("*/1")
    lite = open_generator(again / "tflite" / "float32.tflite")
    assert lite.signatures
    card = json.loads((exported / "card.json").read_text())
    (exported / "card.json").rename(exported / "other.json")
    assert open_generator(exported).origin == "saved_model" and card["steps"] == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "a b", "axbx"])
    assert not list(home.rglob(".export-*")) and not list(home.rglob("*.part"))
