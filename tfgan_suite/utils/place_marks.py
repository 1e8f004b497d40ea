"""Boxes and key points drawn on enlarged images, so that one sees where an object was to be."""

from __future__ import annotations

import numpy as np

from tfgan_suite.utils import image_grids

LEAST_SIDE = 96  # of a marked image in pixels
_LIGHT, _DARK = 255, 0


def mark_boxes(images: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Images with the outlines of boxes.

    Args:
        images: `(n, height, width, channels)` in [-1, 1], or uint8.
        boxes: `(n, 4)`: left, top, width, height in fractions of the image.

    Returns:
        uint8 `(n, height * k, width * k, 3)`, enlarged by a whole number.
    """
    pixels = enlarged(images)
    height, width = pixels.shape[1:3]
    for image, (left, top, across, down) in zip(pixels, np.asarray(boxes)):
        low = _pixel(left, width), _pixel(top, height)
        high = _pixel(left + across, width), _pixel(top + down, height)
        for offset, value in ((0, _LIGHT), (1, _DARK)):  # seen on light and on dark images
            x0, y0, x1, y1 = (*(c + offset for c in low), *(c - offset for c in high))
            image[y0 : y1 + 1, [x0, x1]] = value
            image[[y0, y1], x0 : x1 + 1] = value
    return pixels


def mark_points(images: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """Images with a small square at each visible key point.

    Args:
        images: as for `mark_boxes`.
        keypoints: `(n, points, 3)`: x and y in fractions of the image, visibility.
    """
    pixels = enlarged(images)
    height, width = pixels.shape[1:3]
    for image, points in zip(pixels, np.asarray(keypoints)):
        for x, y, visibility in points:
            if visibility <= 0.5:
                continue
            column, row = _pixel(x, width), _pixel(y, height)
            for radius, value in ((3, _DARK), (2, _LIGHT)):
                rows = slice(max(row - radius, 0), row + radius + 1)
                image[rows, max(column - radius, 0) : column + radius + 1] = value
    return pixels


def enlarged(images: np.ndarray) -> np.ndarray:
    """A copy as uint8 with three channels, each pixel repeated until a side has 96 or more."""
    pixels = image_grids.as_colour(image_grids.to_uint8(images))
    factor = max(1, -(-LEAST_SIDE // pixels.shape[2]))
    return np.array(pixels.repeat(factor, axis=1).repeat(factor, axis=2))


def _pixel(fraction: float, side: int) -> int:
    return int(np.clip(np.floor(fraction * side), 0, side - 1))
