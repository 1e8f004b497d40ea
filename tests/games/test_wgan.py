"""WGAN: the box of weights, the estimate, the warm-up, the networks."""

import keras
import numpy as np
import pytest
import small_networks
import tensorflow as tf
from harness import GameChecks, set_values, state, trainable, value, values_of

from tfgan_suite import InputError
from tfgan_suite.games import wgan


class TestWGAN(GameChecks):
    batch = 4

    def make_game(self, plain=False):
        shape, plain_net = (8, 8, 1), "constant" if plain else "dcgan"
        generator = wgan.build_generator(shape, plain_net, width=4, latent_dim=6)
        critic = wgan.build_critic(shape, "dcgan", width=4, norm="none" if plain else "batch")
        return wgan.WGAN(generator, critic, clip=0.1, critic_steps=2, ema_decay=0.9, seed=3)

    def make_small_game(self, plain=False):
        norm = "none" if plain else "batch"
        networks = (
            small_networks.generator((8, 8, 1), 6, norm),
            small_networks.discriminator(norm, 1),
        )
        return wgan.WGAN(*networks, clip=0.1, critic_steps=2, ema_decay=0.9, seed=3)

    def examples(self, count):
        return {"image": np.random.RandomState(0).uniform(-1, 1, (count, 8, 8, 1)).astype("f4")}


class Waiting(TestWGAN):
    """With a warm-up: the generator moves in steps 1, 2, 4, 5, 7, ... counted from 0."""

    __test__ = False

    def make_game(self, plain=False):
        shape = (8, 8, 1)
        generator = wgan.build_generator(shape, "constant", width=2, latent_dim=6)
        critic = wgan.build_critic(shape, "dcgan", width=2, norm="none")
        return wgan.WGAN(
            generator, critic, clip=0.1, critic_steps=2, ema_decay=0.9, seed=3,
            warm_up=1, refresh=2, warm_critic_steps=3,
        )  # fmt: skip

    make_small_game = make_game


def linear(*weights):
    point = keras.Input((len(weights),))
    head = keras.layers.Dense(1, use_bias=False, name="out")
    critic = keras.Model(point, head(point))
    head.set_weights([np.array(weights, "f4")[:, None]])
    return critic


def game_of(critic, **arguments):
    width = critic.input_shape[-1]
    generator = wgan.build_generator((width,), "mlp", width=4, latent_dim=2)
    return wgan.WGAN(generator, critic, **arguments)


def test_the_estimate_of_a_unit_critic_is_the_shift_along_it():
    game = game_of(linear(0.6, 0.8))
    fake = tf.random.stateless_normal((50, 2), [0, 0])
    terms = game.critic_terms(fake + [[3.0, 4.0]], fake)
    assert -float(terms["wasserstein"]) == pytest.approx(5.0, rel=1e-5)


@pytest.mark.parametrize("theta", [0.25, 1.0, 3.0])
def test_a_clipped_weight_estimates_its_limit_times_the_distance(theta):
    """Point masses at 0 and theta, one weight in [-c, c]: the fitted estimate is c theta."""
    critic = linear(0.0)
    generator = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    generator.layers[0].set_weights([np.zeros((1, 1), "f4")])
    game = wgan.WGAN(generator, critic, clip=0.05, critic_steps=1)
    game.compile(generator=keras.optimizers.SGD(0.0), critic=keras.optimizers.SGD(1.0))
    data = np.full((32, 1), theta, "f4")
    history = game.fit(data, batch_size=8, verbose=0, shuffle=False).history
    assert float(critic.get_weights()[0][0, 0]) == pytest.approx(0.05)
    history = game.fit(data, batch_size=8, verbose=0, shuffle=False).history
    assert -history["critic/wasserstein"][0] == pytest.approx(0.05 * theta, rel=1e-5)


def test_the_generator_climbs_the_critic():
    game = game_of(linear(1.0, 0.0))
    points = game.generator(tf.ones((4, 2)))
    loss = game.generator_terms(tf.ones((4, 2)))["adversarial"]
    assert float(loss) == pytest.approx(-float(tf.reduce_mean(points[:, 0])), rel=1e-5)


@pytest.mark.parametrize("clip_norms", [True, False])
def test_after_every_step_all_weights_are_in_the_box(clip_norms):
    keras.utils.set_random_seed(1)
    critic = wgan.build_critic((16, 16, 1), width=2)
    generator = wgan.build_generator((16, 16, 1), width=2, latent_dim=3)
    game = wgan.WGAN(generator, critic, clip=0.01, clip_norms=clip_norms, critic_steps=2)
    rates = {"generator": keras.optimizers.SGD(0.1), "critic": keras.optimizers.SGD(10.0)}
    game.compile(**rates, run_eagerly=True)
    images = np.random.RandomState(0).uniform(-1, 1, (8, 16, 16, 1)).astype("f4")
    assert max(np.abs(value(v)).max() for v in trainable([critic])) > 0.01
    game.fit(images, batch_size=8, verbose=0, shuffle=False)
    largest = {v.name.split("/")[-1].split(":")[0]: 0.0 for v in trainable([critic])}
    for variable in trainable([critic]):
        kind = variable.name.split("/")[-1].split(":")[0]
        largest[kind] = max(largest[kind], float(np.abs(value(variable)).max()))
    assert largest["kernel"] == np.float32(0.01) and largest["bias"] <= np.float32(0.01)
    assert (largest["gamma"] <= np.float32(0.01)) == clip_norms
    # Moving means are no weights.
    moving = [v for v in critic.variables if "moving_variance" in v.name]
    assert moving and all(value(v).max() > 0.01 for v in moving)


def test_every_critic_step_sees_examples_of_its_own():
    seen = []

    class Spy(wgan.WGAN):
        def critic_terms(self, real, fake):
            seen.append(real.numpy()[:, 0].tolist())
            return super().critic_terms(real, fake)

    generator = wgan.build_generator((2,), "mlp", width=4, latent_dim=2)
    game = Spy(generator, linear(1.0, 0.0), critic_steps=3)
    sgd = keras.optimizers.SGD
    game.compile(generator=sgd(), critic=sgd(), run_eagerly=True)
    numbers = np.arange(12, dtype="f4")[:, None] * [[1.0, 0.0]]
    game.fit(numbers.astype("f4"), batch_size=12, verbose=0, shuffle=False)
    assert seen == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]


def official_schedule(iterations, warm_up, refresh, steps):
    """Steps in which the generator moves, counted as the official loop does it."""
    moved, step = [], -1
    for iteration in range(iterations):
        waits = iteration < warm_up or (refresh and iteration % refresh == 0)
        step += steps if waits else 1
        moved.append(step)
    return moved


@pytest.mark.parametrize(
    "warm_up, refresh", [(25, 500), (25, 10), (0, 500), (3, 3), (6, 3), (25, 0), (1, 1)]
)
def test_the_warm_up_is_the_official_loop(warm_up, refresh):
    game = game_of(linear(1.0), warm_up=warm_up, refresh=refresh)
    expected = official_schedule(1200, warm_up, refresh, 20)
    steps = np.arange(expected[-1] + 1)
    assert np.flatnonzero(game.generator_moves(steps)).tolist() == expected
    found = game.generator_moves(tf.constant(steps))
    assert np.array_equal(found, game.generator_moves(steps))


def test_a_waiting_generator_is_as_if_it_had_not_been_asked():
    checks, rms = Waiting(), keras.optimizers.RMSprop
    game = checks.compiled(optimizer=rms, eagerly=True)
    before = state(game)
    history = game.fit(checks.dataset(game, 1), verbose=0, shuffle=False).history
    assert history["generator/moves"] == [0.0]
    after = state(game)
    for name, array in before.items():
        if name.startswith("generator"):
            assert np.array_equal(after[name], array), name
    assert any(
        not np.array_equal(after[name], array)
        for name, array in before.items()
        if name.startswith("critic net")
    )
    history = game.fit(checks.dataset(game, 1, start=1), verbose=0, shuffle=False).history
    assert history["generator/moves"] == [1.0]
    moved = state(game)
    for kind in ("net", "average", "optimizer"):
        names = [name for name in before if name.startswith(f"generator {kind}")]
        assert any(not np.array_equal(moved[name], before[name]) for name in names), kind


def test_a_warm_up_resumes_bit_for_bit(tmp_path):
    Waiting().test_resuming_equals_never_stopping(tmp_path)


def test_a_warm_up_is_the_same_on_two_replicas(two_replicas):
    checks = Waiting()
    one = checks.compiled(rate=0.1, plain=True, eagerly=True)
    checks.test_two_replicas_equal_one(checks.beside(one, two_replicas))


def count(network):
    return sum(int(np.prod(variable.shape)) for variable in trainable([network]))


def test_the_papers_nets_of_64_pixels():
    generator, critic = wgan.build_generator(), wgan.build_critic()
    kernels = 100 * 16 * 512 + 16 * (512 * 256 + 256 * 128 + 128 * 64 + 64 * 3)
    assert count(generator) == kernels + 2 * (512 + 256 + 128 + 64) == 3_576_704
    kernels = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512) + 64
    assert count(critic) == kernels + 2 * (128 + 256 + 512) + 16 * 512
    for variable in trainable([critic]):
        if variable.name.split(":")[0].endswith("kernel") and variable.shape[0] == 4:
            if int(np.prod(variable.shape)) > 10_000:
                assert np.std(value(variable)) == pytest.approx(0.02, rel=0.05)


def test_the_hard_case_has_no_batch_norm_and_one_width():
    generator = wgan.build_generator((64, 64, 3), "constant", width=16)
    kinds = [layer.__class__.__name__ for layer in generator.layers]
    assert "BatchNormalization" not in kinds
    maps = {tuple(layer.output.shape[1:]) for layer in generator.layers if "conv" in layer.name}
    assert maps == {(8, 8, 16), (16, 16, 16), (32, 32, 16)}


def test_the_mlps_have_three_hidden_layers_of_512():
    hidden = 2 * (512 * 512 + 512)
    generator = wgan.build_generator((64, 64, 3), "dense", width=512)
    assert count(generator) == 100 * 512 + 512 + hidden + 512 * 12288 + 12288
    critic = wgan.build_critic((64, 64, 3), "dense", width=512)
    assert count(critic) == 12288 * 512 + 512 + hidden + 512


@pytest.mark.parametrize("size", [8, 28, 32, 48, 64])
@pytest.mark.parametrize("architecture", ["dcgan", "constant", "dense"])
def test_networks_fit_every_size(size, architecture):
    generator = wgan.build_generator((size, size, 3), architecture, width=1, latent_dim=3)
    critic = wgan.build_critic((size, size, 3), architecture, width=1)
    assert critic(generator(tf.zeros((2, 3)))).shape == (2, 1)


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"clip": 0.0}, "clip is 0"),
        ({"warm_up": -1}, "warm_up is -1"),
        ({"critic_steps": 0}, "critic_steps is 0"),
        ({"label_smoothing": 0.1}, "no probabilities"),
    ],
)
def test_impossible_games_are_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        game_of(linear(1.0), **arguments)


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"architecture": "resnet"}, "dcgan, constant, dense, mlp"),
        ({"shape": (2,)}, "does not fit"),
        ({"shape": (50, 50, 3)}, "size 50"),
        ({"width": 0}, "width is 0"),
    ],
)
def test_impossible_networks_are_refused(arguments, said):
    for build in (wgan.build_generator, wgan.build_critic):
        with pytest.raises(InputError, match=said):
            build(**arguments)


def test_the_estimate_falls_while_the_game_learns():
    """Points around (3, 0): the generator gets there and the estimate falls."""
    keras.utils.set_random_seed(0)
    game = wgan.WGAN(
        wgan.build_generator((2,), "mlp", width=16, latent_dim=2),
        wgan.build_critic((2,), "mlp", width=16),
        clip=0.1,
        critic_steps=3,
    )
    rms = keras.optimizers.RMSprop
    game.compile(generator=rms(2e-3, 0.99, epsilon=1e-16), critic=rms(2e-3, 0.99, epsilon=1e-16))
    data = np.random.RandomState(1).normal([3.0, 0.0], 0.3, (32 * 3 * 40, 2)).astype("f4")
    history = game.fit(data, batch_size=96, epochs=5, verbose=0, shuffle=False).history
    estimate = -np.array(history["critic/wasserstein"])
    assert abs(estimate[-1]) < 0.1 * estimate.max()
    assert np.mean(game.generate(1000, seed=1), axis=0) == pytest.approx([3.0, 0.0], abs=0.5)


@pytest.mark.parametrize("optimizer", ["Adam", "SGD"])
def test_a_step_gives_the_same_bits_every_time(optimizer):
    """Several updates of one player in a step: no read may overtake an update."""
    checks = TestWGAN()
    game = checks.compiled(optimizer=getattr(keras.optimizers, optimizer), small=True)
    start = values_of(game)
    step, (batch,) = tf.function(game.train_step, autograph=False), checks.dataset(game, 1)
    step(batch)
    expected = state(game)
    for _ in range(80):
        set_values(game, start)
        step(batch)
        for name, array in state(game).items():
            assert np.array_equal(expected[name], array), name
