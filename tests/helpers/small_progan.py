"""ProGANs of two levels for tests, in the middle of a fade or at any other image."""

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite.games import progan
from tfgan_suite.layers.elementwise import ChannelBias
from tfgan_suite.layers.equalized import (
    EqualizedConv2D,
    EqualizedDense,
    MeanDownConv2D,
    NearestUpConv2D,
)
from tfgan_suite.layers.minibatch_deviation import MinibatchDeviation
from tfgan_suite.layers.normalization import PixelNormalization
from tfgan_suite.networks import growing
from tfgan_suite.training.optimizers import FusedAdam
from tfgan_suite.utils.growth_schedule import GrowthSchedule

SHAPE = (8, 8, 1)
SMALL = {"fmap_base": 32, "fmap_max": 8}


def networks(shape=SHAPE, classes=None, group_size=4, latent_dim=8, **sizes):
    sizes = {**SMALL, **sizes}
    return (
        progan.build_generator(shape, latent_dim=latent_dim, classes=classes, **sizes),
        progan.build_discriminator(shape, group_size=group_size, classes=classes, **sizes),
    )


def small_networks(classes, group_size):
    """Two levels of one layer of each kind."""
    z = keras.Input((3,), name="z")
    x = keras.layers.Reshape((4, 4, 2))(EqualizedDense(32, use_bias=False)(z))
    x = PixelNormalization()(ChannelBias()(x))
    images = [EqualizedConv2D(1, 1, gain=1.0, name="to_rgb_4")(x)]
    x = NearestUpConv2D(2)(x)
    images.append(EqualizedConv2D(1, 1, gain=1.0, name="to_rgb_8")(x))
    entries = lambda size: EqualizedConv2D(2, 1)  # noqa: E731
    halve = lambda size: MeanDownConv2D(2)  # noqa: E731
    flat, score, deviation = keras.layers.Flatten(), EqualizedDense(1), MinibatchDeviation()
    head = lambda x: score(flat(deviation(x) if group_size else x))  # noqa: E731
    return keras.Model(z, images), growing.build_growing_discriminator(
        SHAPE, entries, halve, head, "small"
    )


def fading(images_shown=20, classes=None, group_size=4, build=networks, **options):
    """A game in mid-fade: level 1 begins after 8 images and is stable after 32."""
    game = progan.ProGAN(
        *build(classes=classes, group_size=group_size),
        stable_images=8,
        fade_images=24,
        classes=classes,
        seed=3,
        **options,
    )
    game.images_shown.assign(images_shown)
    game.begun_phase.assign(game.schedule.phase(images_shown))
    return game


def at_alpha(alpha):
    """A game at level 1 with this alpha, whatever number of images that is."""
    game = fading()
    schedule = GrowthSchedule(2, 8, 24)
    object.__setattr__(schedule, "alpha", lambda images, level: tf.constant(alpha))
    game.schedule = schedule
    return game


def compiled(game, optimizer=None, **options):
    optimizer = optimizer or (lambda: FusedAdam(0.01, beta_1=0.0, beta_2=0.99, epsilon=1e-8))
    game.compile(generator=optimizer(), discriminator=optimizer(), **options)
    return game


def images(count):
    return np.random.RandomState(0).uniform(-1, 1, (count, *SHAPE)).astype("f4")
