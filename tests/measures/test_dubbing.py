"""What `measure dubbing` says of models whose mouths are known."""

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.cli.main import main
from tfgan_suite.data import talking_faces
from tfgan_suite.data.readers import audio
from tfgan_suite.data.synthetic import talking_mouths
from tfgan_suite.inference.face_dubber import Dubber
from tfgan_suite.measures import dubbing

SIZE, FRAMES = 48, 75


@pytest.fixture(scope="module")
def clips():
    return talking_faces.load_clips("talking", size=SIZE, split="test", clips=3)[0]


def model(draw, offset=0):
    """A dubber of faces in [0, 1]: `draw(target, reference, mels)`."""

    def call(face, mel):
        assert (face[:, SIZE // 2 :, :, :3] == -1).all()
        return draw(face[..., :3], face[..., 3:], mel)

    return Dubber("fake", SIZE, offset, call)


def listening(clips):
    """Finds the frame whose sound it hears, and shows that frame of the face that it sees.

    Clips have faces of their own, told apart by their upper halves; silence shows a closed mouth.
    """
    heard = {}
    for clip in clips:
        for frame in range(FRAMES):
            heard[audio.frame_window(clip.mel, frame).tobytes()] = float(clip.opening[frame])
    faces = [clip.faces.astype("f4") / 127.5 - 1.0 for clip in clips]

    def draw(target, reference, mels):
        images = []
        for upper, mel in zip(target, mels):
            half = SIZE // 2
            gaps = [np.abs(face[0, :half] - upper[:half]).mean() for face in faces]
            own = int(np.argmin(gaps))
            opening = heard.get(mel.astype("f4").tobytes(), 0.0)
            images.append(faces[own][np.abs(clips[own].opening - opening).argmin()])
        return np.stack(images)

    return draw


def by_name(dubber, clips):
    own = [dubbing.redraw(dubber, clip, clip.mel) for clip in clips]
    results = [*dubbing.openings(dubber, clips, own), dubbing._upper_half(dubber, clips, own)]
    return {result.name: result for result in results}


def test_a_model_that_listens_meets_every_bar(clips):
    results = by_name(model(listening(clips)), clips)
    assert set(results) == set(dubbing.BARS)
    for name, (sign, bar) in dubbing.BARS.items():
        value = results[name].value
        assert value >= bar if sign == ">=" else value <= bar, (name, value)
    assert results["opening_correlation"].protocol["real"] > 0.999
    assert abs(results["swapped_correlation"].protocol["own"]) < 0.5
    assert results["upper_half_error"].value < 1e-6


def test_a_model_that_copies_its_reference_is_told(clips):
    results = by_name(model(lambda target, reference, mels: reference), clips)
    for key in ("opening_correlation", "opening_error"):
        assert results[key].value == pytest.approx(results[key].protocol["copied"])
    assert results["opening_correlation"].value < 0.5
    assert results["silence_error"].value > 1.0
    assert results["swapped_correlation"].value < 0.5


def test_upper_halves_are_compared_in_shares_of_the_range(clips):
    brighter = model(lambda target, reference, mels: np.clip(target + 0.2, -1, 1))
    faces = [dubbing.redraw(brighter, clip, clip.mel) for clip in clips]
    error = dubbing._upper_half(brighter, clips, faces).value
    assert error == pytest.approx(0.1, abs=0.003)  # of [-1, 1] a range of 2


def test_each_frame_hears_its_own_window_with_the_models_offset(clips):
    clip, heard = clips[0], []
    dubbing.redraw(model(lambda t, r, mels: heard.extend(mels) or r, offset=-1), clip, clip.mel)
    rows = dubbing.rows_of(clip, -1)
    assert rows.frames[0] == 1 and (rows.frames != rows.references).all()
    for frame, window in zip(rows.frames, heard):
        assert np.array_equal(window, audio.frame_window(clip.mel, frame - 1))


def test_the_command_names_bars_and_what_it_needs(clips, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(dubbing, "open_dubber", lambda source: model(listening(clips)))
    words = ["measure", "dubbing", "m", "--clips", "3", "--out", str(tmp_path / "m.jsonl")]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("opening_correlation") and "bar >= 0.95" in lines[0]
    assert "of m: " in lines[-1] and "3 clips of talking (test), 48x48" in lines[-1]
    assert len((tmp_path / "m.jsonl").read_text().splitlines()) == 5
    assert main([*words[:3], "--clips", "-1"]) == 2
    assert "--clips is -1" in capsys.readouterr().err


def test_clips_that_no_oracle_reads_need_an_expert(clips, monkeypatch):
    own = [type(clips[0])("a", clips[0].faces, clips[0].mel)]
    monkeypatch.setattr(dubbing, "open_dubber", lambda source: model(None))
    monkeypatch.setattr(talking_faces, "load_clips", lambda *args, **options: (own, []))
    with pytest.raises(InputError, match="pass --expert, a run of"):
        dubbing.measure("m", "my clips")


def test_the_hard_world_has_no_bars_of_its_own(monkeypatch):
    hard = talking_faces.load_clips("talking-hard", size=SIZE, split="test", clips=1)[0]
    monkeypatch.setattr(dubbing, "open_dubber", lambda source: model(lambda t, r, mels: r))
    results = dubbing.measure("m", "talking-hard", clips=1)
    assert [result.name for result in results] == [
        "opening_correlation", "opening_error", "silence_error", "upper_half_error"
    ]  # fmt: skip
    assert not any("bar" in result.protocol for result in results)
    assert talking_mouths.read_opening(hard[0].faces).shape == (FRAMES,)
