"""Distances of two sets of examples: by features, or by patches of images. NumPy only.

Measures report them with their protocol; training computes them on a small fixed reference.
"""

from __future__ import annotations

import numpy as np

from tfgan_suite.errors import InputError

PATCH = 7
# Values of patches are multiplied by this, as in the paper's tables.
SCALE = 1000.0
_FILTER = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16.0


def frechet_distance(
    mean_1: np.ndarray, covariance_1: np.ndarray, mean_2: np.ndarray, covariance_2: np.ndarray
) -> float:
    """Squared Frechet distance of two Gaussians.

    ```
    |m1 - m2|^2 + tr(S1) + tr(S2) - 2 tr((S1 S2)^(1/2))
    ```

    The last trace is the sum of the square roots of the eigenvalues of `A S2 A`, A the root of S1.
    That matrix is symmetric, so its eigenvalues are real and computed without the roots of S1 S2
    that blow up or turn complex where covariances are singular.

    Args:
        mean_1: `(d,)`.
        covariance_1: `(d, d)`.
        mean_2: `(d,)`.
        covariance_2: `(d, d)`.

    Returns:
        The distance; rounding may make the zero of equal Gaussians slightly negative.

    Raises:
        InputError: shapes that do not fit each other.
    """
    mean_1, mean_2 = np.asarray(mean_1, np.float64), np.asarray(mean_2, np.float64)
    first, second = (np.asarray(c, np.float64) for c in (covariance_1, covariance_2))
    if (
        mean_1.shape != mean_2.shape
        or mean_1.ndim != 1
        or not (first.shape == second.shape == (mean_1.size, mean_1.size))
    ):
        raise InputError(
            f"means of shapes {mean_1.shape} and {mean_2.shape} with covariances of shapes "
            f"{first.shape} and {second.shape}; expected (d,) and (d, d) for both: use one "
            "extractor"
        )
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    product = root @ second @ root
    overlap = np.linalg.eigvalsh((product + product.T) / 2.0)
    trace = np.trace(first) + np.trace(second) - 2.0 * np.sqrt(np.maximum(overlap, 0.0)).sum()
    return float(((mean_1 - mean_2) ** 2).sum() + trace)


def cubic_discrepancy(real: np.ndarray, fake: np.ndarray) -> float:
    """Unbiased squared maximum mean discrepancy with the kernel `(x.y / d + 1)^3`.

    Args:
        real: features `(m, d)`, m at least 2.
        fake: features `(n, d)`, n at least 2.

    Returns:
        The value; it may be negative.
    """
    return _within(real) + _within(fake) - 2.0 * float(_kernel(real, fake).mean())


def _kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first @ second.T / first.shape[1] + 1.0) ** 3


def _within(rows: np.ndarray) -> float:
    """Mean of the kernel over all pairs of different examples."""
    kernel, count = _kernel(rows, rows), len(rows)
    return float((kernel.sum() - np.trace(kernel)) / (count * (count - 1)))


def patch_distances(
    real: np.ndarray,
    fake: np.ndarray,
    *,
    patches: int = 128,
    repeats: int = 4,
    directions: int = 128,
    smallest: int = 16,
    seed: int = 0,
) -> dict[int, list[float]]:
    """Sliced Wasserstein distances of the patches of two sets, level by level, times 1000.

    Args:
        real, fake: as many images each, `(n, height, width, channels)`, at least 7x7.
        patches, repeats, directions, smallest, seed: as for `sliced_wasserstein`.

    Returns:
        By the shorter side of a level, finest first, a value for each set of directions.
    """
    sides = pyramid_sides(min(real.shape[1:3]), max(smallest, PATCH), real.shape[1:3])
    distances = {}
    for level, side in enumerate(sides):
        draws = np.random.default_rng([seed, level])
        both = [_descriptors(images, level, len(sides), patches, draws) for images in (real, fake)]
        distances[side] = [SCALE * _distance(*both, directions, draws) for _ in range(repeats)]
    return distances


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
    rows = np.concatenate(parts).reshape(-1, images.shape[3], PATCH * PATCH)
    rows -= rows.mean((0, 2), keepdims=True, dtype=np.float64)
    deviation = rows.std((0, 2), keepdims=True, dtype=np.float64)
    rows /= np.where(deviation > 0, deviation, 1.0)
    return rows.reshape(len(rows), -1)


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
