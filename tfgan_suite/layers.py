"""Layers that neither Keras nor the addons give in a form fit for games."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import small_maps
from tfgan_suite.errors import InputError


class _Biased:
    """Replaces how a Keras layer adds its bias; see `add_bias`."""

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        kernel = tf.cast(tf.convert_to_tensor(self.kernel), inputs.dtype)
        # An export keeps the plain operations, which converters and other devices know.
        outputs = self._product(inputs, kernel, fast=bool(training))
        if self.use_bias:
            outputs = add_bias(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)


@keras.saving.register_keras_serializable(package="tfgan_suite")
class Conv2D(_Biased, keras.layers.Conv2D):
    """Keras's convolution, whose bias also learns in bfloat16.

    Arguments are Keras's; groups and channels-first are not offered. Training on a CPU takes
    `small_maps` where that is faster.
    """

    def _product(self, inputs: tf.Tensor, kernel: tf.Tensor, fast: bool) -> tf.Tensor:
        if fast and _is_simple(self) and None not in inputs.shape[1:3]:
            rows, columns = (-(-side // self.strides[0]) for side in inputs.shape[1:3])
            if small_maps.pays((rows, columns), kernel, self.strides[0]):
                return small_maps.convolution(inputs, kernel, self.strides[0])
        return tf.nn.conv2d(
            inputs, kernel, self.strides, self.padding.upper(), dilations=self.dilation_rate
        )


@keras.saving.register_keras_serializable(package="tfgan_suite")
class Conv2DTranspose(_Biased, keras.layers.Conv2DTranspose):
    """Keras's transposed convolution, whose bias also learns in bfloat16.

    Arguments are Keras's; `output_padding`, dilation and channels-first are not offered. Training
    on a CPU takes `small_maps` where that is faster.
    """

    def _product(self, inputs: tf.Tensor, kernel: tf.Tensor, fast: bool) -> tf.Tensor:
        sides, stride = inputs.shape[1:3], self.strides[0]
        if fast and _is_simple(self) and small_maps.pays(sides, kernel, stride):
            return small_maps.transposed_convolution(inputs, kernel, stride)
        batch, height, width, _ = _sizes(inputs)
        batch = tf.shape(inputs)[0] if isinstance(batch, int) and batch < 0 else batch
        sides = [
            side * stride + (max(size - stride, 0) if self.padding == "valid" else 0)
            for side, size, stride in zip((height, width), self.kernel_size, self.strides)
        ]
        return tf.nn.conv2d_transpose(
            inputs, kernel, (batch, *sides, self.filters), self.strides, self.padding.upper()
        )


@keras.saving.register_keras_serializable(package="tfgan_suite")
class Dense(_Biased, keras.layers.Dense):
    """Keras's dense layer, whose bias also learns in bfloat16. Arguments are Keras's.

    Input shape `(batch, features)`.
    """

    def _product(self, inputs: tf.Tensor, kernel: tf.Tensor, fast: bool) -> tf.Tensor:
        return tf.matmul(inputs, kernel)


def _is_simple(layer: Any) -> bool:
    """Whether a convolution is what `small_maps` computes."""
    return (
        layer.padding == "same"
        and len({*layer.strides}) == 1
        and len({*layer.kernel_size}) == 1
        and set(layer.dilation_rate) == {1}
    )


def add_bias(outputs: tf.Tensor, bias: Any) -> tf.Tensor:
    """Adds one number a channel, with a gradient that is right in bfloat16 too.

    The gradient of TensorFlow's bias_add, which all Keras layers use, counts up in bfloat16 on
    CPUs: from 256 on, adding 1 changes nothing, so the sum over a batch of pictures stops there
    (seen: 1,000 in place of 65,000). The gradient of a plain addition is summed in float32.

    Args:
        outputs: `(..., channels)`.
        bias: variable or tensor `(channels,)`, of any floating type.

    Returns:
        Tensor of the shape and type of `outputs`.
    """
    bias = tf.cast(tf.convert_to_tensor(bias), outputs.dtype)
    if outputs.dtype == tf.bfloat16:
        return outputs + bias
    return tf.nn.bias_add(outputs, bias)


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


def _sizes(images: tf.Tensor) -> list[Any]:
    """Sizes of the axes: Python integers where known, so that a fixed-size export has no shape ops.

    At most one unknown size is given as -1 (the batch, mostly); more come from `tf.shape`.
    """
    static = images.shape.as_list()
    if static.count(None) == 1 and static[0] is None:
        return [-1, *static[1:]]
    dynamic = tf.shape(images)
    return [dynamic[axis] if size is None else size for axis, size in enumerate(static)]
