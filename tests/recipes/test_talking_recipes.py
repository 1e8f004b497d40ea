"""Wav2Lip's recipe from the gate to a dubbed video, stopped and resumed, with its own expert."""

import contextlib
import io
import json
import shutil

import numpy as np
import pytest
import small_talking
from harness import assert_same_bits, run_recipe, state
from PIL import Image
from short_runs import short_runs

from tfgan_suite.cli.main import main
from tfgan_suite.data import talking_faces
from tfgan_suite.data.readers import audio
from tfgan_suite.games import wav2lip
from tfgan_suite.networks import talking
from tfgan_suite.training import lip_sync_expert
from tfgan_suite.training.run_folder import Run

TINY = ["--batch", 2, "--width", 2, "--log-every", 2, "--checkpoint-every", 2]
EVALUATED = [*TINY, "--start-anyway", "--evaluate-every", 1, "--sync-threshold", 20]
DECAYED = ["--linear-decay", 1]
SMALL = {
    "build_lip_generator": small_talking.generator,
    "build_quality_discriminator": small_talking.discriminator,
    "build_sync_face_encoder": small_talking.face_encoder,
    "build_sync_audio_encoder": small_talking.audio_encoder,
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with the run of an untrained expert, and of three steps after it."""
    folder = tmp_path_factory.mktemp("talking")
    with pytest.MonkeyPatch.context() as patch, short_runs():
        patch.setattr(talking_faces, "_SPEAKERS", {"train": (4, 0), "test": (2, 10_000)})
        for module in (talking, wav2lip, lip_sync_expert):
            for name, build in SMALL.items():
                if hasattr(module, name):
                    patch.setattr(module, name, build)
        patch.chdir(folder)
        words = ["--steps", 1, "--batch", 2, "--width", 2, "--export", "none"]
        assert run_recipe("syncnet.py", *words) == 0
        with contextlib.redirect_stdout(io.StringIO()) as output:
            assert run_recipe("wav2lip.py", *EVALUATED, *DECAYED, "--steps", 3) == 0
        (folder / "output.txt").write_text(output.getvalue())
        yield folder


def test_the_gate_and_the_switch_are_said(home, capsys):
    words = ["wav2lip.py", *TINY, "--steps", 1, "--export", "none"]
    assert run_recipe(*words, "--run", "never", "--expert", "nowhere") == 2
    error = capsys.readouterr().err
    assert "nowhere is not there; train an expert (python recipes/syncnet.py --data" in error
    assert run_recipe(*words, "--run", "never") == 2
    assert "not below 0.35: the generator would copy" in capsys.readouterr().err
    assert not (home / "never" / lip_sync_expert.COPY).exists()
    output = (home / "output.txt").read_text()
    assert "starting anyway, as requested" in output
    assert "its term now has the weight 0.003" in output
    assert run_recipe(*words, "--run", "large", "--size", 96) == 2
    assert "frames of 48x48 pixels, this run has 96x96" in capsys.readouterr().err


def test_a_run_resumes_without_the_experts_run_bit_for_bit(home):
    words = [*EVALUATED, *DECAYED, "--run", "resumed", "--export", "none"]
    assert run_recipe("wav2lip.py", *words, "--steps", 2) == 0
    expert = home / "runs" / "syncnet_talking"
    shutil.move(expert, home / "elsewhere")
    try:
        assert run_recipe("wav2lip.py", *words, "--steps", 3) == 0
    finally:
        shutil.move(home / "elsewhere", expert)
    first, again = (Run(folder).load()[0] for folder in ("runs/wav2lip_talking", "resumed"))
    assert float(first.current_sync_weight.numpy()) == np.float32(0.003)
    assert_same_bits(state(again), state(first))


def test_the_card_asks_for_consent(home):
    (card,) = (home / "saved_models" / "wav2lip_talking").glob("*/card.json")
    assert "consent" in json.loads(card.read_text())["notice"]


def test_a_run_and_its_export_dub(home, capsys):
    pytest.importorskip("av", reason="PyAV is an extra")
    audio.write_wav(home / "voice.wav", np.random.RandomState(0).uniform(-0.5, 0.5, 6400))
    Image.fromarray(np.full((64, 64, 3), 128, np.uint8)).save(home / "face.png")
    for model in ("runs/wav2lip_talking", "saved_models/wav2lip_talking"):
        words = ["lipsync", model, "face.png", "voice.wav", "out.mp4", "--box", "8,8,48,48"]
        assert main(words) == 0
        assert "wrote out.mp4: 10 frames" in capsys.readouterr().out
