"""A pool of generated images, so that a discriminator does not forget earlier ones."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfgan_suite.errors import InputError
from tfgan_suite.utils import replicas


class ImagePool(tf.Module):
    """Images that a generator made earlier, some of which are returned in place of new ones.

    Images are processed one after another. While the pool has room, an image is stored and
    returned. After that it is returned with probability 1/2; otherwise it replaces a random stored
    image, and that one is returned.

    The pool is state: a checkpoint of the game holds it. All replicas hold the same pool, and the
    images of the global batch pass through it in order, so that the result does not depend on the
    number of devices.

    Args:
        size: maximum number of stored images; 0: images are returned unchanged.
        shape: shape of one image, `(height, width, channels)`.
        name: name of the pool's variables.

    Attributes:
        images: float32 `(size, height, width, channels)`, the stored images.
        filled: int64 scalar, the number of stored images.

    Reference:
        Shrivastava et al., "Learning from Simulated and Unsupervised Images through Adversarial
        Training", CVPR 2017, arXiv:1612.07828; in the form of CycleGAN's official code.

    Raises:
        InputError: a negative size, or a shape with unknown sides.
    """

    def __init__(self, size: int, shape: Sequence[int | None], name: str = "pool"):
        super().__init__(name=name)
        if isinstance(size, bool) or size != int(size) or size < 0:
            raise InputError(
                f"a pool of {size!r} images; the size must be a whole number, 0 or more"
            )
        self.size = int(size)
        if not self.size:
            return
        if None in shape:
            raise InputError(f"a pool for images of shape {tuple(shape)}; it needs one fixed size")
        self.images = _shared(tf.zeros((self.size, *shape)), f"{name}_images")
        self.filled = _shared(tf.constant(0, tf.int64), f"{name}_filled")

    def exchange(self, images: tf.Tensor, coins: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        """Takes in new images and returns as many, new or stored; without gradient.

        Args:
            images: `(batch, height, width, channels)`, the images of this replica.
            coins: `(batch,)` in [0, 1): from 1/2 on, an image is exchanged for a stored one.
            positions: `(batch,)` in [0, 1): which one, as a fraction of the pool's size.

        Returns:
            float32 tensor of the images' shape.

        Raises:
            InputError: images whose shape is not the pool's.
        """
        images = tf.stop_gradient(tf.cast(images, tf.float32))
        if not self.size:
            return images
        if not images.shape[1:].is_compatible_with(self.images.shape[1:]):
            raise InputError(
                f"images of shape {tuple(images.shape[1:])} for a pool of"
                f" {tuple(self.images.shape[1:])}; train on images of the pool's size"
            )
        new, coins, positions = (replicas.gather(part) for part in (images, coins, positions))
        order = tf.range(tf.shape(new)[0])
        index = tf.cast(tf.convert_to_tensor(self.filled), tf.int32) + order
        has_room = index < self.size
        random = tf.minimum(tf.cast(positions * self.size, tf.int32), self.size - 1)
        slot = tf.where(has_room, index, random)
        stored = tf.convert_to_tensor(self.images)
        candidates = tf.concat([tf.gather(stored, slot), new], axis=0)
        # writes[i, j]: image j is stored in the slot of image i.
        writes = (slot[:, None] == slot[None, :]) & (has_room | (coins >= 0.5))[None, :]
        replaced = _last_write(writes & (order[None, :] < order[:, None]))
        returned = tf.where(has_room | (coins < 0.5), tf.shape(new)[0] + order, replaced)
        # Every image writes the final content of its slot, so that equal slots never conflict.
        final = tf.gather(candidates, _last_write(writes))
        replicas.assign(
            [self.images, self.filled],
            [
                tf.tensor_scatter_nd_update(stored, slot[:, None], final),
                tf.cast(tf.minimum(index[-1] + 1, self.size), tf.int64),
            ],
        )
        return tf.ensure_shape(replicas.own_part(tf.gather(candidates, returned)), images.shape)


def _shared(initial: tf.Tensor, name: str) -> tf.Variable:
    """A variable that is the same on all replicas."""
    return tf.Variable(
        initial, trainable=False, name=name, aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA
    )


def _last_write(writes: tf.Tensor) -> tf.Tensor:
    """For each image the last write to its slot, as an index into `[old contents, new images]`.

    Args:
        writes: bool `(batch, batch)`; row i tells for every image whether it writes to slot i.

    Returns:
        int32 `(batch,)`: `batch + j` for image j, `i` (the old content) where none writes.
    """
    count = tf.shape(writes)[0]
    order = tf.range(count)
    last = tf.reduce_max(tf.where(writes, order[None, :], -1), axis=1)
    return tf.where(last >= 0, count + last, order)
