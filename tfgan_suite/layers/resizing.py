"""Layers that change the size of images: upsampling, reflection padding, cropping."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.utils import bicubic
from tfgan_suite.utils.shapes import image_sizes


@compat.register_layer
class NearestUpSampling2D(keras.layers.Layer):
    """Repeats every pixel `size` times along height and width (nearest neighbour).

    Only concatenations and reshapes, it has derivatives of every order on every TensorFlow (some
    lack the second one of Keras's `UpSampling2D` and `tf.image.resize`) and converts to TFLite.

    Args:
        size: how many times a pixel is repeated along each axis, 1 or more.

    Input shape `(batch, height, width, channels)`, channels fixed; output `(batch, size * height,
    size * width, channels)`.

    Raises:
        InputError: the size is not a whole number of at least 1.
    """

    def __init__(self, size: int = 2, **kwargs: Any):
        super().__init__(**kwargs)
        if int(size) != size or size < 1:
            raise InputError(f"upsampling size {size}; expected a whole number, 1 or more")
        self.size = int(size)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return repeat_pixels(inputs, self.size)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        batch, height, width, channels = input_shape
        height, width = (side and side * self.size for side in (height, width))
        return batch, height, width, channels

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}


@compat.register_layer
class BilinearUpSampling2D(keras.layers.Layer):
    """Doubles height and width by bilinear interpolation, with the edge pixels continued outside.

    Equal to `tf.image.resize(x, [2 * height, 2 * width], "bilinear")`, whose second derivative is
    missing on some TensorFlows and silently zero on others. Repeated pixels averaged over 2x2
    twice have derivatives of every order.

    Input shape `(batch, height, width, channels)`, channels fixed; output `(batch, 2 * height,
    2 * width, channels)`.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        # Each pixel is there twice: its mirror image is the pixel itself.
        x = tf.pad(repeat_pixels(inputs, 2), [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")
        for _ in range(2):
            x = tf.nn.avg_pool2d(x, 2, 1, "VALID")
        return x

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return upsampled_shape(input_shape, 2, input_shape[-1])


@compat.register_layer
class ReflectionPadding2D(keras.layers.Layer):
    """Pads images on all four sides with their mirror image; the edge is not repeated.

    Args:
        padding: pixels on each side, fewer than the images have.

    Input shape `(batch, height, width, channels)`.

    Raises:
        InputError: the padding is not a whole number of at least 1.
    """

    def __init__(self, padding: int = 1, **kwargs: Any):
        super().__init__(**kwargs)
        if int(padding) != padding or padding < 1:
            raise InputError(f"reflection padding of {padding}; expected a whole number, 1 or more")
        self.padding = int(padding)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        sides = [self.padding, self.padding]
        return tf.pad(inputs, [[0, 0], sides, sides, [0, 0]], "REFLECT")

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        batch, height, width, channels = input_shape
        height, width = (size and size + 2 * self.padding for size in (height, width))
        return batch, height, width, channels

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "padding": self.padding}


@compat.register_layer
class Cropping2D(keras.layers.Cropping2D):
    """Keras's cropping, whose gradient is zero padding.

    That of a strided slice, Keras's, takes several times as long on CPUs: 3% of a Wav2Lip step.
    Arguments are Keras's; channels-first is not supported.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        (top, bottom), (left, right) = self.cropping
        height, width = (
            -1 if side is None else side - margins
            for side, margins in zip(inputs.shape[1:3], (top + bottom, left + right))
        )
        if (height < 0 and bottom) or (width < 0 and right):
            return super().call(inputs)
        return tf.slice(inputs, [0, top, left, 0], [-1, height, width, -1])


@compat.register_layer
class BicubicUpSampling2D(keras.layers.Layer):
    """MATLAB's bicubic upsampling by an integer factor, as a convolution and a pixel shuffle.

    Equal to `utils.bicubic.upscale`, edges included; differentiable, and made of operations that
    every converter supports (TFLite has no bicubic resize). Computed in float32.

    Args:
        size: upsampling factor, 1 or more.

    Input shape `(batch, height, width, channels)`, sides of at least 2; output `(batch, size *
    height, size * width, channels)`.

    Raises:
        InputError: an invalid size.
    """

    def __init__(self, size: int = 2, **kwargs: Any):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.size = check_factor(size)

    def build(self, input_shape: Any) -> None:
        # A constant, not a weight: nothing to learn, save or restore.
        self._kernel = bicubic_kernel(self.size, int(input_shape[-1]))
        self.built = True

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        inputs = tf.cast(inputs, tf.float32)
        if self.size == 1:
            return inputs
        # Mirrored edges as slices: int8 converters support these, but not every pad.
        x = inputs
        for axis in (1, 2):
            x = tf.concat([_at(x, axis, 1), _at(x, axis, 0), x, _at(x, axis, -1),
                           _at(x, axis, -2)], axis)  # fmt: skip
        return tf.nn.depth_to_space(tf.nn.conv2d(x, self._kernel, 1, "VALID"), self.size)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return upsampled_shape(input_shape, self.size, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}


def repeat_pixels(images: tf.Tensor, size: int) -> tf.Tensor:
    """The output of `NearestUpSampling2D`."""
    batch, height, width, channels = image_sizes(images)
    # Copies along the channel axis are adjacent in memory: read as (width * size, channels)
    # they are repeated pixels. Copies of rows repeat vertically in the same way.
    x = tf.concat([images] * size, axis=3)
    x = tf.reshape(x, (batch, height, width * size * channels))
    x = tf.concat([x] * size, axis=2)
    return tf.reshape(x, (batch, height * size, width * size, channels))


def _at(images: tf.Tensor, axis: int, index: int) -> tf.Tensor:
    """One row (axis 1) or column (axis 2) of images; negative indices count from the end."""
    part = slice(index, index + 1 or None)
    return images[:, part] if axis == 1 else images[:, :, part]


def bicubic_kernel(factor: int, channels: int) -> np.ndarray:
    """The kernel with which a convolution and a pixel shuffle are bicubic upsampling.

    Args:
        factor: upsampling factor.
        channels: of the images.

    Returns:
        float32 `(5, 5, channels, channels * factor^2)`.
    """
    # The output pixels of the middle one of enough input pixels, as weights of its neighbours.
    length, middle = 11, 5
    positions, weights = bicubic.resize_weights(length, length * factor)
    line = np.zeros((5, factor))  # neighbour -2 .. 2, position in the block
    for phase in range(factor):
        row = middle * factor + phase
        for position, weight in zip(positions[row], weights[row]):
            if weight:
                line[position - middle + 2, phase] += weight
    kernel = np.einsum("yi,xj,cd->yxcijd", line, line, np.eye(channels))
    return kernel.reshape(5, 5, channels, -1).astype(np.float32)


def check_factor(factor: int, minimum: int = 1) -> int:
    """Returns an upsampling factor if it is valid.

    Raises:
        InputError: it is not a whole number of at least `minimum`.
    """
    if isinstance(factor, bool) or int(factor) != factor or factor < minimum:
        raise InputError(f"the factor is {factor!r}; expected a whole number, {minimum} or more")
    return int(factor)


def upsampled_shape(shape: Any, factor: int, channels: int) -> tuple[int | None, ...]:
    """The shape `(batch, factor * height, factor * width, channels)` of maps after upsampling."""
    batch, height, width, _ = shape
    height, width = (size and size * factor for size in (height, width))
    return batch, height, width, channels
