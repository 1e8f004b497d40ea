"""A constant for each extractor that brings its features to a readable size.

FID grows with the square of the features' scale and KID with its sixth power: with SqueezeNet's
features, whose root mean square is about 10, KID is hundreds of thousands. The constant is a power
of ten and follows from the network alone, not from the data at hand, so figures of one extractor
compare across data sets. It is 1 where features are readable as they are, and always for Inception,
whose FID is a standard.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from tfgan_suite.data.synthetic import scenes

# Root mean squares between these are left as they are.
_SMALLEST, _LARGEST = 0.05, 5.0
_IMAGES, _SIDE = 16, 64


class Scalable(Protocol):
    """What `scale_of` needs of an extractor."""

    scale: float | None
    channels: int | None

    def features(self, images: np.ndarray) -> np.ndarray:
        """One vector for each image."""


def scale_of(extractor: Scalable) -> float:
    """What the features of an extractor are divided by for measures.

    Args:
        extractor: one whose `scale` is `None` is run once on embedded images.

    Returns:
        `extractor.scale`, set from now on.
    """
    if extractor.scale is None:
        images = scenes.generate(_IMAGES, _SIDE, seed=0)
        if extractor.channels == 1:
            images = images[..., :1]
        features = extractor.features(images).astype(np.float64)
        extractor.scale = power_of_ten(math.sqrt(np.mean(np.square(features))))
    return extractor.scale


def power_of_ten(size: float) -> float:
    """The power of ten that brings a root mean square into the readable range; 1 for 0.

    Args:
        size: the root mean square.
    """
    if size >= _LARGEST:
        return 10.0 ** (math.floor(math.log10(size / _LARGEST)) + 1)
    if 0 < size < _SMALLEST:
        return 10.0 ** math.floor(math.log10(size / _SMALLEST))
    return 1.0
