"""StyleGAN2: known sizes, styles and their mixing, truncation, path length, lazy penalties."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import GameChecks, trainable, value

from tfgan_suite import InputError, compat
from tfgan_suite.games import stylegan2
from tfgan_suite.layers import style_inputs
from tfgan_suite.layers.equalized import EqualizedConv2D, EqualizedDense
from tfgan_suite.layers.minibatch_deviation import MinibatchDeviation
from tfgan_suite.layers.style_modulation import ModulatedConv2D
from tfgan_suite.losses import penalties
from tfgan_suite.networks import style

SHAPE = (8, 8, 3)


def networks(classes=None, shape=SHAPE):
    """Of 4 channels throughout: of a single channel, demodulation would leave a sign only."""
    generator = style.build_generator(shape, 5, 6, 2, 16, 4, classes=classes)
    return generator, style.build_discriminator(shape, 16, 4, classes=classes)


def small_networks(group_size):
    """One layer of each kind."""
    w = keras.Input((2, 4), name="w")
    noise = keras.Input((8, 8, 1), name="noise_0")
    x = style_inputs.LearnedConstant((4, 4, 2))(w)
    scale = EqualizedDense(2, bias_initializer="ones")(style_inputs.StyleOfLayer(0)(w))
    x = ModulatedConv2D(2, 3, upsample=True)([x, scale])
    x = style_inputs.NoiseBiasActivation()([x, noise])
    synthesis = keras.Model([w, noise], EqualizedConv2D(3, 1)(x), name="synthesis")
    generator = style.joined(style.build_mapping(2, 5, 4, 1), synthesis)
    image = keras.Input(SHAPE)
    x = style_inputs.EqualizedDownConv2D(2, 3, activation="tanh")(image)
    x = keras.layers.Flatten()(MinibatchDeviation(group_size)(x))
    return generator, keras.Model(image, EqualizedDense(1)(x))


def game_of(*players, **options):
    options = {"r1_weight": 0.5, "r1_every": 2, "path_every": 2, "seed": 3, **options}
    return stylegan2.StyleGAN2(*players, **options)


class TestStyleGAN2(GameChecks):
    batch = 4
    replicas_rate = 0.01

    exported_formats = ("saved_model", "tflite_float32")

    def make_game(self, plain=False):
        # Which images are in a group depends on the number of replicas.
        return game_of(*small_networks(group_size=1 if plain else 2))

    def examples(self, count):
        return {"image": np.random.RandomState(0).uniform(-1, 1, (count, *SHAPE)).astype("f4")}


class TestWithLabels(TestStyleGAN2):
    # The layers with a state and the traced step are those of the game without labels.
    test_a_step_in_half_precision_is_finite = None
    test_exports_equal_the_game = None
    test_keras_evaluates_and_saves_it = None
    test_resuming_equals_never_stopping = None
    test_two_replicas_equal_one = None

    def make_game(self, plain=False):
        return game_of(*networks(classes=3), classes=3)

    def examples(self, count):
        return {**super().examples(count), "label": np.arange(count, dtype="i4") % 3}


def eager(game, rate=0.0):
    sgd = {player: keras.optimizers.SGD(rate) for player in game.players()}
    game.compile(**sgd, run_eagerly=True)
    return game


def varied():
    """Networks with styles, strengths and biases that differ from their start."""
    keras.utils.set_random_seed(1)
    generator, discriminator = networks()
    draws = np.random.RandomState(2)
    for variable in trainable([generator]):
        variable.assign_add(draws.normal(0, 0.3, variable.shape))
    average = generator.get_layer("mapping").get_layer("styles").average
    average.assign(draws.normal(size=average.shape))
    return generator, discriminator


@pytest.fixture(scope="module")
def players():
    return varied()


@pytest.fixture
def game(players):
    return eager(game_of(*players, ema_decay=0.0))


# ---- the networks -------------------------------------------------------------------------------


def count(network):
    return sum(int(np.prod(variable.shape)) for variable in trainable([network]))


@pytest.mark.parametrize(
    "base, expected",
    [
        (16384, (30_370_060, 29_012_513)),  # configuration F
        pytest.param(8192, (24_900_764, 24_038_161), marks=pytest.mark.large),  # configuration E
    ],
)
def test_parameters_at_1024_pixels(base, expected):
    with pytest.MonkeyPatch.context() as patch:
        # To draw 59 million weights takes longer than to count them.
        patch.setattr(keras.initializers, "RandomNormal", lambda *_: "zeros")
        generator = style.build_generator(channel_base=base)
        discriminator = style.build_discriminator(channel_base=base)
    assert (count(generator), count(discriminator)) == expected
    assert generator.get_layer("synthesis").inputs[0].shape[1] == 18


def test_noise_of_strength_0_changes_nothing_and_maps_fit_every_size():
    generator, _ = networks(shape=(16, 16, 3))
    sides = [each.shape[1] for each in generator.inputs[1:]]
    assert sides == [4, 8, 8, 16, 16]
    z = tf.random.stateless_normal((2, 5), [1, 2])
    maps = [tf.random.stateless_normal((2, side, side, 1), [3, side]) for side in sides]
    images = np.array(generator([z, *maps]))
    np.testing.assert_array_equal(generator([z, *(0 * each for each in maps)]), images)
    for layer in generator.get_layer("synthesis").layers:
        if hasattr(layer, "strength"):
            layer.strength.assign(0.5)
    assert np.abs(generator([z, *maps]) - images).max() > 0.01


@pytest.mark.parametrize("size, near", [(48, "32 and 64"), (4, "8 and 16"), (100, "64 and 128")])
def test_sizes_that_are_not_4_times_a_power_of_2_name_the_nearest(size, near):
    for build in (style.build_generator, style.build_discriminator):
        with pytest.raises(InputError, match=f"size {size} .* {near}"):
            build((size, size, 3))


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"shape": (8, 16, 3)}, "square images"),
        ({"channel_base": 0}, "channel_base is 0"),
        ({"classes": 0}, "classes is 0"),
    ],
)
def test_impossible_networks_are_refused(arguments, said):
    for build in (style.build_generator, style.build_discriminator):
        with pytest.raises(InputError, match=said):
            build(**{"shape": SHAPE, **arguments})


def test_impossible_games_are_refused(players):
    for arguments, said in (
        ({"mixing": 1.5}, "mixing is 1.5"),
        ({"path_weight": -1.0}, "path_weight is -1"),
        ({"path_every": 0}, "path_every is 0"),
        ({"rate": 1.0}, "unknown arguments"),
    ):
        with pytest.raises(InputError, match=said):
            game_of(*players, **arguments)
    with pytest.raises(InputError, match="no layers 'mapping' and 'synthesis'"):
        game_of(players[1], players[1])


# ---- styles -------------------------------------------------------------------------------------


def test_mixed_batches_take_the_styles_from_a_random_layer_on_from_other_z(game):
    """At 8 pixels there are 4 layers, so 3 crossovers; mixing of 0.5 leaves half the batches."""
    game.mixing, crossovers = 0.5, []
    for _ in range(60):
        w = game.styles(3, None, "test").numpy()
        changes = [n for n in range(1, 4) if not np.array_equal(w[:, n], w[:, n - 1])]
        assert len(changes) <= 1
        crossovers += changes or [0]
        game.steps.assign_add(1)
    assert set(crossovers) == {0, 1, 2, 3} and 20 < crossovers.count(0) < 40
    game.mixing = 0.0
    w = game.styles(3, None, "test").numpy()
    np.testing.assert_array_equal(w, np.repeat(w[:, :1], 4, 1))
    assert not np.array_equal(w[0], w[1])


def test_psi_of_0_is_the_average_for_every_z_and_psi_of_1_changes_nothing(game):
    z = tf.random.stateless_normal((3, 5), [4, 5])
    run = lambda psi: game.run_signature({"z": z, "psi": np.full(3, psi, "f4")}, "generate")  # noqa: E731
    same = run(0.0)["image"]
    np.testing.assert_allclose(same, np.repeat(same[:1], 3, 0), atol=1e-6)
    np.testing.assert_allclose(run(1.0)["image"], game.generate(z=z), atol=1e-6)


def test_truncation_below_a_cutoff_leaves_the_later_layers(game):
    z = np.random.RandomState(6).normal(size=(2, 5)).astype("f4")
    psi = np.repeat(np.float32([[0.7, 0.7, 1.0, 1.0]]), 2, 0)
    w = game.run_signature({"z": z, "psi": psi}, "mapping")["w"]
    mapping = game.generator.get_layer("mapping")
    plain, average = np.array(mapping(z)), value(mapping.get_layer("styles").average)
    np.testing.assert_allclose(w[:, 2:], plain[:, 2:], atol=1e-6)
    np.testing.assert_allclose(w[:, :2], average + 0.7 * (plain[:, :2] - average), rtol=1e-5)
    images = game.run_signature({"w": w}, "synthesis")["image"]
    assert images.shape == (2, *SHAPE) and np.abs(images).max() <= 1.0


def test_the_average_of_w_follows_the_batches_and_is_saved_with_the_averaged_networks():
    game = eager(game_of(*networks(), mixing=0.0, ema_decay=0.5))
    (average,) = [
        network.get_layer("mapping").get_layer("styles").average
        for network in game.players()["generator"]
    ]
    images = np.zeros((4, *SHAPE), "f4")
    expected = np.zeros(6)
    for _ in range(2):
        w = game.styles(4, None, "discriminator").numpy()[:, 0]
        game.train_step(images)
        expected += 0.005 * (w.mean(0) - expected)
        np.testing.assert_allclose(value(average), expected, rtol=1e-4)
    (averaged,) = game.ema("generator")
    copied = averaged.get_layer("mapping").get_layer("styles").average
    assert copied is not average and np.abs(value(copied)).max() > 0
    before = value(average)
    game.test_step(images)
    np.testing.assert_array_equal(value(average), before)


def test_the_average_of_weights_has_the_papers_half_life(players):
    decay = stylegan2.StyleGAN2(*players)._ema_decays["generator"]
    assert decay == pytest.approx(0.997784, abs=1e-6)


# ---- penalties ----------------------------------------------------------------------------------


def test_path_lengths_of_a_linear_generator():
    """G(w) = A w, one layer: for y it is |A^T y|, and its square |A|^2 / (HW) on average."""
    draws = np.random.RandomState(7)
    matrix = draws.normal(size=(6, 4 * 4 * 2)).astype("f4")
    y = draws.normal(size=(2000, 4, 4, 2)).astype("f4")
    lengths = penalties.path_lengths(
        lambda w: tf.reshape(tf.matmul(w[:, 0], matrix), (-1, 4, 4, 2)),
        tf.zeros((2000, 1, 6)),
        lambda shape: tf.reshape(y, (-1, *shape)),
    ).numpy()
    by_hand = np.linalg.norm(y.reshape(2000, -1) @ matrix.T / 4, axis=1)
    np.testing.assert_allclose(lengths, by_hand, rtol=1e-4)
    assert np.mean(lengths**2) == pytest.approx(np.square(matrix).sum() / 16, rel=0.05)


def test_layers_are_averaged_and_features_summed_in_a_path_length():
    """Three layers of four ones each: sqrt(mean of 4) for one pixel of y = 1."""
    lengths = penalties.path_lengths(
        lambda w: tf.reshape(tf.reduce_sum(w, [1, 2]), (-1, 1, 1, 1)),
        tf.zeros((2, 3, 4)),
        lambda shape: tf.ones((2, *shape)),
    )
    np.testing.assert_allclose(lengths, 2.0, rtol=1e-6)


def test_the_path_penalty_moves_mapping_and_synthesis_as_finite_differences_say():
    """An operation without a second derivative would silently drop its part of the gradient."""
    game = eager(game_of(*varied(), ema_decay=0.0))
    for layer in game.generator._flatten_layers():
        for name in ("alpha", "negative_slope"):  # of Keras 2 and 3
            if hasattr(layer, name):
                setattr(layer, name, 1.0)  # kinks would jump between the differences
    game.path_average.assign(0.3)
    variables = [compat.tensor_variable(v) for v in game.generator.trainable_variables]
    with tf.GradientTape() as tape:
        penalty = game.path_penalty(8, None)
    gradients = tape.gradient(penalty, variables, unconnected_gradients="zero")
    draws = np.random.RandomState(8)
    for part in ("mapping", "synthesis"):
        inside = [
            compat.tensor_variable(v) for v in game.generator.get_layer(part).trainable_variables
        ]
        chosen = [n for n, v in enumerate(variables) if any(v is each for each in inside)]
        directions = {n: draws.normal(size=variables[n].shape).astype("f4") for n in chosen}
        slope = sum(float(tf.reduce_sum(gradients[n] * directions[n])) for n in chosen)
        values = []
        for step in (1e-3, -1e-3):
            for n in chosen:
                variables[n].assign_add(step * directions[n])
            game.path_average.assign(0.3)
            values.append(float(game.path_penalty(8, None)))
            for n in chosen:
                variables[n].assign_sub(step * directions[n])
        assert slope == pytest.approx((values[0] - values[1]) / 2e-3, rel=0.03), part
        assert abs(slope) > 1e-4


def test_the_first_lengths_set_their_average_and_later_ones_move_it(game):
    lengths = game.path_lengths(8, None).numpy()
    game.path_average.assign(0.0)
    assert float(game.path_penalty(8, None)) == 0.0
    assert float(game.path_average.numpy()) == pytest.approx(lengths.mean(), rel=1e-5)
    game.path_average.assign(2.0)
    penalty = float(game.path_penalty(8, None))  # weight 2, every 2 steps
    assert penalty == pytest.approx(4 * np.mean((lengths - 2.0) ** 2), rel=1e-4)
    assert game.path_average.numpy() == pytest.approx(2.0 + 0.01 * (lengths.mean() - 2), rel=1e-5)
    game.steps.assign_add(1)
    assert float(game.path_penalty(8, None)) == 0.0


def test_penalties_are_worked_out_at_their_own_steps_only():
    calls = []

    class Spy(stylegan2.StyleGAN2):
        def path_lengths(self, count, label):
            calls.append(("path", int(self.steps.numpy())))
            return super().path_lengths(count, label)

        def score(self, images, label):
            calls.append(("score", int(self.steps.numpy())))
            return super().score(images, label)

    game = eager(Spy(*small_networks(2), r1_weight=1.0, r1_every=2, path_every=3))
    for _ in range(4):
        game.train_step(np.zeros((4, *SHAPE), "f4"))
    assert [step for name, step in calls if name == "path"] == [0, 3]
    scores = [[step for name, step in calls if name == "score"].count(n) for n in range(4)]
    assert scores == [3, 3, 3, 3]  # generated twice, real once: R1 shares its pass
    # They are no updates of their own: Adam would need a correction of its rate and betas.
    counts = [int(compat.tensor_variable(game.optimizer_of(p).iterations)) for p in game.players()]
    assert counts == [4, 4]


def test_r1_of_a_linear_discriminator():
    """D(x) = <w, x>: gamma/2 |w|^2, times the interval."""
    image = keras.Input(SHAPE)
    head = keras.layers.Dense(1, use_bias=False)
    discriminator = keras.Model(image, head(keras.layers.Flatten()(image)))
    game = eager(game_of(networks()[0], discriminator, r1_weight=3.0, r1_every=2))
    images = tf.zeros((4, *SHAPE))
    expected = 2 * 3.0 / 2 * np.square(value(head.kernel)).sum()
    assert float(game.discriminator_terms(images, images)["r1"]) == pytest.approx(
        expected, rel=1e-4
    )
    game.steps.assign_add(1)
    assert float(game.discriminator_terms(images, images)["r1"]) == 0.0
