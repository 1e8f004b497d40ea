"""Upsampling equals nearest neighbours, differentiates twice and converts; biases count right."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.layers.convolution import Conv2D, Conv2DTranspose, Dense, PaddedConv2D
from tfgan_suite.layers.normalization import (
    BatchStatistics,
    InstanceNormalization,
    InstanceStatistics,
)
from tfgan_suite.layers.resizing import Cropping2D, NearestUpSampling2D, ReflectionPadding2D

IMAGES = tf.random.stateless_normal((2, 3, 5, 4), [1, 2])


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_every_pixel_is_repeated(factor):
    expected = np.repeat(np.repeat(IMAGES, factor, 1), factor, 2)
    np.testing.assert_array_equal(NearestUpSampling2D(factor)(IMAGES), expected)


@pytest.mark.parametrize("shape", [(None, 5, 4), (None, None, 4), (3, 5, 4)])
def test_unknown_sizes(shape):
    model = keras.Sequential([keras.layers.Input(shape), NearestUpSampling2D()])
    height, width, channels = shape
    assert model.output_shape == (
        None, height and 2 * height, width and 2 * width, channels
    )  # fmt: skip
    run = tf.function(model, input_signature=[tf.TensorSpec((None, *shape))])
    np.testing.assert_array_equal(run(IMAGES), np.repeat(np.repeat(IMAGES, 2, 1), 2, 2))


def test_second_derivative():
    """h = |grad_x sum(up(x)^3)|^2, up of factor 2: grad = 12 x^2, h = 144 x^4, h' = 576 x^3."""
    x = tf.Variable(IMAGES)
    layer = NearestUpSampling2D()
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            value = tf.reduce_sum(layer(x) ** 3)
        penalty = tf.reduce_sum(inner.gradient(value, x) ** 2)
    np.testing.assert_allclose(outer.gradient(penalty, x), 576 * IMAGES**3, rtol=1e-4, atol=1e-4)


def test_config():
    layer = NearestUpSampling2D.from_config(NearestUpSampling2D(3).get_config())
    assert layer.size == 3
    for size in (0, 1.5):
        with pytest.raises(InputError, match="upsampling size"):
            NearestUpSampling2D(size)


def test_converts_to_tflite():
    layer = NearestUpSampling2D()
    run = tf.function(layer.__call__, input_signature=[tf.TensorSpec(IMAGES.shape)])
    content = tf.lite.TFLiteConverter.from_concrete_functions(
        [run.get_concrete_function()], layer
    ).convert()
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], IMAGES)
    interpreter.invoke()
    result = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_array_equal(result, np.repeat(np.repeat(IMAGES, 2, 1), 2, 2))
    names = {op["op_name"] for op in interpreter._get_ops_details()} - {"DELEGATE"}
    assert names <= {"CONCATENATION", "RESHAPE"}


def biased_layers():
    """Layer and the number of values that each of its 3 biases is added to, for a batch of 2."""
    return [
        (Conv2D(3, 3, 2, "same"), 2 * 12 * 12),
        (Conv2D(3, 3, padding="valid"), 2 * 22 * 22),
        (Conv2DTranspose(3, 4, 2, "same"), 2 * 48 * 48),
        (Conv2DTranspose(3, 5, 2, "valid"), 2 * 51 * 51),
    ]


@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_gradient_of_a_bias_counts_every_pixel(index, precision):
    """d sum(conv(x) + b) / db is the number of pixels; counted in bfloat16 it would stop at 256."""
    layer, count = biased_layers()[index]
    layer = type(layer).from_config({**layer.get_config(), "dtype": precision})
    images = tf.zeros((2, 24, 24, 4))
    layer.build(images.shape)
    bias = compat.tensor_variable(layer.bias)

    @tf.function
    def gradient():
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(tf.cast(layer(images), tf.float32))
        return tape.gradient(total, bias)

    np.testing.assert_allclose(gradient(), [count] * 3, rtol=2**-8)


def test_gradient_of_a_dense_bias_counts_every_example():
    layer = Dense(3, dtype="mixed_bfloat16")
    layer.build((1000, 4))
    bias = compat.tensor_variable(layer.bias)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(tf.cast(layer(tf.zeros((1000, 4))), tf.float32))
    np.testing.assert_allclose(tape.gradient(total, bias), [1000] * 3, rtol=2**-8)


@pytest.mark.parametrize("index", range(5))
def test_biased_layers_are_keras_own_in_all_else(index):
    made = [*(layer for layer, _ in biased_layers()), Dense(3)][index]
    config = {**made.get_config(), "activation": "relu", "bias_initializer": "ones"}
    ours, theirs = type(made).from_config(config), type(made).__mro__[2].from_config(config)
    inputs = IMAGES[:, 0, 0] if isinstance(made, Dense) else IMAGES
    ours.build(inputs.shape)
    theirs.build(inputs.shape)
    theirs.set_weights(ours.get_weights())
    assert [v.shape for v in ours.weights] == [v.shape for v in theirs.weights]
    np.testing.assert_allclose(ours(inputs), theirs(inputs), rtol=1e-6, atol=1e-6)
    expected = theirs.compute_output_shape(inputs.shape)
    assert tuple(ours(inputs).shape) == tuple(expected)


def test_a_transposed_convolution_of_any_size():
    layer = Conv2DTranspose(3, 4, 2, "same")
    model = keras.Sequential([keras.layers.Input((None, None, 4)), layer])
    run = tf.function(model, input_signature=[tf.TensorSpec((None, None, None, 4))])
    assert run(IMAGES).shape == (2, 6, 10, 3)


@pytest.mark.parametrize("slope", [0.0, 0.1, 0.2, 0.3, 1.5])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_leaky_relu_has_the_bits_of_tensorflows(slope, precision):
    inputs = tf.random.stateless_normal((1000,), [3, 4]) * 3
    inputs = tf.cast(tf.concat([inputs, [0.0, -0.0, 1e-30, -1e-30]], 0), precision)
    upstream = tf.cast(tf.random.stateless_normal(inputs.shape, [5, 6]), precision)
    layer = compat.LeakyReLU(slope, dtype=precision)
    results = []
    for call in (layer, lambda x: tf.nn.leaky_relu(x, slope)):
        with tf.GradientTape() as outer:
            outer.watch([inputs, upstream])
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                outputs = call(inputs)
            gradient = tape.gradient(outputs, inputs, upstream)
        second = outer.gradient(
            gradient, [inputs, upstream], upstream, unconnected_gradients="zero"
        )
        results.append((outputs, gradient, *second))
    again = compat.LeakyReLU.from_config(layer.get_config())
    pairs = [*zip(*results), (again(inputs), results[0][0])]
    for ours, theirs in pairs:
        np.testing.assert_array_equal(tf.cast(ours, "float32"), tf.cast(theirs, "float32"))


@pytest.mark.parametrize("sides", [(3, 5), (None, None)])
@pytest.mark.parametrize("margins", [((1, 0), (1, 0)), ((0, 1), (1, 2)), ((0, 0), (2, 0))])
def test_cropping_is_keras_and_its_gradient_zero_padding(sides, margins):
    """Also of images of any size, whose last rows a slice of unknown length does not drop."""
    layer, expected = Cropping2D(margins), keras.layers.Cropping2D(margins)(IMAGES)
    model = keras.Sequential([keras.layers.Input((*sides, 4)), layer])

    @tf.function(input_signature=[tf.TensorSpec((None, *sides, 4))])
    def crop(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            cropped = model(images)
        return cropped, tape.gradient(cropped, images, 2.0 * cropped)

    cropped, gradient = crop(IMAGES)
    np.testing.assert_array_equal(cropped, expected)
    np.testing.assert_array_equal(gradient, 2 * np.pad(expected, [(0, 0), *margins, (0, 0)]))
    again = Cropping2D.from_config(layer.get_config())
    np.testing.assert_array_equal(again(IMAGES), expected)
    kinds = {op.type for op in crop.get_concrete_function().graph.get_operations()}
    if None not in sides:
        assert "StridedSliceGrad" not in kinds


@pytest.mark.parametrize("width", [1, 3])
def test_reflection(width):
    x = tf.random.stateless_normal((2, 4, 6, 3), [1, 2])
    expected = np.pad(x, [(0, 0), (width, width), (width, width), (0, 0)], "reflect")
    layer = ReflectionPadding2D(width)
    np.testing.assert_array_equal(layer(x), expected)
    assert layer.compute_output_shape((None, 4, None, 3)) == (None, 4 + 2 * width, None, 3)
    assert ReflectionPadding2D.from_config(layer.get_config()).padding == width
    with pytest.raises(InputError, match="reflection pad"):
        ReflectionPadding2D(0)


@pytest.mark.parametrize("kernel, stride, pad", [(3, 2, 1), (4, 1, 1), (4, 2, 1), (1, 1, 0)])
def test_zeros_on_all_sides(kernel, stride, pad):
    """The same numbers and gradients in training, where the convolution pads by itself."""
    x = tf.random.stateless_normal((2, 7, 10, 4), [1, 2])
    layer = PaddedConv2D(3, kernel, stride, pad)
    layer.build(x.shape)
    padded = tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]])
    expected = tf.nn.conv2d(padded, tf.convert_to_tensor(layer.kernel), stride, "VALID")
    assert tuple(layer.compute_output_shape(x.shape)) == tuple(expected.shape)
    again = PaddedConv2D.from_config(layer.get_config())
    assert (again.pad, again.strides) == (pad, (stride, stride))
    found = []
    for training in (False, True):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=training)
            loss = tf.reduce_sum(y**2)
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)
        kernel_variable = compat.tensor_variable(layer.kernel)
        found.append(tape.gradient(loss, [x, kernel_variable]))
    for plain, fast in zip(*found):
        np.testing.assert_allclose(fast, plain, rtol=1e-4, atol=1e-4)


def normed(layer, x, training):
    """Outputs of a norm layer, and gradients of a sum by its inputs and parameters."""
    variables = [compat.tensor_variable(variable) for variable in layer.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=training)
        loss = tf.reduce_sum(tf.cast(y, "float32") ** 3)
    return y, tape.gradient(loss, [x, *variables])


def test_statistics_of_the_batch():
    x = 3.0 + 2.0 * tf.random.stateless_normal((4, 5, 6, 3), [5, 6])
    layer = BatchStatistics()
    y = layer(x, training=True).numpy()
    variance = np.var(x, (0, 1, 2))
    np.testing.assert_allclose(y.mean((0, 1, 2)), 0.0, atol=1e-5)
    np.testing.assert_allclose(y.var((0, 1, 2)), variance / (variance + 1e-5), rtol=1e-4)
    layer.set_weights([np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.0, -0.5])])
    scaled = layer(x, training=True)
    np.testing.assert_allclose(scaled, y * [1.0, 2.0, 3.0] + [0.5, 0.0, -0.5], atol=1e-5)
    assert layer.non_trainable_weights == []


def test_statistics_after_training_are_those_of_one_image():
    x = tf.random.stateless_normal((3, 5, 6, 2), [5, 6]) * [[[[1.0, 9.0]]]]
    layer = BatchStatistics()
    alone = tf.concat([layer(x[i : i + 1], training=True) for i in range(3)], 0)
    np.testing.assert_allclose(layer(x, training=False), alone, atol=1e-5)
    instance = InstanceStatistics(affine=False)
    np.testing.assert_allclose(instance(x, training=True), alone, atol=1e-5)
    assert instance.weights == [] and len(layer.weights) == 2


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("count", [1, 3])
def test_instance_statistics_are_instance_norm(training, count):
    x = 1.0 + 2.0 * tf.random.stateless_normal((count, 5, 6, 4), [5, 6])
    ours = InstanceStatistics(gamma_initializer="glorot_uniform")
    theirs = InstanceNormalization(epsilon=1e-5)
    for layer in (ours, theirs):
        layer.build(x.shape)
    weights = [[1.0, 2.0, 3.0, -1.0], [0.5, 0.0, -0.5, 1.0]]
    for layer in (ours, theirs):
        for variable in layer.trainable_variables:
            chosen = weights["beta" in variable.name]
            compat.tensor_variable(variable).assign(chosen)
    ours_y, ours_gradients = normed(ours, x, training)
    theirs_y, theirs_gradients = normed(theirs, x, training)
    np.testing.assert_allclose(ours_y, theirs_y, atol=1e-5)
    found = {tuple(g.shape): [] for g in ours_gradients}
    for gradient in [*ours_gradients, *theirs_gradients]:
        found[tuple(gradient.shape)].append(np.array(gradient))
    np.testing.assert_allclose(*found[tuple(x.shape)], rtol=1e-3, atol=1e-3)
    ours_two, theirs_two = (np.sort(found[(4,)][i : i + 2], 0) for i in (0, 2))
    np.testing.assert_allclose(ours_two, theirs_two, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", [BatchStatistics, InstanceStatistics])
def test_statistics_in_bfloat16_are_summed_in_float32(kind):
    """A sum of 4,096 ones stops at 256 in bfloat16; here the mean of a large map is right."""
    x = tf.cast(1.0 + 0.5 * tf.random.stateless_normal((2, 64, 64, 2), [7, 8]), "bfloat16")
    layer = kind(dtype="mixed_bfloat16")
    for training in (False, True):
        y = layer(x, training=training)
        assert y.dtype == tf.bfloat16
        expected = kind()(tf.cast(x, "float32"), training=training)
        np.testing.assert_allclose(tf.cast(y, "float32"), expected, atol=0.04)
    assert all(tf.as_dtype(w.dtype) == tf.float32 for w in layer.weights)
    again = kind.from_config({**layer.get_config(), "affine": False})
    assert not again.affine and again.epsilon == 1e-5


@pytest.mark.parametrize("kind", [BatchStatistics, InstanceStatistics])
@pytest.mark.parametrize("training", [False, True])
def test_an_image_of_one_pixel_has_no_statistics(kind, training):
    """Why the bottleneck of a U-Net has no norm: whatever comes in, beta goes out."""
    layer = kind()
    x = tf.random.stateless_normal((1, 1, 1, 3), [5, 6])
    layer.build(x.shape)
    layer.set_weights([np.ones(3), np.array([0.5, 0.0, -0.5])])
    np.testing.assert_allclose(layer(x, training=training)[0, 0, 0], [0.5, 0.0, -0.5], atol=1e-6)
