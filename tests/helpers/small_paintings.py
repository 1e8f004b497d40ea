"""A painting, a photograph and noise of a few pixels, for tests of Gatys' method."""

import numpy as np


def image(height=8, width=8, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (height, width, 3)).astype("f4")


def painting(side, seed=1):
    """Stripes and blots: something with a style."""
    place = np.arange(side)
    stripes = np.sin(place[:, None] * 1.1 + place[None, :] * 0.4)[..., None] * [0.8, 0.3, -0.5]
    return np.clip(stripes + 0.2 * image(side, side, seed), -1, 1).astype("f4")


def photo(side):
    """A soft disc."""
    place = np.linspace(-1, 1, side)
    disc = np.exp(-3 * (place[:, None] ** 2 + place[None, :] ** 2))[..., None]
    return (disc * [1.2, 0.9, 0.2] - 0.5).astype("f4")
