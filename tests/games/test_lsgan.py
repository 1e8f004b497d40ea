"""LSGAN: the values of its labels, its divergence, its networks."""

import keras
import numpy as np
import pytest
import small_networks
import tensorflow as tf
from harness import GameChecks, trainable

from tfgan_suite import InputError
from tfgan_suite.features.layer_outputs import select_outputs
from tfgan_suite.games import lsgan


class TestLSGAN(GameChecks):
    batch = 4

    def make_game(self, plain=False):
        shape, norm = (8, 8, 1), "none" if plain else "batch"
        generator = lsgan.build_generator(shape, "vgg", width=4, latent_dim=6, norm=norm)
        discriminator = lsgan.build_discriminator(shape, "vgg", width=4, norm=norm)
        return lsgan.LSGAN(generator, discriminator, a=-1.0, b=1.0, c=0.5, ema_decay=0.9, seed=3)

    def make_small_game(self, plain=False):
        norm = "none" if plain else "batch"
        networks = (
            small_networks.generator((8, 8, 1), 6, norm),
            small_networks.discriminator(norm, 1),
        )
        return lsgan.LSGAN(*networks, a=-1.0, b=1.0, c=0.5, ema_decay=0.9, seed=3)

    def examples(self, count):
        return {"image": np.random.RandomState(0).uniform(-1, 1, (count, 8, 8, 1)).astype("f4")}


def answering(real_value, fake_value):
    """A discriminator that answers one number for points at +1 and another for points at -1."""
    point = keras.Input((2,))
    head = keras.layers.Dense(1, name="out")
    discriminator = keras.Model(point, head(point))
    slope, middle = (real_value - fake_value) / 2.0, (real_value + fake_value) / 2.0
    head.set_weights([np.array([[slope], [0.0]], "f4"), np.array([middle], "f4")])
    return discriminator


def terms_of(real_value, fake_value, labels):
    generator = lsgan.build_generator((2,), "mlp", width=4, latent_dim=2)
    a, b, c = labels
    game = lsgan.LSGAN(generator, answering(real_value, fake_value), a=a, b=b, c=c)
    terms = game.discriminator_terms(tf.ones((6, 2)), -tf.ones((6, 2)))
    discriminator = float(terms["real"] + terms["fake"])
    return discriminator, float(game.generator_terms(-tf.ones((6, 2)))["adversarial"])


@pytest.mark.parametrize(
    "answers, labels, expected",
    [
        ((1.0, 0.0), (0.0, 1.0, 1.0), (0.0, 0.5)),
        ((0.5, 0.5), (0.0, 1.0, 1.0), (0.25, 0.125)),
        ((0.0, 0.0), (-1.0, 1.0, 0.0), (1.0, 0.0)),
        ((1.0, -1.0), (-1.0, 1.0, 0.0), (0.0, 0.5)),
    ],
)
def test_losses_of_the_sheet(answers, labels, expected):
    assert terms_of(*answers, labels) == pytest.approx(expected, abs=1e-6)


REAL, FAKE = np.array([0.5, 0.5]), np.array([0.9, 0.1])


def objective(labels):
    """2 C(G) of tabular distributions; gradient descent on L_D finds the best discriminator."""
    a, b, c = labels
    generator = lsgan.build_generator((2,), "mlp", width=4, latent_dim=2)
    loss = lsgan.LSGAN(generator, answering(1.0, 0.0), a=a, b=b, c=c).adversarial
    discriminator = tf.Variable(np.zeros(2, "f4"))
    for _ in range(200):
        with tf.GradientTape() as tape:
            terms = [
                REAL[i] * loss.real(discriminator[i : i + 1])
                + FAKE[i] * loss.fake(discriminator[i : i + 1])
                for i in range(2)
            ]
            total = tf.add_n(terms)
        discriminator.assign_sub(tape.gradient(total, discriminator))
    best = discriminator.numpy()
    np.testing.assert_allclose(best, (b * REAL + a * FAKE) / (REAL + FAKE), atol=1e-5)
    return np.sum((REAL + FAKE) * (best - c) ** 2)


@pytest.mark.parametrize(
    "labels, expected", [((-1.0, 1.0, 0.0), 0.380952), ((0.0, 1.0, 1.0), 0.595238)]
)
def test_pearsons_divergence_needs_the_right_labels(labels, expected):
    pearson = np.sum((2 * FAKE - (REAL + FAKE)) ** 2 / (REAL + FAKE))
    assert pearson == pytest.approx(0.380952, abs=1e-6)
    found = objective(labels)
    assert found == pytest.approx(expected, abs=1e-5)
    assert (abs(found - pearson) < 1e-5) == (labels == (-1.0, 1.0, 0.0))


def test_a_sample_far_on_the_right_side_still_learns():
    generator = lsgan.build_generator((2,), "mlp", width=4, latent_dim=2)
    game = lsgan.LSGAN(generator, answering(1.0, 0.0))
    value = tf.Variable([10.0])
    with tf.GradientTape() as tape:
        loss = game.adversarial.generator(value)
    assert float(tape.gradient(loss, value)[0]) == pytest.approx(9.0)  # cross-entropy: -4.5e-5


def count(network):
    return sum(int(np.prod(variable.shape)) for variable in trainable([network]))


def test_the_lsun_nets_have_the_papers_layers():
    generator, discriminator = lsgan.build_generator(), lsgan.build_discriminator()
    maps = [tuple(layer.output.shape[1:]) for layer in generator.layers if "conv" in layer.name]
    assert maps == [
        (14, 14, 256), (14, 14, 256), (28, 28, 256), (28, 28, 256), (56, 56, 128), (112, 112, 64)
    ]  # fmt: skip
    assert generator.output_shape == (None, 112, 112, 3)
    dense = 1024 * 7 * 7 * 256
    kernels = 9 * (4 * 256 * 256 + 256 * 128 + 128 * 64 + 64 * 3) + 3
    norms = 2 * (5 * 256 + 128 + 64)
    assert count(generator) == dense + kernels + norms
    maps = [
        tuple(layer.output.shape[1:]) for layer in discriminator.layers if "features" in layer.name
    ]
    assert maps == [(56, 56, 64), (28, 28, 128), (14, 14, 256), (7, 7, 512)]
    kernels = 25 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512) + 64
    assert count(discriminator) == kernels + 2 * (128 + 256 + 512) + 7 * 7 * 512 + 1


def test_the_toy_nets_are_two_layers_of_tanh():
    discriminator = lsgan.build_discriminator((2,), "mlp", width=128)
    assert count(discriminator) == 2 * 128 + 128 + 128 * 128 + 128 + 129
    (units,) = tf.nest.flatten(
        select_outputs(discriminator, ["features_1"])(100.0 * tf.ones((1, 2)))
    )
    assert units.shape == (1, 128) and float(tf.reduce_max(tf.abs(units))) <= 1.0
    generator = lsgan.build_generator((2,), "mlp", width=128, latent_dim=256)
    assert count(generator) == 256 * 128 + 128 + 128 * 128 + 128 + 2 * 128 + 2


@pytest.mark.parametrize("size", [8, 28, 32, 48, 64, 112])
@pytest.mark.parametrize("architecture", ["vgg", "dcgan"])
def test_networks_fit_every_size(size, architecture):
    generator = lsgan.build_generator((size, size, 3), architecture, width=1, latent_dim=3)
    discriminator = lsgan.build_discriminator((size, size, 3), architecture, width=1)
    assert discriminator(generator(tf.zeros((2, 3)))).shape == (2, 1)
    assert not any("sigmoid" in layer.name for layer in discriminator.layers)


def test_the_discriminator_has_no_sigmoid_at_its_end():
    discriminator = lsgan.build_discriminator((2,), "mlp", width=4)
    discriminator.get_layer("value").set_weights([np.ones((4, 1), "f4"), np.array([7.0], "f4")])
    assert float(discriminator(tf.zeros((1, 2)))[0, 0]) == pytest.approx(7.0)


@pytest.mark.parametrize(
    "labels, loss, said",
    [
        ((0.0, 1.0, 1.0), 0.25, None),
        ((0.0, 1.0, 1.0), 0.001, "wins outright"),
        ((0.0, 1.0, 1.0), 6.0, "run away"),
        ((-1.0, 1.0, 0.0), 1.0, None),
        ((-1.0, 1.0, 0.0), 0.01, "wins outright"),
    ],
)
def test_symptoms_are_measured_against_the_draw(labels, loss, said):
    a, b, c = labels
    generator = lsgan.build_generator((2,), "mlp", width=4, latent_dim=2)
    game = lsgan.LSGAN(generator, answering(1.0, 0.0), a=a, b=b, c=c)
    found = game.diagnose({"discriminator/real": loss / 2, "discriminator/fake": loss / 2})
    assert (said in found[0]) if said else found == []


@pytest.mark.parametrize(
    "options, said",
    [({"a": 1.0}, "different"), ({"label_smoothing": 0.1}, "no probabilities")],
)
def test_impossible_labels_are_refused(options, said):
    generator = lsgan.build_generator((2,), "mlp", width=4, latent_dim=2)
    with pytest.raises(InputError, match=said):
        lsgan.LSGAN(generator, answering(1.0, 0.0), **options)


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"architecture": "resnet"}, "vgg, dcgan, mlp"),
        ({"shape": (2,)}, "does not fit"),
        ({"shape": (50, 50, 3)}, "size 50"),
        ({"norm": "spectral"}, "unknown"),
    ],
)
def test_impossible_networks_are_refused(arguments, said):
    for build in (lsgan.build_generator, lsgan.build_discriminator):
        with pytest.raises(InputError, match=said):
            build(**arguments)
