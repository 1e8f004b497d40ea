"""Sources whose batches hold several things: pairs, two domains, simulated and real images.

Examples that belong together form one stream: they share an order, crops and flips. Examples
that do not belong together form separate streams: each has its own order and its own length, so
that all of its examples are used equally often.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfgan_suite.data.pipeline import order
from tfgan_suite.data.pipeline import random_crop as cropping
from tfgan_suite.data.pipeline.source import WORKERS, Source, fingerprint_of
from tfgan_suite.errors import InputError


@dataclasses.dataclass(frozen=True)
class Stream:
    """Examples under one index.

    Args:
        name: of the stream; streams of different names have unrelated orders.
        count: number of examples.
        shapes: shape of each part of an example, by its key in the batch.
        fetch: returns the examples with some indices, int64 `(n,)`: uint8 images `(n, height,
            width, channels)` and float32 values `(n, k)`, by key.
        fingerprint: changes when the data change.
        skipped: `(file, reason)` of every file that could not be read.
        bit_depth: as for `Source`.
    """

    name: str
    count: int
    shapes: Mapping[str, tuple[int, ...]]
    fetch: Callable[[tf.Tensor], dict[str, tf.Tensor]]
    fingerprint: str
    skipped: Sequence[tuple[str, str]] = ()
    bit_depth: int | None = None


class StreamSource(Source):
    """One or more streams side by side in each batch.

    A stream is an endless sequence of permutations of its examples. The source is as long as its
    longest stream; while that is passed once, shorter streams start over.

    Args:
        name: short name, usable as a folder name.
        streams: the streams; no two of them have a key in common.
        key: the key that `shape` describes, and that a translator takes.
        random_crop: pixels by which the streams' images are larger than those of the batches.
        test: opens the test split; `None` where this source is it.
        report: the oracle of an embedded world: takes examples as `held_out` returns them and
            what a translator made of those under `key`; returns a dict of numbers.
        label_names: names of the columns of `"label"`, where there is one.
    """

    def __init__(
        self,
        name: str,
        streams: Sequence[Stream],
        *,
        key: str,
        random_crop: int = 0,
        test: Callable[[], StreamSource] | None = None,
        report: Callable[[dict, np.ndarray], dict] | None = None,
        label_names: Sequence[str] = (),
    ) -> None:
        self.shapes = {
            part: _cropped_shape(shape, random_crop)
            for stream in streams
            for part, shape in stream.shapes.items()
        }
        super().__init__(
            name,
            self.shapes[key],
            fingerprint_of(random_crop, [stream.fingerprint for stream in streams]),
            skipped=[entry for stream in streams for entry in stream.skipped],
            bit_depth=next(filter(None, (stream.bit_depth for stream in streams)), None),
            key=key,
            report=report,
        )
        self.streams = tuple(streams)
        self.random_crop = random_crop
        self.label_names = tuple(label_names)
        self._test = test

    def __len__(self) -> int:
        return max(stream.count for stream in self.streams)

    def __repr__(self) -> str:
        contents = ", ".join(
            f"{self.lengths[key]} {key} of {shape}" for key, shape in self.shapes.items()
        )
        return f"<{type(self).__name__} {self.name}: {contents}>"

    @property
    def lengths(self) -> dict[str, int]:
        """Number of examples under each key of a batch."""
        return {key: stream.count for stream in self.streams for key in stream.shapes}

    def held_out(self, count: int) -> dict[str, np.ndarray]:
        """The first examples of the test split, always in the same order.

        Args:
            count: at most this many of each stream; fewer where a stream has fewer.

        Returns:
            Arrays by key, as in batches, images in [-1, 1]. The embedded worlds add the truth
            that their oracle needs. Streams that do not belong together may differ in length.

        Raises:
            InputError: there is no test split, or `count` is below 1.
        """
        check_held_out(count, self.name)
        if self._test is not None:
            return self._test().held_out(count)
        with tf.device("CPU:0"):
            examples = {}
            for stream in self.streams:
                index = tf.range(min(int(count), stream.count), dtype=tf.int64)
                examples.update(self._fetch_centered(stream, index))
            return {name: value.numpy() for name, value in self._to_float(examples).items()}

    def _slices(self, share: order.BatchShare, seed: int, start: int) -> tf.data.Dataset:
        @order.as_written
        def gather(step, replica):
            examples = {}
            for stream in self.streams:
                index = stream_indices(step, replica, share, seed, stream)
                examples.update(stream.fetch(index))
            return step, replica, examples

        return order.replica_steps(start, share).map(
            gather, num_parallel_calls=WORKERS, deterministic=True
        )

    def _sample(self, count: int, seed: int) -> dict[str, tf.Tensor]:
        examples = {}
        for stream in self.streams:
            index = stream_indices(0, 0, order.BatchShare(count, count), seed, stream)
            examples.update(self._fetch_centered(stream, index))
        return examples

    def _fetch_centered(self, stream: Stream, index: tf.Tensor) -> dict[str, tf.Tensor]:
        """Examples with centre crops of their images, for sample grids and measures."""
        return {
            key: cropping.center_crop(value, self.random_crop)
            if len(stream.shapes[key]) == 3
            else value
            for key, value in stream.fetch(index).items()
        }

    def _finish(self, step, replica, examples, share, seed, horizontal_flip):
        """Crops, flips, sets static shapes, and scales to [-1, 1]."""
        batch = {}
        augments = bool(self.random_crop or horizontal_flip)
        for stream in self.streams:
            window = None
            if augments:
                window = cropping.sample_windows(
                    step, replica, share, seed, stream.name, self.random_crop, horizontal_flip
                )
            for key, shape in stream.shapes.items():
                value = tf.ensure_shape(examples[key], (share.size, *shape))
                if len(shape) == 3 and augments:
                    value = cropping.crop(value, window, self.random_crop)
                batch[key] = tf.ensure_shape(value, (share.size, *self.shapes[key]))
        return self._to_float(batch)


def check_held_out(count: int, name: str) -> None:
    """Raises if the number of held-out examples is below 1.

    Raises:
        InputError: it is.
    """
    if count < 1:
        raise InputError(
            f"{count} held-out examples of {name} were requested; expected a positive number: "
            "ask for 1 or more"
        )


def stream_indices(
    step: tf.Tensor | int,
    replica: tf.Tensor | int,
    share: order.BatchShare,
    seed: int,
    stream: Stream,
) -> tf.Tensor:
    """Indices of the examples of a stream in one replica's slice of one batch.

    Position `p` of all batches laid end to end is position `p % count` of the stream's
    permutation number `p // count`: no example is dropped at an epoch's end, and a batch may be
    larger than a stream.

    Args:
        step: number of the global batch, from 0.
        replica: global index of the replica.
        share: how batches are split.
        seed: the run's seed.
        stream: the stream.

    Returns:
        int64 `(share.size,)`.
    """
    count = stream.count
    first = tf.cast(step, tf.int64) * share.batch + tf.cast(replica, tf.int64) * share.size
    positions = first + tf.range(share.size, dtype=tf.int64)
    epochs = positions // count
    indices = tf.zeros_like(positions)
    for offset in range((share.size + count - 2) // count + 1):  # epochs that a slice can touch
        epoch = first // count + offset
        shuffled = tf.random.experimental.index_shuffle(
            positions % count,
            seed=order.stateless_seed(seed, f"order {stream.name}", epoch),
            max_index=tf.constant(count - 1, tf.int64),
        )
        indices = tf.where(epochs == epoch, shuffled, indices)
    return tf.ensure_shape(indices, [share.size])


def _cropped_shape(shape: tuple[int, ...], margin: int) -> tuple[int, ...]:
    """The shape in batches of what is stored with a shape."""
    if len(shape) != 3:
        return tuple(shape)
    return (shape[0] - margin, shape[1] - margin, shape[2])
