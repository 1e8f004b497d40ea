"""SimGANs of few weights for tests, and numbers in place of eyes."""

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite.games import simgan

SHAPE = (12, 16, 1)
KEYS = ("simulated", "real")


def batch_of(count, shape=SHAPE, seed=0):
    draws = np.random.RandomState(seed)
    found = {key: draws.uniform(-1, 1, (count, *shape)).astype("f4") for key in KEYS}
    return {**found, "label": np.zeros((count, 2), "f4")}


def tiny(discriminator=None, **arguments):
    arguments = {
        "shape": SHAPE,
        "history_size": 6,
        "pretrain_refiner": 0,
        "pretrain_discriminator": 0,
        "seed": 3,
        **arguments,
    }
    refiner = simgan.build_refiner(width=4, blocks=1)
    discriminator = discriminator or simgan.build_discriminator(width=4)
    return simgan.SimGAN(refiner, discriminator, **arguments)


def small(**arguments):
    """With a discriminator of one layer, for games whose step is traced."""
    image = keras.Input((None, None, 1))
    patches = keras.layers.Conv2D(2, 4, 4, dtype="float32")(image)
    return tiny(keras.Model(image, patches), **arguments)


def compiled(rate=0.1, optimizer=keras.optimizers.SGD, eagerly=False, make=tiny, **arguments):
    keras.utils.set_random_seed(1)
    game = make(**arguments)
    game.compile(refiner=optimizer(rate), discriminator=optimizer(rate), run_eagerly=eagerly)
    return game


def fit(game, steps, start=0, batch=4, callbacks=()):
    count = batch * game.batches_per_step
    whole = {name: array[count * start :] for name, array in batch_of(count * 8).items()}
    batches = tf.data.Dataset.from_tensor_slices(whole).batch(count, drop_remainder=True)
    game.fit(batches, steps_per_epoch=steps, verbose=0, shuffle=False, callbacks=list(callbacks))
    return game


def with_networks(game, refiner=None, discriminator=None):
    """The game with given functions in place of its networks."""
    for name, function in (("refiner", refiner), ("discriminator", discriminator)):
        if function is not None:
            game.__dict__[name] = lambda x, training=None, call=function: call(x)
    return game
