"""Ways to a stream: arrays, sources that belong together, files that are read or streamed."""

from __future__ import annotations

import abc
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfgan_suite.data.pipeline.broken_files import Whole
from tfgan_suite.data.pipeline.source import IndexedSource, fingerprint_of, marks
from tfgan_suite.data.pipeline.streams import Stream
from tfgan_suite.errors import InputError

Progress = Callable[[int, int], None]


def in_memory(
    name: str,
    columns: Mapping[str, np.ndarray],
    fingerprint: str | None = None,
    skipped: Sequence[tuple[str, str]] = (),
) -> Stream:
    """A stream of arrays of one length.

    Args:
        name: of the stream.
        columns: uint8 images `(n, height, width, channels)` and float32 values `(n, k)`.
        fingerprint: of the data; taken from the arrays if it is not given.
        skipped: as for `Stream`.
    """
    with tf.device("CPU:0"):  # on the host, whatever device scope the caller is in
        held = {key: tf.convert_to_tensor(values) for key, values in columns.items()}

    def fetch(index: tf.Tensor) -> dict[str, tf.Tensor]:
        return {key: tf.gather(values, index) for key, values in held.items()}

    return Stream(
        name,
        len(next(iter(columns.values()))),
        {key: tuple(values.shape[1:]) for key, values in columns.items()},
        fetch,
        fingerprint or fingerprint_of(*columns.values()),
        skipped,
    )


def joined(name: str, sources: Mapping[str, IndexedSource]) -> Stream:
    """A stream of sources of one length, whose examples with one index belong together.

    Args:
        name: of the stream.
        sources: sources of images by the key that a batch will have for them.
    """

    def fetch(index: tf.Tensor) -> dict[str, tf.Tensor]:
        return {
            key: tf.ensure_shape(source._fetch(index)[source.key], (*index.shape, *source.shape))
            for key, source in sources.items()
        }

    return Stream(
        name,
        len(next(iter(sources.values()))),
        {key: source.shape for key, source in sources.items()},
        fetch,
        fingerprint_of(*(source.fingerprint for source in sources.values())),
        [entry for source in sources.values() for entry in source.skipped],
    )


class Files(abc.ABC):
    """Examples that are made of files.

    Args:
        paths: the files of each example.
        shapes: shape of each image that `read` gives, by its key in the batch.
        values: float32 `(n, k)` that belong to the examples, by key.
    """

    def __init__(
        self,
        paths: Sequence[Sequence[Path]],
        shapes: Mapping[str, tuple[int, ...]],
        values: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self.paths = [tuple(files) for files in paths]
        self.shapes = dict(shapes)
        self.values = {key: np.asarray(v, np.float32) for key, v in (values or {}).items()}

    @abc.abstractmethod
    def read(self, index: int) -> dict[str, np.ndarray]:
        """The images of one example, uint8, by key.

        Raises:
            images.Unreadable: a file is broken.
        """


def from_files(
    name: str,
    files: Files,
    *,
    memory_limit: int,
    strict: bool,
    skipped: Sequence[tuple[str, str]] = (),
    progress: Progress | None = None,
) -> Stream:
    """A stream of files: decoded into memory, or while it is used where they are too many.

    Args:
        name: of the stream.
        files: the examples.
        memory_limit: bytes of decoded images that may be held in memory.
        strict: a file that cannot be read is an error.
        skipped: files that were left out before.
        progress: called with (examples done, examples in all).

    Raises:
        InputError: `strict` and a broken file, or more than half of the files are broken.
    """
    reader = _Reader(files, skipped)
    total = len(files.paths) + len(skipped)
    check_skipped(reader.skipped, total, strict)
    flat = [path for paths in files.paths for path in paths]
    mark = fingerprint_of(list(files.shapes.items()), *marks(flat), *files.values.values())
    size = sum(int(np.prod(shape)) for shape in files.shapes.values())
    if len(files.paths) * size > memory_limit:
        if strict:
            reader.read_all(progress, keep=False)
            check_skipped(reader.skipped, total, strict)
        shapes = {**files.shapes, **{key: v.shape[1:] for key, v in files.values.items()}}
        # The list of skipped files is the reader's own: it grows while batches are read.
        return Stream(name, len(files.paths), shapes, reader.fetch, mark, reader.skipped)
    columns = reader.read_all(progress)
    check_skipped(reader.skipped, total, strict)
    return in_memory(name, columns, mark, reader.skipped)


def check_skipped(skipped: Sequence[tuple[str, str]], count: int, strict: bool) -> None:
    """Raises if too many of `count` examples could not be read.

    Raises:
        InputError: any could not and `strict` holds, or more than half could not.
    """
    if not skipped or (not strict and 2 * len(skipped) <= count):
        return
    example = "; ".join(f"{file}: {reason}" for file, reason in skipped[:3])
    example += "; .." if len(skipped) > 3 else ""
    advice = (
        "remove or replace them, or load with strict=False to skip them"
        if strict
        else "expected at least half to be whole: check how they were copied"
    )
    raise InputError(f"{len(skipped)} of {count} examples cannot be read ({example}): {advice}")


class _Reader:
    """Reads examples, and remembers which ones turned out to be broken."""

    def __init__(self, files: Files, skipped: Sequence[tuple[str, str]]) -> None:
        self.files, self.skipped = files, list(skipped)

        def name(index: int) -> str:
            return " + ".join(str(path) for path in files.paths[index])

        self._whole = Whole(len(files.paths), files.read, name, self.skipped)
        with tf.device("CPU:0"):
            self._values = {key: tf.constant(v) for key, v in files.values.items()}

    def read_all(self, progress: Progress | None, keep: bool = True) -> dict[str, np.ndarray]:
        """All whole examples: images and values."""
        count = len(self.files.paths)
        kept = {
            key: np.empty((count if keep else 0, *shape), np.uint8)
            for key, shape in self.files.shapes.items()
        }
        whole: list[int] = []
        with ThreadPoolExecutor(threads()) as pool:
            for index, example in enumerate(pool.map(self._whole.read, range(count))):
                if example is not None:
                    for key, pixels in example.items() if keep else ():
                        kept[key][len(whole)] = pixels
                    whole.append(index)
                if progress is not None:
                    progress(index + 1, count)
        kept = {key: pixels[: len(whole)] for key, pixels in kept.items()}
        return {**kept, **{key: values[whole] for key, values in self.files.values.items()}}

    def fetch(self, index: tf.Tensor) -> dict[str, tf.Tensor]:
        """`Stream.fetch`; the next whole example stands in for a broken one."""
        shapes = self.files.shapes
        *images, used = tf.numpy_function(
            self._read_some, [index], [tf.uint8] * len(shapes) + [tf.int64]
        )
        found = {
            key: tf.ensure_shape(pixels, (*index.shape, *shapes[key]))
            for key, pixels in zip(shapes, images)
        }
        used = tf.ensure_shape(used, index.shape)
        found.update({key: tf.gather(values, used) for key, values in self._values.items()})
        return found

    def _read_some(self, wanted: np.ndarray) -> list[np.ndarray]:
        """Images of the wanted examples by key's order, and the indices really read."""
        shapes = self.files.shapes
        found = [np.empty((len(wanted), *shape), np.uint8) for shape in shapes.values()]
        used = np.empty(len(wanted), np.int64)
        for place, first in enumerate(wanted):
            used[place], example = self._whole.read_from(int(first))
            for pixels, key in zip(found, shapes):
                pixels[place] = example[key]
        return [*found, used]


def threads() -> int:
    """Number of threads that decode files."""
    return min(8, os.cpu_count() or 1)
