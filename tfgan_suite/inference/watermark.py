"""A visible mark of generated frames."""

from __future__ import annotations

import functools

import numpy as np
from PIL import Image, ImageDraw, ImageFont

TEXT = "AI-generated"
OPACITY = 0.8


def mark(frame: np.ndarray, text: str = TEXT) -> np.ndarray:
    """A frame with a word in its lower right corner, about a twentieth of its height.

    Args:
        frame: uint8 `(height, width, 3)`.
        text: the word.

    Returns:
        A new array of the same shape.
    """
    letters = _letters(text, *frame.shape[:2])
    marked = frame.copy()
    height, width = letters.shape[:2]
    corner = marked[frame.shape[0] - height :, frame.shape[1] - width :]
    # White letters on a darkened ground: readable on any picture.
    ground = corner.astype(np.float32) * (1.0 - OPACITY)
    corner[:] = np.rint(ground + letters[..., None] * OPACITY * (255.0 - ground)).astype(np.uint8)
    return marked


@functools.lru_cache(maxsize=8)
def _letters(text: str, height: int, width: int) -> np.ndarray:
    """Coverage by the letters, float32, of the size of the mark."""
    font = ImageFont.load_default()
    left, top, right, bottom = (int(v) for v in font.getbbox(text))
    image = Image.new("L", (right - left + 6, bottom - top + 4))
    ImageDraw.Draw(image).text((3 - left, 2 - top), text, 255, font=font)
    tall = max(6, min(height, height // 20))
    wide = min(width, max(1, round(image.width * tall / image.height)))
    return np.asarray(image.resize((wide, tall)), np.float32) / 255.0
