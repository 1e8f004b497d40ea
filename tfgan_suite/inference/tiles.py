"""Large images in overlapping tiles, blended so that no seam shows.

Along each side tile i has the weight `w_i(x) = r_i(x) - r_(i+1)(x)`, where `r_i` rises from 0 to 1
in a half cosine over the overlap of the tiles i - 1 and i (`r_0 = 1`, `r_n = 0`). The weights sum
to 1 at every pixel, and a tile counts nothing near its inner edges, where the network saw the
edge and not the image behind it: a quarter of the overlap is left out on each side.

A network whose answer depends on nothing farther away than that quarter gives, in tiles, what it
gives for the whole image. One that looks at the whole (instance norm, a deep U-Net) answers each
tile by itself; blending hides the edges, but tiles may differ in tone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tfgan_suite.errors import InputError

Call = Callable[[np.ndarray], np.ndarray]


def translate_image(
    image: np.ndarray,
    call: Call,
    *,
    tile: int = 0,
    overlap: int = 0,
    multiple: int = 1,
    size: tuple[int, int] | None = None,
) -> np.ndarray:
    """Translates one image, whole or in tiles.

    Args:
        image: float `(height, width, channels)`.
        call: translates `(1, height, width, channels)` into the same height and width.
        tile: side of the tiles; 0: the whole image at once. An image that is no larger goes
            through at once too.
        overlap: pixels that neighbouring tiles share; 0: a quarter of the tile.
        multiple: tiles begin at multiples of this, so that a network that halves images sees
            each pixel as it sees it in the whole image.
        size: the height and width that the network takes, where it takes no other. Tiles then
            have this size, and smaller images are continued to it by their mirror image.

    Returns:
        float32 `(height, width, channels of the output)`.

    Raises:
        InputError: a tile or an overlap that is impossible.
    """
    height, width = image.shape[:2]
    if size is None and (not tile or max(height, width) <= tile):
        return np.asarray(call(image[None])[0], np.float32)
    multiple = max(1, multiple)
    # A tile is as large as asked for, rounded up to what the network takes as it is.
    full = min(size) if size else _up(tile, multiple)
    sides = size or tuple(min(full, _up(side, multiple)) for side in (height, width))
    overlap = overlap or full // 4
    check(full, overlap)
    starts, wanted = [], []
    for side, length in zip(sides, (height, width)):
        # Where tiles are too small to begin on the grid, they begin anywhere.
        grid = multiple if side - overlap >= multiple and side % multiple == 0 else 1
        wanted.append(max(side, _up(length, grid)))
        starts.append(places(wanted[-1], side, overlap, grid))
    reach = [(0, wanted[0] - height), (0, wanted[1] - width), (0, 0)]
    whole = np.pad(image, reach, mode="reflect") if wanted != [height, width] else image
    return _blended(whole, call, starts, sides, overlap // 4)[:height, :width]


def check(tile: int, overlap: int) -> None:
    """Refuses tiles that cannot be blended.

    Raises:
        InputError: the tile is too small, or the overlap is not from 2 to half of it.
    """
    if tile < 8:
        raise InputError(f"tiles of {tile} pixels are too small; give at least 8")
    if not 2 <= overlap <= tile // 2:
        raise InputError(
            f"an overlap of {overlap} with tiles of {tile} pixels; it must be from 2 to"
            f" {tile // 2}, half of the tile"
        )


def places(length: int, tile: int, overlap: int, multiple: int = 1) -> list[int]:
    """Where tiles begin so that they cover a side evenly.

    Args:
        length: of the side; `length - tile` is a multiple of `multiple`.
        tile: of the tiles, at most the length.
        overlap: least number of pixels that neighbours share.
        multiple: every place is a multiple of this; at most `tile - overlap`.

    Returns:
        Places from 0 to `length - tile`, ascending.
    """
    free, step = (length - tile) // multiple, (tile - overlap) // multiple
    steps = -(-free // step)
    return [free * index // max(steps, 1) * multiple for index in range(steps + 1)]


def windows(starts: list[int], tile: int, margin: int) -> np.ndarray:
    """The weights of tiles along one side, which sum to 1 at every pixel.

    Args:
        starts: where the tiles begin, as from `places`.
        tile: their length.
        margin: pixels at inner edges that get no weight; less than half of the smallest overlap.

    Returns:
        float64 `(number of tiles, tile)`.
    """

    def risen(index: int, pixels: np.ndarray) -> np.ndarray | float:
        if index == 0:
            return 1.0
        if index == len(starts):
            return 0.0
        begin, end = starts[index] + margin, starts[index - 1] + tile - margin
        share = np.clip((pixels + 0.5 - begin) / (end - begin), 0.0, 1.0)
        return 0.5 - 0.5 * np.cos(np.pi * share)

    found = np.empty((len(starts), tile))
    for index, start in enumerate(starts):
        pixels = start + np.arange(tile)
        found[index] = risen(index, pixels) - risen(index + 1, pixels)
    return found


def _blended(
    image: np.ndarray,
    call: Call,
    starts: list[list[int]],
    sides: tuple[int, int],
    margin: int,
) -> np.ndarray:
    down, across = (windows(places, side, margin) for places, side in zip(starts, sides))
    result = None
    for top, vertical in zip(starts[0], down):
        for left, horizontal in zip(starts[1], across):
            place = slice(top, top + sides[0]), slice(left, left + sides[1])
            made = np.asarray(call(image[place][None])[0], np.float32)
            if result is None:
                result = np.zeros((*image.shape[:2], made.shape[-1]), np.float32)
            weight = (vertical[:, None] * horizontal[None, :]).astype(np.float32)
            result[place] += weight[..., None] * made
    return result


def _up(length: int, multiple: int) -> int:
    return -(-length // multiple) * multiple
