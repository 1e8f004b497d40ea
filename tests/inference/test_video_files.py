"""Videos: every bit of a lossless file, durations, rates that vary, and files that are broken."""

import fractions

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.data.readers import audio
from tfgan_suite.inference import sound_windows, video_files
from tfgan_suite.inference.video_files import VideoReader, VideoWriter

av = pytest.importorskip("av", reason="PyAV is an extra")


def pictures(count=12, height=34, width=46, seed=0):
    return np.random.RandomState(seed).randint(0, 256, (count, height, width, 3)).astype("u1")


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A WAV file of 0.9 s."""
    path = tmp_path_factory.mktemp("sound") / "voice.wav"
    seconds = np.arange(int(0.9 * 16_000)) / 16_000
    # A rising tone: shifted, it no longer fits.
    audio.write_wav(path, 0.5 * np.sin(2 * np.pi * (300 + 500 * seconds) * seconds))
    return path


@pytest.fixture(scope="module")
def video(tmp_path_factory, sound):
    """A lossless video of 12 frames at 12.5 frames a second, with sound."""
    path = tmp_path_factory.mktemp("video") / "video.mp4"
    rate = fractions.Fraction(25, 2)
    assert VideoWriter(path, rate, sound, lossless=True).write(iter(pictures())) == 12
    return path


def test_a_lossless_video_holds_every_bit(video):
    reader = VideoReader(video)
    assert reader.fps == fractions.Fraction(25, 2) and not reader.still
    assert np.array_equal(list(reader.frames()), pictures())
    assert (reader.repeated, reader.dropped) == (0, 0)
    looped = reader.looped()
    again = [next(looped) for _ in range(14)]
    assert [number for number, _ in again] == [*range(12), 0, 1]
    assert np.array_equal([frame for _, frame in again[12:]], pictures()[:2])


def test_the_muxed_sound_is_as_long_as_the_picture_and_starts_with_it(video, sound):
    with av.open(str(video)) as container:
        assert container.metadata["comment"] == video_files.COMMENT
        lengths = [float(s.duration * s.time_base) for s in container.streams]
    assert lengths[0] == pytest.approx(0.96, abs=1e-3)
    assert lengths[1] == pytest.approx(0.9, abs=0.08)  # its own length, to a frame
    samples = np.concatenate(list(video_files.sound_blocks(video, 16_000)), axis=1)[0]
    expected = audio.read_wav(sound)
    shifts = range(-400, 401, 4)
    match = [np.dot(expected[4000:8000], samples[4000 + s : 8000 + s]) for s in shifts]
    assert abs(shifts[int(np.argmax(match))]) <= 8


def test_an_odd_side_is_padded_for_players(tmp_path):
    path = tmp_path / "odd.mp4"
    VideoWriter(path, fractions.Fraction(25), None).write(iter(pictures(3, 33, 45)))
    (frame, *_) = VideoReader(path).frames()
    assert frame.shape == (34, 46, 3)


def test_a_variable_rate_becomes_constant_and_is_counted(tmp_path):
    """Frames at 0, 1, 2, 5 and 5.2 of a grid of 10 a second: two repeats, one left out."""
    path = tmp_path / "variable.mkv"
    frames = pictures(5, 32, 32)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264rgb", rate=10)
        stream.width = stream.height = 32
        stream.pix_fmt, stream.options = "rgb24", {"qp": "0", "bf": "0"}
        stream.codec_context.time_base = fractions.Fraction(1, 50)
        for frame, time in zip(frames, (0, 5, 10, 25, 26)):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = time, fractions.Fraction(1, 50)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    reader = VideoReader(path)
    reader.fps = fractions.Fraction(10)
    shown = list(reader.frames())
    assert [int(np.flatnonzero((frames == s).all((1, 2, 3)))[0]) for s in shown] == [
        0, 1, 2, 2, 2, 4
    ]  # fmt: skip
    assert (reader.repeated, reader.dropped) == (2, 1)


def test_a_still_image_is_a_video_without_end(tmp_path):
    from PIL import Image

    Image.fromarray(pictures(1)[0]).save(tmp_path / "face.png")
    reader = VideoReader(tmp_path / "face.png")
    looped = reader.looped()
    assert reader.still and reader.fps == 25
    assert all(np.array_equal(next(looped)[1], pictures(1)[0]) for _ in range(3))


def test_files_that_do_not_suit_are_named(tmp_path, sound, video):
    silent = tmp_path / "silent.mp4"
    VideoWriter(silent, fractions.Fraction(25), None).write(iter(pictures(2, 32, 32)))
    with pytest.raises(InputError, match=r"silent.mp4 holds no sound; pass"):
        sound_windows.read_mel(silent)
    with pytest.raises(InputError, match=r"voice.wav holds no picture"):
        VideoReader(sound)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(video.read_bytes()[:500])
    with pytest.raises(InputError, match=r"broken.mp4 cannot be decoded"):
        VideoReader(broken)
    with pytest.raises(InputError, match=r"nowhere.mp4 cannot be read"):
        VideoReader(tmp_path / "nowhere.mp4")
    audio.write_wav(tmp_path / "short.wav", np.zeros(2000))
    with pytest.raises(InputError, match=r"short.wav lasts 0.12 s; expected at least 0.2 s"):
        sound_windows.read_mel(tmp_path / "short.wav")


def test_nothing_is_written_halfway(tmp_path, sound):
    path = tmp_path / "out.mp4"
    path.write_bytes(b"an earlier video")

    def frames():
        yield from pictures(3, 32, 32)
        raise InputError("the middle of the video is broken")

    with pytest.raises(InputError, match="broken"):
        VideoWriter(path, fractions.Fraction(25), sound).write(frames())
    assert path.read_bytes() == b"an earlier video" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(InputError, match="no frame to write"):
        VideoWriter(path, fractions.Fraction(25), sound).write(iter(()))
    assert list(tmp_path.iterdir()) == [path]


# ---- sound -----------------------------------------------------------------------------------


def test_a_spectrogram_in_blocks_is_that_of_the_whole_sound(tmp_path, monkeypatch):
    monkeypatch.setattr(sound_windows, "BLOCK_COLUMNS", 7)
    for count in (3200, 7 * 200, 14_003, 16_000):
        samples = np.random.RandomState(count).uniform(-0.5, 0.5, max(count, 3200)).astype("f4")
        audio.write_wav(tmp_path / "noise.wav", samples)
        mel, seconds = sound_windows.read_mel(tmp_path / "noise.wav")
        expected = audio.log_mel(audio.read_wav(tmp_path / "noise.wav"))
        assert seconds == len(samples) / 16_000 and mel.shape == expected.shape
        np.testing.assert_allclose(mel, expected, atol=1e-5)


def test_windows_begin_at_the_real_rate_and_end_in_silence():
    mel = np.arange(100 * 80, dtype="f4").reshape(100, 80)
    column = [int(sound_windows.window(mel, n, 30.0)[0, 0, 0]) // 80 for n in range(8)]
    assert column == [0, 2, 5, 8, 10, 13, 16, 18]
    # Right-aligned near the end; after it, silence.
    assert sound_windows.window(mel, 29, 25.0)[0, 0, 0] == 80 * 84
    assert (sound_windows.window(mel, 32, 25.0) == -4.0).all()
    assert np.array_equal(sound_windows.window(mel, -1, 25.0), sound_windows.window(mel, 0, 25.0))
