"""DiffAugment by its definition: what it may do, what it must leave, and its gradients."""

import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import InputError
from tfgan_suite.core.diff_augment import augment

SIDE = 16


def drawn(seed):
    def draw(shape, name):
        return tf.random.stateless_uniform(shape, [seed, len(name) + sum(map(ord, name))])

    return draw


def random_images(count=32):
    return np.random.RandomState(0).uniform(-1, 1, (count, SIDE, SIDE, 3)).astype("f4")


def test_no_policy_changes_nothing():
    images = random_images()
    assert augment(images, "", drawn(0)) is images


def test_translation_shifts_whole_images_and_fills_with_grey():
    images = random_images()
    moved = augment(tf.constant(images), "translation", drawn(1)).numpy()
    shifts = set()
    for before, after in zip(images, moved):
        found = []
        for down in range(-2, 3):
            for across in range(-2, 3):
                padded = np.pad(before, ((2, 2), (2, 2), (0, 0)))
                part = padded[2 + down : 2 + down + SIDE, 2 + across : 2 + across + SIDE]
                if np.array_equal(part, after):
                    found.append((down, across))
        assert len(found) == 1
        shifts.add(found[0])
    assert len(shifts) > 10


def test_cutout_takes_at_most_a_square_of_half_the_side():
    images = random_images(200) + 3.0  # no zeros
    cut = augment(tf.constant(images), "cutout", drawn(2)).numpy()
    gone = cut == 0
    assert np.array_equal(cut[~gone], images[~gone])
    counts = gone[..., 0].sum((1, 2))
    assert counts.max() == (SIDE // 2) ** 2 and counts.min() < counts.max()
    for mask in gone[..., 0]:  # a full rectangle
        assert mask.sum() == mask.any(1).sum() * mask.any(0).sum()


def test_color_follows_its_three_formulas():
    images = random_images(4)
    values = {"brightness": 0.7, "saturation": 0.25, "contrast": 0.1}
    found = augment(tf.constant(images), "color", lambda s, n: tf.fill(s, values[n])).numpy()
    x = images + 0.2
    grey = x.mean(3, keepdims=True)
    x = (x - grey) * 0.5 + grey
    mean = x.mean((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(found, (x - mean) * 0.6 + mean, atol=1e-6)


def test_gradients_reach_what_is_still_seen():
    images = tf.constant(random_images(8))
    with tf.GradientTape() as tape:
        tape.watch(images)
        seen = augment(images, "color,translation,cutout", drawn(3))
        total = tf.reduce_sum(seen**2)
    gradient = tape.gradient(total, images).numpy()
    assert np.isfinite(gradient).all() and (np.abs(gradient).sum((1, 2, 3)) > 0).all()


def test_draws_decide_everything():
    images = tf.constant(random_images(4))
    one, same, other = (augment(images, "translation,cutout", drawn(s)) for s in (5, 5, 6))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


@pytest.mark.parametrize("policy, said", [("colour", "color, translation"), ("color;", "unknown")])
def test_an_unknown_kind_is_refused(policy, said):
    with pytest.raises(InputError, match=said):
        augment(tf.zeros((1, 8, 8, 3)), policy, drawn(0))


def test_points_are_refused():
    with pytest.raises(InputError, match="images"):
        augment(tf.zeros((4, 2)), "color", drawn(0))
