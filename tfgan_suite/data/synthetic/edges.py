"""How sharp the outline of a shape is: blurred images have the right colours and weak edges."""

from __future__ import annotations

import numpy as np

from tfgan_suite.data.synthetic.shape_reader import STANDS_OUT


def sharpness(images: np.ndarray) -> np.ndarray:
    """Mean gradient along the outline of what stands out in an image.

    The distance of each pixel's colour from the background's is 0 on the background and 1, its
    largest value, in the shape. Its outline are the pixels beside which it crosses 1/2, and the
    gradient is that of central differences: an edge within a pixel or two has about 0.5, an image
    enlarged four times by bicubic interpolation about 0.2.

    Args:
        images: `(n, height, width, 3)`, uint8, or float in [-1, 1].

    Returns:
        float64 `(n,)`, per pixel; NaN where nothing stands out.
    """
    images = np.asarray(images)
    scale, shift = (255.0, 0.0) if images.dtype == np.uint8 else (2.0, 1.0)
    images = np.clip((images.astype(np.float64) + shift) / scale, 0.0, 1.0)
    rim = np.concatenate(
        [images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1]], axis=1
    )
    background = np.median(rim, axis=1)[:, None, None]
    contrast = np.linalg.norm(images - background, axis=-1)
    largest = contrast.max(axis=(1, 2))
    share = contrast / np.maximum(largest, 1e-9)[:, None, None]
    inside = share > 0.5
    outline = np.zeros_like(inside)
    for axis in (1, 2):
        crosses = np.diff(inside, axis=axis)
        ends = [[(0, 0)] * 3, [(0, 0)] * 3]
        ends[0][axis], ends[1][axis] = (0, 1), (1, 0)
        outline |= np.pad(crosses, ends[0]) | np.pad(crosses, ends[1])
    gradient = np.hypot(np.gradient(share, axis=1), np.gradient(share, axis=2))
    count = outline.sum(axis=(1, 2))
    means = (gradient * outline).sum(axis=(1, 2)) / np.maximum(count, 1)
    return np.where((count > 0) & (largest >= STANDS_OUT), means, np.nan)
