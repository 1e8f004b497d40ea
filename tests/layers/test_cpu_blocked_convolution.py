"""Blocks of pixels equal TensorFlow's convolutions, and are taken only where they pay."""

import numpy as np
import pytest
import tensorflow as tf
from derivatives import values_and_derivatives

from tfgan_suite.layers import convolution, cpu_blocked_convolution

KINDS = [(padding, size) for padding in ("same", "valid") for size in ((7, 7), (5, 6), (1, 4))]


@pytest.mark.parametrize("padding, size", KINDS)
def test_convolution(padding, size):
    sides = (8, 6) if padding == "same" else (7 + size[0], 5 + size[1])
    draw = np.random.RandomState(0)
    shapes = (2, *sides, 3), (*size, 3, 2)
    inputs, kernel = (tf.constant(draw.normal(size=shape), tf.float32) for shape in shapes)
    ours = values_and_derivatives(
        lambda x, w: cpu_blocked_convolution.convolution(x, w, padding), inputs, kernel
    )
    theirs = values_and_derivatives(
        lambda x, w: tf.nn.conv2d(x, w, 1, padding.upper()), inputs, kernel
    )
    assert ours[0].shape == theirs[0].shape == (2, 8, 6, 2)
    for one, other in zip(ours, theirs):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * np.abs(other).max())


@pytest.mark.parametrize(
    "case, faster",
    [
        ({}, True),
        ({"batch": None}, True),
        ({"batch": 4, "sides": (32, 32)}, True),
        ({"sides": (63, 64)}, False),
        ({"sides": (None, 64)}, False),
        ({"sides": (32, 32)}, False),
        ({"kernel": (7, 7, 8, 5)}, False),
        ({"kernel": (3, 3, 8, 3)}, False),
        ({"steps": (2, 2, 1, 1)}, False),
        ({"steps": (1, 1, 2, 2)}, False),
        ({"padding": "valid"}, False),
        ({"padding": "valid", "sides": (70, 70)}, True),
        ({"padding": "valid", "sides": (69, 71)}, False),
        ({"dtype": tf.bfloat16}, False),
    ],
)
def test_where_blocks_are_faster(case, faster, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    given = {"batch": 1, "sides": (64, 64), "kernel": (7, 7, 8, 3), "steps": (1, 1, 1, 1),
             "padding": "same", "dtype": tf.float32, **case}  # fmt: skip
    kernel = tf.zeros(given["kernel"], given["dtype"])
    asked = (given["batch"], *given["sides"], 8), kernel, given["padding"], given["steps"]
    assert cpu_blocked_convolution.is_faster(*asked) is faster
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [kind])
    assert not cpu_blocked_convolution.is_faster(*asked)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_the_layer_takes_blocks_in_training_alone(padding, monkeypatch):
    side = 64 if padding == "same" else 70
    images = np.random.RandomState(0).normal(size=(1, side, side, 4)).astype("f4")
    layer = convolution.Conv2D(3, 7, padding=padding, bias_initializer="ones")
    expected = layer(images).numpy()
    monkeypatch.setattr(cpu_blocked_convolution, "MIN_POSITIONS", 10**9)
    np.testing.assert_array_equal(layer(images, training=True), expected)
    monkeypatch.undo()
    taken, real = [], cpu_blocked_convolution.convolution
    monkeypatch.setattr(
        cpu_blocked_convolution, "convolution", lambda *a: taken.append(a) or real(*a)
    )
    np.testing.assert_allclose(layer(images, training=True), expected, atol=1e-4)
    assert len(taken) == (not tf.config.list_physical_devices("GPU"))
    layer(images)
    assert len(taken) <= 1
