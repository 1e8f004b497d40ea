"""README's commands and Python run as they stand, shortened by flags and numbers only.

The fast tests train and use the same recipes elsewhere (tests/recipes, tests/cli), and hold that
programs accept every command of every page (tests/architecture/test_readme.py).
"""

import shutil

import numpy as np
import pytest
from harness import run_recipe
from pages import README, ROOT, commands, python_blocks
from PIL import Image
from short_runs import short_runs

from tfgan_suite.cli.main import main

SHORT = ["--steps", "1", "--batch", "2", "--log-every", "1", "--export", "none"]
SHORTER = {
    "dcgan": "--size 8 --width 2 --hidden-units 0",
    "pix2pix": "--size 16 --random-crop 2 --width 2 --discriminator-layers 1",
    "srresnet": "--size 32 --width 4 --blocks 1",
    # Without features of a network whose weights would be downloaded.
    "srgan": "--size 32 --discriminator-width 2 --discriminator-hidden 4 --feature-weight 0"
    " --pixel-weight 1",
    "adain": "--weights random --size 16 --side 20 --depth 2 --width 4 --normalize 2",
}


def picture(height, width, seed):
    pixels = np.random.RandomState(seed).randint(0, 256, (height, width, 3))
    return Image.fromarray(pixels.astype("u1"))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A reader's folder: the repository's exports, and images under the names of the page."""
    folder = tmp_path_factory.mktemp("home")
    shutil.copytree(ROOT / "saved_models/dcgan_shapes", folder / "saved_models/dcgan_shapes")
    sizes = {"PHOTOS": (24, 20), "PAINTINGS": (20, 24), "PAIRS": (16, 32), "IMAGES": (40, 40)}
    for name, size in sizes.items():
        (folder / name).mkdir()
        for index in range(8):
            picture(*size, index).save(folder / name / f"{index}.png")
    picture(12, 10, 0).save(folder / "photo.jpg")
    return folder


def test_the_shipped_generator_draws(home, monkeypatch):
    monkeypatch.chdir(home)
    for program, *words in commands(README.read_text("utf-8")):
        if program == "tfgan_suite" and "dcgan_shapes" in words:
            assert main(words) == 0
    assert Image.open("shapes.png").width > 256


@pytest.mark.large
def test_every_command_of_the_page_runs(home, monkeypatch):
    monkeypatch.chdir(home)
    lines = [line for line in commands(README.read_text("utf-8")) if line[1:]]
    recipes = [line for line in lines if line[0] != "tfgan_suite"]
    uses = [line for line in lines if line[0] == "tfgan_suite"]
    assert len(recipes) >= 5 and len(uses) >= 4  # dcgan alone: tests/recipes/test_recipes.py
    with short_runs():
        for program, *words in recipes:
            name = program.partition("/")[2]
            assert run_recipe(name, *words, *SHORT, *SHORTER[name[:-3]].split()) == 0, words
    assert (home / "runs/srgan_IMAGES").exists()
    for _, *words in uses:
        assert main(words) == 0, words
    assert Image.open("shapes.png").width > 256
    assert Image.open("large.png").size == (40, 48)
    assert len(list((home / "OUTPUT").iterdir())) == 8
    assert Image.open(next((home / "PAINTED").iterdir())).mode == "RGB"


def test_the_python_of_the_page_runs(home, monkeypatch, eagerly):
    monkeypatch.chdir(home)
    blocks = python_blocks(README.read_text("utf-8"))
    shorter = {
        "size=64": "size=8",
        "batches(128": "batches(2",
        "=1000": "=1",
        "epochs=25": "epochs=1",
    }
    for block in blocks:
        for long, short in shorter.items():
            assert long in block
            block = block.replace(long, short)
        names = {}
        exec(compile(block, str(README), "exec"), names)
        assert names["images"].shape == (16, 8, 8, 3) and names["images"].dtype == "float32"
    assert blocks


def test_the_page_on_data_has_the_same_script():
    script = python_blocks(README.read_text("utf-8"))[0]
    assert script in python_blocks((ROOT / "docs/data.md").read_text("utf-8"))


def test_a_tflite_file_runs_without_tensorflow(monkeypatch):
    pytest.importorskip("ai_edge_litert.interpreter", reason="the extra litert is not installed")
    (script,) = python_blocks((ROOT / "docs/tflite.md").read_text("utf-8"))
    monkeypatch.chdir(ROOT)
    names = {}
    exec(compile(script, "docs/tflite.md", "exec"), names)
    assert names["image"].shape == (1, 32, 32, 3) and abs(names["image"]).max() <= 1
