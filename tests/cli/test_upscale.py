"""Images made larger: tiles, both stages trained, measured and used as a user does it."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from harness import run_recipe
from PIL import Image
from short_runs import eager_steps, opened_once, short_runs

from tfgan_suite import InputError
from tfgan_suite.cli.main import main
from tfgan_suite.inference import files, upscale_tiles
from tfgan_suite.inference.upscaler import open_upscaler
from tfgan_suite.training import launch
from tfgan_suite.training.run_folder import Run

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture(scope="module", autouse=True)
def quick_commands():
    with opened_once():
        yield


def smooth(height, width, seed=0):
    from tfgan_suite.utils import bicubic

    coarse = np.random.RandomState(seed).uniform(0, 255, (height // 8 + 1, width // 8 + 1, 3))
    return np.round(bicubic.resize(coarse, height, width)).clip(0, 255).astype("u1")


# ---- tiles -----------------------------------------------------------------------------------


def blur(images):
    """Twice the size, each pixel the mean over its neighbours up to 3 away."""
    padded = np.pad(images, [(0, 0), (3, 3), (3, 3), (0, 0)])
    height, width = images.shape[1:3]
    made = sum(padded[:, i : i + height, j : j + width] for i in range(7) for j in range(7)) / 49
    return made.repeat(2, 1).repeat(2, 2).astype(np.float32)


@pytest.mark.parametrize("sides", [(64, 64), (100, 71), (33, 150)])
def test_tiles_of_a_local_network_equal_the_whole(sides):
    image, shapes = smooth(*sides), []

    def call(images):
        shapes.append(images.shape)
        return blur(images)

    whole = upscale_tiles.upscale_image(image, call, 2)
    assert whole.shape == (2 * sides[0], 2 * sides[1], 3) and whole.dtype == np.uint8
    assert len(shapes) == 1
    tiled = upscale_tiles.upscale_image(image, call, 2, tile=48, overlap=16)
    assert np.abs(tiled.astype(int) - whole).max() <= 1
    assert len(shapes) > 2 and max(max(shape[1:3]) for shape in shapes[1:]) <= 48


def test_large_images_go_through_in_tiles_by_themselves():
    shapes = []

    def call(images):
        shapes.append(images.shape)
        return images.repeat(4, 1).repeat(4, 2)

    image = smooth(200, 300)
    made = upscale_tiles.upscale_image(image, call, 4)
    assert np.array_equal(made, image.repeat(4, 0).repeat(4, 1))
    assert {shape[1:3] for shape in shapes} == {(128, 128)}


def test_tiny_images_are_continued_and_cut():
    shapes = []

    def call(images):
        shapes.append(images.shape)
        return images.repeat(3, 1).repeat(3, 2)

    image = smooth(2, 5)
    made = upscale_tiles.upscale_image(image, call, 3)
    assert np.array_equal(made, image.repeat(3, 0).repeat(3, 1))
    assert shapes == [(1, 8, 8, 3)]


def test_impossible_tiles_are_refused():
    for tile, overlap in ((4, 0), (32, 20)):
        with pytest.raises(InputError):
            upscale_tiles.upscale_image(smooth(64, 64), blur, 2, tile=tile, overlap=overlap)


# ---- both stages -----------------------------------------------------------------------------

TINY = [
    "--size",
    "32",
    "--batch",
    "2",
    "--steps",
    "2",
    "--log-every",
    "1",
    "--checkpoint-every",
    "1",
]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder of images, a run of the first stage, its export."""
    place = tmp_path_factory.mktemp("home")
    (place / "photos").mkdir()
    for index in range(4):
        Image.fromarray(smooth(48, 56, index)).save(place / "photos" / f"{index}.png")
    words = ["--data", place / "photos", "--run", place / "first", "--width", "4", "--blocks", "1"]
    with short_runs():
        code = run_recipe("srresnet.py", *words, *TINY, "--export", place / "exports")
    assert code == 0
    return place


SECOND = ["--discriminator-width", "2", "--discriminator-hidden", "4", "--feature-weight", "0",
          "--pixel-weight", "1", "--export", "none"]  # fmt: skip
EXPORT = "exports/srresnet_photos"


def test_the_second_stage_asks_for_the_first(home, tmp_path, capsys):
    words = ["--data", home / "photos", "--run", tmp_path / "run", *TINY, *SECOND]
    assert run_recipe("srgan.py", *words) == 2
    (reason,) = capsys.readouterr().err.splitlines()
    assert "starts from a trained srresnet" in reason and "--start none" in reason
    assert run_recipe("srgan.py", *words, "--start", tmp_path / "nowhere") == 2
    assert "not a run folder" in capsys.readouterr().err
    assert run_recipe("srgan.py", *words, "--start", "none") == 2
    assert "--width" in capsys.readouterr().err
    assert run_recipe("srgan.py", *words, "--start", home / "first", "--width", "8") == 2
    assert "trained with 4" in capsys.readouterr().err


@pytest.fixture(scope="module")
def second(home, tmp_path_factory):
    """A run of the second stage at a rate that changes no weight, whose start is gone."""
    place = tmp_path_factory.mktemp("second")
    (home / "first").rename(place / "start")
    try:
        words = ["--data", home / "photos", "--run", place / "run", "--start", place / "start"]
        with eager_steps():
            assert run_recipe("srgan.py", *words, *TINY, *SECOND, "--learning-rate", "1e-30") == 0
    finally:
        (place / "start").rename(home / "first")
    return place / "run"


def test_the_second_stage_begins_with_the_weights_of_the_first(home, second):
    constants = json.loads((second / "run.json").read_text())["constants"]
    first, second = Run(home / "first").load()[0], Run(second).load()[0]
    for one, other in zip(first.generator.get_weights(), second.generator.get_weights()):
        assert np.array_equal(one, other)
    assert constants["width"] == 4 and constants["upsampling"] == "direct"


def test_a_run_shows_its_images_and_opens_without_its_start(home, second):
    names = {path.name for path in (home / "first" / "samples").glob("*.png")}
    assert {"final.png", "step_00000002.png"} <= names
    assert open_upscaler(second).factor == 4


# ---- the commands ----------------------------------------------------------------------------


def upscale(*words):
    return main(["upscale", *map(str, words)])


@pytest.mark.parametrize("place", ["first", EXPORT])
def test_a_folder_with_a_broken_file(home, tmp_path, capsys, place):
    given, out = tmp_path / "in", tmp_path / "out"
    (given / "sub").mkdir(parents=True)
    Image.fromarray(smooth(20, 31)).save(given / "a.png")
    Image.fromarray(smooth(9, 9)[..., 0]).save(given / "sub" / "grey.png")
    (given / "broken.png").write_bytes((given / "a.png").read_bytes()[:60])
    assert upscale(home / place, given, out, "--json") == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["factor"] == 4 and list(said["skipped"]) == ["broken.png"]
    assert said["files"] == [str(out / "a.png"), str(out / "sub" / "grey.png")]
    made = files.read(out / "a.png", 3)
    expected = open_upscaler(home / place)(files.read(given / "a.png", 3))
    assert made.shape == (80, 124, 3)
    assert np.abs(made.astype(int) - expected).max() <= 1
    tiled = tmp_path / "tiled.png"
    assert upscale(home / place, given / "a.png", tiled, "--tile", "16", "--overlap", "8") == 0
    assert np.abs(files.read(tiled, 3).astype(int) - expected).mean() < 3


def test_a_run_and_its_export_make_the_same_image(home):
    image = smooth(21, 17)
    one, other = (open_upscaler(home / place)(image) for place in ("first", EXPORT))
    assert np.abs(one.astype(int) - other).max() <= 1


@pytest.mark.parametrize(
    "words, said",
    [
        (["nowhere", "in.png", "out.png"], "does not exist"),
        (["{home}/first", "{home}/photos/0.png", "out.png", "--tile", "4"], "too small"),
        (["{home}/first", "{home}/photos/0.png", "out.png", "--overlap", "4"], "without --tile"),
        (["{home}/first", "{home}/photos/0.png", "out.png", "--tile", "-1"], "0 or more"),
        (["{home}/photos", "{home}/photos/0.png", "out.png"], "no export"),
    ],
)
def test_bad_input_is_one_line(home, tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(smooth(9, 9)).save("in.png")
    assert upscale(*(word.format(home=home) for word in words)) == 2
    (reason,) = capsys.readouterr().err.splitlines()
    assert said in reason


@pytest.mark.parametrize("place", ["first", EXPORT])
def test_other_commands_name_this_one(home, tmp_path, capsys, place):
    Image.fromarray(smooth(9, 9)).save(tmp_path / "in.png")
    command = f"tfgan_suite upscale {home / place} IMAGES OUTPUT"
    for words in (["translate", tmp_path / "in.png", tmp_path / "out.png"], ["sample"]):
        assert main([words[0], str(home / place), *map(str, words[1:])]) == 2
        assert command in capsys.readouterr().err


def test_what_enlarges_nothing_is_refused(tmp_path, capsys):
    import tiny_translation

    with pytest.MonkeyPatch.context() as patch, eager_steps():
        words = ["tiny_translation.py", "--run", str(tmp_path / "run"), "--export", "none"]
        patch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit):
            launch.main(vars(tiny_translation))
    Image.fromarray(smooth(9, 9)).save(tmp_path / "in.png")
    capsys.readouterr()
    assert upscale(tmp_path / "run", tmp_path / "in.png", tmp_path / "out.png") == 2
    assert "does not upscale images" in capsys.readouterr().err


def test_the_benchmark_of_a_run(home, capsys):
    words = ["measure", "sr", str(home / "first"), str(home / "photos")]
    assert main([*words, "--json"]) == 0
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [result["name"] for result in results] == ["PSNR-Y", "SSIM-Y", "gradient-energy"]
    assert len(results[0]["protocol"]["each"]) == 4
    kept = (home / "first" / "measures.jsonl").read_text().splitlines()
    assert json.loads(kept[-3])["step"] == 2 and json.loads(kept[-3])["name"] == "PSNR-Y"
    assert main(words) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].split()[:4] == ["first", "PSNR-Y", "first", "SSIM-Y"]
    assert table[5].startswith("mean") and len(table) == 7
    assert float(table[5].split()[1]) == pytest.approx(results[0]["value"], abs=1e-4)


def test_the_benchmark_of_bicubic_alone(home, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["measure", "sr", "bicubic", str(home / "photos"), "--scale", "2"]) == 0
    assert "x2" in capsys.readouterr().out
    assert main(["measure", "sr", "bicubic", str(home / "photos"), "--features", "vgg19"]) == 2
    assert "NETWORK:LAYER" in capsys.readouterr().err
    assert main(["measure", "sr", "bicubic", "nowhere"]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_checkerboards_are_scored_and_drawn(home, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    recipe = runpy.run_path(str(RECIPES / "checkerboard.py"), run_name="recipe")
    assert recipe["main"]([str(home / "first"), "--out", str(tmp_path)]) == 0
    rows = [json.loads(line) for line in (tmp_path / "checkerboard.jsonl").read_text().splitlines()]
    scores = {row["what"]: row["score"] for row in rows}
    assert scores["icnr"] < 1e-6 and scores["nearest"] < 1e-6
    assert scores["subpixel"] > 0.01 and scores["transposed"] > 0.01
    assert str(home / "first") in scores and (tmp_path / "checkerboard.png").is_file()
    assert recipe["main"](["--stages", "0", "--out", str(tmp_path)]) == 2
