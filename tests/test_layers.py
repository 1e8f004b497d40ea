"""Upsample2D equals nearest-neighbour upsampling, has second derivatives, and converts."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite.errors import InputError
from tfgan_suite.layers import Upsample2D

PICTURES = tf.random.stateless_normal((2, 3, 5, 4), [1, 2])


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_every_pixel_is_repeated(factor):
    expected = np.repeat(np.repeat(PICTURES, factor, 1), factor, 2)
    np.testing.assert_array_equal(Upsample2D(factor)(PICTURES), expected)


@pytest.mark.parametrize("shape", [(None, 5, 4), (None, None, 4), (3, 5, 4)])
def test_unknown_sizes(shape):
    model = keras.Sequential([keras.layers.Input(shape), Upsample2D()])
    height, width, channels = shape
    assert model.output_shape == (
        None, height and 2 * height, width and 2 * width, channels
    )  # fmt: skip
    run = tf.function(model, input_signature=[tf.TensorSpec((None, *shape))])
    np.testing.assert_array_equal(run(PICTURES), np.repeat(np.repeat(PICTURES, 2, 1), 2, 2))


def test_second_derivative():
    """h = |grad_x sum(up(x)^3)|^2, up of factor 2: grad = 12 x^2, h = 144 x^4, h' = 576 x^3."""
    x = tf.Variable(PICTURES)
    layer = Upsample2D()
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            value = tf.reduce_sum(layer(x) ** 3)
        penalty = tf.reduce_sum(inner.gradient(value, x) ** 2)
    np.testing.assert_allclose(outer.gradient(penalty, x), 576 * PICTURES**3, rtol=1e-4, atol=1e-4)


def test_config():
    layer = Upsample2D.from_config(Upsample2D(3).get_config())
    assert layer.factor == 3
    for factor in (0, 1.5):
        with pytest.raises(InputError, match="upsampling factor"):
            Upsample2D(factor)


def test_converts_to_tflite():
    layer = Upsample2D()
    run = tf.function(layer.__call__, input_signature=[tf.TensorSpec(PICTURES.shape)])
    content = tf.lite.TFLiteConverter.from_concrete_functions(
        [run.get_concrete_function()], layer
    ).convert()
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], PICTURES)
    interpreter.invoke()
    result = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_array_equal(result, np.repeat(np.repeat(PICTURES, 2, 1), 2, 2))
    names = {op["op_name"] for op in interpreter._get_ops_details()} - {"DELEGATE"}
    assert names <= {"CONCATENATION", "RESHAPE"}
