"""Means and standard deviations of feature maps: what AdaIN takes for the style of an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_suite.errors import InputError

EPSILON = 1e-5
REDUCTIONS = ("mean", "sum")
# Mean and deviation, each `(batch, 1, 1, channels)`.
Statistics = tuple[tf.Tensor, tf.Tensor]


def statistics(maps: tf.Tensor, region: tf.Tensor | None = None) -> Statistics:
    """mu and sigma of every channel of every example over height and width.

    `sigma = sqrt(variance + 1e-5)`, with the variance divided by the number of positions. Epsilon
    is inside the root so that a channel that is 0 everywhere has a gradient.

    Args:
        maps: `(batch, rows, columns, channels)`.
        region: weights of the positions, `(batch or 1, rows, columns, 1)` in [0, 1]; `None`, or 0
            everywhere: all positions alike.

    Returns:
        Mean and standard deviation, each float32 `(batch, 1, 1, channels)`.
    """
    maps = tf.cast(maps, tf.float32)
    if region is None:
        mean, variance = tf.nn.moments(maps, [1, 2], keepdims=True)
        return mean, tf.sqrt(variance + EPSILON)
    total = tf.reduce_sum(region, [1, 2], keepdims=True)
    share = tf.where(total > 0, region, tf.ones_like(region))
    share /= tf.reduce_sum(share, [1, 2], keepdims=True)
    mean = tf.reduce_sum(share * maps, [1, 2], keepdims=True)
    variance = tf.reduce_sum(share * (maps - mean) ** 2, [1, 2], keepdims=True)
    return mean, tf.sqrt(variance + EPSILON)


def adain(maps: tf.Tensor, style: Statistics, region: tf.Tensor | None = None) -> tf.Tensor:
    """AdaIN: `sigma(y) (x - mu(x)) / sigma(x) + mu(y)` for every channel of every example.

    Args:
        maps: x, `(batch, rows, columns, channels)`.
        style: mu(y) and sigma(y), each `(batch or 1, 1, 1, channels)`.
        region: the positions that x's statistics are computed from; see `statistics`.

    Returns:
        float32 tensor of the shape of `maps`.
    """
    mean, deviation = style
    own_mean, own_deviation = statistics(maps, region)
    # One factor and one shift: two passes over the maps. Written as the formula, TensorFlow 2.15
    # with oneDNN takes it for instance norm, whose scales are alike for all examples, and crashes.
    scale = deviation / own_deviation
    return tf.cast(maps, tf.float32) * scale + (mean - own_mean * scale)


def mix_styles(styles: Sequence[Any], weights: Sequence[float] | None = None) -> Any:
    """Mixes several styles into one.

    AdaIN is linear in mu(y) and sigma(y), so the weighted sum of AdaIN with several styles is
    AdaIN with the weighted sum of their statistics.

    Args:
        styles: tensors or arrays of one shape, as `AdaIN.statistics_of` returns them.
        weights: of the styles, 0 or more; their sum does not matter. `None`: equal weights.

    Returns:
        Tensor or array of the same shape.

    Raises:
        InputError: as many weights as styles are expected, 0 or more, not all 0.
    """
    weights = [1.0] * len(styles) if weights is None else [float(weight) for weight in weights]
    if len(weights) != len(styles) or min(weights) < 0 or not 0 < sum(weights) < float("inf"):
        raise InputError(
            f"weights {', '.join(map(str, weights))} for {len(styles)} styles; pass one for each,"
            " 0 or more, not all of them 0"
        )
    return sum(weight / sum(weights) * style for weight, style in zip(weights, styles))


def style_distance(
    maps: Sequence[tf.Tensor], styles: Sequence[Statistics], reduction: str = "mean"
) -> tf.Tensor:
    """`sum over maps of |mu - mu(s)|^2 + |sigma - sigma(s)|^2`.

    Args:
        maps: of the image, `(batch, rows, columns, channels)` each.
        styles: statistics of the style's maps.
        reduction: over the channels of a map: `"mean"`, or `"sum"` as in the official code;
            1e-2 on sums is 0.64, 1.28, 2.56, 5.12 on means of 64, 128, 256, 512 channels.

    Returns:
        float32 scalar, the mean over the batch.
    """
    reduce = tf.reduce_mean if reduction == "mean" else tf.reduce_sum
    terms = []
    for level, (mean, deviation) in zip(maps, styles):
        own_mean, own_deviation = statistics(level)
        squares = (own_mean - mean) ** 2 + (own_deviation - deviation) ** 2
        terms.append(tf.reduce_mean(reduce(squares, axis=-1)))
    return tf.add_n(terms)


def split_statistics(style: Any) -> Statistics:
    """mu and sigma, each `(batch, 1, 1, channels)`, of `(batch, 2 * channels)`."""
    style = tf.convert_to_tensor(style)[:, None, None, :]
    channels = style.shape[-1] // 2
    return style[..., :channels], style[..., channels:]


def mask_at_positions(mask: np.ndarray, positions: Sequence[int], stride: int) -> np.ndarray:
    """A mask at the positions of a map, by the pixel at the centre of each: `(1, .., .., 1)`."""
    centres = [
        np.minimum(np.arange(count) * stride + stride // 2, size - 1)
        for count, size in zip(positions, mask.shape)
    ]
    return (np.asarray(mask)[np.ix_(*centres)] > 0).astype(np.float32)[None, ..., None]
