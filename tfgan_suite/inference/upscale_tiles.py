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
        output = image_grids.to_uint8(np.asarray(call(tiles.to_float(padded)[None])[0], np.float32))
    else:
        output = _blend(padded, call, factor, tile, overlap or tile // 4)
    return output[: height * factor, : width * factor]


def _blend(image: np.ndarray, call: Call, factor: int, tile: int, overlap: int) -> np.ndarray:
    sides = [min(tile, length) for length in image.shape[:2]]
    starts = [tiles.tile_starts(n, side, overlap) for n, side in zip(image.shape[:2], sides)]
    # A quarter of the overlap has weight 0: there a tile saw its edge, not the image beyond it.
    return tiles.blend(image, call, starts, sides, overlap // 4, factor)
