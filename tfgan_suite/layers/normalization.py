"""Normalization by the statistics of the inputs themselves, without moving averages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat


def standardize(x: tf.Tensor, axes: Sequence[int], epsilon: float) -> tf.Tensor:
    """`(x - mean) / sqrt(variance + epsilon)` with the moments of some axes.

    All norms without a kernel of their own compute it here: a gradient penalty differentiates it
    twice, and `tf.nn.moments` stops the gradient at the mean, which leaves the first derivative
    right and makes the second one wrong. So do the layers of Keras that call it.

    Args:
        x: floating-point tensor.
        axes: the axes over which the moments are taken; the variance is divided by their size.
        epsilon: added to the variance.

    Returns:
        Tensor of the shape of x.
    """
    centred = x - tf.reduce_mean(x, axes, keepdims=True)
    variance = tf.reduce_mean(tf.square(centred), axes, keepdims=True)
    return centred * tf.math.rsqrt(variance + epsilon)


def _at_least_float32(inputs: tf.Tensor) -> tf.Tensor:
    """Sums over pixels saturate in half precision."""
    return tf.cast(inputs, tf.float32) if inputs.dtype.size < 4 else inputs


@compat.register_layer
class BatchStatistics(keras.layers.Layer):
    """Batch norm without moving averages: inputs are normalized by their own statistics.

    `y = gamma (x - mean) / sqrt(variance + epsilon) + beta` for each channel. In training the
    moments are those of the batch. Afterwards they are those of each image alone, as in the tests
    of pix2pix, whose batches are one image: no output depends on other images, and there is no
    state. At batch 1 both are instance norm.

    Training uses the batch-norm kernel, which on CPUs is faster than means and products and needs
    less memory. Everything is computed in float32.

    Args:
        affine: whether there are gamma and beta, one value per channel each.
        epsilon: float added to the variance.
        gamma_initializer: initializer of gamma.

    Input shape `(batch, height, width, channels)`, with at least two pixels: of a single one the
    output is beta.
    """

    # Whether training normalizes each image on its own, too.
    _per_image = False

    def __init__(
        self,
        affine: bool = True,
        epsilon: float = 1e-5,
        gamma_initializer: Any = "ones",
        **kwargs: Any,
    ):
        # Parameters are float32 whatever the inputs' type; inputs are not cast.
        super().__init__(**{**kwargs, "dtype": "float32", "autocast": False})
        self.affine, self.epsilon = affine, epsilon
        self.gamma_initializer = keras.initializers.get(gamma_initializer)

    def build(self, input_shape: Any) -> None:
        shape = (input_shape[-1],)
        self._channels = int(input_shape[-1])
        self.gamma = self.beta = None
        if self.affine:
            self.gamma = self.add_weight(
                shape=shape, name="gamma", initializer=self.gamma_initializer
            )
            self.beta = self.add_weight(shape=shape, name="beta", initializer="zeros")
        self.built = True

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if not training:
            return self._normalize_images(inputs, *self._parameters(1))
        if not self._per_image or inputs.shape[0] == 1:
            return self._normalize_batch(inputs, *self._parameters(1))
        # Every channel of every image becomes a channel of one image. Known sides are constants:
        # a graph of many such layers is built in half the time.
        sizes = inputs.shape if inputs.shape.is_fully_defined() else tf.shape(inputs)
        count, height, width = (size or sizes[axis] for axis, size in enumerate(inputs.shape[:3]))
        channels = inputs.shape[3]
        x = tf.transpose(inputs, (1, 2, 0, 3))
        x = tf.reshape(x, (1, height * width, 1, count * channels))
        x = self._normalize_batch(x, *self._parameters(count))
        x = tf.transpose(tf.reshape(x, (height, width, count, channels)), (2, 0, 1, 3))
        return tf.ensure_shape(x, inputs.shape)

    def _parameters(self, count: int | tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Gamma and beta of `count` images side by side."""
        if not self.affine:
            length = [self._channels * count]
            return tf.ones(length), tf.zeros(length)
        both = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        if isinstance(count, int) and count == 1:
            return both
        gamma, beta = (tf.tile(values, [count]) for values in both)
        return gamma, beta

    def _normalize_batch(self, inputs: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tf.Tensor:
        outputs, _, _ = tf.compat.v1.nn.fused_batch_norm(
            inputs, gamma, beta, epsilon=self.epsilon, is_training=True
        )
        return outputs

    def _normalize_images(self, inputs: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tf.Tensor:
        # Operations that converters and other devices support.
        x = tf.cast(inputs, tf.float32)
        x = standardize(x, [1, 2], self.epsilon)
        return tf.cast(x * gamma + beta if self.affine else x, inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        initializer = keras.initializers.serialize(self.gamma_initializer)
        return {
            **super().get_config(),
            "affine": self.affine,
            "epsilon": self.epsilon,
            "gamma_initializer": initializer,
        }


@compat.register_layer
class InstanceStatistics(BatchStatistics):
    """Instance norm on the batch-norm kernel: every image by its own statistics, always.

    Equal to `InstanceNormalization`, and faster in training. Arguments and shapes are those of
    `BatchStatistics`.

    Reference: Ulyanov et al. 2016, "Instance Normalization" (arXiv:1607.08022).
    """

    _per_image = True


def _scaled(x: tf.Tensor, gamma: Any, beta: Any, shape: Sequence[int] = (-1,)) -> tf.Tensor:
    """`gamma * x + beta`, each a variable that is given `shape`, or None."""
    if gamma is not None:
        x *= tf.reshape(tf.cast(gamma, x.dtype), shape)
    if beta is not None:
        x += tf.reshape(tf.cast(beta, x.dtype), shape)
    return x


@compat.register_layer
class GroupNormalization(keras.layers.GroupNormalization):
    """Keras's layer for channels-last inputs, with a right second derivative.

    Statistics are of each example and group, over all positions and the channels of the group.
    Arguments are Keras's; the channel axis is the last one.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        sizes = tf.shape(inputs)
        x = _at_least_float32(inputs)
        if self.groups == 1:
            x = standardize(x, list(range(1, len(inputs.shape))), self.epsilon)
        else:
            members = inputs.shape[-1] // self.groups
            x = tf.reshape(x, (sizes[0], -1, self.groups, members))
            x = tf.reshape(standardize(x, [1, 3], self.epsilon), sizes)
        y = tf.cast(_scaled(x, self.gamma, self.beta), inputs.dtype)
        return tf.ensure_shape(y, inputs.shape)


@compat.register_layer
class LayerNormalization(keras.layers.LayerNormalization):
    """Keras's layer over the last axis, with a right second derivative."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        x = standardize(_at_least_float32(inputs), [-1], self.epsilon)
        return tf.cast(_scaled(x, self.gamma, self.beta), inputs.dtype)


@compat.register_layer
class InstanceNormalization(keras.layers.Layer):
    """Normalizes every channel of every sample to mean 0 and variance 1, then scales and shifts.

    `y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`, with moments over all axes except
    batch and channel, in float32 even when the layer computes in half precision.

    Args:
        axis: the channel axis, not 0.
        epsilon: float added to the variance.
        center, scale: whether there is a beta, a gamma; one value per channel each.
        beta_initializer, gamma_initializer: initializers of the two.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: as in Keras.

    Equal to tensorflow-addons' layer, except that its second derivative is right.

    Reference: Ulyanov et al. 2016, "Instance Normalization" (arXiv:1607.08022).
    """

    def __init__(
        self,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if axis == 0:
            raise ValueError("axis is 0, the batch axis; pass the channel axis, usually -1")
        self.axis, self.epsilon, self.center, self.scale = axis, epsilon, center, scale
        self.beta_initializer = keras.initializers.get(beta_initializer)
        self.gamma_initializer = keras.initializers.get(gamma_initializer)
        self.beta_regularizer = keras.regularizers.get(beta_regularizer)
        self.gamma_regularizer = keras.regularizers.get(gamma_regularizer)
        self.beta_constraint = keras.constraints.get(beta_constraint)
        self.gamma_constraint = keras.constraints.get(gamma_constraint)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        self.gamma = self._channel_weight("gamma", input_shape) if self.scale else None
        self.beta = self._channel_weight("beta", input_shape) if self.center else None
        self.built = True

    def _channel_weight(self, name: str, input_shape: Any) -> Any:
        channels = input_shape[self.axis]
        if channels is None:
            raise ValueError(f"the channel axis {self.axis} of {input_shape} has no fixed size")
        return self.add_weight(
            shape=(channels,),
            name=name,
            initializer=getattr(self, f"{name}_initializer"),
            regularizer=getattr(self, f"{name}_regularizer"),
            constraint=getattr(self, f"{name}_constraint"),
        )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        x = _at_least_float32(inputs)
        rank = len(inputs.shape)
        channel = self.axis % rank
        x = standardize(x, [axis for axis in range(1, rank) if axis != channel], self.epsilon)
        shape = [-1 if axis == channel else 1 for axis in range(rank)]
        return tf.cast(_scaled(x, self.gamma, self.beta, shape), inputs.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.update(axis=self.axis, epsilon=self.epsilon, center=self.center, scale=self.scale)
        for name in ("beta", "gamma"):
            for kind in ("initializer", "regularizer", "constraint"):
                value = getattr(self, f"{name}_{kind}")
                config[f"{name}_{kind}"] = getattr(keras, f"{kind}s").serialize(value)
        return config


@compat.register_layer
class PixelNormalization(keras.layers.Layer):
    """Divides each pixel by its root mean square over the channels (Karras et al. 2018).

    `y = x / sqrt(mean_c x^2 + epsilon)`, computed in float32.

    Args:
        epsilon: float added to the mean square.

    Input and output shape `(batch, ..., channels)`.
    """

    def __init__(self, epsilon: float = 1e-8, **kwargs: Any):
        super().__init__(**kwargs)
        self.epsilon = float(epsilon)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        x = _at_least_float32(inputs)
        squares = tf.reduce_mean(tf.square(x), axis=-1, keepdims=True)
        return tf.cast(x * tf.math.rsqrt(squares + self.epsilon), inputs.dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}


@compat.register_layer
class UnitLength(keras.layers.Layer):
    """Divides each vector by its length: `y = x / |x|`, computed in float32; 0 stays 0.

    Args:
        epsilon: float, the least squared length, which keeps the gradient at 0 finite.

    Input and output shape `(batch, features)`.
    """

    def __init__(self, epsilon: float = 1e-12, **kwargs: Any):
        super().__init__(**kwargs)
        self.epsilon = float(epsilon)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.math.l2_normalize(_at_least_float32(inputs), axis=-1, epsilon=self.epsilon)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}
