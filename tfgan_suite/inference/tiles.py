"""Large images in overlapping tiles, blended so that no seam shows.

Along each side, tile i has the weight `w_i(x) = r_i(x) - r_(i+1)(x)`, where `r_i` rises from 0 to
1 as a half cosine over the overlap of tiles i - 1 and i (`r_0 = 1`, `r_n = 0`). The weights sum to
1 at every pixel. A tile has weight 0 near its inner edges, where the network saw the edge and not
the image beyond it: in the margin, by default a quarter of the overlap on each side.

A network whose receptive field reaches no farther than the margin (`reach.measure_reach`) gives the
same output in tiles as for the whole image, and `plan_tiles` chooses the overlap so. One that
depends on the whole image (instance norm, a deep U-Net) treats each tile separately; blending hides
the edges, but tiles may differ in tone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.utils import image_grids

Call = Callable[[np.ndarray], np.ndarray]

# Pixels over which tiles are blended where they agree.
_BLENDED = 8


@dataclasses.dataclass(frozen=True)
class Tiling:
    """How an image is cut.

    Args:
        tile: side of the tiles.
        overlap: pixels that neighbours share; 0: a quarter of the tile.
        margin: pixels at inner edges that have weight 0; None: a quarter of the overlap.
        is_exact: whether the result is that of the whole image.
        needed: overlap from which on it would be; None: none is.
    """

    tile: int
    overlap: int
    margin: int | None
    is_exact: bool
    needed: int | None


def plan_tiles(
    reach: int | None,
    default: int,
    largest: int,
    *,
    tile: int = 0,
    overlap: int = 0,
    multiple: int = 1,
) -> Tiling:
    """Tiles that give the result of the whole image, where there are such.

    Args:
        reach: how far the network's output depends on its input; None: on the whole image.
        default: side of the tiles that is preferred.
        largest: side of the largest tile that memory allows. A network that depends on the whole
            image gets such tiles: they differ least from it.
        tile, overlap: what the user requests; 0: nothing.
        multiple: as for `translate_image`.
    """
    if reach is None:
        return Tiling(tile or largest, overlap, None, False, None)
    needed = 2 * reach + _BLENDED
    shared = overlap or needed
    # Tiles on the grid start at least one step apart.
    fitting = max(2 * shared, shared + multiple)
    tile = tile or min(max(default, _round_up(fitting, multiple)), largest)
    full = _round_up(tile, multiple)
    is_exact = shared >= needed and full >= fitting
    if not is_exact and not overlap:
        shared = full // 2
    return Tiling(tile, shared, reach if is_exact else None, is_exact, needed)


def translate_image(
    image: np.ndarray,
    call: Call,
    *,
    tile: int = 0,
    overlap: int = 0,
    multiple: int = 1,
    size: tuple[int, int] | None = None,
    margin: int | None = None,
) -> np.ndarray:
    """Translates an image, whole or in tiles.

    Args:
        image: float `(height, width, channels)`, or uint8, which the network sees as [-1, 1].
        call: translates `(1, height, width, channels)` to the same height and width.
        tile: side of the tiles; 0 processes the whole image at once, as does a tile that is at
            least as large as the image.
        overlap: pixels that neighbouring tiles share; 0: a quarter of the tile.
        multiple: tiles start at multiples of this, so that a network that downsamples sees
            each pixel as it does in the whole image.
        size: the only height and width that the network accepts, if there is one. Tiles then
            have this size, and smaller images are padded to it by reflection.
        margin: pixels at inner edges of a tile that have weight 0; None: a quarter of the overlap.

    Returns:
        `(height, width, channels of the output)`, float32 or, for uint8, uint8.

    Raises:
        InputError: tiles that cannot be blended, as for `check`.
    """
    height, width = image.shape[:2]
    if size is None and (not tile or max(height, width) <= tile):
        output = np.asarray(call(to_float(image)[None])[0], np.float32)
        return image_grids.to_uint8(output) if image.dtype == np.uint8 else output
    multiple = max(1, multiple)
    # The requested side, rounded up to what the network accepts without padding.
    full = min(size) if size else _round_up(tile, multiple)
    sides = size or tuple(min(full, _round_up(side, multiple)) for side in (height, width))
    overlap = overlap or full // 4
    check(full, overlap)
    starts, lengths = [], []
    for side, length in zip(sides, (height, width)):
        # Tiles that are too small to start on the grid start anywhere.
        grid = multiple if side - overlap >= multiple and side % multiple == 0 else 1
        lengths.append(max(side, _round_up(length, grid)))
        starts.append(tile_starts(lengths[-1], side, overlap, grid))
    margin = overlap // 4 if margin is None else margin
    return blend(image, call, starts, sides, margin)[:height, :width]


def check(tile: int, overlap: int) -> None:
    """Checks that tiles can be blended.

    Raises:
        InputError: the tile is too small, or the overlap is not from 2 to half of it.
    """
    if tile < 8:
        raise InputError(f"tiles of {tile} pixels are too small; use at least 8")
    if not 2 <= overlap <= tile // 2:
        raise InputError(
            f"the overlap is {overlap} with tiles of {tile} pixels; it must be from 2 to"
            f" {tile // 2}, half of the tile"
        )


def tile_starts(length: int, tile: int, overlap: int, multiple: int = 1) -> list[int]:
    """Where tiles start so that they cover a side evenly.

    Args:
        length: length of the side; `length - tile` is a multiple of `multiple`.
        tile: length of the tiles, at most `length`.
        overlap: least number of pixels that neighbours share.
        multiple: every start is a multiple of this; at most `tile - overlap`.

    Returns:
        Positions from 0 to `length - tile`, ascending.
    """
    free, step = (length - tile) // multiple, (tile - overlap) // multiple
    steps = -(-free // step)
    return [free * index // max(steps, 1) * multiple for index in range(steps + 1)]


def tile_weights(starts: list[int], tile: int, margin: int) -> np.ndarray:
    """The weights of tiles along one side; they sum to 1 at every pixel.

    Args:
        starts: where the tiles start, from `tile_starts`.
        tile: length of the tiles.
        margin: pixels at inner edges that have weight 0; less than half of the smallest overlap.

    Returns:
        float64 `(number of tiles, tile)`.
    """

    def ramp(index: int, pixels: np.ndarray) -> np.ndarray | float:
        if index == 0:
            return 1.0
        if index == len(starts):
            return 0.0
        begin, end = starts[index] + margin, starts[index - 1] + tile - margin
        fraction = np.clip((pixels + 0.5 - begin) / (end - begin), 0.0, 1.0)
        return 0.5 - 0.5 * np.cos(np.pi * fraction)

    weights = np.empty((len(starts), tile))
    for index, start in enumerate(starts):
        pixels = start + np.arange(tile)
        weights[index] = ramp(index, pixels) - ramp(index + 1, pixels)
    return weights


def blend(
    image: np.ndarray,
    call: Call,
    starts: list[list[int]],
    sides: Sequence[int],
    margin: int,
    factor: int = 1,
) -> np.ndarray:
    """Runs a network on tiles and adds their weighted outputs.

    Only the rows of one row of tiles are in memory as float32. Tiles may go beyond the lower and
    the right edge, where they see the image reflected.

    Args:
        image: float or uint8 `(height, width, channels)`.
        call: as for `translate_image`; the output may be `factor` times larger.
        starts: where tiles start down and across, from `tile_starts`.
        sides: height and width of the tiles.
        margin: pixels at inner edges of a tile that have weight 0.
        factor: sides of the output divided by those of the input.

    Returns:
        `(factor * height, factor * width, channels of the output)`, where height and width are
        those that the tiles cover; uint8 if the image is, else float32.
    """
    row_weights, column_weights = (
        tile_weights([start * factor for start in positions], side * factor, margin * factor)
        for positions, side in zip(starts, sides)
    )
    height, width = ((first[-1] + side) * factor for first, side in zip(starts, sides))
    result = rows = None
    for index, (top, vertical) in enumerate(zip(starts[0], row_weights)):
        for left, horizontal in zip(starts[1], column_weights):
            part = _reflected_part(image, (top, left), sides)
            output = np.asarray(call(to_float(part)[None])[0], np.float32)
            if result is None:
                kind = np.uint8 if image.dtype == np.uint8 else np.float32
                result = np.empty((height, width, output.shape[-1]), kind)
                rows = np.zeros((sides[0] * factor, width, output.shape[-1]), np.float32)
            weight = (vertical[:, None] * horizontal[None, :]).astype(np.float32)
            columns = slice(left * factor, (left + sides[1]) * factor)
            rows[:, columns] += weight[..., None] * output
        # No later tile reaches the rows above the next one.
        end = starts[0][index + 1] * factor if index + 1 < len(starts[0]) else height
        done = end - top * factor
        finished = rows[:done]
        result[top * factor : end] = (
            image_grids.to_uint8(finished) if result.dtype == np.uint8 else finished
        )
        rows[: len(rows) - done] = rows[done:].copy()
        rows[len(rows) - done :] = 0.0
    return result


def _reflected_part(image: np.ndarray, start: tuple[int, int], sides: Sequence[int]) -> np.ndarray:
    """A part of an image, as of `np.pad(image, ..., "reflect")` without a copy of the whole."""
    lines = []
    for first, side, length in zip(start, sides, image.shape):
        if first + side <= length:
            lines.append(slice(first, first + side))
            continue
        period = max(2 * length - 2, 1)
        index = np.arange(first, first + side) % period
        lines.append(np.minimum(index, period - index) if length > 1 else np.zeros(side, int))
    return image[lines[0]][:, lines[1]]


def to_float(image: np.ndarray) -> np.ndarray:
    """A uint8 image as float32 in [-1, 1]; others stay as they are."""
    if image.dtype != np.uint8:
        return image
    return image.astype(np.float32) / np.float32(127.5) - np.float32(1.0)


def _round_up(length: int, multiple: int) -> int:
    return -(-length // multiple) * multiple
