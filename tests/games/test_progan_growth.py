"""ProGAN's growth: the schedule, fades, and what a new level does to optimizers and averages."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import path_of, trainable, value
from small_progan import SHAPE, at_alpha, compiled, fading, images, small_networks

from tfgan_suite import compat
from tfgan_suite.core.adversarial_model import variables_of
from tfgan_suite.games import progan
from tfgan_suite.networks import growing
from tfgan_suite.utils.growth_schedule import GrowthSchedule


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
