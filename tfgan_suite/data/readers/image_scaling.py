"""Modes and sizes of images: to grey or colour, into a square, to a length of the shorter side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tfgan_suite.data.readers import image_bands

if TYPE_CHECKING:
    from PIL import Image


def fit_array(pixels: np.ndarray, size: int | None, channels: int) -> np.ndarray:
    """As `decode`, for an image that is already an array.

    Args:
        pixels: uint8 `(height, width, 1, 3 or 4)`; four channels are RGBA.
        size: as for `decode`.
        channels: 1 or 3; another number, which must be that of `pixels`, keeps all channels as
            they are.

    Returns:
        uint8 `(size, size, channels)`, or `(height, width, channels)`.
    """
    if channels not in (1, 3):
        count = pixels.shape[2]
        return np.concatenate([fit_array(pixels[..., i : i + 1], size, 1) for i in range(count)], 2)
    sides, stored = image_bands.array_bands(pixels)

    def band(top: int, bottom: int) -> Image.Image:
        return to_mode(stored(top, bottom), channels)

    if size is None or sides == (size, size):
        return image_bands.to_array(sides, band, channels)
    fitted = np.asarray(fit_bands(sides, band, size), np.uint8)
    return fitted.reshape(size, size, channels)


def fit_bands(sides: tuple[int, int], band: image_bands.Band, size: int) -> Image.Image:
    """Scales an image so that its shorter side is `size`, and crops the square in the centre.

    Both happen in one resampling step, so the crop is exact to a fraction of a pixel. An
    antialiased Lanczos filter downscales, a bicubic one upscales.
    """
    from PIL import Image

    width, height = sides
    side = min(width, height)
    left, top = (width - side) / 2.0, (height - side) / 2.0
    kind = Image.Resampling.LANCZOS if side > size else Image.Resampling.BICUBIC
    box = (left, top, left + side, top + side)
    return image_bands.resize(sides, band, (size, size), kind, box)


def resize_shorter_side(pixels: np.ndarray, size: int) -> np.ndarray:
    """Scales a uint8 image so that its shorter side has `size` pixels; 0: returns it as it is."""
    height, width = pixels.shape[:2]
    if not size or min(height, width) == size:
        return pixels
    factor = size / min(height, width)
    sides = max(1, round(width * factor)), max(1, round(height * factor))
    return resize_array(pixels, sides, is_smaller=factor < 1)


def resize_array(
    pixels: np.ndarray,
    sides: tuple[int, int],
    is_smaller: bool,
    box: tuple[float, float, float, float] | None = None,
) -> np.ndarray:
    """Scales a uint8 image, or a part of it.

    Args:
        pixels: `(height, width, 1 or 3)`.
        sides: width and height of the result.
        is_smaller: whether an antialiased Lanczos filter downscales; else a bicubic one upscales.
        box: left, upper, right and lower edge of the part.

    Returns:
        uint8 `(height, width, 1 or 3)`.
    """
    from PIL import Image

    kind = Image.Resampling.LANCZOS if is_smaller else Image.Resampling.BICUBIC
    resized = image_bands.resize(*image_bands.array_bands(pixels), sides, kind, box)
    return np.asarray(resized, np.uint8).reshape(sides[1], sides[0], -1)


def to_mode(image: Image.Image, channels: int) -> Image.Image:
    """To 8-bit grey (`channels` 1), RGB (3), both with transparency over white, or RGBA (4)."""
    from PIL import Image

    mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        clear = image.convert("RGBA")
        if channels == 4:
            return clear
        white = Image.new("RGBA", clear.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, clear).convert("RGB")
    elif image.mode not in ("1", "L", "RGB"):
        image = image.convert("RGB")
    return image if image.mode == mode else image.convert(mode)
