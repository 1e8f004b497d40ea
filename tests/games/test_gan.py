"""GAN: the paper's game value, its two losses, Algorithm 1, maxout, dropout that resumes."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import GameChecks, SaveAt, restored, snapshot, state, trainable, value

from tfgan_suite import InputError
from tfgan_suite.features.layer_outputs import select_outputs
from tfgan_suite.games import gan
from tfgan_suite.layers.stateless_dropout import StatelessDropout, dropout_noise

LOG2 = math.log(2.0)


class TestGAN(GameChecks):
    batch = 4

    def make_game(self, plain=False):
        shape = (8, 8, 1)
        generator = gan.build_generator(shape, "dense", width=8, latent_dim=6)
        discriminator = gan.build_discriminator(shape, "dense", width=6, pieces=3)
        # Dropout stays: its masks are those of the global batch on any number of replicas.
        return gan.GAN(
            generator, discriminator, discriminator_steps=2, max_norm=0.5, ema_decay=0.9, seed=3
        )

    def examples(self, count):
        return {"image": np.random.RandomState(0).uniform(-1, 1, (count, 8, 8, 1)).astype("f4")}


def constant(logit, points=2):
    """A discriminator that answers the same logit whatever it sees."""
    point = keras.Input((points,))
    head = keras.layers.Dense(1, kernel_initializer="zeros", name="out")
    discriminator = keras.Model(point, head(point))
    head.set_weights([np.zeros((points, 1), "f4"), np.array([logit], "f4")])
    return discriminator


def game_of(discriminator=None, **arguments):
    generator = gan.build_generator((2,), "mlp", width=4, latent_dim=2)
    return gan.GAN(
        generator, discriminator or gan.build_discriminator((2,), "mlp", width=4), **arguments
    )


def count(network):
    return sum(int(np.prod(variable.shape)) for variable in trainable([network]))


def losses_of(game):
    still = {player: keras.optimizers.SGD(0.0) for player in game.players()}
    game.compile(**still, run_eagerly=True)
    data = np.random.RandomState(0).normal(size=(6, 2)).astype("f4")
    history = game.fit(data, batch_size=6, verbose=0, shuffle=False).history
    return {name: values[0] for name, values in history.items()}


@pytest.mark.parametrize("loss, generators", [("minimax", -LOG2), ("non_saturating", LOG2)])
def test_a_discriminator_that_cannot_tell(loss, generators):
    found = losses_of(game_of(constant(0.0), loss=loss))
    assert found["discriminator/real"] + found["discriminator/fake"] == pytest.approx(
        1.386294, abs=1e-5
    )
    assert found["generator/adversarial"] == pytest.approx(generators, abs=1e-5)
    assert found["discriminator/jsd"] == pytest.approx(0.0, abs=1e-5)


def test_a_discriminator_that_knows_reaches_log_two():
    point = keras.Input((2,))
    discriminator = keras.Model(point, keras.layers.Lambda(lambda x: 100.0 * x[:, :1])(point))
    game = game_of(discriminator)
    real, fake = tf.ones((5, 2)), -tf.ones((5, 2))
    game.record = lambda name, number: seen.update({name: float(number)})
    seen = {}
    terms = game.discriminator_terms(real, fake)
    assert float(terms["real"] + terms["fake"]) == pytest.approx(0.0, abs=1e-6)
    assert seen["discriminator/jsd"] == pytest.approx(0.693147, abs=1e-6)


def test_no_divergence_is_told_with_smoothed_labels():
    game = game_of(constant(0.0), label_smoothing=0.1)
    assert "discriminator/jsd" not in game.loss_names and "discriminator/jsd" not in losses_of(game)


@pytest.mark.parametrize("loss, slope", [("minimax", -0.75), ("non_saturating", -0.25)])
def test_the_generators_gradient_at_a_logit(loss, slope):
    """-D for minimax, -(1 - D) for non-saturating, at D = 3/4."""
    logit = tf.Variable(math.log(3.0))
    with tf.GradientTape() as tape:
        term = game_of(loss=loss).adversarial.generator(logit)
    assert float(tape.gradient(term, logit)) == pytest.approx(slope, abs=1e-6)


def test_maxout_of_w_and_minus_w_is_the_absolute_value():
    discriminator = gan.build_discriminator(
        (1, 1, 1), "dense", width=1, pieces=2, dropout=(0.0, 0.0)
    )
    first = next(layer for layer in discriminator.layers if "dense" in layer.name)
    first.set_weights([np.array([[3.0, -3.0]], "f4"), np.zeros(2, "f4")])
    units = select_outputs(discriminator, ["features_0"])(
        [np.array([-2.0, 0.5], "f4").reshape(2, 1, 1, 1)]
    )
    np.testing.assert_allclose(np.ravel(tf.nest.flatten(units)[0]), [6.0, 1.5], rtol=1e-6)


def test_the_mnist_nets_have_the_papers_number_of_parameters():
    generator, discriminator = gan.build_generator(), gan.build_discriminator()
    assert count(generator) == 100 * 1200 + 1200 + 1200 * 1200 + 1200 + 1200 * 784 + 784
    assert count(discriminator) == 784 * 1200 + 1200 + 240 * 1200 + 1200 + 240 + 1 == 1_231_441
    first, last = (
        value(generator.trainable_variables[0]),
        value(discriminator.trainable_variables[0]),
    )
    assert 0.049 < np.abs(first).max() <= 0.05 and 0.0049 < np.abs(last).max() <= 0.005


def test_the_cifar_nets_have_the_papers_shapes():
    generator = gan.build_generator((32, 32, 3), "conv", width=8)
    maps = [tuple(layer.output.shape[1:]) for layer in generator.layers]
    assert (10, 10, 8) in maps and maps[-1] == (32, 32, 3)
    discriminator = gan.build_discriminator((32, 32, 3), "conv")
    convolutions = 64 * 3 * 64 + 64 + 64 * 32 * 64 + 64 + 25 * 32 * 384 + 384
    assert count(discriminator) == convolutions + 5 * 5 * 192 * 2500 + 2500 + 501
    assert tuple(discriminator.get_layer("features_3").output.shape[1:]) == (500,)


@pytest.mark.parametrize("size", [8, 28, 32, 48, 64])
@pytest.mark.parametrize("architecture", ["dense", "conv"])
def test_networks_fit_every_size(size, architecture):
    generator = gan.build_generator((size, size, 3), architecture, width=2, latent_dim=3)
    discriminator = gan.build_discriminator((size, size, 3), architecture, width=2)
    assert discriminator(generator(tf.zeros((2, 3)))).shape == (2, 1)


def test_the_generator_starts_from_the_mean_image():
    mean = np.random.RandomState(0).uniform(-0.9, 0.9, (8, 8, 1)).astype("f4")
    generator = gan.build_generator((8, 8, 1), width=4, mean=mean)
    np.testing.assert_allclose(generator(tf.zeros((1, 100)))[0], mean, atol=1e-5)
    with pytest.raises(InputError, match=r"\[-1, 1\]"):
        gan.build_generator((8, 8, 1), width=4, mean=2 * mean)


def test_uniform_noise_is_stretched_to_variance_one():
    layer = gan.build_generator((8, 8, 1), width=4).layers[1]
    noise = tf.random.stateless_uniform((20_000, 1), [0, 0], -1.0, 1.0)
    assert np.std(layer(noise)) == pytest.approx(1.0, abs=0.01)


def test_dropout_keeps_the_mean_and_repeats_with_its_step():
    game = game_of(constant(0.0), seed=5)
    layer = StatelessDropout(0.2, name="drop")

    def masked(salt):
        draw = dropout_noise(lambda shape, name: game.noise(shape, f"{salt}/{name}", "unit"))
        with draw:
            return layer(tf.ones((400, 50)), training=True).numpy()

    first = masked("a")
    assert set(np.unique(first)) == {0.0, np.float32(1.25)}
    assert np.mean(first == 0.0) == pytest.approx(0.2, abs=0.01)
    assert np.array_equal(first, masked("a")) and not np.array_equal(first, masked("b"))
    game.steps.assign_add(1)
    assert not np.array_equal(first, masked("a"))
    assert np.array_equal(layer(tf.ones((2, 3)), training=False), np.ones((2, 3)))


def test_dropout_is_on_for_the_generators_update_too():
    discriminator = gan.build_discriminator((4, 4, 1), width=4)
    game = gan.GAN(gan.build_generator((4, 4, 1), width=4), discriminator)
    shown = tf.ones((8, 4, 4, 1))
    assert not np.allclose(game.score(shown, "generator"), discriminator(shown, training=False))


def test_each_discriminator_step_sees_examples_of_its_own():
    seen = []

    class Spy(gan.GAN):
        def discriminator_terms(self, real, fake, turn=0):
            seen.append(real.numpy()[:, 0].tolist())
            return super().discriminator_terms(real, fake, turn)

    generator = gan.build_generator((2,), "mlp", width=4, latent_dim=2)
    game = Spy(generator, constant(0.0), discriminator_steps=2)
    sgd = keras.optimizers.SGD
    game.compile(generator=sgd(), discriminator=sgd(), run_eagerly=True)
    numbers = np.repeat(np.arange(6, dtype="f4")[:, None], 2, axis=1)
    game.fit(numbers, batch_size=6, verbose=0, shuffle=False)
    assert seen == [[0, 2, 4], [1, 3, 5]]


def test_simultaneous_updates_start_from_the_same_weights():
    """Each player moves as it would have, had the other stood still."""
    data = np.random.RandomState(0).normal(size=(8, 2)).astype("f4")

    def after(generator_rate, discriminator_rate):
        keras.utils.set_random_seed(2)
        game = game_of(update_mode="simultaneous")
        sgd = keras.optimizers.SGD
        rates = {"generator": sgd(generator_rate), "discriminator": sgd(discriminator_rate)}
        game.compile(**rates, run_eagerly=True)
        game.fit(data, batch_size=8, verbose=0, shuffle=False)
        return [[value(v) for v in trainable(nets)] for nets in game.players().values()]

    (generator, discriminator), (alone, _), (_, judge) = (
        after(1.0, 1.0),
        after(1.0, 0.0),
        after(0.0, 1.0),
    )
    for found, expected in zip(generator + discriminator, alone + judge):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_alternating_updates_show_the_generator_the_new_discriminator():
    data = np.random.RandomState(0).normal(size=(8, 2)).astype("f4")

    def generator_after(discriminator_rate):
        keras.utils.set_random_seed(2)
        game = game_of()
        sgd = keras.optimizers.SGD
        rates = {"generator": sgd(1.0), "discriminator": sgd(discriminator_rate)}
        game.compile(**rates, run_eagerly=True)
        game.fit(data, batch_size=8, verbose=0, shuffle=False)
        return value(trainable([game.generator])[-1])

    assert not np.allclose(generator_after(0.0), generator_after(1.0), atol=1e-6)


def test_weights_into_a_unit_keep_the_maximal_norm():
    game = game_of(max_norm=0.3)
    kernel = game.discriminator.trainable_variables[2]
    before = value(kernel)
    game.apply_max_norm()
    norms = np.linalg.norm(value(kernel), axis=0)
    assert norms.max() <= 0.3 + 1e-6 and norms.max() == pytest.approx(0.3, rel=1e-5)
    short = np.linalg.norm(before, axis=0) < 0.3
    np.testing.assert_allclose(value(kernel)[:, short], before[:, short], rtol=1e-6)
    direction = before / np.linalg.norm(before, axis=0)
    np.testing.assert_allclose(value(kernel) / norms, direction, atol=1e-5)


class Simultaneous(TestGAN):
    __test__ = False

    def make_game(self, plain=False):
        shape = (8, 8, 1)
        generator = gan.build_generator(shape, "conv", width=2, latent_dim=6)
        discriminator = gan.build_discriminator(shape, "conv", width=2)
        return gan.GAN(generator, discriminator, update_mode="simultaneous", loss="minimax", seed=3)


def test_the_official_form_resumes_bit_for_bit(tmp_path):
    """Convolutions, simultaneous updates, minimax, momentum, dropout."""
    checks = Simultaneous()

    def sgd(rate):
        return keras.optimizers.SGD(rate, momentum=0.5)

    whole = checks.compiled(rate=1.0, optimizer=sgd)
    saving = SaveAt(whole, tmp_path, 2)
    whole.fit(checks.dataset(whole, 4), verbose=0, shuffle=False, callbacks=[saving])
    again = restored(checks.compiled(rate=1.0, optimizer=sgd), saving.paths[2])
    again.continue_epoch()
    checks.fit(again, 2, start=2)
    found, start = state(again), state(checks.compiled(rate=1.0, optimizer=sgd))
    for name, array in state(whole).items():
        assert np.array_equal(found[name], array), name
        if " net " in name:
            assert not np.array_equal(start[name], array), name


def test_second_derivatives_exist_for_r1():
    discriminator = gan.build_discriminator((8, 8, 1), "conv", width=2)
    game = gan.GAN(
        gan.build_generator((8, 8, 1), "conv", width=2), discriminator, r1_weight=10.0, r1_every=2
    )
    game.compile(generator=keras.optimizers.SGD(), discriminator=keras.optimizers.SGD())
    before = snapshot(game)
    images = np.random.RandomState(0).uniform(-1, 1, (4, 8, 8, 1)).astype("f4")
    history = game.fit(images, batch_size=4, verbose=0).history
    assert np.isfinite(history["discriminator/r1"]).all() and history["discriminator/r1"][0] > 0
    assert any((value(v) != before[id(v)]).any() for v in trainable([discriminator]))


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"loss": "hinge"}, "minimax"),
        ({"update_mode": "both"}, "simultaneous"),
        ({"update_mode": "simultaneous", "discriminator_steps": 2}, "need 1"),
        ({"discriminator_steps": 0}, "discriminator_steps is 0"),
        ({"max_norm": -1.0}, "max_norm"),
    ],
)
def test_impossible_games_are_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        game_of(**arguments)


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"architecture": "resnet"}, "dense, conv, mlp"),
        ({"shape": (2,)}, "does not fit"),
        ({"shape": (32, 16, 3)}, "not square"),
        ({"width": 0}, "width is 0"),
    ],
)
def test_impossible_networks_are_refused(arguments, said):
    for build in (gan.build_generator, gan.build_discriminator):
        with pytest.raises(InputError, match=said):
            build(**arguments)
    with pytest.raises(InputError, match="dropout"):
        gan.build_discriminator(dropout=(1.0, 0.5))
    with pytest.raises(InputError, match="5 pixels"):
        gan.build_generator((4, 4, 1), "conv", width=2)


@pytest.mark.large
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_game_learns_a_normal_distribution(seed):
    """N(4, .5) in one dimension: mean within .2 and deviation within .2."""
    keras.utils.set_random_seed(seed)
    game = gan.GAN(
        gan.build_generator((1,), "mlp", width=32, latent_dim=4),
        gan.build_discriminator((1,), "mlp", width=32),
        ema_decay=0.99,
        seed=seed,
    )
    adam = keras.optimizers.Adam
    # At equal rates the deviation comes down slowly: it was 1.1 after 3,000 steps.
    game.compile(
        generator=adam(2e-4, 0.5, 0.99),
        discriminator=adam(1e-3, 0.5, 0.99),
        steps_per_execution=100,
    )
    data = np.random.RandomState(1).normal(4.0, 0.5, (500 * 128, 1)).astype("f4")
    game.fit(data, batch_size=128, epochs=6, verbose=0, shuffle=False)
    drawn = game.generate(4000, seed=1)
    assert np.mean(drawn) == pytest.approx(4.0, abs=0.2)
    assert np.std(drawn) == pytest.approx(0.5, abs=0.2)
