"""A translator trained, measured, exported and used from the command line, as a user does it."""

import json
import shutil
import sys

import numpy as np
import pytest
import tensorflow as tf
import tiny_translation
from PIL import Image
from short_runs import opened_once, short_runs

from tfgan_suite.cli.main import main
from tfgan_suite.core.trained_game import TrainedGame
from tfgan_suite.export import load
from tfgan_suite.inference import files
from tfgan_suite.training import launch
from tfgan_suite.training.run_folder import Run
from tfgan_suite.utils import image_grids


@pytest.fixture(scope="module", autouse=True)
def quick_commands():
    with opened_once():
        yield


def train(home, *words):
    first = ["tiny_translation.py", "--run", str(home / "run"), "--export", str(home / "exports")]
    with pytest.MonkeyPatch.context() as patch, short_runs("tflite_float32"):
        patch.setattr(sys, "argv", [*first, *words])
        with pytest.raises(SystemExit) as end:
            launch.main(vars(tiny_translation))
    assert end.value.code == 0
    return home


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A run of one direction, and its export."""
    return train(tmp_path_factory.mktemp("one"))


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A run of two directions, without an export."""
    return train(tmp_path_factory.mktemp("both"), "--ways", "2", "--export", "none")


@pytest.fixture(scope="module")
def game(home):
    return Run(home / "run").load()[0]


@pytest.fixture
def folder(tmp_path):
    """Five grey images of several sizes, one of them broken."""
    random = np.random.RandomState(3)
    given = tmp_path / "in"
    (given / "sub").mkdir(parents=True)
    for name, size in (("a.png", (12, 8)), ("b.png", (7, 9)), ("sub/c.png", (20, 31))):
        Image.fromarray(random.randint(0, 256, size).astype("u1")).save(given / name)
    (given / "broken.png").write_bytes((given / "a.png").read_bytes()[:60])
    return given


def translate(*words):
    return main(["translate", *map(str, words)])


def expected(game, path, **options):
    pixels = files.read(path, 1)
    made = game.translate(pixels[None] / np.float32(127.5) - 1.0, **options)[0]
    return image_grids.to_uint8(made).astype(int)


def grey(path):
    return files.read(path, 1).astype(int)


EXPORT = "exports/tiny_translation_negatives"


def test_a_run_shows_measures_and_exports_images_of_the_data(home, game):
    names = sorted(path.name for path in (home / "run" / "samples").glob("*.png"))
    assert names == ["contact.png", "final.png", "held_out.png", "step_00000001.png",
                     "step_00000002.png"]  # fmt: skip
    source = tiny_translation.Negatives()
    shown = game.preview(source.take(8, seed=0))
    for name in ("final.png", "step_00000002.png"):
        found = image_grids.read_png(home / "run" / "samples" / name)
        assert np.abs(found.astype(int) - shown).max() <= 1
    (measured,) = map(json.loads, (home / "run" / "measures.jsonl").read_text().splitlines())
    held_out = source.held_out(256)
    assert {"step", "translations", "split", "l1"} == set(measured)
    assert measured["translations"] == 6 and measured["split"] == "test"
    l1 = np.mean(np.abs(game.translate(held_out["source"]) - held_out["target"]))
    assert abs(measured["l1"] - l1) < 1e-5


def test_the_export_is_compared_on_the_data_at_the_training_size(home):
    exported = load(home / EXPORT)
    assert exported.card["shape"] == [12, 8, 1]
    signature = exported.card["export"]["signatures"]["serving_default"]
    assert signature["multiple"] == 2 and signature["inputs"][0]["shape"] == [None, None, 1]
    parity = json.loads((exported.path / "parity.json").read_text())
    report = parity["signatures"]["serving_default"]
    assert "representative" in report["inputs"]
    assert report["saved_model"]["ok"] and report["tflite_float32"]["ok"]
    interpreter = tf.lite.Interpreter(str(exported.path / "tflite" / "float32.tflite"))
    assert interpreter.get_input_details()[0]["shape"].tolist() == [1, 12, 8, 1]


def test_the_png_signature_takes_any_size(home, game, folder):
    found = load(home / EXPORT)("png", image_bytes=[(folder / "b.png").read_bytes()])
    decoded = tf.io.decode_png(found[0]).numpy().astype(int)
    assert np.abs(decoded - expected(game, folder / "b.png")).max() <= 1


@pytest.mark.parametrize("place", ["run", EXPORT])
def test_a_folder_with_a_broken_file(home, game, folder, tmp_path, capsys, place):
    out, page = tmp_path / "out", tmp_path / "pages" / "page.html"
    words = [home / place, folder, out, "--gallery", page, "--target", folder, "--json"]
    assert translate(*words) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(said["skipped"]) == ["broken.png"] and "broken" in said["skipped"]["broken.png"]
    names = ["a.png", "b.png", "sub/c.png"]
    assert said["files"] == [str(out / name) for name in names]
    differences = []
    for name in names:
        wanted = expected(game, folder / name)
        assert np.abs(grey(out / name) - wanted).max() <= 1
        differences.append(np.mean(np.abs(wanted - grey(folder / name))) / 127.5)
    assert said["compared"] == 3 and abs(said["difference"] - np.mean(differences)) < 0.01
    text = page.read_text()
    assert text.count("<img") == 9 and "sub/c.png" in text and "broken" not in text


def test_what_was_computed_is_kept_when_writing_fails(home, folder, tmp_path, capsys, monkeypatch):
    write, calls = files.write, []

    def full(path, pixels):
        calls.append(path)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        write(path, pixels)

    monkeypatch.setattr(files, "write", full)
    out, page = tmp_path / "out", tmp_path / "page.html"
    assert translate(home / EXPORT, folder, out, "--gallery", page) == 2
    assert "No space left" in capsys.readouterr().err
    assert [path.name for path in out.rglob("*.png")] == ["a.png"]
    assert page.read_text().count("<img") == 2


def test_one_image_in_tiles_and_in_colour(home, game, tmp_path, capsys):
    column = np.random.RandomState(0).randint(0, 256, (50, 70, 3)).astype("u1")
    Image.fromarray(column).save(tmp_path / "in.png")
    whole, tiled = tmp_path / "whole.png", tmp_path / "tiled.png"
    assert translate(home / "run", tmp_path / "in.png", whole) == 0
    words = ["--tile", 32, "--overlap", 16]
    assert translate(home / "run", tmp_path / "in.png", tiled, *words) == 0
    # The network looks 3 pixels far, a quarter of the overlap is 4.
    assert np.abs(grey(tiled) - grey(whole)).max() <= 1
    assert np.abs(grey(whole) - expected(game, tmp_path / "in.png")).max() <= 1
    assert f"1/1 {tiled}  70x50" in capsys.readouterr().out


def test_size_scales_the_image_first(home, folder, tmp_path):
    assert translate(home / "run", folder / "sub" / "c.png", tmp_path / "o.png", "--size", 10) == 0
    assert grey(tmp_path / "o.png").shape == (10, 16, 1)


def test_pairs_are_halved(home, game, tmp_path, capsys):
    random = np.random.RandomState(0)
    sides = [random.randint(0, 256, (12, 8)).astype("u1") for _ in range(2)]
    (tmp_path / "in").mkdir()
    Image.fromarray(np.concatenate(sides, 1)).save(tmp_path / "in" / "pair.png")
    words = [home / "run", tmp_path / "in", tmp_path / "out", "--pairs", "--json"]
    assert translate(*words) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    Image.fromarray(sides[0]).save(tmp_path / "left.png")
    wanted = expected(game, tmp_path / "left.png")
    assert np.abs(grey(tmp_path / "out" / "pair.png") - wanted).max() <= 1
    difference = np.mean(np.abs(wanted[..., 0] - sides[1])) / 127.5
    assert abs(said["difference"] - difference) < 0.01


def test_directions(both, home, folder, tmp_path, capsys):
    game = Run(both / "run").load()[0]
    for direction, name in (("AtoB", "serving_default"), ("BtoA", "b_to_a")):
        out = tmp_path / f"{direction}.png"
        words = [both / "run", folder / "a.png", out, "--direction", direction]
        assert translate(*words) == 0
        wanted = expected(game, folder / "a.png", signature=name)
        assert np.abs(grey(out) - wanted).max() <= 1
    assert (grey(tmp_path / "AtoB.png") != grey(tmp_path / "BtoA.png")).any()
    named = tmp_path / "named.png"
    assert translate(both / "run", folder / "a.png", named, "--signature", "b_to_a") == 0
    assert np.array_equal(grey(named), grey(tmp_path / "BtoA.png"))
    assert translate(both / "run", folder / "a.png", named, "--signature", "other") == 2
    assert "it has serving_default, b_to_a" in capsys.readouterr().err
    for place in ("run", EXPORT):
        words = [home / place, folder / "a.png", tmp_path / "x.png", "--direction", "BtoA"]
        assert translate(*words) == 2
        assert "translates AtoB only" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, said",
    [
        (["nowhere", "{folder}", "out"], "nowhere does not exist"),
        (["{home}", "{folder}/broken.png", "o.png"], "no image could be translated; broken.png"),
        (["{home}", "{folder}", "out", "--size", "-1"], "--size is -1"),
        (["{home}", "{folder}", "out", "--overlap", "8"], "pass both"),
        (["{home}", "{folder}", "out", "--tile", "32", "--overlap", "20"], "from 2 to 16"),
        (["{home}", "{folder}", "out", "--pairs", "--target", "x"], "leave --target out"),
        (["{home}", "{folder}", "/proc/out"], "cannot write"),
    ],
)
def test_bad_input_ends_with_one_line_and_code_2(
    home, folder, tmp_path, monkeypatch, capsys, words, said
):
    monkeypatch.chdir(tmp_path)
    assert translate(*[word.format(home=home / "run", folder=folder) for word in words]) == 2
    *_, reason = capsys.readouterr().err.splitlines()
    assert reason.startswith("tfgan_suite translate: ") and said in reason


@pytest.mark.parametrize("place", ["run", EXPORT])
def test_sample_says_what_to_do_instead(home, capsys, place):
    assert main(["sample", str(home / place)]) == 2
    assert "tfgan_suite translate" in capsys.readouterr().err


def test_export_at_another_size(home, tmp_path, capsys):
    words = ["export", str(home / "run"), "--to", str(tmp_path), "--size", "16", "--json"]
    assert main([*words, "--int8-bound", "0"]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    parity = json.loads((tmp_path / said["path"] / "parity.json").read_text())
    assert "representative" in parity["signatures"]["serving_default"]["inputs"]
    path = tmp_path / said["path"] / "tflite" / "float32.tflite"
    details = tf.lite.Interpreter(str(path)).get_input_details()
    assert details[0]["shape"].tolist() == [1, 16, 16, 1]


def test_without_the_data_an_export_says_so(home, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(TrainedGame, "export_formats", ("saved_model", "tflite_float32"))
    run = tmp_path / "run"
    shutil.copytree(home / "run", run)
    recipe = run / "recipe.py"
    broken = 'from tfgan_suite import InputError\n    raise InputError("the disk is gone")'
    recipe.write_text(recipe.read_text().replace("return Negatives()", broken))
    words = ["export", str(run), "--to", str(tmp_path / "again"), "--int8-bound", "0", "--json"]
    assert main(words) == 0
    captured = capsys.readouterr()
    assert "the disk is gone" in captured.err and "stand-ins" in captured.err
    path = json.loads(captured.out.splitlines()[-1])["path"]
    parity = json.loads((tmp_path / path / "parity.json").read_text())
    assert "stand-ins" in parity["signatures"]["serving_default"]["inputs"]
