"""The pixel shuffle of super-resolution, and the convolutions before and after it."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.layers import cpu_blocked_convolution
from tfgan_suite.layers.convolution import Conv2D
from tfgan_suite.layers.resizing import check_factor, upsampled_shape


def check_shuffled(channels: int, factor: int) -> int:
    """The channels that remain of `channels` after a pixel shuffle.

    Raises:
        InputError: they are not a multiple of the factor's square.
    """
    if channels % factor**2:
        raise InputError(
            f"{channels} channels cannot be shuffled by {factor}; expected a multiple of"
            f" {factor**2}"
        )
    return channels // factor**2


def pixel_shuffle(maps: tf.Tensor, factor: int) -> tf.Tensor:
    """The output of `PixelShuffle`."""
    return maps if factor == 1 else tf.nn.depth_to_space(maps, factor)


@compat.register_layer
class PixelShuffle(keras.layers.Layer):
    """Turns channels into pixels (Shi et al. 2016).

    `out[n, f h + i, f w + j, c] = in[n, h, w, (f i + j) C + c]` for factor f and C remaining
    channels. PyTorch orders channels as `c f^2 + (f i + j)`: its weights must be permuted.

    Args:
        factor: f, 1 or more.

    Input shape `(batch, height, width, C f^2)`; output `(batch, f height, f width, C)`.

    Raises:
        InputError: an invalid factor, or channels that are not a multiple of its square.
    """

    def __init__(self, factor: int = 2, **kwargs: Any):
        super().__init__(**kwargs)
        self.factor = check_factor(factor)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return pixel_shuffle(inputs, self.factor)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return upsampled_shape(input_shape, self.factor, input_shape[-1] // self.factor**2)

    def build(self, input_shape: Any) -> None:
        check_shuffled(input_shape[-1], self.factor)
        self.built = True

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable(package="tfgan_suite")
class ICNR(keras.initializers.Initializer):
    """Initializer of a convolution before `PixelShuffle` that avoids the initial checkerboard.

    The `factor^2` channels that become one block of pixels start equal, so that both layers
    together start as a convolution and nearest-neighbour upsampling (Aitken et al. 2017,
    arXiv:1707.02937).

    Args:
        factor: of the shuffle.
        initializer: of the kernel for one pixel of the block; default Glorot uniform.
    """

    def __init__(self, factor: int = 2, initializer: Any = "glorot_uniform"):
        self.factor = check_factor(factor)
        self.initializer = keras.initializers.get(initializer)

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> tf.Tensor:
        base = self.initializer((*shape[:-1], check_shuffled(shape[-1], self.factor)), dtype=dtype)
        return tf.concat([tf.convert_to_tensor(base)] * self.factor**2, axis=-1)

    def get_config(self) -> dict[str, Any]:
        initializer = keras.initializers.serialize(self.initializer)
        return {"factor": self.factor, "initializer": initializer}


@compat.register_layer
class SubpixelConv2D(Conv2D):
    """The convolution before a pixel shuffle, with one output per position in a block.

    Output `factor * i + j` becomes pixel (i, j) of each block. Together the outputs are the
    channels of a plain convolution with the same weights; layers that treat positions separately
    need no shuffle before them (`ShuffledConv2D`).

    Args:
        filters: of all outputs together, a multiple of the factor's square.
        kernel_size: as for `Conv2D`.
        factor: of the shuffle.
        **kwargs: Keras's other arguments.

    Input shape `(batch, height, width, channels)`; output: a list of `factor^2` tensors `(batch,
    height, width, filters / factor^2)`.

    Raises:
        InputError: an invalid factor or number of filters.
    """

    def __init__(self, filters: int, kernel_size: Any, factor: int = 2, **kwargs: Any):
        super().__init__(filters, kernel_size, **kwargs)
        self.factor = check_factor(factor)
        check_shuffled(filters, self.factor)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> list[tf.Tensor]:
        kernel = tf.cast(tf.convert_to_tensor(self.kernel), inputs.dtype)
        positions = self.factor**2
        biases = [None] * positions
        if self.bias is not None:
            biases = tf.split(tf.convert_to_tensor(self.bias), positions)
        return [
            self._add_bias_and_activate(self._product(inputs, part, fast=bool(training)), bias)
            for part, bias in zip(tf.split(kernel, positions, 3), biases)
        ]

    def compute_output_shape(self, input_shape: Any) -> list[tuple[int | None, ...]]:
        *sides, channels = super().compute_output_shape(input_shape)
        return [(*sides, channels // self.factor**2)] * self.factor**2

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


@compat.register_layer
class ShuffledConv2D(Conv2D):
    """A convolution over maps after a pixel shuffle, computed before the shuffle.

    All pixels of a block see the same few blocks: a convolution with a smaller kernel over the
    maps before the shuffle computes all pixels of a block, and only these are shuffled. Weights
    are those of the plain convolution, and so is the result, up to rounding. With few output
    channels this is faster: CPUs compute 8 or 16 at a time, needed or not, and the wide maps are
    never rearranged.

    Args:
        filters: channels of the result.
        kernel_size: kernel size over the shuffled maps, odd.
        factor: of the shuffle.
        **kwargs: Keras's other arguments; strides, dilations and padding are not supported.

    Input: a list of `factor^2` tensors `(batch, height, width, channels)`, as `SubpixelConv2D`
    returns them; output `(batch, factor * height, factor * width, filters)`. The kernel is
    `(kernel_size, kernel_size, channels, filters)`.

    Raises:
        InputError: an invalid factor, an even kernel, or another number of inputs.
    """

    def __init__(self, filters: int, kernel_size: Any, factor: int = 2, **kwargs: Any):
        super().__init__(filters, kernel_size, **{**kwargs, "padding": "same", "strides": 1})
        self.factor = check_factor(factor)
        if self.kernel_size[0] % 2 == 0 or len({*self.kernel_size}) > 1:
            raise InputError(f"the kernel is {self.kernel_size}; expected a square with odd sides")
        self.input_spec: Any = None  # Keras's is for a single tensor

    def build(self, input_shape: Any) -> None:
        positions = self.factor**2
        if not _several(input_shape) or len(input_shape) != positions:
            raise InputError(
                f"inputs of shape {input_shape}; expected a list of {positions}, one per position"
                " in a block"
            )
        super().build(tuple(input_shape[0]))
        self.input_spec = [self.input_spec] * positions

    def call(self, inputs: list[tf.Tensor], training: bool | None = None) -> tf.Tensor:
        kernel = tf.cast(tf.convert_to_tensor(self.kernel), inputs[0].dtype)
        kernels = _kernels_over_blocks(kernel, self.factor)
        parts = [tf.nn.conv2d(x, kernel, 1, "SAME") for x, kernel in zip(inputs, kernels)]
        outputs = pixel_shuffle(tf.add_n(parts), self.factor)
        return self._add_bias_and_activate(outputs, self.bias)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        # Keras's build passes the shape of a single input.
        shape = input_shape[0] if _several(input_shape) else input_shape
        return upsampled_shape(shape, self.factor, self.filters)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


def _several(input_shape: Any) -> bool:
    """Whether shapes of several inputs; those of a saved model are lists of lists."""
    return len(input_shape) > 0 and isinstance(input_shape[0], (list, tuple, tf.TensorShape))


def _kernels_over_blocks(kernel: tf.Tensor, factor: int) -> list[tf.Tensor]:
    """A kernel over pixels as kernels over blocks, one per position in a block.

    Args:
        kernel: `(k, k, channels, filters)`, k odd.
        factor: side of a block.

    Returns:
        `factor^2` tensors `(b, b, channels, factor^2 * filters)`. The channels from `(factor * i +
        j) filters` on are for pixel (i, j): the kernel, shifted by (i, j).
    """
    side = int(kernel.shape[0])
    reach = -(-(side // 2) // factor)  # blocks on each side
    length = (2 * reach + 1) * factor
    starts = [reach * factor - side // 2 + position for position in range(factor)]
    pads = [[start, length - side - start] for start in starts]
    pixels = cpu_blocked_convolution.block_kernel(kernel, pads)
    return [pixels[i::factor, j::factor] for i in range(factor) for j in range(factor)]
