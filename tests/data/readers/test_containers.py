"""Frames at a constant rate: how often each decoded one is shown, by times alone."""

import types

import pytest

from tfgan_suite.data.readers import containers


def copies(times, fps):
    frames = [types.SimpleNamespace(time=time) for time in times]
    shown = list(containers.at_rate(frames, fps))
    assert [frame for frame, _ in shown] == frames
    return [count for _, count in shown]


@pytest.mark.parametrize(
    "times, fps, expected",
    [
        ([0, 0.04, 0.08, 0.12], 25, [1, 1, 1, 1]),
        ([7, 7.04, 7.08], 25, [1, 1, 1]),  # from the first frame on
        ([0, 0.08, 0.16], 25, [2, 2, 1]),
        ([0, 0.02, 0.04, 0.06, 0.08], 25, [1, 0, 1, 0, 1]),
        ([0, 0.04, 0.2, 0.24], 25, [1, 4, 1, 1]),  # a gap in the middle
        ([0, 0.039, 0.081, 0.119], 25, [1, 1, 1, 1]),  # rounded by the container
        ([None] * 4, 25, [1, 1, 1, 1]),  # a raw stream
        ([0, None, None, 0.12], 25, [1, 1, 1, 1]),
        ([0.5], 10, [1]),
        ([], 10, []),
    ],
)
def test_copies_of_frames(times, fps, expected):
    assert copies(times, fps) == expected
