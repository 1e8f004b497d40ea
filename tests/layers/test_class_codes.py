"""One-hot codes are those of TensorFlow, in every type and shape."""

import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite.layers.class_codes import one_hot


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("label", [[0, 2, 1, 2], [[2, 0], [1, 1]], 1])
def test_codes_equal_those_of_tensorflow(label, dtype):
    codes = one_hot(tf.constant(label), 3, dtype)
    assert codes.dtype == tf.as_dtype(dtype)
    expected = tf.one_hot(label, 3, dtype=tf.as_dtype(dtype))
    np.testing.assert_array_equal(tf.cast(codes, tf.float32), tf.cast(expected, tf.float32))
