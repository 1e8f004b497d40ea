"""Images in high and low resolution, in memory or read each time they are used."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Sequence

import numpy as np

from tfgan_suite.data.pipeline import file_sources
from tfgan_suite.data.pipeline.broken_files import BrokenFileSkipper
from tfgan_suite.data.pipeline.decoding import read_in_parallel
from tfgan_suite.data.pipeline.source import bit_depth_mark, file_heads, fingerprint_of
from tfgan_suite.data.readers import bit_depths, image_files
from tfgan_suite.data.readers import super_resolution_files as files
from tfgan_suite.errors import InputError
from tfgan_suite.utils import bicubic

# High and low resolution, uint8; None: the low-resolution image has no file of its own.
HighLow = tuple[np.ndarray, "np.ndarray | None"]


class ResolutionPairs:
    """Images in high and low resolution, in memory or read each time they are used.

    Args:
        sizes: heights and widths of the high-resolution images, multiples of the scale.
        scale, channels: of the images.
        fingerprint: changes when the data change.
        skipped: `(file, reason)` of every file that was skipped.
        images: high and low resolution; None: they are read from `pairs`.
        pairs: the files.
        bit_depth: significant bits of 16-bit images.
    """

    def __init__(
        self,
        sizes: Sequence[tuple[int, int]],
        scale: int,
        channels: int,
        fingerprint: str,
        skipped: list[tuple[str, str]],
        images: Sequence[HighLow] | None,
        pairs: Sequence[files.Pair] = (),
        bit_depth: int | None = None,
    ) -> None:
        self.sizes, self.scale, self.channels = list(sizes), scale, channels
        self.fingerprint, self.skipped, self.bit_depth = fingerprint, skipped, bit_depth
        self._images = images
        # A broken file is broken at all of its sizes.
        self._files = BrokenFileSkipper(
            len(pairs),
            lambda index, **options: files.read(
                pairs[index], scale, channels, False, bit_depth, **options
            ),
            lambda index: pairs[index].name,
            skipped,
            same_file=lambda index: [
                i for i, pair in enumerate(pairs) if pair.name == pairs[index].name
            ],
            none_left="none of the images can be read any more; expected the files that were "
            "there when the data was opened: check their folder",
        )

    @classmethod
    def from_arrays(cls, high: np.ndarray, scale: int) -> ResolutionPairs:
        """From images uint8 `(n, height, width, channels)`."""
        cropped = [bicubic.crop_to_multiple(image, scale) for image in high]
        images = [(image, bicubic.downscale(image, scale)) for image in cropped]
        sizes = [files.size_of(image) for image in cropped]
        return cls(sizes, scale, high.shape[-1], fingerprint_of(scale, high), [], images)

    @classmethod
    def from_files(
        cls,
        pairs: Sequence[files.Pair],
        crop: int,
        downscale_factors: Sequence[float] = (),
        *,
        scale: int,
        channels: int,
        strict: bool,
        memory_limit: int,
        progress: file_sources.Progress | None,
        bit_depth: int | None = None,
    ) -> ResolutionPairs:
        """From files; those that are broken or too small are skipped.

        Args:
            pairs: the files.
            crop: the smallest acceptable side of an image.
            downscale_factors: factors at which images without low-resolution files are repeated.
            scale, channels, strict, memory_limit, progress, bit_depth: as for
                `load_super_resolution`.

        Raises:
            InputError: more than half of the files are skipped, or with `strict` one is; there
                are factors, but the images have low-resolution files.
        """
        if downscale_factors and all(pair.low is not None for pair in pairs):
            raise InputError(
                f"downscale_factors is {tuple(downscale_factors)}, but these images come with "
                "low-resolution versions of their own, which match only their full size; expected "
                "no factors: leave out downscale_factors"
            )
        bit_depth = bit_depths.decide([path for pair in pairs for path in pair.paths], bit_depth)
        answers = list(
            read_in_parallel(lambda pair: _usable_size(pair, crop, scale), pairs, "reading headers")
        )
        skipped = [(pair.name, why) for pair, why in zip(pairs, answers) if isinstance(why, str)]
        file_sources.check_skipped(skipped, len(pairs), strict)
        usable = [(pair, size) for pair, size in zip(pairs, answers) if not isinstance(size, str)]
        scaled = _at_factors(usable, crop, scale, downscale_factors)
        pairs, sizes = [pair for pair, _ in scaled], [size for _, size in scaled]
        factors = [pair.factor for pair in pairs if pair.factor != 1.0]
        fingerprint = fingerprint_of(
            scale, channels, *_file_fingerprint(pairs), *factors, *bit_depth_mark(bit_depth)
        )
        images = None
        if sum(h * w for h, w in sizes) * channels * (1 + 1 / scale**2) <= memory_limit:
            images = _read_all(pairs, scale, channels, skipped, progress, bit_depth)
            sizes = [files.size_of(high) for high, _ in images]
            file_sources.check_skipped(skipped, len(answers), strict)
        return cls(sizes, scale, channels, fingerprint, skipped, images, pairs, bit_depth)

    def crop(self, number: int, position: np.ndarray, side: int) -> HighLow:
        """A crop in both resolutions; the next readable image replaces a broken one.

        Args:
            number: index of the image.
            position: how far down and across the crop lies, each in [0, 1).
            side: of the high-resolution crop.
        """
        if self._images is not None:
            return self._window(self._images[number], position, side)
        window = functools.partial(self._window, position=position, side=side)
        return self._files.read_next(number, use=window)[1]

    def _window(self, images: HighLow, position: np.ndarray, side: int) -> HighLow:
        high, low = images
        low_side, sides = side // self.scale, [length // self.scale for length in high.shape[:2]]
        free = [length - low_side + 1 for length in sides]
        starts = [min(int(share * room), room - 1) for share, room in zip(position, free)]
        window = tuple(slice(first, first + low_side) for first in starts)
        low_crop = low[window] if low is not None else bicubic.resize(high, *sides, *window)
        top, left = (first * self.scale for first in starts)
        # Copies, so that an image that was read for them does not stay in memory.
        return high[top : top + side, left : left + side].copy(), low_crop.copy()


def _at_factors(
    usable: Sequence[tuple[files.Pair, tuple[int, int]]],
    crop: int,
    scale: int,
    downscale_factors: Sequence[float],
) -> list[tuple[files.Pair, tuple[int, int]]]:
    """Pairs with the sizes at which they are used, at full size first, then at each factor."""
    scaled = []
    for factor in (1.0, *downscale_factors):
        for pair, full_size in usable:
            if factor != 1.0 and pair.low is not None:
                continue
            pair = dataclasses.replace(pair, factor=factor)
            size = _used_size(pair, full_size, scale)
            if min(size) >= crop:  # a reduced image that is too small is dropped silently
                scaled.append((pair, size))
    return scaled


def _read_all(
    pairs: Sequence[files.Pair],
    scale: int,
    channels: int,
    skipped: list[tuple[str, str]],
    progress: file_sources.Progress | None,
    bit_depth: int | None,
) -> list[HighLow]:
    """All images in both resolutions; each file is decoded once for all of its sizes."""
    numbers: dict[str, list[int]] = {}
    for number, pair in enumerate(pairs):
        numbers.setdefault(pair.name, []).append(number)

    def read_sizes(name: str) -> list[HighLow] | str:
        same_file = [pairs[number] for number in numbers[name]]
        try:
            return image_files.read(
                same_file[0].high,
                None,
                channels,
                bit_depth,
                use=lambda pixels: [
                    files.resize_pair(pair, pixels, scale, True, bit_depth) for pair in same_file
                ],
            )
        except image_files.Unreadable as error:
            return str(error)

    images: dict[int, HighLow] = {}
    done = 0
    for name, result in zip(numbers, read_in_parallel(read_sizes, list(numbers), "decoding")):
        if isinstance(result, str):
            skipped.append((name, result))
        else:
            images.update(zip(numbers[name], result))
        done += len(numbers[name])
        if progress is not None:
            progress(done, len(pairs))
    return [images[number] for number in sorted(images)]


def _usable_size(pair: files.Pair, crop: int, scale: int) -> tuple[int, int] | str:
    """Height and width of a pair's high-resolution file, or why it cannot be used."""
    try:
        size = _file_size(pair.high)
        if pair.low is not None:
            files.check_sizes(pair, size, _file_size(pair.low), scale)
    except image_files.Unreadable as error:
        return str(error)
    height, width = _used_size(pair, size, scale)
    if min(height, width) < crop:
        return f"{width}x{height} pixels, smaller than the crop of {crop}"
    return size


def _used_size(pair: files.Pair, size: tuple[int, int], scale: int) -> tuple[int, int]:
    """The size at which a file is used, a multiple of the scale."""
    height, width = pair.size(*size)
    return height // scale * scale, width // scale * scale


def _file_size(path: os.PathLike) -> tuple[int, int]:
    header = image_files.header(path)
    return header.height, header.width


def _file_fingerprint(pairs: Sequence[files.Pair]) -> tuple[list, list]:
    """Names and sizes of all files, and the first bytes of some."""
    flat = [path for pair in pairs for path in pair.paths]
    return [(path.name, os.path.getsize(path)) for path in flat], file_heads(flat)
