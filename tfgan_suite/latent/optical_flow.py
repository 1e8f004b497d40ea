"""Dense motion and local changes of colour between images, for the transfer of edits.

A flow w and a colour transform A (affine, one for each pixel) such that the second image is the
first one, moved and recoloured:

    min  sum |A I(p + w(p)) - J(p)|^2  +  smoothness * |grad w|^2

The flow by Horn and Schunck from coarse to fine, A by a regression in a Gaussian window around
each pixel, in turns. All pairs of a sequence are computed at once.
"""

from __future__ import annotations

import numpy as np

from tfgan_suite.utils.optional_packages import require

SMOOTHNESS = 0.1
WINDOW = 3.0  # standard deviation of the regression's window in pixels
RIDGE = 1e-3  # draws A to the identity where the colours of a window are too few to tell
COARSEST = 8  # least side of the pyramid's images
_WARPS, _SWEEPS, _MEDIAN = 5, 40, 5


def estimate(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The flow and the colour transforms that turn each first image into its second.

    Args:
        first, second: float `(pairs, height, width, channels)` in [-1, 1].

    Returns:
        The flow `(pairs, height, width, 2)`, rows and columns: a pixel p of the second image was at
        `p + flow(p)` in the first. The transforms `(pairs, height, width, channels, channels + 1)`:
        a matrix, and an offset as its last column.

    Raises:
        InputError: SciPy is not installed.
    """
    pyramid = [(np.asarray(first, np.float64), np.asarray(second, np.float64))]
    while min(pyramid[-1][0].shape[1:3]) >= 2 * COARSEST:
        pyramid.append((halve(pyramid[-1][0]), halve(pyramid[-1][1])))
    flow = np.zeros((*pyramid[-1][0].shape[:3], 2))
    for source, target in reversed(pyramid):
        scale = np.array(source.shape[1:3]) / flow.shape[1:3]
        flow = resize(flow, source.shape[1], source.shape[2]) * scale
        for _ in range(_WARPS):
            moved = warp(source, flow)
            recoloured = apply_colour(fit_colour(moved, target), moved)
            flow = _smooth_flow(recoloured, target, flow)
    return flow, fit_colour(warp(first, flow), second)


def _smooth_flow(image: np.ndarray, target: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Horn and Schunck's flow around one by which the image has been moved already."""
    slopes = np.stack(np.gradient(image, axis=(1, 2)), axis=-1)  # (pairs, h, w, channels, 2)
    error = image - target - (slopes * flow[..., None, :]).sum(-1)
    xx, xy, yy = ((slopes[..., i] * slopes[..., j]).sum(-1) for i, j in ((0, 0), (0, 1), (1, 1)))
    along, across = (-(slopes[..., i] * error).sum(-1) for i in (0, 1))
    xx, yy = xx + SMOOTHNESS, yy + SMOOTHNESS
    determinant = xx * yy - xy * xy
    for _ in range(_SWEEPS):
        mean = SMOOTHNESS * neighbour_mean(flow)
        row, column = mean[..., 0] + along, mean[..., 1] + across
        flow = np.stack([yy * row - xy * column, xx * column - xy * row], -1)
        flow /= determinant[..., None]
    # Colours that no motion explains make outliers, which tear edges.
    ndimage = require("scipy.ndimage", "latent", "the transfer of edits")
    return ndimage.median_filter(flow, (1, _MEDIAN, _MEDIAN, 1), mode="nearest")


def fit_colour(image: np.ndarray, target: np.ndarray) -> np.ndarray:
    """For each pixel, the affine transform of colours that fits best in a window around it.

    Args:
        image, target: `(pairs, height, width, channels)`.

    Returns:
        `(pairs, height, width, channels, channels + 1)`; the identity where the images are equal.
    """
    ndimage = require("scipy.ndimage", "latent", "the transfer of edits")
    channels = image.shape[-1]
    values = np.concatenate([image, np.ones_like(image[..., :1])], -1)
    products = values[..., :, None] * np.concatenate([values, target - image], -1)[..., None, :]
    sigma = (0, WINDOW, WINDOW, 0, 0)
    sums = ndimage.gaussian_filter(products, sigma, mode="nearest", truncate=3.0)
    left, right = sums[..., : channels + 1], sums[..., channels + 1 :]
    change = np.linalg.solve(left + RIDGE * np.eye(channels + 1), right)
    return np.swapaxes(change, -1, -2) + np.eye(channels, channels + 1)


def apply_colour(transforms: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Recolours each pixel by its transform `(..., channels, channels + 1)`."""
    return (transforms[..., :-1] * images[..., None, :]).sum(-1) + transforms[..., -1]


def warp(maps: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Maps at the positions to which a flow points: bilinear, and the edge beyond the edge.

    Args:
        maps: `(pairs, height, width, ...)`.
        flow: `(pairs, height, width, 2)`, rows and columns.
    """
    rows, columns = np.indices(flow.shape[1:3])
    return sample(maps, rows + flow[..., 0], columns + flow[..., 1])


def sample(maps: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Maps at positions between pixels, bilinear.

    Args:
        maps: `(pairs, height, width, ...)`.
        rows, columns: `(pairs or 1, h, w)`; beyond the edge, the edge counts.

    Returns:
        `(pairs, h, w, ...)`.
    """
    count, height, width = maps.shape[:3]
    rows, columns = rows.clip(0, height - 1), columns.clip(0, width - 1)
    top = np.minimum(rows.astype(int), max(height - 2, 0))
    start = np.minimum(columns.astype(int), max(width - 2, 0))
    bottom, end = np.minimum(top + 1, height - 1), np.minimum(start + 1, width - 1)
    extra = (1,) * (maps.ndim - 3)
    down, across = ((a - b).reshape(*a.shape, *extra) for a, b in ((rows, top), (columns, start)))
    pair = np.arange(count)[:, None, None]
    upper = maps[pair, top, start] * (1.0 - across) + maps[pair, top, end] * across
    lower = maps[pair, bottom, start] * (1.0 - across) + maps[pair, bottom, end] * across
    return upper * (1.0 - down) + lower * down


def resize(maps: np.ndarray, height: int, width: int) -> np.ndarray:
    """Maps `(pairs, h, w, ...)` of another size, bilinear."""
    return sample(maps, *positions(maps.shape[1:3], height, width, slice(0, height)))


def positions(
    sides: tuple[int, ...], height: int, width: int, part: slice
) -> tuple[np.ndarray, np.ndarray]:
    """Where pixels of some rows of a resized map lie in one of other sides, `(1, rows, width)`."""
    rows = (np.arange(part.start, part.stop) + 0.5) * sides[0] / height - 0.5
    columns = (np.arange(width) + 0.5) * sides[1] / width - 0.5
    grid = np.broadcast_arrays(rows[None, :, None], columns[None, None, :])
    return grid[0], grid[1]


def halve(images: np.ndarray) -> np.ndarray:
    """Images `(pairs, height, width, ...)` of half the size, by means; an odd edge is repeated."""
    odd = [(0, 0), *((0, side % 2) for side in images.shape[1:3])]
    padded = np.pad(images, odd + [(0, 0)] * (images.ndim - 3), mode="edge")
    rows = (padded[:, ::2] + padded[:, 1::2]) / 2.0
    return (rows[:, :, ::2] + rows[:, :, 1::2]) / 2.0


def neighbour_mean(maps: np.ndarray) -> np.ndarray:
    """The mean of each pixel's four neighbours, `(pairs, height, width, ...)`."""
    rim = [(0, 0), (1, 1), (1, 1)] + [(0, 0)] * (maps.ndim - 3)
    padded = np.pad(maps, rim, mode="edge")
    vertical = padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1]
    return (vertical + padded[:, 1:-1, :-2] + padded[:, 1:-1, 2:]) / 4.0
