"""What one of the two stacks lacks, written with Keras, TensorFlow and Pillow alone.

`compat` uses these where tensorflow-addons and tensorflow-io cannot be installed (and the fused
batch normalization where Keras has none). On the stack that has the originals, tests hold each one
equal to its original, values and gradients. Nothing here checks a version.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras's layer with channels-last images on TensorFlow's fused kernel.

    Other ranks, masks, renormalization and synchronized statistics are left to Keras. Each of
    several replicas averages its own batches, and reading the moving averages returns their mean,
    as in Keras 2; Keras 3 would save those of the first replica.
    """

    def add_weight(self, *args: Any, name: str | None = None, **options: Any) -> Any:
        if name not in ("moving_mean", "moving_variance"):
            return super().add_weight(*args, name=name, **options)
        # Tracked by the layer as soon as `build` sets the attribute.
        return keras.Variable(
            options["initializer"],
            shape=options["shape"],
            dtype=self.variable_dtype,
            trainable=False,
            autocast=False,
            aggregation="mean",
            synchronization="on_read",
            name=name,
        )

    def call(self, inputs: tf.Tensor, training: Any = None, mask: Any = None) -> tf.Tensor:
        if not self._fused_kernel_applies(inputs, mask):
            return super().call(inputs, training=training, mask=mask)
        average_mean = tf.convert_to_tensor(self.moving_mean)
        average_variance = tf.convert_to_tensor(self.moving_variance)
        is_training = bool(training) and self.trainable
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs,
            scale=tf.convert_to_tensor(self.gamma) if self.scale else tf.ones_like(average_mean),
            offset=tf.convert_to_tensor(self.beta) if self.center else tf.zeros_like(average_mean),
            mean=None if is_training else average_mean,
            variance=None if is_training else average_variance,
            epsilon=self.epsilon,
            is_training=is_training,
        )
        if is_training:
            # The kernel divides the variance by (count - 1), Keras 3's moving average by count.
            variance *= _without_bessel(inputs)
            momentum = self.momentum
            self.moving_mean.assign(average_mean * momentum + mean * (1.0 - momentum))
            self.moving_variance.assign(average_variance * momentum + variance * (1.0 - momentum))
        return outputs

    def _fused_kernel_applies(self, inputs: tf.Tensor, mask: Any) -> bool:
        return (
            len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and mask is None
            and not self.synchronized
            and not getattr(self, "renorm", False)
            and inputs.dtype in (tf.float32, tf.bfloat16, tf.float16)
            and tf.as_dtype(self.moving_mean.dtype) == tf.float32
        )


def _without_bessel(inputs: tf.Tensor) -> Any:
    """(count - 1) / count for the values of one channel, in float32."""
    if None in inputs.shape[:3]:
        count = tf.cast(tf.reduce_prod(tf.shape(inputs)[:3]), tf.float32)
    else:
        # The same number as a constant: a graph of many layers is built faster.
        count = np.float32(np.prod(inputs.shape[:3]))
    return (count - 1.0) / count


@keras.saving.register_keras_serializable(package="tfgan_suite")
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
        x = tf.cast(inputs, tf.float32) if inputs.dtype.size < 4 else inputs
        rank = len(inputs.shape)
        channel = self.axis % rank
        mean, variance = tf.nn.moments(
            x, [axis for axis in range(1, rank) if axis != channel], keepdims=True
        )
        shape = [-1 if axis == channel else 1 for axis in range(rank)]
        gamma = tf.reshape(tf.cast(self.gamma, x.dtype), shape) if self.scale else None
        beta = tf.reshape(tf.cast(self.beta, x.dtype), shape) if self.center else None
        y = tf.nn.batch_normalization(x, mean, variance, beta, gamma, self.epsilon)
        return tf.cast(y, inputs.dtype)

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


@keras.saving.register_keras_serializable(package="tfgan_suite")
class Maxout(keras.layers.Layer):
    """The maximum of every `features / num_units` strided features: `max_j z_{j, i}`.

    Args:
        num_units: number of outputs; must divide the number of features.
        axis: the feature axis.

    Reference: Goodfellow et al. 2013, "Maxout Networks".
    """

    def __init__(self, num_units: int, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.num_units, self.axis = num_units, axis

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        axis = self.axis % len(inputs.shape)
        features = inputs.shape[axis]
        if features is None or features % self.num_units:
            raise ValueError(
                f"{features} features cannot be divided into {self.num_units} maxout units"
            )
        sizes = tf.shape(inputs)
        groups = [features // self.num_units, self.num_units]
        grouped = tf.reshape(inputs, tf.concat([sizes[:axis], groups, sizes[axis + 1 :]], 0))
        outputs = tf.reduce_max(grouped, axis)
        outputs.set_shape(self.compute_output_shape(inputs.shape))
        return outputs

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        shape = list(input_shape)
        shape[self.axis] = self.num_units
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_units": self.num_units, "axis": self.axis}


def gaussian_filter2d(
    image: Any,
    filter_shape: int | tuple[int, int] = (3, 3),
    sigma: float | tuple[float, float] = 1.0,
    padding: str = "REFLECT",
    constant_values: float = 0.0,
) -> tf.Tensor:
    """See `compat.gaussian_filter2d`."""
    image = tf.convert_to_tensor(image)
    x = image if image.dtype.is_floating else tf.cast(image, tf.float32)
    rank = len(image.shape)
    if rank == 2:
        x = x[tf.newaxis, :, :, tf.newaxis]
    elif rank == 3:
        x = x[tf.newaxis]
    height, width = (filter_shape,) * 2 if isinstance(filter_shape, int) else filter_shape
    sigmas = tuple(sigma) if isinstance(sigma, (tuple, list)) else (sigma, sigma)
    before = [(size - 1) // 2 for size in (height, width)]
    after = [size - 1 - first for size, first in zip((height, width), before)]
    pads = [[0, 0], [before[0], after[0]], [before[1], after[1]], [0, 0]]
    x = tf.pad(x, pads, padding, tf.cast(constant_values, x.dtype))
    rows = _gaussian(height, sigmas[0], x.dtype)[:, tf.newaxis]
    columns = _gaussian(width, sigmas[1], x.dtype)[tf.newaxis, :]
    kernel = tf.tile((rows * columns)[:, :, tf.newaxis, tf.newaxis], [1, 1, tf.shape(x)[3], 1])
    x = tf.nn.depthwise_conv2d(x, kernel, (1, 1, 1, 1), "VALID")
    if rank == 2:
        x = x[0, :, :, 0]
    elif rank == 3:
        x = x[0]
    return tf.cast(x, image.dtype)


def _gaussian(size: int, sigma: float, dtype: tf.DType) -> tf.Tensor:
    """Weights `(size,)` of a Gaussian centred on element `(size - 1) // 2`; their sum is 1."""
    offsets = tf.cast(tf.range(size) - (size - 1) // 2, dtype)
    return tf.nn.softmax(-tf.square(offsets) / (2.0 * tf.cast(sigma, dtype) ** 2))


def dense_image_warp(image: Any, flow: Any) -> tf.Tensor:
    """See `compat.dense_image_warp`."""
    image, flow = tf.convert_to_tensor(image), tf.convert_to_tensor(flow)
    height, width = tf.shape(image)[1], tf.shape(image)[2]
    rows = tf.cast(tf.range(height), flow.dtype)[tf.newaxis, :, tf.newaxis] - flow[..., 0]
    columns = tf.cast(tf.range(width), flow.dtype)[tf.newaxis, tf.newaxis, :] - flow[..., 1]
    top_row, lower_weight = _cell(rows, height, image.dtype)
    left_column, right_weight = _cell(columns, width, image.dtype)

    def corner(row: tf.Tensor, column: tf.Tensor) -> tf.Tensor:
        return tf.gather_nd(image, tf.stack([row, column], -1), batch_dims=1)

    upper = _blend(corner(top_row, left_column), corner(top_row, left_column + 1), right_weight)
    lower = _blend(
        corner(top_row + 1, left_column), corner(top_row + 1, left_column + 1), right_weight
    )
    return tf.ensure_shape(_blend(upper, lower, lower_weight), image.shape)


def _cell(position: tf.Tensor, size: tf.Tensor, dtype: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
    """Index of the pixel before a position, and the weight in [0, 1] of the one after it."""
    last = tf.cast(size - 2, position.dtype)
    first = tf.clip_by_value(tf.floor(position), 0.0, tf.maximum(last, 0.0))
    weight = tf.clip_by_value(tf.cast(position - first, dtype), 0.0, 1.0)
    return tf.cast(first, tf.int32), weight[..., tf.newaxis]


def _blend(first: tf.Tensor, second: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    return first + weight * (second - first)


def rgb_to_ypbpr(values: np.ndarray) -> np.ndarray:
    """See `compat.rgb_to_ypbpr`; tensorflow-io's coefficients."""
    matrix = [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]
    return values @ np.array(matrix).T
