"""Bicubic resampling that matches MATLAB's `imresize`, as super-resolution benchmarks require.

Keys's kernel with a = -0.5, widened for downscaling (antialiasing), with symmetric padding (the
edge pixel is repeated). 8-bit images are rounded after each axis, rows first, as in MATLAB.
TensorFlow's and Pillow's bicubic differ at the outer two pixels; OpenCV's has another kernel and
no antialiasing.
"""

from __future__ import annotations

import numpy as np

from tfgan_suite.errors import InputError

_BAND_VALUES = 2**21


def cubic_kernel(distance: np.ndarray) -> np.ndarray:
    """Keys's cubic kernel with a = -0.5 at distances in pixels; 0 at distances of 2 or more."""
    x = np.abs(distance)
    near = 1.5 * x**3 - 2.5 * x**2 + 1.0
    far = -0.5 * x**3 + 2.5 * x**2 - 4.0 * x + 2.0
    return np.where(x <= 1.0, near, np.where(x < 2.0, far, 0.0))


def resize_weights(length: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The input pixels along an axis that contribute to each output pixel, and their weights.

    Args:
        length: input pixels.
        size: output pixels.

    Returns:
        Positions, int64 `(size, n)` in [0, length), and weights, float64 `(size, n)`, which sum
        to 1 in each row. For downscaling by 4, n is 16.

    Raises:
        InputError: the length or the size is below 1.
    """
    if length < 1 or size < 1:
        raise InputError(
            f"{length} pixels cannot be resized to {size}; expected 1 or more for both: check the"
            " image and the size"
        )
    scale = size / length
    widening = max(1.0, 1.0 / scale)
    centre = (np.arange(size) + 0.5) / scale - 0.5
    count = int(np.ceil(4.0 * widening)) + 2
    positions = np.floor(centre - 2.0 * widening).astype(np.int64)[:, None] + np.arange(count)
    weights = cubic_kernel((centre[:, None] - positions) / widening)
    weights /= weights.sum(axis=1, keepdims=True)
    used = (weights != 0.0).any(axis=0)
    # Symmetric padding: .. 1 0 | 0 1 .. n-1 | n-1 n-2 ..
    wrapped = positions[:, used] % (2 * length)
    padded = np.where(wrapped < length, wrapped, 2 * length - 1 - wrapped)
    return padded, weights[:, used]


def resize(
    image: np.ndarray,
    height: int,
    width: int,
    rows: slice = slice(None),
    columns: slice = slice(None),
) -> np.ndarray:
    """Resizes an image, or computes only a part of the resized image.

    Args:
        image: uint8 or float `(height, width, channels)`.
        height: rows of the full result.
        width: columns of the full result.
        rows: the rows of it to return.
        columns: the columns of it to return.

    Returns:
        uint8 for uint8, else float64, of the shape of the part.
    """
    down = tuple(array[rows] for array in resize_weights(image.shape[0], height))
    across = tuple(array[columns] for array in resize_weights(image.shape[1], width))
    shape = (len(down[0]), len(across[0]), *image.shape[2:])
    resized = np.empty(shape, np.uint8 if image.dtype == np.uint8 else np.float64)
    # A few rows of the result at a time: the sums have 8 bytes for each value.
    count = max(1, _BAND_VALUES // max(1, image[0].size, resized[0].size if len(down[0]) else 1))
    for start in range(0, len(down[0]), count):
        band = slice(start, start + count)
        values = image
        for axis, (positions, weights) in enumerate(((down[0][band], down[1][band]), across)):
            values = _weighted_sum(values, positions, weights, axis)
            if image.dtype == np.uint8:
                # MATLAB rounds halves up.
                values = np.clip(np.floor(values + 0.5), 0.0, 255.0)
        resized[band] = values
    return resized


def downscale(image: np.ndarray, scale: int) -> np.ndarray:
    """Downscales as the benchmarks do: antialiased, `scale` times smaller.

    Args:
        image: uint8 or float `(height, width, channels)`, sides multiples of `scale`.
        scale: whole number.

    Raises:
        InputError: a side is not a multiple of the scale.
    """
    height, width = image.shape[:2]
    if height % scale or width % scale or not height or not width:
        raise InputError(
            f"an image of {width}x{height} pixels cannot be made {scale} times smaller; expected"
            f" sides that are multiples of {scale}: crop it with `crop_to_multiple`"
        )
    return resize(image, height // scale, width // scale)


def upscale(image: np.ndarray, scale: int) -> np.ndarray:
    """Upscales to `scale` times the size: the baseline of super-resolution.

    Args:
        image: uint8 or float `(height, width, channels)`.
        scale: whole number.
    """
    return resize(image, image.shape[0] * scale, image.shape[1] * scale)


def crop_to_multiple(image: np.ndarray, scale: int) -> np.ndarray:
    """Crops an image at the bottom and right so that its sides are multiples of the scale."""
    height, width = (side // scale * scale for side in image.shape[:2])
    return image[:height, :width]


def _weighted_sum(
    image: np.ndarray, positions: np.ndarray, weights: np.ndarray, axis: int
) -> np.ndarray:
    """Weighted sums along one axis, one position at a time to save memory."""
    shape = [1] * image.ndim
    shape[axis] = len(positions)
    return sum(
        weight.reshape(shape) * np.take(image, position, axis=axis)
        for position, weight in zip(positions.T, weights.T)
    )
