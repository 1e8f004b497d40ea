"""The command `sample`: runs and exports, classes, grids and single files."""

import contextlib
import json
import runpy
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from short_runs import opened_once, short_runs

from tfgan_suite import InputError
from tfgan_suite.cli import sample
from tfgan_suite.cli.main import main
from tfgan_suite.training import launch
from tfgan_suite.utils import image_grids


@pytest.fixture(scope="module", autouse=True)
def quick_commands():
    with opened_once():
        yield


@pytest.mark.parametrize("place", ["run", "exports/tiny_recipe_images"])
def test_sample_draws_a_grid_and_single_files(tiny_run, tmp_path, capsys, place):
    words = ["sample", str(tiny_run / place), "--count", "3", "--seed", "5", "--json"]
    assert main([*words, "--out", str(tmp_path / "grid.png")]) == 0
    assert image_grids.read_png(tmp_path / "grid.png").shape[-1] == 3
    assert main([*words, "--out", str(tmp_path / "each")]) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert said[1]["count"] == 3 and len(said[1]["files"]) == 3
    drawn = np.stack([image_grids.read_png(file)[..., 0] for file in said[1]["files"]])
    assert drawn.shape == (3, 8, 8) and drawn.std(0).max() > 0


@pytest.mark.parametrize("ending, kind", [("jpg", "JPEG"), ("JPEG", "JPEG"), ("webp", "WEBP")])
def test_the_ending_of_a_grid_is_its_format(tiny_run, tmp_path, ending, kind):
    out = tmp_path / f"grid.{ending}"
    assert main(["sample", str(tiny_run / "run"), "--count", "3", "--out", str(out)]) == 0
    with Image.open(out) as image:
        assert image.format == kind


def test_other_endings_are_refused_before_anything_is_opened(capsys):
    for words in (
        ["sample", "nowhere", "--out", "grid.tiff"],
        ["translate", "nowhere", "a.png", "b.gif"],
        ["upscale", "nowhere", "a.png", "b.pdf"],
        ["stylize", "nowhere", "a.png", "c.png", "b.bmp"],
    ):
        assert main(words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"cannot be written as {Path(words[-1]).suffix}; use .png, .jpg, " in line
    for words in (
        ["study", "a", "b", "--out", "page.png"],
        ["translate", "a", "b", "c", "--gallery", "x"],
    ):
        assert main(words) == 2
        assert "pass a name that ends with .html" in capsys.readouterr().err


def test_a_run_and_its_export_draw_the_same_images(tiny_run, tmp_path):
    for place in ("run", "exports/tiny_recipe_images"):
        out = str(tmp_path / place.replace("/", "_"))
        assert main(["sample", str(tiny_run / place), "--count", "2", "--out", out]) == 0
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
    with pytest.MonkeyPatch.context() as patch, short_runs():
        patch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as end:
            launch.main(recipe)
    assert end.value.code == 0
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
    assert "no class 'seven'; the classes are 0, 1, 2" in reason


def test_a_game_without_classes_refuses_a_label(tiny_run, capsys):
    for place in ("run", "exports/tiny_recipe_images"):
        assert main(["sample", str(tiny_run / place), "--label", "2"]) == 2
        (reason,) = capsys.readouterr().err.splitlines()
        assert "does not draw by class" in reason


def test_interrupted_work_keeps_what_is_done(tiny_run, tmp_path, monkeypatch):
    """Files are written as they are drawn, 64 at a time."""
    write, drawn = image_grids.write_png, []

    def interrupted(path, pixels):
        if len(drawn) == 70:
            raise KeyboardInterrupt
        drawn.append(path)
        write(path, pixels)

    words = ["sample", str(tiny_run / "run"), "--count", "100000", "--out", str(tmp_path / "many")]
    monkeypatch.setattr(image_grids, "write_png", interrupted)
    with contextlib.suppress(KeyboardInterrupt, SystemExit):
        main(words)
    assert sorted((tmp_path / "many").iterdir()) == drawn and len(drawn) == 70
    monkeypatch.undo()
    words[3:] = ["70", "--out", str(tmp_path / "few")]
    assert main(words) == 0
    for path in drawn:
        assert path.read_bytes() == (tmp_path / "few" / path.name).read_bytes()


@pytest.mark.parametrize(
    "count, names",
    [(3, ["7_00000.png", "7_00002.png"]), (100_000, ["7_00000.png", "7_99999.png"]),
     (100_001, ["7_000000.png", "7_100000.png"]), (2_500_000, ["7_0000000.png", "7_2499999.png"])],
)  # fmt: skip
def test_names_of_files_sort_as_numbers(count, names):
    assert [sample.file_name(7, index, count) for index in (0, count - 1)] == names
    assert sample.file_name(7, 9, count) < sample.file_name(7, 10, count)


def test_a_grid_too_large_is_refused_before_it_is_drawn(tiny_run, tmp_path, capsys):
    words = ["sample", str(tiny_run / "run"), "--out", str(tmp_path / "grid.png")]
    assert main([*words, "--count", "10000000"]) == 2
    (reason,) = capsys.readouterr().err.splitlines()
    assert "a grid holds at most 335544 of them: pass a folder as --out" in reason


def test_more_points_than_a_plot_holds(tmp_path):
    shape = types.SimpleNamespace(output=types.SimpleNamespace(shape=(2,)))
    args = types.SimpleNamespace(count=2**23 + 1)
    with pytest.raises(InputError, match="a plot holds at most 8388608 points"):
        sample._write_grid(types.SimpleNamespace(signature=lambda: shape), args, tmp_path / "a.png")
