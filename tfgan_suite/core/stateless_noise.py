"""Noise as a pure function of (seed, salt, step, position in the global batch)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import tensorflow as tf

from tfgan_suite.errors import InputError, did_you_mean

KINDS = ("normal", "uniform", "unit")


def draw(
    shape: Iterable[int | tf.Tensor],
    kind: str,
    seed: int,
    salt: str,
    step: int | tf.Variable,
    per_replica: bool = False,
    shared: bool = False,
) -> tf.Tensor:
    """Draws noise; arguments as for `AdversarialModel.noise`, with seed and step.

    Returns:
        float32 tensor of this shape; in a replica, its part of the global batch's noise.

    Raises:
        InputError: an unknown kind.
    """
    shape = list(shape)
    replicas, replica = (1, 0) if shared else _replicas()
    step = tf.cast(tf.convert_to_tensor(step), tf.int64)
    if per_replica:
        step, replicas = step * replicas + tf.cast(replica, tf.int64), 1
    key = tf.stack([tf.constant(zlib.crc32(f"{seed}/{salt}".encode()), tf.int64), step])
    if replicas == 1:
        return _stateless(kind, shape, key)
    global_noise = _stateless(kind, [shape[0] * replicas, *shape[1:]], key)
    part = tf.reshape(global_noise, [replicas, *shape])[replica]
    return tf.ensure_shape(part, [d if isinstance(d, int) else None for d in shape])


def _replicas() -> tuple[int, int | tf.Tensor]:
    """Number of replicas and index of this one; (1, 0) outside a replica."""
    context = tf.distribute.get_replica_context()
    if context is None:
        return 1, 0
    return context.num_replicas_in_sync, context.replica_id_in_sync_group


def _stateless(kind: str, shape: list[int | tf.Tensor], key: tf.Tensor) -> tf.Tensor:
    if kind == "normal":
        return tf.random.stateless_normal(shape, key)
    if kind == "uniform":
        return tf.random.stateless_uniform(shape, key, -1.0, 1.0)
    if kind == "unit":
        return tf.random.stateless_uniform(shape, key)
    raise InputError(
        f"noise kind {kind!r} is unknown; use one of {', '.join(KINDS)}{did_you_mean(kind, KINDS)}"
    )
