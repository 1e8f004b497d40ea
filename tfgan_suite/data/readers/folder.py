"""Folders of images, decoded into memory or streamed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_suite.data.pipeline import decoded_cache
from tfgan_suite.data.pipeline.broken_files import BrokenFileSkipper
from tfgan_suite.data.pipeline.decoding import read_in_parallel
from tfgan_suite.data.pipeline.file_sources import Progress
from tfgan_suite.data.pipeline.source import (
    ArraySource,
    IndexedSource,
    Source,
    bit_depth_mark,
    file_heads,
    fingerprint_of,
)
from tfgan_suite.data.readers import bit_depths, image_files
from tfgan_suite.data.readers.listing import find_images, list_images
from tfgan_suite.errors import InputError
from tfgan_suite.utils import notices

DEFAULT_SIZE = 64


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
    bit_depth: int | None = None,
) -> Source:
    """Makes a source of a folder of images; the rules are those of `tfgan_suite.data.load`.

    Raises:
        InputError: no images, images both at the top and in sub-folders, or too many that
            cannot be read.
    """
    size = image_files.check_size(size) or DEFAULT_SIZE
    channels = image_files.check_channels(channels)
    options = {
        "size": size,
        "channels": channels,
        "memory_limit": memory_limit,
        "strict": strict,
        "split": split,
        "bit_depth": bit_depth,
    }
    if not decoded_cache.is_used():
        return _load(folder, name, progress=progress, **options)
    entry = decoded_cache.Entry(
        folder, sorted(options.items()), *decoded_cache.stamp_of_tree(folder)
    )
    stored = entry.read()
    if stored is not None:
        return _from_cache(name, *stored)
    with notices.recording() as lines:
        source = _load(folder, name, progress=progress, **options)
    if isinstance(source, ArraySource):
        arrays = source.arrays()
        facts = {
            "classes": source.classes,
            "fingerprint": source.fingerprint,
            "bit_depth": source.bit_depth,
            "skipped": source.skipped,
            "notices": lines,
        }
        entry.write(arrays, facts)
    return source


def _from_cache(name: str, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> ArraySource:
    """The source of an earlier start; what was said of the files is said again."""
    for line in facts["notices"]:
        notices.say_once(line)
    skipped = [(file, reason) for file, reason in facts["skipped"]]
    kept = {key: facts[key] for key in ("classes", "fingerprint", "bit_depth")}
    return ArraySource(name, arrays["image"], arrays.get("label"), skipped=skipped, **kept)


def _load(
    folder: Path,
    name: str,
    *,
    size: int,
    channels: int | None,
    memory_limit: int,
    strict: bool,
    split: str,
    progress: Progress | None,
    bit_depth: int | None,
) -> Source:
    """Lists and decodes a folder."""
    files, labels, classes = list_images(folder, split)
    grey, skipped = _probe_all(folder, files)
    _check_skipped(folder, skipped, len(files), strict)
    readable = [index for index in range(len(files)) if grey[index] is not None]
    files = [files[index] for index in readable]
    labels = None if labels is None else labels[readable]
    if channels is None:
        channels = 1 if all(grey[index] for index in readable) else 3
    # Of all splits, so that their brightness compares.
    bit_depth = bit_depths.decide([folder / name for name in find_images(folder)], bit_depth)
    fingerprint = _fingerprint(folder, files, (size, channels, *bit_depth_mark(bit_depth)))
    options = {"classes": classes, "fingerprint": fingerprint, "bit_depth": bit_depth}
    reader = _Reader(folder, files, size, channels, bit_depth, skipped)
    if len(files) * size * size * channels > memory_limit:
        if strict:
            reader.read_all(progress, keep=False)
            _check_skipped(folder, reader.skipped, len(files) + len(skipped), strict)
        return FolderSource(name, reader, labels, **options)
    pixels, readable = reader.read_all(progress)
    _check_skipped(folder, reader.skipped, len(files) + len(skipped), strict)
    labels = None if labels is None else labels[readable]
    return ArraySource(name, pixels, labels, skipped=reader.skipped, **options)


def _probe_all(
    folder: Path, files: Sequence[str]
) -> tuple[list[bool | None], list[tuple[str, str]]]:
    """Whether each image is grey (`None`: unreadable), and `(file, reason)` of unreadable ones."""

    def probe(name: str) -> bool | str:
        try:
            return image_files.probe(folder / name)
        except image_files.Unreadable as error:
            return str(error)

    answers = list(read_in_parallel(probe, files, "reading headers"))
    skipped = [(name, answer) for name, answer in zip(files, answers) if isinstance(answer, str)]
    return [None if isinstance(answer, str) else answer for answer in answers], skipped


def _check_skipped(folder: Path, skipped, count: int, strict: bool) -> None:
    """Raises if too many files could not be read."""
    if not skipped:
        return
    reasons = "; ".join(f"{name}: {reason}" for name, reason in skipped[:3])
    reasons += "; .." if len(skipped) > 3 else ""
    if strict:
        raise InputError(
            f"{len(skipped)} of {count} images in {folder} cannot be read ({reasons}); expected "
            "none with strict=True: remove or replace them, or pass strict=False to skip them"
        )
    if 2 * len(skipped) > count:
        raise InputError(
            f"{len(skipped)} of {count} images in {folder} cannot be read ({reasons}); expected "
            "at least half to be readable: check how they were copied"
        )


def _fingerprint(folder: Path, files: Sequence[str], form: tuple[int, ...]) -> str:
    """Names, sizes, and the first 4 KiB of up to 64 files spread over the list."""
    sizes = [(name, os.path.getsize(folder / name)) for name in files]
    return fingerprint_of(form, sizes, file_heads([folder / name for name in files]))


class _Reader:
    """Reads the images of a list and remembers which of them are broken."""

    def __init__(self, folder, files, size, channels, bit_depth, skipped) -> None:
        self.files = files
        self.shape = (size, size, channels)
        self.skipped = list(skipped)
        self._images = BrokenFileSkipper(
            len(files),
            lambda index: image_files.read(folder / files[index], size, channels, bit_depth),
            files.__getitem__,
            self.skipped,
            none_left=f"none of the {len(files)} images in {folder} can be read any more; expected "
            "the files that were there when it was opened: check the folder",
        )

    def read_all(self, progress: Progress | None, keep: bool = True):
        """All readable images, uint8 `(n, size, size, channels)`, and their indices."""
        pixels = np.empty((len(self.files) if keep else 0, *self.shape), np.uint8)
        readable = []
        images = read_in_parallel(self._images.read, range(len(self.files)), "decoding")
        for index, image in enumerate(images):
            if image is not None:
                if keep:
                    pixels[len(readable)] = image
                readable.append(index)
            if progress is not None:
                progress(index + 1, len(self.files))
        return pixels[: len(readable)], readable

    def read_some(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Images by index; the next readable one replaces a broken one.

        Returns:
            uint8 `(n, size, size, channels)` and the indices that were really read.
        """
        pixels = np.empty((len(index), *self.shape), np.uint8)
        used = np.empty(len(index), np.int64)
        for row, first in enumerate(index):
            used[row], pixels[row] = self._images.read_next(int(first))
        return pixels, used


class FolderSource(IndexedSource):
    """Images that are decoded when they are needed, in the same order as a set in memory.

    Only the files' headers are checked beforehand. A file that turns out to be broken later is
    noted in `skipped`, and the next readable one replaces it.
    """

    def __init__(self, name: str, reader: _Reader, labels: np.ndarray | None, **options) -> None:
        super().__init__(name, reader.shape, **options)
        self._reader = reader
        self.skipped = reader.skipped  # the same list: it grows while batches are read
        with tf.device("CPU:0"):
            self._labels = None if labels is None else tf.convert_to_tensor(labels)

    def __len__(self) -> int:
        return len(self._reader.files)

    def fetch(self, index: tf.Tensor) -> dict[str, tf.Tensor]:
        pixels, used = tf.numpy_function(self._reader.read_some, [index], [tf.uint8, tf.int64])
        examples = {self.key: pixels}
        if self._labels is not None:
            examples["label"] = tf.ensure_shape(tf.gather(self._labels, used), index.shape)
        return examples
