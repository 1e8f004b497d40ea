"""Files of super-resolution: high-resolution images, alone or with their small versions."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfgan_suite.data import specs
from tfgan_suite.data.readers import image_files, pair_files
from tfgan_suite.errors import InputError
from tfgan_suite.utils import bicubic

HIGH = ("hr", "high", "gt")
EXPECTED = "a folder of images, a folder with HR and LRx4, HIGH,LOW"


@dataclasses.dataclass(frozen=True)
class Pair:
    """One image.

    Args:
        name: its path below its folder.
        high: the file of high resolution.
        low: the file of its small version; None: it is made by bicubic.
        factor: by which the image itself is made smaller before anything else.
    """

    name: str
    high: Path
    low: Path | None = None
    factor: float = 1.0

    @property
    def paths(self) -> list[Path]:
        """The files there are."""
        return [self.high] if self.low is None else [self.high, self.low]

    def size(self, height: int, width: int) -> tuple[int, int]:
        """The height and width at which an image of these sides is shown."""
        return round(height * self.factor), round(width * self.factor)


def find(
    spec: str | os.PathLike, scale: int, split: str | None = None, worlds: Sequence[str] = ()
) -> list[Pair]:
    """Finds the images of a set.

    Args:
        spec: a folder of images; a folder with `HR/` and `LR/` (or `LRx4/`, `X4/`, `low/`); or
            `"HIGH,LOW"`, any two folders. Small versions have the name of the large one, endings
            left out, or this name and `x4` (DIV2K).
        scale: which small versions.
        split: `"train"` or `"test"`; None: the test split where there is one, else all.
        worlds: names of embedded sets, for messages.

    Returns:
        Pairs in the order of their names.

    Raises:
        InputError: no such folder, no images, images without a small version.
    """
    if split is None:
        try:
            return find(spec, scale, "test", worlds)
        except InputError:
            return find(spec, scale, "train", worlds)
    text = os.fspath(spec)
    both = specs.two(text)
    if both is not None:
        high, low = (specs.folder(part, worlds, EXPECTED) for part in both)
        return _matched(high, low, scale, split)
    folder = specs.folder(text, worlds, EXPECTED)
    sides = _sides(folder, scale)
    if sides is not None:
        return _matched(*sides, scale, split)
    return [Pair(name, folder / name) for name in pair_files.list_split(folder, split)]


def read(
    pair: Pair, scale: int, channels: int, shrunk: bool = True
) -> tuple[np.ndarray, np.ndarray | None]:
    """The two images of a pair.

    Args:
        pair: the files.
        scale: between them.
        channels: 1 or 3.
        shrunk: whether to make the small version where there is no file of it.

    Returns:
        High and low resolution, uint8 `(height, width, channels)`; the high one without the last
        rows and columns that are no multiple of the scale.

    Raises:
        images.Unreadable: a file is broken, or the sizes do not fit; the message says why.
    """
    return fitted(pair, image_files.read(pair.high, None, channels), scale, shrunk)


def fitted(
    pair: Pair, pixels: np.ndarray, scale: int, shrunk: bool = True
) -> tuple[np.ndarray, np.ndarray | None]:
    """As `read`, of a large image that was read before.

    Args:
        pair: the files.
        pixels: of the file of high resolution, uint8 `(height, width, channels)`.
        scale, shrunk: as for `read`.
    """
    if pair.factor != 1.0:
        pixels = bicubic.resize(pixels, *pair.size(*size_of(pixels)))
    high = bicubic.crop_to_multiple(pixels, scale)
    if min(high.shape[:2]) < 1:
        raise image_files.Unreadable(f"smaller than {scale} pixels")
    if pair.low is None:
        return high, bicubic.downscale(high, scale) if shrunk else None
    low = image_files.read(pair.low, None, pixels.shape[-1])
    check_sizes(pair, size_of(high), size_of(low), scale)
    return high, low


def check_sizes(pair: Pair, high: tuple[int, int], low: tuple[int, int], scale: int) -> None:
    """Refuses a small version that is not the large one divided by the scale.

    Args:
        pair: the files, for the message.
        high: height and width.
        low: height and width.
        scale: between them.

    Raises:
        images.Unreadable: the sizes do not fit.
    """
    if tuple(side // scale for side in high) != tuple(low):
        raise image_files.Unreadable(
            f"{high[1]}x{high[0]} pixels, but its small version {pair.low.name} has"
            f" {low[1]}x{low[0]}; expected {high[1] // scale}x{high[0] // scale}, {scale} times"
            " smaller"
        )


def size_of(image: np.ndarray) -> tuple[int, int]:
    """Height and width."""
    return image.shape[0], image.shape[1]


def _sides(folder: Path, scale: int) -> tuple[Path, Path] | None:
    """The sub-folders of high and low resolution; None if there are none."""
    below = {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_dir()}
    high = next((below[name] for name in HIGH if name in below), None)
    if high is None:
        return None
    names = (f"lrx{scale}", f"lr_x{scale}", f"x{scale}", "lr", "low")
    low = next((below[name] for name in names if name in below), None)
    if low is None:
        raise InputError(
            f"{folder} has {high.name}, but no small versions for scale {scale}: found"
            f" {', '.join(path.name for path in below.values())}; expected LRx{scale} or LR, or"
            f" give {high} alone"
        )
    return high, low


def _matched(high: Path, low: Path, scale: int, split: str) -> list[Pair]:
    small = {}
    for name in pair_files.list_split(low, split):
        stem = Path(name).with_suffix("").as_posix()
        small[stem] = low / name
        small.setdefault(stem.removesuffix(f"x{scale}"), low / name)
    names = pair_files.list_split(high, split)
    found = {name: small.get(Path(name).with_suffix("").as_posix()) for name in names}
    lonely = [name for name, path in found.items() if path is None]
    if lonely:
        raise InputError(
            f"{len(lonely)} of {len(names)} images in {high} have no small version in {low}"
            f" ({', '.join(lonely[:5])}); expected files of equal names, or with x{scale} at the"
            " end of the name"
        )
    return [Pair(name, high / name, path) for name, path in found.items()]
