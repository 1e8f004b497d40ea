"""Upsampling by two: exact interpolation, no lattice at the start, second derivatives."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite.games import discogan
from tfgan_suite.layers.pixel_shuffle import ICNR
from tfgan_suite.layers.resizing import BilinearUpSampling2D
from tfgan_suite.measures import checkerboard
from tfgan_suite.networks.translators import (
    build_encoder_decoder,
    build_resnet_translator,
    build_unet,
)
from tfgan_suite.networks.upsampling import UPSAMPLINGS, upsample

BUILDERS = {
    "unet": lambda method: build_unet((16, 16, 1), width=2, dropout=0.0, upsampling=method),
    "encoder_decoder": lambda method: build_encoder_decoder(
        (16, 16, 1), width=2, dropout=0.0, upsampling=method
    ),
    "resnet": lambda method: build_resnet_translator(
        (16, 16, 1), width=2, blocks=1, upsampling=method
    ),
    "discogan": lambda method: discogan.build_generator((16, 16, 1), width=2, upsampling=method),
}


def doubled(method, channels=2, filters=3, sides=(None, None), **options):
    maps = keras.Input((*sides, channels))
    return keras.Model(maps, upsample(maps, filters, method, **options))


@pytest.mark.parametrize("shape", [(2, 1, 1, 3), (1, 1, 4, 2), (2, 5, 3, 1)])
def test_bilinear_upsampling_is_tensorflows(shape):
    images = np.random.RandomState(0).normal(size=shape).astype("f4")
    expected = tf.image.resize(images, [2 * shape[1], 2 * shape[2]], "bilinear")
    np.testing.assert_allclose(BilinearUpSampling2D()(images), expected, atol=1e-6)


def test_a_straight_line_stays_one():
    """Half a pixel from the edges, by hand: 0, 1, 2 becomes 0, .25, .75, 1.25, 1.75, 2."""
    line = np.array([0.0, 1.0, 2.0], "f4").reshape(1, 1, 3, 1)
    found = BilinearUpSampling2D()(line)[0, :, :, 0]
    np.testing.assert_allclose(found, [[0, 0.25, 0.75, 1.25, 1.75, 2]] * 2, atol=1e-6)


@pytest.mark.parametrize("method", UPSAMPLINGS)
def test_only_the_papers_form_starts_with_a_lattice(method):
    keras.utils.set_random_seed(0)
    network = doubled(method, kernel_initializer=keras.initializers.RandomNormal(0.0, 0.02))
    output = network(np.ones((1, 24, 24, 2), "f4")).numpy()
    lattice = checkerboard.score(output, 2) / np.abs(output).mean()
    assert lattice > 0.05 if method == "transposed" else lattice < 1e-5


def test_the_pixels_of_a_block_start_equal():
    network = doubled("subpixel", use_bias=False)
    x = np.random.RandomState(1).normal(size=(1, 3, 3, 2)).astype("f4")
    output = network(x).numpy()
    np.testing.assert_allclose(output, output[:, ::2, ::2].repeat(2, 1).repeat(2, 2), atol=1e-6)
    assert isinstance(network.layers[1].kernel_initializer, ICNR)


@pytest.mark.parametrize("method", UPSAMPLINGS)
def test_second_derivatives_are_those_of_finite_differences(method):
    network = doubled(method, 1, 1, (3, 3))
    x = np.random.RandomState(2).normal(size=(1, 3, 3, 1)).astype("f4")

    def slope(images):
        images = tf.convert_to_tensor(images)
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(network(images) ** 3)
        return tape.gradient(loss, images)

    images = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(images)
        squares = tf.reduce_sum(slope(images) ** 2)
    found = tape.gradient(squares, images)[0, 1, 1, 0]
    step = np.zeros_like(x)
    step[0, 1, 1, 0] = 1e-2
    values = [float(tf.reduce_sum(slope(x + sign * step) ** 2)) for sign in (1, -1)]
    assert float(found) == pytest.approx((values[0] - values[1]) / 2e-2, rel=2e-2)


@pytest.mark.parametrize("method", UPSAMPLINGS[1:])
@pytest.mark.parametrize("name", BUILDERS)
def test_a_translator_of_each_form_has_its_size_and_learns_everywhere(name, method):
    network = BUILDERS[name](method)
    x = np.random.RandomState(3).uniform(-1, 1, (2, 16, 32, 1)).astype("f4")
    with tf.GradientTape() as tape:
        output = network(x, training=True)
        loss = tf.reduce_mean((output - 0.5) ** 2)
    assert output.shape == x.shape
    weights = network.trainable_variables
    assert all(gradient is not None for gradient in tape.gradient(loss, weights))
    kinds = [type(layer).__name__ for layer in network.layers]
    assert "Conv2DTranspose" not in kinds
