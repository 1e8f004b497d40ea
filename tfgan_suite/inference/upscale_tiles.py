"""Enlarging one image, whole or in overlapping tiles, so that memory does not grow with it.

Tiles are laid and blended as `translate.tiles` does it, with the weights at the size of the
result. What a network of convolutions says far from a tile's edge does not depend on the tile.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tfgan_suite.inference import tiles
from tfgan_suite.utils import image_grids

Call = Callable[[np.ndarray], np.ndarray]

# Images with more pixels than this go through in tiles unless the user says otherwise.
WHOLE, TILE = 192 * 192, 128
# Smaller sides are continued by their mirror image.
SMALLEST = 8
_BAND = 256  # rows of the result that are rounded at once


def enlarge_image(
    image: np.ndarray, call: Call, factor: int, *, tile: int = 0, overlap: int = 0
) -> np.ndarray:
    """Enlarges one image.

    Args:
        image: uint8 `(height, width, channels)`.
        call: takes float32 `(1, height, width, channels)` in [-1, 1], gives `factor` times the
            height and width.
        factor: of the enlargement.
        tile: side of the tiles in pixels of the small image; 0: none up to 192 x 192 pixels,
            128 above.
        overlap: pixels that neighbouring tiles share; 0: a quarter of the tile.

    Returns:
        uint8 `(factor * height, factor * width, channels of the result)`.

    Raises:
        InputError: an impossible tile or overlap.
    """
    height, width = image.shape[:2]
    whole = image
    if min(height, width) < SMALLEST:
        more = [(0, max(0, SMALLEST - side)) for side in (height, width)]
        whole = np.pad(image, [*more, (0, 0)], mode="symmetric")
    if not tile and whole.shape[0] * whole.shape[1] > WHOLE:
        tile = TILE
    if tile:
        tiles.check(tile, overlap or tile // 4)
    if not tile or max(whole.shape[:2]) <= tile:
        made = np.asarray(call(_floats(whole))[0], np.float32)
    else:
        made = _blended(whole, call, factor, tile, overlap or tile // 4)
    return _rounded(made[: height * factor, : width * factor])


def _blended(image: np.ndarray, call: Call, factor: int, tile: int, overlap: int) -> np.ndarray:
    sides = [min(tile, length) for length in image.shape[:2]]
    starts = [tiles.places(n, side, overlap) for n, side in zip(image.shape[:2], sides)]
    # A quarter of the overlap counts nothing: there a tile saw its edge and not what lies behind.
    down, across = (
        tiles.windows([first * factor for first in firsts], side * factor, overlap // 4 * factor)
        for firsts, side in zip(starts, sides)
    )
    result = None
    for top, vertical in zip(starts[0], down):
        for left, horizontal in zip(starts[1], across):
            part = image[top : top + sides[0], left : left + sides[1]]
            made = np.asarray(call(_floats(part))[0], np.float32)
            if result is None:
                size = [length * factor for length in image.shape[:2]]
                result = np.zeros((*size, made.shape[-1]), np.float32)
            place = tuple(
                slice(first * factor, (first + side) * factor)
                for first, side in zip((top, left), sides)
            )
            weight = (vertical[:, None] * horizontal[None, :]).astype(np.float32)
            result[place] += weight[..., None] * made
    return result


def _floats(image: np.ndarray) -> np.ndarray:
    return image[None].astype(np.float32) / np.float32(127.5) - np.float32(1.0)


def _rounded(made: np.ndarray) -> np.ndarray:
    """As bytes, a few rows at a time: of a large image every copy counts."""
    found = np.empty(made.shape, np.uint8)
    for first in range(0, len(made), _BAND):
        found[first : first + _BAND] = image_grids.to_uint8(made[first : first + _BAND])
    return found
