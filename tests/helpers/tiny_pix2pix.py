"""Tiny games of pix2pix and their pairs of images."""

import keras
import numpy as np

from tfgan_suite.games import pix2pix

SHAPE = (16, 16, 3)


def pairs(count, outputs=3, seed=0):
    draws = np.random.RandomState(seed)
    return {
        "source": draws.uniform(-1, 1, (count, *SHAPE)).astype("f4"),
        "target": draws.uniform(-1, 1, (count, *SHAPE[:2], outputs)).astype("f4"),
    }


def tiny(
    architecture="unet", outputs=3, norm="batch", dropout=0.5, conditional=True,
    upsampling="transposed", **options,
):  # fmt: skip
    generator = pix2pix.build_generator(
        SHAPE, outputs, architecture, 4, norm, dropout, upsampling=upsampling
    )
    discriminator = None
    if options.get("adversarial_weight", 1.0):
        discriminator = pix2pix.build_discriminator(SHAPE, outputs, conditional, 4, 1, norm)
    return pix2pix.Pix2Pix(generator, discriminator, conditional=conditional, seed=3, **options)


def compiled(rate=0.01, **options):
    keras.utils.set_random_seed(1)
    game = tiny(**options)
    game.compile(
        **{player: keras.optimizers.SGD(rate) for player in game.players()}, run_eagerly=True
    )
    return game
