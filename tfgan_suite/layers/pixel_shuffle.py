"""Layers with which images grow: pixel shuffle, convolutions around it, bicubic, PReLU."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite.errors import InputError
from tfgan_suite.layers import cpu_blocked_convolution
from tfgan_suite.layers.convolution import Conv2D
from tfgan_suite.utils import bicubic


def check_factor(factor: int, least: int = 1) -> int:
    """Returns a factor of enlargement if it is one.

    Raises:
        InputError: it is no whole number from `least` on.
    """
    if isinstance(factor, bool) or int(factor) != factor or factor < least:
        raise InputError(f"the factor is {factor!r}; expected a whole number, {least} or more")
    return int(factor)


def check_shuffled(channels: int, factor: int) -> int:
    """Returns the channels that remain of `channels` after a shuffle.

    Raises:
        InputError: they are no multiple of the factor's square.
    """
    if channels % factor**2:
        raise InputError(
            f"{channels} channels cannot be shuffled by {factor}; expected a multiple of"
            f" {factor**2}"
        )
    return channels // factor**2


def shuffled(maps: tf.Tensor, factor: int) -> tf.Tensor:
    """Maps as `PixelShuffle` gives them."""
    return maps if factor == 1 else tf.nn.depth_to_space(maps, factor)


def enlarged(shape: Any, factor: int, channels: int) -> tuple[int | None, ...]:
    """The shape `(batch, factor * height, factor * width, channels)` of maps after a shuffle."""
    batch, height, width, _ = shape
    height, width = (size and size * factor for size in (height, width))
    return batch, height, width, channels


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
        return shuffled(inputs, self.factor)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return enlarged(input_shape, self.factor, input_shape[-1] // self.factor**2)

    def build(self, input_shape: Any) -> None:
        check_shuffled(input_shape[-1], self.factor)
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
        base = self.initializer((*shape[:-1], check_shuffled(shape[-1], self.factor)), dtype=dtype)
        return tf.concat([tf.convert_to_tensor(base)] * self.factor**2, axis=-1)

    def get_config(self) -> dict[str, Any]:
        start = keras.initializers.serialize(self.initializer)
        return {"factor": self.factor, "initializer": start}


@keras.saving.register_keras_serializable(package="tfgan_suite")
class SubpixelConv2D(Conv2D):
    """The convolution before a pixel shuffle, with one output for each place in a block.

    Part `factor * i + j` becomes pixel (i, j) of each block. Together the parts are the channels
    of a plain convolution, whose weights these are; what is computed for each place alone needs
    no shuffle before it (`ShuffledConv2D`).

    Args:
        filters: of all parts together, a multiple of the factor's square.
        kernel_size: as for `Conv2D`.
        factor: of the shuffle.
        **kwargs: Keras's other arguments.

    Input shape `(batch, height, width, channels)`; output: a list of `factor^2` tensors `(batch,
    height, width, filters / factor^2)`.

    Raises:
        InputError: a bad factor or number of filters.
    """

    def __init__(self, filters: int, kernel_size: Any, factor: int = 2, **kwargs: Any):
        super().__init__(filters, kernel_size, **kwargs)
        self.factor = check_factor(factor)
        check_shuffled(filters, self.factor)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> list[tf.Tensor]:
        kernel = tf.cast(tf.convert_to_tensor(self.kernel), inputs.dtype)
        places = self.factor**2
        biases = [None] * places
        if self.bias is not None:
            biases = tf.split(tf.convert_to_tensor(self.bias), places)
        return [
            self._finished(self._product(inputs, part, fast=bool(training)), bias)
            for part, bias in zip(tf.split(kernel, places, 3), biases)
        ]

    def compute_output_shape(self, input_shape: Any) -> list[tuple[int | None, ...]]:
        *sides, channels = super().compute_output_shape(input_shape)
        return [(*sides, channels // self.factor**2)] * self.factor**2

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable(package="tfgan_suite")
class ShuffledConv2D(Conv2D):
    """A convolution over maps after a pixel shuffle, computed before the shuffle.

    All pixels of a block see the same few blocks: the convolution is one with a smaller kernel
    over the maps before the shuffle, whose outputs are the block's pixels, and only these are
    shuffled. Weights are those of the plain convolution and so is the result, up to rounding.
    Where it has few channels this is faster: CPUs compute 8 or 16 at a time, needed or not, and
    the wide maps stay where they are.

    Args:
        filters: channels of the result.
        kernel_size: side of the kernel over the shuffled maps, odd.
        factor: of the shuffle.
        **kwargs: Keras's other arguments; strides, dilations and padding are not offered.

    Input: a list of `factor^2` tensors `(batch, height, width, channels)`, as `SubpixelConv2D`
    gives them; output `(batch, factor * height, factor * width, filters)`. The kernel is
    `(kernel_size, kernel_size, channels, filters)`.

    Raises:
        InputError: a bad factor, an even kernel, or another number of inputs.
    """

    def __init__(self, filters: int, kernel_size: Any, factor: int = 2, **kwargs: Any):
        super().__init__(filters, kernel_size, **{**kwargs, "padding": "same", "strides": 1})
        self.factor = check_factor(factor)
        if self.kernel_size[0] % 2 == 0 or len({*self.kernel_size}) > 1:
            raise InputError(f"the kernel is {self.kernel_size}; expected a square of odd side")
        self.input_spec = None  # Keras's is of one tensor

    def build(self, input_shape: Any) -> None:
        places = self.factor**2
        if not isinstance(input_shape, list) or len(input_shape) != places:
            raise InputError(
                f"inputs of shape {input_shape}; expected a list of {places}, one for each place"
                " in a block"
            )
        super().build(input_shape[0])
        self.input_spec = [self.input_spec] * places

    def call(self, inputs: list[tf.Tensor], training: bool | None = None) -> tf.Tensor:
        kernel = tf.cast(tf.convert_to_tensor(self.kernel), inputs[0].dtype)
        kernels = _kernels_over_blocks(kernel, self.factor)
        parts = [tf.nn.conv2d(one, part, 1, "SAME") for one, part in zip(inputs, kernels)]
        outputs = shuffled(tf.add_n(parts), self.factor)
        return self._finished(outputs, self.bias)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        # Keras's build asks with the shape of one part.
        one = input_shape[0] if isinstance(input_shape, list) else input_shape
        return enlarged(one, self.factor, self.filters)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


def _kernels_over_blocks(kernel: tf.Tensor, factor: int) -> list[tf.Tensor]:
    """A kernel over pixels as kernels over blocks, one for each place in a block.

    Args:
        kernel: `(k, k, channels, filters)`, k odd.
        factor: side of a block.

    Returns:
        `factor^2` tensors `(b, b, channels, factor^2 * filters)`. Channel `(factor * i + j)
        filters` and on is what pixel (i, j) sees: the kernel, shifted by (i, j).
    """
    side = int(kernel.shape[0])
    reach = -(-(side // 2) // factor)  # blocks on each side
    length = (2 * reach + 1) * factor
    starts = [reach * factor - side // 2 + place for place in range(factor)]
    pads = [[start, length - side - start] for start in starts]
    pixels = cpu_blocked_convolution.of_pixels(kernel, pads)
    return [pixels[i::factor, j::factor] for i in range(factor) for j in range(factor)]


@keras.saving.register_keras_serializable(package="tfgan_suite")
class PReLU(keras.layers.PReLU):
    """Keras's PReLU with one slope a channel, and fewer passes over the maps in training.

    `y = max(x, 0) + alpha min(x, 0)`. Where a game enlarges images its maps are the largest of
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

    Equal to `data.bicubic.upscale` up to the edges, differentiable, and made of operations that
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
        return enlarged(input_shape, self.factor, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


def _at(images: tf.Tensor, axis: int, place: int) -> tf.Tensor:
    """One row (axis 1) or column (axis 2) of images, counted from the end where negative."""
    part = slice(place, place + 1 or None)
    return images[:, part] if axis == 1 else images[:, :, part]


def enlarging_kernel(factor: int, channels: int) -> np.ndarray:
    """The kernel with which a convolution and a shuffle enlarge as bicubic does.

    Args:
        factor: of the enlargement.
        channels: of the images.

    Returns:
        float32 `(5, 5, channels, channels * factor^2)`.
    """
    # The pixels that come from the middle one of enough others, seen from its neighbours.
    length, middle = 11, 5
    places, weights = bicubic.resize_weights(length, length * factor)
    line = np.zeros((5, factor))  # neighbour -2 .. 2, place in the block
    for phase in range(factor):
        row = middle * factor + phase
        for place, weight in zip(places[row], weights[row]):
            if weight:
                line[place - middle + 2, phase] += weight
    kernel = np.einsum("yi,xj,cd->yxcijd", line, line, np.eye(channels))
    return kernel.reshape(5, 5, channels, -1).astype(np.float32)
