"""Convolutions to very few channels, for a block of pixels at once: the same numbers, sooner.

CPUs compute 16 channels of a convolution at a time, needed or not: the one that makes an image
throws away thirteen. The pixels of a block of 2 x 2 as 12 channels need a kernel larger by one
row and one column, at stride 2. Measured on two cores in float32 forwards and with both
gradients, 64 to 3 channels, in ms as convolution and in blocks:

    | | forwards | with gradients |
    | --- | --- | --- |
    | 7x7, one image of 256x256 | 37, 15 | 85, 48 |
    | 7x7, one image of 128x128 | 8.2, 4.4 | 18, 11 |
    | 9x9, four of 96x96 | 36, 13 | 77, 37 |
    | 3x3, one of 64x64 | 1.2, 1.3 | 2.4, 2.6 |
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf

from tfgan_suite.utils import runtime

BLOCK = 2
# A block's pixels must fit into what is computed anyway.
MOST_FILTERS = 4
# Smaller kernels grow too much, smaller maps cost as little either way.
LEAST_SIDE, FEWEST_POSITIONS = 5, 64 * 64


def is_faster(
    shape: Sequence[int | None], kernel: tf.Tensor, padding: str, steps: Sequence[int]
) -> bool:
    """Whether blocks are the faster way.

    In bfloat16 they are not: the gradient of a strided convolution is slow there.

    Args:
        shape: of the images, `(batch, height, width, channels)`.
        kernel: `(rows, columns, channels, filters)`.
        padding: `"same"` or `"valid"`.
        steps: strides and dilations.
    """
    batch, *sides, _ = shape
    if None in sides or {*steps} != {1}:
        return False
    if padding == "valid":
        sides = [side - size + 1 for side, size in zip(sides, kernel.shape)]
    return (
        not any(side % BLOCK for side in sides)
        and (batch or 1) * math.prod(sides) >= FEWEST_POSITIONS
        and min(kernel.shape[:2]) >= LEAST_SIDE
        and kernel.shape[3] <= MOST_FILTERS
        and kernel.dtype == tf.float32
        # The processors decide, not the numbers.
        and runtime.on_cpus()
    )


def convolution(images: tf.Tensor, kernel: tf.Tensor, padding: str) -> tf.Tensor:
    """`tf.nn.conv2d(images, kernel, 1, padding)`.

    Args:
        images: `(batch, height, width, channels)`.
        kernel: `(rows, columns, channels, filters)`.
        padding: `"same"` or `"valid"`; the sides of what comes out are even.
    """
    if padding == "same":
        around = [[(side - 1) // 2, side // 2] for side in kernel.shape[:2]]
        images = tf.pad(images, [[0, 0], *around, [0, 0]])
    pixels = of_pixels(kernel, [[place, BLOCK - 1 - place] for place in range(BLOCK)])
    return tf.nn.depth_to_space(tf.nn.conv2d(images, pixels, BLOCK, "VALID"), BLOCK)


def of_pixels(kernel: tf.Tensor, pads: Sequence[Sequence[int]]) -> tf.Tensor:
    """The kernel whose channels are what each pixel of a block sees.

    Args:
        kernel: `(rows, columns, channels, filters)`.
        pads: of each row (and column) of pixels in the block, rows (and columns) of zeros before
            and behind the kernel.

    Returns:
        `(more rows, more columns, channels, pixels * filters)`, pixels row by row.
    """
    none = [0, 0]
    moved = [tf.pad(kernel, [rows, columns, none, none]) for rows in pads for columns in pads]
    return tf.concat(moved, axis=3)
