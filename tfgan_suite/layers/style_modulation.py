"""Styles in convolutions: StyleGAN's adaptive instance norm and StyleGAN2's weight demodulation.

Karras, Laine, Aila, CVPR 2019, arXiv:1812.04958; Karras et al., CVPR 2020, arXiv:1912.04958.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.layers import blur, cpu_blocked_convolution
from tfgan_suite.layers.equalized import fan_in
from tfgan_suite.layers.normalization import standardize

EPSILON = 1e-8
# StyleGAN2's filter for resampling by 2; in upsampling its sum is 2 along each axis.
RESAMPLING = (1.0, 3.0, 3.0, 1.0)


@compat.register_layer
class StyleNormalization(keras.layers.Layer):
    """Adaptive instance normalization: `(x - mean) / sigma * (s + 1) + b` per image and channel.

    Args:
        epsilon: float added to the variance.

    Input: `[maps, style]` with maps `(batch, height, width, channels)` and style
    `(batch, 2 * channels)`, first all s, then all b, so that a style of zeros changes nothing.
    Output as the maps; computed in float32. Maps that are constant give b.
    """

    def __init__(self, epsilon: float = EPSILON, **kwargs: Any):
        super().__init__(**kwargs)
        self.epsilon = float(epsilon)

    def build(self, input_shape: Any) -> None:
        maps, style = input_shape
        if style[-1] != 2 * maps[-1]:
            raise InputError(
                f"a style of {style[-1]} numbers for {maps[-1]} channels; there must be 2 per"
                " channel"
            )
        self.built = True

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        maps, style = inputs
        x = standardize(tf.cast(maps, tf.float32), [1, 2], self.epsilon)
        scale, offset = tf.split(tf.cast(style, tf.float32)[:, None, None], 2, axis=3)
        return tf.cast(x * (scale + 1.0) + offset, maps.dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return tuple(input_shape[0])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}


@compat.register_layer
class ModulatedConv2D(keras.layers.Layer):
    """A convolution whose input channels are scaled per image, with or without demodulation.

    ```
    y = d conv(s x, c w),     d = 1 / sqrt(sum over inputs and pixels of (s c w)^2 + 1e-8)
    ```

    c is the equalized learning rate's `gain k / sqrt(fan_in)`; k w starts from N(0, 1).
    Demodulation gives each output channel variance 1 for inputs of variance 1, whatever the style.

    Args:
        filters, kernel_size: numbers of output channels and of rows and columns; the stride is 1,
            the padding `"same"`.
        demodulate: whether outputs are multiplied by d; not before RGB images.
        gain: of c; 1 in StyleGAN2.
        fused: compute with one kernel per image, `d s c w`, instead of scaled maps. The result is
            the same; the default, False, needs less memory and converts to TFLite.
        upsample: double height and width: the maps are spread out with zeros between the pixels,
            convolved, and blurred by the filter 1, 3, 3, 1; not with `fused`.
        learning_rate_multiplier: k, how many times as fast it learns; it starts alike.

    Input: `[maps, style]` with maps `(batch, height, width, channels)`, sides fixed where `fused`
    or `upsample`, and style s `(batch, channels)`; output `(batch, height, width, filters)`, sides
    doubled where `upsample`. No bias.

    Raises:
        InputError: a gain or multiplier that is not above 0, both `fused` and `upsample`, or a
            style of another number of channels.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        demodulate: bool = True,
        gain: float = 1.0,
        fused: bool = False,
        upsample: bool = False,
        learning_rate_multiplier: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not gain > 0 or not learning_rate_multiplier > 0:
            raise InputError(
                f"gain {gain} and learning_rate_multiplier {learning_rate_multiplier}; both must be"
                " above 0"
            )
        if fused and upsample:
            raise InputError("a modulated convolution with upsample=True cannot be fused")
        self.filters, self.kernel_size = int(filters), int(kernel_size)
        self.demodulate, self.gain, self.fused = bool(demodulate), float(gain), bool(fused)
        self.upsample = bool(upsample)
        self.learning_rate_multiplier = float(learning_rate_multiplier)

    def build(self, input_shape: Any) -> None:
        maps, style = input_shape
        if style[-1] != maps[-1]:
            raise InputError(
                f"a style of {style[-1]} numbers for {maps[-1]} channels; there must be one per"
                " channel"
            )
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, int(maps[-1]), self.filters),
            initializer=keras.initializers.RandomNormal(0.0, 1.0 / self.learning_rate_multiplier),
        )
        self.built = True

    def call(self, inputs: Sequence[tf.Tensor], training: bool | None = None) -> tf.Tensor:
        maps, style = inputs
        scale = self.gain * self.learning_rate_multiplier / math.sqrt(fan_in(self.kernel))
        kernel = scale * tf.cast(tf.convert_to_tensor(self.kernel), tf.float32)
        style = tf.cast(style, tf.float32)
        if self.fused:
            return self._fused(maps, style, kernel)
        scaled = maps * tf.cast(style, maps.dtype)[:, None, None]
        if self.upsample:
            outputs = _upsampled(scaled, tf.cast(kernel, maps.dtype), bool(training))
        else:
            outputs = _convolution(scaled, tf.cast(kernel, maps.dtype), bool(training))
        if self.demodulate:
            # The sum over pixels does not depend on the style.
            squares = tf.matmul(tf.square(style), tf.reduce_sum(tf.square(kernel), [0, 1]))
            factor = tf.math.rsqrt(squares + EPSILON)
            outputs = outputs * tf.cast(factor, outputs.dtype)[:, None, None]
        return outputs

    def _fused(self, maps: tf.Tensor, style: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        kernels = kernel[None] * style[:, None, None, :, None]
        if self.demodulate:
            squares = tf.reduce_sum(tf.square(kernels), [1, 2, 3], keepdims=True)
            kernels = kernels * tf.math.rsqrt(squares + EPSILON)
        rows, columns, channels, filters = kernel.shape
        height, width = maps.shape[1:3]
        vertical, horizontal = ([(size - 1) // 2, size // 2] for size in (rows, columns))
        padded = tf.pad(maps, [[0, 0], vertical, horizontal, [0, 0]])
        # A product with a kernel per image: TensorFlow has no such convolution on CPUs.
        patches = tf.concat(
            [
                padded[:, row : row + height, column : column + width]
                for row in range(rows)
                for column in range(columns)
            ],
            axis=3,
        )
        patches = tf.reshape(patches, (-1, height * width, rows * columns * channels))
        kernels = tf.reshape(kernels, (-1, rows * columns * channels, filters))
        outputs = tf.matmul(patches, tf.cast(kernels, maps.dtype))
        return tf.reshape(outputs, (-1, height, width, filters))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        batch, height, width, _ = input_shape[0]
        factor = 2 if self.upsample else 1
        return batch, height and factor * height, width and factor * width, self.filters

    def get_config(self) -> dict[str, Any]:
        own = {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "demodulate": self.demodulate,
            "gain": self.gain,
            "fused": self.fused,
            "upsample": self.upsample,
            "learning_rate_multiplier": self.learning_rate_multiplier,
        }
        return {**super().get_config(), **own}


def _convolution(maps: tf.Tensor, kernel: tf.Tensor, training: bool) -> tf.Tensor:
    """`tf.nn.conv2d(maps, kernel, 1, "SAME")`; training uses a kernel for CPUs if it is faster."""
    if training and cpu_blocked_convolution.is_faster(maps.shape, kernel, "same", (1, 1, 1, 1)):
        return cpu_blocked_convolution.convolution(maps, kernel, "same")
    return tf.nn.conv2d(maps, kernel, 1, "SAME")


def _upsampled(maps: tf.Tensor, kernel: tf.Tensor, training: bool) -> tf.Tensor:
    """`blur(conv(maps with zeros between the pixels, kernel))`, of twice the size.

    A transposed convolution needs a quarter of the products of a convolution of upsampled maps.
    """
    height, width = maps.shape[1:3]
    rows, columns, _, filters = kernel.shape
    # Transposed convolutions read their kernel from its last pixel to the first.
    # The filter's sum of 4 is the kernel's, which is smaller than the maps.
    transposed = 4.0 * tf.transpose(tf.reverse(kernel, [0, 1]), (0, 1, 3, 2))
    sides = 2 * (height - 1) + rows, 2 * (width - 1) + columns
    shape = (tf.shape(maps)[0], *sides, filters)
    spread = tf.nn.conv2d_transpose(maps, transposed, shape, 2, "VALID")
    spread = tf.ensure_shape(spread, (None, *sides, filters))
    padding = (2 * height + len(RESAMPLING) - 1 - sides[0]) // 2
    return blur.padded_blur(spread, RESAMPLING, padding, fast=training)
