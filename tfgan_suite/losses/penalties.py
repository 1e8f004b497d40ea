"""Gradient penalties and weight clipping, which keep a discriminator or critic smooth.

The penalties differentiate the discriminator with respect to its input inside the caller's tape, so
the caller's gradient with respect to the discriminator's weights is of second order. All of the
discriminator's operations need second derivatives, which `tf.image.resize` and Keras's
UpSampling2D do not have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.utils import replicas

# The gradient of a square root is infinite at 0, the slope of a constant discriminator.
SMALLEST_SQUARED_SLOPE = 1e-12

Discriminator = Callable[[tf.Tensor], tf.Tensor]


def input_gradients(discriminator: Discriminator, points: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Per-sample gradient of the discriminator's (summed) output with respect to its input.

    Args:
        discriminator: maps `(batch, ...)` to outputs whose first axis is the batch; each output
            should depend on its own sample only. A Keras model is called with `training=True`.
        points: `(batch, ...)`; treated as a constant.

    Returns:
        The gradient, a float32 tensor of the shape of points, zeros where the discriminator ignores
        its input; and the discriminator's outputs, so that they need not be computed again.
    """
    points = tf.stop_gradient(tf.cast(points, tf.float32))
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(points)
        if isinstance(discriminator, keras.layers.Layer):
            outputs = discriminator(points, training=True)
        else:
            outputs = discriminator(points)
        total = tf.reduce_sum(tf.cast(outputs, tf.float32))
    gradients = tape.gradient(total, points, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return gradients, outputs


def _squared_slopes(gradients: tf.Tensor) -> tf.Tensor:
    """Squared L2 norms `(batch,)` over all axes but the batch."""
    return tf.reduce_sum(tf.square(gradients), axis=list(range(1, len(gradients.shape))))


def gradient_penalty(
    discriminator: Discriminator,
    points: tf.Tensor,
    target: float = 1.0,
    one_sided: bool = False,
) -> tuple[tf.Tensor, tf.Tensor]:
    """`E (|grad f(points)| - target)^2`, not yet multiplied by its weight lambda.

    Args:
        discriminator: as for `input_gradients`.
        points: `(batch, ...)`, e.g. from `interpolate`; treated as constants.
        target: slope without penalty.
        one_sided: penalise only slopes above the target.

    Returns:
        The penalty, a float32 scalar, and the slopes `(batch,)`, L2 norms over all axes but the
        batch.
    """
    gradients, _ = input_gradients(discriminator, points)
    slopes = tf.sqrt(_squared_slopes(gradients) + SMALLEST_SQUARED_SLOPE)
    excess = slopes - target
    if one_sided:
        excess = tf.nn.relu(excess)
    return tf.reduce_mean(tf.square(excess)), slopes


def interpolate(real: tf.Tensor, fake: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """Points on the lines between pairs: `u * real + (1 - u) * fake`, with one u per sample.

    Args:
        real, fake: `(batch, ...)` of one shape.
        uniform: u in [0, 1], with `batch` elements, `(batch,)` or `(batch, 1, ...)`.

    Returns:
        float32 tensor of their shape.

    Raises:
        InputError: the two shapes differ, or `uniform` does not hold one u per sample.
    """
    real, fake = tf.cast(real, tf.float32), tf.cast(fake, tf.float32)
    if not real.shape.is_compatible_with(fake.shape):
        raise InputError(
            f"real samples {real.shape} and generated samples {fake.shape} differ in shape;"
            " interpolation needs pairs of the same shape"
        )
    count = uniform.shape.num_elements()
    if None not in (count, real.shape[0]) and count != real.shape[0]:
        raise InputError(
            f"{count} random numbers for {real.shape[0]} pairs; expected exactly one per pair"
        )
    share = tf.reshape(tf.cast(uniform, tf.float32), [-1] + [1] * (len(real.shape) - 1))
    return share * real + (1.0 - share) * fake


def zero_centred(discriminator: Discriminator, points: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """`E |grad f(x)|^2 / 2`, not yet multiplied by its weight gamma.

    At real samples this is R1, at generated ones R2 (Mescheder et al. 2018).

    Args:
        discriminator: as for `input_gradients`.
        points: `(batch, ...)`; treated as constants.

    Returns:
        The penalty, a float32 scalar, and the discriminator's outputs for the points, which
        the discriminator's loss needs as well.
    """
    gradients, outputs = input_gradients(discriminator, points)
    return 0.5 * tf.reduce_mean(_squared_slopes(gradients)), outputs


def path_lengths(
    synthesis: Callable[[tf.Tensor], tf.Tensor],
    w: tf.Tensor,
    noise: Callable[[tuple[int, ...]], tf.Tensor],
) -> tf.Tensor:
    """Lengths `|J^T y|` of a generator's steps along random images y (Karras et al. 2020).

    ```
    length = sqrt(mean over layers of sum over features of J^2),   J = d sum(G(w) y) / dw,
    y ~ N(0, 1) / sqrt(height width)
    ```

    Args:
        synthesis: maps styles to images `(batch, height, width, channels)`.
        w: `(batch, layers, features)`; a gradient of the lengths passes through it.
        noise: draws standard normal numbers `(batch, *shape)` for a shape of one image.

    Returns:
        float32 `(batch,)`.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(w)
        images = tf.cast(synthesis(w), tf.float32)
        height, width = images.shape[1:3]
        y = noise(tuple(images.shape[1:])) / (height * width) ** 0.5
        total = tf.reduce_sum(images * y)
    gradient = tape.gradient(total, w)
    squares = tf.reduce_mean(tf.reduce_sum(tf.square(tf.cast(gradient, tf.float32)), 2), 1)
    return tf.sqrt(squares + SMALLEST_SQUARED_SLOPE)


def clip_weights(variables: Sequence[Any], limit: float) -> None:
    """Clips every variable to [-limit, limit], in or out of a replica context.

    Args:
        variables: the critic's trainable variables (not its moving averages).
        limit: c, above 0.

    Raises:
        InputError: the limit is not above 0.
    """
    if not limit > 0:
        raise InputError(f"the clipping limit is {limit}; it must be above 0, such as 0.01")
    values = [tf.clip_by_value(compat.tensor_variable(v), -limit, limit) for v in variables]
    replicas.assign(variables, values)


def reject_batch_norm(discriminator: keras.Model) -> None:
    """Rejects a discriminator that contains batch normalization, at any depth.

    Batch statistics make each output depend on all samples of the batch, so a per-sample gradient
    penalty no longer bounds the slope.

    Raises:
        InputError: one of the layers is a batch normalization.
    """
    for layer in discriminator._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            raise InputError(
                f"network {discriminator.name!r} has batch normalization ({layer.name!r}), which"
                " mixes samples, but a gradient penalty is per sample; use"
                " GroupNormalization(groups=1), instance normalization or none"
            )
