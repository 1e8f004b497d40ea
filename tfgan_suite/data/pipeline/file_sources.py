"""Builds streams: from arrays, from sources that belong together, from files."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfgan_suite.data.pipeline import decoded_cache
from tfgan_suite.data.pipeline.broken_files import BrokenFileSkipper
from tfgan_suite.data.pipeline.decoding import read_in_parallel
from tfgan_suite.data.pipeline.source import (
    IndexedSource,
    bit_depth_mark,
    file_fingerprint,
    fingerprint_of,
)
from tfgan_suite.data.pipeline.streams import Stream
from tfgan_suite.errors import InputError

Progress = Callable[[int, int], None]


def array_stream(
    name: str,
    arrays: Mapping[str, np.ndarray],
    fingerprint: str | None = None,
    skipped: Sequence[tuple[str, str]] = (),
    bit_depth: int | None = None,
) -> Stream:
    """A stream of arrays of equal length.

    Args:
        name: of the stream.
        arrays: uint8 images `(n, height, width, channels)` and float32 values `(n, k)`, by key.
        fingerprint: of the data; default that of the arrays.
        skipped, bit_depth: as for `Stream`.
    """
    with tf.device("CPU:0"):  # on the host, in any device scope
        tensors = {key: tf.convert_to_tensor(values) for key, values in arrays.items()}

    def fetch(index: tf.Tensor) -> dict[str, tf.Tensor]:
        return {key: tf.gather(values, index) for key, values in tensors.items()}

    return Stream(
        name,
        len(next(iter(arrays.values()))),
        {key: tuple(values.shape[1:]) for key, values in arrays.items()},
        fetch,
        fingerprint or fingerprint_of(*arrays.values()),
        skipped,
        bit_depth,
    )


def zip_sources(name: str, sources: Mapping[str, IndexedSource]) -> Stream:
    """A stream of image sources of equal length; examples with the same index belong together.

    Args:
        name: of the stream.
        sources: the sources, by the key that each gets in a batch.
    """

    def fetch(index: tf.Tensor) -> dict[str, tf.Tensor]:
        return {
            key: tf.ensure_shape(source.fetch(index)[source.key], (*index.shape, *source.shape))
            for key, source in sources.items()
        }

    return Stream(
        name,
        len(next(iter(sources.values()))),
        {key: source.shape for key, source in sources.items()},
        fetch,
        fingerprint_of(*(source.fingerprint for source in sources.values())),
        [entry for source in sources.values() for entry in source.skipped],
        next(filter(None, (source.bit_depth for source in sources.values())), None),
    )


class FileExamples(abc.ABC):
    """Examples that are made of files.

    Args:
        paths: the files of each example.
        shapes: shape of each image that `read` returns, by its key in the batch.
        values: float32 `(n, k)` that belong to the examples, by key.
        bit_depth: significant bits of 16-bit images.
    """

    def __init__(
        self,
        paths: Sequence[Sequence[Path]],
        shapes: Mapping[str, tuple[int, ...]],
        values: Mapping[str, np.ndarray] | None = None,
        bit_depth: int | None = None,
    ) -> None:
        self.bit_depth = bit_depth
        self.paths = [tuple(files) for files in paths]
        self.shapes = dict(shapes)
        self.values = {key: np.asarray(v, np.float32) for key, v in (values or {}).items()}

    def decoding(self) -> tuple[object, ...]:
        """Whatever `read` depends on beside the files: of equal ones the images are equal."""
        return type(self).__module__, type(self).__qualname__, self.shapes, self.bit_depth

    @abc.abstractmethod
    def read(self, index: int) -> dict[str, np.ndarray]:
        """The images of one example, uint8, by key.

        Raises:
            Unreadable: a file is broken.
        """


def file_stream(
    name: str,
    files: FileExamples,
    *,
    memory_limit: int,
    strict: bool,
    skipped: Sequence[tuple[str, str]] = (),
    progress: Progress | None = None,
) -> Stream:
    """A stream of files: decoded into memory, or each time they are used if they are too large.

    Args:
        name: of the stream.
        files: the examples.
        memory_limit: bytes of decoded images that may be kept in memory.
        strict: a file that cannot be read is an error.
        skipped: files that were skipped before.
        progress: called with (examples done, total examples).

    Raises:
        InputError: more than half of the files are broken, or with `strict` one of them.
    """
    reader = _Reader(files, skipped)
    total = len(files.paths) + len(skipped)
    check_skipped(reader.skipped, total, strict)
    flat = [path for paths in files.paths for path in paths]
    fingerprint = fingerprint_of(
        list(files.shapes.items()),
        *file_fingerprint(flat),
        *files.values.values(),
        *bit_depth_mark(files.bit_depth),
    )
    size = sum(int(np.prod(shape)) for shape in files.shapes.values())
    if len(files.paths) * size > memory_limit:
        if strict:
            reader.read_all(progress, keep=False)
            check_skipped(reader.skipped, total, strict)
        shapes = {**files.shapes, **{key: v.shape[1:] for key, v in files.values.items()}}
        # The list of skipped files is the reader's own: it grows while batches are read.
        facts = (fingerprint, reader.skipped, files.bit_depth)
        return Stream(name, len(files.paths), shapes, reader.fetch, *facts)
    arrays = _decoded(reader, fingerprint, flat, progress)
    check_skipped(reader.skipped, total, strict)
    return array_stream(name, arrays, fingerprint, reader.skipped, files.bit_depth)


def _decoded(
    reader: _Reader, fingerprint: str, paths: Sequence[Path], progress: Progress | None
) -> dict[str, np.ndarray]:
    """All readable examples, from an earlier start where the files are still the same."""
    if not decoded_cache.is_used() or not paths:
        return reader.read_all(progress)
    home, before = paths[0].parent, len(reader.skipped)
    # The fingerprint also covers what belongs to the images, such as labels.
    stamp = f"{decoded_cache.stamp_of(paths)} {fingerprint}"
    entry = decoded_cache.Entry(
        home, reader.files.decoding(), stamp, len(paths), fingerprint_of(*map(str, paths))
    )
    stored = entry.read()
    if stored is not None:
        arrays, facts = stored
        reader.skipped += [(file, reason) for file, reason in facts["skipped"]]
        return arrays
    arrays = reader.read_all(progress)
    entry.write(arrays, {"skipped": reader.skipped[before:]})
    return arrays


def check_skipped(skipped: Sequence[tuple[str, str]], count: int, strict: bool) -> None:
    """Raises if too many of `count` examples could not be read.

    Raises:
        InputError: more than half could not, or with `strict` any.
    """
    if not skipped or (not strict and 2 * len(skipped) <= count):
        return
    reasons = "; ".join(f"{file}: {reason}" for file, reason in skipped[:3])
    reasons += "; .." if len(skipped) > 3 else ""
    advice = (
        "expected none with strict=True: remove or replace them, or pass strict=False to skip them"
        if strict
        else "expected at least half to be readable: check how they were copied"
    )
    raise InputError(f"{len(skipped)} of {count} examples cannot be read ({reasons}); {advice}")


class _Reader:
    """Reads examples and remembers which of them are broken."""

    def __init__(self, files: FileExamples, skipped: Sequence[tuple[str, str]]) -> None:
        self.files, self.skipped = files, list(skipped)

        def name(index: int) -> str:
            return " + ".join(str(path) for path in files.paths[index])

        self._examples = BrokenFileSkipper(len(files.paths), files.read, name, self.skipped)
        with tf.device("CPU:0"):
            self._values = {key: tf.constant(v) for key, v in files.values.items()}

    def read_all(self, progress: Progress | None, keep: bool = True) -> dict[str, np.ndarray]:
        """All readable examples: images and values."""
        count = len(self.files.paths)
        images = {
            key: np.empty((count if keep else 0, *shape), np.uint8)
            for key, shape in self.files.shapes.items()
        }
        readable: list[int] = []
        examples = read_in_parallel(self._examples.read, range(count), "decoding")
        for index, example in enumerate(examples):
            if example is not None:
                for key, pixels in example.items() if keep else ():
                    images[key][len(readable)] = pixels
                readable.append(index)
            if progress is not None:
                progress(index + 1, count)
        images = {key: pixels[: len(readable)] for key, pixels in images.items()}
        return {**images, **{key: values[readable] for key, values in self.files.values.items()}}

    def fetch(self, index: tf.Tensor) -> dict[str, tf.Tensor]:
        """`Stream.fetch`; the next readable example replaces a broken one."""
        shapes = self.files.shapes
        *images, used = tf.numpy_function(
            self._read_some, [index], [tf.uint8] * len(shapes) + [tf.int64]
        )
        examples = {
            key: tf.ensure_shape(pixels, (*index.shape, *shapes[key]))
            for key, pixels in zip(shapes, images)
        }
        used = tf.ensure_shape(used, index.shape)
        examples.update({key: tf.gather(values, used) for key, values in self._values.items()})
        return examples

    def _read_some(self, index: np.ndarray) -> list[np.ndarray]:
        """Images of some examples, one array per key, and the indices that were really read."""
        shapes = self.files.shapes
        images = [np.empty((len(index), *shape), np.uint8) for shape in shapes.values()]
        used = np.empty(len(index), np.int64)
        for row, first in enumerate(index):
            used[row], example = self._examples.read_next(int(first))
            for pixels, key in zip(images, shapes):
                pixels[row] = example[key]
        return [*images, used]
