"""Variables and batches across the replicas of a `tf.distribute` strategy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfgan_suite import compat


def assign(variables: Sequence[Any], values: Sequence[tf.Tensor]) -> None:
    """Assigns each value to its variable, on every replica.

    What a plain `assign` in a replica does depends on the variable: it may change only that
    replica's copy, or sum or average over all. This does the same for every variable, in replica
    and cross-replica context, eagerly and in a `tf.function`.

    Args:
        variables: variables of Keras or TensorFlow.
        values: one tensor each; in a replica context equal on all replicas, as they are if
            computed from such variables alone.
    """
    variables = [compat.tensor_variable(variable) for variable in variables]
    if not tf.distribute.has_strategy():
        for variable, value in zip(variables, values):
            variable.assign(value)
        return

    def update(strategy: tf.distribute.Strategy, values: Sequence[Any]) -> None:
        for variable, value in zip(variables, values):
            strategy.extended.update(variable, _assign, args=(value,), group=False)

    if tf.distribute.in_cross_replica_context():
        update(tf.distribute.get_strategy(), values)
    else:
        tf.__internal__.distribute.interim.maybe_merge_call(
            update, tf.distribute.get_strategy(), list(values)
        )


def _assign(variable: tf.Variable, value: tf.Tensor) -> None:
    variable.assign(value)


def mean(value: tf.Tensor) -> tf.Tensor:
    """The mean of a tensor over all replicas, on each of them."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return value
    return context.all_reduce("MEAN", value)


def gather(part: tf.Tensor) -> tf.Tensor:
    """The global batch, in order of the replicas, from this replica's part of it."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return part
    count, replica = context.num_replicas_in_sync, context.replica_id_in_sync_group
    shape = tf.shape(part)
    padded = tf.scatter_nd([[replica]], part[None], tf.concat([[count], shape], 0))
    batches = context.all_reduce("SUM", padded)
    return tf.reshape(batches, tf.concat([[count * shape[0]], shape[1:]], 0))


def own_part(batch: tf.Tensor) -> tf.Tensor:
    """This replica's part of a global batch; the inverse of `gather`."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return batch
    count, replica = context.num_replicas_in_sync, context.replica_id_in_sync_group
    shape = tf.shape(batch)
    return tf.reshape(batch, tf.concat([[count, shape[0] // count], shape[1:]], 0))[replica]
