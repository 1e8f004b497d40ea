"""No discriminator of images is a sum over parts: it sees whether they fit together.

Two images are mixed, top and bottom, around a common middle of 12 rows. Of a discriminator that
sums windows of 10 pixels, D(aa) + D(bb) = D(ab) + D(ba) exactly. Three halvings, at 32 pixels, have
windows of 22, which see top and bottom, but not the whole image.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite.games import (
    ali,
    cgan,
    dcgan,
    ebgan,
    gan,
    gran,
    infogan,
    lsgan,
    r3gan,
    sngan,
    wgan,
    wgan_gp,
)
from tfgan_suite.networks import blocks

WIDTH = 16
SIZES = ((28, 28, 1), (32, 32, 3))
MIDDLE = 12


def hidden_units(shape):
    return blocks.hidden_units(shape, WIDTH)


def with_z(discriminator, latent_dim):
    z = tf.random.stateless_normal((1, latent_dim), [3, 4])
    return lambda images: discriminator([images, tf.repeat(z, len(images), 0)], training=False)


def with_label(discriminator):
    return lambda images: discriminator([images, tf.ones(len(images), tf.int32)], training=False)


def energy_of(critic):
    def energies(images):
        reconstruction, _ = critic(images, training=False)
        return ebgan.energies(images, reconstruction, "mse")

    return energies


def after_first_steps(discriminator):
    """R3GAN's blocks start as the identity: gives the last layer of each some weights."""
    draws = np.random.RandomState(1)
    for layer in discriminator.layers:
        for weights in layer.get_weights()[:1]:
            if weights.ndim == 4 and not weights.any():
                layer.set_weights([draws.normal(0, 0.25, weights.shape)])
    return discriminator


def as_recipe(shape, norm="none"):
    """The discriminators of the recipes, and of the other architectures for images."""
    size, _, channels = shape
    units = hidden_units(shape)
    return {
        "ali": lambda: with_z(ali.build_discriminator(shape, "conv", WIDTH, 8), 8),
        "cgan": lambda: with_label(cgan.build_discriminator(shape, 3, width=WIDTH, norm=norm)),
        "cgan projection": lambda: with_label(
            cgan.build_discriminator(shape, 3, "projection", width=WIDTH)
        ),
        "dcgan": lambda: dcgan.build_discriminator(
            size, channels, WIDTH, 4, norm, hidden_units=units
        ),
        "ebgan": lambda: energy_of(ebgan.build_critic(shape, "conv", WIDTH, 64, norm)),
        "gan": lambda: gan.build_discriminator(shape, "dense", 60),
        "gan conv": lambda: gan.build_discriminator(shape, "conv", WIDTH),
        "gran": lambda: gran.build_discriminator(size, channels, WIDTH, norm),
        "infogan": lambda: infogan.build_discriminator(size, channels, WIDTH, norm),
        "lsgan": lambda: lsgan.build_discriminator(shape, "dcgan", WIDTH, norm, hidden_units=units),
        "lsgan vgg": lambda: lsgan.build_discriminator(
            shape, "vgg", WIDTH, norm, hidden_units=units
        ),
        "r3gan": lambda: after_first_steps(
            r3gan.build_discriminator(shape, width=WIDTH, cardinality=2 * WIDTH, blocks_per_stage=1)
        ),
        "sngan": lambda: sngan.build_discriminator(shape, "conv", WIDTH),
        "sngan resnet": lambda: sngan.build_discriminator(shape, "resnet", WIDTH),
        "wgan": lambda: wgan.build_critic(shape, "dcgan", WIDTH, norm, units),
        "wgan dense": lambda: wgan.build_critic(shape, "dense", WIDTH),
        "wgan_gp": lambda: wgan_gp.build_critic(shape, "conv", WIDTH),
        "wgan_gp resnet": lambda: wgan_gp.build_critic(shape, "resnet", WIDTH),
    }


def additivity(discriminator, shape, pairs=16):
    """`|D(aa) + D(bb) - D(ab) - D(ba)| / |D(aa) - D(bb)|` of random images, means over pairs."""
    draws = np.random.RandomState(0)
    a, b, middle = draws.uniform(-1, 1, (3, pairs, *shape))
    rows = (shape[0] - MIDDLE) // 2

    def mixed(top, bottom):
        image = middle.copy()
        image[:, :rows], image[:, -rows:] = top[:, :rows], bottom[:, -rows:]
        return image

    images = np.concatenate([mixed(a, a), mixed(b, b), mixed(a, b), mixed(b, a)])
    outputs = discriminator(tf.constant(images, tf.float32))
    aa, bb, ab, ba = np.split(np.reshape(outputs, -1).astype("f8"), 4)
    return np.abs(aa + bb - ab - ba).mean() / np.abs(aa - bb).mean()


@pytest.fixture(scope="module", params=SIZES, ids=("28", "32"))
def shape(request):
    return request.param


@pytest.mark.parametrize("name", list(as_recipe(SIZES[0])))
def test_no_discriminator_of_images_is_additive(name, shape):
    keras.utils.set_random_seed(0)
    assert additivity(as_recipe(shape)[name](), shape) > 0.01


@pytest.mark.parametrize("name", ["dcgan", "lsgan", "wgan"])
def test_two_halvings_and_a_linear_map_are_additive(name):
    """The score sees what it is meant to see: the papers' plain nets, one flag away."""
    keras.utils.set_random_seed(0)
    plain = {
        "dcgan": lambda: dcgan.build_discriminator(28, 1, WIDTH, 4, "none"),
        "lsgan": lambda: lsgan.build_discriminator((28, 28, 1), "dcgan", WIDTH, "none"),
        "wgan": lambda: wgan.build_critic((28, 28, 1), "dcgan", WIDTH, "none"),
    }[name]()
    assert additivity(plain, (28, 28, 1)) < 1e-4


def test_hidden_units_are_for_small_images():
    assert blocks.hidden_units((28, 28, 1), 32) == blocks.hidden_units((16, 16, 3), 32) == 512
    assert blocks.hidden_units((24, 24, 3), 8) == 128
    for larger in ((32, 32, 3), (64, 64, 3), (56, 56, 1), (2,)):
        assert blocks.hidden_units(larger, 32) == 0


@pytest.mark.parametrize(
    "build",
    [
        lambda **o: dcgan.build_generator(28, 1, 4, 6, **o),
        lambda **o: lsgan.build_generator((28, 28, 1), "dcgan", 4, 6, **o),
        lambda **o: wgan.build_generator((28, 28, 1), "dcgan", 4, 6, **o),
        lambda **o: wgan_gp.build_generator((28, 28, 1), "conv", 4, 6, **o),
        lambda **o: sngan.build_generator((28, 28, 1), "conv", 4, 6, **o),
        lambda **o: ebgan.build_generator((28, 28, 1), "conv", 4, 6, **o),
        lambda **o: ali.build_decoder((28, 28, 1), "conv", 4, 6, **o),
    ],
)
def test_a_hidden_layer_of_a_generator_is_not_a_linear_map(build):
    """Its weights are z x units, scale and offset, and `project` grows by units - z rows."""
    plain, deep = build(), build(hidden_units=64)
    project = tuple(plain.get_layer("project").kernel.shape)
    assert project[0] == 6 and tuple(deep.get_layer("project").kernel.shape) == (64, project[1])
    added = 6 * 64 + 2 * 64 + (64 - 6) * project[1]
    counts = [sum(int(np.prod(v.shape)) for v in n.trainable_variables) for n in (deep, plain)]
    assert counts[0] - counts[1] == added
    assert deep.output_shape == plain.output_shape
