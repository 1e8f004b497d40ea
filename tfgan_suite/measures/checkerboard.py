"""Checkerboards: patterns that an upsampling layer adds by itself (Odena et al. 2016, Distill).

A transposed convolution whose kernel is not a multiple of its stride reaches some pixels more often
than others; a sub-pixel convolution has different weights for each pixel of a block. Both show on
a constant input, which has no pattern.
"""

from __future__ import annotations

import numpy as np

from tfgan_suite.errors import InputError


def overlaps(kernel: int, stride: int) -> np.ndarray:
    """How many products add up to each pixel of a transposed convolution, away from edges.

    Args:
        kernel: side of the kernel.
        stride: of the convolution, the factor of upsampling.

    Returns:
        int64 `(stride, stride)`, for each position in a block: kernel 3 at stride 2 gives 4, 2, 2,
        1, kernel 4 gives 4 everywhere.

    Raises:
        InputError: a number below 1.
    """
    if kernel < 1 or stride < 1:
        raise InputError(f"kernel {kernel} and stride {stride}; expected 1 or more")
    line = np.array([len(range(phase, kernel, stride)) for phase in range(stride)])
    return np.outer(line, line)


def score(images: np.ndarray, factor: int, border: int = 4) -> float:
    """Strength of the pattern that repeats every `factor` pixels.

    Args:
        images: a network's output for a constant input, `(n, height, width, channels)`, sides
            multiples of the factor.
        factor: of upsampling.
        border: blocks that are ignored on each side because of edge effects; default 4.

    Returns:
        The largest difference, over the positions in a block and the channels, between the mean
        of a position and the mean of all; 0 without a pattern.

    Raises:
        InputError: nothing remains inside the border, or sides that are not multiples.
    """
    images = np.asarray(images, np.float64)
    if images.ndim != 4 or min(images.shape[1:3]) <= 2 * border * factor:
        raise InputError(
            f"images of shape {images.shape} leave nothing inside a border of {border} blocks"
            f" of {factor} pixels; expected sides above {2 * border * factor} pixels"
        )
    rim = slice(border * factor, -border * factor or None)
    inside = images[:, rim, rim]
    count, height, width, channels = inside.shape
    if height % factor or width % factor:
        raise InputError(
            f"sides of {height} and {width} pixels are not multiples of {factor}; crop the images"
        )
    blocks = inside.reshape(count, height // factor, factor, width // factor, factor, channels)
    means = blocks.mean(axis=(0, 1, 3))
    return float(np.abs(means - means.mean(axis=(0, 1))).max())
