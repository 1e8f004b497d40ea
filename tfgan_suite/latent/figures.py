"""Figures of samples: rows with a caption each, and the folder that a command writes."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.utils import files, image_grids

NUMBERS = "numbers.json"
_CAPTION, _MARGIN = 18, 4
_CELL = 64  # images are enlarged by a whole factor to about this side


def rows(captions: Sequence[str], images: Sequence[np.ndarray], cell: int = _CELL) -> np.ndarray:
    """Rows of images, each below its caption.

    Args:
        captions: one for each row.
        images: arrays `(count, height, width, channels)`, uint8 or in [-1, 1]; counts may differ.
        cell: least side of an image in the figure, where it is smaller.

    Returns:
        uint8 `(height, width, 3)`.
    """
    strips = [_strip(array, cell) for array in images]
    width = max([strip.shape[1] for strip in strips] + [7 * len(text) for text in captions])
    parts = []
    for caption, strip in zip(captions, strips):
        filled = np.full((strip.shape[0], width, 3), 255, np.uint8)
        filled[:, : strip.shape[1]] = strip
        parts += [_text(caption, width), filled]
    return np.concatenate(parts)


def _strip(images: np.ndarray, cell: int) -> np.ndarray:
    pixels = image_grids.as_colour(image_grids.to_uint8(np.asarray(images)))
    factor = max(1, round(cell / max(pixels.shape[1:3])))
    pixels = pixels.repeat(factor, axis=1).repeat(factor, axis=2)
    rim = ((0, 0), (0, _MARGIN), (0, _MARGIN), (0, 0))
    padded = np.pad(pixels, rim, constant_values=255)
    return np.concatenate(list(padded), axis=1)


def _text(caption: str, width: int) -> np.ndarray:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (width, _CAPTION), "white")
    ImageDraw.Draw(image).text((1, 3), caption, fill="black")
    return np.asarray(image)


def write_png(folder: Path, name: str, pixels: np.ndarray) -> str:
    """Writes a figure into a command's folder; its path."""
    path = folder / name
    with files.writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        image_grids.write_png(path, pixels)
    return str(path)


def write_gif(folder: Path, name: str, frames: np.ndarray, milliseconds: int = 60) -> str:
    """Writes frames as an animated GIF that repeats; its path.

    Args:
        folder: a command's folder.
        name: of the file.
        frames: uint8 `(count, height, width, 3)`.
        milliseconds: that each frame stays.
    """
    from PIL import Image

    content = io.BytesIO()
    first, *others = [Image.fromarray(frame) for frame in frames]
    first.save(content, "GIF", save_all=True, append_images=others, duration=milliseconds, loop=0)
    path = folder / name
    with files.writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        files.write_bytes(path, content.getvalue())
    return str(path)


def write_numbers(folder: Path, numbers: Mapping[str, Any]) -> str:
    """Writes what was measured as JSON; its path."""
    path = folder / NUMBERS
    with files.writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        files.write_bytes(path, (json.dumps(numbers, indent=2) + "\n").encode())
    return str(path)


def bars(values: Sequence[tuple[str, float]], width: int = 640) -> np.ndarray:
    """Shares as horizontal bars with their numbers.

    Args:
        values: names and numbers from 0 to 1.
        width: of the drawing.

    Returns:
        uint8 `(height, width, 3)`.
    """
    from PIL import Image, ImageDraw

    row, start, end = 26, 200, width - 60
    image = Image.new("RGB", (width, row * len(values) + 8), "white")
    draw = ImageDraw.Draw(image)
    for index, (name, value) in enumerate(values):
        top = 4 + index * row
        draw.text((6, top + 7), name, fill="black")
        draw.rectangle((start, top + 4, end, top + row - 4), fill="#e6eaf0")
        filled = start + round((end - start) * min(max(value, 0.0), 1.0))
        draw.rectangle((start, top + 4, filled, top + row - 4), fill="#3d6fb6")
        draw.text((end + 8, top + 7), f"{value:.3f}", fill="black")
    return np.asarray(image)
