"""EBGAN: energies, the margin, the pulling-away term, the networks of the paper."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import GameChecks, trainable

from tfgan_suite import InputError
from tfgan_suite.features.layer_outputs import select_outputs
from tfgan_suite.games import ebgan

SHAPE = (8, 8, 1)


class TestEBGAN(GameChecks):
    batch = 4

    def make_game(self, plain=False):
        if plain:
            generator = keras.Sequential(
                [
                    keras.Input((6,)),
                    keras.layers.Dense(64, activation="tanh"),
                    keras.layers.Reshape(SHAPE),
                ]
            )
        else:
            generator = ebgan.build_generator(SHAPE, "conv", width=4, latent_dim=6)
        critic = ebgan.build_critic(SHAPE, "conv", width=4, code_dim=5, norm="none")
        # The pulling-away term is about the batch, of which a replica sees a part.
        return ebgan.EBGAN(
            generator, critic, margin=2.0, pulling_away_weight=0.0 if plain else 0.1, seed=3
        )

    def examples(self, count):
        return {"image": np.random.RandomState(0).uniform(-1, 1, (count, *SHAPE)).astype("f4")}


@pytest.mark.parametrize(
    "codes, expected",
    [
        ([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]], 1.0),
        ([[2.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 1.0]], 0.0),
        ([[1.0, 1.0], [-1.0, -1.0]], 1.0),  # without the square: -1
        ([[1.0, 0.0], [0.5, 0.75**0.5]], 0.25),
        ([[0.0, 0.0], [1.0, 0.0]], 0.0),
    ],
)
def test_pulling_away(codes, expected):
    codes = tf.constant(codes)
    assert float(ebgan.pulling_away(codes)) == pytest.approx(expected, abs=1e-6)
    assert float(ebgan.pulling_away(10.0 * codes)) == pytest.approx(expected, abs=1e-6)


def test_pulling_away_of_random_codes_is_one_over_their_length():
    codes = tf.random.stateless_normal((400, 20), [0, 1])
    assert float(ebgan.pulling_away(codes)) == pytest.approx(1 / 20, rel=0.05)


def test_pulling_away_has_a_gradient_for_codes_of_zeros():
    codes = tf.Variable(tf.zeros((3, 4)))
    with tf.GradientTape() as tape:
        loss = ebgan.pulling_away(codes)
    assert np.isfinite(tape.gradient(loss, codes)).all()


@pytest.mark.parametrize("real, fake, expected", [(0.0, 0.0, 10.0), (2.0, 12.0, 2.0)])
def test_the_margin(real, fake, expected):
    loss, fakes = ebgan.energy_loss(10.0), tf.Variable([fake, fake])
    with tf.GradientTape() as tape:
        total = loss.real(tf.constant([real, real])) + loss.fake(fakes)
    assert float(total) == expected
    assert tape.gradient(total, fakes).numpy().tolist() == ([0, 0] if fake > 10 else [-0.5, -0.5])
    assert float(loss.generator(fakes)) == fake


def test_energies_of_a_known_difference():
    real, made = tf.fill((2, 2, 2, 1), 3.0), tf.fill((2, 2, 2, 1), 1.0)
    for kind, expected in (("l2", 4.0), ("mse", 4.0), ("sse", 16.0)):
        found = ebgan.energies(real, made, kind)
        assert found.shape == (2,) and found.numpy() == pytest.approx(expected)
    with tf.GradientTape() as tape:
        tape.watch(real)
        energy = ebgan.energies(real, real, "l2")
    gradient = tape.gradient(energy, real)
    assert np.isfinite(gradient).all()


def linear_game(**arguments):
    """Points on a line, reconstructed as a tenth of themselves: energy 0.81 x^2."""
    point, latent = keras.Input((1,)), keras.Input((1,))
    head = keras.layers.Dense(1, use_bias=False)
    critic = keras.Model(point, [head(point), keras.layers.Flatten()(point)])
    head.set_weights([np.array([[0.1]], "f4")])
    out = keras.layers.Dense(1, use_bias=False)
    generator = keras.Model(latent, out(latent))
    out.set_weights([np.array([[1.0]], "f4")])
    return ebgan.EBGAN(generator, critic, **arguments)


def test_the_generator_learns_through_reconstruction_and_target():
    game = linear_game(pulling_away_weight=0.0)
    fake = tf.constant([[2.0]])
    with tf.GradientTape() as tape:
        tape.watch(fake)
        loss = game.generator_terms(fake)["adversarial"]
    assert float(loss) == pytest.approx(0.81 * 4, rel=1e-5)
    # (0.1 x - x)^2: with the target held constant it would be 2 * 0.1 * (0.1 - 1) x < 0.
    assert tape.gradient(loss, fake).numpy()[0, 0] == pytest.approx(2 * 0.81 * 2, rel=1e-5)


def test_the_pulling_away_term_is_the_generators_alone_and_of_codes():
    game = linear_game(pulling_away_weight=0.5)
    fake = tf.constant([[2.0], [-1.0]])
    assert float(game.generator_terms(fake)["pulling_away"]) == pytest.approx(0.5)
    assert set(game.critic_terms(fake, fake)) == {"real", "fake"}


def test_the_share_of_fakes_below_the_margin_is_reported():
    game = linear_game(margin=0.81 * 2.25)
    game.critic_terms(tf.zeros((4, 1)), tf.constant([[1.0], [1.4], [2.0], [3.0]]))
    (share,) = game._reported.terms["critic/active"]
    assert float(share) == 0.5
    assert game.diagnose({"critic/active": 0.5}) == []
    assert "margin 1.8" in game.diagnose({"critic/active": 0.0})[0]


def test_r1_is_about_the_energy():
    game = linear_game(r1_weight=2.0)
    terms = game.critic_terms(tf.constant([[3.0]]), tf.zeros((1, 1)))
    # 2 / 2 * (d 0.81 x^2 / dx)^2 at x = 3
    assert float(terms["r1"]) == pytest.approx((2 * 0.81 * 3) ** 2, rel=1e-4)


def count(network):
    return sum(int(np.prod(variable.shape)) for variable in trainable([network]))


def test_the_autoencoder_of_64_pixels():
    critic = ebgan.build_critic((64, 64, 3))
    down = [(3, 64), (64, 128), (128, 256)]
    up = [(256, 128), (128, 64), (64, 3)]
    expected = sum(16 * i * o + o for i, o in down + up)
    expected += 2 * (128 + 256) + 2 * (128 + 64)  # batch norm, never next to the images
    assert count(critic) == expected
    made, code = critic.outputs
    assert tuple(made.shape[1:]) == (64, 64, 3) and code.shape[1] == 8 * 8 * 256
    generator = ebgan.build_generator((64, 64, 3))
    widths = [(1024, 512), (512, 256), (256, 128), (128, 3)]
    expected = 101 * 16 * 1024 + sum(16 * i * o + o for i, o in widths)
    assert count(generator) == expected + 2 * (1024 + 512 + 256 + 128)


def test_the_small_dense_autoencoder():
    critic = ebgan.build_critic((28, 28, 1), "dense", 256, code_dim=64, norm="none")
    sizes = [784, 256, 128, 64, 128, 256, 784]
    assert count(critic) == sum(i * o + o for i, o in zip(sizes, sizes[1:]))
    assert [tuple(one.shape[1:]) for one in critic.outputs] == [(28, 28, 1), (64,)]
    generator = ebgan.build_generator((28, 28, 1), "dense", 8, 5, layers=2)
    assert count(generator) == 6 * 8 + 9 * 8 + 2 * 16 + 9 * 784


@pytest.mark.parametrize("size", [28, 32, 48])
def test_images_of_other_sizes(size):
    critic = ebgan.build_critic((size, size, 1), width=2, norm="none")
    made, _ = critic(tf.zeros((2, size, size, 1)))
    assert made.shape == (2, size, size, 1)
    assert (
        select_outputs(critic, ["features_1"])(tf.zeros((1, size, size, 1))).shape[1] == size // 4
    )


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"energy": "l1"}, "l2, mse, sse"),
        ({"margin": 0.0}, "margin is 0"),
        ({"pulling_away_weight": -1.0}, "pulling_away_weight is -1"),
        ({"label_smoothing": 0.1}, "energy loss"),
    ],
)
def test_impossible_games_are_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        linear_game(**arguments)


def test_impossible_networks_are_refused():
    for arguments, said in (
        ({"architecture": "unet"}, "conv, dense, mlp"),
        ({"code_dim": -1}, "code_dim"),
        ({"shape": (28, 28, 1), "architecture": "dense", "norm": "layer"}, "'batch' or 'none'"),
    ):
        with pytest.raises(InputError, match=said):
            ebgan.build_critic(**arguments)


def test_gradient_play_on_a_table_settles_near_the_margin():
    """Two places, energies as free numbers: V = E D(x) + E (m - D(G))+ comes close to m."""
    loss = ebgan.energy_loss(1.0)

    @tf.function
    def play(energy, logit, value, first):
        for step in tf.range(4000):
            with tf.GradientTape() as tape:
                tape.watch(energy)
                share = tf.stack([tf.sigmoid(logit), 1 - tf.sigmoid(logit)])
                hinges = tf.stack([loss.fake(energy[:1]), loss.fake(energy[1:])])
                critic = loss.real(energy) + tf.reduce_sum(share * hinges)
            upward = tape.gradient(critic, energy)
            # The generator's loss is E_G D: its gradient by the logit, by hand.
            logit -= 0.02 * share[0] * share[1] * (energy[0] - energy[1])
            energy = tf.clip_by_value(energy - 0.02 * upward, 0.0, 2.0)
            late = tf.cast(step >= 2000, tf.float32) / 2000.0
            value, first = value + late * critic, first + late * share[0]
        return value, first

    start = [tf.constant(x) for x in ([0.2, 0.7], 1.0, 0.0, 0.0)]
    value, first = play(*start)
    assert float(value) == pytest.approx(1.0, abs=0.05)
    assert float(first) == pytest.approx(0.5, abs=0.1)
