"""Equalized learning rates of ProGAN and StyleGAN, and the resampling that they share."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from derivatives import values_and_derivatives
from harness import value

from tfgan_suite import InputError, compat
from tfgan_suite.layers.equalized import (
    EqualizedConv2D,
    EqualizedDense,
    MeanDownConv2D,
    NearestUpConv2D,
)
from tfgan_suite.layers.style_inputs import EqualizedDownConv2D, ScaledLeakyReLU

DRAWS = np.random.RandomState(0)
MAPS = DRAWS.normal(size=(5, 4, 6, 3)).astype("f4")


def test_the_scale_of_an_equalized_convolution():
    """sqrt(2 / (9 * 512)) = 0.0208333 for 3x3 and 512 channels; stored weights have spread 1."""
    keras.utils.set_random_seed(1)
    layer = EqualizedConv2D(4, 3, padding="same")
    layer.build((None, 4, 4, 512))
    assert layer.kernel_scale == pytest.approx(0.0208333, abs=1e-7)
    assert np.std(value(layer.kernel)) == pytest.approx(1.0, rel=0.03)
    maps = DRAWS.normal(size=(8, 4, 4, 512)).astype("f4")
    expected = tf.nn.conv2d(maps, layer.kernel_scale * value(layer.kernel), 1, "SAME")
    np.testing.assert_allclose(layer(maps), expected, atol=1e-4)


@pytest.mark.parametrize("multiplier", [1.0, 0.01])
def test_a_multiplier_changes_how_fast_a_layer_learns_and_not_how_it_starts(multiplier):
    """The step of an Adam, the same for all weights, moves the outputs by the multiplier."""
    keras.utils.set_random_seed(2)
    layer = EqualizedDense(64, gain=1.0, learning_rate_multiplier=multiplier)
    inputs = DRAWS.normal(size=(200, 100)).astype("f4")
    before = layer(inputs).numpy()
    assert np.std(value(layer.kernel)) == pytest.approx(1 / multiplier, rel=0.03)
    assert np.std(before) == pytest.approx(1.0, rel=0.05)
    kernel, bias = layer.trainable_variables
    kernel.assign(value(kernel) + 1.0)
    sums = inputs.sum(1, keepdims=True)
    expected = multiplier * sums / 10 + 0 * before
    np.testing.assert_allclose(layer(inputs) - before, expected, rtol=2e-2, atol=2e-3)
    kernel.assign(value(kernel) - 1.0)
    bias.assign(value(bias) + 1.0)
    np.testing.assert_allclose(layer(inputs) - before, multiplier + 0 * before, atol=1e-4)


@pytest.mark.parametrize(
    "make",
    [
        lambda g: EqualizedDense(2, output_gain=g, learning_rate_multiplier=0.5),
        lambda g: EqualizedConv2D(2, 3, padding="same", output_gain=g),
        lambda g: EqualizedDownConv2D(2, 3, output_gain=g),
    ],
)
def test_an_output_gain_is_that_of_the_activation_after_it(make):
    """sqrt 2 leaky_relu(y) = leaky_relu(sqrt 2 y): moved to kernel and bias it changes nothing."""
    plain, scaled = make(1.0), make(2**0.5)
    maps = MAPS[:, 0, 0] if isinstance(plain, EqualizedDense) else MAPS
    plain.build((None, *maps.shape[1:]))
    scaled.build((None, *maps.shape[1:]))
    plain.bias.assign([3.0, -1.0])
    scaled.set_weights(plain.get_weights())
    expected = ScaledLeakyReLU()(plain(maps))
    np.testing.assert_allclose(ScaledLeakyReLU(1.0)(scaled(maps)), expected, rtol=1e-5, atol=1e-5)
    assert type(scaled).from_config(scaled.get_config()).output_gain == 2**0.5


def test_equalized_layers_survive_their_config_and_refuse_initializers():
    for layer in (
        EqualizedConv2D(2, 3, activation="relu", gain=0.5),
        EqualizedDense(2, learning_rate_multiplier=0.1),
    ):
        again = type(layer).from_config(layer.get_config())
        assert again.gain == layer.gain
        assert again.learning_rate_multiplier == layer.learning_rate_multiplier
    with pytest.raises(InputError, match="gain 0"):
        EqualizedDense(2, gain=0.0)
    with pytest.raises(InputError, match="output_gain 0"):
        EqualizedDense(2, output_gain=0.0)
    with pytest.raises(InputError, match="no kernel_initializer"):
        EqualizedDense(2, kernel_initializer="he_normal")


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_fused_resampling_equals_both_steps(up, training):
    """Doubling and convolution, convolution and means of 2x2 pixels; second derivatives too."""
    keras.utils.set_random_seed(3)
    fused, plain = (
        (NearestUpConv2D if up else MeanDownConv2D)(5),
        EqualizedConv2D(5, 3, padding="same"),
    )
    maps = tf.constant(MAPS)
    plain.build(maps.shape)
    fused.build(maps.shape)
    fused.set_weights(plain.get_weights())

    def both_steps(x):
        if up:
            return plain(keras.layers.UpSampling2D()(x), training=training)
        return tf.nn.avg_pool2d(plain(x, training=training), 2, 2, "VALID")

    outputs = fused(maps, training=training)
    np.testing.assert_allclose(outputs, both_steps(maps), atol=1e-5)
    assert fused.compute_output_shape(maps.shape) == tuple(outputs.shape)
    again = type(fused).from_config(fused.get_config())
    again.build(maps.shape)
    again.set_weights(fused.get_weights())
    np.testing.assert_array_equal(again(maps), fused(maps))
    if not up:  # the discriminator's
        calls = [lambda x, _: fused(x, training=training), lambda x, _: both_steps(x)]
        for layer, call in zip((fused, plain), calls):
            layer.found = values_and_derivatives(call, maps, compat.tensor_variable(layer.kernel))
        for a, b in zip(fused.found, plain.found):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)
