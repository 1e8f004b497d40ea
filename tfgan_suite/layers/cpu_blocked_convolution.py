"""Convolutions to very few channels, computed for blocks of pixels: same result, faster.

CPUs compute 16 channels of a convolution at a time, needed or not: one that outputs an RGB image
discards thirteen. The pixels of a 2x2 block as 12 channels need a kernel larger by one row and one
column, at stride 2. Measured on two cores in float32, 64 to 3 channels, in ms as convolution and
in blocks:

    | | forward | forward and both gradients |
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
# The pixels of a block must fit into the channels that are computed anyway.
MAX_FILTERS = 4
# Smaller kernels grow too much; small maps gain nothing.
MIN_KERNEL, MIN_POSITIONS = 5, 64 * 64


def is_faster(
    shape: Sequence[int | None], kernel: tf.Tensor, padding: str, steps: Sequence[int]
) -> bool:
    """Whether computing in blocks is faster.

    In bfloat16 it is not: the gradient of a strided convolution is slow there.

    Args:
        shape: of the images, `(batch, height, width, channels)`.
        kernel: `(rows, columns, channels, filters)`.
        padding: `"same"` or `"valid"`.
        steps: strides and dilations.
    """
    batch, height, width, _ = shape
    if height is None or width is None or {*steps} != {1}:
        return False
    sides = [height, width]
    if padding == "valid":
        sides = [side - size + 1 for side, size in zip(sides, kernel.shape)]
    return (
        not any(side % BLOCK for side in sides)
        and (batch or 1) * math.prod(sides) >= MIN_POSITIONS
        and min(kernel.shape[:2]) >= MIN_KERNEL
        and kernel.shape[3] <= MAX_FILTERS
        and kernel.dtype == tf.float32
        # A question of speed only: the result is the same everywhere.
        and runtime.on_cpus()
    )


def convolution(images: tf.Tensor, kernel: tf.Tensor, padding: str) -> tf.Tensor:
    """`tf.nn.conv2d(images, kernel, 1, padding)`.

    Args:
        images: `(batch, height, width, channels)`.
        kernel: `(rows, columns, channels, filters)`.
        padding: `"same"` or `"valid"`; the sides of the output are even.
    """
    if padding == "same":
        margins = [[(side - 1) // 2, side // 2] for side in kernel.shape[:2]]
        images = tf.pad(images, [[0, 0], *margins, [0, 0]])
    blocks = block_kernel(kernel, [[offset, BLOCK - 1 - offset] for offset in range(BLOCK)])
    return tf.nn.depth_to_space(tf.nn.conv2d(images, blocks, BLOCK, "VALID"), BLOCK)


def block_kernel(kernel: tf.Tensor, pads: Sequence[Sequence[int]]) -> tf.Tensor:
    """The kernel that computes all pixels of a block as channels.

    Args:
        kernel: `(rows, columns, channels, filters)`.
        pads: for each row (and column) of pixels in the block, rows (and columns) of zeros before
            and after the kernel.

    Returns:
        `(more rows, more columns, channels, pixels * filters)`, pixels row by row.
    """
    none = [0, 0]
    shifted = [tf.pad(kernel, [rows, columns, none, none]) for rows in pads for columns in pads]
    return tf.concat(shifted, axis=3)
