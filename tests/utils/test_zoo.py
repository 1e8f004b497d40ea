"""The models that come with the suite: files, sizes, cards, names, and their way into a wheel."""

import json
import pathlib
import runpy
import shlex
import sys

import pytest

from tfgan_suite.errors import InputError
from tfgan_suite.utils import export_names, zoo

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = ROOT / "saved_models"
MIB = 2**20


def size(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def shipped_size(folder):
    """Of the first version; what recipes export here are later ones."""
    return size(folder / "1") + (folder / "model.config").stat().st_size


@pytest.mark.parametrize("entry", zoo.entries(), ids=lambda entry: entry.name)
def test_an_entry_has_its_files_and_the_card_of_its_command(entry):
    card = json.loads((entry.path / "1" / "card.json").read_text("utf-8"))
    assert card["usage"].split()[0] == entry.command
    assert card["export"]["name"] == entry.name
    assert "/tmp" not in json.dumps(card)
    for file, length in card["export"]["files"].items():
        assert (entry.path / "1" / file).stat().st_size == length
    kinds = {file.stem for file in (entry.path / "1" / "tflite").glob("*.tflite")}
    # Styles take more than 8 bits: at the bound of int8 most of the layers are left in float32.
    assert kinds >= ({"float16"} if entry.name == "stylegan_shapes" else {"float16", "int8"})
    assert json.loads((entry.path / "1" / "parity.json").read_text("utf-8"))["ok"]
    for command in entry.rebuild:
        program, recipe, *_ = shlex.split(command)
        assert program == "python" and (recipe == "-m" or (ROOT / recipe).is_file())
    assert shipped_size(entry.path) < 6 * MIB


def test_the_zoo_lists_what_it_has_and_stays_small():
    listed = json.loads((HOME / zoo.FILE).read_text("utf-8"))
    assert zoo.names() == sorted(listed)
    assert sum(shipped_size(HOME / name) for name in listed) < 24 * MIB
    assert set(zoo.names("sample")) >= {"dcgan_shapes", "dcgan_fashion-mnist"}


def test_an_unknown_name_gets_the_list_and_a_suggestion(monkeypatch):
    text = zoo.advice("dcgan_shape")
    assert f"one of the models {', '.join(zoo.names())}; did you mean dcgan_shapes?" in text
    assert zoo.advice("runs/dcgan_shape") == zoo.advice("photo.png") == ""
    monkeypatch.setattr(export_names, "shipped_folders", lambda: ())
    assert "holds no models: install the suite from its repository" in zoo.advice("dcgan_shapes")


def test_names_of_a_wheel_lie_within_the_package(tmp_path, monkeypatch):
    folders = (tmp_path / "saved_models", tmp_path / "tfgan_suite" / "saved_models")
    monkeypatch.setattr(export_names, "shipped_folders", lambda: folders)
    monkeypatch.chdir(tmp_path)
    (folders[1] / "walker").mkdir(parents=True)
    assert export_names.shipped("walker") == folders[1] / "walker"
    (folders[1] / zoo.FILE).write_text('{"walker": {"command": "sample"}}')
    with pytest.raises(InputError, match="zoo.json.*restore it from the repository"):
        zoo.entries()


def test_a_build_holds_every_model(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["setup.py", "-q", "build_py", "--build-lib", str(tmp_path)])
    runpy.run_path(str(ROOT / "setup.py"), run_name="__main__")
    built = tmp_path / "tfgan_suite" / "saved_models"
    assert sorted(path.name for path in built.iterdir()) == sorted([*zoo.names(), zoo.FILE])
    for name in zoo.names():
        assert size(built / name) == size(HOME / name)


@pytest.mark.parametrize(
    ("entries", "chosen"),
    [
        ({"a": None}, "a"),
        ({"a": None, "b": None}, None),
        ({"a": None, "b": True}, "b"),
        ({"a": False}, None),
        ({"a": None, "b": False}, "a"),
    ],
)
def test_a_model_of_a_narrow_use_is_never_a_default(monkeypatch, entries, chosen):
    models = [
        zoo.Entry(name, "translate", "", "", "", (), HOME, default=default)
        for name, default in entries.items()
    ]
    monkeypatch.setattr(zoo, "entries", lambda: models)
    assert zoo.default("translate") == chosen and zoo.default("upscale") is None
