"""Folders of images: found, listed, decoded into memory or streamed."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfgan_suite.data.pipeline.broken_files import Whole
from tfgan_suite.data.pipeline.source import (
    ArraySource,
    IndexedSource,
    Source,
    fingerprint_of,
    heads,
)
from tfgan_suite.data.readers import image_files
from tfgan_suite.data.readers.listing import list_images
from tfgan_suite.errors import InputError

DEFAULT_SIZE = 64
Progress = Callable[[int, int], None]


def load_folder(
    folder: Path,
    name: str,
    *,
    size: int | None,
    channels: int | None,
    memory_limit: int,
    strict: bool,
    split: str,
    progress: Progress | None = None,
) -> Source:
    """Makes a source of a folder of images; the rules are those of `tfgan_suite.data.load`.

    Raises:
        InputError: no images, images both at the top and in sub-folders, too many that
            cannot be read.
    """
    size = image_files.check_size(size) or DEFAULT_SIZE
    channels = image_files.check_channels(channels)
    files, labels, classes = list_images(folder, split)
    grey, skipped = _probe_all(folder, files)
    _check_skipped(folder, skipped, len(files), strict)
    good = [index for index in range(len(files)) if grey[index] is not None]
    files = [files[index] for index in good]
    labels = None if labels is None else labels[good]
    if channels is None:
        channels = 1 if all(grey[index] for index in good) else 3
    facts = {"classes": classes, "fingerprint": _fingerprint(folder, files, (size, channels))}
    reader = _Reader(folder, files, size, channels, skipped)
    if len(files) * size * size * channels > memory_limit:
        if strict:
            reader.read_all(progress, keep=False)
            _check_skipped(folder, reader.skipped, len(files) + len(skipped), strict)
        return FolderSource(name, reader, labels, **facts)
    pixels, whole = reader.read_all(progress)
    _check_skipped(folder, reader.skipped, len(files) + len(skipped), strict)
    labels = None if labels is None else labels[whole]
    return ArraySource(name, pixels, labels, skipped=reader.skipped, **facts)


def _probe_all(
    folder: Path, files: Sequence[str]
) -> tuple[list[bool | None], list[tuple[str, str]]]:
    """Whether each image is grey (`None`: unreadable), and the unreadable ones' reasons."""

    def probe(name: str) -> bool | str:
        try:
            return image_files.probe(folder / name)
        except image_files.Unreadable as error:
            return str(error)

    with ThreadPoolExecutor(_threads()) as pool:
        answers = list(pool.map(probe, files))
    skipped = [(name, answer) for name, answer in zip(files, answers) if isinstance(answer, str)]
    return [None if isinstance(answer, str) else answer for answer in answers], skipped


def _check_skipped(folder: Path, skipped, count: int, strict: bool) -> None:
    """Raises if too many files could not be read."""
    if not skipped:
        return
    example = "; ".join(f"{name}: {reason}" for name, reason in skipped[:3])
    example += "; .." if len(skipped) > 3 else ""
    if strict:
        raise InputError(
            f"{len(skipped)} of {count} images in {folder} cannot be read ({example}): remove "
            "or replace them, or load with strict=False to skip them"
        )
    if 2 * len(skipped) > count:
        raise InputError(
            f"{len(skipped)} of {count} images in {folder} cannot be read ({example}); expected "
            "at least half to be whole: check how they were copied"
        )


def _fingerprint(folder: Path, files: Sequence[str], form: tuple[int, ...]) -> str:
    """Names, sizes, and the first 4 KiB of up to 64 files spread over the list."""
    sizes = [(name, os.path.getsize(folder / name)) for name in files]
    return fingerprint_of(form, sizes, heads([folder / name for name in files]))


def _threads() -> int:
    return min(8, os.cpu_count() or 1)


class _Reader:
    """Reads listed images, and remembers which ones turned out to be broken."""

    def __init__(self, folder, files, size, channels, skipped) -> None:
        self.files = files
        self.shape = (size, size, channels)
        self.skipped = list(skipped)
        self._whole = Whole(
            len(files),
            lambda index: image_files.read(folder / files[index], size, channels),
            files.__getitem__,
            self.skipped,
            gone=f"none of the {len(files)} images in {folder} can be read any more: check the "
            "folder",
        )

    def read_all(self, progress: Progress | None, keep: bool = True):
        """All whole images, uint8 `(n, size, size, channels)`, and their indices."""
        pixels = np.empty((len(self.files) if keep else 0, *self.shape), np.uint8)
        whole = []
        with ThreadPoolExecutor(_threads()) as pool:
            for index, image in enumerate(pool.map(self._whole.read, range(len(self.files)))):
                if image is not None:
                    if keep:
                        pixels[len(whole)] = image
                    whole.append(index)
                if progress is not None:
                    progress(index + 1, len(self.files))
        return pixels[: len(whole)], whole

    def read_some(self, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Images by index; the next whole one stands in for a broken one.

        Returns:
            uint8 `(n, size, size, channels)` and the indices that were really read.
        """
        pixels = np.empty((len(wanted), *self.shape), np.uint8)
        used = np.empty(len(wanted), np.int64)
        for place, first in enumerate(wanted):
            used[place], pixels[place] = self._whole.read_from(int(first))
        return pixels, used


class FolderSource(IndexedSource):
    """Images that are decoded when they are needed, in the order of a set held in memory.

    Only the files' headers are checked beforehand. A file that turns out to be broken later is
    noted in `skipped`, and the next readable one stands in for it.
    """

    def __init__(self, name: str, reader: _Reader, labels: np.ndarray | None, **facts) -> None:
        super().__init__(name, reader.shape, **facts)
        self._reader = reader
        self.skipped = reader.skipped  # the same list: it grows while batches are read
        with tf.device("CPU:0"):
            self._labels = None if labels is None else tf.convert_to_tensor(labels)

    def __len__(self) -> int:
        return len(self._reader.files)

    def _fetch(self, index: tf.Tensor) -> dict[str, tf.Tensor]:
        pixels, used = tf.numpy_function(self._reader.read_some, [index], [tf.uint8, tf.int64])
        found = {self.key: pixels}
        if self._labels is not None:
            found["label"] = tf.ensure_shape(tf.gather(self._labels, used), index.shape)
        return found
