"""Layers that neither Keras nor the addons give in a form fit for games."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import few_channels, small_maps
from tfgan_suite.errors import InputError


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
            if small_maps.pays((rows, columns), kernel, self.strides[0], inputs.shape[0]):
                return small_maps.convolution(inputs, kernel, self.strides[0])
        steps = (*self.strides, *self.dilation_rate)
        if fast and few_channels.pays(inputs.shape, kernel, self.padding, steps):
            return few_channels.convolution(inputs, kernel, self.padding)
        return tf.nn.conv2d(
            inputs, kernel, self.strides, self.padding.upper(), dilations=self.dilation_rate
        )


@keras.saving.register_keras_serializable(package="tfgan_suite")
class PaddedConv2D(Conv2D):
    """Convolution after zeros on all four sides, for the sizes of papers and other frameworks.

    At stride 2 and kernel 3, `"same"` on even sizes puts its only row of zeros behind the picture
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
        if fast and _is_simple(self) and small_maps.pays(sides, kernel, stride, inputs.shape[0]):
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


@keras.saving.register_keras_serializable(package="tfgan_suite")
class ReflectionPad(keras.layers.Layer):
    """Continues pictures on all four sides by their mirror image; the edge is not repeated.

    Args:
        width: pixels on each side; pictures must be larger than it.

    Input shape `(batch, height, width, channels)`.

    Raises:
        InputError: the width is not a whole number of at least 1.
    """

    def __init__(self, width: int = 1, **kwargs: Any):
        super().__init__(**kwargs)
        if int(width) != width or width < 1:
            raise InputError(f"reflection pad of {width}; expected a whole number, 1 or more")
        self.width = int(width)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        sides = [self.width, self.width]
        return tf.pad(inputs, [[0, 0], sides, sides, [0, 0]], "REFLECT")

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        batch, height, width, channels = input_shape
        height, width = (size and size + 2 * self.width for size in (height, width))
        return batch, height, width, channels

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width}


@keras.saving.register_keras_serializable(package="tfgan_suite")
class CropStart(keras.layers.Layer):
    """Leaves out the first row and the first column.

    The gradient of Keras's `Cropping2D`, a strided slice, takes CPUs several times as long.

    Input shape `(batch, height, width, channels)`.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.slice(inputs, [0, 1, 1, 0], [-1, -1, -1, -1])

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        batch, height, width, channels = input_shape
        return batch, height and height - 1, width and width - 1, channels


@keras.saving.register_keras_serializable(package="tfgan_suite")
class BatchStatistics(keras.layers.Layer):
    """Batch norm without moving averages: what is at hand is normalised by its own statistics.

    `y = gamma (x - mean) / sqrt(variance + epsilon) + beta` for each channel. In training the
    moments are those of the batch. Afterwards they are those of each picture alone, as in the
    tests of pix2pix, whose batches are one picture: no answer depends on the pictures beside it,
    and no state changes. At batch 1 both are instance norm.

    The kernel of batch norm does the work in training: sooner on CPUs than means and products,
    and with less memory. Everything is computed in float32.

    Args:
        affine: whether there are gamma and beta, one value a channel each.
        epsilon: float added to the variance.
        gamma_initializer: how gamma starts.

    Input shape `(batch, height, width, channels)`, of at least two pixels: one alone gives beta.
    """

    # Whether a picture is alone in training, too.
    _alone = False

    def __init__(
        self,
        affine: bool = True,
        epsilon: float = 1e-5,
        gamma_initializer: Any = "ones",
        **kwargs: Any,
    ):
        # Parameters stay in float32 whatever the inputs are, which come as they are.
        super().__init__(**{**kwargs, "dtype": "float32", "autocast": False})
        self.affine, self.epsilon = affine, epsilon
        self.gamma_initializer = keras.initializers.get(gamma_initializer)

    def build(self, input_shape: Any) -> None:
        shape = (input_shape[-1],)
        self.gamma = self.beta = None
        if self.affine:
            self.gamma = self.add_weight(
                shape=shape, name="gamma", initializer=self.gamma_initializer
            )
            self.beta = self.add_weight(shape=shape, name="beta", initializer="zeros")
        self.built = True

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        channels = inputs.shape[-1]
        gamma = tf.convert_to_tensor(self.gamma) if self.affine else tf.ones(channels)
        beta = tf.convert_to_tensor(self.beta) if self.affine else tf.zeros(channels)
        if not training:
            return self._by_moments(inputs, gamma, beta)
        if not self._alone or inputs.shape[0] == 1:
            return self._by_kernel(inputs, gamma, beta)
        # Every channel of every picture becomes a channel of one picture.
        sizes = tf.shape(inputs)
        count = inputs.shape[0] or sizes[0]
        pixels = sizes[1] * sizes[2]
        x = tf.transpose(tf.reshape(inputs, (count, pixels, channels)), (1, 0, 2))
        x = tf.reshape(x, (1, pixels, 1, count * channels))
        x = self._by_kernel(x, tf.tile(gamma, [count]), tf.tile(beta, [count]))
        x = tf.transpose(tf.reshape(x, (pixels, count, channels)), (1, 0, 2))
        return tf.ensure_shape(tf.reshape(x, sizes), inputs.shape)

    def _by_kernel(self, inputs: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tf.Tensor:
        outputs, _, _ = tf.compat.v1.nn.fused_batch_norm(
            inputs, gamma, beta, epsilon=self.epsilon, is_training=True
        )
        return outputs

    def _by_moments(self, inputs: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tf.Tensor:
        # Operations that converters and other devices know.
        x = tf.cast(inputs, tf.float32)
        mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
        x = (x - mean) * tf.math.rsqrt(variance + self.epsilon)
        return tf.cast(x * gamma + beta if self.affine else x, inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        start = keras.initializers.serialize(self.gamma_initializer)
        own = {"affine": self.affine, "epsilon": self.epsilon, "gamma_initializer": start}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="tfgan_suite")
class InstanceStatistics(BatchStatistics):
    """Instance norm on the kernel of batch norm: every picture by its own statistics, always.

    The numbers are those of tensorflow-addons' `InstanceNormalization`. Arguments and shapes are
    those of `BatchStatistics`.

    Reference: Ulyanov et al. 2016, "Instance Normalization" (arXiv 1607.08022).
    """

    _alone = True


def _sizes(images: tf.Tensor) -> list[Any]:
    """Sizes of the axes: Python integers where known, so that a fixed-size export has no shape ops.

    At most one unknown size is given as -1 (the batch, mostly); more come from `tf.shape`.
    """
    static = images.shape.as_list()
    if static.count(None) == 1 and static[0] is None:
        return [-1, *static[1:]]
    dynamic = tf.shape(images)
    return [dynamic[axis] if size is None else size for axis, size in enumerate(static)]
