"""Networks of a few layers in place of a recipe's, for tests of what is around them.

A run, its exports and the commands that open it build a recipe's networks again and again; what is
asserted of files, flags and commands does not depend on their number of layers. The builders
themselves have tests in tests/networks.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras
import pytest

from tfgan_suite import compat


def stand_in(
    patch: pytest.MonkeyPatch, module: Any, **builders: Callable[..., keras.Model]
) -> None:
    """Replaces builders of a module; the new ones get all arguments by name, defaults included.

    A call that the replaced builder would refuse as a call is refused as before.

    Args:
        patch: undoes it.
        module: the module in which they are looked up.
        **builders: the new ones, by the names of the old ones.
    """
    for name, build in builders.items():
        patch.setattr(module, name, _bound(getattr(module, name), build))


def _bound(original: Callable[..., Any], build: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(original)

    def replacement(*args: Any, **options: Any) -> Any:
        arguments = signature.bind(*args, **options)
        arguments.apply_defaults()
        return build(**arguments.arguments)

    return replacement


def sentence_generator(shape, text_dim, latent_dim, **_):
    """As `games.gan_cls.build_generator`."""
    z, vector = keras.Input((latent_dim,), name="z"), keras.Input((text_dim,), name="embedding")
    height, width, channels = shape
    x = keras.layers.Dense(height // 2 * (width // 2) * 2)(keras.layers.Concatenate()([z, vector]))
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.Reshape((height // 2, width // 2, 2))(x)
    x = keras.layers.Conv2DTranspose(channels, 4, 2, "same")(x)
    image = keras.layers.Activation("tanh", dtype="float32")(x)
    return keras.Model([z, vector], image)


def sentence_discriminator(text_dim, shape=None, size=None, channels=3, **_):
    """As `build_discriminator` of GAN-CLS, with `shape`, or of StackGAN, with `size`."""
    image = keras.Input(shape or (size, size, channels), name="image")
    vector = keras.Input((text_dim,), name="embedding")
    x = compat.LeakyReLU(0.2)(keras.layers.Conv2D(2, 4, 2, "same")(image))
    x = keras.layers.Concatenate()([keras.layers.Flatten()(x), vector])
    x = compat.LeakyReLU(0.2)(keras.layers.Dense(4)(x))
    return keras.Model([image, vector], keras.layers.Dense(1, dtype="float32")(x))
