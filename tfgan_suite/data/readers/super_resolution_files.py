"""Files for super-resolution: high-resolution images, alone or with low-resolution versions."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.data.readers import image_files, pair_files, specs
from tfgan_suite.errors import InputError
from tfgan_suite.utils import bicubic

HIGH = ("hr", "high", "gt")
EXPECTED = "a folder of images, a folder with HR and LRx4, HIGH,LOW"


@dataclasses.dataclass(frozen=True)
class Pair:
    """One image.

    Args:
        name: its path below its folder.
        high: the high-resolution file.
        low: the file of its low-resolution version; None: it is made by bicubic downscaling.
        factor: by which the image itself is downscaled before anything else.
    """

    name: str
    high: Path
    low: Path | None = None
    factor: float = 1.0

    @property
    def paths(self) -> list[Path]:
        """The files of the pair."""
        return [self.high] if self.low is None else [self.high, self.low]

    def size(self, height: int, width: int) -> tuple[int, int]:
        """The height and width at which an image of these sides is used."""
        return round(height * self.factor), round(width * self.factor)


def find(
    spec: str | os.PathLike, scale: int, split: str | None = None, worlds: Sequence[str] = ()
) -> list[Pair]:
    """Finds the images of a set.

    Args:
        spec: a folder of images; a folder with `HR/` and `LR/` (or `LRx4/`, `X4/`, `low/`); or
            `"HIGH,LOW"`, any two folders. A low-resolution file has the name of the
            high-resolution one, ignoring endings, or this name followed by `x4` (DIV2K).
        scale: of the low-resolution versions.
        split: `"train"` or `"test"`; None: the test split if there is one, else all.
        worlds: names of embedded sets, for messages.

    Returns:
        Pairs, sorted by name.

    Raises:
        InputError: no such folder, no images, images without a low-resolution version.
    """
    if split is None:
        try:
            return find(spec, scale, "test", worlds)
        except InputError:
            return find(spec, scale, "train", worlds)
    text = os.fspath(spec)
    folders = specs.split_two(text)
    if folders is not None:
        high, low = (specs.find_folder(part, worlds, EXPECTED) for part in folders)
        return _match_names(high, low, scale, split)
    folder = specs.find_folder(text, worlds, EXPECTED)
    sides = _find_sides(folder, scale)
    if sides is not None:
        return _match_names(*sides, scale, split)
    return [Pair(name, folder / name) for name in pair_files.list_split(folder, split)]


def read(
    pair: Pair,
    scale: int,
    channels: int,
    make_low: bool = True,
    bit_depth: int | None = None,
    use: Callable[[tuple[np.ndarray, np.ndarray | None]], Any] | None = None,
) -> Any:
    """The two images of a pair.

    Args:
        pair: the files.
        scale: between them.
        channels: 1 or 3.
        make_low: whether to make the low-resolution image if there is no file of it.
        bit_depth: significant bits of 16-bit images.
        use: called with both images, for callers that need only a part of them; see
            `image_files.decode`.

    Returns:
        High and low resolution, uint8 `(height, width, channels)`; the high-resolution one cropped
        to multiples of the scale. With `use`, what it returns.

    Raises:
        Unreadable: a file is broken, or the sizes do not fit; the message says why.
    """

    def resized(pixels: np.ndarray) -> Any:
        images = resize_pair(pair, pixels, scale, make_low, bit_depth)
        return images if use is None else use(images)

    return image_files.read(pair.high, None, channels, bit_depth, use=resized)


def resize_pair(
    pair: Pair,
    pixels: np.ndarray,
    scale: int,
    make_low: bool = True,
    bit_depth: int | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """As `read`, for a high-resolution image that was decoded before.

    Args:
        pair: the files.
        pixels: of the high-resolution file, uint8 `(height, width, channels)`.
        scale, make_low, bit_depth: as for `read`.
    """
    if pair.factor != 1.0:
        pixels = bicubic.resize(pixels, *pair.size(*size_of(pixels)))
    high = bicubic.crop_to_multiple(pixels, scale)
    if min(high.shape[:2]) < 1:
        raise image_files.Unreadable(f"smaller than {scale} pixels")
    if pair.low is None:
        return high, bicubic.downscale(high, scale) if make_low else None
    low = image_files.read(pair.low, None, pixels.shape[-1], bit_depth)
    check_sizes(pair, size_of(high), size_of(low), scale)
    return high, low


def check_sizes(pair: Pair, high: tuple[int, int], low: tuple[int, int], scale: int) -> None:
    """Refuses a low-resolution image whose size is not the high-resolution one's over the scale.

    Args:
        pair: the files, for the message.
        high: height and width.
        low: height and width.
        scale: between them.

    Raises:
        Unreadable: the sizes do not fit.
    """
    if tuple(side // scale for side in high) != tuple(low):
        raise image_files.Unreadable(
            f"{high[1]}x{high[0]} pixels, but its low-resolution version {pair.low.name} has"
            f" {low[1]}x{low[0]}; expected {high[1] // scale}x{high[0] // scale}, {scale} times"
            " smaller"
        )


def size_of(image: np.ndarray) -> tuple[int, int]:
    """Height and width."""
    return image.shape[0], image.shape[1]


def _find_sides(folder: Path, scale: int) -> tuple[Path, Path] | None:
    """The sub-folders of high and low resolution; None if there are none."""
    below = {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_dir()}
    high = next((below[name] for name in HIGH if name in below), None)
    if high is None:
        return None
    names = (f"lrx{scale}", f"lr_x{scale}", f"x{scale}", "lr", "low")
    low = next((below[name] for name in names if name in below), None)
    if low is None:
        raise InputError(
            f"{folder} has {high.name}, but no low-resolution versions for scale {scale}: found"
            f" {', '.join(path.name for path in below.values())}; expected LRx{scale} or LR: add"
            f" it, or pass {high} alone"
        )
    return high, low


def _match_names(high: Path, low: Path, scale: int, split: str) -> list[Pair]:
    low_files = {}
    for name in pair_files.list_split(low, split):
        stem = Path(name).with_suffix("").as_posix()
        low_files[stem] = low / name
        low_files.setdefault(stem.removesuffix(f"x{scale}"), low / name)
    names = pair_files.list_split(high, split)
    matches = {name: low_files.get(Path(name).with_suffix("").as_posix()) for name in names}
    unmatched = [name for name, path in matches.items() if path is None]
    if unmatched:
        raise InputError(
            f"{len(unmatched)} of {len(names)} images in {high} have no low-resolution version in "
            f"{low} ({', '.join(unmatched[:5])}); expected files of equal names, or with x{scale} "
            "at the end of the name: add or rename them"
        )
    return [Pair(name, high / name, path) for name, path in matches.items()]
