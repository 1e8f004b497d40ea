"""A tiny AdaIN for tests: an encoder of two maps with fixed weights, and its decoder."""

import keras
import numpy as np

from tfgan_suite.layers.convolution import Conv2D
from tfgan_suite.layers.resizing import ReflectionPadding2D
from tfgan_suite.style.adain import AdaIN
from tfgan_suite.style.decoders import build_decoder
from tfgan_suite.style.encoders import Encoder


def network():
    """Maps of 4 and of 6 channels, the second of half the side; never 0 everywhere."""
    single = {"dtype": "float32", "activation": "relu", "padding": "valid"}
    image = keras.Input((None, None, 3))
    x = ReflectionPadding2D(1, dtype="float32")(image)
    first = Conv2D(4, 3, name="first", **single)(x)
    x = keras.layers.MaxPooling2D(2, padding="same", dtype="float32")(first)
    x = ReflectionPadding2D(1, dtype="float32")(x)
    second = Conv2D(6, 3, name="second", **single)(x)
    made = keras.Model(image, [first, second])
    draws = np.random.RandomState(5)
    made.set_weights(
        [
            draws.normal(0, 0.3, value.shape) if value.ndim == 4 else np.full(value.shape, 0.2)
            for value in made.get_weights()
        ]
    )
    return made


def encoder():
    return Encoder(network(), ("first", "second"))


def game(**options):
    frozen = encoder()
    return AdaIN(frozen, build_decoder(6, frozen.doublings, 8), **options)


def examples(count, size=16):
    draws = np.random.RandomState(7)
    shape = (count, size, size, 3)
    return {
        "content": draws.uniform(-1, 1, shape).astype("f4"),
        "style": (0.5 * draws.uniform(-1, 1, shape) + 0.3).astype("f4"),
    }


def close(found, expected, atol=1e-4):
    np.testing.assert_allclose(found, expected, atol=atol, rtol=1e-4)
