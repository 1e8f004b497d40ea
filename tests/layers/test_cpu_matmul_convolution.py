"""The products equal TensorFlow's convolutions: values, gradients, second derivatives."""

import numpy as np
import pytest
import tensorflow as tf
from derivatives import values_and_derivatives

from tfgan_suite.layers import convolution, cpu_matmul_convolution

CASES = [(side, size, stride) for side in (8, 7, 6) for size in (3, 4, 5) for stride in (1, 2, 3)]


def normal(shape, seed):
    return tf.random.stateless_normal(shape, [seed, 7])


@pytest.fixture(params=["few rows", "many rows"])
def road(request, monkeypatch):
    """Either order of rearranging, whatever the number of rows."""
    limit = 10**6 if request.param == "few rows" else 0
    monkeypatch.setattr(cpu_matmul_convolution, "MAX_FEW_ROWS", limit)
    return request.param


def assert_equal(ours, theirs):
    for one, other in zip(ours, theirs):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * np.abs(other).max())


@pytest.mark.usefixtures("road")
@pytest.mark.parametrize("side, size, stride", CASES)
def test_convolution(side, size, stride):
    inputs, kernel = normal((2, side, side + 1, 3), 1), normal((size, size, 3, 4), 2)
    ours = values_and_derivatives(
        lambda x, w: cpu_matmul_convolution.convolution(x, w, stride), inputs, kernel
    )
    theirs = values_and_derivatives(lambda x, w: tf.nn.conv2d(x, w, stride, "SAME"), inputs, kernel)
    assert_equal(ours, theirs)


@pytest.mark.usefixtures("road")
@pytest.mark.parametrize("size, stride, pad", [(4, 2, 1), (3, 1, 1), (2, 2, 0), (6, 3, 2)])
def test_convolution_of_padded_images(size, stride, pad):
    sides = [3 * stride + size - 2 * pad, 2 * stride + size - 2 * pad]
    inputs, kernel = normal((2, *sides, 3), 1), normal((size, size, 3, 4), 2)
    assert all(cpu_matmul_convolution.covers(side, size, stride, pad) for side in sides)
    ours = values_and_derivatives(
        lambda x, w: cpu_matmul_convolution.convolution(x, w, stride, pad), inputs, kernel
    )
    assert ours[0].shape == (2, 4, 3, 4)
    zeros = [[0, 0], [pad, pad], [pad, pad], [0, 0]]
    theirs = values_and_derivatives(
        lambda x, w: tf.nn.conv2d(tf.pad(x, zeros), w, stride, "VALID"), inputs, kernel
    )
    assert_equal(ours, theirs)


def test_positions_that_leave_pixels_out_do_not_cover_a_side():
    assert cpu_matmul_convolution.covers(8, 4, 2, 1)
    assert not cpu_matmul_convolution.covers(7, 4, 2, 1)
    assert not cpu_matmul_convolution.covers(1, 4, 2, 1)


@pytest.mark.usefixtures("road")
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
    assert_equal(ours, theirs)


# The ends of a U-Net: maps of 1x1, whose kernels reach over all sides.
@pytest.mark.parametrize("side", [1, 2, 4])
def test_the_middle_of_a_unet(side):
    small, large = normal((1, side, side, 3), 1), normal((1, 2 * side, 2 * side, 3), 2)
    kernel = normal((4, 4, 3, 3), 3)
    shape = large.shape
    assert_equal(
        values_and_derivatives(
            lambda x, w: cpu_matmul_convolution.convolution(x, w, 2), large, kernel
        ),
        values_and_derivatives(lambda x, w: tf.nn.conv2d(x, w, 2, "SAME"), large, kernel),
    )
    assert_equal(
        values_and_derivatives(
            lambda x, w: cpu_matmul_convolution.transposed_convolution(x, w, 2), small, kernel
        ),
        values_and_derivatives(
            lambda x, w: tf.nn.conv2d_transpose(x, w, shape, 2, "SAME"), small, kernel
        ),
    )


def test_few_rows_never_rearrange_the_kernel():
    """The weights are most of the data there: neither direction may copy them to another order."""
    kernel = normal((4, 4, 32, 32), 2)

    @tf.function
    def derivatives(x, w):
        with tf.GradientTape() as tape:
            tape.watch([x, w])
            y = cpu_matmul_convolution.transposed_convolution(x, w, 2)
            y = cpu_matmul_convolution.convolution(y, w, 2)
        return tape.gradient(y, [x, w])

    graph = derivatives.get_concrete_function(normal((1, 4, 4, 32), 1), kernel).graph
    sizes = [
        operation.outputs[0].shape.num_elements()
        for operation in graph.get_operations()
        if operation.type in ("Transpose", "Pad", "SpaceToDepth", "ConcatV2")
    ]
    # Patches of 16 rows, here of as many numbers as the kernel, would be 16 * 512 = 2 ** 13.
    assert sizes and max(sizes) <= 2**13 < kernel.shape.num_elements()


def layers_of(precision):
    return {
        "convolution": (lambda: convolution.Conv2D(128, 4, 2, "same", dtype=precision), 8),
        "padded": (lambda: convolution.PaddedConv2D(128, 4, 2, 1, dtype=precision), 8),
        "transposed": (lambda: convolution.Conv2DTranspose(128, 4, 2, "same", dtype=precision), 4),
    }


LAYERS = layers_of("mixed_bfloat16")
PRECISIONS = ("float32", "bfloat16", "float16")


def all_derivatives(layer, data, training):
    """Output, gradients, and the gradients of a penalty on the gradient by the inputs."""
    with tf.GradientTape(persistent=True) as outer:
        outer.watch(data)
        with tf.GradientTape() as inner:
            inner.watch(data)
            outputs = layer(data, training=training)
            total = tf.reduce_sum(tf.cast(outputs, tf.float32) ** 2)
        slope = inner.gradient(total, data)
        penalty = tf.reduce_sum(tf.cast(slope, tf.float32) ** 2)
    weights = layer.trainable_variables
    return [
        outputs, *outer.gradient(total, [data, *weights]),
        *outer.gradient(penalty, [data, weights[0]]),
    ]  # fmt: skip


@pytest.mark.parametrize("batch", [1, 32])
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_nearly_as_exact_as_tensorflows(name, precision, batch, monkeypatch):
    """Against float32, on the same rounded numbers: the product errs at most twice as much.

    Where patches overlap, up to four rounded parts are added: 0.3% in place of 0.17%. In float16
    training takes TensorFlow's operations.
    """
    monkeypatch.setattr(cpu_matmul_convolution, "MIN_WEIGHTS", 1)
    mixed = precision if precision == "float32" else f"mixed_{precision}"
    make, side = layers_of(mixed)[name]
    layer = make()
    inputs = tf.cast(0.1 * normal((batch, side, side, 64), 3), precision)
    layer.build(inputs.shape)
    exact = type(layer).from_config({**layer.get_config(), "dtype": "float64"})
    exact.build(inputs.shape)
    exact.set_weights([np.asarray(tf.cast(tf.cast(w, precision), tf.float64))
                       for w in layer.get_weights()])  # fmt: skip
    reference = all_derivatives(exact, tf.cast(inputs, tf.float64), False)
    errors = [
        [
            float(tf.norm(tf.cast(a, tf.float64) - tf.cast(b, tf.float64)) / tf.norm(b))
            for a, b in zip(all_derivatives(layer, inputs, training), reference)
        ]
        for training in (True, False)
    ]
    for ours, theirs in zip(*errors):
        if precision == "float16":
            assert ours <= theirs
        else:
            assert ours < 2 * theirs + 1e-7
        assert ours < {"float32": 1e-5, "bfloat16": 0.02, "float16": 0.02}[precision]


def operations(layer, side, training, batch=8):
    call = tf.function(lambda x: layer(x, training=training))
    shape, dtype = (batch, side, side, 64), layer.compute_dtype
    graph = call.get_concrete_function(tf.TensorSpec(shape, dtype)).graph
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


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_which_maps_are_small_enough(name, precision, monkeypatch):
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("a question of CPUs")
    monkeypatch.setattr(cpu_matmul_convolution, "MIN_WEIGHTS", 1)
    # The layers have 4 * 4 * 64 * 128 weights: as many as 256 rows need.
    monkeypatch.setattr(cpu_matmul_convolution, "MIN_WEIGHTS_PER_ROW", 4 * 4 * 64 * 128 // 256)
    mixed = precision if precision == "float32" else f"mixed_{precision}"
    make, side = layers_of(mixed)[name]
    layer = make()
    for batch, scale, expected in (
        (1, 1, True),  # 16 rows
        (1, 4, True),  # 256
        (2, 4, False),  # 512, of more than 16 positions
        (256, 1, True),  # 16 positions
        (None, 1, True),
        (None, 2, False),  # it may be one image or many
    ):
        types = operations(layer, scale * side, True, batch)
        assert ("MatMul" in types) == (expected and precision != "float16"), (batch, scale)
    # Few weights, of larger maps and of all.
    monkeypatch.setattr(cpu_matmul_convolution, "MIN_WEIGHTS_PER_ROW", 4 * 4 * 64 * 128 // 256 + 1)
    assert "MatMul" not in operations(layer, 4 * side, True, 1)
    monkeypatch.setattr(cpu_matmul_convolution, "MIN_WEIGHTS", 10**9)
    assert "MatMul" not in operations(layer, side, True, 1)


def test_a_padded_convolution_that_leaves_pixels_out_stays_one(monkeypatch):
    monkeypatch.setattr(cpu_matmul_convolution, "MIN_WEIGHTS", 1)
    layer = convolution.PaddedConv2D(8, 4, 2, 1)
    assert "MatMul" not in operations(layer, 7, True, 1)
    inputs = normal((1, 7, 7, 64), 1)
    np.testing.assert_allclose(layer(inputs, training=True), layer(inputs), rtol=1e-5, atol=1e-5)
