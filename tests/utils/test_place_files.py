"""Boxes and key points as users write them, and what is said of broken ones."""

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.utils.place_files import boxes_between, parse_box, read_points


def test_a_box_is_four_fractions():
    np.testing.assert_allclose(parse_box("0.25,0,.5,1"), [0.25, 0, 0.5, 1])


@pytest.mark.parametrize(
    "text, message",
    [
        ("0.1,0.2,0.3", "expected left, top, width and height"),
        ("a,b,c,d", "expected left, top, width and height"),
        ("0,0,nan,1", "expected left, top, width and height"),
        ("0.1,0.1,0,0.5", "width of 0 and a height of 0.5, so no area"),
        ("0.1,0.1,0.5,-0.5", "no area"),
        ("0.7,0.1,0.5,0.5", "from 0.7 to 1.2 across .* must lie within"),
        ("-0.1,0.1,0.5,0.5", "must lie within"),
    ],
)
def test_boxes_that_are_none_are_refused_in_a_line(text, message):
    with pytest.raises(InputError, match=message) as error:
        parse_box(text)
    assert "\n" not in str(error.value) and "--box" in str(error.value)


def test_boxes_between_two_boxes():
    boxes = boxes_between(np.array([0, 0, 0.2, 0.2]), np.array([0.8, 0.4, 0.2, 0.2]), 3)
    np.testing.assert_allclose(boxes[1], [0.4, 0.2, 0.2, 0.2], atol=1e-6)
    np.testing.assert_allclose(boxes[[0, 2], 0], [0.0, 0.8])


def test_points_are_lines_with_and_without_commas(tmp_path):
    path = tmp_path / "points.txt"
    path.write_text("0.5 0.25\n\n?\n0.1,0.2,0\n")
    points, known = read_points(path, 3)
    np.testing.assert_array_equal(points, [[0.5, 0.25, 1], [0, 0, 0], [0, 0, 0]])
    assert known.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    "content, message",
    [
        ("0.5 0.5\n", "has 1 key points; the game draws 2"),
        ("0.5 0.5\n0.5 1.5\n", "point 2 is .* from 0 to 1"),
        ("0.5 0.5\nx y\n", "point 2 is"),
        ("\xff", "cannot be read as text"),
    ],
)
def test_broken_files_of_points_are_refused_in_a_line(tmp_path, content, message):
    path = tmp_path / "points.txt"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match=message) as error:
        read_points(path, 2)
    assert "\n" not in str(error.value) and "points.txt" in str(error.value)
    with pytest.raises(InputError, match="no such file"):
        read_points(tmp_path / "none", 2)
