"""StackGAN from flags to export: the gate between the stages, and the chain in one export."""

import contextlib
import io
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from harness import run_recipe
from short_runs import short_runs
from stand_ins import sentence_discriminator, stand_in

from tfgan_suite.data.synthetic import captions as world
from tfgan_suite.games import stackgan
from tfgan_suite.inference import sentences
from tfgan_suite.inference.generator import open_generator
from tfgan_suite.training import first_stage
from tfgan_suite.training.run_folder import Run

TINY = ["--steps", 2, "--batch", 4, "--width", 4, "--discriminator-width", 2, "--hidden-units", 4]
TINY += ["--condition-dim", 3, "--log-every", 1]
FIRST = "runs/stackgan_stage1_captions"
SECOND = ["--stage", 2, "--scale", 2, "--start", FIRST, "--residual-blocks", 1, *TINY]


@pytest.fixture(scope="module", autouse=True)
def small_discriminators():
    with pytest.MonkeyPatch.context() as patch:
        stand_in(patch, stackgan, build_discriminator=sentence_discriminator)
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a run of each stage, of a world of few images, and with stage 2's export."""
    folder = tmp_path_factory.mktemp("stackgan")
    with pytest.MonkeyPatch.context() as patch, short_runs("tflite_float32"):
        for split, (_, seed) in world.SPLITS.items():
            patch.setitem(world.SPLITS, split, (54, seed))
        patch.chdir(folder)
        assert run_recipe("stackgan.py", *TINY, "--export", "none") == 0
        # After two steps it draws nothing yet: the gate is a share of the images.
        patch.setattr(first_stage, "accuracy", lambda game, source: (0.427, "are as told"))
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            assert run_recipe("stackgan.py", *SECOND) == 2
        (folder / "refusal.txt").write_text(errors.getvalue())
        assert run_recipe("stackgan.py", *SECOND, "--least-accuracy", 0.42) == 0
    return folder


@pytest.fixture(scope="module")
def second(home):
    """Stage 2's game and constants."""
    game, options, _ = Run(home / "runs/stackgan_captions").load()
    return game, options


def refused(home, monkeypatch, capsys, *words):
    monkeypatch.chdir(home)
    assert run_recipe("stackgan.py", *words, "--export", "none", "--run", "runs/other") == 2
    return capsys.readouterr().err


def test_the_gate_says_the_figure_and_how_to_go_on(home):
    said = (home / "refusal.txt").read_text()
    assert f"of {FIRST}'s images 43% are as told; stage 2 expects 90%" in said
    assert "--least-accuracy 0.42" in said and said.count("\n") == 1


@pytest.mark.parametrize(
    "words, message",
    [
        (["--stage", 2], "recipes/stackgan.py --stage 1 --data captions"),
        (["--stage", 2, "--start", "runs/stackgan_captions"], "expected a run of"),
        ([*SECOND, "--size", 48], "leave --size out, or pass 32"),
        ([*SECOND, "--latent-dim", 7], "--latent-dim is 7, but"),
        (["--stage", 3], "--stage is 3"),
    ],
)
def test_impossible_starts_are_refused(home, monkeypatch, capsys, words, message):
    assert message in refused(home, monkeypatch, capsys, *words)


def test_stage_1_is_in_stage_2_bit_for_bit(home, second):
    first, _, _ = Run(home / FIRST).load()
    game, options = second
    assert options.size == 32 and options.stage1_width == 4
    (drawing,) = first.ema("generator")
    assert first_stage.checksum(game.stage1) == first_stage.checksum(drawing)
    assert game.encoder.hash == first.encoder.hash


def test_a_run_opens_without_the_one_it_started_from(home, tmp_path):
    folder = tmp_path / "moved"
    shutil.copytree(home / "runs/stackgan_captions", folder)
    game, _, _ = Run(folder).load(recalibrate=False)
    assert game.generate(2, text="a red circle").shape == (2, 32, 32, 3)


def test_the_export_holds_the_chain(home, second):
    path = home / "saved_models/stackgan_captions/1"
    assert json.loads((path / "parity.json").read_text())["ok"] is True
    loaded = tf.saved_model.load(str(path))
    assert {"serving_default", "text", "generate", "stage1"} <= set(loaded.signatures)
    draws, text = np.random.RandomState(0), ["a small red circle"]
    sizes = {"z": 8, "eps": 3, "eps2": 3}
    noise = {k: draws.normal(size=(1, n)).astype("f4") for k, n in sizes.items()}
    image = loaded.signatures["generate"](text=tf.constant(text), **noise)["image"]
    game, _ = second
    np.testing.assert_allclose(image, game.generate(1, text=text, **noise), atol=1e-5)
    assert (path / "tflite/float32.tflite").stat().st_size > 0
    drawn = sentences.draw(open_generator(str(path)), text, 2)[0]
    assert drawn.shape == (2, 32, 32, 3) and np.abs(drawn).max() <= 1.0


def test_the_end_compares_the_stages(home):
    path = home / "runs/stackgan_captions/measures.jsonl"
    measured = json.loads(path.read_text().splitlines()[-1])
    for name in ("stage1_all_share", "bicubic_all_share", "bicubic_edge_sharpness"):
        assert 0.0 <= measured[name] <= 1.0
    assert measured["real_all_share"] == 1.0
    assert measured["real_edge_sharpness"] > measured["bicubic_edge_sharpness"]
