"""Upscales an image, whole or in overlapping tiles, so that memory does not grow with its size.

Tiles are placed and blended as in `inference.tiles`, with weights at the size of the result. Far
from a tile's edge, the output of a convolutional network does not depend on the tile.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tfgan_suite.inference import tiles
from tfgan_suite.utils import image_grids

Call = Callable[[np.ndarray], np.ndarray]

# Images with more pixels than this are processed in tiles by default.
MAX_PIXELS, TILE = 192 * 192, 128
# Side of the largest tiles that are chosen for a network that looks far.
LARGEST_TILE = 192
# Shorter sides are padded to this length by reflection.
MIN_SIDE = 8


def upscale_image(
    image: np.ndarray,
    call: Call,
    factor: int,
    *,
    tile: int = 0,
    overlap: int = 0,
    plan: Callable[[int, int], tiles.Tiling] | None = None,
) -> np.ndarray:
    """Upscales an image.

    Args:
        image: uint8 `(height, width, channels)`.
        call: takes float32 `(1, height, width, channels)` in [-1, 1] and returns `factor` times
            the height and width.
        factor: the scale.
        tile: side of the tiles in pixels of the small image; 0: no tiles up to 192 x 192 pixels,
            128 above.
        overlap: pixels that neighbouring tiles share; 0: a quarter of the tile, if `plan` does not
            choose more.
        plan: how the image is cut, from `tile` and `overlap`; None: as these say.

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
    if tile:
        tiles.check(tile, overlap or tile // 4)
    if max(padded.shape[:2]) <= tile or not tile and math.prod(padded.shape[:2]) <= MAX_PIXELS:
        output = image_grids.to_uint8(np.asarray(call(tiles.to_float(padded)[None])[0], np.float32))
    else:
        unplanned = tiles.Tiling(tile or TILE, overlap, None, False, None)
        tiling = unplanned if plan is None else plan(tile, overlap)
        output = _blend(padded, call, factor, tiling)
    return output[: height * factor, : width * factor]


def _blend(image: np.ndarray, call: Call, factor: int, tiling: tiles.Tiling) -> np.ndarray:
    overlap = tiling.overlap or tiling.tile // 4
    sides = [min(tiling.tile, length) for length in image.shape[:2]]
    starts = [tiles.tile_starts(n, side, overlap) for n, side in zip(image.shape[:2], sides)]
    # In the margin, which has weight 0, a tile saw its edge, not the image beyond it.
    margin = overlap // 4 if tiling.margin is None else tiling.margin
    return tiles.blend(image, call, starts, sides, margin, factor)
