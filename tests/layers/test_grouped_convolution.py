"""Convolutions in groups: equal to one convolution a group, differentiable, convertible."""

import numpy as np
import pytest
import tensorflow as tf
from derivatives import values_and_derivatives
from tflite_layers import tflite_outputs

from tfgan_suite.layers.convolution import Conv2D

MAPS = np.random.RandomState(0).normal(size=(2, 5, 4, 8)).astype("f4")


def layer_of(groups, **options):
    layer = Conv2D(8, 3, 1, "same", groups=groups, **options)
    layer.build(MAPS.shape)
    return layer


def dense_kernel(kernel, groups):
    """The kernel of an ordinary convolution with zeros between the groups."""
    size = 8 // groups
    full = np.zeros((3, 3, 8, 8), "f4")
    for group in range(groups):
        part = slice(group * size, (group + 1) * size)
        full[:, :, part, part] = kernel[..., part]
    return full


@pytest.mark.parametrize("groups", [2, 4, 8])
def test_values_and_both_derivatives_are_those_of_a_block_diagonal_kernel(groups):
    """Of the first and the second order; 8 groups are depthwise."""
    layer = layer_of(groups, use_bias=False)
    kernel = tf.convert_to_tensor(layer.kernel)
    inputs, full = tf.constant(MAPS), tf.constant(dense_kernel(kernel.numpy(), groups))
    run = lambda x, w: layer._product(x, w, fast=True)  # noqa: E731
    plain = lambda x, w: tf.nn.conv2d(x, w, 1, "SAME")  # noqa: E731
    ours = values_and_derivatives(run, inputs, kernel)
    theirs = values_and_derivatives(plain, inputs, full)
    for index, (found, expected) in enumerate(zip(ours, theirs)):
        if index >= 2:  # gradients of kernels: those between groups do not exist
            size = 8 // groups
            parts = [slice(g * size, (g + 1) * size) for g in range(groups)]
            expected = np.concatenate([expected.numpy()[:, :, p, p] for p in parts], 3)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
    np.testing.assert_allclose(layer(inputs, training=False), plain(inputs, full), atol=1e-5)


@pytest.mark.parametrize("groups", [2, 8])
def test_groups_convert_to_tflite(groups, tmp_path):
    layer = layer_of(groups)
    call = lambda maps: layer(maps, training=False)  # noqa: E731
    result, names = tflite_outputs(call, layer, tmp_path, maps=MAPS)
    np.testing.assert_allclose(result, layer(MAPS), atol=1e-5)
    assert ("DEPTHWISE_CONV_2D" in names) == (groups == 8)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_groups_in_half_precision(precision):
    for groups in (2, 8):
        layer = layer_of(groups, dtype=precision)
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(tf.cast(layer(MAPS, training=True), tf.float32))
        gradient = tape.gradient(total, layer.trainable_variables[0])
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0
