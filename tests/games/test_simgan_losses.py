"""SimGAN's losses by hand: patches, both players' targets, and what psi keeps."""

import math

import numpy as np
import pytest
import tensorflow as tf
from small_simgan import SHAPE, batch_of, tiny, with_networks

from tfgan_suite.games import simgan


def test_an_undecided_discriminator_costs_log_2_a_patch():
    for target in (simgan.REAL, simgan.REFINED):
        loss = float(simgan.local_loss(tf.fill((2, 9, 14, 2), 0.7), target))
        assert loss == pytest.approx(0.693147, abs=1e-6)
        assert loss * 126 == pytest.approx(87.34, abs=0.005)


def test_the_local_loss_is_the_mean_over_patches():
    logits = tf.constant([[[[0.0, 1.0], [0.0, 0.0]], [[2.0, 0.0], [0.0, -3.0]]]])
    of_real = [math.log1p(math.exp(1)), math.log(2), math.log1p(math.exp(-2))]
    of_real.append(math.log1p(math.exp(-3)))
    assert float(simgan.local_loss(logits, simgan.REAL)) == pytest.approx(np.mean(of_real))
    of_refined = [math.log1p(math.exp(-1)), math.log(2), math.log1p(math.exp(2))]
    of_refined.append(math.log1p(math.exp(3)))
    assert float(simgan.local_loss(logits, simgan.REFINED)) == pytest.approx(np.mean(of_refined))


def of_brightness(images):
    """A discriminator that calls bright patches refined."""
    return tf.concat([tf.zeros_like(images), 10.0 * images], axis=-1)


def test_the_discriminator_names_refined_images_and_the_refiner_asks_for_real():
    game = with_networks(
        tiny(regularization_weight=0.0), refiner=lambda x: x, discriminator=of_brightness
    )
    bright, dark = tf.fill((2, *SHAPE), 1.0), tf.fill((2, *SHAPE), -1.0)
    right, wrong = game.discriminator_terms(dark, bright), game.discriminator_terms(bright, dark)
    low, high = math.log1p(math.exp(-10)), math.log1p(math.exp(10))
    assert {k: float(v) for k, v in right.items()} == pytest.approx(
        {"real": low, "fake": low}, abs=1e-6
    )
    assert {k: float(v) for k, v in wrong.items()} == pytest.approx({"real": high, "fake": high})
    assert float(game.refiner_terms(dark)["adversarial"]) == pytest.approx(low, abs=1e-6)
    assert float(game.refiner_terms(bright)["adversarial"]) == pytest.approx(high)


def test_the_accuracy_is_about_new_images():
    game = with_networks(tiny(), discriminator=of_brightness)
    seen = {}
    game.__dict__["record"] = lambda name, found: seen.setdefault(name, float(found))
    bright, dark = tf.fill((2, *SHAPE), 1.0), tf.fill((2, *SHAPE), -1.0)
    terms = game.discriminator_terms(dark, bright, dark)
    assert seen["discriminator/accuracy"] == 1.0
    half = (math.log1p(math.exp(-10)) + math.log1p(math.exp(10))) / 2
    assert float(terms["fake"]) == pytest.approx(half)


def test_lambda_of_sums_and_of_means_weigh_alike():
    assert simgan.sum_to_mean_weight(1.0, (35, 55, 1), 126) == pytest.approx(15.2778, abs=1e-4)
    draws = np.random.RandomState(0)
    logits = tf.constant(draws.normal(size=(1, 9, 14, 2)), tf.float32)
    x, y = (tf.constant(draws.uniform(-1, 1, (1, 35, 55, 1)), tf.float32) for _ in range(2))
    sums = tf.reduce_sum(-tf.nn.log_softmax(logits)[..., simgan.REAL])
    sums += 0.01 * tf.reduce_sum(tf.abs(x - y))
    weight = simgan.sum_to_mean_weight(0.01, (35, 55, 1), 126)
    means = simgan.local_loss(logits, simgan.REAL)
    means += weight * simgan.distance(simgan.FEATURE_TRANSFORMS["identity"], x, y)
    assert float(sums) == pytest.approx(126 * float(means), rel=1e-5)


def features(images):
    return [tf.nn.relu(images), tf.nn.avg_pool2d(images, 2, 2, "SAME")]


@pytest.mark.parametrize("feature_transform", [*simgan.FEATURE_TRANSFORMS, features])
def test_a_refiner_that_changes_nothing_costs_nothing(feature_transform):
    shape = (6, 7, 3)
    game = simgan.SimGAN(
        simgan.build_refiner(3, 2, 1),
        simgan.build_discriminator(3, 2),
        shape=shape,
        feature_transform=feature_transform,
        history_size=4,
    )
    images = tf.constant(batch_of(2, shape)["simulated"])
    with_networks(game, refiner=lambda x: x)
    assert float(game.refiner_terms(images)["regularization"]) == 0.0
    assert float(game.pretraining_terms(images)["regularization"]) == 0.0
    with_networks(game, refiner=lambda x: x * 0.5)
    assert float(game.refiner_terms(images)["regularization"]) > 0.0


def test_what_each_feature_transform_ignores():
    images = tf.constant(batch_of(3, (6, 7, 3))["simulated"])
    identity, gradient, mean = (
        simgan.FEATURE_TRANSFORMS[n] for n in ("identity", "gradient", "channel_mean")
    )
    assert float(simgan.distance(identity, images + 0.25, images)) == pytest.approx(0.25)
    assert float(simgan.distance(gradient, images + 0.25, images)) == pytest.approx(0.0, abs=1e-6)
    swapped = tf.gather(images, [2, 0, 1], axis=-1)
    assert float(simgan.distance(mean, swapped, images)) == pytest.approx(0.0, abs=1e-6)
    assert float(simgan.distance(identity, swapped, images)) > 0.1
    assert float(simgan.distance(mean, images + 0.25, images)) == pytest.approx(0.25)


def test_the_gradient_sees_slopes_along_both_axes():
    down = tf.range(5.0)[None, :, None, None] * tf.ones((1, 5, 4, 1))
    flat = tf.zeros((1, 5, 4, 1))
    # A slope of 1 downwards and none to the right: the mean of 1 and 0.
    assert float(
        simgan.distance(simgan.FEATURE_TRANSFORMS["gradient"], down, flat)
    ) == pytest.approx(0.5)


def test_lambda_weighs_the_regularization():
    game = with_networks(tiny(regularization_weight=4.0), refiner=lambda x: x + 0.1)
    images = tf.zeros((2, *SHAPE))
    assert float(game.refiner_terms(images)["regularization"]) == pytest.approx(0.4)
    assert float(game.pretraining_terms(images)["regularization"]) == pytest.approx(0.1)
