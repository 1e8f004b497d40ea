"""The command `lipsync`, as a user types it: files in and out, words, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tfgan_suite.cli import lipsync
from tfgan_suite.cli.main import main
from tfgan_suite.data.readers import audio
from tfgan_suite.inference import face_dubber
from tfgan_suite.inference.face_blending import Box
from tfgan_suite.inference.video_files import COMMENT, VideoReader

av = pytest.importorskip("av", reason="PyAV is an extra")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A still image, a sound of 0.4 s, and a model that paints mouths white."""
    pixels = np.random.RandomState(0).randint(0, 200, (60, 80, 3)).astype("u1")
    Image.fromarray(pixels).save(tmp_path / "face.png")
    audio.write_wav(tmp_path / "voice.wav", np.zeros(6400))
    dubber = face_dubber.Dubber("m", 16, -1, lambda face, mel: np.ones((len(face), 16, 16, 3)))
    monkeypatch.setattr(face_dubber, "open_dubber", lambda source: dubber)
    monkeypatch.chdir(tmp_path)
    return pixels


def frames_of(path):
    return list(VideoReader(path).frames())


def test_a_still_image_speaks_and_is_marked(home, capsys):
    words = ["lipsync", "m", "face.png", "voice.wav", "new/out.mp4", "--box", "20,10,40,40"]
    assert main([*words, "--lossless"]) == 0
    output = capsys.readouterr()
    assert "wrote new/out.mp4: 10 frames" in output.out and "consent" in output.out
    frames = frames_of("new/out.mp4")
    assert len(frames) == 10
    for frame in frames:
        assert (frame[40, 30:50] == 255).all()  # the mouth
        assert np.array_equal(frame[:30], home[:30])
        assert (frame[-3:] != home[-3:]).any()  # the mark in the corner
    with av.open("new/out.mp4") as container:
        assert container.metadata["comment"] == COMMENT
    assert main([*words, "--lossless", "--no-watermark", "--json"]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert numbers["frames"] == numbers["faces"] == 10 and numbers["fps"] == 25.0
    outside = np.ones(home.shape[:2], bool)
    outside[30:50, 20:60] = False
    assert all(np.array_equal(f[outside], home[outside]) for f in frames_of("new/out.mp4"))
    with av.open("new/out.mp4") as container:
        assert container.metadata["comment"] == COMMENT


def test_a_detector_finds_the_face(home, monkeypatch, capsys):
    boxes = [Box(20, 10, 40, 40), Box(0, 0, 20, 20)]
    monkeypatch.setattr(lipsync, "find_faces", lambda: lambda frame: boxes)
    words = ["lipsync", "m", "face.png", "voice.wav", "out.mp4", "--lossless", "--pads", "0,4,0,0"]
    assert main([*words, "--no-watermark"]) == 0
    assert "2 faces: number 1 from the left is dubbed" in capsys.readouterr().err
    (frame, *_) = frames_of("out.mp4")
    assert (frame[44, 30:50] == 255).all() and np.array_equal(frame[:32], home[:32])
    assert main([*words, "--face", "2"]) == 2
    assert "there are 2 faces; expected 0 to 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["face.png", "voice.wav", "out.avi"], "does not end in .mp4"),
        (["none.png", "voice.wav", "out.mp4"], "none.png is no file"),
        (["face.png", "face.png", "out.mp4", "--box", "20,10,40,40"], "face.png holds no sound"),
        (["face.png", "voice.wav", "out.mp4", "--box", "1,2,3"], "four whole numbers"),
        (["face.png", "voice.wav", "out.mp4", "--box", "200,0,9,9"], "does not lie in frames"),
        (["face.png", "voice.wav", "out.mp4", "--feather", "2"], "--feather is 2.0"),
        (["face.png", "voice.wav", "out.mp4", "--smooth", "0"], "--smooth is 0"),
        (["face.png", "voice.wav", "out.mp4", "--face", "-1"], "--face is -1"),
    ],
)
def test_what_does_not_suit_is_said_in_one_line_and_nothing_is_written(
    home, capsys, words, message
):
    assert main(["lipsync", "m", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not list(Path().glob("out*"))
