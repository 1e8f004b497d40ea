"""ProGAN's losses: a linear discriminator by hand, the penalty in mid-fade, classes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_progan import SHAPE, at_alpha, fading

from tfgan_suite import compat
from tfgan_suite.games import progan


def linear_game(weights, **options):
    """One level of 4x4 pixels, G(z) = z reshaped, D(x) = <w, x>."""
    z = keras.Input((16,), name="z")
    generator = keras.Model(z, [keras.layers.Reshape((4, 4, 1))(z)])
    image = keras.Input((4, 4, 1))
    score = keras.layers.Dense(1, use_bias=False)(keras.layers.Flatten()(image))
    discriminator = keras.Model(image, [score])
    discriminator.set_weights([np.reshape(np.float32(weights), (16, 1))])
    game = progan.ProGAN(generator, discriminator, stable_images=8, fade_images=8, **options)
    return game


def test_losses_of_a_linear_discriminator():
    """(|w| - 1)^2 whatever the images, 1 for a constant; drift is the mean square of scores."""
    real, fake = tf.ones((2, 4, 4, 1)), tf.zeros((2, 4, 4, 1))
    mix = tf.constant([0.3, 0.6])
    weights = np.zeros(16)
    weights[:2] = 3.0, 4.0
    terms = linear_game(weights).discriminator_terms(real, fake, mix)
    assert float(terms["penalty"]) == pytest.approx(10 * (5.0 - 1.0) ** 2, rel=1e-5)
    assert float(terms["wasserstein"]) == pytest.approx(-7.0)
    assert float(terms["drift"]) == pytest.approx(0.001 * 49.0, rel=1e-5)
    generator = linear_game(weights).generator_terms(tf.ones((2, 16)))
    assert float(generator["adversarial"]) == pytest.approx(-7.0)
    constant = linear_game(np.zeros(16), gp_weight=1.0).discriminator_terms(real, fake, mix)
    assert float(constant["penalty"]) == pytest.approx(1.0, abs=1e-5)


def test_the_penalty_in_mid_fade_has_its_second_derivative(monkeypatch):
    """By finite differences, through both ways of the fade."""
    monkeypatch.setattr(progan, "SLOPE", 0.999)  # at kinks, differences are no derivatives
    keras.utils.set_random_seed(1)
    game = at_alpha(0.4)
    real, fake = (tf.random.stateless_uniform((4, *SHAPE), [n, 1], -1.0, 1.0) for n in (1, 2))
    mix = tf.constant([0.1, 0.4, 0.5, 0.9])

    def penalty():
        return game.discriminator_terms(real, fake, mix)["penalty"]

    for name in ("from_rgb_4", "from_rgb_8", "8", "8_down", "4"):
        kernel = compat.tensor_variable(game.discriminator.get_layer(name).kernel)
        with tf.GradientTape() as tape:
            total = penalty()
        gradient = tape.gradient(total, kernel)
        direction = gradient / tf.norm(gradient)
        step, start = 2e-3, tf.identity(kernel)
        values = []
        for sign in (1.0, -1.0):
            kernel.assign(start + sign * step * direction)
            values.append(float(penalty()))
        kernel.assign(start)
        slope = (values[0] - values[1]) / (2 * step)
        assert slope == pytest.approx(float(tf.norm(gradient)), rel=0.02), name


def test_class_logits_follow_the_score():
    """Cross-entropy by hand, of real and generated images, in both players' losses."""
    game = fading(classes=3)
    draws = tf.random.stateless_uniform((4, *SHAPE), [1, 1], -1.0, 1.0)
    label = tf.constant([0, 1, 2, 1])
    outputs = np.array(game.judge(draws))
    logits = outputs[:, 1:]
    by_hand = np.log(np.exp(logits).sum(1)) - logits[range(4), [0, 1, 2, 1]]
    terms = game.discriminator_terms(draws, draws, tf.zeros(4), label)
    for name in ("class_real", "class_fake"):
        assert float(terms[name]) == pytest.approx(by_hand.mean(), rel=1e-4)
    assert float(terms["drift"]) == pytest.approx(0.001 * (outputs[:, 0] ** 2).mean(), rel=1e-3)
    z = tf.random.stateless_normal((4, 8), [1, 2])
    found = game.generator_terms(z, label)
    logits = np.array(game.judge(game.fakes(z, label)))[:, 1:]
    by_hand = np.log(np.exp(logits).sum(1)) - logits[range(4), [0, 1, 2, 1]]
    assert float(found["class"]) == pytest.approx(by_hand.mean(), rel=1e-4)
