"""Conditioning augmentation against the closed forms of a Gaussian."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import InputError
from tfgan_suite.layers.conditioning_augmentation import (
    ConditioningAugmentation,
    kl_to_standard_normal,
    reparameterize,
)


@pytest.mark.parametrize(
    "mu, log_sigma, of_a_unit",
    [(0.0, 0.0, 0.0), (1.0, 0.0, 0.5), (0.0, math.log(2.0), 1.5 - math.log(2.0))],
)
def test_the_divergence_has_its_closed_form(mu, log_sigma, of_a_unit):
    arguments = tf.fill((3, 5), mu), tf.fill((3, 5), log_sigma)
    assert float(kl_to_standard_normal(*arguments)) == pytest.approx(of_a_unit, abs=1e-6)
    total = kl_to_standard_normal(*arguments, "sum")
    assert float(total) == pytest.approx(5 * of_a_unit, abs=1e-6)


def test_the_divergence_equals_an_integral():
    x = np.linspace(-12.0, 12.0, 200_001)
    mu, sigma = 0.7, 0.4
    log_p = -0.5 * ((x - mu) / sigma) ** 2 - math.log(sigma)
    p = np.exp(log_p) / math.sqrt(2 * math.pi)
    expected = np.sum(p * (log_p + 0.5 * x**2)) * (x[1] - x[0])
    value = kl_to_standard_normal(tf.constant([[mu]]), tf.constant([[math.log(sigma)]]))
    assert float(value) == pytest.approx(expected, rel=1e-5)


def test_samples_have_the_mean_and_the_deviation():
    eps = tf.random.stateless_normal((100_000,), [1, 2])
    samples = reparameterize(tf.constant(0.3), tf.constant(-0.7), eps).numpy()
    assert samples.mean() == pytest.approx(0.3, abs=0.005)
    assert samples.std() == pytest.approx(math.exp(-0.7), rel=0.01)  # .4966


def layer(activation="linear", units=2):
    """A layer over embeddings of 4 whose head passes the embedding on: mu 0:2, log sigma 2:4."""
    augmentation = ConditioningAugmentation(units, activation)
    augmentation.build([(None, 4), (None, units)])
    augmentation.head.set_weights([np.eye(4, dtype="f4"), np.zeros(4, "f4")])
    return augmentation


def test_mu_and_log_sigma_are_different_halves():
    c, mu, log_sigma = layer()([tf.constant([[1.0, -2.0, 0.5, -0.5]]), tf.constant([[1.0, 2.0]])])
    np.testing.assert_allclose(mu, [[1.0, -2.0]])
    np.testing.assert_allclose(log_sigma, [[0.5, -0.5]])
    expected = [[1.0 + math.exp(0.5), -2.0 + 2.0 * math.exp(-0.5)]]
    np.testing.assert_allclose(c, expected, rtol=1e-6)


def test_without_noise_it_is_deterministic():
    embedding = tf.constant([[1.0, -2.0, 3.0, -50.0]])
    c, mu, log_sigma = layer()([embedding, tf.zeros((1, 2))])
    np.testing.assert_array_equal(c, mu)
    np.testing.assert_allclose(log_sigma, [[3.0, -8.0]])  # clipped
    assert float(layer()([tf.fill((1, 4), 99.0), tf.ones((1, 2))])[2][0, 0]) == 4.0


@pytest.mark.parametrize(
    "activation, expected",
    [("leaky_relu", [1.0, -0.4, 0.5, -0.1]), ("relu", [1.0, 0.0, 0.5, 0.0])],
)
def test_the_official_activations(activation, expected):
    _, mu, log_sigma = layer(activation)([tf.constant([[1.0, -2.0, 0.5, -0.5]]), tf.zeros((1, 2))])
    np.testing.assert_allclose(np.concatenate([mu[0], log_sigma[0]]), expected, rtol=1e-6)


def test_the_gradient_reaches_both_halves():
    augmentation = layer()
    with tf.GradientTape() as tape:
        c, mu, log_sigma = augmentation([tf.ones((1, 4)), tf.ones((1, 2))])
        loss = tf.reduce_sum(c) + kl_to_standard_normal(mu, log_sigma, "sum")
    kernel = tape.gradient(loss, augmentation.head.trainable_variables)[0].numpy()
    # d c / d mu + mu = 2; d c / d log sigma + sigma^2 - 1 = e + e^2 - 1.
    expected = [2.0, 2.0, *[math.e + math.e**2 - 1.0] * 2]
    np.testing.assert_allclose(kernel, np.tile(expected, (4, 1)), rtol=1e-5)


def test_it_computes_in_float32_and_is_restored_from_its_config():
    augmentation = ConditioningAugmentation(3, "relu", name="conditioning")
    copy = ConditioningAugmentation.from_config(augmentation.get_config())
    assert (copy.units, copy.activation, copy.name) == (3, "relu", "conditioning")
    assert copy.compute_dtype == "float32"
    embedding, eps = keras.Input((4,)), keras.Input((3,))
    shapes = [tuple(each.shape) for each in augmentation([embedding, eps])]
    assert shapes == [(None, 3)] * 3


def test_impossible_layers_are_refused():
    with pytest.raises(InputError, match="linear, leaky_relu"):
        ConditioningAugmentation(3, "tanh")
    with pytest.raises(InputError, match="units is 0"):
        ConditioningAugmentation(0)
    with pytest.raises(InputError, match="mean, sum"):
        kl_to_standard_normal(tf.zeros((1, 1)), tf.zeros((1, 1)), "max")
