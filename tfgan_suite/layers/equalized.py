"""Equalized learning rates: weights start from N(0, 1) and are scaled wherever they are used.

Karras, Aila, Laine, Lehtinen, "Progressive Growing of GANs", ICLR 2018, arXiv:1710.10196. Adam's
steps do not depend on the size of a gradient, so weights of one spread learn at one speed; He's
constant, with which other networks start, is a factor here.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.layers import cpu_matmul_convolution
from tfgan_suite.layers.convolution import Conv2D, Dense
from tfgan_suite.layers.resizing import upsampled_shape
from tfgan_suite.utils.shapes import image_sizes


class _Equalized:
    """Mixin that scales kernel and bias: `y = g (x (c k w) + k b)`, `c = gain / sqrt(fan_in)`.

    k is the learning-rate multiplier; w starts from N(0, 1/k^2), so that k changes how fast the
    layer learns, but not how it starts. g is the output gain: a factor of kernel and bias costs
    less than one of the maps.
    """

    # Of the Keras layer.
    kernel: Any
    bias: Any

    def __init__(
        self,
        *args: Any,
        gain: float = math.sqrt(2.0),
        learning_rate_multiplier: float = 1.0,
        output_gain: float = 1.0,
        **kwargs: Any,
    ):
        if not min(gain, learning_rate_multiplier, output_gain) > 0:
            raise InputError(
                f"gain {gain}, learning_rate_multiplier {learning_rate_multiplier} and output_gain"
                f" {output_gain}; all must be above 0"
            )
        if "kernel_initializer" in kwargs:
            raise InputError("an equalized layer has no kernel_initializer; use gain")
        spread = 1.0 / learning_rate_multiplier
        kwargs["kernel_initializer"] = keras.initializers.RandomNormal(0.0, spread)
        super().__init__(*args, **kwargs)
        self.gain, self.learning_rate_multiplier = float(gain), float(learning_rate_multiplier)
        self.output_gain = float(output_gain)

    @property
    def bias_scale(self) -> float:
        """What the stored bias is multiplied by: g k."""
        return self.output_gain * self.learning_rate_multiplier

    @property
    def kernel_scale(self) -> float:
        """What the stored kernel is multiplied by: g c k."""
        return self.bias_scale * self.gain / math.sqrt(fan_in(self.kernel))

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        kernel = self.kernel_scale * tf.cast(tf.convert_to_tensor(self.kernel), inputs.dtype)
        outputs = self._product(inputs, kernel, fast=bool(training))  # type: ignore[attr-defined]
        bias = self.bias
        if bias is not None and self.bias_scale != 1.0:
            bias = self.bias_scale * tf.convert_to_tensor(bias)
        return self._add_bias_and_activate(outputs, bias)  # type: ignore[attr-defined]

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()  # type: ignore[misc]
        config.pop("kernel_initializer")
        return {
            **config,
            "gain": self.gain,
            "learning_rate_multiplier": self.learning_rate_multiplier,
            "output_gain": self.output_gain,
        }


@compat.register_layer
class EqualizedConv2D(_Equalized, Conv2D):
    """A convolution with an equalized learning rate.

    Args:
        gain: of the scale `gain / sqrt(kernel rows * columns * channels)`; sqrt 2 suits leaky ReLU,
            1 layers without activation.
        learning_rate_multiplier: of kernel and bias.
        output_gain: of the outputs, bias included, before the activation.
        *args, **kwargs: those of `tfgan_suite.layers.convolution.Conv2D`, without an initializer
            of the kernel.

    Raises:
        InputError: a gain or multiplier that is not above 0, or an initializer of the kernel.
    """


@compat.register_layer
class EqualizedDense(_Equalized, Dense):
    """A dense layer with an equalized learning rate.

    Args:
        gain: of the scale `gain / sqrt(features)`.
        learning_rate_multiplier: of kernel and bias; 0.01 in StyleGAN's mapping.
        output_gain: of the outputs, bias included, before the activation.
        *args, **kwargs: Keras's, without an initializer of the kernel.

    Input shape `(batch, features)`.

    Raises:
        InputError: a gain or multiplier that is not above 0, or an initializer of the kernel.
    """


class _Resampling(EqualizedConv2D):
    """A 3x3 convolution and a change of size by 2, fused into a convolution of 4x4 at stride 2.

    The four pixels that share a value, or are averaged, meet the kernel at four shifts: the sum of
    the shifted kernels does in one pass, with fewer than half of the products, what both steps do.
    """

    def __init__(self, filters: int, **kwargs: Any):
        # Configs hold what is always the same.
        for name in ("kernel_size", "padding", "strides"):
            kwargs.pop(name, None)
        super().__init__(filters, 3, padding="same", **kwargs)


@compat.register_layer
class NearestUpConv2D(_Resampling):
    """Doubles height and width (nearest neighbours), then convolves; computed at once.

    Args:
        filters: channels of the output.
        **kwargs: as for `EqualizedConv2D`; the kernel is 3x3, padding `"same"`.

    Input shape `(batch, height, width, channels)`; output `(batch, 2 height, 2 width, filters)`.
    """

    def _product(self, inputs: tf.Tensor, kernel: tf.Tensor, fast: bool) -> tf.Tensor:
        # A transposed convolution runs through its kernel the other way round.
        kernel = tf.transpose(tf.reverse(_four_shifts(kernel), [0, 1]), (0, 1, 3, 2))
        if fast and None not in inputs.shape[1:3]:
            sides = tuple(inputs.shape[1:3])
            if cpu_matmul_convolution.is_faster(sides, kernel, 2, inputs.shape[0]):
                return cpu_matmul_convolution.transposed_convolution(inputs, kernel, 2)
        batch, height, width, _ = image_sizes(inputs)
        batch = tf.shape(inputs)[0] if isinstance(batch, int) and batch < 0 else batch
        shape = (batch, 2 * height, 2 * width, self.filters)
        return tf.nn.conv2d_transpose(inputs, kernel, shape, 2, "SAME")

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return upsampled_shape(input_shape, 2, self.filters)


@compat.register_layer
class MeanDownConv2D(_Resampling):
    """Convolves, then halves height and width (means of 2x2 pixels); computed at once.

    Args:
        filters: channels of the output.
        **kwargs: as for `EqualizedConv2D`; the kernel is 3x3, padding `"same"`. Bias and activation
            come after the means.

    Input shape `(batch, height, width, channels)` with even sides; output `(batch, height / 2,
    width / 2, filters)`.
    """

    def _product(self, inputs: tf.Tensor, kernel: tf.Tensor, fast: bool) -> tf.Tensor:
        kernel = 0.25 * _four_shifts(kernel)
        if fast and None not in inputs.shape[1:3]:
            rows, columns = (side // 2 for side in inputs.shape[1:3])
            if cpu_matmul_convolution.is_faster((rows, columns), kernel, 2, inputs.shape[0]):
                return cpu_matmul_convolution.convolution(inputs, kernel, 2)
        return tf.nn.conv2d(inputs, kernel, 2, "SAME")

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        batch, height, width, _ = input_shape
        return batch, height and height // 2, width and width // 2, self.filters


def _four_shifts(kernel: tf.Tensor) -> tf.Tensor:
    """The sum of a 3x3 kernel at the four corners of 4x4, `(4, 4, inputs, outputs)`."""
    corners = (
        [[0, 1], [1, 0]][row] + [[0, 1], [1, 0]][column] for row in (0, 1) for column in (0, 1)
    )
    shifted = [tf.pad(kernel, [c[:2], c[2:], [0, 0], [0, 0]]) for c in corners]
    return tf.add_n(shifted)


def fan_in(kernel: Any) -> int:
    """Inputs of one output of a kernel `(..., inputs, outputs)`."""
    return math.prod(int(size) for size in kernel.shape[:-1])
