"""The images of captioned sets: a part of each, scaled to a square."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfgan_suite.data.pipeline import file_sources
from tfgan_suite.data.pipeline.source import fingerprint_of
from tfgan_suite.data.readers import image_files, image_scaling


class CaptionedImages(file_sources.FileExamples):
    """Images of which a part becomes the square image of a batch.

    Args:
        paths: the files.
        shape: of the results, `(side, side, channels)`.
        origin: left and top of the parts `(n, 2)` in fractions.
        extent: their width and height `(n, 2)` in fractions.
        bit_depth: significant bits of 16-bit images.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        shape: tuple[int, int, int],
        origin: np.ndarray,
        extent: np.ndarray,
        bit_depth: int | None,
    ) -> None:
        # float32 holds the numbers of 16 million images.
        rows = np.arange(len(paths), dtype=np.float32)[:, None]
        super().__init__([(path,) for path in paths], {"image": shape}, {"row": rows}, bit_depth)
        self._origin, self._extent = origin, extent

    def decoding(self) -> tuple[object, ...]:
        return *super().decoding(), fingerprint_of(self._origin, self._extent)

    def read(self, index: int) -> dict[str, np.ndarray]:
        side, _, channels = self.shapes["image"]
        use = functools.partial(
            cut, origin=self._origin[index], extent=self._extent[index], side=side
        )
        # The decoder may scale a large image down as long as the part keeps enough pixels.
        needed = int(np.ceil(side / self._extent[index].min()))
        path = self.paths[index][0]
        pixels = image_files.read(
            path, None, channels, self.bit_depth, shorter_side=needed, use=use
        )
        return {"image": pixels}


def cut(pixels: np.ndarray, origin: np.ndarray, extent: np.ndarray, side: int) -> np.ndarray:
    """A part of an image, scaled to a square.

    Args:
        pixels: uint8 `(height, width, channels)`.
        origin: left and top in fractions.
        extent: width and height in fractions.
        side: of the result.

    Returns:
        uint8 `(side, side, channels)`.
    """
    sides = np.array([pixels.shape[1], pixels.shape[0]], np.float64)
    low = np.clip(origin * sides, 0.0, sides)
    high = np.clip((origin + extent) * sides, low, sides)
    is_smaller = bool((high - low).max() > side)
    if not low.any() and (high == sides).all() and pixels.shape[:2] == (side, side):
        return pixels.copy()
    box = (*low.tolist(), *high.tolist())
    return image_scaling.resize_array(pixels, (side, side), is_smaller, box)
