"""Sliced Wasserstein distance of image patches, scale by scale (Karras et al. 2018).

Patches of 7x7 pixels of a Laplacian pyramid hold what the images show at one scale: the finest
level noise and texture, the coarsest the layout. Their distance is the mean over random directions
of the distance of their projections, which in one dimension is that of the sorted values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.measures.result import MeasureResult

PATCH = 7
# Values are multiplied by this, as in the paper's tables.
SCALE = 1000.0
_FILTER = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16.0


def sliced_wasserstein(
    real: np.ndarray,
    fake: np.ndarray,
    *,
    patches: int = 128,
    repeats: int = 4,
    directions: int = 128,
    smallest: int = 16,
    seed: int = 0,
    **protocol: Any,
) -> list[MeasureResult]:
    """Distance of real and generated images at each scale, times 1000.

    Args:
        real: images `(n, height, width, channels)`, uint8 or float, any range: patches are
            normalized per channel.
        fake: images `(m, height, width, channels)`; of the larger set the first ones count.
        patches: random patches of an image and scale; paper 128.
        repeats: sets of directions; paper 4.
        directions: random directions in a set; paper 128.
        smallest: shorter side at which the pyramid ends; paper 16. Sides stay even, and images
            that are smaller already have one level.
        seed: of patches and directions.
        **protocol: facts for the results.

    Returns:
        A result for each level, finest first, named by the shorter side (`SWD-32`), whose
        `spread` is the standard deviation over the sets of directions; and their mean, `SWD`.

    Raises:
        InputError: sets of different shapes, no images, images smaller than a patch.
    """
    _check(real, fake, patches, repeats, directions)
    count = min(len(real), len(fake))
    facts = {
        **protocol,
        "n_real": count,
        "n_fake": count,
        "patches": patches,
        "directions": repeats * directions,
        "swd_seed": seed,
        "scale": "times 1000",
    }
    spread = "standard deviation over sets of directions"
    sides = pyramid_sides(min(real.shape[1:3]), max(smallest, PATCH), real.shape[1:3])
    results = []
    for level, side in enumerate(sides):
        draws = np.random.default_rng([seed, level])
        both = [
            _descriptors(images[:count], level, len(sides), patches, draws)
            for images in (real, fake)
        ]
        values = [SCALE * _distance(*both, directions, draws) for _ in range(repeats)]
        results.append(
            MeasureResult(
                f"SWD-{side}",
                float(np.mean(values)),
                {**facts, "spread": spread},
                float(np.std(values)),
            )
        )
    mean = float(np.mean([result.value for result in results]))
    return [*results, MeasureResult("SWD", mean, {**facts, "levels": list(sides)})]


def pyramid_sides(side: int, smallest: int, sides: tuple[int, ...] = ()) -> tuple[int, ...]:
    """The shorter sides of a pyramid's levels, finest first.

    Args:
        side: of the images, the shorter one.
        smallest: no level is smaller, but for the first.
        sides: all sides; a level is halved while all of them are even.
    """
    levels, sides = [side], sides or (side,)
    while levels[-1] // 2 >= smallest and all(other % 2 == 0 for other in sides):
        sides = tuple(other // 2 for other in sides)
        levels.append(levels[-1] // 2)
    return tuple(levels)


def laplacian_level(images: np.ndarray, level: int, levels: int) -> np.ndarray:
    """One level of the images' Laplacian pyramid.

    Args:
        images: `(n, height, width, channels)`.
        level: from 0, the finest.
        levels: of the pyramid; the last one is not a difference.

    Returns:
        float32 `(n, height / 2^level, width / 2^level, channels)`.
    """
    current = np.asarray(images, np.float32)
    for _ in range(level):
        current = _shrunk(current)
    return current if level == levels - 1 else current - _enlarged(_shrunk(current))


def _shrunk(images: np.ndarray) -> np.ndarray:
    return _filtered(images)[:, ::2, ::2]


def _enlarged(images: np.ndarray) -> np.ndarray:
    """Zeros between the pixels, then the filter."""
    count, height, width, channels = images.shape
    spaced = np.zeros((count, 2 * height, 2 * width, channels), images.dtype)
    spaced[:, ::2, ::2] = 4.0 * images
    return _filtered(spaced)


def _filtered(images: np.ndarray) -> np.ndarray:
    """The binomial filter of 5 along both axes; edges are mirrored."""
    for axis in (1, 2):
        widths = [(0, 0)] * 4
        widths[axis] = (2, 2)
        padded = np.pad(images, widths, mode="reflect")
        length = images.shape[axis]
        images = sum(
            np.float32(weight) * np.take(padded, range(start, start + length), axis)
            for start, weight in enumerate(_FILTER)
        )
    return images


def _descriptors(
    images: np.ndarray, level: int, levels: int, patches: int, draws: np.random.Generator
) -> np.ndarray:
    """Random patches of a level, each channel with mean 0 and deviation 1: `(n * patches, d)`."""
    parts = []
    for start in range(0, len(images), 256):
        maps = laplacian_level(images[start : start + 256], level, levels)
        windows = np.lib.stride_tricks.sliding_window_view(maps, (PATCH, PATCH), (1, 2))
        count, rows, columns = windows.shape[:3]
        row = draws.integers(rows, size=(count, patches))
        column = draws.integers(columns, size=(count, patches))
        parts.append(windows[np.arange(count)[:, None], row, column])
    found = np.concatenate(parts).reshape(-1, images.shape[3], PATCH * PATCH)
    found -= found.mean((0, 2), keepdims=True, dtype=np.float64)
    deviation = found.std((0, 2), keepdims=True, dtype=np.float64)
    found /= np.where(deviation > 0, deviation, 1.0)
    return found.reshape(len(found), -1)


def _distance(
    first: np.ndarray, second: np.ndarray, directions: int, draws: np.random.Generator
) -> float:
    """Mean distance of the projections on random unit vectors."""
    vectors = draws.standard_normal((first.shape[1], directions)).astype(np.float32)
    vectors /= np.sqrt(np.square(vectors).sum(0))
    total = 0.0
    for start in range(0, directions, 16):  # sorted columns of all patches at once take too much
        some = vectors[:, start : start + 16]
        projected = [np.sort((rows @ some).T, axis=1) for rows in (first, second)]
        total += float(np.abs(projected[0] - projected[1]).mean(1, dtype=np.float64).sum())
    return total / directions


def _check(real: np.ndarray, fake: np.ndarray, *numbers: int) -> None:
    if real.ndim != 4 or real.shape[1:] != fake.shape[1:] or not len(real) or not len(fake):
        raise InputError(
            f"real examples of shape {real.shape} and generated ones of {fake.shape}; SWD compares"
            " images of one shape, (n, height, width, channels), one or more of each"
        )
    if min(real.shape[1:3]) < PATCH:
        raise InputError(
            f"images of {real.shape[1]}x{real.shape[2]} pixels; SWD takes patches of {PATCH}x"
            f"{PATCH}, so it needs images of at least that size"
        )
    if min(numbers) < 1:
        raise InputError(f"patches, repeats, directions are {numbers}; each must be 1 or more")
