"""Untrained games, opened as a run is, for commands that need their networks."""

import dataclasses
import functools
from pathlib import Path

import keras

from tfgan_suite.games import dcgan
from tfgan_suite.inference.generator import Generator
from tfgan_suite.latent.space import Space


def opened(game, **facts) -> Space:
    """The latent space of a game."""
    signatures = {**game.signatures(), **game.discriminator_signatures()}

    def arrays(name):
        def call(**inputs):
            return {k: v.numpy() for k, v in game.signature_function(name)(**inputs).items()}

        return call

    called = {n: dataclasses.replace(s, call=arrays(n)) for n, s in signatures.items()}
    function = game.signature_function
    return Space(Generator("run", "run", called, game.usage, facts, Path(), game, None, function))


@functools.lru_cache(maxsize=1)
def tiny_space() -> Space:
    """16x16 colour images of a DCGAN, with a discriminator; shared, so leave it as it is."""
    keras.utils.set_random_seed(3)
    game = dcgan.DCGAN(
        dcgan.build_generator(16, 3, 4, 6), dcgan.build_discriminator(16, 3, 2), latent="normal"
    )
    for weight in game.generator.trainable_variables:  # DCGAN begins with grey images
        weight.assign(8.0 * weight)
    return opened(game)
