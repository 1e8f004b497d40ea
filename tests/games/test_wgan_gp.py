"""WGAN-GP: the penalty on single examples, n critic steps, the networks of the paper."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import GameChecks, trainable, value

from tfgan_suite import InputError, compat
from tfgan_suite.games import wgan_gp


class TestWGANGP(GameChecks):
    traces_half_precision = True
    traces_replicas = True
    batch = 4
    # The critic's last bias shifts real and fake values alike.
    without_gradient = ("value/bias",)

    def make_game(self, plain=False):
        shape = (8, 8, 1)
        generator = wgan_gp.build_generator(shape, "conv", width=4, latent_dim=6)
        if plain:
            generator = keras.Sequential(
                [
                    keras.Input((6,)),
                    keras.layers.Dense(64, activation="tanh"),
                    keras.layers.Reshape(shape),
                ]
            )
        critic = wgan_gp.build_critic(shape, "conv", width=4)
        return wgan_gp.WGANGP(generator, critic, critic_steps=2, seed=3)

    def examples(self, count):
        return {"image": np.random.RandomState(0).uniform(-1, 1, (count, 8, 8, 1)).astype("f4")}


def linear(weights, bias=0.0):
    point = keras.Input((len(weights),))
    head = keras.layers.Dense(1, name="out")
    critic = keras.Model(point, head(point))
    head.set_weights([np.array(weights, "f4")[:, None], np.array([bias], "f4")])
    return critic


def game_of(critic, **arguments):
    generator = wgan_gp.build_generator((2,), "mlp", width=4, latent_dim=2)
    return wgan_gp.WGANGP(generator, critic, **arguments)


@pytest.mark.parametrize(
    "weights, one_sided, expected",
    [((3.0, 4.0), False, 160.0), ((0.6, 0.8), False, 0.0), ((0.0, 0.0), False, 10.0)]
    + [((0.3, 0.4), True, 0.0), ((0.3, 0.4), False, 2.5)],
)
def test_the_penalty_of_linear_critics(weights, one_sided, expected):
    game = game_of(linear(weights), one_sided=one_sided)
    real, fake = tf.random.normal((6, 2)), tf.random.normal((6, 2))
    terms = game.critic_terms(real, fake, tf.linspace(0.0, 1.0, 6))
    assert float(terms["penalty"]) == pytest.approx(expected, abs=1e-4)


def test_the_estimate_of_a_unit_critic_is_the_shift_along_it():
    game = game_of(linear((0.6, 0.8)))
    fake = tf.random.normal((50, 2))
    terms = game.critic_terms(fake + [[3.0, 4.0]], fake, tf.zeros(50))
    assert -float(terms["wasserstein"]) == pytest.approx(5.0, rel=1e-5)


def test_the_generator_climbs_the_critic():
    game = game_of(linear((1.0, 0.0)))
    points = game.generator(tf.ones((4, 2)))
    loss = game.generator_terms(tf.ones((4, 2)))["adversarial"]
    assert float(loss) == pytest.approx(-float(tf.reduce_mean(points[:, 0])), rel=1e-5)


def test_every_critic_step_sees_examples_of_its_own():
    seen = []

    class Spy(wgan_gp.WGANGP):
        def critic_terms(self, real, fake, mix):
            seen.append(real.numpy()[:, 0].tolist())
            return super().critic_terms(real, fake, mix)

    generator = wgan_gp.build_generator((2,), "mlp", width=4, latent_dim=2)
    game = Spy(generator, linear((1.0, 0.0)), critic_steps=3)
    game.compile(generator=keras.optimizers.SGD(), critic=keras.optimizers.SGD(), run_eagerly=True)
    numbers = np.arange(12, dtype="f4")[:, None] * [[1.0, 0.0]]
    game.fit(numbers.astype("f4"), batch_size=12, verbose=0, shuffle=False)
    assert seen == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]


def test_a_critic_with_batch_norm_is_refused():
    image = keras.Input((8, 8, 1))
    x = compat.BatchNormalization()(keras.layers.Conv2D(2, 3)(image))
    critic = keras.Model(image, keras.layers.Dense(1)(keras.layers.Flatten()(x)))
    with pytest.raises(InputError, match="batch norm"):
        game_of(critic)


def convolutions(*sizes):
    """Parameters of convolutions (kernel, in, out) with bias."""
    return sum(k * k * i * o + o for k, i, o in sizes)


def test_the_cifar_resnets_have_the_papers_number_of_parameters():
    generator, critic = wgan_gp.build_generator(), wgan_gp.build_critic()
    up = convolutions((3, 128, 128), (3, 128, 128), (1, 128, 128)) + 2 * 2 * 128
    expected = 128 * 2048 + 2048 + 3 * up + 2 * 128 + convolutions((3, 128, 3))
    assert count(generator) == expected
    first = convolutions((3, 3, 128), (3, 128, 128), (1, 3, 128))
    down = convolutions((3, 128, 128), (3, 128, 128), (1, 128, 128))
    same = convolutions((3, 128, 128), (3, 128, 128))
    assert count(critic) == first + down + 2 * same + 128 + 1


def test_the_good_resnet_of_64_pixels_has_the_papers_widths():
    generator = wgan_gp.build_generator((64, 64, 3), "resnet", width=8)
    adds = [layer.output.shape[1:] for layer in generator.layers if "add" in layer.name]
    assert [tuple(shape) for shape in adds] == [
        (8, 8, 64), (16, 16, 32), (32, 32, 16), (64, 64, 8)
    ]  # fmt: skip
    critic = wgan_gp.build_critic((64, 64, 3), "resnet", width=8)
    adds = [layer.output.shape[1:] for layer in critic.layers if "add" in layer.name]
    assert [tuple(shape) for shape in adds] == [
        (32, 32, 16), (16, 16, 32), (8, 8, 64), (4, 4, 64)
    ]  # fmt: skip


def test_the_mnist_nets_have_no_batch_norm():
    generator = wgan_gp.build_generator((28, 28, 1), "conv", width=4)
    kinds = [layer.__class__.__name__ for layer in generator.layers]
    assert "BatchNormalization" not in kinds and kinds.count("Conv2DTranspose") == 3
    assert generator.output_shape == (None, 28, 28, 1)
    critic = wgan_gp.build_critic((28, 28, 1), "conv", width=4)
    assert [layer.__class__.__name__ for layer in critic.layers].count("Conv2D") == 3


def count(network):
    return sum(int(np.prod(variable.shape)) for variable in trainable([network]))


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"architecture": "unet"}, "resnet, conv, mlp"),
        ({"shape": (2,)}, "does not fit"),
        ({"shape": (32, 32, 3), "architecture": "mlp"}, "does not fit"),
        ({"shape": (32, 16, 3)}, "not square"),
        ({"width": 0}, "width is 0"),
    ],
)
def test_impossible_networks_are_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        wgan_gp.build_critic(**arguments)


def test_a_critic_off_its_slope_is_a_symptom():
    game = game_of(linear((1.0, 0.0)))
    assert game.diagnose({"critic/slope": 1.1}) == []
    assert "slope is 7.00" in game.diagnose({"critic/slope": 7.0})[0]
    assert "slope is 0.01" in game.diagnose({"critic/slope": 0.01})[0]


def test_two_point_masses_at_a_distance():
    """The trained estimate of a one-dimensional transport is its length."""
    keras.utils.set_random_seed(0)
    generator = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")]
    )
    critic = wgan_gp.build_critic((1,), "mlp", width=16)
    game = wgan_gp.WGANGP(generator, critic, critic_steps=1)
    game.compile(generator=keras.optimizers.SGD(0.0), critic=keras.optimizers.Adam(5e-3, 0.5, 0.9))
    data = tf.data.Dataset.from_tensors(tf.fill((32, 1), 2.0)).repeat()
    history = game.fit(data, steps_per_epoch=150, epochs=2, verbose=0, shuffle=False).history
    # With lambda 10 the penalised optimum is d + d^2 / (4 lambda) at slope 1 + d / (2 lambda).
    assert -history["critic/wasserstein"][-1] == pytest.approx(2 * (1 + 2 / 20), rel=0.05)
    assert np.isfinite(value(critic.trainable_variables[0])).all()
