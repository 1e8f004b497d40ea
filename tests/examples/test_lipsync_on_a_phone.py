"""The example of the phone road: its spectrogram is the suite's, its frames are the game's."""

import importlib.util
from pathlib import Path

import keras
import numpy as np
import pytest

from tfgan_suite.data.readers import audio
from tfgan_suite.export import export
from tfgan_suite.games import wav2lip
from tfgan_suite.inference import sound_windows

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def example():
    pytest.importorskip("ai_edge_litert", reason="the standalone runtime is an extra")
    path = ROOT / "examples" / "lipsync_on_a_phone.py"
    spec = importlib.util.spec_from_file_location("lipsync_on_a_phone", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def voice(seconds=0.3):
    time = np.arange(int(16_000 * seconds)) / 16_000
    return 0.4 * np.sin(2 * np.pi * (200 + 900 * time) * time)


def test_its_spectrogram_is_the_suites(example):
    np.testing.assert_allclose(example.mel_spectrogram(voice()), audio.log_mel(voice()), atol=1e-5)
    assert (example.mel_spectrogram(np.zeros(4000)) == -4.0).all()


def test_its_frames_are_those_of_the_game(example, tmp_path):
    keras.utils.set_random_seed(0)
    game = wav2lip.Wav2Lip(wav2lip.build_lip_generator(48, 2))
    game.compile("adam")
    result = export(game, tmp_path, name="tiny", formats=["saved_model", "tflite_float32"])
    (model,) = (result.path / "tflite").glob("*.tflite")
    face = np.random.RandomState(0).randint(0, 256, (48, 48, 3)).astype("u1")
    frames = list(example.dubbed(model, face, voice()))
    assert len(frames) == 7 and frames[0].shape == (48, 48, 3)
    mel = audio.log_mel(voice())
    scaled = np.concatenate([face, face], axis=-1)[None].astype("f4") / 127.5 - 1.0
    for number in (0, 4):
        window = sound_windows.window(mel, number - 1, 25.0)[None]
        expected = game.generate(face=scaled, mel=window)[0]
        np.testing.assert_allclose(frames[number] / 127.5 - 1.0, expected, atol=0.02)
