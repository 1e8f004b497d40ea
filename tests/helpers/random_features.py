"""VGG19s of random weights, and images of noise for them."""

import numpy as np

from tfgan_suite.features import extractors


def noise(side=32, count=1, width=None, seed=0):
    shape = (count, side, width or side, 3)
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("f4")


def vgg(*names, **options):
    return extractors.feature_network("vgg19", names, None, **options)
