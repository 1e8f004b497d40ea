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

The same holds for transposed convolutions of stride 2 to an image, and so for a strided
convolution's gradient by its images: what the last layer of a generator computes, the first layer
of a discriminator for the generator's update, and all gradient penalties. All pixels of a block
depend on the same few positions of the maps, so that they are an ordinary convolution to 12
channels. TensorFlow 2.21, one core, in CPU ms as transposed convolution and in blocks:

    | maps of 64 channels, to an image | float32 | bfloat16 |
    | --- | --- | --- |
    | 4x4, 64 of 32x32 to 64x64x3 | 14.0, 8.2 | 3.0, 2.1 |
    | 4x4, one of 128x128 to 256x256x3 | 3.3, 2.1 | .91, .84 |
    | 5x5, 64 of 32x32 to 64x64x3 | 20.2, 8.2 | 3.4, 2.1 |
    | 5x5, 64 of 16x16 to 32x32x3 | 5.4, 2.2 | 1.3, .85 |
    | 3x3, 64 of 16x16 to 32x32x3 | 2.6, 1.4 | 1.0, .68 |
    | 4x4, one of 128x128 to 256x256x6 | 3.5, 3.7 | .91, 1.2 |
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfgan_suite.utils import runtime

BLOCK = 2
# The pixels of a block must fit into the channels that are computed anyway.
MAX_FILTERS = 4
# Smaller kernels grow too much; small maps gain nothing.
MIN_KERNEL, MIN_POSITIONS = 5, 64 * 64
# With smaller ones there is nothing to gain.
MIN_STRIDED_KERNEL = 3


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


def strided_is_faster(
    shape: Sequence[int | None], kernel: tf.Tensor, padding: str, steps: Sequence[int]
) -> bool:
    """Whether `strided_convolution` and `transposed_convolution` are faster than TensorFlow's.

    Args:
        shape: of the larger maps, the images, `(batch, height, width, channels)`.
        kernel: `(size, size, channels of the images, channels of the maps)`.
        padding: `"same"` or `"valid"`.
        steps: strides and dilations.
    """
    _, height, width, _ = shape
    size, _, channels, _ = kernel.shape
    return (
        (padding, *steps) == ("same", BLOCK, BLOCK, 1, 1)
        and height is not None
        and width is not None
        and height % BLOCK == width % BLOCK == 0
        and kernel.shape[1] == size >= MIN_STRIDED_KERNEL
        and channels <= MAX_FILTERS
        and kernel.dtype in (tf.float32, tf.bfloat16)
        and runtime.on_cpus()
    )


@tf.custom_gradient
def strided_convolution(images: tf.Tensor, kernel: tf.Tensor) -> Any:
    """`tf.nn.conv2d(images, kernel, 2, "SAME")`, whose gradient by the images is fast.

    Args:
        images: `(batch, height, width, channels)`, sides known and even.
        kernel: `(size, size, channels, filters)`.

    Returns:
        `(batch, height / 2, width / 2, filters)`. Derivatives of every order exist.
    """

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        to_kernel = _kernel_gradient(images, kernel, upstream)
        return transposed_convolution(upstream, kernel), to_kernel

    return tf.nn.conv2d(images, kernel, BLOCK, "SAME"), gradient


@tf.custom_gradient
def transposed_convolution(maps: tf.Tensor, kernel: tf.Tensor) -> Any:
    """`tf.nn.conv2d_transpose(maps, kernel, ..., 2, "SAME")` to twice the size.

    Args:
        maps: `(batch, rows, columns, channels)`, rows and columns known.
        kernel: `(size, size, filters, channels)`.

    Returns:
        `(batch, 2 * rows, 2 * columns, filters)`. Derivatives of every order exist.
    """

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return strided_convolution(upstream, kernel), _kernel_gradient(upstream, kernel, maps)

    blocks, (before, after) = _transposed_block_kernel(kernel)
    if before == after:
        outputs = tf.nn.conv2d(maps, blocks, 1, "SAME")
    else:
        zeros = [[0, 0], [before, after], [before, after], [0, 0]]
        outputs = tf.nn.conv2d(tf.pad(maps, zeros), blocks, 1, "VALID")
    return tf.nn.depth_to_space(outputs, BLOCK), gradient


def _kernel_gradient(images: tf.Tensor, kernel: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
    """Of a strided convolution."""
    strides = [1, BLOCK, BLOCK, 1]
    return tf.raw_ops.Conv2DBackpropFilter(
        input=images, filter_sizes=kernel.shape, out_backprop=upstream, strides=strides,
        padding="SAME",
    )  # fmt: skip


def _transposed_block_kernel(kernel: tf.Tensor) -> tuple[tf.Tensor, tuple[int, int]]:
    """The kernel of the convolution that computes the blocks of a transposed one.

    Pixel `2 a + p` of an axis is the sum over i of `maps[a - i] * kernel[2 i + p + pad]`, where pad
    zeros stand before the images: every second weight, in reverse.

    Args:
        kernel: `(size, size, filters, channels)`.

    Returns:
        `(positions, positions, channels, 4 * filters)`, pixels row by row, and how many of the
        positions lie before and after that of the block.
    """
    size = kernel.shape[0]
    pad = (size - BLOCK) // 2
    firsts = [(pixel + pad) % BLOCK for pixel in range(BLOCK)]
    ends = [(pixel + pad) // BLOCK for pixel in range(BLOCK)]
    counts = [len(range(first, size, BLOCK)) for first in firsts]
    starts = [end - count + 1 for end, count in zip(ends, counts)]
    before, after = -min(starts), max(ends)
    flipped = tf.transpose(kernel, (0, 1, 3, 2))
    zeros = [[start + before, after - end] for start, end in zip(starts, ends)]
    pixels = [
        tf.pad(tf.reverse(flipped[i::BLOCK, j::BLOCK], [0, 1]), [rows, columns, [0, 0], [0, 0]])
        for i, rows in zip(firsts, zeros)
        for j, columns in zip(firsts, zeros)
    ]
    return tf.concat(pixels, axis=3), (before, after)


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
