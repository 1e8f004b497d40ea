"""The products equal TensorFlow's convolutions: values, gradients, second derivatives."""

import numpy as np
import pytest
import tensorflow as tf
from harness import values_and_derivatives

from tfgan_suite.layers import convolution, cpu_matmul_convolution

CASES = [(side, size, stride) for side in (8, 7, 6) for size in (3, 4, 5) for stride in (1, 2, 3)]


def normal(shape, seed):
    return tf.random.stateless_normal(shape, [seed, 7])


@pytest.mark.parametrize("side, size, stride", CASES)
def test_convolution(side, size, stride):
    inputs, kernel = normal((2, side, side + 1, 3), 1), normal((size, size, 3, 4), 2)
    ours = values_and_derivatives(
        lambda x, w: cpu_matmul_convolution.convolution(x, w, stride), inputs, kernel
    )
    theirs = values_and_derivatives(lambda x, w: tf.nn.conv2d(x, w, stride, "SAME"), inputs, kernel)
    for one, other in zip(ours, theirs):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * np.abs(other).max())


@pytest.mark.parametrize("side, size, stride", CASES)
def test_transposed_convolution(side, size, stride):
    inputs, kernel = normal((2, side, side + 1, 3), 1), normal((size, size, 4, 3), 2)
    shape = (2, side * stride, (side + 1) * stride, 4)
    ours = values_and_derivatives(
        lambda x, w: cpu_matmul_convolution.transposed_convolution(x, w, stride), inputs, kernel
    )
    theirs = values_and_derivatives(
        lambda x, w: tf.nn.conv2d_transpose(x, w, shape, stride, "SAME"), inputs, kernel
    )
    for one, other in zip(ours, theirs):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * np.abs(other).max())


LAYERS = {
    "convolution": (lambda: convolution.Conv2D(128, 4, 2, "same", dtype="mixed_bfloat16"), 8),
    "transposed": (
        lambda: convolution.Conv2DTranspose(128, 4, 2, "same", dtype="mixed_bfloat16"),
        4,
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_in_bfloat16_are_nearly_as_exact_as_tensorflows(name):
    """Against float32, on the same rounded numbers, the product errs at most twice as much.

    Where patches overlap, up to four rounded parts are added: 0.3% in place of 0.17%.
    """
    make, side = LAYERS[name]
    layer = make()
    inputs = tf.cast(normal((8, side, side, 64), 3), tf.bfloat16)
    layer.build(inputs.shape)
    exact = type(layer).from_config({**layer.get_config(), "dtype": "float32"})
    exact.build(inputs.shape)
    exact.set_weights([np.asarray(tf.cast(tf.cast(w, tf.bfloat16), tf.float32))
                       for w in layer.get_weights()])  # fmt: skip
    errors = []
    for made, training in ((layer, True), (layer, False)):
        results = []
        for each, data in ((made, inputs), (exact, tf.cast(inputs, tf.float32))):
            with tf.GradientTape() as tape:
                tape.watch(data)
                outputs = each(data, training=training)
                total = tf.reduce_sum(tf.cast(outputs, tf.float32) ** 2)
            results.append((outputs, *tape.gradient(total, [data, *each.trainable_variables])))
        errors.append([
            float(tf.norm(tf.cast(a, tf.float32) - b) / tf.norm(b)) for a, b in zip(*results)
        ])  # fmt: skip
    for ours, theirs in zip(*errors):
        assert ours < 2 * theirs + 1e-7


def operations(layer, side, training):
    call = tf.function(lambda x: layer(x, training=training))
    graph = call.get_concrete_function(tf.TensorSpec((8, side, side, 64), tf.bfloat16)).graph
    return {operation.type for operation in graph.get_operations()}


@pytest.mark.parametrize("name", LAYERS)
def test_only_training_takes_the_product(name, monkeypatch):
    make, side = LAYERS[name]
    monkeypatch.setattr(cpu_matmul_convolution, "MIN_WEIGHTS", 1)
    plain = {"Conv2D", "Conv2DBackpropInput"}
    layer = make()
    if not tf.config.list_physical_devices("GPU"):
        assert "MatMul" in operations(layer, side, True)
    assert operations(layer, side, False) & plain
    assert operations(layer, 4 * side, True) & plain
