"""The scenes world: textured shapes on a plain background, for super-resolution.

Stripes and checks finer than the pixels of the low-resolution image would be lost; these are
slightly coarser, so that a network that knows them can draw sharper edges than bicubic
resampling. The oracle is the measure of the benchmarks, PSNR of the luma channel.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.utils import bicubic, image_grids

SIZE = 96
SMALLEST = 16
SHAPES = 5  # per image
# BT.601: 16 + (65.481 R + 128.553 G + 24.966 B) / 255, in thousandths, so that it stays exact.
LUMA = np.array([65481, 128553, 24966])
BORDER = 4  # pixels at each edge that SRGAN's protocol ignores


def generate(count: int = 400, size: int = SIZE, seed: int = 0) -> np.ndarray:
    """Generates images.

    Args:
        count: number of images.
        size: side in pixels, at least 16.
        seed: seed of the scenes.

    Returns:
        uint8 `(count, size, size, 3)`.

    Raises:
        InputError: `size` is below 16 or `count` below 1.
    """
    if size < SMALLEST or count < 1:
        raise InputError(
            f"{count} scenes were requested at size {size}; expected 1 or more of size {SMALLEST} "
            "or more: choose larger numbers"
        )
    # Only `random()` is used: its values are the same in every NumPy version.
    draws = np.random.default_rng(seed).random((count, 3 + SHAPES * 14))
    return np.stack([_scene(row, size) for row in draws])


def report(examples: Mapping[str, np.ndarray], outputs: np.ndarray) -> dict[str, float]:
    """Measures how close upscaled images come to their originals, compared with bicubic.

    Args:
        examples: `"low"` and `"high"`, float in [-1, 1], as `held_out` returns them.
        outputs: the upscaled `"low"`, of the shape of `"high"`.

    Returns:
        `psnr_y` and `bicubic_psnr_y` in dB (luma, without a border of 4 pixels), and their
        difference `gain`.
    """
    high, low = (image_grids.to_uint8(np.asarray(examples[key])) for key in ("high", "low"))
    scale = high.shape[1] // low.shape[1]
    smooth = np.stack([bicubic.upscale(image, scale) for image in low])
    psnr = _psnr_y(image_grids.to_uint8(np.asarray(outputs)), high)
    bicubic_psnr = _psnr_y(smooth, high)
    return {"psnr_y": psnr, "bicubic_psnr_y": bicubic_psnr, "gain": psnr - bicubic_psnr}


def _psnr_y(images: np.ndarray, originals: np.ndarray) -> float:
    """Mean PSNR of the luma of uint8 images, as `measures.similarity.super_resolution` has it."""
    inside = slice(BORDER, -BORDER)
    lumas = [
        16.0 + (batch.astype(np.int64) @ LUMA)[:, inside, inside] / 255e3
        for batch in (images, originals)
    ]
    error = np.array([np.mean(np.square(x - y)) for x, y in zip(*lumas)])
    with np.errstate(divide="ignore"):
        return float(np.mean(10.0 * np.log10(255.0**2 / error)))


def _scene(draws: np.ndarray, size: int) -> np.ndarray:
    """One image from random numbers in [0, 1)."""
    image = np.empty((size, size, 3))
    image[:] = 40.0 + 175.0 * draws[:3]
    rows, columns = (axis + 0.5 for axis in np.mgrid[:size, :size])
    for part in draws[3:].reshape(SHAPES, 14):
        inside = _inside(part[:5], rows / size, columns / size)
        shade = _texture(part[5:8], rows, columns)[..., None]
        colours = 20.0 + 215.0 * part[8:].reshape(2, 3)
        painted = colours[0] + shade * (colours[1] - colours[0])
        image = np.where(inside[..., None], painted, image)
    return np.round(image).astype(np.uint8)


def _inside(draws: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Which pixels a rectangle or an ellipse covers."""
    down = (rows - draws[0]) / (0.12 + 0.23 * draws[2])
    across = (columns - draws[1]) / (0.12 + 0.23 * draws[3])
    if draws[4] < 0.5:
        return np.maximum(np.abs(down), np.abs(across)) < 1.0
    return down**2 + across**2 < 1.0


def _texture(draws: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Stripes in any direction, or checks: 0 or 1, 3 to 8 pixels wide."""
    angle, width = np.pi * draws[0], 3.0 + 5.0 * draws[1]
    along = np.floor((np.cos(angle) * rows + np.sin(angle) * columns) / width)
    if draws[2] < 0.4:
        along = along + np.floor((np.cos(angle) * columns - np.sin(angle) * rows) / width)
    return along % 2
