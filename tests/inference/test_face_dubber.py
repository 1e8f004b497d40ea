"""Dubbing: which frames change and where, which sound each frame hears, which face is taken."""

import fractions

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.data.readers import audio
from tfgan_suite.inference import face_dubber, watermark
from tfgan_suite.inference.face_blending import Box
from tfgan_suite.inference.face_dubber import Dubber, FaceTracker
from tfgan_suite.inference.video_files import VideoReader, VideoWriter

SIZE = 16
BOX = Box(8, 4, 32, 40)


def recording(heard=None, offset=-1):
    """A dubber that paints mouths white and keeps what it was shown."""

    def call(face, mel):
        assert (face[:, SIZE // 2 :, :, :3] == -1).all()  # the target's mouth is never shown
        assert np.array_equal(face[:, : SIZE // 2, :, :3], face[:, : SIZE // 2, :, 3:])
        if heard is not None:
            heard.extend(mel[:, 0, 0, 0])
        return np.ones((len(face), SIZE, SIZE, 3), "f4")

    return Dubber("fake", SIZE, offset, call)


def pictures(count, seed=0):
    return np.random.RandomState(seed).randint(0, 200, (count, 50, 60, 3)).astype("u1")


def test_frames_without_a_face_pass_and_others_change_in_the_mouth_alone():
    frames, heard = pictures(7), []
    boxes = [BOX, None, BOX, BOX, None, None, BOX]
    mel = np.repeat(np.arange(100, dtype="f4")[:, None], 80, 1)
    dubbed = list(face_dubber.dub_frames(recording(heard), zip(frames, boxes), mel, 25.0, batch=3))
    assert [redrawn for _, redrawn in dubbed] == [box is not None for box in boxes]
    region = np.zeros((50, 60), bool)
    region[24:44, 8:40] = True
    for (frame, redrawn), original in zip(dubbed, frames):
        assert np.array_equal(frame[~region], original[~region])
        assert np.array_equal(frame, original) != redrawn
        assert (frame[34, 18:30] == 255).all() == redrawn
    # Frame n hears the window of frame n - 1, which begins at column 3.2 (n - 1).
    assert heard == [0, 3, 6, 16]
    heard.clear()
    list(face_dubber.dub_frames(recording(heard, 0), zip(frames, boxes), mel, 25.0))
    assert heard == [0, 6, 9, 19]


def test_the_tracker_takes_the_largest_face_and_stays_with_it():
    left, right = Box(0, 0, 20, 20), Box(60, 0, 30, 30)
    moves = [[], [left, right], [Box(58, 2, 18, 18), Box(2, 0, 40, 40)], [], [left]]
    said = []

    def follow(**options):
        boxes = iter(moves)
        tracker = FaceTracker(lambda frame: next(boxes), log=said.append, **options)
        return [tracker(None) for _ in moves]

    assert follow() == [None, right, moves[2][0], None, left]
    assert "2 faces: number 1 from the left is dubbed (the largest), at 60,0,30,30" in said[0]
    assert follow(index=0)[:3] == [None, left, moves[2][1]]
    with pytest.raises(InputError, match="--face is 2, but there are 2 faces; expected 0 to 1"):
        follow(index=2)


def test_the_mark_is_in_a_corner_and_visible():
    for frame in (np.full((240, 320, 3), 255, "u1"), np.zeros((240, 320, 3), "u1")):
        marked = watermark.mark(frame)
        rows, columns = np.nonzero((marked != frame).any(-1))
        assert rows.min() >= 240 - 14 and columns.min() >= 200
        assert np.ptp(marked[rows.min() :, columns.min() :].astype(int)) > 100
    assert watermark.mark(np.zeros((8, 9, 3), "u1")).shape == (8, 9, 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A video of 10 frames at 25 a second, and sounds of 0.24 s and of 0.8 s."""
    pytest.importorskip("av", reason="PyAV is an extra")
    path = tmp_path_factory.mktemp("dubbing")
    VideoWriter(path / "video.mp4", fractions.Fraction(25), None, lossless=True).write(
        iter(pictures(10))
    )
    audio.write_wav(path / "short.wav", np.zeros(3840))
    audio.write_wav(path / "long.wav", np.zeros(12_800))
    return path


@pytest.mark.parametrize(
    ("sound", "length", "frames"),
    [
        ("short.wav", "sound", 6),
        ("short.wav", "video", 10),
        ("short.wav", "longer", 10),
        ("short.wav", "shorter", 6),
        ("long.wav", "sound", 20),
        ("long.wav", "video", 10),
        ("long.wav", "longer", 20),
        ("long.wav", "shorter", 10),
    ],
)
def test_the_length_is_that_of_the_sound_the_video_or_either(folder, sound, length, frames):
    counts = []
    done = face_dubber.dub(
        recording(),
        folder / "video.mp4",
        folder / sound,
        folder / "out.mp4",
        lambda frame, number: BOX,
        length=length,
        lossless=True,
        watermarked=False,
        progress=lambda *numbers: counts.append(numbers),
    )
    assert (done.frames, done.faces, done.fps) == (frames, frames, 25.0)
    assert counts[-1] == (frames, frames)
    written = list(VideoReader(folder / "out.mp4").frames())
    assert len(written) == frames
    # A shorter video is repeated; outside the mouth it is the source, bit for bit.
    for number, frame in enumerate(written):
        original = pictures(10)[number % 10]
        assert np.array_equal(frame[:24], original[:24]) and (frame[34, 18:30] == 255).all()


def test_no_face_in_any_frame_leaves_no_file(folder):
    with pytest.raises(InputError, match=r"no face in .*video.mp4.*--box x,y,width,height"):
        face_dubber.dub(
            recording(),
            folder / "video.mp4",
            folder / "short.wav",
            folder / "none.mp4",
            lambda frame, number: None,
        )
    assert not list(folder.glob("none*"))
