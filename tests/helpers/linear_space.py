"""A latent space whose generator is linear, so that what a search finds is known."""

import types

import numpy as np
import tensorflow as tf

from tfgan_suite.core.signatures import TensorSpec
from tfgan_suite.latent.space import Space

HEIGHT, WIDTH, LATENT = 6, 8, 5
MATRIX = np.random.default_rng(0).normal(size=(HEIGHT * WIDTH, LATENT)).astype("f4") * 0.1


class LinearSpace(Space):
    """G(z) = A z, of uniform z; D(x), on request, is the mean of x times a scale and a level."""

    inputs = (TensorSpec("z", (LATENT,), kind="uniform"),)
    shape = (HEIGHT, WIDTH, 1)
    has_discriminator = False

    def __init__(self, kind="uniform", discriminator=False, scale=100.0, level=0.0):
        generator = types.SimpleNamespace(name="linear", signatures={}, facts={})
        super().__init__(generator, 0)
        object.__setattr__(self, "inputs", (TensorSpec("z", (LATENT,), kind=kind),))
        object.__setattr__(self, "has_discriminator", discriminator)
        object.__setattr__(self, "scale", scale)
        object.__setattr__(self, "level", level)

    def image_function(self):
        return lambda inputs: tf.reshape(
            tf.matmul(inputs["z"], MATRIX, transpose_b=True), (-1, *self.shape)
        )

    def generate(self, inputs, batch=64):
        return (inputs["z"] @ MATRIX.T).reshape(-1, *self.shape).astype("f4")

    def score_function(self):
        return lambda images, inputs: self.level + self.scale * tf.reduce_mean(images, [1, 2, 3])


def least_squares(images, weight=None):
    """The z whose images are nearest to images in the (weighted) mean square, `(count, LATENT)`."""
    factor = np.ones(HEIGHT * WIDTH) if weight is None else np.sqrt(weight.reshape(-1))
    rows = images.reshape(len(images), -1) * factor
    return np.linalg.lstsq(MATRIX * factor[:, None], rows.T, rcond=None)[0].T
