"""What one of the two stacks lacks, written with Keras, TensorFlow and Pillow alone.

`compat` uses these where tensorflow-addons and tensorflow-io cannot be installed (and the fused
batch normalization and the leaky ReLU where Keras has none that is fast). On the stack that has the
originals, tests hold each one equal to its original, values and gradients. Nothing here checks a
version.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras's layer with channels-last images and vectors on TensorFlow's fused kernel.

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
        if not kernel_applies(self, inputs, mask):
            return super().call(inputs, training=training, mask=mask)
        return fused_batch_norm(self, inputs, training)


def kernel_applies(layer: Any, inputs: tf.Tensor, mask: Any) -> bool:
    """Whether `fused_batch_norm` computes what a batch-norm layer promises."""
    rank = len(inputs.shape)
    axes = list(layer.axis) if isinstance(layer.axis, (list, tuple)) else [layer.axis]
    return (
        rank in (2, 4)
        and axes in ([-1], [rank - 1])
        and mask is None
        and not getattr(layer, "synchronized", False)
        and not getattr(layer, "renorm", False)
        and inputs.dtype in (tf.float32, tf.bfloat16, tf.float16)
        and tf.as_dtype(layer.moving_mean.dtype) == tf.float32
    )


def is_slow_in_bfloat16(maps: tf.Tensor) -> bool:
    """Whether training normalizes bfloat16 maps faster in float32, casts included.

    On CPUs it does where channels are not a multiple of 16: 32 maps of 16x16x24, forward and
    backward, take 3.0 CPU ms in bfloat16, 1.2 with casts; those with 32 channels 0.7 and 1.0.
    """
    return maps.dtype == tf.bfloat16 and (maps.shape[-1] or 16) % 16 > 0 and on_cpus()


def on_cpus() -> bool:
    """Whether everything runs on CPUs: there is no GPU and no TPU."""
    return not (tf.config.list_physical_devices("GPU") or tf.config.list_logical_devices("TPU"))


def fused_batch_norm(layer: Any, inputs: tf.Tensor, training: Any) -> tf.Tensor:
    """Keras's batch normalization on TensorFlow's kernel.

    Args:
        layer: the layer; in training its moving averages change.
        inputs: `(batch, height, width, channels)` or `(batch, channels)`.
        training: whether the statistics are those of the batch.
    """
    average_mean = tf.convert_to_tensor(layer.moving_mean)
    average_variance = tf.convert_to_tensor(layer.moving_variance)
    is_training = bool(training) and layer.trainable
    images = inputs if len(inputs.shape) == 4 else inputs[:, tf.newaxis, tf.newaxis, :]
    outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        images,
        scale=tf.convert_to_tensor(layer.gamma) if layer.scale else tf.ones_like(average_mean),
        offset=tf.convert_to_tensor(layer.beta) if layer.center else tf.zeros_like(average_mean),
        mean=None if is_training else average_mean,
        variance=None if is_training else average_variance,
        epsilon=layer.epsilon,
        is_training=is_training,
    )
    if is_training:
        momentum = layer.momentum
        layer.moving_mean.assign(average_mean * momentum + mean * (1.0 - momentum))
        layer.moving_variance.assign(average_variance * momentum + variance * (1.0 - momentum))
    return outputs if len(inputs.shape) == 4 else outputs[:, 0, 0, :]


def leaky_relu(slope: float, inputs: tf.Tensor) -> tf.Tensor:
    """Leaky ReLU of a slope in [0, 1]; all of its operations are fast in bfloat16."""

    @tf.custom_gradient
    def activate(x: tf.Tensor) -> Any:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            return upstream * tf.stop_gradient(tf.maximum(tf.sign(x), slope))

        return tf.nn.leaky_relu(x, slope), gradient

    return activate(inputs)


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
