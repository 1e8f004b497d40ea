"""The base class of all data sources, and the source that lies in memory."""

from __future__ import annotations

import abc
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfgan_suite.data.pipeline import order
from tfgan_suite.errors import InputError
from tfgan_suite.utils import foreign_files

MEMORY_LIMIT = 2**31  # bytes of decoded examples; a larger set is streamed from disk
WORKERS = 2  # parallel calls in a pipeline; set here because autotuning is off


class Source(abc.ABC):
    """A set of examples that yields endless batches, the same batches for the same seed.

    Args:
        name: short name, usable as a folder name.
        shape: shape of one example: `(height, width, channels)`, or `(2,)` for points.
        fingerprint: short hex string that changes when the data change.
        classes: names of the classes in label order; `None` without labels.
        skipped: `(file, reason)` of every file that could not be read.
        key: the key in a batch that `shape` describes: `"image"`, `"point"`, or the main one
            where a batch has several.
        report: the oracle of an embedded world: takes samples in the form a generator outputs
            them and returns a dict of numbers; `None` for all other data.
        native_size: height and width before images were scaled or cropped; `None`: unknown, or
            they differ.
        bit_depth: significant bits of the 16-bit images; `None`: there are none.
    """

    def __init__(
        self,
        name: str,
        shape: Sequence[int],
        fingerprint: str,
        *,
        classes: Sequence[str] | None = None,
        skipped: Sequence[tuple[str, str]] = (),
        key: str = "image",
        report: Callable[..., dict] | None = None,
        native_size: tuple[int, ...] | None = None,
        bit_depth: int | None = None,
    ) -> None:
        self.name = name
        self.native_size = native_size
        self.bit_depth = bit_depth
        self.shape = tuple(int(side) for side in shape)
        self.fingerprint = fingerprint
        self.classes = None if classes is None else tuple(classes)
        self.skipped = list(skipped)
        self.key = key
        self.report = report

    @abc.abstractmethod
    def __len__(self) -> int:
        """Number of examples."""

    @property
    def class_counts(self) -> tuple[int, ...] | None:
        """Examples of each class; `None`: no labels, or not known before they are read."""
        return None

    def use_classes(self, classes: Sequence[str]) -> None:
        """Numbers the classes as in a list, so that a run goes on with its own numbers.

        Args:
            classes: names, among them all of this set's; others get no examples.

        Raises:
            InputError: a class is missing from the list, or the set is read in stored order only.
        """
        if tuple(classes) != self.classes:
            raise InputError(
                f"{self.name} has the classes {summarise(self.classes or ())}; expected "
                f"{summarise(classes)}: use the data that the run was started with"
            )

    def __repr__(self) -> str:
        classes = "no labels" if self.classes is None else f"{len(self.classes)} classes"
        return f"<{type(self).__name__} {self.name}: {len(self)} of {self.shape}, {classes}>"

    def batches(
        self,
        batch: int,
        *,
        seed: int,
        start: int = 0,
        horizontal_flip: bool = False,
        input_context: tf.distribute.InputContext | None = None,
    ) -> tf.data.Dataset:
        """Endless batches whose content depends only on the seed and the step.

        Args:
            batch: examples in a global batch; an incomplete batch at an epoch's end is dropped.
            seed: seed of the order and of the flips.
            start: first step; resuming there is exact.
            horizontal_flip: flip each image left to right with probability 0.5.
            input_context: for a strategy's dataset function. The dataset then yields one slice
                per local replica, in the replicas' order.

        Returns:
            Dataset of dicts: `"image"` float32 `(batch, height, width, channels)` in [-1, 1] or
            `"point"` float32 `(batch, 2)`, and `"label"` int32 `(batch,)` where the set has
            labels.

        Raises:
            InputError: the batch is larger than the set or does not fit the replicas; `start` is
                negative; points cannot be flipped.
        """
        share = order.batch_share(len(self), batch, input_context)
        if horizontal_flip and len(self.shape) < 3:
            raise InputError(
                f"{self.name} holds points, which cannot be mirrored; expected images: leave out "
                "horizontal_flip"
            )

        @order.as_written
        def finish(step, replica, examples):
            return self._finish(step, replica, examples, share, seed, horizontal_flip)

        slices = self._slices(share, seed, start).map(
            finish, num_parallel_calls=WORKERS, deterministic=True
        )
        return slices.prefetch(2).with_options(order.dataset_options())

    def take(self, count: int, seed: int = 0) -> dict[str, np.ndarray]:
        """`count` different examples in an order that depends only on `seed`.

        Args:
            count: number of examples, at most the set's length.
            seed: seed of the order.

        Returns:
            One batch in the form `batches` yields it, as NumPy arrays.

        Raises:
            InputError: the set has fewer examples.
        """
        if not 0 < count <= len(self):
            raise InputError(
                f"{count} examples of {self.name} were requested; it has {len(self)}: ask for 1 "
                f"to {len(self)}"
            )
        with tf.device("CPU:0"):
            examples = self._sample(int(count), seed)
            return {name: value.numpy() for name, value in self._to_float(examples).items()}

    @abc.abstractmethod
    def _slices(self, share: order.BatchShare, seed: int, start: int) -> tf.data.Dataset:
        """Endless `(step, replica, slice)`; a slice holds uint8 images or float32 points."""

    @abc.abstractmethod
    def _sample(self, count: int, seed: int) -> dict[str, tf.Tensor]:
        """One slice of `count` different examples."""

    def _finish(self, step, replica, examples, share, seed, horizontal_flip):
        """Sets static shapes, flips, and scales to [-1, 1]."""
        examples = dict(examples)
        images = tf.ensure_shape(examples[self.key], (share.size, *self.shape))
        if horizontal_flip:
            # Gathering only the images to flip is many times faster than a broadcast `where`.
            rows = tf.where(order.flip_mask(step, replica, share, seed))
            flipped = tf.reverse(tf.gather_nd(images, rows), [2])
            images = tf.tensor_scatter_nd_update(images, rows, flipped)
        examples[self.key] = images
        return self._to_float(examples)

    def _to_float(self, examples: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """uint8 images to float32 in [-1, 1]: 0 is exactly -1, 255 is exactly 1."""
        return {
            name: tf.cast(value, tf.float32) / 127.5 - 1.0 if value.dtype == tf.uint8 else value
            for name, value in examples.items()
        }


class IndexedSource(Source):
    """A source that can fetch any example by its index."""

    _labels: tf.Tensor | None = None  # int32 `(n,)`

    @property
    def class_counts(self) -> tuple[int, ...] | None:
        if self._labels is None or self.classes is None:
            return None
        counts = np.bincount(self._labels.numpy(), minlength=len(self.classes))
        return tuple(int(count) for count in counts)

    def use_classes(self, classes: Sequence[str]) -> None:
        names, own = tuple(classes), self.classes or ()
        if self._labels is None or len(set(names)) < len(names) or not set(own) <= set(names):
            super().use_classes(names)
            return
        numbers = np.array([names.index(name) for name in own], np.int32)
        with tf.device("CPU:0"):
            self._labels = tf.convert_to_tensor(numbers[self._labels.numpy()])
        self.classes = names

    @abc.abstractmethod
    def fetch(self, index: tf.Tensor) -> dict[str, tf.Tensor]:
        """The examples with some indices, int64 `(n,)`, as uint8 images or float32 points."""

    def _slices(self, share: order.BatchShare, seed: int, start: int) -> tf.data.Dataset:
        @order.as_written
        def gather(step, replica):
            index = order.batch_indices(step, replica, share, seed, len(self))
            return step, replica, self.fetch(index)

        return order.replica_steps(start, share).map(
            gather, num_parallel_calls=WORKERS, deterministic=True
        )

    def _sample(self, count: int, seed: int) -> dict[str, tf.Tensor]:
        positions = tf.range(count, dtype=tf.int64)
        return self.fetch(order.shuffled_indices(positions, seed, 0, len(self)))


class ArraySource(IndexedSource):
    """Examples that lie in memory.

    Args:
        name: short name.
        examples: uint8 `(n, height, width, channels)` or float32 `(n, 2)`.
        labels: class numbers `(n,)`, or `None`.
        **options: as for `Source`; the fingerprint defaults to that of the arrays.
    """

    def __init__(
        self, name: str, examples: np.ndarray, labels: np.ndarray | None = None, **options
    ) -> None:
        options.setdefault("fingerprint", fingerprint_of(examples, labels))
        super().__init__(name, examples.shape[1:], **options)
        # Tensors on the host, in any device scope, so that the NumPy copies can be freed.
        with tf.device("CPU:0"):
            self._examples = tf.convert_to_tensor(examples)
            self._labels = None
            if labels is not None:
                self._labels = tf.convert_to_tensor(np.asarray(labels, np.int32))

    def __len__(self) -> int:
        return int(self._examples.shape[0])

    def arrays(self) -> dict[str, np.ndarray]:
        """All examples and labels by key, in stored order."""
        labels = {} if self._labels is None else {"label": self._labels.numpy()}
        return {self.key: self._examples.numpy(), **labels}

    def fetch(self, index: tf.Tensor) -> dict[str, tf.Tensor]:
        examples = {self.key: tf.gather(self._examples, index)}
        if self._labels is not None:
            examples["label"] = tf.gather(self._labels, index)
        return examples


def summarise(names: Sequence[str], limit: int = 10) -> str:
    """Names in one line; of many the first ones and their number."""
    listed = ", ".join(str(name)[:40] for name in names[:limit])
    return listed + (f", .. ({len(names)})" if len(names) > limit else "")


def fingerprint_of(*parts: object) -> str:
    """16 hex digits from strings, numbers and arrays; of an array its shape, type and a sample.

    The sample is about 4096 evenly spaced values, so that an array of any size costs the same.
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.shape}{part.dtype}".encode())
            flat = part.reshape(-1)
            step = max(1, flat.size // 4096)
            # An odd stride does not keep hitting the same channel or column.
            digest.update(np.ascontiguousarray(flat[:: step | 1]).tobytes())
        else:
            digest.update(f"{part!r};".encode())
    return digest.hexdigest()[:16]


def bit_depth_mark(bit_depth: int | None) -> tuple[int, ...]:
    """For a fingerprint: the significant bits of 16-bit images; nothing where all 16 count."""
    return () if bit_depth in (None, 16) else (bit_depth,)


def file_heads(paths: Sequence[str | os.PathLike]) -> list[bytes]:
    """For a fingerprint: the first 4 KiB of up to 64 files spread over the list.

    A file that cannot be read gives none; it is named when it is decoded.
    """
    heads = []
    for index in np.linspace(0, len(paths) - 1, min(64, len(paths))).astype(int):
        try:
            with foreign_files.open_file(paths[index]) as file:
                heads.append(file.read(4096))
        except OSError:
            heads.append(b"")
    return heads


def file_fingerprint(paths: Sequence[Path]) -> tuple[list[tuple[str, int]], list[bytes]]:
    """For a fingerprint: names and sizes of all files, and `file_heads`.

    Names are relative to the folder that holds all files: its own name and place say nothing of
    the data, which may be renamed and moved.
    """
    try:
        home = os.path.commonpath([path.parent for path in paths]) if paths else ""
        names = [Path(os.path.relpath(path, home)).as_posix() for path in paths]
    except ValueError:  # no folder holds all, as on two drives of Windows
        names = [path.name for path in paths]
    return [(name, _size(path)) for name, path in zip(names, paths)], file_heads(paths)


def _size(path: Path) -> int:
    """Bytes of a file; -1 where there is none, such as behind a broken link."""
    try:
        return os.path.getsize(path)
    except OSError:
        return -1


def distribute(
    source: Source,
    strategy: tf.distribute.Strategy | None,
    batch: int,
    *,
    seed: int,
    start: int = 0,
    horizontal_flip: bool = False,
    count: int | None = None,
) -> tf.data.Dataset | tf.distribute.DistributedDataset:
    """Batches in the form that `fit` takes under a strategy.

    All replicas together see in every step exactly the batch that one device would see. Strings
    are left out: accelerators do not take them.

    Args:
        source: the data.
        strategy: the strategy of the model; `None`, or one with a single replica, gives the plain
            dataset.
        batch: examples in a global batch.
        seed: seed of the order and of the flips.
        start: first step.
        horizontal_flip: as for `Source.batches`.
        count: number of batches; default: endless.

    Raises:
        InputError: as for `Source.batches`.
    """
    options = {"seed": seed, "start": start, "horizontal_flip": horizontal_flip}
    if strategy is None or strategy.num_replicas_in_sync == 1:
        batches = _numbers(source.batches(batch, **options))
        return batches if count is None else batches.take(count)
    context = tf.distribute.InputContext(1, 0, strategy.num_replicas_in_sync)
    order.batch_share(len(source), batch, context)  # raises here, not inside the strategy

    def pipeline(input_context: tf.distribute.InputContext) -> tf.data.Dataset:
        batches = _numbers(source.batches(batch, input_context=input_context, **options))
        return batches if count is None else batches.take(count)

    return strategy.distribute_datasets_from_function(pipeline)


def _numbers(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Batches without their strings."""
    spec = batches.element_spec
    keys = [key for key, part in spec.items() if part.dtype != tf.string]
    if len(keys) == len(spec):
        return batches
    dataset = batches.map(lambda batch: {key: batch[key] for key in keys})
    return dataset.with_options(order.dataset_options())
