"""SN-GAN: spectral discriminators, the hinge game, the networks of the paper."""

import keras
import numpy as np
import pytest
import small_networks
import tensorflow as tf
from harness import GameChecks, trainable, value

from tfgan_suite import InputError, compat
from tfgan_suite.features.layer_outputs import select_outputs
from tfgan_suite.games import sngan
from tfgan_suite.layers import spectral

SHAPE = (8, 8, 1)


def plain_generator():
    return keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(64, activation="tanh"),
            keras.layers.Reshape(SHAPE),
        ]
    )


class TestSNGAN(GameChecks):
    traces_half_precision = True
    batch = 4
    # Within the hinge's margin the discriminator's last bias shifts real and fake values alike.
    without_gradient = ("value/bias",)

    def make_game(self, plain=False):
        generator = plain_generator() if plain else sngan.build_generator(SHAPE, "conv", 4, 6)
        discriminator = sngan.build_discriminator(SHAPE, "conv", 4)
        return sngan.SNGAN(
            generator, discriminator, discriminator_steps=2, generator_batches=2, seed=3
        )

    def make_small_game(self, plain=False):
        discriminator = keras.Sequential(
            [
                keras.Input(SHAPE),
                spectral.SpectralConv2D(2, 4, 2, "same"),
                compat.LeakyReLU(0.1),
                keras.layers.Flatten(),
                spectral.SpectralDense(1, dtype="float32", name="value"),
            ]
        )
        return sngan.SNGAN(
            plain_generator() if plain else small_networks.generator(SHAPE),
            discriminator,
            discriminator_steps=2,
            generator_batches=2,
            seed=3,
        )

    def examples(self, count):
        return {"image": np.random.RandomState(0).uniform(-1, 1, (count, *SHAPE)).astype("f4")}


class TestResNet(TestSNGAN):
    traces_half_precision = False
    without_gradient = ()  # there is no last bias
    # The step and the layers with a state are those of the convolutions above.
    test_a_players_update_moves_its_own_variables_alone = None
    test_resuming_equals_never_stopping = None
    test_two_replicas_equal_one = None

    def make_game(self, plain=False):
        generator = plain_generator() if plain else sngan.build_generator(SHAPE, "resnet", 4, 6)
        discriminator = sngan.build_discriminator(SHAPE, "resnet", 4)
        return sngan.SNGAN(generator, discriminator, loss="non_saturating", seed=3)


def constant_discriminator(slope):
    point = keras.Input((2,))
    head = keras.layers.Dense(1)
    discriminator = keras.Model(point, head(point))
    head.set_weights([np.array([[slope], [0.0]], "f4"), np.zeros(1, "f4")])
    return discriminator


def game_of(discriminator=None, **arguments):
    keras.utils.set_random_seed(0)
    generator = sngan.build_generator((2,), "mlp", width=4, latent_dim=2)
    discriminator = discriminator or sngan.build_discriminator((2,), "mlp", width=4)
    game = sngan.SNGAN(generator, discriminator, **arguments)
    rates = {player: keras.optimizers.SGD(0.1) for player in game.players()}
    game.compile(**rates, run_eagerly=True)
    return game


@pytest.mark.parametrize(
    "real, fake, expected",
    [(0.0, 0.0, 2.0), (1.5, -1.0, 0.0), (0.5, -0.25, 1.25)],
)
def test_hinge_losses(real, fake, expected):
    game = game_of(constant_discriminator(1.0))
    terms = game.discriminator_terms(tf.fill((3, 2), real), tf.fill((3, 2), fake))
    assert float(terms["real"] + terms["fake"]) == pytest.approx(expected)


def test_the_generator_climbs_the_discriminator_without_a_hinge():
    game = game_of(constant_discriminator(-3.0))
    points = game.generator(tf.ones((4, 2)))
    loss = game.generator_terms(tf.ones((4, 2)))["adversarial"]
    assert float(loss) == pytest.approx(3 * float(tf.reduce_mean(points[:, 0])), rel=1e-5)


def test_u_moves_once_in_each_update_of_the_discriminator_and_in_no_other():
    game = game_of(discriminator_steps=1)
    layers = spectral.spectral_layers(game.discriminator)
    expected = [spectral.power_iteration(value(one.weight), value(one.direction)) for one in layers]
    game.fit(np.ones((4, 2), "f4"), batch_size=4, verbose=0, shuffle=False)
    for one, direction in zip(layers, expected):
        np.testing.assert_allclose(value(one.direction), direction, atol=1e-6)
    before = [value(one.direction) for one in layers]
    game.update("generator", lambda: game.generator_terms(tf.ones((4, 2))))
    assert all(np.array_equal(a, value(one.direction)) for a, one in zip(before, layers))


def test_the_generator_moves_first_and_every_discriminator_step_sees_its_own_examples():
    order = []

    class Spy(sngan.SNGAN):
        def discriminator_terms(self, real, fake):
            order.append(real.numpy()[:, 0].tolist())
            return super().discriminator_terms(real, fake)

        def generator_terms(self, latent, real=None):
            order.append(tuple(latent.shape))
            return super().generator_terms(latent, real)

    generator = sngan.build_generator((2,), "mlp", width=4, latent_dim=3)
    discriminator = sngan.build_discriminator((2,), "mlp", width=4)
    game = Spy(generator, discriminator, discriminator_steps=3, generator_batches=2)
    game.compile(
        generator=keras.optimizers.SGD(), discriminator=keras.optimizers.SGD(), run_eagerly=True
    )
    numbers = np.arange(12, dtype="f4")[:, None] * [[1.0, 0.0]]
    game.fit(numbers.astype("f4"), batch_size=12, verbose=0, shuffle=False)
    assert order == [(8, 3), [0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]


def test_the_discriminator_of_points_has_at_most_its_slope():
    for slope in (1.0, 5.0):
        discriminator = sngan.build_discriminator((2,), "mlp", width=16, output_scale=slope)
        for _ in range(50):
            spectral.run_power_iteration(discriminator)
        one, two = tf.random.stateless_normal((2, 300, 2), [0, 1])
        steep = tf.abs(discriminator(one) - discriminator(two))[:, 0] / tf.norm(one - two, axis=1)
        assert 0.0 < float(tf.reduce_max(steep)) <= slope * 1.01


def convolutions(*sizes):
    """Parameters of convolutions (kernel, in, out) with bias."""
    return sum(k * k * i * o + o for k, i, o in sizes)


def count(network):
    return sum(int(np.prod(variable.shape)) for variable in trainable([network]))


@pytest.mark.parametrize("size, base", [(32, 4), (48, 6)])
def test_the_cnn_of_table_3(size, base):
    generator = sngan.build_generator((size, size, 3))
    up = convolutions((4, 512, 256), (4, 256, 128), (4, 128, 64)) + 2 * (256 + 128 + 64)
    assert count(generator) == 129 * base * base * 512 + up + convolutions((3, 64, 3))
    down = [(3, 3, 64), (4, 64, 64), (3, 64, 128), (4, 128, 128), (3, 128, 256), (4, 256, 256)]
    discriminator = sngan.build_discriminator((size, size, 3))
    assert count(discriminator) == convolutions(*down, (3, 256, 512)) + base * base * 512 + 1


def test_the_resnet_of_cifar():
    block = convolutions((3, 256, 256), (3, 256, 256), (1, 256, 256)) + 2 * 2 * 256
    expected = 129 * 4096 + 3 * block + 2 * 256 + convolutions((3, 256, 3))
    assert count(sngan.build_generator((32, 32, 3), "resnet")) == expected
    first = convolutions((3, 3, 128), (3, 128, 128), (1, 3, 128))
    down = convolutions((3, 128, 128), (3, 128, 128), (1, 128, 128))
    same = convolutions((3, 128, 128), (3, 128, 128))
    # No bias in the last layer.
    discriminator = sngan.build_discriminator((32, 32, 3), "resnet")
    assert count(discriminator) == first + down + 2 * same + 128


def test_the_resnet_of_stl_has_the_papers_widths():
    def blocks(network):
        adds = [layer for layer in network.layers if isinstance(layer, keras.layers.Add)]
        return [tuple(layer.output.shape[1:]) for layer in adds]

    generator = sngan.build_generator((48, 48, 3), "resnet", width=2)
    assert blocks(generator) == [(12, 12, 8), (24, 24, 4), (48, 48, 2)]
    assert generator.get_layer("project").output.shape[1] == 6 * 6 * 16
    discriminator = sngan.build_discriminator((48, 48, 3), "resnet", width=2)
    assert blocks(discriminator) == [(24, 24, 2), (12, 12, 4), (6, 6, 8), (3, 3, 16), (3, 3, 32)]


@pytest.mark.parametrize("architecture", ["conv", "resnet"])
def test_every_weight_of_the_discriminator_is_divided(architecture):
    discriminator = sngan.build_discriminator((16, 16, 3), architecture, width=2)
    kernels = {id(v) for v in discriminator.trainable_variables if len(v.shape) > 1}
    assert kernels == {id(one.weight) for one in spectral.spectral_layers(discriminator)}
    assert not any(isinstance(one, keras.layers.BatchNormalization) for one in discriminator.layers)


def test_the_resnet_sums_over_positions():
    x = keras.Input((4, 4, 3))
    model = keras.Model(x, sngan.sum_pool(x))
    maps = tf.random.stateless_normal((2, 4, 4, 3), [0, 0])
    np.testing.assert_allclose(model(maps), tf.reduce_sum(maps, [1, 2]), rtol=1e-4, atol=1e-5)


def test_features_can_be_tapped():
    discriminator = sngan.build_discriminator((8, 8, 1), width=2)
    deep = select_outputs(discriminator, ["features_0", "features_2"])(tf.zeros((1, 8, 8, 1)))
    assert [tuple(t.shape) for t in deep] == [(1, 8, 8, 2), (1, 4, 4, 4)]


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"architecture": "unet"}, "conv, resnet, mlp"),
        ({"shape": (2,)}, "does not fit"),
        ({"width": 0}, "width is 0"),
        ({"output_scale": 0.0}, "output_scale is 0"),
    ],
)
def test_impossible_networks_are_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        sngan.build_discriminator(**arguments)


def test_impossible_games_are_refused():
    for arguments, said in (
        ({"discriminator_steps": 0}, "discriminator_steps"),
        ({"loss": "other"}, "hinge"),
        ({"label_smoothing": 0.1}, "hinge"),
    ):
        with pytest.raises(InputError, match=said):
            game_of(**arguments)


def test_a_high_rate_stays_finite():
    """Dividing by sigma keeps the discriminator's values bounded however far its weights grow."""
    game = game_of()
    game.compile(generator=keras.optimizers.Adam(1e-3), discriminator=keras.optimizers.SGD(10.0))
    points = np.random.RandomState(0).uniform(-1, 1, (160, 2)).astype("f4")
    history = game.fit(points, batch_size=16, epochs=2, verbose=0, shuffle=False).history
    assert all(np.isfinite(values).all() for values in history.values())
    spread = [
        np.linalg.norm(value(one.weight)) for one in spectral.spectral_layers(game.discriminator)
    ]
    assert np.isfinite(spread).all()
    assert np.abs(np.asarray(game.discriminator(points))).max() < 1e3
