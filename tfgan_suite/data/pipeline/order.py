"""Which example comes when: a pure function of the seed and the step, with no state to save.

An epoch's order is TensorFlow's index shuffle, a permutation that needs no memory, keyed by seed
and epoch. So a run that was stopped and resumed, two runs with the same seed, and one device or
four all see the same examples in the same order.
"""

from __future__ import annotations

import dataclasses
import hashlib
import operator
from collections.abc import Sequence

import tensorflow as tf

from tfgan_suite.errors import InputError

_PHILOX = 1  # TensorFlow's number of the generator
# Keeps a function of a pipeline as it is. Autograph would rewrite it and all that it calls, which
# takes a second at each start, for loops and conditions on tensors, which none has.
as_written = tf.autograph.experimental.do_not_convert


@dataclasses.dataclass(frozen=True)
class BatchShare:
    """The part of every global batch that one input pipeline delivers.

    Args:
        batch: examples in a global batch.
        size: examples in one replica's slice of it.
        first: global index of the pipeline's first replica.
        replicas: number of replicas that the pipeline feeds; consecutive elements of its
            dataset go to consecutive replicas.
    """

    batch: int
    size: int
    first: int = 0
    replicas: int = 1


def batch_share(
    count: int, batch: int, context: tf.distribute.InputContext | None = None
) -> BatchShare:
    """Checks a batch size against a data set and a strategy, and splits the batch.

    Args:
        count: number of examples in the set.
        batch: examples in a global batch.
        context: what a strategy passes to its dataset function; `None` for one device.

    Raises:
        InputError: the batch is below 1, larger than the set, or not a multiple of the replicas.
    """
    try:
        batch = operator.index(batch)
    except TypeError:
        raise InputError(
            f"the batch size is {batch!r}; expected a whole number: pass an integer"
        ) from None
    if batch < 1:
        raise InputError(f"the batch size is {batch}; expected 1 or more: pass a larger batch size")
    if batch > count:
        raise InputError(
            f"a batch of {batch} cannot be filled: the set has {count} examples; choose a batch "
            f"size of at most {count}, or add data"
        )
    if context is None:
        return BatchShare(batch, batch)
    replicas = context.num_replicas_in_sync
    if batch % replicas:
        raise InputError(
            f"a batch of {batch} cannot be split evenly among {replicas} replicas; expected a "
            f"multiple of {replicas}: change the batch size"
        )
    local = replicas // context.num_input_pipelines
    return BatchShare(batch, batch // replicas, context.input_pipeline_id * local, local)


def stateless_seed(seed: int, purpose: str, number: tf.Tensor | int) -> tf.Tensor:
    """The seed of a stateless op: two int32 words.

    `index_shuffle` mixes its seed poorly: with the bare pair (seed, epoch) some examples came at
    some positions up to 1.5 times as often as others over the epochs. So the pair goes through
    the Philox generator first, and every purpose has seeds of its own.

    Args:
        seed: the run's seed, any integer.
        purpose: for example `"order"`; different purposes give unrelated seeds.
        number: epoch or step, int64.

    Returns:
        int32 `(2,)`.
    """
    digest = hashlib.blake2b(f"{purpose}/{operator.index(seed)}".encode(), digest_size=8).digest()
    word = tf.constant(int.from_bytes(digest, "little", signed=True), tf.int64)
    pair = tf.stack([word, tf.cast(number, tf.int64)])
    return draw_uniform([2], pair, tf.int32)


def draw_uniform(
    shape: Sequence[int],
    seed: tf.Tensor,
    dtype: tf.DType = tf.float32,
    limit: int | None = None,
) -> tf.Tensor:
    """What `tf.random.stateless_uniform(..., alg="philox")` draws, in 5 operations instead of 50.

    That function scrambles the seed by operations of its own. The one operation used here does the
    same on the processors that run input pipelines.

    Args:
        shape: of the result.
        seed: integers `(2,)`.
        dtype: float32, in [0, 1), or an integer type.
        limit: integers are in [0, limit); `None`: the whole range of the type.
    """
    key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
    generator = {"shape": shape, "key": key, "counter": counter, "alg": _PHILOX}
    if dtype.is_floating:
        return tf.raw_ops.StatelessRandomUniformV2(dtype=dtype, **generator)
    if limit is None:
        return tf.raw_ops.StatelessRandomUniformFullIntV2(dtype=dtype, **generator)
    bounds = {"minval": tf.constant(0, dtype), "maxval": tf.constant(limit, dtype)}
    return tf.raw_ops.StatelessRandomUniformIntV2(**bounds, **generator)


def shuffled_indices(
    positions: tf.Tensor, seed: int, epoch: tf.Tensor | int, count: int
) -> tf.Tensor:
    """Indices of the examples at some positions of an epoch.

    Args:
        positions: int64 `(n,)` in [0, count).
        seed: the run's seed.
        epoch: number of the epoch, from 0.
        count: number of examples in the set.

    Returns:
        int64 `(n,)` in [0, count).
    """
    return tf.random.experimental.index_shuffle(
        positions,
        seed=stateless_seed(seed, "order", epoch),
        max_index=tf.constant(count - 1, tf.int64),
    )


def batch_indices(
    step: tf.Tensor | int, replica: tf.Tensor | int, share: BatchShare, seed: int, count: int
) -> tf.Tensor:
    """Indices of the examples in one replica's slice of one batch.

    An epoch has `count // batch` steps; which examples are dropped differs from epoch to epoch.

    Args:
        step: number of the global batch, from 0.
        replica: global index of the replica.
        share: how batches are split.
        seed: the run's seed.
        count: number of examples in the set.

    Returns:
        int64 `(share.size,)`.
    """
    step = tf.cast(step, tf.int64)
    steps = count // share.batch
    first = (step % steps) * share.batch + tf.cast(replica, tf.int64) * share.size
    positions = first + tf.range(share.size, dtype=tf.int64)
    return shuffled_indices(positions, seed, step // steps, count)


def flip_mask(
    step: tf.Tensor | int, replica: tf.Tensor | int, share: BatchShare, seed: int
) -> tf.Tensor:
    """Which images of a slice are flipped, with probability 0.5 each: bool `(size,)`.

    Drawn for the global batch, so the result does not depend on how it is split.
    """
    draws = draw_uniform([share.batch], stateless_seed(seed, "mirror", step))
    return replica_slice(draws, replica, share) < 0.5


def replica_slice(values: tf.Tensor, replica: tf.Tensor | int, share: BatchShare) -> tf.Tensor:
    """One replica's slice of values that belong to a global batch.

    Args:
        values: `(share.batch, ...)`.
        replica: global index of the replica.
        share: how batches are split.

    Returns:
        `(share.size, ...)`.
    """
    if share.size == share.batch:
        return values
    first = tf.cast(replica, tf.int32) * share.size
    return tf.reshape(values[first : first + share.size], [share.size, *values.shape[1:]])


def replica_steps(start: int, share: BatchShare) -> tf.data.Dataset:
    """The endless sequence of `(step, replica)` that one input pipeline delivers, int64 scalars.

    Raises:
        InputError: `start` is not a whole number of 0 or more.
    """
    try:
        first = operator.index(start)
    except TypeError:
        first = -1
    if first < 0:
        raise InputError(
            f"the first step is {start!r}; expected a whole number, 0 or more: pass the number of "
            "steps already trained"
        )
    elements = tf.data.Dataset.counter(first * share.replicas, 1, dtype=tf.int64)
    return elements.map(
        as_written(
            lambda element: (element // share.replicas, share.first + element % share.replicas)
        )
    )


def dataset_options() -> tf.data.Options:
    """Deterministic order, and no autotuning.

    tf.data's autotune thread makes the end of every iterator wait for its doubling sleep, which
    has been seen to add half of an epoch's time; pipelines here set their own parallelism.
    """
    options = tf.data.Options()
    options.deterministic = True
    options.autotune.enabled = False
    options.threading.private_threadpool_size = 2
    return options
