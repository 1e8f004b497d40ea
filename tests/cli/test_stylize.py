"""The command `stylize` and what it paints with, from the files to the files."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
import tiny_style
from harness import run_recipe
from PIL import Image
from short_runs import eager_steps

from tfgan_suite.cli import stylize
from tfgan_suite.cli.main import main
from tfgan_suite.errors import InputError
from tfgan_suite.inference import files
from tfgan_suite.inference.painter import Painter, of_game, open_painter
from tfgan_suite.style import colour
from tfgan_suite.utils import image_grids

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def painter():
    return of_game(tiny_style.game())


@pytest.fixture
def folder(tmp_path):
    """Two contents, one of them in a sub-folder, two styles; a broken file on each side."""
    draws = np.random.RandomState(3)
    for name, size in (
        ("in/a.png", (12, 18, 3)), ("in/sub/b.jpg", (17, 13, 3)),
        ("of/one.png", (20, 14, 3)), ("of/two.png", (9, 15, 3)),
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draws.randint(0, 256, size).astype("u1")).save(tmp_path / name)
    for name in ("in/broken.png", "of/broken.png"):
        (tmp_path / name).write_bytes((tmp_path / "in/a.png").read_bytes()[:60])
    return tmp_path


def signed(path):
    return files.read(path, 3) / np.float32(127.5) - 1.0


def parsed(*words):
    parser = argparse.ArgumentParser()
    stylize.add_arguments(parser)
    return parser.parse_args([str(word) for word in words])


def painted(painter, folder, monkeypatch, *words):
    """Runs the command with a painter that is at hand; its exit code."""
    monkeypatch.setattr("tfgan_suite.inference.painter.open_painter", lambda source: painter)
    return stylize.run(parsed(folder / "run", *words))


def refused(words, *options, painter=None):
    with pytest.raises(InputError) as caught:
        stylize.run(parsed("nowhere", *options))
    text = str(caught.value)
    assert "\n" not in text and all(word in text for word in words), text


def test_one_image_in_one_style(painter, folder, monkeypatch, capsys):
    content, style = folder / "in/a.png", folder / "of/one.png"
    out = folder / "out" / "made.png"
    assert painted(painter, folder, monkeypatch, content, style, out, "--alpha", "0.5") == 0
    expected = image_grids.to_uint8(painter(signed(content), [signed(style)], alpha=0.5))
    found = files.read(out, 3)
    assert found.shape == (12, 18, 3)
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert "painted 1 to" in capsys.readouterr().out


def test_folders_go_on_after_broken_files(painter, folder, monkeypatch, capsys):
    words = [folder / "in", folder / "of", folder / "out", "--json"]
    assert painted(painter, folder, monkeypatch, *words) == 0
    said = json.loads(capsys.readouterr().out)
    names = ["a_one.png", "a_two.png", "sub/b_one.png", "sub/b_two.png"]
    assert said["files"] == [str(folder / "out" / name) for name in names]
    assert all(Path(file).is_file() for file in said["files"])
    # One of 3 contents and one of 3 styles: 5 of 9.
    assert len(said["skipped"]) == 5
    assert said["skipped"]["a.png in broken"].startswith("style broken.png: ")
    assert "broken" in said["skipped"]["broken.png in one"]


def test_a_style_that_cannot_be_read(painter, folder, monkeypatch):
    words = [folder / "in/a.png", folder / "of/broken.png", folder / "out"]
    with pytest.raises(InputError, match="style broken.png"):
        painted(painter, folder, monkeypatch, *words)


def test_mixed_styles_and_their_weights(painter, folder, monkeypatch):
    one, two = folder / "of/one.png", folder / "of/two.png"
    words = [folder / "in/a.png", f"{one},{two}", folder / "out.png"]
    assert painted(painter, folder, monkeypatch, *words, "--weights", "1,3") == 0
    mixture = painter(signed(folder / "in/a.png"), [signed(one), signed(two)], [0.25, 0.75])
    found = files.read(folder / "out.png", 3).astype(int)
    assert np.abs(found - image_grids.to_uint8(mixture)).max() <= 1
    assert stylize.styles(f"{one},{two}")[0].name == "one-two"


def test_a_mask_of_another_size(painter, folder, monkeypatch):
    mask = np.zeros((6, 9), np.uint8)
    mask[:, 5:] = 255
    Image.fromarray(mask).save(folder / "mask.png")
    one, two, content = folder / "of/one.png", folder / "of/two.png", folder / "in/a.png"
    words = [content, f"{one},{two}", folder / "out.png", "--mask", folder / "mask.png"]
    assert painted(painter, folder, monkeypatch, *words) == 0
    region = np.repeat(np.repeat(mask > 0, 2, 0), 2, 1)
    expected = painter(signed(content), [signed(one), signed(two)], mask=region)
    found = files.read(folder / "out.png", 3).astype(int)
    assert np.abs(found - image_grids.to_uint8(expected)).max() <= 1


def test_colours_of_the_content(painter, folder):
    content, style = signed(folder / "in/a.png"), signed(folder / "of/one.png")
    made = painter(content, [style])
    kept = painter(content, [style], colours="luma")
    inside = (np.abs(kept) < 1.0).all(-1)  # where nothing was clipped
    found, expected = (colour.luminance(one)[..., 0][inside] for one in (kept, made))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    differences = [one[..., 0] - one[..., 2] for one in (kept, content)]
    np.testing.assert_allclose(differences[0][inside], differences[1][inside], atol=1e-5)
    turned = np.clip(colour.with_colours_of(content, style), -1.0, 1.0)
    np.testing.assert_allclose(
        painter(content, [style], colours="coral"), painter(content, [turned]), atol=1e-5
    )
    with pytest.raises(InputError, match="coral, luma"):
        painter(content, [style], colours="grey")


def test_sizes_shrink_and_never_grow(painter, folder, monkeypatch):
    words = [folder / "in/a.png", folder / "of/one.png", folder / "out.png"]
    assert painted(painter, folder, monkeypatch, *words, "--size", "6") == 0
    assert files.read(folder / "out.png", 3).shape == (6, 9, 3)
    assert painted(painter, folder, monkeypatch, *words, "--size", "100") == 0
    assert files.read(folder / "out.png", 3).shape == (12, 18, 3)


def test_an_export_takes_no_mask():
    plain = Painter("an export", lambda style: np.zeros((1, 4)), None)
    image = np.zeros((4, 4, 3), "f4")
    with pytest.raises(InputError, match="run folder"):
        plain(image, [image], mask=np.ones((4, 4), bool))


def test_what_is_wrong_is_said(folder):
    content, one = folder / "in/a.png", folder / "of/one.png"
    both = f"{one},{folder / 'of/two.png'}"
    refused(["nowhere", "does not exist"], content, one, folder / "out.png")
    refused(["none.png"], content, folder / "none.png", folder / "out.png")
    refused(["--alpha is 2.0"], content, one, folder / "out.png", "--alpha", "2")
    refused(["--style-size is -1"], content, one, folder / "out.png", "--style-size", "-1")
    refused(["--weights", "2 styles"], content, both, folder / "out.png", "--weights", "1")
    refused(["numbers"], content, both, folder / "out.png", "--weights", "a,b")
    refused(["folder", "ONE,OTHER"], content, folder / "of", folder / "o", "--weights", "1,1")
    refused(["one file for 3 styles"], content, folder / "of", folder / "out.png")
    refused(["overwritten"], content, one, one)
    many = f"{both},{content}"
    refused(["3 styles", "inside"], content, many, folder / "out.png", "--mask", one)
    mask = ["--mask", folder / "of/broken.png"]
    refused(["mask", "broken.png"], content, one, folder / "out.png", *mask)


def test_a_run_trains_paints_and_is_judged(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["--steps", "2", "--batch", "2", "--size", "16", "--side", "20", "--depth", "2"]
    words += ["--width", "4", "--normalize", "2", "--log-every", "1", "--export", "exports"]
    # float16 of an untrained network may be over its bound.
    with eager_steps():
        assert run_recipe("adain.py", *words) in (0, 4)
    run = tmp_path / "runs/adain_paintings"
    assert (run / "samples/final.png").is_file() and (run / "samples/held_out.png").is_file()
    losses = [json.loads(line) for line in (run / "losses.jsonl").read_text().splitlines()]
    assert {"decoder/content", "decoder/style", "decoder/reconstruction"} < set(losses[-1])
    said = capsys.readouterr().out
    assert "tfgan_suite stylize exports" in said and "tflite_int8" not in said
    assert {path.name for path in (tmp_path / "exports").rglob("*.tflite")} >= {"float32.tflite"}
    assert not list((tmp_path / "exports").rglob("*int8*"))
    opened = open_painter(run)
    assert float(np.max(np.abs(opened.regions.__self__.encoder.scale_1 - 1.0))) > 0.01
    draws = np.random.RandomState(0)
    for name in ("c/a.png", "s/b.png", "s/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(draws.randint(0, 256, (18, 23, 3)).astype("u1")).save(tmp_path / name)
    for place in (run, tmp_path / "exports/adain_paintings"):
        assert main(["translate", str(place), "c/a.png", "out.png"]) == 2
        assert f"tfgan_suite stylize {place}" in capsys.readouterr().err
    assert stylize.run(parsed(run, tmp_path / "c", tmp_path / "s", tmp_path / "out")) == 0
    assert files.read(tmp_path / "out/a_c.png", 3).shape == (18, 23, 3)
    from tfgan_suite.style import judging

    capsys.readouterr()
    assert judging.main([str(run), "c", "s", "--size", "16"]) == 0
    assert json.loads(capsys.readouterr().out)["paintings"] == 2
    assert judging.main(["nowhere", "c", "s"]) == 2
