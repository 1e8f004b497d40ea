"""Images of both resolutions, in memory or read when they are used."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tfgan_suite.data.pipeline import columns
from tfgan_suite.data.pipeline.broken_files import Whole
from tfgan_suite.data.pipeline.source import fingerprint_of, heads
from tfgan_suite.data.readers import image_files
from tfgan_suite.data.readers import super_resolution_files as files
from tfgan_suite.errors import InputError
from tfgan_suite.utils import bicubic

# High and low resolution, uint8; None: the small version has no file of its own.
Both = tuple[np.ndarray, "np.ndarray | None"]


class Images:
    """Images of both resolutions, in memory or read when they are used.

    Args:
        sizes: heights and widths of the high-resolution images, multiples of the scale.
        scale, channels: of the images.
        fingerprint: changes when the data change.
        skipped: `(file, reason)` of what was left out.
        held: the images, high and low; None: they are read from `pairs`.
        pairs: the files.
    """

    def __init__(
        self,
        sizes: Sequence[tuple[int, int]],
        scale: int,
        channels: int,
        fingerprint: str,
        skipped: list[tuple[str, str]],
        held: Sequence[Both] | None,
        pairs: Sequence[files.Pair] = (),
    ) -> None:
        self.sizes, self.scale, self.channels = list(sizes), scale, channels
        self.fingerprint, self.skipped = fingerprint, skipped
        self._held = held
        # A broken file is broken in all its sizes.
        self._files = Whole(
            len(pairs),
            lambda index: files.read(pairs[index], scale, channels, shrunk=False),
            lambda index: pairs[index].name,
            skipped,
            alike=lambda index: [i for i, one in enumerate(pairs) if one.name == pairs[index].name],
            gone="none of the images can be read any more: check their folder",
        )

    @classmethod
    def of_arrays(cls, high: np.ndarray, scale: int) -> Images:
        """Of images uint8 `(n, height, width, channels)`."""
        whole = [bicubic.crop_to_multiple(one, scale) for one in high]
        held = [(one, bicubic.downscale(one, scale)) for one in whole]
        sizes = [files.size_of(one) for one, _ in held]
        return cls(sizes, scale, high.shape[-1], fingerprint_of(scale, high), [], held)

    @classmethod
    def of_files(
        cls,
        pairs: Sequence[files.Pair],
        crop: int,
        downscale_factors: Sequence[float] = (),
        *,
        scale: int,
        channels: int,
        strict: bool,
        memory_limit: int,
        progress: columns.Progress | None,
    ) -> Images:
        """Of files; those that are broken or too small are left out.

        Args:
            pairs: the files.
            crop: what an image must be at least.
            downscale_factors: factors by which images without files of small versions appear once more.
            scale, channels, strict, memory_limit, progress: as for `load_super_resolution`.

        Raises:
            InputError: more than half of the files are left out, or `strict` and one is; factors
                for images with small versions of their own.
        """
        if downscale_factors and all(pair.low is not None for pair in pairs):
            raise InputError(
                f"downscale_factors is {tuple(downscale_factors)}, but these images have small versions of their own,"
                " which fit them at their full size alone: leave it out"
            )
        with ThreadPoolExecutor(columns.threads()) as pool:
            found = list(pool.map(lambda pair: _usable(pair, crop, scale), pairs))
        skipped = [(pair.name, said) for pair, said in zip(pairs, found) if isinstance(said, str)]
        columns.check_skipped(skipped, len(pairs), strict)
        good, sizes = [], []
        for factor in (1.0, *downscale_factors):
            for pair, full in zip(pairs, found):
                if isinstance(full, str) or (factor != 1.0 and pair.low is not None):
                    continue
                shown = dataclasses.replace(pair, factor=factor)
                size = _shown(shown, full, scale)
                if min(size) >= crop:  # that a smaller one is too small need not be said
                    good.append(shown)
                    sizes.append(size)
        factors = [pair.factor for pair in good if pair.factor != 1.0]
        mark = fingerprint_of(scale, channels, *_marks(good), *factors)
        held = None
        if sum(h * w for h, w in sizes) * channels * (1 + 1 / scale**2) <= memory_limit:
            held = _read_all(good, scale, channels, skipped, progress)
            sizes = [files.size_of(high) for high, _ in held]
            columns.check_skipped(skipped, len(pairs), strict)
        return cls(sizes, scale, channels, mark, skipped, held, good)

    def crop(self, number: int, place: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
        """A crop of both resolutions; the next whole image stands in for a broken one.

        Args:
            number: of the image.
            place: where the crop lies, as shares of the room there is, down and across.
            side: of the high-resolution crop.
        """
        if self._held is not None:
            high, low = self._held[number]
        else:
            _, (high, low) = self._files.read_from(number)
        small, sides = side // self.scale, [length // self.scale for length in high.shape[:2]]
        room = [length - small + 1 for length in sides]
        starts = [min(int(u * free), free - 1) for u, free in zip(place, room)]
        inside = tuple(slice(first, first + small) for first in starts)
        part = low[inside] if low is not None else bicubic.resize(high, *sides, *inside)
        top, left = (first * self.scale for first in starts)
        return high[top : top + side, left : left + side], part


def _read_all(
    pairs: Sequence[files.Pair],
    scale: int,
    channels: int,
    skipped: list[tuple[str, str]],
    progress: columns.Progress | None,
) -> list[Both]:
    """All images, with small versions; every file is decoded once for all its sizes."""
    numbers: dict[str, list[int]] = {}
    for number, pair in enumerate(pairs):
        numbers.setdefault(pair.name, []).append(number)

    def sizes_of(name: str) -> list[Both] | str:
        shown = [pairs[number] for number in numbers[name]]
        try:
            pixels = image_files.read(shown[0].high, None, channels)
            return [files.fitted(pair, pixels, scale) for pair in shown]
        except image_files.Unreadable as error:
            return str(error)

    held: dict[int, Both] = {}
    done = 0
    with ThreadPoolExecutor(columns.threads()) as pool:
        for name, found in zip(numbers, pool.map(sizes_of, numbers)):
            if isinstance(found, str):
                skipped.append((name, found))
            else:
                held.update(zip(numbers[name], found))
            done += len(numbers[name])
            if progress is not None:
                progress(done, len(pairs))
    return [held[number] for number in sorted(held)]


def _usable(pair: files.Pair, crop: int, scale: int) -> tuple[int, int] | str:
    """Height and width of a pair's large file, or why it cannot be used."""
    try:
        size = _size(pair.high)
        if pair.low is not None:
            files.check_sizes(pair, size, _size(pair.low), scale)
    except image_files.Unreadable as error:
        return str(error)
    height, width = _shown(pair, size, scale)
    if min(height, width) < crop:
        return f"{width}x{height} pixels, smaller than the crop of {crop}"
    return size


def _shown(pair: files.Pair, size: tuple[int, int], scale: int) -> tuple[int, int]:
    """The size at which a file of some size is shown, a multiple of the scale."""
    height, width = pair.size(*size)
    return height // scale * scale, width // scale * scale


def _size(path: os.PathLike) -> tuple[int, int]:
    header = image_files.header(path)
    return header.height, header.width


def _marks(pairs: Sequence[files.Pair]) -> tuple[list, list]:
    """Names and sizes of all files, and the first bytes of some."""
    flat = [path for pair in pairs for path in pair.paths]
    return [(path.name, os.path.getsize(path)) for path in flat], heads(flat)
