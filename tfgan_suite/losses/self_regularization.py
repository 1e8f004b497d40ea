"""Self-regularization: the distance of a translated image from its source (SimGAN)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

FeatureTransform = Callable[[tf.Tensor], Sequence[tf.Tensor]]


def identity(images: tf.Tensor) -> list[tf.Tensor]:
    """The images themselves."""
    return [images]


def gradient(images: tf.Tensor) -> list[tf.Tensor]:
    """Differences between neighbouring pixels, vertical and horizontal."""
    return [images[:, 1:] - images[:, :-1], images[:, :, 1:] - images[:, :, :-1]]


def channel_mean(images: tf.Tensor) -> list[tf.Tensor]:
    """The mean over the colour channels of each pixel."""
    return [tf.reduce_mean(images, axis=-1, keepdims=True)]


FEATURE_TRANSFORMS = {f.__name__: f for f in (identity, gradient, channel_mean)}


def distance(
    feature_transform: FeatureTransform, refined: tf.Tensor, simulated: tf.Tensor
) -> tf.Tensor:
    """Mean of `|psi(R(x)) - psi(x)|` over all elements; of several tensors, the mean of means."""
    pairs = zip(feature_transform(refined), feature_transform(simulated))
    return tf.reduce_mean(tf.stack([tf.reduce_mean(tf.abs(a - b)) for a, b in pairs]))
