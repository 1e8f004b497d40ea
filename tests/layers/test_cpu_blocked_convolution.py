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


STRIDED = [(size, channels) for size in (3, 4, 5, 6, 7) for channels in (1, 3)]


@pytest.mark.parametrize("size, channels", STRIDED)
def test_strided_convolution(size, channels):
    draw = np.random.RandomState(size)
    shapes = (2, 8, 6, channels), (size, size, channels, 5)
    inputs, kernel = (tf.constant(draw.normal(size=shape), tf.float32) for shape in shapes)
    ours = values_and_derivatives(cpu_blocked_convolution.strided_convolution, inputs, kernel)
    theirs = values_and_derivatives(lambda x, w: tf.nn.conv2d(x, w, 2, "SAME"), inputs, kernel)
    assert ours[0].shape == (2, 4, 3, 5)
    for one, other in zip(ours, theirs):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * np.abs(other).max())


@pytest.mark.parametrize("size, channels", STRIDED)
def test_transposed_convolution(size, channels):
    draw = np.random.RandomState(size)
    shapes = (2, 4, 3, 5), (size, size, channels, 5)
    inputs, kernel = (tf.constant(draw.normal(size=shape), tf.float32) for shape in shapes)
    ours = values_and_derivatives(cpu_blocked_convolution.transposed_convolution, inputs, kernel)
    theirs = values_and_derivatives(
        lambda x, w: tf.nn.conv2d_transpose(x, w, (2, 8, 6, channels), 2, "SAME"), inputs, kernel
    )
    for one, other in zip(ours, theirs):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * np.abs(other).max())


@pytest.mark.parametrize("call", ["strided_convolution", "transposed_convolution"])
def test_in_bfloat16_errors_are_those_of_tensorflow(call):
    draw = np.random.RandomState(0)
    inputs = draw.normal(size=(8, 16, 16, 3 if call == "strided_convolution" else 64))
    kernel = draw.normal(size=(4, 4, 3, 64))
    errors = []
    exact = None
    for function, dtype in (("plain", "float64"), (call, "bfloat16"), ("plain", "bfloat16")):
        x, w = (tf.cast(tf.constant(part), dtype) for part in (inputs, kernel))
        with tf.GradientTape() as tape:
            tape.watch([x, w])
            if function != "plain":
                y = getattr(cpu_blocked_convolution, function)(x, w)
            elif call == "strided_convolution":
                y = tf.nn.conv2d(x, w, 2, "SAME")
            else:
                y = tf.nn.conv2d_transpose(x, w, (8, 32, 32, 3), 2, "SAME")
        found = [tf.cast(part, "float64").numpy() for part in (y, *tape.gradient(y, [x, w]))]
        exact = exact or found
        errors.append([np.std(one - other) for one, other in zip(found, exact)])
    assert np.all(np.array(errors[1]) < 1.2 * np.array(errors[2]))


@pytest.mark.parametrize(
    "case, faster",
    [
        ({}, True),
        ({"batch": None}, True),
        ({"dtype": tf.bfloat16}, True),
        ({"dtype": tf.float16}, False),
        ({"kernel": (5, 5, 1, 8)}, True),
        ({"kernel": (2, 2, 3, 8)}, False),
        ({"kernel": (4, 3, 3, 8)}, False),
        ({"kernel": (4, 4, 6, 8)}, False),
        ({"sides": (32, 33)}, False),
        ({"sides": (None, 32)}, False),
        ({"padding": "valid"}, False),
        ({"steps": (1, 1, 1, 1)}, False),
        ({"steps": (2, 1, 1, 1)}, False),
        ({"steps": (2, 2, 2, 2)}, False),
    ],
)
def test_where_strided_blocks_are_faster(case, faster, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    given = {"batch": 1, "sides": (32, 32), "kernel": (4, 4, 3, 8), "steps": (2, 2, 1, 1),
             "padding": "same", "dtype": tf.float32, **case}  # fmt: skip
    kernel = tf.zeros(given["kernel"], given["dtype"])
    asked = (given["batch"], *given["sides"], 3), kernel, given["padding"], given["steps"]
    assert cpu_blocked_convolution.strided_is_faster(*asked) is faster
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [kind])
    assert not cpu_blocked_convolution.strided_is_faster(*asked)


LAYERS = {
    "strided_convolution": lambda: convolution.Conv2D(8, 4, 2, padding="same"),
    "transposed_convolution": lambda: convolution.Conv2DTranspose(3, 4, 2, padding="same"),
    "padded": lambda: convolution.PaddedConv2D(8, 4, 2, pad=1),
}


@pytest.mark.parametrize("name", LAYERS)
def test_strided_layers_take_blocks_in_training_alone(name, monkeypatch):
    images = np.random.RandomState(0).normal(size=(2, 8, 6, 3)).astype("f4")
    layer = LAYERS[name]()
    expected = layer(images).numpy()
    called = "strided_convolution" if name == "padded" else name
    taken, real = [], getattr(cpu_blocked_convolution, called)
    monkeypatch.setattr(cpu_blocked_convolution, called, lambda *a: taken.append(a) or real(*a))
    np.testing.assert_allclose(layer(images), expected, atol=1e-5)
    assert not taken
    np.testing.assert_allclose(layer(images, training=True), expected, atol=1e-5)
    assert len(taken) == (not tf.config.list_physical_devices("GPU"))


@pytest.mark.parametrize(
    "size, stride, pad", [(4, 2, 1), (3, 1, 1), (4, 1, 1), (3, 2, 1), (5, 3, 1)]
)
@pytest.mark.parametrize("sides", [(8, 6), (9, 7)])
def test_padded_layers_train_as_they_infer(size, stride, pad, sides):
    """Also where the convolution pads by itself."""
    images = tf.random.stateless_normal((2, *sides, 6), [1, 2])
    layer = convolution.PaddedConv2D(4, size, stride, pad=pad)
    layer.build(images.shape)
    found = []
    for training in (False, True):
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = layer(images, training=training)
        found.append([outputs, *tape.gradient(outputs, [images, *layer.trainable_variables])])
    for one, other in zip(*found):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
