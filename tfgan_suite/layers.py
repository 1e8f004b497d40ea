"""Layers that neither Keras nor the addons give in a form fit for games."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfgan_suite.errors import InputError


@keras.saving.register_keras_serializable(package="tfgan_suite")
class Upsample2D(keras.layers.Layer):
    """Repeats every pixel `factor` times along height and width (nearest neighbour).

    Made of concatenation and reshape alone, it has derivatives of every order on every
    TensorFlow (UpSampling2D and `tf.image.resize` lack the second on some) and converts to TFLite.

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
        batch, height, width, channels = _sizes(inputs)
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


def _sizes(images: tf.Tensor) -> list[Any]:
    """Sizes of the axes: Python integers where known, so that a fixed-size export has no shape ops.

    At most one unknown size is given as -1 (the batch, mostly); more come from `tf.shape`.
    """
    static = images.shape.as_list()
    if static.count(None) == 1 and static[0] is None:
        return [-1, *static[1:]]
    dynamic = tf.shape(images)
    return [dynamic[axis] if size is None else size for axis, size in enumerate(static)]
