"""A memory of generated images, so that a discriminator does not forget what it has learnt of them."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError


class ImagePool(tf.Module):
    """Images that a generator made earlier, of which some are shown in place of new ones.

    One image after another: while there is room, it is stored and shown. Then it is shown with
    probability 1/2; otherwise it takes the place of a random stored image, and that is shown.

    The pool is state: a checkpoint of the game holds it. On several replicas all of them hold the
    same pool, through which the images of the global batch go in order, so that one device and
    many show the same.

    Args:
        size: most images that are stored; 0: every image is shown as it comes.
        shape: shape of one image, `(height, width, channels)`.
        name: name of the pool's variables.

    Attributes:
        images: float32 `(size, height, width, channels)`, the stored images.
        filled: int64 scalar, how many of them there are.

    Reference:
        Shrivastava et al., "Learning from Simulated and Unsupervised Images through Adversarial
        Training", CVPR 2017, arXiv:1612.07828; in the form of CycleGAN's official code.

    Raises:
        InputError: a negative size, or an open shape.
    """

    def __init__(self, size: int, shape: Sequence[int | None], name: str = "pool"):
        super().__init__(name=name)
        if isinstance(size, bool) or size != int(size) or size < 0:
            raise InputError(f"a pool of {size!r} images; it must be a whole number, 0 or more")
        self.size = int(size)
        if not self.size:
            return
        if None in shape:
            raise InputError(f"a pool for images of shape {tuple(shape)}; give it one size")
        self.images = _shared(tf.zeros((self.size, *shape)), f"{name}_images")
        self.filled = _shared(tf.constant(0, tf.int64), f"{name}_filled")

    def exchange(self, images: tf.Tensor, coins: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
        """Takes new images in and gives as many back, new or old; without gradient.

        Args:
            images: `(batch, height, width, channels)`, the images of this replica.
            coins: `(batch,)` in [0, 1): from 1/2 on an image is exchanged for a stored one.
            places: `(batch,)` in [0, 1): which one, as a share of the pool.

        Returns:
            float32 tensor of the images' shape.

        Raises:
            InputError: images of another shape than the pool's.
        """
        images = tf.stop_gradient(tf.cast(images, tf.float32))
        if not self.size:
            return images
        if not images.shape[1:].is_compatible_with(self.images.shape[1:]):
            raise InputError(
                f"images of shape {tuple(images.shape[1:])} for a pool of"
                f" {tuple(self.images.shape[1:])}: train on images of the pool's size"
            )
        new, coins, places = (_of_all_replicas(part) for part in (images, coins, places))
        order = tf.range(tf.shape(new)[0])
        position = tf.cast(tf.convert_to_tensor(self.filled), tf.int32) + order
        room = position < self.size
        random = tf.minimum(tf.cast(places * self.size, tf.int32), self.size - 1)
        slot = tf.where(room, position, random)
        stored = tf.convert_to_tensor(self.images)
        candidates = tf.concat([tf.gather(stored, slot), new], axis=0)
        # writes[i, j]: image j is put where image i looks.
        writes = (slot[:, None] == slot[None, :]) & (room | (coins >= 0.5))[None, :]
        found = _latest(writes & (order[None, :] < order[:, None]))
        shown = tf.where(room | (coins < 0.5), tf.shape(new)[0] + order, found)
        # Every image writes what its slot holds in the end, so that equal slots never conflict.
        kept = tf.gather(candidates, _latest(writes))
        compat.assign_in_replicas(
            [self.images, self.filled],
            [
                tf.tensor_scatter_nd_update(stored, slot[:, None], kept),
                tf.cast(tf.minimum(position[-1] + 1, self.size), tf.int64),
            ],
        )
        return tf.ensure_shape(_of_this_replica(tf.gather(candidates, shown)), images.shape)


def _shared(start: tf.Tensor, name: str) -> tf.Variable:
    """A variable that is the same on all replicas."""
    return tf.Variable(
        start, trainable=False, name=name, aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA
    )


def _latest(writes: tf.Tensor) -> tf.Tensor:
    """For each image the last one that writes, as a place in `[old contents, new images]`.

    Args:
        writes: bool `(batch, batch)`; row i says of every image whether it writes where i looks.

    Returns:
        int32 `(batch,)`: `batch + j` for image j, `i` (the old content) where none writes.
    """
    count = tf.shape(writes)[0]
    order = tf.range(count)
    last = tf.reduce_max(tf.where(writes, order[None, :], -1), axis=1)
    return tf.where(last >= 0, count + last, order)


def _of_all_replicas(part: tf.Tensor) -> tf.Tensor:
    """The global batch, in order of the replicas, from this replica's part of it."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return part
    replicas, replica = context.num_replicas_in_sync, context.replica_id_in_sync_group
    shape = tf.shape(part)
    whole = tf.scatter_nd([[replica]], part[None], tf.concat([[replicas], shape], 0))
    whole = context.all_reduce("SUM", whole)
    return tf.reshape(whole, tf.concat([[replicas * shape[0]], shape[1:]], 0))


def _of_this_replica(whole: tf.Tensor) -> tf.Tensor:
    """This replica's part of what `_of_all_replicas` gave."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return whole
    replicas, replica = context.num_replicas_in_sync, context.replica_id_in_sync_group
    shape = tf.shape(whole)
    return tf.reshape(whole, tf.concat([[replicas, shape[0] // replicas], shape[1:]], 0))[replica]
