"""Bicubic resampling as MATLAB's `imresize` does it, on which super-resolution's numbers rest.

Keys's kernel with a = -0.5, widened when images shrink (antialiasing), images continued by
their mirror image (the edge counts twice). 8-bit images are rounded after each axis, rows first,
as MATLAB rounds them. TensorFlow's and Pillow's bicubic differ at the outer two pixels; OpenCV's
has another kernel and no antialiasing.
"""

from __future__ import annotations

import numpy as np

from tfgan_suite.errors import InputError


def cubic_kernel(distance: np.ndarray) -> np.ndarray:
    """Keys's cubic kernel, a = -0.5, at distances in pixels; 0 from 2 on."""
    x = np.abs(distance)
    near = 1.5 * x**3 - 2.5 * x**2 + 1.0
    far = -0.5 * x**3 + 2.5 * x**2 - 4.0 * x + 2.0
    return np.where(x <= 1.0, near, np.where(x < 2.0, far, 0.0))


def resize_weights(length: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels of an axis make each new one, and with what weight.

    Args:
        length: pixels there are.
        size: pixels there shall be.

    Returns:
        Positions, int64 `(size, n)` in [0, length), and weights, float64 `(size, n)`, which sum
        to 1 in each row. Four times smaller: n is 16.

    Raises:
        InputError: a length or size below 1.
    """
    if length < 1 or size < 1:
        raise InputError(f"{length} pixels cannot be resized to {size}; expected 1 or more")
    scale = size / length
    wider = max(1.0, 1.0 / scale)
    centre = (np.arange(size) + 0.5) / scale - 0.5
    count = int(np.ceil(4.0 * wider)) + 2
    places = np.floor(centre - 2.0 * wider).astype(np.int64)[:, None] + np.arange(count)
    weights = cubic_kernel((centre[:, None] - places) / wider)
    weights /= weights.sum(axis=1, keepdims=True)
    used = (weights != 0.0).any(axis=0)
    there_and_back = places[:, used] % (2 * length)
    mirrored = np.where(there_and_back < length, there_and_back, 2 * length - 1 - there_and_back)
    return mirrored, weights[:, used]


def resize(
    image: np.ndarray,
    height: int,
    width: int,
    rows: slice = slice(None),
    columns: slice = slice(None),
) -> np.ndarray:
    """Resizes an image, or computes a part of the resized image alone.

    Args:
        image: uint8 or float `(height, width, channels)`.
        height: rows of the whole result.
        width: columns of the whole result.
        rows: the part of its rows that is wanted.
        columns: the part of its columns.

    Returns:
        uint8 for uint8, else float64, of the part's shape.
    """
    parts = (
        tuple(found[rows] for found in resize_weights(image.shape[0], height)),
        tuple(found[columns] for found in resize_weights(image.shape[1], width)),
    )
    made = image
    for axis, (places, weights) in enumerate(parts):
        made = _along(made, places, weights, axis)
        if image.dtype == np.uint8:
            # MATLAB's round: halves go up.
            made = np.clip(np.floor(made + 0.5), 0.0, 255.0)
    return made.astype(np.uint8) if image.dtype == np.uint8 else made


def downscale(image: np.ndarray, scale: int) -> np.ndarray:
    """The low-resolution image of a benchmark: antialiased, `scale` times smaller.

    Args:
        image: uint8 or float `(height, width, channels)`, sides multiples of `scale`.
        scale: whole number.

    Raises:
        InputError: a side is no multiple of the scale.
    """
    height, width = image.shape[:2]
    if height % scale or width % scale or not height or not width:
        raise InputError(
            f"an image of {width}x{height} pixels cannot be made {scale} times smaller; crop its"
            f" sides to multiples of {scale} (`crop_to_multiple`)"
        )
    return resize(image, height // scale, width // scale)


def upscale(image: np.ndarray, scale: int) -> np.ndarray:
    """The baseline of super-resolution: `scale` times larger.

    Args:
        image: uint8 or float `(height, width, channels)`.
        scale: whole number.
    """
    return resize(image, image.shape[0] * scale, image.shape[1] * scale)


def crop_to_multiple(image: np.ndarray, scale: int) -> np.ndarray:
    """An image without the last rows and columns that are no multiple of the scale."""
    height, width = (side // scale * scale for side in image.shape[:2])
    return image[:height, :width]


def _along(image: np.ndarray, places: np.ndarray, weights: np.ndarray, axis: int) -> np.ndarray:
    """Weighted sums over one axis, one tap after the other, so that memory stays small."""
    shape = [1] * image.ndim
    shape[axis] = len(places)
    return sum(
        weight.reshape(shape) * np.take(image, place, axis=axis)
        for place, weight in zip(places.T, weights.T)
    )
