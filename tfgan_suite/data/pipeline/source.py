"""What every data source offers, and the source that is held in memory."""

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

MEMORY_LIMIT = 2**31  # bytes of decoded examples; more than this is streamed from disk
WORKERS = 2  # parallel calls in a pipeline, set here because autotuning is off


class Source(abc.ABC):
    """A set of examples that yields endless batches, the same ones for the same seed.

    Args:
        name: short name, fit for a folder's name.
        shape: shape of one example: `(height, width, channels)`, or `(2,)` for points.
        fingerprint: short hex string that changes when the data changes.
        classes: names of the classes in the order of their labels; `None` without labels.
        skipped: `(file, reason)` of every file that could not be read.
        key: name of the examples in a batch: `"image"`, `"point"`, or the one of several that
            `shape` speaks of.
        report: for the embedded worlds, the oracle: takes samples as a generator gives them,
            returns a dict of numbers; `None` for all other data.
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
        report: Callable[[np.ndarray], dict] | None = None,
    ) -> None:
        self.name = name
        self.shape = tuple(int(side) for side in shape)
        self.fingerprint = fingerprint
        self.classes = None if classes is None else tuple(classes)
        self.skipped = list(skipped)
        self.key = key
        self.report = report

    @abc.abstractmethod
    def __len__(self) -> int:
        """Number of examples."""

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
        """Endless batches whose content is a function of the seed and the step alone.

        Args:
            batch: examples in a global batch; examples left over at an epoch's end are dropped.
            seed: of order and mirroring.
            start: first step; the steps before it are skipped exactly.
            horizontal_flip: flip each image left to right with probability 0.5.
            input_context: for a strategy's dataset function. The dataset then yields slices for
                single replicas, consecutive ones for consecutive local replicas.

        Returns:
            Dataset of dicts: `"image"` float32 `(batch, height, width, channels)` in [-1, 1] or
            `"point"` float32 `(batch, 2)`, and `"label"` int32 `(batch,)` where the set has
            labels.

        Raises:
            InputError: the batch is larger than the set or does not fit the replicas; `start` is
                negative; points cannot be mirrored.
        """
        deal = order.share(len(self), batch, input_context)
        if horizontal_flip and len(self.shape) != 3:
            raise InputError(
                f"{self.name} holds points, which cannot be mirrored; leave out horizontal_flip"
            )
        slices = self._slices(deal, seed, start).map(
            lambda step, part, found: self._finish(step, part, found, deal, seed, horizontal_flip),
            num_parallel_calls=WORKERS,
            deterministic=True,
        )
        return slices.prefetch(2).with_options(order.options())

    def take(self, count: int, seed: int = 0) -> dict[str, np.ndarray]:
        """`count` different examples in an order that only `seed` decides.

        Args:
            count: number of examples, at most the set's length.
            seed: of the order.

        Returns:
            One batch as `batches` gives it, as NumPy arrays.

        Raises:
            InputError: the set has fewer examples.
        """
        if not 0 < count <= len(self):
            raise InputError(
                f"{count} examples of {self.name} were asked for; it has {len(self)}: ask for 1 "
                f"to {len(self)}"
            )
        with tf.device("CPU:0"):
            found = self._sample(int(count), seed)
            return {name: value.numpy() for name, value in self._scaled(found).items()}

    @abc.abstractmethod
    def _slices(self, deal: order.Share, seed: int, start: int) -> tf.data.Dataset:
        """Endless `(step, part, slice)`; a slice holds uint8 images or float32 points."""

    @abc.abstractmethod
    def _sample(self, count: int, seed: int) -> dict[str, tf.Tensor]:
        """One slice of `count` different examples."""

    def _finish(self, step, part, found, deal, seed, horizontal_flip) -> dict[str, tf.Tensor]:
        """Shapes, mirroring, scaling."""
        found = dict(found)
        found[self.key] = tf.ensure_shape(found[self.key], (deal.size, *self.shape))
        if horizontal_flip:
            # Only the chosen images are turned: many times faster than `where` with broadcasting.
            chosen = tf.where(order.flips(step, part, deal, seed))
            turned = tf.reverse(tf.gather_nd(found[self.key], chosen), [2])
            found[self.key] = tf.tensor_scatter_nd_update(found[self.key], chosen, turned)
        return self._scaled(found)

    def _scaled(self, found: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """uint8 images to float32 in [-1, 1]: 0 is exactly -1, 255 is exactly 1."""
        return {
            name: tf.cast(value, tf.float32) / 127.5 - 1.0 if value.dtype == tf.uint8 else value
            for name, value in found.items()
        }


class IndexedSource(Source):
    """A source that can fetch any example by its index."""

    @abc.abstractmethod
    def _fetch(self, index: tf.Tensor) -> dict[str, tf.Tensor]:
        """The slice of the examples with the given indices, int64 `(n,)`."""

    def _slices(self, deal: order.Share, seed: int, start: int) -> tf.data.Dataset:
        def gather(step, part):
            return step, part, self._fetch(order.indices(step, part, deal, seed, len(self)))

        return order.numbered(start, deal).map(
            gather, num_parallel_calls=WORKERS, deterministic=True
        )

    def _sample(self, count: int, seed: int) -> dict[str, tf.Tensor]:
        positions = tf.range(count, dtype=tf.int64)
        return self._fetch(order.shuffled(positions, seed, 0, len(self)))


class ArraySource(IndexedSource):
    """Examples that lie in memory.

    Args:
        name: short name.
        examples: uint8 `(n, height, width, channels)` or float32 `(n, 2)`.
        labels: class numbers `(n,)`, or `None`.
        **facts: as for `Source`; the fingerprint is taken from the arrays if it is not given.
    """

    def __init__(
        self, name: str, examples: np.ndarray, labels: np.ndarray | None = None, **facts
    ) -> None:
        facts.setdefault("fingerprint", fingerprint_of(examples, labels))
        super().__init__(name, examples.shape[1:], **facts)
        # Tensors on the host, whatever device scope the caller is in; NumPy's copies can go.
        with tf.device("CPU:0"):
            self._examples = tf.convert_to_tensor(examples)
            self._labels = None
            if labels is not None:
                self._labels = tf.convert_to_tensor(np.asarray(labels, np.int32))

    def __len__(self) -> int:
        return int(self._examples.shape[0])

    def _fetch(self, index: tf.Tensor) -> dict[str, tf.Tensor]:
        found = {self.key: tf.gather(self._examples, index)}
        if self._labels is not None:
            found["label"] = tf.gather(self._labels, index)
        return found


def fingerprint_of(*parts: object) -> str:
    """16 hex digits from strings, numbers and arrays; of an array its shape, type and a sample.

    The sample is 4096 evenly spaced values, so that an array of any size costs the same.
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.shape}{part.dtype}".encode())
            flat = part.reshape(-1)
            step = max(1, flat.size // 4096)
            # An odd distance does not keep hitting the same channel or column.
            digest.update(np.ascontiguousarray(flat[:: step | 1]).tobytes())
        else:
            digest.update(f"{part!r};".encode())
    return digest.hexdigest()[:16]


def heads(paths: Sequence[str | os.PathLike]) -> list[bytes]:
    """For a fingerprint: the first 4 KiB of up to 64 files spread over the list."""
    found = []
    for index in np.linspace(0, len(paths) - 1, min(64, len(paths))).astype(int):
        with open(paths[index], "rb") as file:
            found.append(file.read(4096))
    return found


def marks(paths: Sequence[Path]) -> tuple[list[tuple[str, str, int]], list[bytes]]:
    """For a fingerprint: names and sizes of all files, and `heads`."""
    return [(path.parent.name, path.name, os.path.getsize(path)) for path in paths], heads(paths)


def distribute(
    source: Source,
    strategy: tf.distribute.Strategy | None,
    batch: int,
    *,
    seed: int,
    start: int = 0,
    horizontal_flip: bool = False,
) -> tf.data.Dataset | tf.distribute.DistributedDataset:
    """Batches in the form that `fit` takes under a strategy.

    All replicas together see in every step exactly the batch that one device would see.

    Args:
        source: the data.
        strategy: the strategy of the model; `None` or one with a single replica gives the plain
            dataset.
        batch: examples in a global batch.
        seed: of order and mirroring.
        start: first step.
        horizontal_flip: as for `Source.batches`.

    Raises:
        InputError: as `Source.batches`.
    """
    if strategy is None or strategy.num_replicas_in_sync == 1:
        return source.batches(batch, seed=seed, start=start, horizontal_flip=horizontal_flip)
    pipelines = tf.distribute.InputContext(1, 0, strategy.num_replicas_in_sync)
    order.share(len(source), batch, pipelines)  # raises here, not inside the strategy's function

    def pipeline(context: tf.distribute.InputContext) -> tf.data.Dataset:
        return source.batches(
            batch, seed=seed, start=start, horizontal_flip=horizontal_flip, input_context=context
        )

    return strategy.distribute_datasets_from_function(pipeline)
