"""Images that a user names: a file, a folder of files, or a data set."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from tfgan_suite import data
from tfgan_suite.data.readers import idx, image_files, listing
from tfgan_suite.errors import InputError
from tfgan_suite.inference import files
from tfgan_suite.measures import features
from tfgan_suite.utils.files import user_path

MEMORY_LIMIT = 2**31


def read(
    source: str, shape: tuple[int, ...], *, split: str = "test", count: int = 64
) -> tuple[list[str], np.ndarray]:
    """Images of a generator's size.

    Args:
        source: an image file, a folder of images, or a data set as `data.load` takes it.
        shape: height, width and channels that the generator draws.
        split: of a data set.
        count: examples of a data set, at most.

    Returns:
        Names, and float32 images `(count, height, width, channels)` in [-1, 1].

    Raises:
        InputError: no image, or one of another size; says which.
    """
    path = user_path(source)
    if path.is_file() and path.suffix.lower() not in (".npz", ".npy") and not idx.is_idx(path):
        return [path.name], to_float(_read_file(path, shape)[None])
    if path.is_dir() and not _is_data_set(path, split):
        return _read_folder(path, shape)
    examples = load_data(source, shape, split=split, labelled=False)
    taken = examples.take(min(count, len(examples)))[examples.key]
    return [f"{examples.name}_{index:05d}" for index in range(len(taken))], taken


def load_data(
    source: str, shape: tuple[int, ...], *, split: str = "train", labelled: bool = False
) -> data.Source:
    """A data set of a generator's size.

    Args:
        source: as `data.load` takes it.
        shape: height, width and channels.
        split: `"train"` or `"test"`.
        labelled: whether it must have labels.

    Raises:
        InputError: no such data, images of another size, or no labels.
    """
    size = shape[0] if shape[0] == shape[1] else None
    path = user_path(source)
    folder = path.is_dir() and not _is_data_set(path, split)
    loaded = data.load(
        source,
        size=size if folder or source == "shapes" else None,
        channels=shape[2] if shape[2] in (1, 3) else None,
        split=split,
    )
    if loaded.shape != tuple(shape):
        raise InputError(
            f"{source} holds examples of {_sides(loaded.shape)}, but the generator draws"
            f" {_sides(shape)}; pass data of that size"
        )
    if labelled and loaded.classes is None:
        raise InputError(f"{source} has no labels; pass labelled data, such as a folder per class")
    return loaded


def take_pixels(source: data.Source, count: int) -> np.ndarray:
    """Different examples of a data set as bytes, at most 2 GiB of them.

    Args:
        source: the data set.
        count: examples, at most.

    Returns:
        uint8 `(n, height, width, channels)`.
    """
    count = min(count, len(source), max(1, MEMORY_LIMIT // int(np.prod(source.shape))))
    return np.concatenate(list(features.stream(source, count)))


def to_float(pixels: np.ndarray) -> np.ndarray:
    """uint8 images as float32 in [-1, 1]."""
    return pixels.astype(np.float32) / np.float32(127.5) - np.float32(1.0)


def read_mask(path: str | Path) -> np.ndarray:
    """A mask from an image file: white is known, black is the hole; float32 `(height, width)`.

    Raises:
        InputError: it cannot be read.
    """
    try:
        pixels = files.read(user_path(path), 1)
    except image_files.Unreadable as error:
        raise InputError(f"the mask {path} cannot be read: {error}") from None
    return pixels[..., 0].astype(np.float32) / 255.0


def _is_data_set(path: Path, split: str) -> bool:
    return idx.find_images(path, split) is not None or any(path.glob("*.npz"))


def _read_folder(path: Path, shape: tuple[int, ...]) -> tuple[list[str], np.ndarray]:
    names = list(listing.find_images(path))
    images, skipped = {}, {}
    for name in names:
        try:
            images[name] = _read_file(path / name, shape)
        except InputError as error:
            skipped[name] = str(error)
    if not images:
        raise InputError(next(iter(skipped.values()), f"{path} holds no images"))
    if skipped:
        print(f"skipped {len(skipped)}: {'; '.join(skipped.values())}", file=sys.stderr)
    return list(images), to_float(np.stack(list(images.values())))


def _read_file(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    try:
        header = image_files.header(path)
        if (header.height, header.width) != tuple(shape[:2]):
            raise InputError(
                f"{path} has {header.width}x{header.height} pixels; the generator draws"
                f" {shape[1]}x{shape[0]}: crop and scale the image as in training"
            )
        return files.read(path, shape[2])
    except image_files.Unreadable as error:
        raise InputError(f"{path} cannot be read: {error}") from None


def _sides(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
