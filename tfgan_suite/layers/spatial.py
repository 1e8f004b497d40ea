"""Where things are, in networks: parts of maps cropped and pasted by boxes, maps of key points.

A box is left, top, width and height in fractions of the image. For the warps, coordinates run from
-1 to 1 between the centres of the first and the last cell (`align_corners=True`, as in the
official code of GAWWN): a box has the scale `s = width` and the centre `t = 2 (left + width / 2) -
1`. Key points lie in cells, so `x` falls into cell `floor(x size)`.

Nothing here gathers by index: warps are products of matrices, which have derivatives of any order
and run in TFLite.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError, must_be

DIRECTIONS = ("crop", "paste")
PLACEMENTS = ("floor", "round", "bilinear")


def warp_matrix(start: tf.Tensor, extent: tf.Tensor, size: int, direction: str) -> tf.Tensor:
    """Linear interpolation along one axis, from or to the interval that a box covers.

    ```
    R[i, j] = max(0, 1 - |p_i - j|),  p_i = (source_i + 1) / 2 (size - 1)
    crop:  source_i = s u_i + t          u_i = 2 i / (size - 1) - 1
    paste: source_i = (u_i - t) / s      s = extent, t = 2 start + extent - 1
    ```

    Beyond the ends of what is read there are zeros. Intervals shorter than one cell count as one
    cell with the same centre: something of them always lands in a cell.

    Args:
        start, extent: `(batch,)`, in fractions of the axis.
        size: cells of the axis, 2 or more.
        direction: `"crop"`: the interval becomes the entire axis; `"paste"`: the other way round.

    Returns:
        `(batch, size, size)`; a product with it from the left warps.
    """
    dtype = start.dtype
    centre = 2.0 * start + extent - 1.0
    scale = tf.maximum(extent, 1.0 / size)
    cells = tf.range(size, dtype=dtype)
    grid = 2.0 * cells / (size - 1.0) - 1.0
    if direction == "crop":
        source = scale[:, None] * grid + centre[:, None]
    else:
        source = (grid - centre[:, None]) / scale[:, None]
    position = (source + 1.0) / 2.0 * (size - 1.0)
    return tf.nn.relu(1.0 - tf.abs(position[:, :, None] - cells))


@compat.register_layer
class WarpMatrices(keras.layers.Layer):
    """The matrices that crop a box out of maps, or paste maps into it.

    Args:
        size: height and width of the maps.
        direction: `"crop"` or `"paste"`.

    Input: boxes `(batch, 4)`. Output `(batch, 2, size, size)`, of the rows and of the columns; see
    `warp_matrix`. They are float32 in half precision, too.

    Raises:
        InputError: an unknown direction, or fewer than two cells.
    """

    def __init__(self, size: int, direction: str, **kwargs: Any):
        super().__init__(**{"dtype": "float32", **kwargs})
        if direction not in DIRECTIONS:
            raise InputError(f"direction is {direction!r}; {must_be(direction, DIRECTIONS)}")
        if size < 2:
            raise InputError(f"maps of {size} cells cannot be warped; use 2 or more")
        self.size, self.direction = int(size), direction

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        left, top, width, height = tf.unstack(inputs, num=4, axis=1)
        rows = warp_matrix(top, height, self.size, self.direction)
        columns = warp_matrix(left, width, self.size, self.direction)
        return tf.stack([rows, columns], axis=1)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (input_shape[0], 2, self.size, self.size)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size, "direction": self.direction}


@compat.register_layer
class Warp(keras.layers.Layer):
    """Maps times matrices of rows and columns: `out = R_rows X R_columns^T` for each channel.

    Input: `[maps, matrices]`, maps `(batch, size, size, channels)` and matrices `(batch, 2, size,
    size)` of `WarpMatrices`. Output as the maps.
    """

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        maps, matrices = inputs
        _, height, width, channels = maps.shape
        rows = tf.reshape(maps, (-1, height, width * channels))
        rows = tf.reshape(tf.matmul(matrices[:, 0], rows), (-1, height, width, channels))
        return tf.matmul(matrices[:, 1:], rows)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return tuple(input_shape[0])


@compat.register_layer
class BoxMask(keras.layers.Layer):
    """1 in a box and 0 outside, with linear edges: what pasting a map of ones gives.

    Input: matrices of `WarpMatrices(size, "paste")`. Output `(batch, size, size, 1)`.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        sums = tf.reduce_sum(inputs, axis=-1)
        return (sums[:, 0, :, None] * sums[:, 1, None, :])[..., None]

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (input_shape[0], *input_shape[2:], 1)


@compat.register_layer
class KeypointMaps(keras.layers.Layer):
    """Key points as maps, one for each point, zero where it is not visible.

    Args:
        size: height and width of the maps.
        placement: `"floor"`: 1 in the cell that holds the point; `"round"`: as the official code
            rounds, half a cell further left and up; `"bilinear"`: distributed over the four nearest
            cells, so that the point's position within its cell is not lost.
        threshold: visibility above which a point counts as visible.

    Input: `(batch, points, 3)` of x, y in fractions of the image and visibility. Output `(batch,
    size, size, points)`, float32 in half precision, too.

    Raises:
        InputError: an unknown placement.
    """

    def __init__(self, size: int, placement: str = "floor", threshold: float = 0.1, **kwargs: Any):
        super().__init__(**{"dtype": "float32", **kwargs})
        if placement not in PLACEMENTS:
            raise InputError(f"placement is {placement!r}; {must_be(placement, PLACEMENTS)}")
        self.size, self.placement, self.threshold = int(size), placement, float(threshold)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        last = self.size - 1.0
        position = inputs[..., :2] * self.size
        if self.placement == "floor":
            position = tf.floor(position)
        elif self.placement == "round":
            position = tf.floor(position + 0.5) - 1.0
        else:
            position = position - 0.5
        position = tf.minimum(tf.maximum(position, 0.0), last)
        cells = tf.range(self.size, dtype=inputs.dtype)
        # (batch, cells, points) along each axis; whole numbers give 1 in one cell.
        columns, rows = (
            tf.nn.relu(1.0 - tf.abs(cells[:, None] - position[:, None, :, axis])) for axis in (0, 1)
        )
        visible = tf.cast(inputs[..., 2] > self.threshold, inputs.dtype)
        return (rows * visible[:, None])[:, :, None] * columns[:, None]

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (input_shape[0], self.size, self.size, input_shape[1])

    def get_config(self) -> dict[str, Any]:
        own = {"size": self.size, "placement": self.placement, "threshold": self.threshold}
        return {**super().get_config(), **own}


@compat.register_layer
class MaxOverChannels(keras.layers.Layer):
    """`(batch, height, width, channels)` to the largest value in each cell, one channel."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.reduce_max(inputs, axis=-1, keepdims=True)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (*input_shape[:-1], 1)


@compat.register_layer
class TileVector(keras.layers.Layer):
    """A vector `(batch, channels)` in every cell of maps `(batch, size, size, channels)`.

    Args:
        size: height and width of the maps.
    """

    def __init__(self, size: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = int(size)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        ones = tf.ones((1, self.size, self.size, 1), inputs.dtype)
        return inputs[:, None, None, :] * ones

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (input_shape[0], self.size, self.size, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}


@compat.register_layer
class ReplaceUnknown(keras.layers.Layer):
    """`s known + (1 - s) predicted`: what is known stays exactly as it is.

    Input: `[predicted, known, s]`, the first two `(batch, points, 3)`, s `(batch, points)` of 0 and
    1. Output as predicted, float32.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**{"dtype": "float32", **kwargs})

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        predicted, known, share = inputs
        return share[..., None] * known + (1.0 - share[..., None]) * predicted

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return tuple(input_shape[0])
