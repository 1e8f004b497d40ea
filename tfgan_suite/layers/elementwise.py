"""Layers that act on every element alone: learnt offsets per pixel or channel, and PReLU."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.layers.convolution import add_bias


@compat.register_layer
class PixelBias(keras.layers.Layer):
    """Adds a learnt number per pixel and channel, in float32.

    Args:
        initial_value: value at the start.
    """

    def __init__(self, initial_value: float = 0.0, **kwargs: Any):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.initial_value = initial_value

    def build(self, input_shape: Any) -> None:
        initializer = keras.initializers.Constant(self.initial_value)
        self.bias = self.add_weight(name="bias", shape=input_shape[1:], initializer=initializer)
        self.built = True

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return inputs + tf.convert_to_tensor(self.bias)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "initial_value": self.initial_value}


@compat.register_layer
class ChannelBias(keras.layers.Layer):
    """Adds a learnt number per channel, 0 at the start, as a convolution does.

    Input and output shape `(batch, ..., channels)`.
    """

    def build(self, input_shape: Any) -> None:
        self.bias = self.add_weight(name="bias", shape=(input_shape[-1],), initializer="zeros")
        self.built = True

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return add_bias(inputs, self.bias)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return tuple(input_shape)


@compat.register_layer
class PReLU(keras.layers.PReLU):
    """Keras's PReLU with one slope per channel, and fewer passes over the maps in training.

    `y = max(x, 0) + alpha min(x, 0)`. In super-resolution its maps are the largest of the network,
    and a pass over them costs as much as the arithmetic.

    Args:
        initial_alpha: alpha at the start; 0.25 in the paper of PReLU, 0 in Keras.
        **kwargs: Keras's other arguments.

    Input shape `(batch, height, width, channels)`.
    """

    def __init__(self, initial_alpha: float = 0.25, **kwargs: Any):
        kwargs.setdefault("alpha_initializer", keras.initializers.Constant(initial_alpha))
        kwargs.setdefault("shared_axes", [1, 2])
        super().__init__(**kwargs)
        self.initial_alpha = initial_alpha

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if not training:
            return super().call(inputs)  # converters know this form as one operation
        return _prelu(inputs, tf.cast(tf.convert_to_tensor(self.alpha), inputs.dtype))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "initial_alpha": self.initial_alpha}


@tf.custom_gradient
def _prelu(x: tf.Tensor, alpha: tf.Tensor) -> Any:
    """PReLU of maps `(batch, height, width, channels)` with slopes `(1, 1, channels)`."""

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        negative = upstream * tf.minimum(x, 0.0)
        to_alpha = tf.reshape(tf.reduce_sum(negative, axis=[0, 1, 2]), tf.shape(alpha))
        return tf.where(x > 0.0, upstream, upstream * alpha), to_alpha

    return tf.nn.relu(x) + alpha * tf.minimum(x, 0.0), gradient
