"""Upscales an image, whole or in overlapping tiles, so that memory does not grow with its size.

Tiles are placed and blended as in `inference.tiles`, with weights at the size of the result. Far
from a tile's edge, the output of a convolutional network does not depend on the tile.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tfgan_suite.inference import tiles
from tfgan_suite.utils import image_grids

Call = Callable[[np.ndarray], np.ndarray]

# Images with more pixels than this are processed in tiles by default.
MAX_PIXELS, TILE = 192 * 192, 128
# Shorter sides are padded to this length by reflection.
MIN_SIDE = 8
_BAND = 256  # rows of the result that are rounded at once


def upscale_image(
    image: np.ndarray, call: Call, factor: int, *, tile: int = 0, overlap: int = 0
) -> np.ndarray:
    """Upscales an image.

    Args:
        image: uint8 `(height, width, channels)`.
        call: takes float32 `(1, height, width, channels)` in [-1, 1] and returns `factor` times
            the height and width.
        factor: the scale.
        tile: side of the tiles in pixels of the small image; 0: no tiles up to 192 x 192 pixels,
            128 above.
        overlap: pixels that neighbouring tiles share; 0: a quarter of the tile.

    Returns:
        uint8 `(factor * height, factor * width, channels of the result)`.

    Raises:
        InputError: tiles that cannot be blended.
    """
    height, width = image.shape[:2]
    padded = image
    if min(height, width) < MIN_SIDE:
        padding = [(0, max(0, MIN_SIDE - side)) for side in (height, width)]
        padded = np.pad(image, [*padding, (0, 0)], mode="symmetric")
    if not tile and padded.shape[0] * padded.shape[1] > MAX_PIXELS:
        tile = TILE
    if tile:
        tiles.check(tile, overlap or tile // 4)
    if not tile or max(padded.shape[:2]) <= tile:
        output = np.asarray(call(_to_float(padded))[0], np.float32)
    else:
        output = _blend(padded, call, factor, tile, overlap or tile // 4)
    return _to_uint8(output[: height * factor, : width * factor])


def _blend(image: np.ndarray, call: Call, factor: int, tile: int, overlap: int) -> np.ndarray:
    sides = [min(tile, length) for length in image.shape[:2]]
    starts = [tiles.tile_starts(n, side, overlap) for n, side in zip(image.shape[:2], sides)]
    # A quarter of the overlap has weight 0: there a tile saw its edge, not the image beyond it.
    row_weights, column_weights = (
        tiles.tile_weights(
            [start * factor for start in positions], side * factor, overlap // 4 * factor
        )
        for positions, side in zip(starts, sides)
    )
    result = None
    for top, vertical in zip(starts[0], row_weights):
        for left, horizontal in zip(starts[1], column_weights):
            part = image[top : top + sides[0], left : left + sides[1]]
            output = np.asarray(call(_to_float(part))[0], np.float32)
            if result is None:
                size = [length * factor for length in image.shape[:2]]
                result = np.zeros((*size, output.shape[-1]), np.float32)
            window = tuple(
                slice(start * factor, (start + side) * factor)
                for start, side in zip((top, left), sides)
            )
            weight = (vertical[:, None] * horizontal[None, :]).astype(np.float32)
            result[window] += weight[..., None] * output
    return result


def _to_float(image: np.ndarray) -> np.ndarray:
    return image[None].astype(np.float32) / np.float32(127.5) - np.float32(1.0)


def _to_uint8(output: np.ndarray) -> np.ndarray:
    """Rounds a few rows at a time: copies of a large image take much memory."""
    pixels = np.empty(output.shape, np.uint8)
    for start in range(0, len(output), _BAND):
        pixels[start : start + _BAND] = image_grids.to_uint8(output[start : start + _BAND])
    return pixels
