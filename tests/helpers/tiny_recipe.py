"""A recipe that trains tiny networks on tiny images, for tests of runs."""

import os
import tempfile

import numpy as np

from tfgan_suite.games import dcgan
from tfgan_suite.training import launch
from tfgan_suite.training.optimizers import FusedAdam

DATA = "images"
STEPS = 10
BATCH = 4
EXPORT = "none"
WIDTH = 2
LOG_EVERY = 7
CHECKPOINT_EVERY = 5


def make_game(options, data):
    game = dcgan.DCGAN(
        dcgan.build_generator(data.shape[0], data.shape[2], options.width, 4),
        dcgan.build_discriminator(data.shape[0], data.shape[2], options.width),
        ema_decay=0.9,
    )
    game.compile(generator=FusedAdam(1e-3), discriminator=FusedAdam(1e-3))
    return game


def images():
    """A file of 11 small images, the same at every call."""
    path = os.path.join(tempfile.mkdtemp(), "images.npz")
    pixels = np.random.RandomState(0).randint(0, 256, (11, 8, 8, 1)).astype("u1")
    np.savez(path, image=pixels)
    return path


if __name__ == "__main__":
    DATA = images()
    launch.main(globals())
