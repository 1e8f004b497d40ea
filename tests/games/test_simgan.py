"""SimGAN: patches, the history, what psi keeps, pre-training, and which class is which."""

import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import GameChecks, SaveAt, restored, snapshot, trainable, value

from tfgan_suite import InputError
from tfgan_suite.core.image_history import ImageHistory
from tfgan_suite.features import layer_outputs
from tfgan_suite.games import simgan
from tfgan_suite.study.inference import binomial
from tfgan_suite.training.optimizers import FusedAdam

SHAPE = (12, 16, 1)
KEYS = ("simulated", "real")


def batch_of(count, shape=SHAPE, seed=0):
    draws = np.random.RandomState(seed)
    found = {key: draws.uniform(-1, 1, (count, *shape)).astype("f4") for key in KEYS}
    return {**found, "label": np.zeros((count, 2), "f4")}


def tiny(discriminator=None, **arguments):
    arguments = {
        "shape": SHAPE,
        "history_size": 6,
        "pretrain_refiner": 0,
        "pretrain_discriminator": 0,
        "seed": 3,
        **arguments,
    }
    refiner = simgan.build_refiner(width=4, blocks=1)
    discriminator = discriminator or simgan.build_discriminator(width=4)
    return simgan.SimGAN(refiner, discriminator, **arguments)


def small(**arguments):
    """With a discriminator of one layer, for games whose step is traced."""
    image = keras.Input((None, None, 1))
    patches = keras.layers.Conv2D(2, 4, 4, dtype="float32")(image)
    return tiny(keras.Model(image, patches), **arguments)


def compiled(rate=0.1, optimizer=keras.optimizers.SGD, eagerly=False, make=tiny, **arguments):
    keras.utils.set_random_seed(1)
    game = make(**arguments)
    game.compile(refiner=optimizer(rate), discriminator=optimizer(rate), run_eagerly=eagerly)
    return game


def fit(game, steps, start=0, batch=4, callbacks=()):
    count = batch * game.batches_per_step
    whole = {name: array[count * start :] for name, array in batch_of(count * 8).items()}
    batches = tf.data.Dataset.from_tensor_slices(whole).batch(count, drop_remainder=True)
    game.fit(batches, steps_per_epoch=steps, verbose=0, shuffle=False, callbacks=list(callbacks))
    return game


class TestSimGAN(GameChecks):
    # The pair of the comparison with two devices is continued below: it is not the shared game.
    plain_differs = True
    traces_replicas = True

    def make_game(self, plain=False):
        return tiny(history_size=16)

    def make_small_game(self, plain=False):
        return small(history_size=16)

    def examples(self, count):
        return batch_of(count)

    def test_the_history_of_two_replicas_is_that_of_one(self, replicas, two_replicas):
        """Four steps: the history of 16 is filled by 4 images a step; the fifth replaces."""
        one, two, _, _ = replicas
        for game in (one, two):
            self.fit(game, 3, start=2)
            assert int(game.steps.numpy()) == 5
        assert int(two.image_history.filled.numpy()) == 16
        copies = two_replicas.experimental_local_results(two.image_history.images)
        assert np.array_equal(copies[0].numpy(), copies[1].numpy())
        np.testing.assert_allclose(copies[0], one.image_history.images, atol=1e-4)


# ---- networks ----------------------------------------------------------------------------------


def count(network):
    return sum(int(np.prod(variable.shape)) for variable in trainable([network]))


def test_the_networks_have_the_papers_number_of_parameters():
    assert count(simgan.build_refiner()) == 296_129
    assert count(simgan.build_refiner(blocks=10, kernel=7)) == 741_825
    assert count(simgan.build_discriminator()) == 75_906
    assert count(simgan.build_discriminator(setting="hand")) == 178_050


def test_the_patch_maps_are_the_papers():
    gaze = simgan.build_discriminator(width=2)(tf.zeros((1, 35, 55, 1)))
    assert gaze.shape == (1, 9, 14, 2) and gaze.shape[1] * gaze.shape[2] == 126
    hand = simgan.build_discriminator(width=2, setting="hand")(tf.zeros((1, 224, 224, 1)))
    assert hand.shape == (1, 7, 7, 2)
    found = layer_outputs.select_outputs(
        simgan.build_discriminator(width=2), ["features_0", "features_3"]
    )
    assert [x.shape[3] for x in found(tf.zeros((1, 35, 55, 1)))] == [6, 2]


@pytest.mark.parametrize("setting, side, field", [("gaze", 64, 23), ("hand", 224, 71)])
def test_a_patch_sees_as_many_pixels_as_in_the_paper(setting, side, field):
    keras.utils.set_random_seed(0)
    discriminator = simgan.build_discriminator(width=2, setting=setting)
    for layer in discriminator.layers:  # all weights positive: no ReLU hides a pixel
        layer.set_weights([np.abs(array) for array in layer.get_weights()])
    images = tf.random.stateless_uniform((24, side, side, 1), [1, 2])
    with tf.GradientTape() as tape:
        tape.watch(images)
        map_ = discriminator(images)
        middle = map_[:, map_.shape[1] // 2, map_.shape[2] // 2]
    touched = np.abs(tape.gradient(middle, images).numpy()).sum((0, 3)) > 0
    for axis in (0, 1):
        (places,) = np.nonzero(touched.any(axis))
        assert places[-1] - places[0] + 1 == field


def test_refined_images_of_any_size_keep_it():
    game = tiny()
    refined = game.translate(np.zeros((3, 20, 31, 1), "f4"))
    assert refined.shape == (3, 20, 31, 1)
    grid = game.preview(batch_of(2))
    assert grid.dtype == np.uint8 and grid.shape[2] == 3


# ---- losses ------------------------------------------------------------------------------------


def test_an_undecided_discriminator_costs_log_2_a_patch():
    for target in (simgan.REAL, simgan.REFINED):
        loss = float(simgan.local_loss(tf.fill((2, 9, 14, 2), 0.7), target))
        assert loss == pytest.approx(0.693147, abs=1e-6)
        assert loss * 126 == pytest.approx(87.34, abs=0.005)


def test_the_local_loss_is_the_mean_over_patches():
    logits = tf.constant([[[[0.0, 1.0], [0.0, 0.0]], [[2.0, 0.0], [0.0, -3.0]]]])
    of_real = [math.log1p(math.exp(1)), math.log(2), math.log1p(math.exp(-2))]
    of_real.append(math.log1p(math.exp(-3)))
    assert float(simgan.local_loss(logits, simgan.REAL)) == pytest.approx(np.mean(of_real))
    of_refined = [math.log1p(math.exp(-1)), math.log(2), math.log1p(math.exp(2))]
    of_refined.append(math.log1p(math.exp(3)))
    assert float(simgan.local_loss(logits, simgan.REFINED)) == pytest.approx(np.mean(of_refined))


def with_networks(game, refiner=None, discriminator=None):
    """The game with given functions in place of its networks."""
    for name, function in (("refiner", refiner), ("discriminator", discriminator)):
        if function is not None:
            game.__dict__[name] = lambda x, training=None, call=function: call(x)
    return game


def of_brightness(images):
    """A discriminator that calls bright patches refined."""
    return tf.concat([tf.zeros_like(images), 10.0 * images], axis=-1)


def test_the_discriminator_names_refined_images_and_the_refiner_asks_for_real():
    game = with_networks(
        tiny(regularization_weight=0.0), refiner=lambda x: x, discriminator=of_brightness
    )
    bright, dark = tf.fill((2, *SHAPE), 1.0), tf.fill((2, *SHAPE), -1.0)
    right, wrong = game.discriminator_terms(dark, bright), game.discriminator_terms(bright, dark)
    low, high = math.log1p(math.exp(-10)), math.log1p(math.exp(10))
    assert {k: float(v) for k, v in right.items()} == pytest.approx(
        {"real": low, "fake": low}, abs=1e-6
    )
    assert {k: float(v) for k, v in wrong.items()} == pytest.approx({"real": high, "fake": high})
    assert float(game.refiner_terms(dark)["adversarial"]) == pytest.approx(low, abs=1e-6)
    assert float(game.refiner_terms(bright)["adversarial"]) == pytest.approx(high)


def test_the_accuracy_is_about_new_images():
    game = with_networks(tiny(), discriminator=of_brightness)
    seen = {}
    game.__dict__["record"] = lambda name, found: seen.setdefault(name, float(found))
    bright, dark = tf.fill((2, *SHAPE), 1.0), tf.fill((2, *SHAPE), -1.0)
    terms = game.discriminator_terms(dark, bright, dark)
    assert seen["discriminator/accuracy"] == 1.0
    half = (math.log1p(math.exp(-10)) + math.log1p(math.exp(10))) / 2
    assert float(terms["fake"]) == pytest.approx(half)


def test_lambda_of_sums_and_of_means_weigh_alike():
    assert simgan.sum_to_mean_weight(1.0, (35, 55, 1), 126) == pytest.approx(15.2778, abs=1e-4)
    draws = np.random.RandomState(0)
    logits = tf.constant(draws.normal(size=(1, 9, 14, 2)), tf.float32)
    x, y = (tf.constant(draws.uniform(-1, 1, (1, 35, 55, 1)), tf.float32) for _ in range(2))
    sums = tf.reduce_sum(-tf.nn.log_softmax(logits)[..., simgan.REAL])
    sums += 0.01 * tf.reduce_sum(tf.abs(x - y))
    weight = simgan.sum_to_mean_weight(0.01, (35, 55, 1), 126)
    means = simgan.local_loss(logits, simgan.REAL)
    means += weight * simgan.distance(simgan.FEATURE_TRANSFORMS["identity"], x, y)
    assert float(sums) == pytest.approx(126 * float(means), rel=1e-5)


def features(images):
    return [tf.nn.relu(images), tf.nn.avg_pool2d(images, 2, 2, "SAME")]


@pytest.mark.parametrize("feature_transform", [*simgan.FEATURE_TRANSFORMS, features])
def test_a_refiner_that_changes_nothing_costs_nothing(feature_transform):
    shape = (6, 7, 3)
    game = simgan.SimGAN(
        simgan.build_refiner(3, 2, 1),
        simgan.build_discriminator(3, 2),
        shape=shape,
        feature_transform=feature_transform,
        history_size=4,
    )
    images = tf.constant(batch_of(2, shape)["simulated"])
    with_networks(game, refiner=lambda x: x)
    assert float(game.refiner_terms(images)["regularization"]) == 0.0
    assert float(game.pretraining_terms(images)["regularization"]) == 0.0
    with_networks(game, refiner=lambda x: x * 0.5)
    assert float(game.refiner_terms(images)["regularization"]) > 0.0


def test_what_each_feature_transform_ignores():
    images = tf.constant(batch_of(3, (6, 7, 3))["simulated"])
    identity, gradient, mean = (
        simgan.FEATURE_TRANSFORMS[n] for n in ("identity", "gradient", "channel_mean")
    )
    assert float(simgan.distance(identity, images + 0.25, images)) == pytest.approx(0.25)
    assert float(simgan.distance(gradient, images + 0.25, images)) == pytest.approx(0.0, abs=1e-6)
    swapped = tf.gather(images, [2, 0, 1], axis=-1)
    assert float(simgan.distance(mean, swapped, images)) == pytest.approx(0.0, abs=1e-6)
    assert float(simgan.distance(identity, swapped, images)) > 0.1
    assert float(simgan.distance(mean, images + 0.25, images)) == pytest.approx(0.25)


def test_the_gradient_sees_slopes_along_both_axes():
    down = tf.range(5.0)[None, :, None, None] * tf.ones((1, 5, 4, 1))
    flat = tf.zeros((1, 5, 4, 1))
    # A slope of 1 downwards and none to the right: the mean of 1 and 0.
    assert float(
        simgan.distance(simgan.FEATURE_TRANSFORMS["gradient"], down, flat)
    ) == pytest.approx(0.5)


def test_lambda_weighs_the_regularization():
    game = with_networks(tiny(regularization_weight=4.0), refiner=lambda x: x + 0.1)
    images = tf.zeros((2, *SHAPE))
    assert float(game.refiner_terms(images)["regularization"]) == pytest.approx(0.4)
    assert float(game.pretraining_terms(images)["regularization"]) == pytest.approx(0.1)


# ---- the history -------------------------------------------------------------------------------


def tagged(first, number):
    """Images whose pixels are a number of their own."""
    tags = np.arange(first, first + number, dtype="f4")
    return tf.constant(np.broadcast_to(tags[:, None, None, None], (number, 2, 3, 1)))


def tags_of(images):
    return [int(tag) for tag in np.asarray(images)[:, 0, 0, 0]]


def test_the_history_fills_and_then_replaces_half_a_batch():
    history, half = ImageHistory(10, (2, 3, 1)), 4
    before, out_of_order = tags_of(history.images), 0
    for step in range(40):
        history.push(tagged(100 + half * step, half), "0", step)
        after = tags_of(history.images)
        assert sum(a != b for a, b in zip(before, after)) == half
        assert int(history.filled.numpy()) == min(half * (step + 1), 10)
        assert sum(tag >= 100 for tag in after) == min(half * (step + 1), 10)
        assert set(range(100 + half * step, 100 + half * (step + 1))) <= set(after)
        before, newest = after, 100 + half * (step + 1)
        out_of_order += step >= 3 and min(after) < newest - 10
    # Replaced at random, not the oldest first: then the history would be the newest ten.
    assert out_of_order > 20 and len(set(before)) == 10


def test_draws_are_different_stored_images_and_functions_of_the_step():
    history, unused = ImageHistory(12, (2, 3, 1), seed=5), tagged(0, 3)
    history.push(tagged(100, 8), "0", 0)
    seen = set()
    for step in range(30):
        drawn = tags_of(history.sample(unused, "0", step))
        assert len(set(drawn)) == 3 and min(drawn) >= 100
        assert drawn == tags_of(history.sample(unused, "0", step))
        seen |= set(drawn)
    assert seen == set(range(100, 108))
    draws = [tags_of(history.sample(unused, use, 1)) for use in "abcdef"]
    assert len({tuple(d) for d in draws}) > 3


def test_a_history_with_too_few_images_gives_back_the_new_ones():
    history = ImageHistory(8, (2, 3, 1))
    assert tags_of(history.sample(tagged(7, 4), "0", 0)) == [7, 8, 9, 10]
    history.push(tagged(100, 3), "0", 0)
    assert tags_of(history.sample(tagged(7, 4), "0", 1)) == [7, 8, 9, 10]
    history.push(tagged(200, 1), "0", 1)
    assert sorted(tags_of(history.sample(tagged(7, 4), "0", 2))) == [100, 101, 102, 200]


def test_bytes_keep_256_levels():
    history = ImageHistory(256, (1, 1, 1), dtype="uint8")
    levels = tf.reshape(tf.range(256.0) / 127.5 - 1.0, (256, 1, 1, 1))
    history.push(levels, "0", 0)
    assert history.images.dtype == tf.uint8
    drawn = np.sort(history.sample(levels * 0.0, "0", 1).numpy().ravel())
    np.testing.assert_allclose(drawn, levels.numpy().ravel(), atol=1e-6)


@pytest.mark.parametrize(
    "given, message",
    [
        ({"size": 0}, "history of 0"),
        ({"dtype": "float16"}, "float32, uint8"),
        ({"shape": (None, 3, 1)}, "needs one fixed size"),
    ],
)
def test_impossible_histories_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        ImageHistory(**{"size": 4, "shape": (2, 3, 1), **given})


def test_a_step_larger_than_the_history_or_of_another_size_is_refused():
    history = ImageHistory(4, (2, 3, 1))
    with pytest.raises(InputError, match="of which a step uses 5"):
        history.push(tagged(0, 5), "0", 0)
    with pytest.raises(InputError, match="images of shape"):
        history.sample(tf.zeros((2, 4, 4, 1)), "0", 0)


class Spy(simgan.SimGAN):
    """Remembers the images that each update saw, by their first pixel."""

    checks_examples = False  # its images are numbered, not in [-1, 1]

    def refiner_terms(self, simulated):
        self.__dict__.setdefault("seen", []).append(("refiner", first(simulated)))
        return super().refiner_terms(simulated)

    def pretraining_terms(self, simulated):
        self.__dict__.setdefault("seen", []).append(("pretraining", first(simulated)))
        return super().pretraining_terms(simulated)

    def discriminator_terms(self, real, refined, earlier=None):
        shown = [first(x) for x in (real, refined, earlier) if x is not None]
        self.__dict__.setdefault("seen", []).append(("discriminator", *shown))
        return super().discriminator_terms(real, refined, earlier)


def first(images):
    return [round(float(x)) for x in images[:, 0, 0, 0]]


def numbered(count):
    """Simulated images 1, 2, ... and real ones -1, -2, ..."""
    numbers = np.arange(1, count + 1, dtype="f4")[:, None, None, None] * np.ones((1, *SHAPE), "f4")
    return {"simulated": numbers, "real": -numbers}


def spied(steps, batch=4, **arguments):
    game = compiled(0.0, eagerly=True, **arguments)
    game.__class__ = Spy
    with_networks(game, refiner=lambda x: x, discriminator=None)
    count = batch * game.batches_per_step
    data = tf.data.Dataset.from_tensor_slices(numbered(count * steps)).batch(count)
    # The refiner is the identity, so that images can be told; its weights get no gradient.
    game.__dict__["update"] = lambda player, terms, tape=None: [
        game.record(f"{player}/{name}", found) for name, found in terms().items()
    ]
    game.fit(data, verbose=0, shuffle=False)
    return game.seen


def test_every_update_sees_images_of_its_own():
    seen = spied(1, refiner_steps=2, discriminator_steps=2)
    assert seen == [
        ("refiner", [1, 5, 9, 13]),
        ("refiner", [2, 6, 10, 14]),
        # Half of the batch is refined anew; the history is empty, so it stands in for it.
        ("discriminator", [-3, -7, -11, -15], [3, 11], [3, 11]),
        ("discriminator", [-4, -8, -12, -16], [4, 12], seen[3][3]),
    ]
    assert sorted(seen[3][3]) == [3, 11]


def test_half_of_what_the_discriminator_sees_comes_from_earlier_steps():
    seen = [entry for entry in spied(8, history_size=6) if entry[0] == "discriminator"]
    stored = set()
    for step, (_, real, new, old) in enumerate(seen):
        assert len(real) == 4 and len(new) == len(old) == 2
        assert all(12 * step < tag <= 12 * (step + 1) for tag in new)
        if step:
            assert set(old) <= stored and len(set(old)) == 2
        stored |= set(new)


def test_without_a_history_the_discriminator_sees_a_whole_new_batch():
    (entry,) = [entry for entry in spied(1, history_size=0) if entry[0] == "discriminator"]
    assert entry == ("discriminator", [-3, -6, -9, -12], [3, 6, 9, 12])


def test_an_odd_batch_is_refused():
    with pytest.raises(InputError, match="must be even"):
        fit(compiled(eagerly=True), 1, batch=3)


# ---- pre-training ------------------------------------------------------------------------------


class Moves(keras.callbacks.Callback):
    """Which players each step has moved."""

    def __init__(self):
        super().__init__()
        self.found = []

    def on_train_batch_begin(self, batch, logs=None):
        self.before = snapshot(self.model)

    def on_train_batch_end(self, batch, logs=None):
        self.found.append(
            [
                player
                for player, networks in self.model.players().items()
                if any((value(v) != self.before[id(v)]).any() for v in trainable(networks))
            ]
        )


def test_the_refiner_trains_alone_then_the_discriminator_then_both():
    game, moves = compiled(pretrain_refiner=2, pretrain_discriminator=1, make=small), Moves()
    fit(game, 4, callbacks=[moves])
    assert moves.found == [
        ["refiner"],
        ["refiner"],
        ["discriminator"],
        ["refiner", "discriminator"],
    ]
    assert [game.phase_at(step) for step in range(5)] == [
        "refiner", "refiner", "discriminator", "game", "game"
    ]  # fmt: skip
    # One update of the discriminator in pre-training, one in the game: half a batch each.
    assert int(game.image_history.filled.numpy()) == 4
    assert game.execution_ends() == (2, 3)


def test_a_call_of_several_steps_ends_with_a_phase():
    game = compiled(pretrain_refiner=2, pretrain_discriminator=2, make=small)
    game.set_steps_per_call(3)
    with pytest.raises(InputError, match="phase .* ends 2 steps from here; .* a divisor of 2"):
        fit(game, 6)
    assert int(game.steps.numpy()) == 0


def test_a_run_that_stops_in_pretraining_resumes_exactly(tmp_path):
    phases = {"pretrain_refiner": 2, "pretrain_discriminator": 2}
    given = {**phases, "optimizer": FusedAdam, "make": small}
    whole = compiled(**given)
    saving = SaveAt(whole, tmp_path, 1, 3, 5)
    fit(whole, 6, callbacks=[saving])
    again = compiled(**given)
    for stop in (1, 3, 5):
        restored(again, saving.paths[stop])
        fit(again, 6 - stop, start=stop)
        pairs = zip(
            [*trainable([whole.refiner, whole.discriminator]), whole.image_history.images],
            [*trainable([again.refiner, again.discriminator]), again.image_history.images],
        )
        assert all(np.array_equal(value(a), value(b)) for a, b in pairs), stop
        assert int(again.image_history.filled.numpy()) == 6


def test_pretraining_on_two_replicas_equals_one(two_replicas):
    given = {"pretrain_refiner": 1, "pretrain_discriminator": 1, "make": small}
    one = fit(compiled(**given, eagerly=True), 3, batch=8)
    with two_replicas.scope():
        two = compiled(**given)
    fit(two, 3, batch=8)
    for a, b in zip(
        trainable([one.refiner, one.discriminator]), trainable([two.refiner, two.discriminator])
    ):
        np.testing.assert_allclose(value(a), value(b), rtol=2e-4, atol=2e-6)


def test_the_resting_players_losses_are_reported():
    game = compiled(pretrain_refiner=1, pretrain_discriminator=1, eagerly=True)
    for step in range(2):
        history = game.fit(
            tf.data.Dataset.from_tensors(batch_of(12)), verbose=0, shuffle=False
        ).history
        assert set(history) == set(game.loss_names), step
        assert history["refiner/adversarial"][0] > 0 and history["discriminator/fake"][0] > 0


def eyes(count, seed=0):
    """Smooth images: a dark disc on a bright ground."""
    draws = np.random.RandomState(seed)
    row, column = np.mgrid[:12, :16]
    found = []
    for _ in range(count):
        distance = np.hypot(row - draws.uniform(4, 8), column - draws.uniform(4, 12))
        found.append(np.tanh(distance - 3.0) * 0.6)
    return np.array(found, "f4")[..., None]


def test_pretraining_brings_the_refiner_near_the_identity():
    keras.utils.set_random_seed(0)
    game = simgan.SimGAN(
        simgan.build_refiner(width=16, blocks=1),
        simgan.build_discriminator(width=2),
        shape=SHAPE,
        history_size=8,
        pretrain_refiner=10_000,
    )
    game.compile(refiner=keras.optimizers.Adam(3e-3), discriminator=keras.optimizers.Adam(1e-3))
    images = eyes(20)
    data = tf.data.Dataset.from_tensors({"simulated": images, "real": images}).repeat()
    before = np.abs(game.translate(images) - images).mean()
    game.fit(data, steps_per_epoch=250, verbose=0)
    after = np.abs(game.translate(images) - images).mean()
    assert before > 0.2 and after < 0.02


# ---- the rest ----------------------------------------------------------------------------------


def test_an_averaged_refiner_is_what_refines():
    game = compiled(ema_decay=0.5, eagerly=True)
    fit(game, 2)
    (averaged,) = game.ema("refiner")
    images = batch_of(2)["simulated"]
    np.testing.assert_allclose(game.translate(images), averaged(images), atol=1e-6)
    assert np.abs(game.translate(images) - game.refiner(images)).max() > 0


def test_diagnosis():
    game = tiny()
    well = {
        "refiner/change": 0.1,
        "discriminator/real": 0.6,
        "discriminator/fake": 0.6,
        "discriminator/accuracy": 0.6,
    }
    assert game.diagnose(well) == []
    assert "equal their inputs" in game.diagnose({**well, "refiner/change": 0.001})[0]
    won = game.diagnose({**well, "discriminator/real": 1e-4, "discriminator/fake": 1e-4})
    assert len(won) == 1 and "discriminator wins" in won[0]
    assert tiny(pretrain_refiner=5).diagnose({**well, "refiner/change": 0.001}) == []


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"feature_transform": "colour"}, "identity, gradient, channel_mean"),
        ({"regularization_weight": -1.0}, "0 or more"),
        ({"history_size": -1}, "0 or more"),
        ({"refiner_steps": 0}, "refiner_steps is 0"),
        ({"ema_decay": 1.0}, "ema_decay is 1.0"),
        ({"history_dtype": "int8"}, "float32, uint8"),
    ],
)
def test_impossible_games_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        tiny(**arguments)


def test_impossible_networks_are_refused():
    with pytest.raises(InputError, match="gaze, hand"):
        simgan.build_discriminator(setting="face")
    with pytest.raises(InputError, match="width is 0"):
        simgan.build_refiner(width=0)
    image = keras.Input((None, None, 1))
    one = keras.Model(image, keras.layers.Conv2D(1, 3)(image))
    with pytest.raises(InputError, match="two logits"):
        simgan.SimGAN(simgan.build_refiner(width=2), one)


def test_a_batch_without_both_sides_is_refused():
    game = compiled(eagerly=True)
    with pytest.raises(InputError, match="'simulated' and 'real'"):
        game.train_step({"simulated": tf.zeros((12, *SHAPE))})


def test_the_turing_test_of_the_paper_is_chance():
    """224 real and 293 refined images named rightly, of 500 each; 81% before refining."""
    found = binomial(224 + 293, 1000)
    assert (224 + 293) / 1000 == 0.517 and found["greater"] == pytest.approx(0.148, abs=1e-3)
    assert binomial(162, 200)["greater"] < 1e-6 and 162 / 200 == 0.81


def test_the_recipe_makes_the_papers_game(tmp_path):
    import runpy
    from pathlib import Path

    from tfgan_suite.training import options
    from tfgan_suite.training.run_folder import DataInfo

    path = Path(__file__).parents[2] / "recipes" / "simgan.py"
    recipe = runpy.run_path(str(path), run_name="recipe")
    words = ["--width", "64", "--blocks", "4", "--batch", "512", "--optimizer", "sgd"]
    chosen = options.parse(recipe, [*words, "--history", "1", "--learning-rate", "0.001"])
    game = recipe["make_game"](chosen, DataInfo("eyes", (35, 55, 1)))
    assert count(game.refiner) == 296_129 and count(game.discriminator) == 75_906
    assert game.image_history.size == 512 and game.batches_per_step == 3
    assert json.dumps(vars(chosen))  # what a run folder keeps
