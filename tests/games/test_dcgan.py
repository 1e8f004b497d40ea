"""DCGAN: the official counts, initial weights and losses, beside what every game must do."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import GameChecks, value

from tfgan_suite import InputError
from tfgan_suite.core import latent_samples
from tfgan_suite.games import dcgan


class TestDCGAN(GameChecks):
    traces_half_precision = True
    traces_replicas = True

    def make_game(self, plain=False):
        generator = dcgan.build_generator(size=8, channels=3, width=4, latent_dim=6)
        discriminator = dcgan.build_discriminator(size=8, channels=3, width=4)
        if plain:
            generator = without_batch_norm()
            discriminator = dcgan.build_discriminator(size=8, channels=3, width=4, norm="layer")
        return dcgan.DCGAN(generator, discriminator, r1_weight=0.5, ema_decay=0.9, seed=3)

    def examples(self, count):
        return {"image": np.random.RandomState(0).uniform(-1, 1, (count, 8, 8, 3)).astype("f4")}


def without_batch_norm():
    return keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(4 * 4 * 4, activation="relu"),
            keras.layers.Reshape((4, 4, 4)),
            keras.layers.Conv2DTranspose(3, 5, 2, "same", activation="tanh"),
        ]
    )


@pytest.fixture(scope="module")
def paper():
    """The paper's networks at 64 pixels, width 128."""
    return dcgan.build_generator(), dcgan.build_discriminator(width=128)


def test_the_papers_generator_has_the_official_number_of_parameters(paper):
    dense_and_convolutions = 100 * 16384 + 25 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3)
    batch_norms = 2 * (1024 + 512 + 256 + 128)
    trainable = sum(int(np.prod(v.shape)) for v in paper[0].trainable_variables)
    assert trainable == dense_and_convolutions + batch_norms == 18_855_040


def test_the_papers_discriminator_has_the_tables_shapes(paper):
    maps = [tuple(layer.output.shape[1:]) for layer in paper[1].layers if "conv" in layer.name]
    assert maps == [(32, 32, 128), (16, 16, 256), (8, 8, 512), (4, 4, 1024)]
    assert paper[1].output_shape == (None, 1)


def test_initial_weights_have_the_papers_spread(paper):
    for network in paper:
        for variable in network.trainable_variables:
            weights = value(variable)
            if "kernel" in variable.name and weights.size > 10_000:
                assert np.std(weights) == pytest.approx(0.02, rel=0.05)
            if "gamma" in variable.name:
                assert np.mean(weights) == pytest.approx(1.0, abs=0.01)


def test_the_first_and_the_last_layer_have_no_batch_norm(paper):
    generator, discriminator = ([layer.__class__.__name__ for layer in net.layers] for net in paper)
    assert generator[-3:] == ["ReLU", "Conv2DTranspose", "Activation"]
    assert generator.count("BatchNormalization") == 4
    assert discriminator[1:3] == ["Conv2D", "LeakyReLU"]
    assert discriminator.count("BatchNormalization") == 3


@pytest.mark.parametrize("size", [8, 28, 32, 40, 48, 64])
def test_networks_fit_every_possible_size(size):
    generator = dcgan.build_generator(size=size, channels=1, width=2, latent_dim=3)
    discriminator = dcgan.build_discriminator(size=size, channels=1, width=2)
    assert discriminator(generator(tf.zeros((2, 3)))).shape == (2, 1)


def test_an_impossible_size_names_the_nearest_possible_ones():
    with pytest.raises(InputError, match="size 50 .* 40, 48, 56, 64"):
        dcgan.build_generator(size=50)


class Answer(keras.layers.Layer):
    """A discriminator whose logit is the image's first number plus a weight that starts at 0."""

    def build(self, shape):
        self.weight = self.add_weight(shape=(1,), initializer="zeros", name="weight")

    def call(self, images):
        return images[:, 0, 0, :1] + self.weight


def game_of(**arguments):
    image = keras.Input((8, 8, 1))
    discriminator = keras.Model(image, Answer()(image))
    generator = dcgan.build_generator(size=8, channels=1, width=2, latent_dim=3)
    return dcgan.DCGAN(generator, discriminator, **arguments)


def test_losses_of_a_known_discriminator():
    game = game_of()
    real, fake = tf.fill((4, 8, 8, 1), 2.0), tf.fill((4, 8, 8, 1), -1.0)
    terms = game.discriminator_terms(real, fake)
    assert float(terms["real"]) == pytest.approx(np.log1p(np.exp(-2.0)), rel=1e-6)
    assert float(terms["fake"]) == pytest.approx(np.log1p(np.exp(-1.0)), rel=1e-6)
    assert float(game.generator_terms(fake)["adversarial"]) == pytest.approx(
        np.log1p(np.exp(1.0)), rel=1e-6
    )


def test_r1_of_a_discriminator_with_slope_one():
    terms = game_of(r1_weight=3.0).discriminator_terms(
        tf.zeros((4, 8, 8, 1)), tf.zeros((4, 8, 8, 1))
    )
    assert float(terms["r1"]) == pytest.approx(3.0 / 2.0 * 1.0)


def test_a_discriminator_that_cannot_tell_has_a_draw():
    terms = game_of().discriminator_terms(tf.zeros((4, 8, 8, 1)), tf.zeros((4, 8, 8, 1)))
    assert float(terms["real"] + terms["fake"]) == pytest.approx(2 * np.log(2), rel=1e-6)


def test_fresh_noise_gives_the_generator_other_fakes():
    """The discriminator does not move, so only the noise can make the generators differ."""
    moved = []
    for fresh in (False, True):
        keras.utils.set_random_seed(1)
        game = game_of(fresh_noise=fresh)
        rates = {"generator": keras.optimizers.SGD(1.0), "discriminator": keras.optimizers.SGD(0.0)}
        game.compile(**rates, run_eagerly=True)
        game.fit(tf.zeros((4, 8, 8, 1)), batch_size=4, verbose=0, shuffle=False)
        moved.append(value(game.generator.trainable_variables[0]))
    assert not np.allclose(*moved)


def test_settled_batch_norms_hold_the_statistics_of_the_data_they_see(monkeypatch):
    monkeypatch.setattr(latent_samples, "RECALIBRATION_BATCHES", 100)
    keras.utils.set_random_seed(1)
    game = game_of()
    game.recalibrate_batch_norm()
    spec = game.signatures()["serving_default"].inputs[0]
    first = game.generator.get_layer("project")
    norm = next(n for n in game.generator.layers if hasattr(n, "moving_mean"))
    seen = [first(spec.draw(64, seed=[0, i])).numpy().reshape(64, 4, 4, -1) for i in range(100)]
    expected = np.mean([batch.mean((0, 1, 2)) for batch in seen], 0)
    np.testing.assert_allclose(value(norm.moving_mean), expected, atol=1e-5)
    # Biased or not (over 1024 or 1023 numbers) is the kernel's choice.
    variance = np.mean([batch.var((0, 1, 2)) for batch in seen], 0)
    np.testing.assert_allclose(value(norm.moving_variance), variance, rtol=2e-3)
    assert norm.momentum == 0.9


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"latent": "beta"}, "uniform"),
        ({"loss": "hing"}, "hinge"),
        ({"r1_weight": -1.0}, "r1_weight"),
        ({"label_smoothing": 0.1, "loss": "hinge"}, "smoothing"),
    ],
)
def test_impossible_arguments_are_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        game_of(**arguments)


def test_a_winning_discriminator_is_a_symptom():
    game = game_of()
    logs = {"generator/adversarial": 9.0, "discriminator/real": 0.001, "discriminator/fake": 0.002}
    assert "wins outright" in game.diagnose(logs)[0]
    assert game.diagnose({**logs, "discriminator/real": 0.7}) == []
