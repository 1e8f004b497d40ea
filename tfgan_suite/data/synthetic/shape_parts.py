"""The elements of the shapes world: three silhouettes, six colours, 18 classes."""

from __future__ import annotations

import numpy as np

SHAPES = ("circle", "square", "triangle")
# 0..255, bright and saturated; the two nearest (green and cyan) are 157 apart of 441 possible.
COLOURS = {
    "red": (232, 52, 48),
    "green": (52, 190, 72),
    "blue": (52, 84, 240),
    "yellow": (250, 212, 46),
    "magenta": (226, 56, 200),
    "cyan": (56, 218, 232),
}
CLASSES = tuple(f"{colour} {shape}" for shape in SHAPES for colour in COLOURS)
PALETTE = np.array(list(COLOURS.values()), np.float32) / 255.0

# The size of a silhouette is the radius of the disc of the same area, so that neither size nor
# brightness reveals the shape, and the radius follows from the area.
SQUARE_HALF_SIDE = float(np.sqrt(np.pi) / 2.0)
TRIANGLE_INRADIUS = float(np.sqrt(np.pi / (3.0 * np.sqrt(3.0))))
# The variety is limited so that a small game learns the world in a few CPU minutes.
RADII = (0.25, 0.31)  # of the image's side
TURNS = (0.0, 0.0, 0.0)  # largest rotation in degrees for each of SHAPES
GREYS = (0.13, 0.15)  # background levels, 0..1
ROAM = 0.5  # share of the free space over which shapes are spread


def coverage(
    shape: np.ndarray, centre: np.ndarray, radius: np.ndarray, angle: np.ndarray, size: int
) -> np.ndarray:
    """Renders silhouettes with soft edges.

    Args:
        shape: `(n,)` index into `SHAPES`.
        centre: `(n, 2)` x and y of the centre of mass, in pixels.
        radius: `(n,)` radius of the disc of the same area, in pixels.
        angle: `(n,)` rotation in radians.
        size: side of the image in pixels.

    Returns:
        float32 `(n, size, size)` in [0, 1]: the share of each pixel that is covered, computed from
        the distance between its centre and the outline.
    """
    axis = np.arange(size, dtype=np.float32) + 0.5
    across = axis[None, None, :] - centre[:, 0, None, None].astype(np.float32)
    down = axis[None, :, None] - centre[:, 1, None, None].astype(np.float32)
    outside = np.empty((len(shape), size, size), np.float32)
    for index, distance in enumerate((_disc, _square, _triangle)):
        rows = np.flatnonzero(shape == index)
        if len(rows):
            outside[rows] = distance(
                across[rows],
                down[rows],
                radius[rows, None, None].astype(np.float32),
                angle[rows, None, None].astype(np.float32),
            )
    return np.clip(0.5 - outside, 0.0, 1.0)


def paint(
    shape: np.ndarray,
    colour: np.ndarray,
    centre: np.ndarray,
    radius: np.ndarray,
    angle: np.ndarray,
    grey: np.ndarray,
    size: int,
) -> np.ndarray:
    """Composites silhouettes onto plain backgrounds.

    Args:
        shape, centre, radius, angle, size: as for `coverage`.
        colour: `(n,)` index into `PALETTE`.
        grey: `(n,)` level of the background, 0 to 1.

    Returns:
        uint8 `(n, size, size, 3)`.
    """
    images = np.empty((len(shape), size, size, 3), np.uint8)
    block = max(1, 2**20 // size**2)  # a few MiB of floats at a time
    tint = np.array([0.97, 1.0, 1.10], np.float32)  # a cool grey contrasts with warm colours
    for first in range(0, len(shape), block):
        part = slice(first, first + block)
        cover = coverage(shape[part], centre[part], radius[part], angle[part], size)
        back = (grey[part, None].astype(np.float32) * tint)[:, None, None, :]
        front = PALETTE[colour[part]][:, None, None, :]
        pixels = back + cover[..., None] * (front - back)
        images[part] = np.round(255.0 * pixels).astype(np.uint8)
    return images


def corners(shape: int, radius: float, angle: float) -> np.ndarray:
    """Extreme points of the outline around the centre: `(k, 2)`, x and y in units of the radius."""
    if SHAPES[shape] == "circle":
        return radius * np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    if SHAPES[shape] == "square":
        directions = np.pi / 4.0 + np.arange(4) * np.pi / 2.0
        reach = radius * SQUARE_HALF_SIDE * np.sqrt(2.0)
    else:
        directions = -np.pi / 2.0 + np.arange(3) * 2.0 * np.pi / 3.0
        reach = radius * TRIANGLE_INRADIUS * 2.0
    return reach * np.stack([np.cos(directions + angle), np.sin(directions + angle)], axis=1)


def _disc(across, down, radius, angle):
    """Signed distance to a circle: negative inside; like all three, `(n, size, size)`."""
    return np.sqrt(across**2 + down**2) - radius


def _square(across, down, radius, angle):
    """Signed distance to the nearest side of a square."""
    along = np.abs(np.cos(angle) * across + np.sin(angle) * down)
    beside = np.abs(np.cos(angle) * down - np.sin(angle) * across)
    return np.maximum(along, beside) - SQUARE_HALF_SIDE * radius


def _triangle(across, down, radius, angle):
    """Signed distance to the nearest side of an equilateral triangle that points up."""
    outside = None
    for third in range(3):
        # Normals of the sides: straight down (y grows downwards), then rotated by thirds of a turn.
        normal = np.pi / 2.0 + third * 2.0 * np.pi / 3.0 + angle
        reach = np.cos(normal) * across + np.sin(normal) * down
        outside = reach if outside is None else np.maximum(outside, reach)
    return outside - TRIANGLE_INRADIUS * radius
