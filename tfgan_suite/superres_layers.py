"""Layers with which pictures grow: pixel shuffle, its initializer ICNR, bicubic, PReLU."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite.data import bicubic
from tfgan_suite.errors import InputError


def check_factor(factor: int, least: int = 1) -> int:
    """Returns a factor of enlargement if it is one.

    Raises:
        InputError: it is no whole number from `least` on.
    """
    if isinstance(factor, bool) or int(factor) != factor or factor < least:
        raise InputError(f"the factor is {factor!r}; expected a whole number, {least} or more")
    return int(factor)


@keras.saving.register_keras_serializable(package="tfgan_suite")
class PixelShuffle(keras.layers.Layer):
    """Turns channels into pixels (Shi et al. 2016).

    `out[n, f h + i, f w + j, c] = in[n, h, w, (f i + j) C + c]` for factor f and C channels that
    remain. PyTorch's layer orders channels as `c f^2 + (f i + j)`: its weights must be permuted.

    Args:
        factor: f, 1 or more.

    Input shape `(batch, height, width, C f^2)`; output `(batch, f height, f width, C)`.

    Raises:
        InputError: a bad factor, or channels that are no multiple of its square.
    """

    def __init__(self, factor: int = 2, **kwargs: Any):
        super().__init__(**kwargs)
        self.factor = check_factor(factor)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return inputs if self.factor == 1 else tf.nn.depth_to_space(inputs, self.factor)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        batch, height, width, channels = input_shape
        height, width = (size and size * self.factor for size in (height, width))
        return batch, height, width, channels // self.factor**2

    def build(self, input_shape: Any) -> None:
        if input_shape[-1] % self.factor**2:
            raise InputError(
                f"{input_shape[-1]} channels cannot be shuffled by {self.factor}; expected a"
                f" multiple of {self.factor**2}"
            )
        self.built = True

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable(package="tfgan_suite")
class ICNR(keras.initializers.Initializer):
    """Kernel of a convolution before `PixelShuffle` that begins without a checkerboard.

    The `factor^2` channels that become one block of pixels begin equal, so that the two together
    begin as a convolution and nearest-neighbour enlargement (Aitken et al. 2017, arXiv
    1707.02937).

    Args:
        factor: of the shuffle.
        initializer: draws the kernel for one pixel of the block; default Glorot's uniform.
    """

    def __init__(self, factor: int = 2, initializer: Any = "glorot_uniform"):
        self.factor = check_factor(factor)
        self.initializer = keras.initializers.get(initializer)

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> tf.Tensor:
        copies = self.factor**2
        if shape[-1] % copies:
            raise InputError(
                f"{shape[-1]} channels are no multiple of {copies}, which a shuffle by"
                f" {self.factor} needs"
            )
        base = self.initializer((*shape[:-1], shape[-1] // copies), dtype=dtype)
        return tf.concat([tf.convert_to_tensor(base)] * copies, axis=-1)

    def get_config(self) -> dict[str, Any]:
        start = keras.initializers.serialize(self.initializer)
        return {"factor": self.factor, "initializer": start}


@keras.saving.register_keras_serializable(package="tfgan_suite")
class PReLU(keras.layers.PReLU):
    """Keras's PReLU with one slope a channel, and fewer passes over the maps in training.

    `y = max(x, 0) + alpha min(x, 0)`. Where a game enlarges pictures its maps are the largest of
    the network, and a pass over them costs as much as the arithmetic.

    Args:
        start: first value of alpha; the paper of PReLU has 0.25, Keras 0.
        **kwargs: Keras's other arguments.

    Input shape `(batch, height, width, channels)`.
    """

    def __init__(self, start: float = 0.25, **kwargs: Any):
        kwargs.setdefault("alpha_initializer", keras.initializers.Constant(start))
        kwargs.setdefault("shared_axes", [1, 2])
        super().__init__(**kwargs)
        self.start = start

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if not training:
            return super().call(inputs)  # the form that converters know as one operation
        return _prelu(inputs, tf.cast(tf.convert_to_tensor(self.alpha), inputs.dtype))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "start": self.start}


@tf.custom_gradient
def _prelu(x: tf.Tensor, alpha: tf.Tensor):
    """PReLU of maps `(batch, height, width, channels)` by slopes `(1, 1, channels)`."""

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        sloped = upstream * tf.minimum(x, 0.0)
        slopes = tf.reshape(tf.reduce_sum(sloped, axis=[0, 1, 2]), tf.shape(alpha))
        return tf.where(x > 0.0, upstream, upstream * alpha), slopes

    return tf.nn.relu(x) + alpha * tf.minimum(x, 0.0), gradient


@keras.saving.register_keras_serializable(package="tfgan_suite")
class BicubicUpsample(keras.layers.Layer):
    """MATLAB's bicubic enlargement by a whole factor, as a convolution and a shuffle.

    Equal to `data.bicubic.enlarge` up to the edges, differentiable, and made of operations that
    every converter knows (TFLite has no bicubic resize). Computed in float32.

    Args:
        factor: 1 or more.

    Input shape `(batch, height, width, channels)`, sides of at least 2; output `(batch, factor *
    height, factor * width, channels)`.

    Raises:
        InputError: a bad factor.
    """

    def __init__(self, factor: int = 2, **kwargs: Any):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.factor = check_factor(factor)

    def build(self, input_shape: Any) -> None:
        # A constant, not a weight: nothing to learn, save or restore.
        self._kernel = enlarging_kernel(self.factor, int(input_shape[-1]))
        self.built = True

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        inputs = tf.cast(inputs, tf.float32)
        if self.factor == 1:
            return inputs
        # Mirrored edges as slices: phones' converters quantise these, but not every pad.
        x = inputs
        for axis in (1, 2):
            x = tf.concat([_at(x, axis, 1), _at(x, axis, 0), x, _at(x, axis, -1),
                           _at(x, axis, -2)], axis)  # fmt: skip
        return tf.nn.depth_to_space(tf.nn.conv2d(x, self._kernel, 1, "VALID"), self.factor)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        batch, height, width, channels = input_shape
        height, width = (size and size * self.factor for size in (height, width))
        return batch, height, width, channels

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


def _at(images: tf.Tensor, axis: int, place: int) -> tf.Tensor:
    """One row (axis 1) or column (axis 2) of pictures, counted from the end where negative."""
    part = slice(place, place + 1 or None)
    return images[:, part] if axis == 1 else images[:, :, part]


def enlarging_kernel(factor: int, channels: int) -> np.ndarray:
    """The kernel with which a convolution and a shuffle enlarge as bicubic does.

    Args:
        factor: of the enlargement.
        channels: of the pictures.

    Returns:
        float32 `(5, 5, channels, channels * factor^2)`.
    """
    # The pixels that come from the middle one of enough others, seen from its neighbours.
    length, middle = 11, 5
    places, weights = bicubic.taps(length, length * factor)
    line = np.zeros((5, factor))  # neighbour -2 .. 2, place in the block
    for phase in range(factor):
        row = middle * factor + phase
        for place, weight in zip(places[row], weights[row]):
            if weight:
                line[place - middle + 2, phase] += weight
    kernel = np.einsum("yi,xj,cd->yxcijd", line, line, np.eye(channels))
    return kernel.reshape(5, 5, channels, -1).astype(np.float32)
