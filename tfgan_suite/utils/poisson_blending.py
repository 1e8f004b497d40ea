"""Seams that do not show: the hole gets the gradients of what fills it (Perez et al. 2003)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tfgan_suite.utils.optional_packages import require

EXTRA = "latent"


def paste(known: np.ndarray, filling: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Known pixels from one image, the hole from another.

    Args:
        known, filling: `(..., height, width, channels)`.
        mask: `(height, width)` of 0 and 1; 1 is known.
    """
    return np.where(np.asarray(mask)[..., None] > 0.5, known, filling)


def poisson(mask: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Poisson blending for one mask, whose linear system is factorized once.

    `min sum |grad x - grad filling|^2` over pairs of neighbours of which at least one lies in the
    hole, with `x = known` outside it. A pixel at the image's edge has fewer neighbours, so holes
    may touch the edge and consist of several parts. A hole that touches no known pixel keeps the
    filling.

    Args:
        mask: `(height, width)` of 0 and 1; 1 is known.

    Returns:
        Function of known and filling images, float `(..., height, width, channels)`, that returns
        blended ones of this shape. Known pixels are those of `known`, bit for bit. Values may leave
        [-1, 1] a little.

    Raises:
        InputError: SciPy is not installed.
    """
    sparse = require("scipy.sparse", EXTRA, "Poisson blending")
    linalg = require("scipy.sparse.linalg", EXTRA, "Poisson blending")
    hole = np.asarray(mask) <= 0.5
    height, width = hole.shape
    count = int(hole.sum())
    number = np.full(hole.shape, -1)
    number[hole] = np.arange(count)
    # One row of `outside` per neighbouring pair (pixel of the hole, its neighbour).
    pixel, neighbour = _pairs(hole)
    inside = number.reshape(-1)[neighbour]
    rows = number.reshape(-1)[pixel]
    degree = np.bincount(rows, minlength=count).astype(np.float64)
    both = inside >= 0
    laplace = sparse.coo_matrix(
        (-np.ones(both.sum()), (rows[both], inside[both])), shape=(count, count)
    ) + sparse.diags(degree)
    parts, labels = sparse.csgraph.connected_components(laplace, directed=False)
    # A part of the hole with no known neighbour has no border values: its system is singular.
    bounded = np.zeros(parts, bool)
    bounded[labels[rows[~both]]] = True
    loose = ~bounded[labels]
    solve = linalg.splu((laplace + sparse.diags(loose.astype(np.float64))).tocsc()).solve

    def blend(known: np.ndarray, filling: np.ndarray) -> np.ndarray:
        known, filling = np.asarray(known), np.asarray(filling)
        channels = known.shape[-1]
        border = _by_pixel(known).astype(np.float64)
        guide = _by_pixel(filling).astype(np.float64)
        steps = guide[pixel] - guide[neighbour]
        steps[~both] += border[neighbour[~both]]
        right = np.zeros((count, guide.shape[1]))
        np.add.at(right, rows, steps)
        right[loose] += guide[hole.reshape(-1)][loose]
        values = solve(right)
        blended = _by_pixel(known).copy()
        blended[hole.reshape(-1)] = values.astype(known.dtype)
        moved = blended.reshape(height, width, -1, channels)
        return np.moveaxis(moved, 2, 0).reshape(known.shape)

    return blend


def _pairs(hole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flat indices of each pixel of the hole and of each of its up to four neighbours."""
    index = np.arange(hole.size).reshape(hole.shape)
    firsts, seconds = [], []
    for one, other in ((index[:, :-1], index[:, 1:]), (index[:-1], index[1:])):
        for pixel, neighbour in ((one, other), (other, one)):
            inside = hole.reshape(-1)[pixel.reshape(-1)]
            firsts.append(pixel.reshape(-1)[inside])
            seconds.append(neighbour.reshape(-1)[inside])
    return np.concatenate(firsts), np.concatenate(seconds)


def _by_pixel(images: np.ndarray) -> np.ndarray:
    """`(height * width, images * channels)`."""
    height, width, channels = images.shape[-3:]
    flat = images.reshape(-1, height, width, channels)
    return np.moveaxis(flat, 0, 2).reshape(height * width, -1)


def seam(images: np.ndarray, mask: np.ndarray) -> float:
    """How visible the border of the hole is: the mean step across it.

    Args:
        images: `(count, height, width, channels)`.
        mask: `(height, width)` of 0 and 1.

    Returns:
        Mean absolute difference between pixels of the hole and their known neighbours.
    """
    hole = np.asarray(mask) <= 0.5
    pixel, neighbour = _pairs(hole)
    across = ~hole.reshape(-1)[neighbour]
    values = _by_pixel(np.asarray(images, np.float64))
    return float(np.abs(values[pixel[across]] - values[neighbour[across]]).mean())
