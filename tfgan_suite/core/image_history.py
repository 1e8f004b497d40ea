"""A history of refined images, of which a discriminator is shown as many as of new ones (SimGAN)."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfgan_suite.errors import InputError

DTYPES = ("float32", "uint8")


class History(tf.Module):
    """At most `size` images that earlier steps have pushed; a full history replaces at random.

    Unlike `pools.ImagePool` it shows old images beside new ones and takes in whole batches. Its
    rows are written in place, so that thousands of images cost a step nothing.

    The history is state: a checkpoint of the game holds it. On several replicas all of them hold
    the same images, those of the global batch, and each is shown its part of one draw: one
    device and many show the same. What is drawn and what is replaced are functions of (seed, use,
    step).

    Args:
        size: B, most images that are stored.
        shape: shape of one image, `(height, width, channels)`.
        seed: seed of the draws.
        dtype: `"float32"`, or `"uint8"`: a quarter of the memory, images rounded to 256 levels.
        name: name of the variables.

    Attributes:
        images: `(size, height, width, channels)`, the stored images in `dtype`.
        filled: int64 scalar, how many of them there are.

    Raises:
        InputError: an impossible size, an open shape or another dtype.
    """

    def __init__(
        self,
        size: int,
        shape: Sequence[int],
        *,
        seed: int = 0,
        dtype: str = "float32",
        name: str = "history",
    ):
        super().__init__(name=name)
        if isinstance(size, bool) or size != int(size) or size < 1:
            raise InputError(f"a history of {size!r} images; expected a whole number, 1 or more")
        if dtype not in DTYPES:
            raise InputError(f"history dtype {dtype!r}; it must be one of {', '.join(DTYPES)}")
        if None in shape:
            raise InputError(f"a history for images of shape {tuple(shape)}; give it one size")
        self.size, self.seed = int(size), int(seed)
        start = tf.zeros((self.size, *shape), dtype)
        self.images = tf.Variable(start, trainable=False, name=f"{name}_images")
        self.filled = tf.Variable(
            tf.constant(0, tf.int64),
            trainable=False,
            name=f"{name}_filled",
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )

    def draw(self, otherwise: tf.Tensor, use: str, step: int | tf.Tensor) -> tf.Tensor:
        """Different images of earlier steps, as many as are given.

        Args:
            otherwise: float32 `(count, height, width, channels)`, what is given back as long as
                there are too few stored ones; count known before the step runs.
            use: names the draw; two draws of one step with other names are independent.
            step: training step.

        Returns:
            float32 tensor of that shape, without gradient.

        Raises:
            InputError: the images of a step are more than the history holds, or have another
                shape than its own.
        """
        count, total, replica = self._sizes(otherwise)
        stored = tf.range(self.size) < self._filled()
        scores = tf.where(stored, self._uniform(f"draw {use}", step), -1.0)
        rows = tf.math.top_k(scores, total).indices
        mine = tf.gather(rows, replica * count + tf.range(count))
        old = self._from_stored(tf.gather(self.images, mine))
        return tf.stop_gradient(tf.where(self._filled() >= total, old, otherwise))

    def push(self, images: tf.Tensor, use: str, step: int | tf.Tensor) -> None:
        """Stores new images in free rows and, where none are left, in place of random old ones.

        Args:
            images: float32 `(count, height, width, channels)` in [-1, 1], this replica's.
            use, step: as for `draw`.

        Raises:
            InputError: as for `draw`.
        """
        _, total, _ = self._sizes(images)
        slot = tf.range(self.size)
        # Free rows come first, in order; then old ones in random order. No row comes twice.
        first = 2.0 - tf.cast(slot, tf.float32) / self.size
        scores = tf.where(slot < self._filled(), self._uniform(f"push {use}", step), first)
        rows = tf.math.top_k(scores, total).indices
        new = self._to_stored(tf.stop_gradient(images))
        context = tf.distribute.get_replica_context()
        if context.num_replicas_in_sync > 1:
            new = tf.ensure_shape(context.all_gather(new, axis=0), (total, *images.shape[1:]))
        self._write(rows, new)
        filled = tf.minimum(self._filled() + total, self.size)
        self.filled.assign(tf.cast(filled, tf.int64))

    def _filled(self) -> tf.Tensor:
        return tf.cast(tf.convert_to_tensor(self.filled), tf.int32)

    def _uniform(self, use: str, step: int | tf.Tensor) -> tf.Tensor:
        """A number in [0, 1) for every row, the same on every replica."""
        name = zlib.crc32(f"{self.seed}/{self.name}/{use}".encode())
        key = tf.stack([tf.constant(name, tf.int64), tf.cast(tf.convert_to_tensor(step), tf.int64)])
        return tf.random.stateless_uniform([self.size], key)

    def _sizes(self, images: tf.Tensor) -> tuple[int, int, int | tf.Tensor]:
        """Images of this replica and of all, and which replica this is."""
        if images.shape[0] is None or images.shape[1:] != self.images.shape[1:]:
            raise InputError(
                f"images of shape {tuple(images.shape)} for a history of"
                f" {tuple(self.images.shape[1:])}: train on batches of one size (drop_remainder)"
                " and on images of the history's size"
            )
        context = tf.distribute.get_replica_context()
        count = images.shape[0]
        total = count * context.num_replicas_in_sync
        if total > self.size:
            raise InputError(
                f"a history of {self.size} images, of which a step uses {total}; make it larger"
            )
        return count, total, context.replica_id_in_sync_group

    def _to_stored(self, images: tf.Tensor) -> tf.Tensor:
        if self.images.dtype == tf.float32:
            return images
        return tf.cast(tf.clip_by_value(tf.round((images + 1.0) * 127.5), 0, 255), tf.uint8)

    def _from_stored(self, stored: tf.Tensor) -> tf.Tensor:
        if stored.dtype == tf.float32:
            return stored
        return tf.cast(stored, tf.float32) / 127.5 - 1.0

    def _write(self, rows: tf.Tensor, images: tf.Tensor) -> None:
        """Writes rows on every replica; all of them give the same rows and images."""
        if not tf.distribute.has_strategy():
            _scatter(self.images, rows, images)
            return

        def update(strategy: tf.distribute.Strategy, rows: Any, images: Any) -> None:
            strategy.extended.update(self.images, _scatter, (rows, images), group=False)

        tf.distribute.get_replica_context().merge_call(update, (rows, images))


def _scatter(variable: tf.Variable, rows: tf.Tensor, images: tf.Tensor) -> None:
    variable.scatter_nd_update(rows[:, None], images)
