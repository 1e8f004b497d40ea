"""Small games that only describe themselves, and one whole export that many tests read."""

from __future__ import annotations

import subprocess
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.export import export, parity

LATENT, CLASSES, SIDE = 8, 3, 8
IMAGE = TensorSpec("image", (SIDE, SIDE, 3))
NOISE = TensorSpec("z", (LATENT,), kind="normal")


def generator(conditional: bool = False, policy: str = "float32") -> keras.Model:
    """Dense, reshape, batch norm with statistics unlike its start values, deconvolution, tanh."""
    keras.utils.set_random_seed(1)
    layers = keras.layers
    z = keras.Input((LATENT,), name="z")
    inputs, x = [z], z
    if conditional:
        label = keras.Input((), dtype="int32", name="label")
        embedded = layers.Embedding(CLASSES, 4, dtype=policy)(label)
        inputs, x = [z, label], layers.Concatenate(dtype=policy)([z, embedded])
    x = layers.Dense(4 * 4 * 8, dtype=policy)(x)
    x = layers.Reshape((4, 4, 8), dtype=policy)(x)
    x = layers.BatchNormalization(name="norm", dtype=policy)(x)
    x = layers.LeakyReLU(dtype=policy)(x)
    x = layers.Conv2DTranspose(3, 4, strides=2, padding="same", dtype=policy)(x)
    x = layers.Activation("tanh", dtype="float32")(x)
    model = keras.Model(inputs, x)
    random = np.random.default_rng(0)
    gamma, beta, mean, variance = model.get_layer("norm").get_weights()
    model.get_layer("norm").set_weights(
        [gamma * 1.5, beta + 0.2, random.normal(0, 0.3, mean.shape), variance * 0.5]
    )
    return model


class LatentGame:
    """z -> image, with a discriminator that no export needs."""

    def __init__(self, policy: str = "float32"):
        self.network = generator(policy=policy)
        self.discriminator = keras.Sequential(
            [keras.Input((SIDE, SIDE, 3)), keras.layers.Flatten()]
        )

    def signatures(self):
        call = lambda z: self.network(z, training=False)  # noqa: E731
        return {"serving_default": Signature((NOISE,), IMAGE, call, (self.network,))}


class LabelGame:
    """z and a class -> image. The inputs' order is not alphabetical."""

    def __init__(self):
        self.network = generator(conditional=True)

    def signatures(self):
        label = TensorSpec("label", (), "int32", "label", CLASSES)

        def call(z, label):
            return self.network([z, label], training=False)

        return {"serving_default": Signature((NOISE, label), IMAGE, call, (self.network,))}


class ImageGame:
    """Image -> its negative, times a weight of 1, in both directions; any size by default."""

    def __init__(self, shape=(None, None, 3)):
        self.spec = TensorSpec("image", shape)
        self.network = keras.Sequential(
            [
                keras.Input(shape),
                keras.layers.DepthwiseConv2D(1, use_bias=False, depthwise_initializer="ones"),
            ]
        )

    def signatures(self):
        own = Signature(
            (self.spec,), self.spec, lambda image: -self.network(image), (self.network,)
        )
        return {"serving_default": own, "back": own}


class PointGame:
    """z -> a point in the plane, far outside [-1, 1]."""

    def __init__(self):
        self.network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])

    def signatures(self):
        inputs = (TensorSpec("z", (2,), kind="uniform"),)
        output = TensorSpec("point", (2,), kind="point")
        call = lambda z: 100.0 * self.network(z)  # noqa: E731
        return {"serving_default": Signature(inputs, output, call, (self.network,))}


class CallGame:
    """A game made of any function of z."""

    def __init__(self, call, networks=(), output=NOISE):
        self.signature = Signature((NOISE,), output, call, tuple(networks))

    def signatures(self):
        return {"serving_default": self.signature}


@pytest.fixture(scope="session")
def games():
    """The games and `generator`, by name."""
    return types.SimpleNamespace(
        Noise=LatentGame,
        Label=LabelGame,
        Image=ImageGame,
        Point=PointGame,
        Call=CallGame,
        generator=generator,
    )


@pytest.fixture(scope="session")
def labelled(tmp_path_factory):
    """A `LabelGame`, and its export in all formats.

    Its TFLite files run as a user's do, each in a process of its own; elsewhere they share one.
    """
    game = LabelGame()
    folder = tmp_path_factory.mktemp("exports")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parity, "subprocess", subprocess)
        return game, export(game, folder, name="labelled", card={"game": "labels", "steps": 7})


@pytest.fixture
def label_inputs():
    """Five examples of what `LabelGame` takes."""
    z = np.random.default_rng(3).normal(size=(5, LATENT)).astype("float32")
    return {"z": tf.constant(z), "label": tf.constant([0, 1, 2, 1, 0])}
