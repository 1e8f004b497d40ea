"""Blur and resampling by 2: the papers' filters, derivatives of second order, TFLite."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tflite_layers import tflite_outputs

from tfgan_suite import InputError
from tfgan_suite.layers.blur import Blur2D, BlurDownSampling2D, BlurUpSampling2D

LAYERS = (Blur2D, BlurUpSampling2D, BlurDownSampling2D)
MAPS = np.random.RandomState(0).normal(size=(2, 6, 4, 3))


def impulse(size=6, at=2):
    maps = np.zeros((1, size, size, 1))
    maps[0, at, at, 0] = 1.0
    return maps


def response(layer, maps):
    return np.array(layer(dtype="float64")(maps))[0, :, :, 0]


def test_the_filters_of_the_papers():
    """1 2 1 for the blur; 1 3 3 1 up (of gain 4) and down, as in StyleGAN2 and R3GAN."""
    blur = np.outer([1, 2, 1], [1, 2, 1]) / 16
    np.testing.assert_allclose(response(Blur2D, impulse())[1:4, 1:4], blur, atol=1e-7)
    up = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 16
    np.testing.assert_allclose(response(BlurUpSampling2D, impulse())[3:7, 3:7], up, atol=1e-7)
    # Pixel 2 of the input is in the windows of pixels 0 (its last weight), 1 and 2.
    line = np.array([1, 3, 0]) / 8
    down = response(BlurDownSampling2D, impulse())
    np.testing.assert_allclose(down, np.outer(line, line), atol=1e-7)


def test_up_is_bilinear_interpolation_inside_and_zero_beyond_the_border():
    up = BlurUpSampling2D(dtype="float64")(MAPS)
    bilinear = tf.image.resize(MAPS, (12, 8), "bilinear")
    np.testing.assert_allclose(up[:, 1:-1, 1:-1], bilinear[:, 1:-1, 1:-1], atol=1e-6)
    np.testing.assert_allclose(up[:, 0, 0], 0.75**2 * MAPS[:, 0, 0], rtol=1e-6)


def test_down_is_blur_and_mean_of_four():
    blurred = Blur2D(dtype="float64")(MAPS)
    expected = np.reshape(blurred, (2, 3, 2, 2, 2, 3)).mean((2, 4))
    np.testing.assert_allclose(BlurDownSampling2D(dtype="float64")(MAPS), expected, atol=1e-12)


def test_up_is_four_times_the_transpose_of_down():
    small = np.random.RandomState(1).normal(size=(2, 3, 2, 3))
    up, down = BlurUpSampling2D(dtype="float64")(small), BlurDownSampling2D(dtype="float64")(MAPS)
    assert np.sum(up * MAPS) == pytest.approx(4 * np.sum(down * small), rel=1e-9)


@pytest.mark.parametrize("layer", LAYERS)
def test_second_derivatives_equal_finite_differences(layer):
    """Of the squared slope of sum(y^3), as in a gradient penalty, at the input."""
    layer = layer(dtype="float64")

    def penalty(maps):
        with tf.GradientTape() as tape:
            tape.watch(maps)
            total = tf.reduce_sum(layer(maps) ** 3)
        return tf.reduce_sum(tape.gradient(total, maps) ** 2)

    maps, direction = tf.constant(MAPS), np.random.RandomState(2).normal(size=MAPS.shape)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        squares = penalty(maps)
    slope = float(tf.reduce_sum(tape.gradient(squares, maps) * direction))
    above, below = (float(penalty(maps + s * 1e-5 * direction)) for s in (1.0, -1.0))
    assert abs(slope) > 0.1 and slope == pytest.approx((above - below) / 2e-5, rel=1e-6)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_has_gradients(layer, precision):
    layer, maps = layer(dtype=precision), tf.constant(MAPS, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        outputs = layer(maps)
        total = tf.reduce_sum(tf.cast(outputs, tf.float32))
    assert outputs.dtype == precision.removeprefix("mixed_")
    full = type(layer)(dtype="float32")(maps)
    np.testing.assert_allclose(tf.cast(outputs, tf.float32), full, atol=0.05)
    assert tape.gradient(total, maps).shape == maps.shape


@pytest.mark.parametrize("layer", LAYERS)
def test_shapes_config_and_tflite(layer, tmp_path):
    made = layer((1, 4, 6, 4, 1))
    again = layer.from_config(made.get_config())
    maps = MAPS.astype("f4")
    np.testing.assert_array_equal(again(maps), made(maps))
    assert tuple(made.compute_output_shape(MAPS.shape)) == tuple(made(maps).shape)
    result, names = tflite_outputs(lambda maps: made(maps), made, tmp_path, maps=maps)
    np.testing.assert_allclose(result, made(maps), atol=1e-6)
    assert names <= {"CONCATENATION", "RESHAPE", "DEPTHWISE_CONV_2D"}


def test_impossible_filters_and_odd_sides_are_refused():
    for weights in ((1, 1), (1, -2, 1)):
        with pytest.raises(InputError, match="filter weights"):
            Blur2D(weights)
    with pytest.raises(InputError, match="7x6 pixels cannot be halved"):
        keras.Sequential([keras.Input((7, 6, 1)), BlurDownSampling2D()])


@pytest.mark.parametrize("weights", [(1, 2, 1), (1, 2, 3)])
def test_halving_in_bfloat16_has_the_same_derivatives_of_every_order(weights):
    """Training on CPUs has gradients of its own there, also for filters that are not symmetric."""

    def derivatives(layer, **options):
        maps = tf.constant(MAPS, tf.float32)
        with tf.GradientTape() as outer:
            outer.watch(maps)
            with tf.GradientTape() as inner:
                inner.watch(maps)
                total = tf.reduce_sum(tf.cast(layer(maps, **options), tf.float32) ** 3)
            slope = inner.gradient(total, maps)
            penalty = tf.reduce_sum(slope**2)
        return slope, outer.gradient(penalty, maps)

    exact = derivatives(BlurDownSampling2D(weights, dtype="float32"))
    rounded = derivatives(BlurDownSampling2D(weights, dtype="mixed_bfloat16"), training=True)
    for ours, expected in zip(rounded, exact):
        scale = np.abs(expected).max()
        assert scale > 0.1
        np.testing.assert_allclose(ours / scale, expected / scale, atol=0.02)
