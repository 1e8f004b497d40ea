"""Between vectors and maps with one number per channel: R3GAN's first and last layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat


@compat.register_layer
class LearnedBasis(keras.layers.Layer):
    """One learned map per channel, times that channel's number: `y[h, w, c] = basis[h, w, c] x[c]`.

    Args:
        size: height and width of the maps.

    Input shape `(batch, channels)`; output `(batch, *size, channels)`. The basis starts from a
    standard normal distribution.
    """

    def __init__(self, size: Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.size = tuple(int(side) for side in size)

    def build(self, input_shape: Any) -> None:
        self.basis = self.add_weight(
            name="basis",
            shape=(*self.size, int(input_shape[-1])),
            initializer=keras.initializers.RandomNormal(0.0, 1.0),
        )
        self.built = True

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        basis = tf.cast(tf.convert_to_tensor(self.basis), inputs.dtype)
        return basis[None] * inputs[:, None, None]

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (input_shape[0], *self.size, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}


@compat.register_layer
class BasisProjection(keras.layers.Layer):
    """A weighted sum over the positions of each channel: a depthwise convolution of the maps' size.

    `y[c] = sum_hw kernel[h, w, c] x[h, w, c]`, summed in float32.

    Input shape `(batch, height, width, channels)`, sides fixed; output `(batch, channels)`. The
    kernel starts normal with variance `1 / (height * width)`.
    """

    def build(self, input_shape: Any) -> None:
        _, height, width, channels = input_shape
        self.kernel = self.add_weight(
            name="kernel",
            shape=(height, width, channels),
            initializer=keras.initializers.RandomNormal(0.0, (height * width) ** -0.5),
        )
        self.built = True

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        kernel = tf.cast(tf.convert_to_tensor(self.kernel), tf.float32)
        sums = tf.reduce_sum(tf.cast(inputs, tf.float32) * kernel, axis=[1, 2])
        return tf.cast(sums, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return input_shape[0], input_shape[-1]
