"""Random crops and flips that depend only on the seed, the step and the position in the batch.

Images are stored a few pixels larger than the batches need them. Each time an image is used, a
random window of the batch's size is cut out of it and flipped left to right with probability 0.5.
Images that belong together (both images of a pair) share one draw; others have their own.
"""

from __future__ import annotations

import operator
from typing import NamedTuple

import tensorflow as tf

from tfgan_suite.data.pipeline import order
from tfgan_suite.errors import InputError

MAX_MARGIN = 4096


class CropWindow(NamedTuple):
    """Where to crop each image of a slice.

    Args:
        top: int32 `(n,)`, rows above the window.
        left: int32 `(n,)`, columns to the left of it.
        flipped: bool `(n,)`: flipped left to right.
    """

    top: tf.Tensor
    left: tf.Tensor
    flipped: tf.Tensor


def check_margin(pixels: int) -> int:
    """Returns the number of pixels by which images are enlarged before they are cropped.

    Raises:
        InputError: it is not a whole number of 0 or more, or it is unreasonably large.
    """
    try:
        margin = operator.index(pixels)
    except TypeError:
        margin = -1
    if not 0 <= margin <= MAX_MARGIN:
        raise InputError(
            f"random_crop is {pixels!r}; expected the number of pixels by which images are "
            f"enlarged before a random crop, 0 to {MAX_MARGIN}: pass 0 for no random crop, or 30 "
            "for 256 x 256 images"
        )
    return margin


def sample_windows(
    step: tf.Tensor | int,
    replica: tf.Tensor | int,
    share: order.BatchShare,
    seed: int,
    purpose: str,
    margin: int,
    horizontal_flip: bool,
) -> CropWindow:
    """Draws the windows of one slice of one batch.

    Drawn for the global batch, so the result does not depend on how it is split.

    Args:
        step: number of the global batch.
        replica: global index of the replica.
        share: how batches are split.
        seed: the run's seed.
        purpose: name of what is cropped; different names give unrelated draws.
        margin: pixels by which an image is larger than its window, in both directions.
        horizontal_flip: whether to flip each image left to right with probability 0.5.

    Returns:
        `CropWindow` of `share.size` entries.
    """
    corner = order.draw_uniform(
        [2, share.batch],
        order.stateless_seed(seed, f"crop {purpose}", step),
        tf.int32,
        limit=margin + 1,
    )
    coins = order.draw_uniform([share.batch], order.stateless_seed(seed, f"mirror {purpose}", step))
    window = corner[0], corner[1], (coins < 0.5) & horizontal_flip
    return CropWindow(*(order.replica_slice(values, replica, share) for values in window))


def crop(images: tf.Tensor, window: CropWindow, margin: int) -> tf.Tensor:
    """Crops images to their windows, and flips them.

    Args:
        images: `(n, height + margin, width + margin, channels)`.
        window: `n` entries.
        margin: as for `sample_windows`.

    Returns:
        `(n, height, width, channels)`.
    """
    height, width = images.shape[1] - margin, images.shape[2] - margin
    if margin:
        rows = window.top[:, None] + tf.range(height)
        images = tf.gather(images, rows, axis=1, batch_dims=1)
    across = tf.range(width)
    across = tf.where(window.flipped[:, None], across[::-1], across)
    return tf.gather(images, window.left[:, None] + across, axis=2, batch_dims=1)


def center_crop(images: tf.Tensor, margin: int) -> tf.Tensor:
    """Crops images to the window in the centre: for sample grids and measures.

    Args:
        images: `(n, height + margin, width + margin, channels)`.
        margin: as for `sample_windows`.

    Returns:
        `(n, height, width, channels)`.
    """
    height, width = images.shape[1] - margin, images.shape[2] - margin
    first = margin // 2
    return images[:, first : first + height, first : first + width]
