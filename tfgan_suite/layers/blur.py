"""Blurring, and resampling by 2 without aliasing: the filters of StyleGAN, StyleGAN2 and R3GAN.

Everything is a depthwise convolution with constant weights beside concatenations and reshapes: it
has derivatives of every order on every TensorFlow, which `tf.image.resize` has not, and converts to
TFLite. Borders are padded with zeros, as in the papers' code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.layers.resizing import NearestUpSampling2D, repeat_pixels, upsampled_shape
from tfgan_suite.utils import runtime

# Of StyleGAN and R3GAN. Convolved with the two pixels of a doubling it is StyleGAN2's 1, 3, 3, 1.
FILTER = (1.0, 2.0, 1.0)


@compat.register_layer
class Blur2D(keras.layers.Layer):
    """Blurs along height and width with a filter of sum 1.

    Args:
        weights: of the filter along one axis, an odd number of them; they are divided by their sum.

    Input and output shape `(batch, height, width, channels)`, channels fixed.

    Raises:
        InputError: an even number of weights, or weights whose sum is 0.
    """

    def __init__(self, weights: Sequence[float] = FILTER, **kwargs: Any):
        super().__init__(**kwargs)
        self.filter_weights = tuple(float(weight) for weight in weights)
        if len(self.filter_weights) % 2 == 0 or not sum(self.filter_weights):
            raise InputError(
                f"filter weights {self.filter_weights}; there must be an odd number of them, and"
                " their sum must not be 0"
            )

    def build(self, input_shape: Any) -> None:
        # A constant, not a weight: nothing to learn, save or restore.
        self._kernel = filter_kernel(self._line(), int(input_shape[-1]))
        self.built = True

    def _line(self) -> np.ndarray:
        """The filter along one axis, before it is divided by its sum."""
        return np.array(self.filter_weights)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return depthwise(inputs, self._kernel)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weights": self.filter_weights}


@compat.register_layer
class BlurUpSampling2D(Blur2D):
    """Doubles height and width: nearest neighbours, then the filter.

    With the default filter this is bilinear interpolation, and StyleGAN2's upsampling by the filter
    1, 3, 3, 1.

    Args:
        weights: as for `Blur2D`.

    Input shape `(batch, height, width, channels)`; output `(batch, 2 height, 2 width, channels)`.
    """

    def __init__(self, weights: Sequence[float] = FILTER, **kwargs: Any):
        super().__init__(weights, **kwargs)
        self._nearest = NearestUpSampling2D(dtype=kwargs.get("dtype"))

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return depthwise(self._nearest(inputs), self._kernel)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return upsampled_shape(input_shape, 2, input_shape[-1])


@compat.register_layer
class BlurDownSampling2D(Blur2D):
    """Halves height and width: the filter, then means of 2x2 pixels, in a single convolution.

    Args:
        weights: as for `Blur2D`.

    Input shape `(batch, height, width, channels)` with even sides; output `(batch, height / 2,
    width / 2, channels)`.

    Raises:
        InputError: a side is odd.
    """

    def build(self, input_shape: Any) -> None:
        if any(side is not None and side % 2 for side in input_shape[1:3]):
            raise InputError(
                f"maps of {input_shape[1]}x{input_shape[2]} pixels cannot be halved; both sides"
                " must be even"
            )
        super().build(input_shape)

    def _line(self) -> np.ndarray:
        return np.convolve(self.filter_weights, [1.0, 1.0])

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if training and inputs.dtype == tf.bfloat16 and runtime.on_cpus():
            return _halved(inputs, self.filter_weights)
        return depthwise(inputs, self._kernel, 2)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        batch, height, width, channels = input_shape
        return batch, height and height // 2, width and width // 2, channels


def padded_blur(
    maps: tf.Tensor, line: Sequence[float], padding: int, fast: bool = False
) -> tf.Tensor:
    """Blurs maps after zeros were added on all four sides: StyleGAN2's filters of even length.

    Args:
        maps: `(batch, height, width, channels)`, channels fixed.
        line: n weights along one axis; the filter is divided by its sum.
        padding: rows and columns of zeros on each side, at most n - 1.
        fast: for training: on CPUs by operations that converters do not support.

    Returns:
        `(batch, height + 2 padding - n + 1, width + 2 padding - n + 1, channels)`.
    """
    if fast and runtime.on_cpus():
        return _unpadded_blur(maps, tuple(line), padding)
    kernel = tf.constant(filter_kernel(np.asarray(line), maps.shape[-1]), maps.dtype)
    sides = [[0, 0], [padding, padding], [padding, padding], [0, 0]]
    return tf.nn.depthwise_conv2d(tf.pad(maps, sides), kernel, (1, 1, 1, 1), "VALID")


# ---- the same, faster on CPUs ------------------------------------------------------------------
#
# The gradient of a blur is a blur, by the filter read backwards. TensorFlow's own gradient of a
# depthwise convolution takes longer, in bfloat16 with stride 2 fifty times as long as the
# convolution.


def _unpadded_blur(maps: tf.Tensor, line: tuple[float, ...], padding: int) -> tf.Tensor:
    """`padded_blur` whose convolution adds the zeros itself."""

    @tf.custom_gradient
    def blurred(maps: tf.Tensor) -> Any:
        kernel = tf.constant(filter_kernel(np.asarray(line), maps.shape[-1]), maps.dtype)
        sides = [[0, 0], [padding, padding], [padding, padding], [0, 0]]
        outputs = tf.nn.depthwise_conv2d(maps, kernel, (1, 1, 1, 1), sides)
        return outputs, lambda slope: _unpadded_blur(slope, line[::-1], len(line) - 1 - padding)

    return blurred(maps)


def _halved(maps: tf.Tensor, line: tuple[float, ...]) -> tf.Tensor:
    """`BlurDownSampling2D`."""

    @tf.custom_gradient
    def halved(maps: tf.Tensor) -> Any:
        kernel = filter_kernel(np.convolve(line, [1.0, 1.0]), maps.shape[-1])
        return depthwise(maps, kernel, 2), lambda slope: 0.25 * _doubled(slope, line[::-1])

    return halved(maps)


def _doubled(maps: tf.Tensor, line: tuple[float, ...]) -> tf.Tensor:
    """`BlurUpSampling2D`, four times the transpose of `_halved` with the filter read backwards."""

    @tf.custom_gradient
    def doubled(maps: tf.Tensor) -> Any:
        kernel = filter_kernel(np.asarray(line), maps.shape[-1])
        outputs = depthwise(repeat_pixels(maps, 2), kernel)
        return outputs, lambda slope: 4.0 * _halved(slope, line[::-1])

    return doubled(maps)


def filter_kernel(line: np.ndarray, channels: int) -> np.ndarray:
    """The kernel of a depthwise convolution: the outer square of a filter, of sum 1.

    Args:
        line: weights along one axis.
        channels: of the maps.

    Returns:
        float32 `(len(line), len(line), channels, 1)`.
    """
    square = np.outer(line, line) / np.square(np.sum(line))
    return np.tile(square[:, :, None, None], (1, 1, channels, 1)).astype(np.float32)


def depthwise(maps: tf.Tensor, kernel: Any, stride: int = 1) -> tf.Tensor:
    """A depthwise convolution, padded with zeros to `size / stride`.

    Args:
        maps: `(batch, height, width, channels)`.
        kernel: `(rows, columns, channels, 1)`, array or tensor.
        stride: of the convolution.
    """
    kernel = tf.cast(kernel, maps.dtype)
    return tf.nn.depthwise_conv2d(maps, kernel, (1, stride, stride, 1), "SAME")
