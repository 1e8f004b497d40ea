"""Strided convolutions of small maps as one matrix product: same result, faster on CPUs.

oneDNN is slow on maps of 4x4 with many channels. Measured on one core at 256 to 512 channels,
batch 64, stride 2, in ms as convolution and as product:

    | | forward | input gradient | kernel gradient |
    | --- | --- | --- | --- |
    | float32 | 55, 47 | 60, 50 | 59, 50 |
    | bfloat16 | 16, 12 | 25, 14 | 58, 14 |

That saves 5% of a DCGAN step (64 pixels, width 64, kernel 4) in float32 and 30% in bfloat16. A
stride of s becomes `space_to_depth(s)`, so that a few slices form all patches, followed by a matrix
product. A kernel of 5 would be padded to 6, which costs more than it gains. All operations are
differentiable, so derivatives of every order exist.

With few rows, which are images times positions, as in the middle of a U-Net at batch 1, the weights
are most of the data: a layer costs what reading and writing them costs. There the product takes the
kernel as it lies in memory, and the patches, which are small, are rearranged instead. Forward and
both gradients of layers of a U-Net for 256 pixels at batch 1, on one core, in CPU ms as convolution
and as product:

    | | float32, 2.15 | float32, 2.21 | bfloat16, 2.15 | bfloat16, 2.21 |
    | --- | --- | --- | --- | --- |
    | 32x32x256 to 16x16x512 | 41, 40 | 56, 36 | 20, 16 | 19, 13 |
    | 16x16x512 to 8x8x512 | 35, 24 | 42, 24 | 36, 18 | 48, 18 |
    | 8x8x512 to 4x4x512 | 27, 14 | 24, 14 | 40, 18 | 27, 13 |
    | 2x2x512 to 1x1x512 | 17, 8 | 26, 8 | 46, 17 | 26, 13 |
    | 8x8x1024 to 16x16x512 | 93, 44 | 95, 45 | 73, 27 | 65, 26 |
    | 16x16x1024 to 32x32x256 | 65, 53 | 85, 53 | 44, 22 | 38, 19 |

The price: where patches overlap, up to four rounded parts are added. In bfloat16 a transposed
convolution, or a convolution's gradient by its input, has an error of 0.3% instead of 0.17%. In
float16, whose product accumulates in float16 on some versions, convolutions stay as they are.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import tensorflow as tf

from tfgan_suite.utils import runtime

# On larger maps oneDNN is as fast.
MAX_POSITIONS = 16
# Beyond, rearranging the patches costs more than rearranging the kernel (at 1,024 rows 5 to 15%).
MAX_FEW_ROWS = 256
MIN_WEIGHTS = 2**20
# Of larger maps of few rows: with fewer, the weights are too small a part of the data.
MIN_WEIGHTS_PER_ROW = 2**13


def is_faster(
    sides: Sequence[int | None], kernel: tf.Tensor, stride: int, batch: int | None = None
) -> bool:
    """Whether the matrix product is faster.

    Args:
        sides: rows and columns of the smaller maps: a convolution's outputs, a transposed
            convolution's inputs.
        kernel: kernel of either.
        stride: of both axes.
        batch: number of images, if known.
    """
    rows, columns = sides
    if rows is None or columns is None:
        return False
    positions, weights = rows * columns, math.prod(kernel.shape)
    is_small = positions <= MAX_POSITIONS
    if not is_small and batch is not None and _has_few_rows(batch, positions):
        is_small = weights >= batch * positions * MIN_WEIGHTS_PER_ROW
    # A question of speed only: on GPUs and TPUs convolutions are as fast.
    return (
        is_small
        and weights >= MIN_WEIGHTS
        and kernel.dtype in (tf.float32, tf.bfloat16)
        and stride > 1
        and kernel.shape[0] % stride == 0
        and runtime.on_cpus()
    )


def _has_few_rows(batch: int | None, positions: int) -> bool:
    return batch is not None and batch * positions <= MAX_FEW_ROWS


def convolution(
    images: tf.Tensor, kernel: tf.Tensor, stride: int, pad: int | None = None
) -> tf.Tensor:
    """`tf.nn.conv2d(images, kernel, stride, "SAME")`, or that of padded images with "VALID".

    Args:
        images: `(batch, height, width, channels)`, height and width known.
        kernel: `(size, size, channels, filters)`, of the images' type; size at least the stride.
        stride: of both axes.
        pad: zeros on each of the four sides; None: those of "SAME". `size + stride * positions`
            must cover the padded images exactly, see `covers`.

    Returns:
        `(batch, rows, columns, filters)`; with "SAME" `rows` is `ceil(height / stride)`.
    """
    size, _, _, filters = kernel.shape
    down, across = (_Axis(side, size, stride, pad) for side in images.shape[1:3])
    x = tf.pad(images, [[0, 0], down.padding, across.padding, [0, 0]])
    if size % stride == 0 and _has_few_rows(images.shape[0], down.count * across.count):
        outputs = tf.matmul(_patches(x, down, across), tf.reshape(kernel, (-1, filters)))
    else:
        x = x if stride == 1 else tf.nn.space_to_depth(x, stride)
        sizes = [-1, down.count, across.count, -1]
        offsets = [(i, j) for i in range(down.blocks) for j in range(across.blocks)]
        patches = tf.concat([tf.slice(x, [0, i, j, 0], sizes) for i, j in offsets], axis=-1)
        flat = tf.reshape(patches, (-1, patches.shape[-1]))
        outputs = tf.matmul(flat, _kernel_matrix(kernel, stride, down.blocks), transpose_b=True)
    return tf.reshape(outputs, (-1, down.count, across.count, filters))


def covers(side: int, size: int, stride: int, pad: int) -> bool:
    """Whether the positions of a kernel reach exactly to the end of a padded side."""
    reach = side + 2 * pad - size
    return reach >= 0 and reach % stride == 0


def transposed_convolution(maps: tf.Tensor, kernel: tf.Tensor, stride: int) -> tf.Tensor:
    """`tf.nn.conv2d_transpose(maps, kernel, ..., stride, "SAME")` to `stride` times the size.

    Args:
        maps: `(batch, rows, columns, channels)`, rows and columns known.
        kernel: `(size, size, filters, channels)`, of the maps' type; size at least the stride.
        stride: of both axes.

    Returns:
        `(batch, rows * stride, columns * stride, filters)`.
    """
    batch, rows, columns, channels = maps.shape
    size, _, filters, _ = kernel.shape
    down, across = (_Axis(side * stride, size, stride) for side in (rows, columns))
    flat = tf.reshape(maps, (-1, channels))
    if size % stride == 0 and _has_few_rows(batch, rows * columns):
        patches = tf.matmul(flat, tf.reshape(kernel, (-1, channels)), transpose_b=True)
        x = _overlap_add(patches, down, across)
    else:
        weights = _kernel_matrix(kernel, stride, down.blocks)
        patches = tf.reshape(tf.matmul(flat, weights), (-1, rows, columns, weights.shape[1]))
        # Every block of a patch goes to its own position; overlapping ones are added.
        offsets = [(i, j) for i in range(down.blocks) for j in range(across.blocks)]
        shifted = [
            tf.pad(part, [[0, 0], [i, down.blocks - 1 - i], [j, across.blocks - 1 - j], [0, 0]])
            for part, (i, j) in zip(tf.split(patches, len(offsets), axis=-1), offsets)
        ]
        x = tf.add_n(shifted)
        x = x if stride == 1 else tf.nn.depth_to_space(x, stride)
    sizes = [-1, rows * stride, columns * stride, filters]
    return tf.slice(x, [0, down.padding[0], across.padding[0], 0], sizes)


def _patches(x: tf.Tensor, down: _Axis, across: _Axis) -> tf.Tensor:
    """The pixels below each position of a kernel, in the order of its weights.

    Args:
        x: padded images, `(batch, height, width, channels)`, sides multiples of the stride.
        down, across: their axes; sizes of the kernel are multiples of the stride.

    Returns:
        `(batch * rows * columns, size * size * channels)`.
    """
    (rows, columns), size, stride = (down.count, across.count), down.size, down.stride
    _, height, width, channels = x.shape
    x = _shifted_parts(tf.reshape(x, (-1, height // stride, stride * width * channels)), rows)
    x = tf.reshape(x, (-1, width // stride, stride * channels))
    x = _shifted_parts(x, columns)
    x = tf.reshape(x, (-1, rows, size, columns, size * channels))
    return tf.reshape(tf.transpose(x, (0, 1, 3, 2, 4)), (-1, size * size * channels))


def _overlap_add(patches: tf.Tensor, down: _Axis, across: _Axis) -> tf.Tensor:
    """The sum of patches at their positions, the transpose of `_patches`.

    Args:
        patches: `(batch * rows * columns, size * size * channels)`.
        down, across: axes of the images.

    Returns:
        `(batch, height, width, channels)`, of the padded images.
    """
    (rows, columns), size, stride = (down.count, across.count), down.size, down.stride
    channels = patches.shape[1] // size**2
    height, width = (axis.count + axis.blocks - 1 for axis in (down, across))
    x = tf.reshape(patches, (-1, rows, columns, size, size * channels))
    x = tf.reshape(tf.transpose(x, (0, 1, 3, 2, 4)), (-1, columns, size * channels))
    x = _shifted_sum(x, across.blocks)
    x = tf.reshape(x, (-1, rows, size * width * stride * channels))
    x = _shifted_sum(x, down.blocks)
    return tf.reshape(x, (-1, height * stride, width * stride, channels))


def _shifted_parts(x: tf.Tensor, count: int) -> tf.Tensor:
    """What stands at each position and at those after it, the transpose of `_shifted_sum`.

    Args:
        x: `(batch, positions, values)`.
        count: number of positions that have all others of their kernel after them.

    Returns:
        `(batch, count, (positions - count + 1) * values)`.
    """
    # Not x[:, i:j], whose gradient is three times as slow.
    parts = [tf.slice(x, [0, i, 0], [-1, count, -1]) for i in range(x.shape[1] - count + 1)]
    return tf.concat(parts, axis=2)


def _shifted_sum(x: tf.Tensor, count: int) -> tf.Tensor:
    """The sum of the parts of the last axis, each moved by one position more.

    Args:
        x: `(batch, positions, count * values)`.
        count: number of parts.

    Returns:
        `(batch, positions + count - 1, values)`.
    """
    parts = tf.split(x, count, axis=2)
    return tf.add_n([
        tf.pad(part, [[0, 0], [i, count - 1 - i], [0, 0]]) for i, part in enumerate(parts)
    ])  # fmt: skip


@dataclasses.dataclass(frozen=True)
class _Axis:
    """One axis of a convolution over `side` pixels; `pad` None: of a "SAME" convolution."""

    side: int
    size: int
    stride: int
    pad: int | None = None

    @property
    def count(self) -> int:
        """Positions of the kernel."""
        if self.pad is not None:
            return (self.side + 2 * self.pad - self.size) // self.stride + 1
        return math.ceil(self.side / self.stride)

    @property
    def blocks(self) -> int:
        """Blocks of `stride` pixels that the kernel covers, padded with zeros."""
        return math.ceil(self.size / self.stride)

    @property
    def padding(self) -> tuple[int, int]:
        """Zeros before, as in TensorFlow, and after: up to a multiple of the stride."""
        before = self.pad
        if before is None:
            before = max((self.count - 1) * self.stride + self.size - self.side, 0) // 2
        return before, (self.count - 1 + self.blocks) * self.stride - self.side - before


def _kernel_matrix(kernel: tf.Tensor, stride: int, blocks: int) -> tf.Tensor:
    """A kernel `(size, size, a, b)` as `(b, blocks * blocks * stride * stride * a)`.

    b comes first, so that the product for the kernel's gradient transposes the outputs, not the
    patches, which are eight times as large: 39 ms instead of 68 (float32).
    """
    size, _, *channels = kernel.shape
    padding = blocks * stride - size
    if padding:
        kernel = tf.pad(kernel, [[0, padding], [0, padding], [0, 0], [0, 0]])
    kernel = tf.reshape(kernel, (blocks, stride, blocks, stride, *channels))
    return tf.reshape(tf.transpose(kernel, (5, 0, 2, 1, 3, 4)), (channels[1], -1))
