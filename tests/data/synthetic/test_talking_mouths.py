"""The talking world: the oracle reads the truth, and the mouth follows the voice."""

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.data.synthetic import talking_mouths


@pytest.fixture(scope="module")
def clips():
    return [talking_mouths.generate_clip(number, frames=50) for number in range(4)]


@pytest.mark.parametrize(
    "size, hard, bound", [(48, False, 0.01), (96, False, 0.02), (48, True, 0.2)]
)
def test_the_oracle_reads_the_opening(size, hard, bound):
    clip = talking_mouths.generate_clip(5, 40, size, hard)
    report = talking_mouths.report(clip.opening, clip.frames)
    assert report["images"] == 40 and report["opening_error"] < bound
    assert report["opening_correlation"] > 0.98
    # The same images in the range that generators have.
    as_float = clip.frames.astype("f4") / 127.5 - 1.0
    assert talking_mouths.report(clip.opening, as_float) == pytest.approx(report, abs=1e-6)


def test_the_oracle_sees_what_is_wrong(clips):
    """A copied reference mouth is as wrong as the mouth moves; closed mouths read as closed."""
    clip = clips[0]
    copied = np.roll(clip.frames, 25, axis=0)
    assert talking_mouths.report(clip.opening, copied)["opening_error"] > 1.0
    closed = clip.frames[clip.opening == 0.0]
    assert len(closed) and talking_mouths.read_opening(closed).max() < 0.05


def test_the_mouth_opens_by_the_loudness_of_the_same_frame(clips):
    for clip in clips:
        assert clip.frames.shape == (50, 48, 48, 3) and clip.samples.shape == (50 * 640,)
        loudness = np.sqrt((clip.samples.reshape(50, 640) ** 2).mean(axis=1))
        by_shift = [
            np.corrcoef(np.roll(clip.opening, shift), loudness)[0, 1] for shift in range(-3, 4)
        ]
        assert np.argmax(by_shift) == 3 and by_shift[3] > 0.95
        assert np.abs(clip.samples).max() <= 1.0
        assert (clip.loudness == 0.0).any()  # pauses


def test_only_the_lower_half_moves_and_speakers_differ(clips):
    for clip in clips:
        assert (clip.frames[:, :24] == clip.frames[:1, :24]).all()
        assert (clip.frames[:, 24:] != clip.frames[:1, 24:]).any()
    assert len({clip.frames[0].tobytes() for clip in clips}) == 4
    again = talking_mouths.generate_clip(2, 50)
    assert (again.frames == clips[2].frames).all() and (again.samples == clips[2].samples).all()


def test_too_small_faces_are_refused():
    with pytest.raises(InputError, match="at least 24 pixels high"):
        talking_mouths.generate_clip(0, size=20)
