"""The paintings world: scenes as content, and patterns as styles.

A scene has a sky with a gradient, a ground and a few flat shapes in the muted colours of
photographs. A pattern covers its image evenly in strong colours: stripes, waves, checks, rings or
dots. So the style of an image can be measured: its colours, and how fast they change in which
direction.
"""

from __future__ import annotations

import numpy as np

from tfgan_suite.data.synthetic import shape_parts
from tfgan_suite.errors import InputError

KINDS = ("stripes", "waves", "checks", "rings", "dots")
SMALLEST = 16


def scenes(count: int, size: int = 96, seed: int = 0) -> np.ndarray:
    """Generates content images.

    Args:
        count: number of images.
        size: side of the square images in pixels, at least 16.
        seed: seed of the scenes.

    Returns:
        uint8 `(count, size, size, 3)`.

    Raises:
        InputError: `size` is below 16 or `count` below 1.
    """
    _check(count, size, "scenes")
    draws = np.random.default_rng([seed, 0])
    rows = np.linspace(0.0, 1.0, size)[:, None, None]
    images = np.empty((count, size, size, 3), np.uint8)
    for index in range(count):
        top, bottom, ground = (0.25 + 0.5 * draws.random(3) for _ in range(3))
        image = np.broadcast_to(top + rows * (bottom - top), (size, size, 3)).copy()
        image[int(size * (0.6 + 0.25 * draws.random())) :] = ground
        for _ in range(3):
            shape, radius = int(3 * draws.random()), size * (0.1 + 0.12 * draws.random())
            centre = size * (0.15 + 0.7 * draws.random(2))
            cover = shape_parts.coverage(
                np.array([shape]),
                centre[None],
                np.array([radius]),
                np.array([2.0 * np.pi * draws.random()]),
                size,
            )[0, ..., None]
            image += cover * (0.15 + 0.7 * draws.random(3) - image)
        images[index] = np.round(255.0 * np.clip(image, 0.0, 1.0))
    return images


def patterns(count: int, size: int = 96, seed: int = 0) -> np.ndarray:
    """Generates style images: pattern i is of kind `i % 5`, with its own colours and direction.

    Args:
        count: number of images.
        size: side of the square images in pixels, at least 16.
        seed: seed of the patterns.

    Returns:
        uint8 `(count, size, size, 3)`.

    Raises:
        InputError: `size` is below 16 or `count` below 1.
    """
    _check(count, size, "patterns")
    draws = np.random.default_rng([seed, 1])
    positions = np.stack(np.meshgrid(np.arange(size), np.arange(size), indexing="ij"), -1) + 0.5
    images = np.empty((count, size, size, 3), np.uint8)
    for index in range(count):
        angle, length = np.pi * draws.random(), 4.0 + 8.0 * draws.random()
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        along, across = np.moveaxis(2.0 * np.pi / length * (positions @ rotation), -1, 0)
        wave = _wave(KINDS[index % len(KINDS)], along, across)
        # Two contrasting colours: the second is roughly the opposite of the first.
        first = draws.random(3)
        second = np.clip(np.where(first > 0.5, first - 0.6, first + 0.6), 0.0, 1.0)
        share = (0.5 + 0.5 * np.tanh(3.0 * wave))[..., None]
        images[index] = np.round(255.0 * (first + share * (second - first)))
    return images


def _wave(kind: str, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Values around 0 whose sign selects the colour; the period is 2 pi."""
    if kind == "stripes":
        return np.sin(along)
    if kind == "waves":
        return np.sin(along + 1.5 * np.sin(0.5 * across))
    if kind == "checks":
        return np.sin(along) * np.sin(across)
    if kind == "rings":
        return np.sin(np.hypot(along - along.mean(), across - across.mean()))
    return np.cos(along) + np.cos(across) - 0.8  # dots


def _check(count: int, size: int, what: str) -> None:
    if size < SMALLEST or count < 1:
        raise InputError(
            f"{count} {what} were requested at size {size}; expected 1 or more of size {SMALLEST} "
            "or more: choose larger numbers"
        )
