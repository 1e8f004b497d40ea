"""Boxes and key points in crops and flips: values that follow from drawings on squared paper."""

import numpy as np
import pytest

from tfgan_suite.data.pipeline import annotations
from tfgan_suite.errors import InputError

BOX = np.array([[0.25, 0.5, 0.5, 0.25]])
POINTS = np.array([[[0.25, 0.5, 1], [0.75, 0.75, 1], [0, 0, 0]]])
PARTS = ("left eye", "right eye", "nose")


def arrays(*values):
    return [np.array([value], float) for value in values]


def test_boxes_are_cut_at_the_window():
    origin, extent = arrays([0.5, 0.5], [0.5, 0.5])
    np.testing.assert_allclose(annotations.crop_boxes(BOX, origin, extent), [[0, 0, 0.5, 0.5]])
    origin, extent = arrays([0, 0], [1, 1])
    np.testing.assert_array_equal(annotations.crop_boxes(BOX, origin, extent), BOX)
    origin, extent = arrays([0, 0], [0.2, 0.2])
    assert annotations.crop_boxes(BOX, origin, extent)[0, 2:].prod() == 0


def test_points_outside_the_window_are_not_visible():
    points = annotations.crop_keypoints(POINTS, *arrays([0.5, 0.5], [0.5, 0.5]))
    np.testing.assert_allclose(points[0], [[0, 0, 0], [0.5, 0.5, 1], [0, 0, 0]])


def test_a_flip_exchanges_left_and_right_and_two_change_nothing():
    mirror = annotations.mirrored_parts(PARTS, "the set")
    assert mirror == [1, 0, 2]
    points = annotations.flip_keypoints(POINTS, mirror)
    np.testing.assert_allclose(points[0], [[0.25, 0.75, 1], [0.75, 0.5, 1], [0, 0, 0]])
    np.testing.assert_allclose(annotations.flip_keypoints(points, mirror), POINTS)
    box = annotations.flip_boxes(np.array([[0.1, 0.5, 0.5, 0.25]]))
    np.testing.assert_allclose(box, [[0.4, 0.5, 0.5, 0.25]])
    np.testing.assert_allclose(annotations.flip_boxes(box), [[0.1, 0.5, 0.5, 0.25]])


def test_parts_of_published_sets():
    sides = ["left eye", "left leg", "left wing", "nape", "right eye", "right leg", "right wing"]
    parts = ["back", "beak", "belly", "breast", "crown", "forehead", *sides, "tail", "throat"]
    mirror = annotations.mirrored_parts(parts, "CUB")
    swaps = {(i + 1, other + 1) for i, other in enumerate(mirror) if i < other}
    assert swaps == {(7, 11), (8, 12), (9, 13)}
    joints = "r-ankle r-knee r-hip l-hip l-knee l-ankle pelvis".split()
    assert annotations.mirrored_parts(joints, "MPII") == [5, 4, 3, 2, 1, 0, 6]
    assert annotations.mirrored_parts(["Left_Eye", "RIGHT EYE"], "x") == [1, 0]
    with pytest.raises(InputError, match="'left wing' but no 'right wing'"):
        annotations.mirrored_parts(["left wing", "tail"], "the set")


def test_mirrors_of_the_users_own():
    assert annotations.check_mirror(np.array([1, 0, 2]), 3) == [1, 0, 2]
    for wrong in ([1, 2, 0], [0, 1], [0, 0, 2]):
        with pytest.raises(InputError, match="two flips change nothing"):
            annotations.check_mirror(wrong, 3)


def windows(fit, box=None, size=(200, 100)):
    """Left, top, width, height in pixels."""
    boxes = None if box is None else np.array([box]) / [*size, *size]
    parts = annotations.fit_windows(np.array([size]), boxes, fit)
    return (np.concatenate(parts, axis=1)[0] * [*size, *size]).tolist()


def test_squares_hold_the_box():
    assert windows("crop") == [50, 0, 100, 100]
    assert windows("stretch") == windows("stretch", (0, 0, 9, 9)) == [0, 0, 200, 100]
    assert windows("crop", (80, 10, 20, 20)) == [50, 0, 100, 100]  # inside anyway
    assert windows("crop", (10, 10, 60, 20)) == [10, 0, 100, 100]  # moved to the left
    assert windows("crop", (150, 10, 50, 20)) == [100, 0, 100, 100]  # moved to the right
    assert windows("crop", (20, 10, 160, 20)) == [50, 0, 100, 100]  # around the middle of it
    np.testing.assert_allclose(windows("object", (80, 40, 20, 10)), [75, 30, 30, 30])
    np.testing.assert_allclose(windows("object", (0, 0, 20, 10)), [0, 0, 30, 30])
    np.testing.assert_allclose(windows("object", (20, 0, 100, 90)), [20, 0, 100, 100])
    with pytest.raises(InputError, match="the data have no boxes"):
        windows("object")
    with pytest.raises(InputError, match="none of crop, stretch, object"):
        windows("cover")
