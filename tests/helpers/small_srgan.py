"""Small networks and images that enlarge four times, for tests of SRResNet and SRGAN."""

import keras
import numpy as np

from tfgan_suite.games import srgan

LOW, HIGH = (6, 6, 3), (24, 24, 3)


def pairs(count, seed=0):
    draws = np.random.RandomState(seed)
    return {
        "low": draws.uniform(-1, 1, (count, *LOW)).astype("f4"),
        "high": draws.uniform(-1, 1, (count, *HIGH)).astype("f4"),
    }


def look():
    """A feature network: one frozen convolution."""
    network = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3)])
    network.trainable = False
    return lambda images: [network(images, training=False)]


def generator(norm="batch", **options):
    return srgan.build_generator(3, 4, 4, 1, norm, **options)
