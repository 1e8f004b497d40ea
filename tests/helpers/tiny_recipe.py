"""A recipe that trains tiny networks on tiny pictures, for tests of runs."""

import os
import tempfile

import keras
import numpy as np

from tfgan_suite.games import dcgan
from tfgan_suite.training import launch

DATA = ""
RUN = ""
STEPS = 10
BATCH = 4
SIZE = 0
SEED = 0
STRATEGY = "one"
PRECISION = "float32"
EXPORT = "none"
WIDTH = 2
REPORT = 7
SAVE = 5


def make_game(options, data):
    game = dcgan.DCGAN(
        dcgan.build_generator(data.shape[0], data.shape[2], options.width, 4),
        dcgan.build_critic(data.shape[0], data.shape[2], options.width),
        average=0.9,
        r1=0.1,
    )
    game.compile(generator=keras.optimizers.Adam(1e-3), critic=keras.optimizers.Adam(1e-3))
    return game


def pictures():
    """A file of 11 small pictures, the same at every call."""
    path = os.path.join(tempfile.mkdtemp(), "pictures.npz")
    pixels = np.random.RandomState(0).randint(0, 256, (11, 8, 8, 1)).astype("u1")
    np.savez(path, image=pixels)
    return path


if __name__ == "__main__":
    DATA = pictures()
    launch.main(globals())
