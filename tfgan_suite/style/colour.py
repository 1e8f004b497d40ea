"""Colour preservation: two methods of Gatys et al. 2016 (arXiv 1606.05897).

Images are `(height, width, 3)`, red, green, blue, floats in [-1, 1].
"""

from __future__ import annotations

import numpy as np

from tfgan_suite.errors import InputError

_LUMA = np.array([0.299, 0.587, 0.114])  # BT.601


def luminance(image: np.ndarray) -> np.ndarray:
    """Luma Y = .299 R + .587 G + .114 B: float64 `(height, width, 1)`, in the image's range."""
    return (np.asarray(image, np.float64) @ _LUMA)[..., None]


def with_luminance_of(content: np.ndarray, stylized: np.ndarray) -> np.ndarray:
    """The colours of the content with the luminance of the stylized image, after a transfer.

    With Y from `stylized` and the colour differences R - Y, G - Y, B - Y from `content`, every
    colour moves by the same amount. Values outside [-1, 1] are clipped.

    Args:
        content: the image whose colours are preserved.
        stylized: an image of the same size whose luminance is used.

    Returns:
        float32 `(height, width, 3)` in [-1, 1].

    Raises:
        InputError: different sizes.
    """
    _check(content)
    if content.shape != stylized.shape:
        raise InputError(
            f"colours of an image of shape {content.shape} cannot go to one of shape "
            f"{stylized.shape}; resize one of them"
        )
    recoloured = content + (luminance(stylized) - luminance(content))
    return np.clip(recoloured, -1.0, 1.0).astype(np.float32)


def with_colours_of(content: np.ndarray, style: np.ndarray, ridge: float = 1e-5) -> np.ndarray:
    """A style image in the colours of a content image, before a transfer.

    The linear map `C^(1/2) S^(-1/2) (x - mean_S) + mean_C` changes the mean and the covariance of
    the style's pixels (S) to those of the content's (C). Each covariance is divided by its own
    number of pixels, so sizes may differ.

    Args:
        content: the image whose colours are used.
        style: the image that is recoloured.
        ridge: added to both covariances' diagonals, for images of a single colour.

    Returns:
        float32 of the style's shape, not clipped: clipping would change the colours.
    """
    _check(content), _check(style)
    mean_c, covariance_c = _moments(content, ridge)
    mean_s, covariance_s = _moments(style, ridge)
    matrix = _power(covariance_c, 0.5) @ _power(covariance_s, -0.5)
    return ((style - mean_s) @ matrix.T + mean_c).astype(np.float32)


def _check(image: np.ndarray) -> None:
    if image.ndim != 3 or image.shape[2] != 3:
        raise InputError(f"an image has shape {image.shape}; expected (height, width, 3)")


def _moments(image: np.ndarray, ridge: float) -> tuple[np.ndarray, np.ndarray]:
    pixels = np.asarray(image, np.float64).reshape(-1, 3)
    mean = pixels.mean(axis=0)
    return mean, (pixels - mean).T @ (pixels - mean) / len(pixels) + ridge * np.eye(3)


def _power(matrix: np.ndarray, exponent: float) -> np.ndarray:
    """Power of a symmetric positive matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * values**exponent) @ vectors.T
