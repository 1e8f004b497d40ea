"""Tiny games and data as users of plain Keras have them."""

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite.games.gan import GAN, build_discriminator, build_generator

POINTS = np.random.RandomState(0).randn(16, 2).astype("f4")
IMAGES = np.random.RandomState(0).randint(0, 256, (16, 8, 8, 1)).astype("u1")


def points_game(seed=0, compiled=True, eagerly=True, **options):
    keras.utils.set_random_seed(seed)
    networks = [
        keras.Sequential([keras.Input((inputs,)), keras.layers.Dense(outputs)], name=name)
        for name, inputs, outputs in (("gan_generator", 3, 2), ("gan_discriminator", 2, 1))
    ]
    game = GAN(*networks, **{"ema_decay": 0.9, **options})
    if compiled:
        adam = keras.optimizers.Adam
        game.compile(generator=adam(1e-3), discriminator=adam(2e-3), run_eagerly=eagerly)
    return game


def image_game(**options):
    keras.utils.set_random_seed(0)
    game = GAN(
        build_generator((8, 8, 1), width=4, latent_dim=3),
        build_discriminator((8, 8, 1), width=4),
        **options,
    )
    game.compile("adam", run_eagerly=True)
    return game


def batches(array=POINTS, size=8):
    return tf.data.Dataset.from_tensor_slices(array).batch(size)
