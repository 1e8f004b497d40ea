"""Feature matching: the distance between batch means of a discriminator's features."""

from __future__ import annotations

import tensorflow as tf


def distance(real: list[tf.Tensor], fake: list[tf.Tensor]) -> tf.Tensor:
    """Sum over feature maps of the mean squared difference between their batch means.

    Args:
        real: maps `(batch, ...)` of real examples.
        fake: the same maps of generated ones; the order of either batch does not matter.

    Returns:
        float32 scalar; gradients reach only `fake`.
    """
    distances = []
    for real_map, fake_map in zip(real, fake):
        target = _mean_over_batch(tf.stop_gradient(real_map))
        distances.append(tf.reduce_mean(tf.square(target - _mean_over_batch(fake_map))))
    return tf.add_n(distances)


def _mean_over_batch(features: tf.Tensor) -> tf.Tensor:
    """The mean over the global batch, with gradient."""
    mean = tf.reduce_mean(tf.cast(features, tf.float32), axis=0)
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return mean
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, mean)
