"""Minibatch standard deviation: the discriminator sees how much the images of a batch differ."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.utils.shapes import image_sizes

EPSILON = 1e-8


@compat.register_layer
class MinibatchDeviation(keras.layers.Layer):
    """Appends maps that hold the standard deviation within a group of the batch, averaged.

    ```
    s = mean over pixels and channels of sqrt(variance over the group + 1e-8)
    ```

    A batch of B is dealt out to `M = ceil(B / group_size)` groups: example i joins group i mod M,
    as in the official code, where B is a multiple of the group size. Of other batches some groups
    have one example less. A replica groups its own examples only.

    Args:
        group_size: most examples in a group.
        features: maps that are appended, each of its share of the channels.

    Input shape `(batch, height, width, channels)`, channels a multiple of `features`; output
    `(batch, height, width, channels + features)`. Computed in float32.

    Raises:
        InputError: a number below 1, or features that do not divide the channels.
    """

    def __init__(self, group_size: int = 4, features: int = 1, **kwargs: Any):
        super().__init__(**kwargs)
        for name, value in (("group_size", group_size), ("features", features)):
            if isinstance(value, bool) or int(value) != value or value < 1:
                raise InputError(f"{name} is {value!r}; it must be a whole number of at least 1")
        self.group_size, self.features = int(group_size), int(features)

    def build(self, input_shape: Any) -> None:
        if input_shape[-1] % self.features:
            raise InputError(
                f"{input_shape[-1]} channels in {self.features} features; the features must divide"
                " the channels"
            )
        self.built = True

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        _, height, width, channels = image_sizes(inputs)
        batch = tf.shape(inputs)[0]
        groups = (batch + self.group_size - 1) // self.group_size
        # (batch, groups): which group an example belongs to. A product with it sums over groups.
        member = tf.one_hot(tf.range(batch) % groups, groups, dtype=tf.float32)
        mean_of = member / tf.reduce_sum(member, 0, keepdims=True)
        x = tf.reshape(tf.cast(inputs, tf.float32), (batch, height * width * channels))
        centred = x - tf.matmul(member, tf.matmul(mean_of, x, transpose_a=True))
        variance = tf.matmul(mean_of, tf.square(centred), transpose_a=True)
        shares = (groups, height * width, self.features, channels // self.features)
        deviation = tf.reshape(tf.sqrt(variance + EPSILON), shares)
        maps = tf.matmul(member, tf.reduce_mean(deviation, [1, 3]))[:, None, None]
        maps = tf.cast(maps, inputs.dtype) + tf.zeros_like(inputs[..., :1])
        return tf.concat([inputs, maps], axis=3)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (*input_shape[:-1], input_shape[-1] + self.features)

    def get_config(self) -> dict[str, Any]:
        own = {"group_size": self.group_size, "features": self.features}
        return {**super().get_config(), **own}
