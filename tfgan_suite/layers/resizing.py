"""Layers that change the size of images, and a learnt number for every pixel."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfgan_suite.errors import InputError
from tfgan_suite.utils.shapes import image_sizes


@keras.saving.register_keras_serializable(package="tfgan_suite")
class NearestUpSampling2D(keras.layers.Layer):
    """Repeats every pixel `factor` times along height and width (nearest neighbour).

    Made of concatenation and reshape alone, it has derivatives of every order on every
    TensorFlow (Keras's `UpSampling2D` and `tf.image.resize` lack the second on some) and converts to TFLite.

    Args:
        factor: how often a pixel is repeated along each axis, 1 or more.

    Input shape `(batch, height, width, channels)`, channels fixed; output `(batch, height *
    factor, width * factor, channels)`.

    Raises:
        InputError: the factor is not a whole number of at least 1.
    """

    def __init__(self, factor: int = 2, **kwargs: Any):
        super().__init__(**kwargs)
        if int(factor) != factor or factor < 1:
            raise InputError(f"upsampling factor {factor}; expected a whole number, 1 or more")
        self.factor = int(factor)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        batch, height, width, channels = image_sizes(inputs)
        # Copies along the channel axis are neighbours in memory: read as (width * factor,
        # channels) they are repeated pixels. The same with whole rows repeats them downwards.
        x = tf.concat([inputs] * self.factor, axis=3)
        x = tf.reshape(x, (batch, height, width * self.factor * channels))
        x = tf.concat([x] * self.factor, axis=2)
        return tf.reshape(x, (batch, height * self.factor, width * self.factor, channels))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        batch, height, width, channels = input_shape
        height, width = (size and size * self.factor for size in (height, width))
        return batch, height, width, channels

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable(package="tfgan_suite")
class PixelBias(keras.layers.Layer):
    """Adds a learnt number for every pixel and channel, in float32.

    Args:
        start: its first value.
    """

    def __init__(self, start: float = 0.0, **kwargs: Any):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.start = start

    def build(self, input_shape: Any) -> None:
        start = keras.initializers.Constant(self.start)
        self.bias = self.add_weight(name="bias", shape=input_shape[1:], initializer=start)
        self.built = True

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return inputs + tf.convert_to_tensor(self.bias)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "start": self.start}


@keras.saving.register_keras_serializable(package="tfgan_suite")
class ReflectionPadding2D(keras.layers.Layer):
    """Continues images on all four sides by their mirror image; the edge is not repeated.

    Args:
        width: pixels on each side; images must be larger than it.

    Input shape `(batch, height, width, channels)`.

    Raises:
        InputError: the width is not a whole number of at least 1.
    """

    def __init__(self, width: int = 1, **kwargs: Any):
        super().__init__(**kwargs)
        if int(width) != width or width < 1:
            raise InputError(f"reflection pad of {width}; expected a whole number, 1 or more")
        self.width = int(width)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        sides = [self.width, self.width]
        return tf.pad(inputs, [[0, 0], sides, sides, [0, 0]], "REFLECT")

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        batch, height, width, channels = input_shape
        height, width = (size and size + 2 * self.width for size in (height, width))
        return batch, height, width, channels

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width}


@keras.saving.register_keras_serializable(package="tfgan_suite")
class CropTopLeft(keras.layers.Layer):
    """Leaves out the first row and the first column.

    The gradient of Keras's `Cropping2D`, a strided slice, takes CPUs several times as long.

    Input shape `(batch, height, width, channels)`.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.slice(inputs, [0, 1, 1, 0], [-1, -1, -1, -1])

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        batch, height, width, channels = input_shape
        return batch, height and height - 1, width and width - 1, channels
