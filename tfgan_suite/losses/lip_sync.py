"""The loss of a lip-sync expert: binary cross-entropy of a cosine."""

from __future__ import annotations

import tensorflow as tf

_EPSILON = 1e-7


def cosine_probability(video: tf.Tensor, sound: tf.Tensor) -> tf.Tensor:
    """P, the cosine of embeddings that are not negative: `v . s / (|v| |s|)`.

    Args:
        video, sound: embeddings `(batch, n)` of length 1.

    Returns:
        float32 `(batch,)` in [0, 1].
    """
    product = tf.reduce_sum(tf.cast(video, tf.float32) * tf.cast(sound, tf.float32), axis=-1)
    # Rounding can take it above 1. The excess is subtracted as a constant, since a minimum would
    # stop the gradient there.
    return product - tf.stop_gradient(tf.maximum(product - 1.0, 0.0))


def sync_cross_entropy(probability: tf.Tensor, label: float) -> tf.Tensor:
    """Mean binary cross-entropy of probabilities of being in sync.

    They are squeezed into [1e-7, 1 - 1e-7] instead of clipped, so that windows of orthogonal
    embeddings still have a gradient; the loss is at most 16.1.

    Args:
        probability: float32 `(batch,)` in [0, 1].
        label: 1.0 for windows in sync, 0.0 for others.

    Returns:
        float32 scalar; log 2 at a probability of 0.5.
    """
    inside = _EPSILON + (1.0 - 2.0 * _EPSILON) * probability
    likelihood = label * tf.math.log(inside) + (1.0 - label) * tf.math.log(1.0 - inside)
    return -tf.reduce_mean(likelihood)
