"""The image pool: against the rule image by image, its state, its replicas."""

import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import InputError
from tfgan_suite.core.image_pool import ImagePool


def numbered(numbers):
    """Images 1x2x1 that hold their number."""
    return tf.constant(np.repeat(np.float32(numbers), 2).reshape(-1, 1, 2, 1))


def numbers_of(images):
    return np.asarray(images)[:, 0, 0, 0].tolist()


class OneByOne:
    """The rule of the paper's code, one image after another."""

    def __init__(self, size):
        self.size, self.images = size, []

    def exchange(self, images, coins, positions):
        returned = []
        for image, coin, position in zip(images, coins, positions):
            if len(self.images) < self.size:
                self.images.append(image)
                returned.append(image)
            elif coin < 0.5:
                returned.append(image)
            else:
                slot = int(position * self.size)
                returned.append(self.images[slot])
                self.images[slot] = image
        return returned


@pytest.mark.parametrize("size, batch", [(1, 1), (5, 1), (5, 3), (3, 8), (50, 20)])
def test_a_batch_goes_through_image_by_image(size, batch):
    draws, rule, pool = np.random.RandomState(1), OneByOne(size), ImagePool(size, (1, 2, 1))
    exchange = tf.function(pool.exchange)
    for step in range(12):
        new = (np.arange(batch) + 1 + step * batch).tolist()
        coins, positions = draws.uniform(size=(2, batch)).astype("f4")
        returned = exchange(numbered(new), tf.constant(coins), tf.constant(positions))
        assert numbers_of(returned) == rule.exchange(new, coins, positions)
        assert int(pool.filled.numpy()) == len(rule.images)
        assert numbers_of(pool.images)[: len(rule.images)] == rule.images


def test_the_first_fifty_come_back_and_later_about_half_do():
    pool, draws = ImagePool(50, (1, 2, 1)), np.random.RandomState(2)
    first = pool.exchange(numbered(range(50)), tf.fill((50,), 0.9), tf.zeros(50))
    assert numbers_of(first) == list(range(50))
    new = list(range(50, 1050))
    coins, positions = tf.constant(draws.uniform(size=(2, 1000)).astype("f4"))
    returned = np.array(numbers_of(pool.exchange(numbered(new), coins, positions)))
    assert 0.45 < np.mean(returned != np.array(new)) < 0.55
    assert (returned <= np.array(new)).all()
    # Nothing is lost or doubled: what was returned in exchange and what is stored is what came in.
    exchanged = np.concatenate([returned[returned != new], numbers_of(pool.images)])
    kept = np.setdiff1d(np.arange(1050), returned[returned == new])
    assert sorted(exchanged) == kept.tolist()
    assert pool.images.shape == (50, 1, 2, 1) and int(pool.filled.numpy()) == 50


def test_a_pool_of_nothing_lets_everything_through():
    pool = ImagePool(0, (None, None, 3))
    returned = pool.exchange(numbered([7, 8]), tf.ones(2), tf.zeros(2))
    assert numbers_of(returned) == [7, 8] and not pool.variables


def test_what_is_returned_has_no_gradient():
    pool, image = ImagePool(3, (1, 2, 1)), tf.Variable(numbered([1, 2]))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(pool.exchange(image * 2.0, tf.zeros(2), tf.zeros(2)))
    assert tape.gradient(total, image) is None


def test_a_checkpoint_holds_the_pool(tmp_path):
    pool = ImagePool(3, (1, 2, 1))
    pool.exchange(numbered([4, 5]), tf.zeros(2), tf.zeros(2))
    path = tf.train.Checkpoint(pool=pool).save(str(tmp_path / "pool"))
    again = ImagePool(3, (1, 2, 1))
    tf.train.Checkpoint(pool=again).restore(path).assert_consumed()
    assert numbers_of(again.images) == [4, 5, 0] and int(again.filled.numpy()) == 2


def test_two_replicas_share_one_pool(two_replicas):
    one, draws = ImagePool(3, (1, 2, 1)), np.random.RandomState(3)
    with two_replicas.scope():
        two = ImagePool(3, (1, 2, 1))

    @tf.function
    def exchange(images, coins, positions):
        return two_replicas.run(two.exchange, args=(images, coins, positions))

    for step in range(6):
        images = numbered(np.arange(4) + 1 + 4 * step)
        coins, positions = tf.constant(draws.uniform(size=(2, 4)).astype("f4"))
        expected = one.exchange(images, coins, positions)

        def halves(tensor):
            parts = tf.split(tensor, 2)
            return two_replicas.experimental_distribute_values_from_function(
                lambda context: parts[context.replica_id_in_sync_group]
            )

        returned = exchange(halves(images), halves(coins), halves(positions))
        returned = tf.concat(two_replicas.experimental_local_results(returned), 0)
        assert np.array_equal(returned, expected)
        for part in two_replicas.experimental_local_results(two.images):
            assert np.array_equal(part, one.images)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((-1, (8, 8, 3)), "pool of -1"),
        ((2.5, (8, 8, 3)), "2.5"),
        ((2, (None, 8, 3)), "one fixed size"),
    ],
)
def test_impossible_pools_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        ImagePool(*arguments)


def test_images_of_another_size_are_refused():
    with pytest.raises(InputError, match=r"\(1, 2, 1\)"):
        ImagePool(2, (8, 8, 3)).exchange(numbered([1]), tf.zeros(1), tf.zeros(1))
