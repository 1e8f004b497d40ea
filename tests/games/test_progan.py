"""ProGAN: networks that grow, fades, the losses, and what is saved of growth."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import GameChecks, path_of, state, trainable, value

from tfgan_suite import InputError, compat
from tfgan_suite.core.adversarial_model import variables_of
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
from tfgan_suite.utils.schedules import CosineSchedule

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


class TestProGAN(GameChecks):
    # Four steps of 4 images pass the end of the fade; after two alpha is 20 / 24.
    batch = 4
    replicas_rate = 0.01
    # Without a tanh, which evens out rounding, images of few layers are too coarse in float16.
    exports_small = False

    def make_game(self, plain=False):
        return fading(group_size=0 if plain else 4)

    def make_small_game(self, plain=False):
        return fading(group_size=0 if plain else 4, build=small_networks)

    def examples(self, count):
        return {"image": np.random.RandomState(0).uniform(-1, 1, (count, *SHAPE)).astype("f4")}


class TestWithLabels(TestProGAN):
    # The step and the layers are those of the game without labels.
    test_keras_evaluates_and_saves_it = None
    test_a_step_in_half_precision_is_finite = None
    test_resuming_equals_never_stopping = None
    test_two_replicas_equal_one = None

    def make_game(self, plain=False):
        return fading(classes=3)

    def examples(self, count):
        return {**super().examples(count), "label": np.arange(count, dtype="i4") % 3}


def test_two_replicas_grow_as_one_does(two_replicas):
    """Three steps of 4 images: the end of level 0, and two of level 1 with new moments."""
    checks = TestProGAN()

    def grown():
        keras.utils.set_random_seed(1)
        game = fading(4, group_size=0, build=small_networks)
        momentum = {p: keras.optimizers.SGD(0.01, momentum=0.9) for p in game.players()}
        game.compile(**momentum, run_eagerly=True)
        assert (game.level, value(game.begun_phase)) == (0, 0)
        checks.fit(game, 3)
        assert (game.level, value(game.images_shown), value(game.begun_phase)) == (1, 16, 1)
        return state(game)

    single = grown()
    with two_replicas.scope():
        double = grown()
    assert single.keys() == double.keys()
    for name, array in single.items():
        np.testing.assert_allclose(double[name], array, rtol=2e-4, atol=2e-6, err_msg=name)


# ---- the networks -------------------------------------------------------------------------------


def count(network):
    return sum(int(np.prod(variable.shape)) for variable in trainable([network]))


@pytest.fixture(scope="module")
def papers_counts():
    """Trainable numbers of the paper's networks up to each size, generator and discriminator."""
    with pytest.MonkeyPatch.context() as patch:
        # To draw 46 million weights takes longer than to count them.
        patch.setattr(keras.initializers, "RandomNormal", lambda *_: "zeros")
        generator, discriminator = progan.build_generator(), progan.build_discriminator()
    return {
        size: (
            count(keras.Model(generator.inputs, generator.outputs[: level + 1])),
            count(keras.Model(discriminator.inputs, discriminator.outputs[: level + 1])),
        )
        for level, size in enumerate(growing.level_sizes((1024, 1024, 3)))
    }


def test_parameters_of_the_papers_networks(papers_counts):
    assert papers_counts == {
        4: (6_556_163, 6_561_793),
        8: (11_277_318, 11_283_457),
        16: (15_998_473, 16_005_121),
        32: (20_719_628, 20_726_785),
        64: (22_490_383, 22_498_049),
        128: (22_933_394, 22_941_313),
        256: (23_044_309, 23_052_353),
        512: (23_072_120, 23_080_225),
        1024: (23_079_115, 23_087_249),
    }


@pytest.mark.parametrize(
    "size, expected",
    [(16, (250_825, 251_649)), (32, (324_876, 325_761)), (64, (352_687, 353_633))],
)
def test_parameters_of_small_networks(size, expected):
    sizes = {"fmap_base": 1024, "fmap_max": 64, "latent_dim": 64}
    assert tuple(map(count, networks((size, size, 3), **sizes))) == expected


# ---- growth -------------------------------------------------------------------------------------


def test_the_papers_schedule():
    """Levels of detail left at 1024 pixels, 600,000 images a half phase (the code's examples)."""
    schedule = GrowthSchedule(9, 600_000, 600_000)
    for thousands, lod in (
        (0, 8), (600, 8), (900, 7.5), (1200, 7), (9000, 1), (9300, 0.5), (9600, 0), (20_000, 0),
    ):  # fmt: skip
        images = 1000 * thousands
        level = schedule.level(images)
        alpha = float(schedule.alpha(images, level))
        assert 8 - level + 1 - alpha == pytest.approx(lod), thousands
    assert 4 << schedule.level(900_000) == 8
    assert [schedule.phase(1000 * k) for k in (0, 600, 601, 1199, 1200, 1801, 9600)] == [
        0, 0, 1, 1, 2, 3, 16,
    ]  # fmt: skip


@pytest.mark.parametrize("images_shown, level", [(0, 0), (24, 1), (40, 1)])
def test_what_is_drawn_is_of_the_current_level(images_shown, level):
    """Alone, in mid-fade and after it; earlier levels and batches of any size show in the grid."""
    game = fading(images_shown)
    alpha = {0: 1.0, 24: 16 / 24, 40: 1.0}[images_shown]
    assert game.standing() == (level, pytest.approx(alpha))
    z = tf.random.stateless_normal((3, 8), [1, 2])
    small, large = game.generator(z)
    old = np.repeat(np.repeat(small, 2, 1), 2, 2)
    expected = old if level == 0 else (1 - alpha) * old + alpha * large
    np.testing.assert_allclose(game.generate(z=z), np.clip(expected, -1, 1), atol=1e-5)
    # 8 columns of 8 pixels, a row of level 0, five of the current one.
    columns, rows = 8 * 10 + 2, (5 + level) * 10 + 2
    assert game.preview({}).shape == (rows * 3, columns * 3, 3)
    score = game.discriminator_signatures()["score"].call(image=tf.constant(expected))
    assert score.shape == (3,)


def at_alpha(alpha):
    """A game at level 1 with this alpha, whatever number of images that is."""
    game = fading()
    schedule = GrowthSchedule(2, 8, 24)
    object.__setattr__(schedule, "alpha", lambda images, level: tf.constant(alpha))
    game.schedule = schedule
    return game


def test_alpha_of_0_is_the_level_before():
    """To 1e-6: generated images, scores, and real images, which are blurred as much."""
    game = at_alpha(0.0)
    z = tf.random.stateless_normal((4, 8), [1, 2])
    before = game.generator(z)[0]
    enlarged = np.repeat(np.repeat(before, 2, 1), 2, 2)
    np.testing.assert_allclose(game.generate_level({"z": z}), enlarged, atol=1e-6)
    images = tf.random.stateless_uniform((4, *SHAPE), [3, 4], -1.0, 1.0)
    shrunk = tf.nn.avg_pool2d(images, 2, 2, "VALID")
    scores = growing.discriminator_at(game.discriminator, 0)(shrunk)
    np.testing.assert_allclose(game.judge(images), scores, atol=1e-6)
    blurred = np.repeat(np.repeat(shrunk, 2, 1), 2, 2)
    np.testing.assert_allclose(game.fade_reals(images), blurred, atol=1e-6)


def test_alpha_of_1_leaves_the_rgb_layers_before_without_gradient():
    game = at_alpha(1.0)
    z = tf.random.stateless_normal((4, 8), [1, 2])
    images = tf.random.stateless_uniform((4, *SHAPE), [3, 4], -1.0, 1.0)
    np.testing.assert_allclose(game.generate_level({"z": z}), game.generator(z)[1], atol=1e-6)
    np.testing.assert_array_equal(game.fade_reals(images), images)
    for network, call in (
        (game.generator, lambda: game.generate_level({"z": z})),
        (game.discriminator, lambda: game.judge(images)),
    ):
        variables = game.active(network).trainable_variables
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(call() ** 2)
        gradients = tape.gradient(total, variables_of(variables))
        sizes = {path_of(v): float(np.abs(g).max()) for v, g in zip(variables, gradients)}
        rgb = [name for name in sizes if "rgb_4" in name]
        assert rgb and all(sizes.pop(name) == 0.0 for name in rgb)
        assert all(size > 0 for size in sizes.values()), sizes


def test_the_level_computes_nothing_of_the_others():
    """Convolutions in a step's networks at each level; R = 4 has none of the blocks above."""
    generator, discriminator = networks((16, 16, 1))
    names = lambda model: {layer.name for layer in model.layers if layer.weights}  # noqa: E731
    assert not {n for n in names(growing.generator_at(generator, 0)) if "8" in n or "16" in n}
    assert not {n for n in names(growing.discriminator_at(discriminator, 0)) if "8" in n}
    middle = names(growing.generator_at(generator, 1))
    assert {"to_rgb_4", "to_rgb_8"} <= middle and not {n for n in middle if "16" in n}
    last = names(growing.generator_at(generator, 2, fading=False))
    assert "to_rgb_16" in last and not {"to_rgb_4", "to_rgb_8"} & last
    judged = names(growing.discriminator_at(discriminator, 2))
    assert {"from_rgb_16", "from_rgb_8"} <= judged and "from_rgb_4" not in judged


def compiled(game, optimizer=None, **options):
    optimizer = optimizer or (lambda: FusedAdam(0.01, beta_1=0.0, beta_2=0.99, epsilon=1e-8))
    game.compile(generator=optimizer(), discriminator=optimizer(), **options)
    return game


def images(count):
    return np.random.RandomState(0).uniform(-1, 1, (count, *SHAPE)).astype("f4")


class Growth(keras.callbacks.Callback):
    """After each step: the size and alpha in the logs, and the new layer's weights."""

    def __init__(self):
        super().__init__()
        self.rows = []

    def on_train_batch_end(self, batch, logs=None):
        kernels = [v for v in self.model.generator.trainable_variables if "to_rgb_8" in path_of(v)]
        row = [float(np.mean(logs[name])) for name in self.model.GROWTH_NAMES]
        self.rows.append((*row, value(kernels[0])))


def test_one_fit_grows_the_networks_and_traces_each_level_once(monkeypatch):
    """With one graph for both levels the new layers would stand still."""
    traced = []
    terms = progan.ProGAN.generator_terms
    monkeypatch.setattr(
        progan.ProGAN,
        "generator_terms",
        lambda self, *args: traced.append(self.level) or terms(self, *args),
    )
    game = compiled(fading(0, build=small_networks))
    growth = Growth()
    start = value(game.generator.get_layer("to_rgb_8").kernel)
    game.fit(images(24), batch_size=4, epochs=2, verbose=0, shuffle=False, callbacks=[growth])
    assert traced == [0, 1]
    sizes, alphas, kernels = zip(*growth.rows)
    assert sizes == (4.0,) * 3 + (8.0,) * 9
    expected = [1, 1, 1, *np.arange(4, 25, 4) / 24, 1, 1, 1]
    np.testing.assert_allclose(alphas, expected, rtol=1e-6)
    assert all(np.array_equal(kernel, start) for kernel in kernels[:3])
    moved = [not np.array_equal(a, b) for a, b in zip(kernels[2:], kernels[3:])]
    assert moved == [True] * 9


@pytest.mark.parametrize("images_shown, level", [(12, 1), (32, 1)])
def test_the_first_steps_of_a_phase_have_the_size_of_all_others(images_shown, level):
    """At most the learning rate. With the old counter and no moments it would be ten times that."""
    game = compiled(fading(8 if images_shown == 12 else 28), run_eagerly=True)
    for player in game.players():
        optimizer = game.optimizer_of(player)
        compat.tensor_variable(optimizer.iterations).assign(1000)
        for variable in game.players()[player][0].trainable_variables:
            for slot in compat.adam_slots(optimizer, variable):
                slot.assign(1e-6 * tf.ones_like(slot))
    game.images_shown.assign(images_shown)
    before = [value(v) for v in trainable(n for ns in game.players().values() for n in ns)]
    game.fit(images(4), batch_size=4, verbose=0)
    after = [value(v) for v in trainable(n for ns in game.players().values() for n in ns)]
    steps = [np.abs(a - b).max() for a, b in zip(after, before)]
    assert game.level == level and max(steps) == pytest.approx(0.01, rel=1e-3)
    counters = [int(game.optimizer_of(player).iterations.numpy()) for player in game.players()]
    assert counters == [1, 1]
    assert compat.get_learning_rate(game.optimizer_of("generator")) == pytest.approx(0.01)


def test_the_average_of_a_level_follows_it_and_rests_before():
    """A clone with all levels; `1 - decay^n` of constant weights' difference after n steps."""
    game = compiled(fading(0, ema_decay=0.5), lambda: keras.optimizers.SGD(1e-20), run_eagerly=True)
    (average,) = game.ema("generator")
    assert [tuple(o.shape) for o in average.outputs] == [(None, 4, 4, 1), (None, 8, 8, 1)]
    layers = {name: average.get_layer(name).kernel for name in ("to_rgb_4", "to_rgb_8")}
    for kernel in layers.values():
        kernel.assign(value(kernel) + 1.0)
    game.steps.assign(100)  # past the short memory of the first steps
    game.fit(images(8), batch_size=4, verbose=0)
    differences = {
        name: (value(kernel) - value(game.generator.get_layer(name).kernel)).mean()
        for name, kernel in layers.items()
    }
    assert differences["to_rgb_4"] == pytest.approx(0.25, abs=1e-5)
    assert differences["to_rgb_8"] == pytest.approx(1.0, abs=1e-5)


def test_evaluation_is_of_the_current_level():
    game = compiled(fading(8), run_eagerly=True)
    for shown, size in ((8, 4.0), (12, 8.0), (8, 4.0)):
        game.images_shown.assign(shown)
        logs = game.evaluate(images(4), batch_size=4, verbose=0, return_dict=True)
        assert logs["growth/size"] == size
        assert int(game.images_shown.numpy()) == shown


# ---- the losses ---------------------------------------------------------------------------------


def linear_game(weights, **options):
    """One level of 4x4 pixels, G(z) = z reshaped, D(x) = <w, x>."""
    z = keras.Input((16,), name="z")
    generator = keras.Model(z, [keras.layers.Reshape((4, 4, 1))(z)])
    image = keras.Input((4, 4, 1))
    score = keras.layers.Dense(1, use_bias=False)(keras.layers.Flatten()(image))
    discriminator = keras.Model(image, [score])
    discriminator.set_weights([np.reshape(np.float32(weights), (16, 1))])
    game = progan.ProGAN(generator, discriminator, stable_images=8, fade_images=8, **options)
    return game


def test_losses_of_a_linear_discriminator():
    """(|w| - 1)^2 whatever the images, 1 for a constant; drift is the mean square of scores."""
    real, fake = tf.ones((2, 4, 4, 1)), tf.zeros((2, 4, 4, 1))
    mix = tf.constant([0.3, 0.6])
    weights = np.zeros(16)
    weights[:2] = 3.0, 4.0
    terms = linear_game(weights).discriminator_terms(real, fake, mix)
    assert float(terms["penalty"]) == pytest.approx(10 * (5.0 - 1.0) ** 2, rel=1e-5)
    assert float(terms["wasserstein"]) == pytest.approx(-7.0)
    assert float(terms["drift"]) == pytest.approx(0.001 * 49.0, rel=1e-5)
    generator = linear_game(weights).generator_terms(tf.ones((2, 16)))
    assert float(generator["adversarial"]) == pytest.approx(-7.0)
    constant = linear_game(np.zeros(16), gp_weight=1.0).discriminator_terms(real, fake, mix)
    assert float(constant["penalty"]) == pytest.approx(1.0, abs=1e-5)


def test_the_penalty_in_mid_fade_has_its_second_derivative(monkeypatch):
    """By finite differences, through both ways of the fade."""
    monkeypatch.setattr(progan, "SLOPE", 0.999)  # at kinks, differences are no derivatives
    keras.utils.set_random_seed(1)
    game = at_alpha(0.4)
    real, fake = (tf.random.stateless_uniform((4, *SHAPE), [n, 1], -1.0, 1.0) for n in (1, 2))
    mix = tf.constant([0.1, 0.4, 0.5, 0.9])

    def penalty():
        return game.discriminator_terms(real, fake, mix)["penalty"]

    for name in ("from_rgb_4", "from_rgb_8", "8", "8_down", "4"):
        kernel = compat.tensor_variable(game.discriminator.get_layer(name).kernel)
        with tf.GradientTape() as tape:
            total = penalty()
        gradient = tape.gradient(total, kernel)
        direction = gradient / tf.norm(gradient)
        step, start = 2e-3, tf.identity(kernel)
        values = []
        for sign in (1.0, -1.0):
            kernel.assign(start + sign * step * direction)
            values.append(float(penalty()))
        kernel.assign(start)
        slope = (values[0] - values[1]) / (2 * step)
        assert slope == pytest.approx(float(tf.norm(gradient)), rel=0.02), name


def test_class_logits_follow_the_score():
    """Cross-entropy by hand, of real and generated images, in both players' losses."""
    game = fading(classes=3)
    draws = tf.random.stateless_uniform((4, *SHAPE), [1, 1], -1.0, 1.0)
    label = tf.constant([0, 1, 2, 1])
    outputs = np.array(game.judge(draws))
    logits = outputs[:, 1:]
    by_hand = np.log(np.exp(logits).sum(1)) - logits[range(4), [0, 1, 2, 1]]
    terms = game.discriminator_terms(draws, draws, tf.zeros(4), label)
    for name in ("class_real", "class_fake"):
        assert float(terms[name]) == pytest.approx(by_hand.mean(), rel=1e-4)
    assert float(terms["drift"]) == pytest.approx(0.001 * (outputs[:, 0] ** 2).mean(), rel=1e-3)
    z = tf.random.stateless_normal((4, 8), [1, 2])
    found = game.generator_terms(z, label)
    logits = np.array(game.judge(game.fakes(z, label)))[:, 1:]
    by_hand = np.log(np.exp(logits).sum(1)) - logits[range(4), [0, 1, 2, 1]]
    assert float(found["class"]) == pytest.approx(by_hand.mean(), rel=1e-4)


# ---- what is refused ----------------------------------------------------------------------------


def test_sizes_of_no_level_are_refused_with_the_nearest():
    for build in (progan.build_generator, progan.build_discriminator):
        for size, near in (
            (48, "32 and 64"),
            (28, "16 and 32"),
            (20, "16 and 32"),
            (2, "4 and 8"),
            (1000, "512 and"),
        ):
            with pytest.raises(InputError, match=f"size {size} .* {near}"):
                build((size, size, 3))
    assert growing.level_sizes((32, 32, 3)) == (4, 8, 16, 32)
    assert growing.level_sizes((4, 4, 1)) == (4,)
    with pytest.raises(InputError, match="square"):
        progan.build_generator((8, 16, 3))


def test_batches_that_cannot_be_grouped_are_refused():
    game = compiled(fading(), run_eagerly=True)
    with pytest.raises(InputError, match="a batch of 1 on each device .* 2 or more"):
        game.fit(images(1), batch_size=1, verbose=0)
    growing.check_groups(1, 0)
    for batch in (2, 3, 5, 7):
        growing.check_groups(batch, 4)
    with pytest.raises(InputError, match="an even number"):
        growing.check_groups(3, 2)


def test_impossible_games_are_refused():
    for arguments, said in (
        ({"gp_weight": -1.0}, "gp_weight is -1"),
        ({"stable_images": 0}, "stable_images is 0"),
        ({"fade_images": -1}, "fade_images is -1"),
        ({"level_batches": [(64, 4)]}, "64 pixels, but the levels are 4, 8"),
        ({"level_batches": [(8, 0)]}, "batch of 8 pixels is 0"),
    ):
        arguments = {"stable_images": 8, "fade_images": 8, **arguments}
        with pytest.raises(InputError, match=said):
            progan.ProGAN(*networks(), **arguments)
    with pytest.raises(InputError, match="build both for the same sizes"):
        progan.ProGAN(networks()[0], networks((16, 16, 1))[1])
    with pytest.raises(InputError, match="grow to 8x8"):
        compiled(fading(), run_eagerly=True).fit(np.zeros((4, 16, 16, 1), "f4"), verbose=0)
    with pytest.raises(InputError, match="is a schedule"):
        compiled(fading(), lambda: FusedAdam(CosineSchedule(0.1, 0.01, 10)))


def test_batches_of_a_source_follow_the_level():
    """The same sequence from any point; the total is what the schedule needs."""
    game = fading(0, level_batches=[(4, 6), (8, 2)])
    assert game.batch_sizes(5) == (6, 2)
    plans, images_shown = [], 0
    while images_shown < 40:
        game.images_shown.assign(images_shown)
        batch, start, limit = game.batch_plan(5)
        assert start == images_shown // batch
        assert limit in (None, -(-(9 - images_shown) // batch))
        plans.append(batch)
        images_shown += batch
    assert plans == [6] * 2 + [2] * 14
    assert game.schedule.steps(game.batch_sizes(5)) == len(plans)
