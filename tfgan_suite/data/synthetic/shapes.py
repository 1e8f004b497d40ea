"""The shapes world: one coloured circle, square or triangle on a plain dark background.

It is small enough for a GAN to learn in minutes, and its ground truth is known: which of 18
classes, where, how large. `read` extracts the same from any image, so that what a generator has
learned is a number.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tfgan_suite.data.synthetic import shape_parts
from tfgan_suite.data.synthetic.shape_parts import CLASSES, COLOURS, SHAPES
from tfgan_suite.data.synthetic.shape_reader import Reading, read, report
from tfgan_suite.errors import InputError

__all__ = [
    "CLASSES",
    "COLOURS",
    "SHAPES",
    "SMALLEST",
    "Examples",
    "Reading",
    "generate",
    "read",
    "report",
]

SMALLEST = 16  # below it a small square and a small disc cover the same pixels


@dataclasses.dataclass(frozen=True)
class Examples:
    """Images of the shapes world with their ground truth.

    Args:
        images: uint8 `(n, size, size, 3)`.
        label: int32 `(n,)`, index into `CLASSES` = `shape * 6 + colour`.
        shape: int32 `(n,)`, index into `SHAPES`.
        colour: int32 `(n,)`, index into the names of `COLOURS`.
        box: float32 `(n, 4)`: left, top, right, bottom in pixels (0 is the image's edge).
        centre: float32 `(n, 2)`: x and y of the centre of mass in pixels.
    """

    images: np.ndarray
    label: np.ndarray
    shape: np.ndarray
    colour: np.ndarray
    box: np.ndarray
    centre: np.ndarray


def generate(count: int = 6000, size: int = 32, seed: int = 0) -> Examples:
    """Generates examples; the same seed gives the same scenes at every size.

    Args:
        count: number of examples; the classes come equally often (up to a remainder).
        size: side of the square images in pixels, at least 16.
        seed: seed of the scenes.

    Returns:
        `Examples`.

    Raises:
        InputError: `size` is below 16 or `count` below 1.
    """
    if size < SMALLEST:
        raise InputError(
            f"the shapes world was requested at size {size}; expected {SMALLEST} or more, below "
            "which its shapes look alike: choose a larger size"
        )
    if count < 1:
        raise InputError(
            f"{count} examples of the shapes world were requested; expected a positive number: ask "
            "for 1 or more"
        )
    # Only `random()` is used: its values are the same in every NumPy version.
    draws = np.random.default_rng(seed).random((count, 6))
    label = (np.argsort(np.argsort(draws[:, 0])) % len(CLASSES)).astype(np.int32)
    shape, colour = np.divmod(label, len(COLOURS))
    low, high = shape_parts.RADII
    radius = low + (high - low) * draws[:, 1]
    angle = np.radians(shape_parts.TURNS)[shape] * (2.0 * draws[:, 2] - 1.0)
    centre, box = _centres_and_boxes(shape, radius, angle, draws[:, 3:5])
    low, high = shape_parts.GREYS
    grey = low + (high - low) * draws[:, 5]
    images = shape_parts.paint(shape, colour, centre * size, radius * size, angle, grey, size)
    return Examples(
        images,
        label,
        shape.astype(np.int32),
        colour.astype(np.int32),
        (box * size).astype(np.float32),
        (centre * size).astype(np.float32),
    )


def _centres_and_boxes(shape, radius, angle, draws):
    """Centres `(n, 2)` that keep every shape inside, and boxes `(n, 4)`; side = 1."""
    margin = 0.03
    centre = np.empty((len(shape), 2))
    box = np.empty((len(shape), 4))
    for index in range(len(shape)):
        points = shape_parts.corners(shape[index], radius[index], angle[index])
        low, high = points.min(axis=0), points.max(axis=0)
        room = 1.0 - 2.0 * margin - (high - low)
        centre[index] = margin - low + room * (0.5 + shape_parts.ROAM * (draws[index] - 0.5))
        box[index] = np.concatenate([centre[index] + low, centre[index] + high])
    return centre, box
