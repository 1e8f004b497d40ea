"""One-hot codes that survive conversion to 8 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf


def one_hot(label: tf.Tensor, classes: int, dtype: Any = tf.float32) -> tf.Tensor:
    """One-hot codes, read from a table: the same numbers as `tf.one_hot`.

    TensorFlow Lite computes `tf.one_hot` in 8 bits without scaling its ones and zeros to the range
    of the output, which is that of the maps which the code is concatenated with: zeros then read
    as 1.9 and ones as 3.9 (seen with TensorFlow 2.15 and 2.21). A comparison with all indices does
    not help, since the converter turns it into the same operation; a lookup is right.

    Args:
        label: class indices, int, of any shape, from 0 to `classes - 1`; another one is an error on
            the CPU (where `tf.one_hot` gives zeros).
        classes: number of classes, K.
        dtype: of the codes.

    Returns:
        Tensor `(*label.shape, K)` of zeros and ones.
    """
    table = tf.constant(np.eye(classes), tf.as_dtype(dtype))
    return tf.gather(table, label)
