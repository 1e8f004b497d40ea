"""Order: a permutation for each epoch, exact skipping, the same batches on all devices."""

import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import data
from tfgan_suite.data.pipeline import order
from tfgan_suite.errors import InputError


def numbered(count=23, side=4):
    """A source whose image number i has the value i everywhere but a 255 in the left column."""
    pixels = np.repeat(np.arange(count, dtype=np.uint8), side * side).reshape(count, side, side, 1)
    pixels[:, :, 0] = 255
    return data.ArraySource("numbered", pixels, np.arange(count), classes=map(str, range(count)))


def labels(source, steps, batch=5, **options):
    options.setdefault("seed", 1)
    return [b["label"].numpy() for b in source.batches(batch, **options).take(steps)]


def images(source, steps, batch=4, **options):
    return [b["image"].numpy() for b in source.batches(batch, **options).take(steps)]


def indices(count, steps, batch, seed, context=None, start=0):
    """What `batches` looks up, step by step: for each replica of a pipeline its slice."""
    share = order.batch_share(count, batch, context)
    replicas = range(share.first, share.first + share.replicas)
    return [
        [order.batch_indices(step, replica, share, seed, count).numpy() for replica in replicas]
        for step in range(start, start + steps)
    ]


def test_batches_hold_the_examples_with_these_indices():
    found = labels(numbered(23), 12, 5, seed=7)
    np.testing.assert_array_equal(found, np.concatenate(indices(23, 12, 5, 7)))


@pytest.mark.parametrize("count,batch", [(23, 5), (20, 5), (7, 7), (1, 1), (64, 3)])
@pytest.mark.parametrize("seed", [0, 7, -3, 2**40])
def test_every_epoch_is_a_permutation_without_its_rest(count, batch, seed):
    steps = count // batch
    found = np.concatenate(indices(count, 3 * steps, batch, seed))
    for epoch in range(3):
        seen = np.concatenate(found[epoch * steps : (epoch + 1) * steps])
        assert len(seen) == steps * batch == len(set(seen))
        assert set(seen) <= set(range(count))


def test_epochs_and_seeds_give_different_orders():
    first, second = np.reshape(indices(60, 24, 5, seed=1), (2, 60))
    other = np.reshape(indices(60, 12, 5, seed=2), 60)
    assert sorted(first) == sorted(second) == sorted(other)
    for one, two in [(first, second), (first, other), (first, np.arange(60))]:
        assert np.mean(one == two) < 0.2


def test_seeds_beyond_32_bits_differ():
    assert not np.array_equal(indices(23, 4, 5, seed=1), indices(23, 4, 5, seed=1 + 2**32))


def test_every_example_comes_at_every_place_about_equally_often():
    places = tf.range(10, dtype=tf.int64)

    @tf.function(autograph=False)
    def shuffle(epochs):
        return tf.map_fn(lambda epoch: order.shuffled_indices(places, 5, epoch, 10), epochs)

    counts = np.zeros((10, 10))
    for shuffled in shuffle(tf.range(1500, dtype=tf.int64)).numpy():
        counts[np.arange(10), shuffled] += 1
    # Chi-squared with 81 degrees of freedom: 140 is its 1 - 5e-5 quantile (the bare pair of seed
    # and epoch as key gives about 500).
    assert np.sum((counts - 150) ** 2 / 150) < 140


@pytest.mark.parametrize(
    "dtype, limit", [(tf.float32, None), (tf.int32, None), (tf.int64, None), (tf.int32, 31)]
)
def test_draws_are_those_of_philox(dtype, limit):
    top = {"maxval": limit} if limit else {} if dtype.is_floating else {"minval": None}
    for seed in ([0, 0], [5, -7], [2**62, -(2**63)], [-1, 2**31]):
        seed = tf.constant(seed, tf.int64)
        wanted = tf.random.stateless_uniform([3, 5], seed, dtype=dtype, alg="philox", **top)
        for found in (order.draw_uniform, tf.function(order.draw_uniform)):
            np.testing.assert_array_equal(found([3, 5], seed, dtype, limit), wanted)


def test_two_builds_are_equal_and_the_global_seed_does_not_matter():
    tf.random.set_seed(1)
    first = images(numbered(), 9, seed=3, horizontal_flip=True)
    tf.random.set_seed(2)
    np.testing.assert_array_equal(first, images(numbered(), 9, seed=3, horizontal_flip=True))


@pytest.fixture(scope="module")
def whole():
    return images(numbered(), 20, seed=3, horizontal_flip=True)


@pytest.mark.parametrize("start", [1, 5, 13])
def test_start_equals_skipping(whole, start):
    resumed = images(numbered(), 20 - start, seed=3, horizontal_flip=True, start=start)
    np.testing.assert_array_equal(whole[start:], resumed)


def test_values_are_exact_and_labels_belong_to_their_images():
    batch = next(iter(numbered().batches(23, seed=0)))
    assert batch["image"].dtype == tf.float32 and batch["label"].dtype == tf.int32
    assert batch["image"].shape == (23, 4, 4, 1) and batch["label"].shape == (23,)
    assert np.all(batch["image"][:, :, 0] == 1.0)
    wanted = batch["label"].numpy() / np.float32(127.5) - 1.0
    np.testing.assert_allclose(batch["image"][:, 2, 2, 0], wanted, atol=1e-6)
    assert batch["image"].numpy().min() == -1.0  # image 0


def test_horizontal_flip_flips_about_half_and_only_left_to_right():
    pixels = np.arange(24, dtype=np.uint8).reshape(1, 2, 4, 3).repeat(50, axis=0)
    source = data.ArraySource("same", pixels)
    found = np.concatenate(images(source, 20, 50, seed=0, horizontal_flip=True))
    plain = pixels[0] / np.float32(127.5) - np.float32(1)
    is_plain = np.all(found == plain, axis=(1, 2, 3))
    is_turned = np.all(found == plain[:, ::-1], axis=(1, 2, 3))
    assert np.all(is_plain ^ is_turned)
    assert 430 < is_turned.sum() < 570  # 1000 fair coins: 500 +- 4.4 deviations


def test_the_element_spec_is_static():
    spec = numbered().batches(5, seed=0).element_spec
    assert spec["image"].shape == (5, 4, 4, 1) and spec["label"].shape == (5,)
    assert numbered().batches(5, seed=0).cardinality() == tf.data.INFINITE_CARDINALITY


def contexts(workers, replicas):
    return [tf.distribute.InputContext(workers, worker, replicas) for worker in range(workers)]


@pytest.mark.parametrize("workers,replicas", [(1, 2), (2, 2), (2, 4), (1, 4), (4, 4)])
@pytest.mark.parametrize("start", [0, 7])
def test_indices_of_all_replicas_together_are_those_of_one_device(workers, replicas, start):
    options = {"steps": 11, "batch": 8, "seed": 9, "start": start}
    whole = indices(23, **options)
    parts = [indices(23, context=context, **options) for context in contexts(workers, replicas)]
    for step, (batch,) in enumerate(whole):
        slices = [one for part in parts for one in part[step]]
        assert all(len(one) == 8 // replicas for one in slices) and len(slices) == replicas
        np.testing.assert_array_equal(np.concatenate(slices), batch)


@pytest.mark.parametrize("workers,replicas,start", [(1, 2, 0), (2, 4, 7)])
def test_slices_of_all_replicas_together_are_the_batch_of_one_device(workers, replicas, start):
    options = {"seed": 9, "horizontal_flip": True, "start": start}
    whole = images(numbered(), 11, 8, **options)
    local = replicas // workers
    parts = [
        images(numbered(), 11 * local, 8, input_context=context, **options)
        for context in contexts(workers, replicas)
    ]
    for step in range(11):
        slices = [part[step * local + r] for part in parts for r in range(local)]
        assert all(len(one) == 8 // replicas for one in slices)
        np.testing.assert_array_equal(np.concatenate(slices), whole[step])


def test_a_strategy_gets_the_same_examples(two_replicas):
    source = numbered()
    whole = list(source.batches(6, seed=4, start=2, horizontal_flip=True).take(5))
    spread = iter(data.distribute(source, two_replicas, 6, seed=4, start=2, horizontal_flip=True))
    for batch in whole:
        parts = next(spread)
        for key, wanted in batch.items():
            local = two_replicas.experimental_local_results(parts[key])
            assert [len(part) for part in local] == [3, 3]
            np.testing.assert_array_equal(np.concatenate(local), wanted)


def test_without_replicas_distribute_gives_the_plain_dataset():
    for strategy in (None, tf.distribute.get_strategy()):
        plain = data.distribute(numbered(), strategy, 5, seed=4)
        assert isinstance(plain, tf.data.Dataset)
        wanted = labels(numbered(), 6, seed=4)
        np.testing.assert_array_equal([b["label"] for b in plain.take(6)], wanted)


def test_take_is_fixed_and_without_repeats():
    source = numbered()
    taken = source.take(23, seed=1)
    assert sorted(taken["label"]) == list(range(23))
    assert taken["image"].dtype == np.float32 and taken["image"].shape == (23, 4, 4, 1)
    np.testing.assert_array_equal(taken["label"][:6], source.take(6, seed=1)["label"])
    assert not np.array_equal(taken["label"], source.take(23, seed=2)["label"])


@pytest.mark.parametrize(
    "call,words",
    [
        (lambda s: s.batches(24, seed=0), ["24", "23", "at most 23"]),
        (lambda s: s.batches(0, seed=0), ["0", "1 or more"]),
        (lambda s: s.batches(2.5, seed=0), ["2.5", "whole number"]),
        (lambda s: s.batches(5, seed=0, start=-1), ["0 or more"]),
        (lambda s: s.take(24), ["24", "23"]),
        (
            lambda s: s.batches(5, seed=0, input_context=tf.distribute.InputContext(1, 0, 2)),
            ["5", "2 replicas", "multiple of 2"],
        ),
    ],
)
def test_bad_requests_say_what_to_do(call, words):
    with pytest.raises(InputError) as caught:
        call(numbered())
    assert all(word in str(caught.value) for word in words), caught.value
    assert "\n" not in str(caught.value)


def test_a_batch_that_does_not_fit_the_strategy_is_an_error(two_replicas):
    with pytest.raises(InputError, match="multiple of 2"):
        data.distribute(numbered(), two_replicas, 5, seed=0)
