"""Every recipe runs from flags to export, at tiny sizes, in the words of a user."""

import json
import runpy
import types
from pathlib import Path

import numpy as np
import pytest
from harness import run_recipe

from tfgan_suite.cli.list_games import games
from tfgan_suite.training.run_folder import Run

ROOT = Path(__file__).parents[2]


def play(recipe, tmp_path, monkeypatch, *words):
    """Runs a recipe in an empty folder; its exit code."""
    monkeypatch.chdir(tmp_path)
    return run_recipe(recipe, *words)


@pytest.mark.parametrize("game", [game["name"] for game in games()])
def test_every_game_has_its_recipe_its_test_and_its_row(game):
    assert f"recipes/{game}.py" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert (ROOT / "recipes" / f"{game}.py").exists()
    assert any((ROOT / "tests" / kind / f"test_{game}.py").exists() for kind in ("games", "style"))


@pytest.mark.parametrize("game", [game["name"] for game in games() if game["name"] != "gatys"])
@pytest.mark.parametrize("shape", [(2,), (32, 32, 3)])
def test_values_for_the_data_are_of_constants_that_stand_for_them(game, shape):
    """Of games that are trained: Gatys's recipe optimises images and is no run."""
    recipe = runpy.run_path(str(ROOT / "recipes" / f"{game}.py"), run_name="recipe")
    values = recipe.get("defaults", lambda data: {})(types.SimpleNamespace(shape=shape))
    for name, value in values.items():
        constant = recipe[name.upper()]
        assert constant in (0, "", -1) and isinstance(value, type(constant)), name
    # Whatever has a stand-in among the common constants gets a value.
    assert all(recipe[name.upper()] or values.get(name) for name in ("steps", "batch"))


def test_dcgan_on_the_embedded_shapes(tmp_path, monkeypatch, capsys):
    words = ["--steps", "3", "--log-every", "2", "--width", "4", "--batch", "8", "--size", "16"]
    assert play("dcgan.py", tmp_path, monkeypatch, *words) == 0
    said = capsys.readouterr().out
    for place in (
        "runs/dcgan_shapes/samples/final.png",
        "runs/dcgan_shapes/samples/contact.png",
        "runs/dcgan_shapes/samples/training.gif",
        "saved_models/dcgan_shapes/model.config",
        "saved_models/dcgan_shapes/1/tflite/int8.tflite",
        "saved_models/dcgan_shapes/1/parity.json",
        "saved_models/dcgan_shapes/1/card.json",
    ):
        assert (tmp_path / place).is_file(), place
    for line in ("SavedModel   saved_models/dcgan_shapes/1", "docker run", "clean_share"):
        assert line in said
    card = json.loads((tmp_path / "saved_models/dcgan_shapes/1/card.json").read_text())
    assert card["constants"]["width"] == 4 and card["classes"][0] == "red circle"
    # The same command again changes nothing and exports nothing.
    assert play("dcgan.py", tmp_path, monkeypatch, *words) == 0
    assert "going on from step 3 of 3" in capsys.readouterr().out
    assert not (tmp_path / "saved_models/dcgan_shapes/2").exists()


def test_wgan_gp_on_points_and_on_a_folder(tmp_path, monkeypatch, capsys):
    from PIL import Image

    words = ["--steps", "2", "--width", "4", "--batch", "4", "--log-every", "1"]
    assert play("wgan_gp.py", tmp_path, monkeypatch, *words) == 0
    assert "modes_found" in capsys.readouterr().out
    assert (tmp_path / "saved_models/wgan_gp_ring/1/saved_model.pb").is_file()
    draws = np.random.RandomState(0)
    (tmp_path / "photos").mkdir()
    for index in range(20):
        pixels = draws.randint(0, 256, (9 + index, 12, 3)).astype("u1")
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{index}.png")
    (tmp_path / "photos" / "broken.png").write_bytes(b"no image")
    words += ["--data", "photos", "--size", "8", "--discriminator-steps", "2", "--export", "none"]
    assert play("wgan_gp.py", tmp_path, monkeypatch, *words) == 0
    assert "skipped 1 files: broken.png" in capsys.readouterr().out
    game, _, info = Run(tmp_path / "runs/wgan_gp_photos").load()
    assert info.shape == (8, 8, 3) and game.generate(2).shape == (2, 8, 8, 3)


def test_a_size_the_network_cannot_make_is_refused(tmp_path, monkeypatch, capsys):
    assert play("dcgan.py", tmp_path, monkeypatch, "--size", "50") == 2
    (reason,) = capsys.readouterr().err.splitlines()
    assert "size 50" in reason and "48, 56" in reason
    assert not (tmp_path / "runs").exists()


def test_points_are_refused_by_a_game_of_images(tmp_path, monkeypatch, capsys):
    assert play("dcgan.py", tmp_path, monkeypatch, "--data", "ring") == 2
    assert "images" in capsys.readouterr().err


def last_line(path):
    return json.loads(path.read_text().splitlines()[-1])


@pytest.mark.large
def test_the_main_job_learns_the_shapes(tmp_path, monkeypatch):
    """What the README's first command does, read by the oracle."""
    assert play("dcgan.py", tmp_path, monkeypatch) == 0
    measured = last_line(tmp_path / "runs/dcgan_shapes/measures.jsonl")
    assert measured["samples"] == 1000
    assert measured["clean_share"] >= 0.75 and measured["classes_seen"] == 18
    report = json.loads((tmp_path / "saved_models/dcgan_shapes/1/parity.json").read_text())
    assert report["signatures"]["serving_default"]["tflite_int8"]["psnr"] >= 30.0


@pytest.mark.large
def test_wgan_gp_covers_the_ring(tmp_path, monkeypatch):
    assert play("wgan_gp.py", tmp_path, monkeypatch, "--export", "none") == 0
    measured = last_line(tmp_path / "runs/wgan_gp_ring/measures.jsonl")
    assert measured["modes_found"] == 8 and measured["good_share"] >= 0.9
    losses = last_line(tmp_path / "runs/wgan_gp_ring/losses.jsonl")
    assert 0.9 <= losses["discriminator/slope"] <= 1.1
