"""Sources whose batches hold several things: pairs, two domains, simulated and real images.

What belongs together is one stream: it has one order, and its images are cropped and mirrored
by one draw. What does not belong together are streams of their own: each has its own order and
its own length, so that every one of their examples is seen equally often.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfgan_suite.data.pipeline import order
from tfgan_suite.data.pipeline import random_crop as jitters
from tfgan_suite.data.pipeline.source import WORKERS, Source, fingerprint_of
from tfgan_suite.errors import InputError


@dataclasses.dataclass(frozen=True)
class Stream:
    """Examples under one index.

    Args:
        name: of the stream; streams of other names have unrelated orders.
        count: number of examples.
        shapes: shape of each thing an example holds, by its key in the batch.
        fetch: gives the examples of some indices, int64 `(n,)`: uint8 images `(n, height,
            width, channels)` and float32 values `(n, k)`, by key.
        fingerprint: changes when the data change.
        skipped: `(file, reason)` of every file that could not be read.
    """

    name: str
    count: int
    shapes: Mapping[str, tuple[int, ...]]
    fetch: Callable[[tf.Tensor], dict[str, tf.Tensor]]
    fingerprint: str
    skipped: Sequence[tuple[str, str]] = ()


class StreamSource(Source):
    """One or more streams that are dealt out side by side.

    A stream is an endless row of permutations of its examples, one after the other. The length
    of the source is that of its longest stream; while that is seen once, shorter ones start over.

    Args:
        name: short name, fit for a folder's name.
        streams: the streams; no two of them give the same key.
        key: what `shape` speaks of, and what a translator takes.
        random_crop: pixels that the streams' images are larger than those of the batches.
        test: opens the test split; `None` where this source is it.
        report: for the embedded worlds, the oracle: takes examples as `held_out` gives them and
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
            name: _without(shape, random_crop)
            for stream in streams
            for name, shape in stream.shapes.items()
        }
        super().__init__(
            name,
            self.shapes[key],
            fingerprint_of(random_crop, [stream.fingerprint for stream in streams]),
            skipped=[entry for stream in streams for entry in stream.skipped],
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
        held = ", ".join(
            f"{self.lengths[key]} {key} of {shape}" for key, shape in self.shapes.items()
        )
        return f"<{type(self).__name__} {self.name}: {held}>"

    @property
    def lengths(self) -> dict[str, int]:
        """Number of examples of each thing that a batch holds, by its key."""
        return {key: stream.count for stream in self.streams for key in stream.shapes}

    def held_out(self, count: int) -> dict[str, np.ndarray]:
        """The first examples of the test split, in an order that never changes.

        Args:
            count: of each stream at most so many; fewer where it has fewer.

        Returns:
            Arrays by key, as in batches, images in [-1, 1]. The embedded worlds add the truth
            that their oracle needs. Streams that do not belong together may differ in length.

        Raises:
            InputError: there is no test split, or `count` is below 1.
        """
        if count < 1:
            raise InputError(f"{count} held-out examples of {self.name} were asked for: ask for 1")
        if self._test is not None:
            return self._test().held_out(count)
        with tf.device("CPU:0"):
            found = {}
            for stream in self.streams:
                index = tf.range(min(int(count), stream.count), dtype=tf.int64)
                found.update(self._fetch_plain(stream, index))
            return {name: value.numpy() for name, value in self._scaled(found).items()}

    def _slices(self, deal: order.Share, seed: int, start: int) -> tf.data.Dataset:
        def gather(step, part):
            found = {}
            for stream in self.streams:
                found.update(stream.fetch(indices(step, part, deal, seed, stream)))
            return step, part, found

        return order.numbered(start, deal).map(
            gather, num_parallel_calls=WORKERS, deterministic=True
        )

    def _sample(self, count: int, seed: int) -> dict[str, tf.Tensor]:
        found = {}
        for stream in self.streams:
            index = indices(0, 0, order.Share(count, count), seed, stream)
            found.update(self._fetch_plain(stream, index))
        return found

    def _fetch_plain(self, stream: Stream, index: tf.Tensor) -> dict[str, tf.Tensor]:
        """Examples with the middles of their images, as they are shown and measured."""
        return {
            name: jitters.middle(value, self.random_crop)
            if len(stream.shapes[name]) == 3
            else value
            for name, value in stream.fetch(index).items()
        }

    def _finish(self, step, part, found, deal, seed, horizontal_flip) -> dict[str, tf.Tensor]:
        """Cropping, mirroring, shapes, scaling."""
        done = {}
        moves = bool(self.random_crop or horizontal_flip)
        for stream in self.streams:
            window = None
            if moves:
                window = jitters.draw(
                    step, part, deal, seed, stream.name, self.random_crop, horizontal_flip
                )
            for name, shape in stream.shapes.items():
                value = tf.ensure_shape(found[name], (deal.size, *shape))
                if len(shape) == 3 and moves:
                    value = jitters.cut(value, window, self.random_crop)
                done[name] = tf.ensure_shape(value, (deal.size, *self.shapes[name]))
        return self._scaled(done)


def indices(
    step: tf.Tensor | int, part: tf.Tensor | int, deal: order.Share, seed: int, stream: Stream
) -> tf.Tensor:
    """Indices of the examples of a stream in one slice of one batch.

    Place `p` of all batches laid end to end is place `p % count` of the stream's permutation
    number `p // count`: nothing is left over at an epoch's end, and a batch may be larger than a
    stream.

    Args:
        step: number of the global batch, from 0.
        part: number of the slice in the batch = global number of the replica.
        deal: how batches are dealt out.
        seed: the run's seed.
        stream: the stream.

    Returns:
        int64 `(deal.size,)`.
    """
    count = stream.count
    first = tf.cast(step, tf.int64) * deal.batch + tf.cast(part, tf.int64) * deal.size
    places = first + tf.range(deal.size, dtype=tf.int64)
    epochs = places // count
    found = tf.zeros_like(places)
    for further in range((deal.size + count - 2) // count + 1):  # epochs that a slice can touch
        epoch = first // count + further
        shuffled = tf.random.experimental.index_shuffle(
            places % count,
            seed=order.key(seed, f"order {stream.name}", epoch),
            max_index=tf.constant(count - 1, tf.int64),
        )
        found = tf.where(epochs == epoch, shuffled, found)
    return tf.ensure_shape(found, [deal.size])


def _without(shape: tuple[int, ...], random_crop: int) -> tuple[int, ...]:
    """A stored shape as batches have it."""
    if len(shape) != 3:
        return tuple(shape)
    return (shape[0] - random_crop, shape[1] - random_crop, shape[2])
