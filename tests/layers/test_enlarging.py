"""Layers that enlarge, by known answers: pixel shuffles, ICNR, checkerboards, bicubic."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.layers.convolution import Conv2D
from tfgan_suite.layers.elementwise import PReLU
from tfgan_suite.layers.pixel_shuffle import ICNR, PixelShuffle, ShuffledConv2D, SubpixelConv2D
from tfgan_suite.layers.resizing import BicubicUpSampling2D
from tfgan_suite.measures import checkerboard
from tfgan_suite.networks.super_resolution import upsample
from tfgan_suite.utils import bicubic


def test_the_pixel_shuffle_of_eight_channels():
    shuffled = PixelShuffle(2)(np.arange(8, dtype="f4").reshape(1, 1, 1, 8))
    assert shuffled.numpy().tolist() == [[[[0, 1], [2, 3]], [[4, 5], [6, 7]]]]


@pytest.mark.parametrize(("factor", "side"), [(1, 3), (2, 1), (2, 3), (2, 9), (3, 5), (4, 7)])
def test_the_late_shuffle_is_the_early_one(factor, side):
    """Outputs and all gradients, with the same weights."""
    draw = np.random.RandomState(factor)
    x, filters = draw.normal(size=(2, 5, 4, 3)).astype("f4"), 2 * factor**2
    shapes = [(3, 3, 3, filters), (filters,), (1, 1, 2), (side, side, 2, 3), (3,)]
    weights = [draw.normal(size=shape).astype("f4") for shape in shapes]
    early = [
        Conv2D(filters, 3, padding="same"), PixelShuffle(factor), PReLU(),
        Conv2D(3, side, padding="same"),
    ]  # fmt: skip
    late = [SubpixelConv2D(filters, 3, factor, padding="same"), PReLU(),
            ShuffledConv2D(3, side, factor)]  # fmt: skip
    cotangent = draw.normal(size=(2, 5 * factor, 4 * factor, 3)).astype("f4")
    found = []
    for layers in (early, late):
        maps = image = keras.Input(x.shape[1:])
        for layer in layers:
            parts = isinstance(maps, list) and isinstance(layer, PReLU)
            maps = [layer(part) for part in maps] if parts else layer(maps)
        model = keras.Model(image, maps)
        assert model.output_shape == (None, 5 * factor, 4 * factor, 3)
        model.set_weights(weights)
        variables = [compat.tensor_variable(variable) for variable in model.trainable_variables]
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(cotangent * (made := model(x, training=True)))
        found.append([made, model(x), *tape.gradient(loss, variables)])
    for one, other in zip(*found):
        scale = np.abs(one).max()
        np.testing.assert_allclose(one / scale, other / scale, atol=2e-6)
    for layer in late:
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config()


def test_icnr_begins_with_even_blocks():
    keras.utils.set_random_seed(0)
    image = keras.Input((None, None, 4))
    network = keras.Model(image, upsample(image, 5, 2, "icnr", "up"))
    made = network(np.random.RandomState(0).normal(size=(2, 6, 7, 4)).astype("f4")).numpy()
    blocks = made.reshape(2, 6, 2, 7, 2, 5)
    np.testing.assert_allclose(np.ptp(blocks, axis=(2, 4)), 0.0, atol=1e-6)
    assert made.std() > 0.1
    again = ICNR.from_config(ICNR(2, "he_normal").get_config())
    kernel = np.asarray(again((3, 3, 2, 8)))
    assert all(np.array_equal(kernel[..., :2], kernel[..., i : i + 2]) for i in (2, 4, 6))


@pytest.mark.parametrize("kind", ["subpixel", "icnr", "nearest", "transposed"])
def test_which_layers_draw_a_checkerboard(kind):
    keras.utils.set_random_seed(1)
    image = keras.Input((None, None, 8))
    network = keras.Model(image, upsample(image, 3, 2, kind, "up"))
    found = checkerboard.score(network(np.ones((1, 16, 16, 8), "f4")).numpy(), 2)
    if kind in ("icnr", "nearest"):
        assert found < 1e-6
    else:
        assert found > 0.05


def test_overlaps_of_transposed_convolutions():
    """Sums of all-ones kernels on an even input, and what the layer itself gives."""
    for kernel, expected in ((3, {1, 2, 4}), (4, {4}), (5, {4, 6, 9})):
        counts = checkerboard.overlaps(kernel, 2)
        assert set(counts.ravel().tolist()) == expected
        layer = keras.layers.Conv2DTranspose(1, kernel, 2, "same", kernel_initializer="ones")
        made = np.asarray(layer(np.ones((1, 8, 8, 1), "f4")))[0, 6:10, 6:10, 0]
        assert set(made.ravel().tolist()) == {float(n) for n in expected}


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_the_bicubic_layer_is_matlabs_up_to_the_edges(factor):
    images = np.random.RandomState(0).uniform(-1, 1, (2, 7, 5, 3)).astype("f4")
    made = BicubicUpSampling2D(factor)(images).numpy()
    expected = np.stack([bicubic.upscale(one, factor) for one in images])
    np.testing.assert_allclose(made, expected, atol=1e-6)
