"""A history of refined images, shown to a discriminator along with new ones (SimGAN)."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfgan_suite.errors import InputError, must_be

DTYPES = ("float32", "uint8")


class ImageHistory(tf.Module):
    """Up to `size` images of earlier steps; a full history replaces random ones.

    Unlike `ImagePool` it returns old images along with new ones and takes in whole batches. Rows
    are written in place, so that thousands of images add no cost to a step.

    The history is state: a checkpoint of the game holds it. All replicas hold the same images,
    those of the global batch, and each gets its part of one sample, so that the result does not
    depend on the number of devices. What is sampled and what is replaced are functions of (seed,
    salt, step).

    Args:
        size: B, the maximum number of stored images.
        shape: shape of one image, `(height, width, channels)`.
        seed: seed of the random choices.
        dtype: `"float32"`, or `"uint8"` for a quarter of the memory, rounded to 256 levels.
        name: name of the variables.

    Attributes:
        images: `(size, height, width, channels)`, the stored images in `dtype`.
        filled: int64 scalar, the number of stored images.

    Raises:
        InputError: an invalid size, a shape with unknown sides, another dtype.
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
            raise InputError(
                f"a history of {size!r} images; the size must be a whole number, 1 or more"
            )
        if dtype not in DTYPES:
            raise InputError(f"history dtype {dtype!r}; {must_be(dtype, DTYPES)}")
        if None in shape:
            raise InputError(
                f"a history for images of shape {tuple(shape)}; it needs one fixed size"
            )
        self.size, self.seed = int(size), int(seed)
        start = tf.zeros((self.size, *shape), dtype)
        self.images = tf.Variable(start, trainable=False, name=f"{name}_images")
        self.filled = tf.Variable(
            tf.constant(0, tf.int64),
            trainable=False,
            name=f"{name}_filled",
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )

    def sample(self, fallback: tf.Tensor, salt: str, step: int | tf.Tensor) -> tf.Tensor:
        """Distinct images of earlier steps, as many as `fallback` has.

        Args:
            fallback: float32 `(count, height, width, channels)`, returned as long as too few
                images are stored; its count is static.
            salt: names the sample; samples of one step with different salts are independent.
            step: training step.

        Returns:
            float32 tensor of that shape, without gradient.

        Raises:
            InputError: a step uses more images than the history holds, or images of another
                shape.
        """
        count, total, replica = self._sizes(fallback)
        stored = tf.range(self.size) < self._filled()
        scores = tf.where(stored, self._uniform(f"draw {salt}", step), -1.0)
        rows = tf.math.top_k(scores, total).indices
        own_rows = tf.gather(rows, replica * count + tf.range(count))
        old = self._from_stored(tf.gather(self.images, own_rows))
        return tf.stop_gradient(tf.where(self._filled() >= total, old, fallback))

    def push(self, images: tf.Tensor, salt: str, step: int | tf.Tensor) -> None:
        """Stores new images in free rows and, once there are none, in place of random old ones.

        Args:
            images: float32 `(count, height, width, channels)` in [-1, 1], this replica's.
            salt, step: as for `sample`.

        Raises:
            InputError: as for `sample`.
        """
        _, total, _ = self._sizes(images)
        slot = tf.range(self.size)
        # Free rows first, in order; then old ones in random order. No row occurs twice.
        first = 2.0 - tf.cast(slot, tf.float32) / self.size
        scores = tf.where(slot < self._filled(), self._uniform(f"push {salt}", step), first)
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

    def _uniform(self, salt: str, step: int | tf.Tensor) -> tf.Tensor:
        """A number in [0, 1) for every row, the same on every replica."""
        name = zlib.crc32(f"{self.seed}/{self.name}/{salt}".encode())
        key = tf.stack([tf.constant(name, tf.int64), tf.cast(tf.convert_to_tensor(step), tf.int64)])
        return tf.random.stateless_uniform([self.size], key)

    def _sizes(self, images: tf.Tensor) -> tuple[int, int, int | tf.Tensor]:
        """The number of images on this replica and on all of them, and the replica's index."""
        if images.shape[0] is None or images.shape[1:] != self.images.shape[1:]:
            raise InputError(
                f"images of shape {tuple(images.shape)} for a history of"
                f" {tuple(self.images.shape[1:])}; train on batches of one size (drop_remainder)"
                " and on images of the history's size"
            )
        context = tf.distribute.get_replica_context()
        count = images.shape[0]
        total = count * context.num_replicas_in_sync
        if total > self.size:
            raise InputError(
                f"a history of {self.size} images, of which a step uses {total}; increase its size"
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
        """Writes rows on every replica; rows and images are the same on all of them."""
        if not tf.distribute.has_strategy():
            _scatter(self.images, rows, images)
            return

        def update(strategy: tf.distribute.Strategy, rows: Any, images: Any) -> None:
            strategy.extended.update(self.images, _scatter, (rows, images), group=False)

        tf.distribute.get_replica_context().merge_call(update, (rows, images))


def _scatter(variable: tf.Variable, rows: tf.Tensor, images: tf.Tensor) -> None:
    variable.scatter_nd_update(rows[:, None], images)
