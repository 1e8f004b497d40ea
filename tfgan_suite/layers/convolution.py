"""Layers that neither Keras nor the addons give in a form fit for games."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfgan_suite.layers import cpu_blocked_convolution, cpu_matmul_convolution
from tfgan_suite.utils.shapes import image_sizes


class _Biased:
    """Replaces how a Keras layer adds its bias; see `add_bias`."""

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        kernel = tf.cast(tf.convert_to_tensor(self.kernel), inputs.dtype)
        # An export keeps the plain operations, which converters and other devices know.
        return self._finished(self._product(inputs, kernel, fast=bool(training)), self.bias)

    def _finished(self, outputs: tf.Tensor, bias: Any) -> tf.Tensor:
        """With the bias, where there is one, and the activation."""
        if bias is not None:
            outputs = add_bias(outputs, bias)
        return outputs if self.activation is None else self.activation(outputs)


@keras.saving.register_keras_serializable(package="tfgan_suite")
class Conv2D(_Biased, keras.layers.Conv2D):
    """Keras's convolution, whose bias also learns in bfloat16.

    Arguments are Keras's; groups and channels-first are not offered. Training on a CPU takes
    `small_maps` and `few_channels` where these are faster.
    """

    def _product(self, inputs: tf.Tensor, kernel: tf.Tensor, fast: bool) -> tf.Tensor:
        if fast and _is_simple(self) and None not in inputs.shape[1:3]:
            rows, columns = (-(-side // self.strides[0]) for side in inputs.shape[1:3])
            if cpu_matmul_convolution.is_faster(
                (rows, columns), kernel, self.strides[0], inputs.shape[0]
            ):
                return cpu_matmul_convolution.convolution(inputs, kernel, self.strides[0])
        steps = (*self.strides, *self.dilation_rate)
        if fast and cpu_blocked_convolution.is_faster(inputs.shape, kernel, self.padding, steps):
            return cpu_blocked_convolution.convolution(inputs, kernel, self.padding)
        return tf.nn.conv2d(
            inputs, kernel, self.strides, self.padding.upper(), dilations=self.dilation_rate
        )


@keras.saving.register_keras_serializable(package="tfgan_suite")
class PaddedConv2D(Conv2D):
    """Convolution after zeros on all four sides, for the sizes of papers and other frameworks.

    At stride 2 and kernel 3, `"same"` on even sizes puts its only row of zeros behind the image
    and so looks at other pixels; at stride 1 and kernel 4 it keeps the size, pad 1 does not.

    Args:
        filters, kernel_size, strides: as for `Conv2D`.
        pad: rows and columns of zeros on each side.
        **kwargs: Keras's other arguments; `padding` is not offered.

    Input shape `(batch, height, width, channels)`; a side of n becomes
    `(n + 2 pad - kernel_size) // strides + 1`.
    """

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = 1, pad: int = 1, **kwargs: Any
    ):
        super().__init__(filters, kernel_size, strides, **{**kwargs, "padding": "valid"})
        self.pad = int(pad)

    def _product(self, inputs: tf.Tensor, kernel: tf.Tensor, fast: bool) -> tf.Tensor:
        # Not as the convolution's own padding: oneDNN has no gradients of that, and TensorFlow's
        # are slow on CPUs (a step of pix2pix at 256 pixels: 0.93 s and 1.06 s; in bfloat16 0.55 s
        # and 9.6 s).
        zeros = [[0, 0], [self.pad, self.pad], [self.pad, self.pad], [0, 0]]
        return tf.nn.conv2d(tf.pad(inputs, zeros), kernel, self.strides, "VALID")

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        batch, height, width, channels = input_shape
        height, width = (size and size + 2 * self.pad for size in (height, width))
        return tuple(super().compute_output_shape((batch, height, width, channels)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pad": self.pad}


@keras.saving.register_keras_serializable(package="tfgan_suite")
class Conv2DTranspose(_Biased, keras.layers.Conv2DTranspose):
    """Keras's transposed convolution, whose bias also learns in bfloat16.

    Arguments are Keras's; `output_padding`, dilation and channels-first are not offered. Training
    on a CPU takes `small_maps` where that is faster.
    """

    def _product(self, inputs: tf.Tensor, kernel: tf.Tensor, fast: bool) -> tf.Tensor:
        sides, stride = inputs.shape[1:3], self.strides[0]
        if (
            fast
            and _is_simple(self)
            and cpu_matmul_convolution.is_faster(sides, kernel, stride, inputs.shape[0])
        ):
            return cpu_matmul_convolution.transposed_convolution(inputs, kernel, stride)
        batch, height, width, _ = image_sizes(inputs)
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
    CPUs: from 256 on, adding 1 changes nothing, so the sum over a batch of images stops there
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
