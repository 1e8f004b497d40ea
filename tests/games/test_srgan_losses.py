"""The losses of SRResNet and SRGAN by hand: pixels, features, variation, adversarial."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_srgan import HIGH, generator, pairs

from tfgan_suite import InputError
from tfgan_suite.games import srgan


def tensors(shift):
    high = tf.constant(pairs(2)["high"]) * 0.5
    return high, high + shift


@pytest.mark.parametrize("kind, expected", [("mse", 2 * 0.0625), ("l1", 2 * 0.25)])
def test_the_pixel_loss(kind, expected):
    game = srgan.SRResNet(generator(), pixel_loss=kind, pixel_weight=2.0)
    assert float(game.content_terms(*tensors(0.25))["pixel"]) == pytest.approx(expected, rel=1e-4)
    assert float(game.content_terms(*tensors(0.0))["pixel"]) == 0.0


def features_only(**options):
    return srgan.SRResNet(
        generator(), pixel_weight=0.0, feature_weight=1.0, features=lambda x: [x], **options
    )


def test_the_feature_loss_and_its_rescaling():
    plain = features_only(feature_scale=1.0).content_terms(*tensors(0.5))["features"]
    assert float(plain) == pytest.approx(0.25, rel=1e-5)
    scaled = features_only().content_terms(*tensors(0.5))["features"]
    assert float(scaled / plain) == pytest.approx(0.0061515, abs=5e-8)
    summed = features_only(feature_reduction="sum_channels").content_terms(*tensors(0.5))[
        "features"
    ]
    assert float(summed / scaled) == pytest.approx(3.0, rel=1e-5)
    assert float(features_only().content_terms(*tensors(0.0))["features"]) == 0.0


def test_the_losses_of_several_maps_are_added():
    game = features_only(feature_scale=1.0)
    game.use_features(lambda x: [x, 2 * x])
    found = game.content_terms(*tensors(0.5))["features"]
    assert float(found) == pytest.approx(0.25 + 1.0, rel=1e-5)


def test_total_variation_is_a_sum_over_an_image():
    game = srgan.SRResNet(generator(), total_variation_weight=0.5)
    step = np.zeros((2, *HIGH), "f4")
    step[:, :, 12:] = 1.0  # one edge of 24 rows, 3 channels
    found = game.content_terms(tf.constant(step), tf.constant(step))["variation"]
    assert float(found) == pytest.approx(0.5 * 24 * 3)


def test_without_features_a_game_opens_but_does_not_train():
    game = srgan.SRResNet(generator(), feature_weight=1.0)
    assert game.translate(pairs(1)["low"]).shape == (1, *HIGH)
    with pytest.raises(InputError, match="no feature network"):
        game.content_terms(*tensors(0.1))
    game.build_features(lambda: lambda x: [x])
    assert float(game.content_terms(*tensors(0.1))["features"]) > 0


class Says(keras.layers.Layer):
    """Answers the same for every image."""

    def __init__(self, logit, **kwargs):
        super().__init__(**kwargs)
        self.logit = logit

    def call(self, inputs):
        return tf.zeros_like(inputs[:, 0, 0, :1]) + self.logit


@pytest.mark.parametrize("logit", [0.0, 1.5])
def test_the_adversarial_losses(logit):
    image = keras.Input((None, None, 3))
    discriminator = keras.Model(image, Says(logit)(image))
    game = srgan.SRGAN(generator(), discriminator, feature_weight=0.0, pixel_weight=1.0)
    high, made = tensors(0.5)
    terms = game.discriminator_terms(high, made)
    assert float(terms["real"]) == pytest.approx(math.log1p(math.exp(-logit)), rel=1e-5)
    assert float(terms["fake"]) == pytest.approx(math.log1p(math.exp(logit)), rel=1e-5)
    generator_terms = game.generator_terms(high, made)
    assert set(generator_terms) == {"pixel", "adversarial"}
    assert float(generator_terms["adversarial"]) == pytest.approx(
        1e-3 * math.log1p(math.exp(-logit)), rel=1e-5
    )
