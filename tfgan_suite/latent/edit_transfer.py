"""Carries what changes along a sequence of generated images over to a photo (Zhu et al. 2016).

The photo is moved and recoloured as the images are, at its own resolution, so that it keeps details
that no generator drew. Motion and colour are estimated between images that follow each other, where
they are small, and composed.
"""

from __future__ import annotations

import numpy as np

from tfgan_suite.latent import optical_flow
from tfgan_suite.utils.optional_packages import require

LARGEST = 128  # side of the images between which motion is estimated
_BAND = 2**17  # pixels of the photo that are computed at once


def transfer(frames: np.ndarray, photo: np.ndarray) -> np.ndarray:
    """The photo, edited as the last image differs from the first.

    Args:
        frames: float `(count, height, width, channels)` in [-1, 1], in small steps.
        photo: float `(rows, columns, channels)` in [-1, 1], of the same sides or the same ratio.

    Returns:
        float32 of the photo's shape, in [-1, 1].

    Raises:
        InputError: SciPy is not installed.
    """
    frames = np.asarray(frames, np.float64)
    while max(frames.shape[1:3]) > LARGEST:
        frames = optical_flow.halve(frames)
    flow, colour = compose(*optical_flow.estimate(frames[:-1], frames[1:]))
    return apply(photo, flow, colour)


def compose(flows: np.ndarray, colours: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One flow and one colour transform from those between successive images.

    A displacement is looked up where the next one points to; displacements are not added as they
    stand.

    Args:
        flows: `(steps, height, width, 2)`, each from an image back to the one before.
        colours: `(steps, height, width, channels, channels + 1)`.

    Returns:
        `(height, width, 2)` and `(height, width, channels, channels + 1)`.
    """
    flow, colour = flows[:1], colours[:1]
    for step in range(1, len(flows)):
        back, change = flows[step : step + 1], colours[step : step + 1]
        flow = back + optical_flow.warp(flow, back)
        before = optical_flow.warp(colour, back)
        matrix = change[..., :-1] @ before[..., :-1]
        offset = optical_flow.apply_colour(change, before[..., -1])
        colour = np.concatenate([matrix, offset[..., None]], -1)
    return flow[0], colour[0]


def apply(photo: np.ndarray, flow: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Moves and recolours a photo by smaller maps.

    Args:
        photo: `(rows, columns, channels)` in [-1, 1].
        flow: `(height, width, 2)` in pixels of its own grid.
        colour: `(height, width, channels, channels + 1)`.

    Returns:
        float32 `(rows, columns, channels)` in [-1, 1].
    """
    ndimage = require("scipy.ndimage", "latent", "the transfer of edits")
    height, width, channels = photo.shape
    sides = flow.shape[:2]
    splines = [ndimage.spline_filter(photo[..., i], mode="mirror") for i in range(channels)]
    edited = np.empty(photo.shape, np.float32)
    rows_at_once = max(1, _BAND // width)
    for top in range(0, height, rows_at_once):
        band = slice(top, min(top + rows_at_once, height))
        grid = optical_flow.positions(sides, height, width, band)
        shift = optical_flow.sample(flow[None], *grid)[0]
        rows = np.arange(band.start, band.stop)[:, None] + shift[..., 0] * height / sides[0]
        columns = np.arange(width) + shift[..., 1] * width / sides[1]
        moved = [
            ndimage.map_coordinates(spline, (rows, columns), mode="mirror", prefilter=False)
            for spline in splines
        ]
        transforms = optical_flow.sample(colour[None], *grid)[0]
        edited[band] = optical_flow.apply_colour(transforms, np.stack(moved, -1)).clip(-1.0, 1.0)
    return edited
