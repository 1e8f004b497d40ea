"""The command line."""

import json
import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny_recipe

from tfgan_suite.cli import doctor
from tfgan_suite.cli.list_games import games
from tfgan_suite.cli.main import main
from tfgan_suite.export import load
from tfgan_suite.training import launch
from tfgan_suite.utils import image_grids


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A tiny run with an export, made as a user makes it."""
    home = tmp_path_factory.mktemp("home")
    words = ["tiny_recipe.py", "--run", str(home / "run"), "--data", tiny_recipe.images()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [*words, "--steps", "2", "--export", str(home / "exports")])
        with pytest.raises(SystemExit) as end:
            launch.main(vars(tiny_recipe))
    assert end.value.code == 0
    return home


def test_list_reads_the_folder(capsys):
    assert main(["list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert {"dcgan", "wgan_gp", "srgan", "adain", "gatys"} <= set(rows)
    assert "encoders" not in rows
    assert "1511.06434" in rows["dcgan"]["paper"] and rows["dcgan"]["data"] == "images"
    assert main(["list"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].startswith("NAME") and len(table) == 1 + len(games())


@pytest.mark.parametrize("place", ["run", "exports/tiny_recipe_images"])
def test_sample_draws_a_grid_and_single_files(run, tmp_path, capsys, place):
    words = ["sample", str(run / place), "--count", "3", "--seed", "5", "--json"]
    assert main([*words, "--out", str(tmp_path / "sheet.png")]) == 0
    assert image_grids.read_png(tmp_path / "sheet.png").shape[-1] == 3
    assert main([*words, "--out", str(tmp_path / "each")]) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert said[1]["count"] == 3 and len(said[1]["files"]) == 3
    drawn = np.stack([image_grids.read_png(file)[..., 0] for file in said[1]["files"]])
    assert drawn.shape == (3, 8, 8) and drawn.std(0).max() > 0


def test_a_run_and_its_export_draw_the_same_images(run, tmp_path):
    for place in ("run", "exports/tiny_recipe_images"):
        out = str(tmp_path / place.replace("/", "_"))
        assert main(["sample", str(run / place), "--count", "2", "--out", out]) == 0
    for name in ("0_00000.png", "0_00001.png"):
        one, two = (image_grids.read_png(folder / name) for folder in sorted(tmp_path.iterdir()))
        assert np.abs(one.astype(int) - two).max() <= 1


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A tiny run of a game with classes, trained and exported as a user does it."""
    home = tmp_path_factory.mktemp("labelled")
    random = np.random.RandomState(0)
    np.savez(
        home / "digits.npz",
        image=random.randint(0, 256, (12, 8, 8, 1)).astype("u1"),
        label=np.arange(12) % 3,
    )
    recipe = runpy.run_path(
        str(Path(__file__).parents[2] / "recipes" / "cgan.py"), run_name="recipe"
    )
    words = ["cgan.py", "--data", str(home / "digits.npz"), "--run", str(home / "run")]
    words += ["--steps", "2", "--batch", "4", "--width", "2", "--export", str(home / "exports")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as end:
            launch.main(recipe)
    assert end.value.code in (0, 4)  # int8 of an untrained network may be over its bound
    return home


def draw_labelled(home, place, tmp_path, *words):
    """The images that `sample` writes, `(count, 8, 8)`."""
    out = tmp_path / "_".join([place.replace("/", "_"), *words]).replace(" ", "")
    assert main(["sample", str(home / place), "--count", "4", "--out", str(out), *words]) == 0
    return np.stack([image_grids.read_png(f)[..., 0] for f in sorted(out.iterdir())]).astype(int)


def test_sample_draws_the_classes_asked_for(labelled, tmp_path):
    from tfgan_suite.training.run_folder import Run

    game, _, info = Run(labelled / "run").load()
    assert len(info.classes) == 3
    asked = (("2", [2, 2, 2, 2]), (info.classes[2], [2, 2, 2, 2]), ("0,1", [0, 1, 0, 1]))
    for word, label in asked:
        expected = image_grids.to_uint8(game.generate(4, seed=0, label=label))[..., 0].astype(int)
        for place in ("run", "exports/cgan_digits"):
            found = draw_labelled(labelled, place, tmp_path, "--label", word)
            assert np.abs(found - expected).max() <= 1, (word, place)
    free = draw_labelled(labelled, "run", tmp_path)
    assert free.shape == (4, 8, 8)


@pytest.mark.parametrize("place", ["run", "exports/cgan_digits"])
def test_an_unknown_class_is_refused_with_the_list(labelled, capsys, place):
    assert main(["sample", str(labelled / place), "--label", "seven"]) == 2
    (reason,) = capsys.readouterr().err.splitlines()
    assert "no class 'seven'" in reason and "2 " in reason


def test_a_game_without_classes_refuses_a_label(run, capsys):
    for place in ("run", "exports/tiny_recipe_images"):
        assert main(["sample", str(run / place), "--label", "2"]) == 2
        (reason,) = capsys.readouterr().err.splitlines()
        assert "does not draw by class" in reason


def test_export_counts_the_version_up(run, tmp_path, capsys):
    target = tmp_path / "again"
    shutil.copytree(run / "exports", target)
    assert main(["export", str(run / "run"), "--to", str(target), "--json"]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["version"] == 2
    exported = load(said["path"])
    assert exported.card["steps"] == 2 and exported.sample(1).shape == (1, 8, 8, 1)


@pytest.mark.parametrize(
    "words, said",
    [
        (["sample", "nowhere"], "nowhere does not exist"),
        (["sample", "."], "no export"),
        (["sample", "{run}", "--count", "0"], "--count is 0"),
        (["sample", "{run}", "--out", "/proc/a.png"], "cannot write"),
        (["export", "nowhere"], "not a run folder"),
    ],
)
def test_bad_input_ends_with_one_line_and_code_2(run, tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    assert main([word.format(run=run / "run") for word in words]) == 2
    (reason,) = capsys.readouterr().err.splitlines()
    assert reason.startswith(f"tfgan_suite {words[0]}: ") and said in reason


def test_doctor_finds_that_training_works(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "SECONDS", 0.1)
    monkeypatch.setattr(
        doctor, "OPTIONAL", (("no_such_module", "litert", "nothing can be compared"),)
    )
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["training"]["ok"] is True and report["training"]["images_per_s"] > 0
    assert report["missing"] == [
        {"module": "no_such_module", "extra": "litert", "cost": "nothing can be compared"}
    ]
    words = doctor.in_words(report)
    assert "nothing can be compared (pip install -e '.[litert]')" in words
    assert report["versions"]["tensorflow"] in words


def test_doctor_says_when_training_fails(monkeypatch, capsys):
    def broken(*args, **kwargs):
        raise RuntimeError("no kernel for this device")

    monkeypatch.setattr(doctor.dcgan, "build_generator", broken)
    assert main(["doctor"]) == 1
    assert "FAILED: RuntimeError: no kernel for this device" in capsys.readouterr().out


def test_a_format_over_its_bound_is_left_out_and_said(run, tmp_path, capsys):
    words = ["export", str(run / "run"), "--to", str(tmp_path), "--float16-bound", "1e-9"]
    assert main([*words, "--json"]) == 4
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(said["left_out"]) == ["tflite_float16"]
    assert "over the bound 1e-09" in said["left_out"]["tflite_float16"]
    files = sorted(p.name for p in (tmp_path / said["path"] / "tflite").iterdir())
    assert files == ["float32.tflite", "int8.tflite"]
