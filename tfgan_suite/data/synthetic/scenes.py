"""The scenes world: textured shapes on plain ground, for games that make images larger.

Stripes and checks too fine for the small image's pixels would be lost; these are a little
coarser, so that a network which knows them can draw sharper edges than bicubic does. The oracle
is the benchmarks' own measure.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tfgan_suite.errors import InputError

SIZE = 96
SMALLEST = 16
SHAPES = 5  # in an image


def generate(count: int = 400, size: int = SIZE, seed: int = 0) -> np.ndarray:
    """Draws images.

    Args:
        count: number of images.
        size: side in pixels, at least 16.
        seed: of the scenes.

    Returns:
        uint8 `(count, size, size, 3)`.

    Raises:
        InputError: `size` is below 16 or `count` below 1.
    """
    if size < SMALLEST or count < 1:
        raise InputError(
            f"{count} scenes were asked for at size {size}: ask for 1 or more, at size {SMALLEST}"
            " or more"
        )
    # Only `random()` is drawn from: its values are the same in every NumPy.
    draws = np.random.default_rng(seed).random((count, 3 + SHAPES * 14))
    return np.stack([_scene(row, size) for row in draws])


def report(examples: Mapping[str, np.ndarray], outputs: np.ndarray) -> dict[str, float]:
    """How near enlarged images come to their originals, beside bicubic.

    Args:
        examples: `"low"` and `"high"`, float in [-1, 1], as `held_out` gives them.
        outputs: what a game made of `"low"`, of the shape of `"high"`.

    Returns:
        `psnr_y` and `bicubic_psnr_y` in dB (luma, a border of 4 left out), `gain` between them.
    """
    from tfgan_suite.measures import similarity
    from tfgan_suite.utils import bicubic, image_grids

    high, low = (image_grids.to_uint8(np.asarray(examples[key])) for key in ("high", "low"))
    scale = high.shape[1] // low.shape[1]
    smooth = np.stack([bicubic.upscale(image, scale) for image in low])
    found, known = (
        float(similarity.super_resolution(list(made), list(high))[0].value)
        for made in (image_grids.to_uint8(np.asarray(outputs)), smooth)
    )
    return {"psnr_y": found, "bicubic_psnr_y": known, "gain": found - known}


def _scene(draws: np.ndarray, size: int) -> np.ndarray:
    """One image from numbers in [0, 1)."""
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
    """Stripes of any direction, or checks: 0 or 1, of 3 to 8 pixels each."""
    angle, width = np.pi * draws[0], 3.0 + 5.0 * draws[1]
    along = np.floor((np.cos(angle) * rows + np.sin(angle) * columns) / width)
    if draws[2] < 0.4:
        along = along + np.floor((np.cos(angle) * columns - np.sin(angle) * rows) / width)
    return along % 2
