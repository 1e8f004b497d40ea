"""Which example comes when: a pure function of the seed and the step, with no state to save.

An epoch's order is TensorFlow's index shuffle, a permutation that needs no memory, keyed by seed
and epoch. So a run that was stopped and resumed, two runs of one seed, one device and four all
see the same examples in the same order.
"""

from __future__ import annotations

import dataclasses
import hashlib
import operator

import tensorflow as tf

from tfgan_suite.errors import InputError


@dataclasses.dataclass(frozen=True)
class Share:
    """The part of every global batch that one input pipeline delivers.

    Args:
        batch: examples in a global batch.
        size: examples in one replica's slice of it.
        first: global number of the pipeline's first replica.
        replicas: number of replicas that the pipeline feeds; consecutive elements of its
            dataset go to consecutive ones of them.
    """

    batch: int
    size: int
    first: int = 0
    replicas: int = 1


def share(count: int, batch: int, context: tf.distribute.InputContext | None = None) -> Share:
    """Checks a batch size against a set and a strategy, and deals the batch out.

    Args:
        count: number of examples in the set.
        batch: examples in a global batch.
        context: what a strategy hands to its dataset function; `None` for one device.

    Raises:
        InputError: the batch is below 1, larger than the set, or not a multiple of the replicas.
    """
    try:
        batch = operator.index(batch)
    except TypeError:
        raise InputError(f"the batch size is {batch!r}; expected a whole number") from None
    if batch < 1:
        raise InputError(f"the batch size is {batch}; expected 1 or more")
    if batch > count:
        raise InputError(
            f"a batch of {batch} cannot be filled: the set has {count} examples; choose a batch "
            f"size of at most {count} or give more data"
        )
    if context is None:
        return Share(batch, batch)
    replicas = context.num_replicas_in_sync
    if batch % replicas:
        raise InputError(
            f"a batch of {batch} cannot be dealt out to {replicas} replicas evenly; choose a "
            f"multiple of {replicas}"
        )
    local = replicas // context.num_input_pipelines
    return Share(batch, batch // replicas, context.input_pipeline_id * local, local)


def key(seed: int, purpose: str, number: tf.Tensor | int) -> tf.Tensor:
    """Two int32 words for TensorFlow's stateless ops.

    `index_shuffle` takes in little of its seed: with the bare pair (seed, epoch) some examples
    came at some places up to 1.5 times as often as others over the epochs. So the pair goes
    through the Philox generator first, and every purpose has keys of its own.

    Args:
        seed: the run's seed, any whole number.
        purpose: for example `"order"`; other purposes give unrelated keys.
        number: epoch or step, int64.

    Returns:
        int32 `(2,)`.
    """
    digest = hashlib.blake2b(f"{purpose}/{operator.index(seed)}".encode(), digest_size=8).digest()
    word = tf.constant(int.from_bytes(digest, "little", signed=True), tf.int64)
    pair = tf.stack([word, tf.cast(number, tf.int64)])
    return tf.random.stateless_uniform([2], pair, None, None, tf.int32, alg="philox")


def shuffled(positions: tf.Tensor, seed: int, epoch: tf.Tensor | int, count: int) -> tf.Tensor:
    """Indices of the examples at some positions of an epoch.

    Args:
        positions: int64 `(n,)` in [0, count).
        seed: the run's seed.
        epoch: number of the epoch.
        count: number of examples in the set.

    Returns:
        int64 `(n,)` in [0, count).
    """
    return tf.random.experimental.index_shuffle(
        positions, seed=key(seed, "order", epoch), max_index=tf.constant(count - 1, tf.int64)
    )


def indices(step: tf.Tensor | int, part: tf.Tensor | int, deal: Share, seed: int, count: int):
    """Indices of the examples in one slice of one batch.

    An epoch has `count // batch` steps; the examples left over are other ones in every epoch.

    Args:
        step: number of the global batch, from 0.
        part: number of the slice in the batch = global number of the replica.
        deal: how batches are dealt out.
        seed: the run's seed.
        count: number of examples in the set.

    Returns:
        int64 `(deal.size,)`.
    """
    step = tf.cast(step, tf.int64)
    steps = count // deal.batch
    first = (step % steps) * deal.batch + tf.cast(part, tf.int64) * deal.size
    positions = first + tf.range(deal.size, dtype=tf.int64)
    return shuffled(positions, seed, step // steps, count)


def flips(step: tf.Tensor | int, part: tf.Tensor | int, deal: Share, seed: int) -> tf.Tensor:
    """Fair coins for mirroring, one for each place of one slice of one batch: bool `(size,)`.

    They belong to the places of the global batch, however it is dealt out.
    """
    draws = tf.random.stateless_uniform([deal.batch], key(seed, "mirror", step), alg="philox")
    return mine(draws, part, deal) < 0.5


def mine(draws: tf.Tensor, part: tf.Tensor | int, deal: Share) -> tf.Tensor:
    """A slice's share of what was drawn for the places of the global batch.

    Args:
        draws: `(deal.batch, ...)`.
        part: number of the slice in the batch.
        deal: how batches are dealt out.

    Returns:
        `(deal.size, ...)`.
    """
    first = tf.cast(part, tf.int32) * deal.size
    return tf.reshape(draws[first : first + deal.size], [deal.size, *draws.shape[1:]])


def numbered(start: int, deal: Share) -> tf.data.Dataset:
    """The endless list of `(step, part)` that one input pipeline delivers, int64 scalars.

    Raises:
        InputError: `start` is no whole number from 0 on.
    """
    try:
        start = operator.index(start)
    except TypeError:
        start = -1
    if start < 0:
        raise InputError("the first step of the data must be a whole number from 0 on")
    elements = tf.data.Dataset.counter(start * deal.replicas, 1, dtype=tf.int64)
    return elements.map(
        lambda element: (element // deal.replicas, deal.first + element % deal.replicas)
    )


def options() -> tf.data.Options:
    """Deterministic order, and no autotuning.

    tf.data's autotune thread makes the end of every iterator wait for its doubling sleep, which
    has been seen to add half of an epoch's time; pipelines here set their parallelism themselves.
    """
    chosen = tf.data.Options()
    chosen.deterministic = True
    chosen.autotune.enabled = False
    chosen.threading.private_threadpool_size = 2
    return chosen
