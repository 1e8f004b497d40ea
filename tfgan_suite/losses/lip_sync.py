"""The loss of a lip-sync expert: binary cross-entropy of a cosine."""

from __future__ import annotations

import tensorflow as tf

_EPSILON = 1e-7
_NEARLY_SILENT = -3.8  # of mel windows, whose digital silence is -4


def cosine_probability(video: tf.Tensor, sound: tf.Tensor) -> tf.Tensor:
    """P, the cosine of embeddings that are not negative: `v . s / (|v| |s|)`.

    Args:
        video, sound: embeddings `(batch, n)` of length 1.

    Returns:
        float32 `(batch,)` in [0, 1].
    """
    product = tf.reduce_sum(tf.cast(video, tf.float32) * tf.cast(sound, tf.float32), axis=-1)
    return _at_most_one(product)


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


def sync_shortfall(probability: tf.Tensor, real: tf.Tensor) -> tf.Tensor:
    """Mean of how much less the generated windows are in sync than the real ones: `max(R - P, 0)`.

    Its gradient is at most 1, where that of -log P grows as 1 / P, and it ends where the expert
    finds the generated mouths as fitting as the real ones, instead of following what only the
    expert sees.

    Args:
        probability: of the generated windows, float32 `(batch,)` in [0, 1].
        real: of the real windows with the same sound; a constant.

    Returns:
        float32 scalar in [0, 1].
    """
    return tf.reduce_mean(tf.nn.relu(tf.stop_gradient(real) - probability))


def other_sounds_cross_entropy(
    video: tf.Tensor, sounds: tf.Tensor, mel: tf.Tensor, margin: float = 2.6
) -> tf.Tensor:
    """Mean of -log(1 - P) over windows of frames with the sounds of all others.

    A silent sound is left out where the frames' own sound is silent, too: it fits them.

    Args:
        video: embeddings of windows of frames `(batch, n)` of length 1.
        sounds: embeddings of at least as many sounds `(sounds, n)`, first those of the windows.
        mel: the sounds `(sounds, 80, 16, 1)`.
        margin: a sound is silent where all of it is so far below the loudest of all, in units of
            the mel windows.

    Returns:
        float32 scalar; log 2 where every P is 0.5, and 0 where nothing can be compared.
    """
    product = tf.matmul(tf.cast(video, tf.float32), tf.cast(sounds, tf.float32), transpose_b=True)
    windows, count = tf.shape(product)[0], tf.shape(product)[1]
    loudness = tf.reduce_max(mel, axis=[1, 2, 3])
    limit = tf.maximum(tf.reduce_max(loudness) - margin, _NEARLY_SILENT)
    silent = tf.cast(loudness < limit, tf.float32)
    counts = 1.0 - tf.eye(windows, count)
    counts *= 1.0 - silent[:windows, None] * silent[None, :]
    likelihood = tf.math.log(1.0 - _EPSILON - (1.0 - 2.0 * _EPSILON) * _at_most_one(product))
    return -tf.reduce_sum(counts * likelihood) / tf.maximum(tf.reduce_sum(counts), 1.0)


def _at_most_one(product: tf.Tensor) -> tf.Tensor:
    """Cosines that rounding took above 1, at 1.

    The excess is subtracted as a constant, since a minimum would stop the gradient there.
    """
    return product - tf.stop_gradient(tf.maximum(product - 1.0, 0.0))
