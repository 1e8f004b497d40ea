"""Boxes and key points as users write them: on the command line and in files.

All numbers are fractions of the image, x from the left and y from the top.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.utils.files import user_path

_UNKNOWN = "?"
_LINES = "a line 'x y' for each point, 'x y 0' for one that is not visible, '?' for one to generate"
_LARGEST = 2**20  # bytes of a file of points


def parse_box(text: str, flag: str = "--box") -> np.ndarray:
    """A box from `x,y,w,h`: left, top, width and height.

    Args:
        text: four numbers with commas.
        flag: where it was typed, for messages.

    Returns:
        float32 `(4,)`.

    Raises:
        InputError: other words, no area, or parts outside the image.
    """
    try:
        box = [float(part) for part in text.split(",")]
    except ValueError:
        box = []
    if len(box) != 4 or not all(map(math.isfinite, box)):
        raise InputError(
            f"{flag} is {text!r}; expected left, top, width and height as fractions of the image,"
            " such as 0.1,0.2,0.4,0.3"
        )
    left, top, width, height = box
    if width <= 0 or height <= 0:
        raise InputError(
            f"{flag} {text} has a width of {width:g} and a height of {height:g}, so no area; both"
            " must be above 0"
        )
    edges = (left, top, left + width, top + height)
    if min(edges) < 0 or max(edges) > 1 + 1e-6:
        raise InputError(
            f"{flag} {text} reaches from {left:g} to {left + width:g} across and from {top:g} to"
            f" {top + height:g} down; it must lie within the image, from 0 to 1"
        )
    return np.array(box, np.float32)


def boxes_between(first: np.ndarray, last: np.ndarray, count: int) -> np.ndarray:
    """Boxes `(count, 4)` in equal steps from one to another."""
    share = np.linspace(0.0, 1.0, count, dtype=np.float32)[:, None]
    return (1.0 - share) * first + share * last


def read_points(path: str | os.PathLike, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Key points from a file.

    Args:
        path: the file, a line for each point.
        count: points that are expected.

    Returns:
        float32 `(count, 3)` of x, y and visibility, and float32 `(count,)`: 1 for those that are
        known, 0 for those to be generated.

    Raises:
        InputError: the file cannot be read, or does not hold that.
    """
    name = user_path(path)
    lines = [line.replace(",", " ").split() for line in _content(name).splitlines()]
    rows = [words for words in lines if words]
    if len(rows) != count:
        raise InputError(
            f"{name} has {len(rows)} key points; the game draws {count}: write {_LINES}"
        )
    points, known = np.zeros((count, 3), np.float32), np.zeros(count, np.float32)
    for index, row in enumerate(rows):
        if row != [_UNKNOWN]:
            points[index], known[index] = _point(row, f"{name}, point {index + 1}"), 1.0
    return points, known


def _content(path: Any) -> str:
    if not path.is_file():
        raise InputError(f"--keypoints is {path}, and there is no such file; write {_LINES}")
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{path} is larger than any file of key points; write {_LINES}")
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as text ({error}); write {_LINES}") from None


def _point(row: Sequence[str], where: str) -> list[float]:
    """x, y and visibility of a point; one that is not visible is 0, 0, 0."""
    try:
        numbers = [float(part) for part in row]
    except ValueError:
        numbers = []
    if len(numbers) not in (2, 3) or not all(0.0 <= number <= 1.0 for number in numbers):
        raise InputError(
            f"{where} is {' '.join(row)[:60]!r}; expected x and y in fractions of the image, from"
            " 0 to 1, and perhaps a visibility of 0 or 1"
        )
    x, y, visibility = (*numbers, 1.0)[:3]
    return [x, y, 1.0] if visibility > 0.5 else [0.0, 0.0, 0.0]
