"""Keras's convolutions and dense layer, with biases that learn in bfloat16 and fast CPU kernels."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.layers import (
    cpu_blocked_convolution,
    cpu_matmul_convolution,
    grouped_convolution,
)
from tfgan_suite.utils.shapes import image_sizes


class _BiasedLayer:
    """Mixin that replaces how a Keras layer adds its bias; see `add_bias`."""

    # Of the Keras layer.
    kernel: Any
    bias: Any
    activation: Any

    def _product(self, inputs: tf.Tensor, kernel: tf.Tensor, fast: bool) -> tf.Tensor:
        """Inputs times kernel; with `fast`, by a kernel for CPUs where one is faster."""
        raise NotImplementedError

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        kernel = tf.cast(tf.convert_to_tensor(self.kernel), inputs.dtype)
        # Exports keep the plain operations, which converters and other devices support.
        return self._add_bias_and_activate(
            self._product(inputs, kernel, fast=bool(training)), self.bias
        )

    def _add_bias_and_activate(self, outputs: tf.Tensor, bias: Any) -> tf.Tensor:
        """Adds the bias, if there is one, and applies the activation."""
        if bias is not None:
            outputs = add_bias(outputs, bias)
        return outputs if self.activation is None else self.activation(outputs)


@compat.register_layer
class Conv2D(_BiasedLayer, keras.layers.Conv2D):
    """Keras's convolution, whose bias also learns in bfloat16.

    Arguments are Keras's; channels-first is not supported. Training on CPUs uses
    `cpu_matmul_convolution` and `cpu_blocked_convolution` where they are faster; groups are those
    of `grouped_convolution`.
    """

    def _product(self, inputs: tf.Tensor, kernel: tf.Tensor, fast: bool) -> tf.Tensor:
        if self.groups > 1:
            padding, dilations = self.padding.upper(), self.dilation_rate
            return grouped_convolution.convolution(
                inputs, kernel, self.strides, padding, dilations, fast
            )
        if fast and _is_simple(self) and None not in inputs.shape[1:3]:
            rows, columns = (-(-side // self.strides[0]) for side in inputs.shape[1:3])
            if cpu_matmul_convolution.is_faster(
                (rows, columns), kernel, self.strides[0], inputs.shape[0]
            ):
                return cpu_matmul_convolution.convolution(inputs, kernel, self.strides[0])
        steps = (*self.strides, *self.dilation_rate)
        if fast and cpu_blocked_convolution.is_faster(inputs.shape, kernel, self.padding, steps):
            return cpu_blocked_convolution.convolution(inputs, kernel, self.padding)
        if fast and cpu_blocked_convolution.strided_is_faster(
            inputs.shape, kernel, self.padding, steps
        ):
            return cpu_blocked_convolution.strided_convolution(inputs, kernel)
        return tf.nn.conv2d(
            inputs, kernel, self.strides, self.padding.upper(), dilations=self.dilation_rate
        )


@compat.register_layer
class PaddedConv2D(Conv2D):
    """Convolution after zero padding on all four sides, as in papers and other frameworks.

    At stride 2 and kernel 3, `"same"` on even sizes pads only after the last row and so samples
    other pixels; at stride 1 and kernel 4 it keeps the size, which padding of 1 does not.

    Args:
        filters, kernel_size, strides: as for `Conv2D`.
        pad: rows and columns of zeros on each side.
        **kwargs: Keras's other arguments; `padding` is not supported.

    Input shape `(batch, height, width, channels)`; a side of n becomes
    `(n + 2 pad - kernel_size) // strides + 1`.
    """

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = 1, pad: int = 1, **kwargs: Any
    ):
        super().__init__(filters, kernel_size, strides, **{**kwargs, "padding": "valid"})
        self.pad = int(pad)

    def _product(self, inputs: tf.Tensor, kernel: tf.Tensor, fast: bool) -> tf.Tensor:
        if fast and self._may_be_matrix_product(inputs):
            size, stride = self.kernel_size[0], self.strides[0]
            sides = [(side + 2 * self.pad - size) // stride + 1 for side in inputs.shape[1:3]]
            if cpu_matmul_convolution.is_faster(sides, kernel, stride, inputs.shape[0]):
                return cpu_matmul_convolution.convolution(inputs, kernel, stride, self.pad)
        if fast and self._pads_as_same(inputs):
            # The gradients need no second pass over the images: 5% to 20% of a strided layer.
            steps = (*self.strides, *self.dilation_rate)
            if cpu_blocked_convolution.strided_is_faster(inputs.shape, kernel, "same", steps):
                return cpu_blocked_convolution.strided_convolution(inputs, kernel)
            return tf.nn.conv2d(inputs, kernel, self.strides, "SAME")
        # Not the convolution's own padding: oneDNN has no gradients for it, and TensorFlow's are
        # slow on CPUs (a pix2pix step at 256 pixels: 0.93 s here, 1.06 s there; in bfloat16 0.55 s
        # and 9.6 s).
        zeros = [[0, 0], [self.pad, self.pad], [self.pad, self.pad], [0, 0]]
        return tf.nn.conv2d(tf.pad(inputs, zeros), kernel, self.strides, "VALID")

    def _may_be_matrix_product(self, inputs: tf.Tensor) -> bool:
        size, stride = self.kernel_size[0], self.strides[0]
        return _is_simple(self, "valid") and all(
            side is not None and cpu_matmul_convolution.covers(side, size, stride, self.pad)
            for side in inputs.shape[1:3]
        )

    def _pads_as_same(self, inputs: tf.Tensor) -> bool:
        """Whether "SAME" has the same zeros before and after these images."""
        return _is_simple(self, "valid") and all(
            side is not None and side % stride == 0 and 2 * self.pad == size - stride
            for side, size, stride in zip(inputs.shape[1:3], self.kernel_size, self.strides)
        )

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        batch, height, width, channels = input_shape
        height, width = (size and size + 2 * self.pad for size in (height, width))
        return tuple(super().compute_output_shape((batch, height, width, channels)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pad": self.pad}


@compat.register_layer
class Conv2DTranspose(_BiasedLayer, keras.layers.Conv2DTranspose):
    """Keras's transposed convolution, whose bias also learns in bfloat16.

    Arguments are Keras's; `output_padding`, dilation and channels-first are not supported.
    Training on CPUs uses `cpu_matmul_convolution` and `cpu_blocked_convolution` where they are
    faster.
    """

    def _product(self, inputs: tf.Tensor, kernel: tf.Tensor, fast: bool) -> tf.Tensor:
        sides, stride = inputs.shape[1:3], self.strides[0]
        if (
            fast
            and _is_simple(self)
            and cpu_matmul_convolution.is_faster(sides, kernel, stride, inputs.shape[0])
        ):
            return cpu_matmul_convolution.transposed_convolution(inputs, kernel, stride)
        steps = (*self.strides, *self.dilation_rate)
        images = [None, *(side and side * stride for side in sides), None]
        if fast and cpu_blocked_convolution.strided_is_faster(images, kernel, self.padding, steps):
            return cpu_blocked_convolution.transposed_convolution(inputs, kernel)
        batch, height, width, _ = image_sizes(inputs)
        batch = tf.shape(inputs)[0] if isinstance(batch, int) and batch < 0 else batch
        sides = [
            side * stride + (max(size - stride, 0) if self.padding == "valid" else 0)
            for side, size, stride in zip((height, width), self.kernel_size, self.strides)
        ]
        return tf.nn.conv2d_transpose(
            inputs, kernel, (batch, *sides, self.filters), self.strides, self.padding.upper()
        )


@compat.register_layer
class Dense(_BiasedLayer, keras.layers.Dense):
    """Keras's dense layer, whose bias also learns in bfloat16. Arguments are Keras's.

    Input shape `(batch, features)`.
    """

    def _product(self, inputs: tf.Tensor, kernel: tf.Tensor, fast: bool) -> tf.Tensor:
        return tf.matmul(inputs, kernel)


def _is_simple(layer: Any, padding: str = "same") -> bool:
    """Whether `cpu_matmul_convolution` can compute a convolution."""
    return (
        layer.padding == padding
        and getattr(layer, "groups", 1) == 1
        and len({*layer.strides}) == 1
        and len({*layer.kernel_size}) == 1
        and set(layer.dilation_rate) == {1}
    )


def add_bias(outputs: tf.Tensor, bias: Any) -> tf.Tensor:
    """Adds one number per channel, with a gradient that is correct in bfloat16 too.

    On CPUs the gradient of TensorFlow's `bias_add`, which all Keras layers use, accumulates in
    bfloat16: from 256 on, adding 1 changes nothing, so that the sum over a batch of images
    saturates (observed: 1,000 instead of 65,000). The gradient of a plain addition accumulates in
    float32.

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
