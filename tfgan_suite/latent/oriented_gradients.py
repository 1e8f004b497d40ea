"""Histograms of oriented gradients as tensors, so that a drawn line pulls at a generator's images.

For the gradient g of grey in [0, 1] (Sobel), eight orientations o over pi and a = cos(pi / 8):

    bin_o = max(0, (|cos(o) g_x + sin(o) g_y| - a |g|) / (1 - a))

summed in overlapping triangular windows. An orientation has no sign, so a dark line on a light
ground is a light line on a dark one.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

ORIENTATIONS = 8
_EPSILON = 1e-3  # below the root of |g|, whose slope would be infinite where an image is flat
_SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32) / 4.0


def cell_size(height: int, width: int) -> int:
    """Pixels from window to window: 8 as in the official code, 4 for images below 64 pixels."""
    return 8 if min(height, width) >= 64 else 4


def orientation_bins(images: tf.Tensor) -> tf.Tensor:
    """How much of each pixel's gradient has each orientation.

    Args:
        images: `(batch, height, width, channels)` in [-1, 1].

    Returns:
        float32 `(batch, height, width, 8)`; bin 0 has vertical edges, bin 4 horizontal ones.
    """
    grey = (tf.reduce_mean(tf.cast(images, tf.float32), -1, keepdims=True) + 1.0) / 2.0
    # An edge that is repeated has no gradient; one of zeros would.
    padded = tf.pad(grey, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    kernels = np.stack([_SOBEL, _SOBEL.T], -1)[:, :, None]
    slopes = tf.nn.conv2d(padded, kernels, 1, "VALID")
    angles = np.pi / ORIENTATIONS * np.arange(ORIENTATIONS)
    directions = np.stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    along = tf.abs(tf.tensordot(slopes, directions, 1))
    magnitude = tf.sqrt(tf.reduce_sum(tf.square(slopes), -1, keepdims=True) + _EPSILON)
    narrow = float(np.cos(np.pi / ORIENTATIONS))
    return tf.nn.relu(along - narrow * magnitude) / (1.0 - narrow)


def histograms(images: tf.Tensor, cell: int) -> tf.Tensor:
    """Bins summed in triangular windows of `2 * cell` pixels, `cell` apart.

    Args:
        images: `(batch, height, width, channels)` in [-1, 1].
        cell: even.

    Returns:
        float32 `(batch, rows, columns, 8)`.
    """
    triangle = 1.0 - np.abs((np.arange(2 * cell) + 0.5) / cell - 1.0)
    return _pool(orientation_bins(images), np.outer(triangle, triangle), cell)


def pooled_mask(mask: np.ndarray, cell: int) -> np.ndarray:
    """The histograms whose window holds a pixel of a mask.

    Args:
        mask: `(height, width)` of 0 and 1.
        cell: as for `histograms`.

    Returns:
        float32 `(rows, columns)` of 0 and 1.
    """
    maps = tf.constant(mask, tf.float32)[None, :, :, None]
    pooled = _pool(maps, np.ones((2 * cell, 2 * cell)), cell)[0, :, :, 0]
    return (pooled.numpy() > 1e-5).astype(np.float32)


def _pool(maps: tf.Tensor, window: np.ndarray, cell: int) -> tf.Tensor:
    depth = maps.shape[-1]
    kernel = np.repeat(window.astype(np.float32)[:, :, None, None], depth, axis=2)
    rim = cell // 2
    padded = tf.pad(maps, [[0, 0], [rim, rim], [rim, rim], [0, 0]])
    strides = [1, cell, cell, 1]
    return tf.nn.depthwise_conv2d(padded, kernel, strides, "VALID")
