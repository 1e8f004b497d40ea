"""The command `lipsync`, as a user types it: files in and out, words, and what it refuses."""

import fractions
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tfgan_suite import InputError
from tfgan_suite.cli import lipsync
from tfgan_suite.cli.main import main
from tfgan_suite.data.readers import audio
from tfgan_suite.inference import face_dubber
from tfgan_suite.inference.face_blending import Box
from tfgan_suite.inference.video_files import COMMENT, VideoReader, VideoWriter

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


def test_boxes_of_a_file_are_those_of_each_frame_also_when_the_video_repeats(home, capsys):
    """Three frames; the second has no box, the third has another."""
    frames = np.stack([home, home[::-1], home[:, ::-1]])
    VideoWriter("clip.mp4", fractions.Fraction(10), None, True).write(iter(frames))
    boxes = [[20, 10, 40, 40], None, [0.2, 4, 20, 20]]
    Path("boxes.json").write_text(json.dumps({"clip": boxes}))
    Path("boxes.csv").write_text("clip,frame,x,y,w,h\nclip,0,20,10,40,40\nclip,2,0,4,20,20\n")
    for name in ("boxes.json", "boxes.csv"):
        words = ["lipsync", "m", "clip.mp4", "voice.wav", "out.mp4", "--boxes", name, "--lossless"]
        assert main([*words, "--no-watermark"]) == 0
        assert "1 frames without a face are as they were" in capsys.readouterr().out
        dubbed = frames_of("out.mp4")  # 0.4 s of sound: the first frame once more
        assert len(dubbed) == 4 and np.array_equal(dubbed[1], frames[1])
        for index in (0, 3):
            assert (dubbed[index][40, 30:50] == 255).all()
            assert np.array_equal(dubbed[index][:30], frames[0][:30])
        assert (dubbed[2][18:20, 6:14] == 255).all()
        assert np.array_equal(dubbed[2][30:], frames[2][30:])
    Path("boxes.json").write_text(json.dumps({"other": boxes}))
    assert main([*words[:-2], "boxes.json"]) == 2
    assert "boxes.json has no boxes of clip; it has other" in capsys.readouterr().err


def test_a_video_of_variable_rate_keeps_its_time(home, capsys):
    """Each frame of a constant rate is the picture that the file shows at that time."""
    times = (0, 40, 80, 240, 280, 290)  # in thousandths of a second
    frames = np.random.RandomState(1).randint(0, 200, (6, 64, 64, 3)).astype("u1")
    thousandth = fractions.Fraction(1, 1000)
    with av.open("phone.mkv", "w") as container:
        stream = container.add_stream("libx264rgb", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt, stream.options = "rgb24", {"qp": "0", "bf": "0"}
        stream.codec_context.time_base = thousandth
        for frame, time in zip(frames, times):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = time, thousandth
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    reader = VideoReader("phone.mkv")
    fps = float(reader.fps)
    words = ["lipsync", "m", "phone.mkv", "voice.wav", "out.mp4", "--box", "16,16,32,32"]
    assert main([*words, "--lossless", "--no-watermark", "--length", "shorter"]) == 0
    said = capsys.readouterr().out
    assert "phone.mkv has a variable frame rate: " in said and f"constant {fps:g} frames" in said
    outside = np.ones((64, 64), bool)
    outside[32:48, 16:48] = False
    shown = [
        int(np.flatnonzero((frames[:, outside] == frame[outside]).all((1, 2)))[0])
        for frame in frames_of("out.mp4")
    ]
    expected = [
        max(i for i, time in enumerate(times) if time <= 1000 * (n + 0.5) / fps)
        for n in range(len(shown))
    ]
    assert shown == expected and {0, 2} <= set(shown) and shown.count(2) > 1


def test_an_earlier_video_stays_if_the_new_one_fails_halfway(home, monkeypatch, capsys):
    Path("out.mp4").write_bytes(b"an earlier video")
    boxes = iter([Box(20, 10, 40, 40)] * 3)

    def detect(frame):
        box = next(boxes, None)
        if box is None:
            raise InputError("the middle of the video is broken")
        return [box]

    monkeypatch.setattr(lipsync, "find_faces", lambda: detect)
    assert main(["lipsync", "m", "face.png", "voice.wav", "out.mp4"]) == 2
    assert "the middle of the video is broken" in capsys.readouterr().err
    assert Path("out.mp4").read_bytes() == b"an earlier video"
    assert sorted(path.name for path in Path().iterdir()) == ["face.png", "out.mp4", "voice.wav"]


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
        (["face.png", "voice.wav", "out.mp4", "--face", "1", "--box", "1,2,9,9"], "leave it out"),
        (["face.png", "voice.wav", "out.mp4", "--boxes", "a.json", "--box", "1,2,9,9"], "one of"),
        (["face.png", "voice.wav", "out.mp4", "--boxes", "a.txt"], "expected X,Y,W,H, a .json or"),
        (["face.png", "voice.wav", "out.mp4", "--boxes", "none.json"], "none.json"),
    ],
)
def test_what_does_not_suit_is_said_in_one_line_and_nothing_is_written(
    home, capsys, words, message
):
    assert main(["lipsync", "m", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not list(Path().glob("out*"))
