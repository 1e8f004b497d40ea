"""Grids of images with the sentence that they were drawn for beside them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np

from tfgan_suite.utils import image_grids

_GAP, _LETTERS, _TEXT_WIDTH = 2, 30, 200
_LEAST_HEIGHT = 48  # of a row, so that three lines of a sentence fit


def captioned_rows(texts: Sequence[str], images: np.ndarray) -> np.ndarray:
    """A row for each sentence: its words, then its images.

    Args:
        texts: one sentence for each row.
        images: `(rows, columns, height, width, channels)` in [-1, 1], or uint8.

    Returns:
        uint8 `(height, width, 3)`.
    """
    pixels = image_grids.as_colour(image_grids.to_uint8(images))
    factor = max(1, -(-_LEAST_HEIGHT // pixels.shape[2]))
    pixels = pixels.repeat(factor, axis=2).repeat(factor, axis=3)
    rows, columns, height, width = pixels.shape[:4]
    step = height + _GAP
    grid = np.full(
        (rows * step + _GAP, _TEXT_WIDTH + columns * (width + _GAP) + _GAP, 3), 255, np.uint8
    )
    for row, text in enumerate(texts):
        top = _GAP + row * step
        grid[top : top + height, :_TEXT_WIDTH] = _words(text, height)
        for column in range(columns):
            x = _TEXT_WIDTH + _GAP + column * (width + _GAP)
            grid[top : top + height, x : x + width] = pixels[row, column]
    return grid


def _words(text: str, height: int) -> np.ndarray:
    """A sentence in black on white, as many lines of it as fit: uint8 `(height, width, 3)`."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (_TEXT_WIDTH, height), "white")
    font = ImageFont.load_default()
    lines = textwrap.wrap(text, _LETTERS)
    most = max(1, height // 12)
    if len(lines) > most:
        lines = [*lines[: most - 1], f"{lines[most - 1][: _LETTERS - 3]}..."]
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        try:
            draw.text((4, 12 * number), line, fill="black", font=font)
        except UnicodeEncodeError:  # an older Pillow's font knows Latin letters only
            draw.text((4, 12 * number), line.encode("ascii", "replace").decode(), "black", font)
    return np.asarray(image)
