"""Normalization by the statistics of the inputs themselves, without moving averages."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="tfgan_suite")
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
        mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
        x = (x - mean) * tf.math.rsqrt(variance + self.epsilon)
        return tf.cast(x * gamma + beta if self.affine else x, inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        initializer = keras.initializers.serialize(self.gamma_initializer)
        return {
            **super().get_config(),
            "affine": self.affine,
            "epsilon": self.epsilon,
            "gamma_initializer": initializer,
        }


@keras.saving.register_keras_serializable(package="tfgan_suite")
class InstanceStatistics(BatchStatistics):
    """Instance norm on the batch-norm kernel: every image by its own statistics, always.

    Equal to tensorflow-addons' `InstanceNormalization`. Arguments and shapes are those of
    `BatchStatistics`.

    Reference: Ulyanov et al. 2016, "Instance Normalization" (arXiv:1607.08022).
    """

    _per_image = True
