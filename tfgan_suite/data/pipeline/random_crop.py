"""Random crops and mirroring: drawn from the seed, the step and the place in the batch alone.

Images are kept a few pixels larger than they are wanted; every time one is used, a window of
the wanted size is cut out of it at a place of chance, half of the time turned left to right. What
belongs together (both images of a pair) is cut by one draw, what does not by draws of its own.
"""

from __future__ import annotations

import operator
from typing import NamedTuple

import tensorflow as tf

from tfgan_suite.data.pipeline import order
from tfgan_suite.data.readers import image_files
from tfgan_suite.errors import InputError


class Window(NamedTuple):
    """Where to cut each image of a slice.

    Args:
        top: int32 `(n,)`, rows above the window.
        left: int32 `(n,)`, columns before it.
        turned: bool `(n,)`: mirrored left to right.
    """

    top: tf.Tensor
    left: tf.Tensor
    turned: tf.Tensor


def check(pixels: int) -> int:
    """Returns the number of pixels by which images are enlarged before they are cropped.

    Raises:
        InputError: it is no whole number from 0 on, or absurdly large.
    """
    try:
        found = operator.index(pixels)
    except TypeError:
        found = -1
    if not 0 <= found <= image_files.LARGEST:
        raise InputError(
            f"the jitter is {pixels!r}; expected the number of pixels by which images are "
            "enlarged before they are cropped at random, 0 for none (30 for 256 x 256)"
        )
    return found


def draw(
    step: tf.Tensor | int,
    part: tf.Tensor | int,
    deal: order.Share,
    seed: int,
    purpose: str,
    room: int,
    horizontal_flip: bool,
) -> Window:
    """Draws the windows of one slice of one batch.

    They belong to the places of the global batch, however it is dealt out.

    Args:
        step: number of the global batch.
        part: number of the slice in the batch.
        deal: how batches are dealt out.
        seed: the run's seed.
        purpose: name of what is cut; other names give unrelated draws.
        room: pixels that an image is larger than its window, in both directions.
        horizontal_flip: whether to flip each image left to right with probability 0.5.

    Returns:
        `Window` of `deal.size` entries.
    """
    corner = tf.random.stateless_uniform(
        [2, deal.batch],
        order.key(seed, f"crop {purpose}", step),
        0,
        room + 1,
        tf.int32,
        alg="philox",
    )
    coins = tf.random.stateless_uniform(
        [deal.batch], order.key(seed, f"mirror {purpose}", step), alg="philox"
    )
    drawn = corner[0], corner[1], (coins < 0.5) & horizontal_flip
    return Window(*(order.mine(draws, part, deal) for draws in drawn))


def cut(images: tf.Tensor, window: Window, room: int) -> tf.Tensor:
    """Cuts the windows out.

    Args:
        images: `(n, height + room, width + room, channels)`.
        window: of `n` entries.
        room: as it was for `draw`.

    Returns:
        `(n, height, width, channels)`.
    """
    height, width = images.shape[1] - room, images.shape[2] - room
    if room:
        rows = window.top[:, None] + tf.range(height)
        images = tf.gather(images, rows, axis=1, batch_dims=1)
    across = tf.range(width)
    across = tf.where(window.turned[:, None], across[::-1], across)
    return tf.gather(images, window.left[:, None] + across, axis=2, batch_dims=1)


def middle(images: tf.Tensor, room: int) -> tf.Tensor:
    """Cuts the window in the middle out: for images that are shown or measured.

    Args:
        images: `(n, height + room, width + room, channels)`.
        room: as it was for `draw`.

    Returns:
        `(n, height, width, channels)`.
    """
    height, width = images.shape[1] - room, images.shape[2] - room
    first = room // 2
    return images[:, first : first + height, first : first + width]
