"""What users of Keras do with any model, done with a game: plain Adam, plain `tf.data`."""

import importlib.util
import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import assert_same_bits, state
from keras_games import IMAGES, POINTS, batches, image_game, points_game

from tfgan_suite import InputError, compat
from tfgan_suite.core import keras_training
from tfgan_suite.games.cyclegan import CycleGAN
from tfgan_suite.games.gan import GAN
from tfgan_suite.training.callbacks import ForPlayer, LinearDecay


def rates(game):
    return [compat.get_learning_rate(game.optimizer_of(player)) for player in game.players()]


# ---- saving -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A game after an epoch, the state it had then, and its weights file."""
    game = points_game()
    game.fit(batches(), verbose=0)
    path = tmp_path_factory.mktemp("weights") / "game.weights.h5"
    game.save_weights(path)
    return game, state(game), path


def test_a_weights_file_holds_all_that_a_checkpoint_holds(trained):
    game, saved, path = trained
    loaded = points_game(seed=1)
    loaded.load_weights(path)
    assert int(loaded.steps.numpy()) == 2
    assert_same_bits(state(loaded), saved)


def test_averages_of_a_weights_file_are_read_before_compile(trained):
    game, _, path = trained
    loaded = points_game(seed=1, compiled=False)
    loaded.load_weights(path)
    assert np.array_equal(loaded.generate(3), game.generate(3))


def test_pools_of_images_come_back(tmp_path):
    def game():
        image, side = keras.Input((4, 4, 1)), keras.layers.Conv2D(1, 3, padding="same")
        score = keras.layers.Dense(1)
        nets = [keras.Model(image, keras.models.clone_model(keras.Sequential([image, each]))(image))
                for each in (side, side, score, score)]  # fmt: skip
        game = CycleGAN(*nets, pool_size=3)
        game.compile("sgd", run_eagerly=True)
        return game

    first, second = game(), game()
    first.pool_a.images.assign_add(tf.ones_like(first.pool_a.images))
    first.pool_a.filled.assign(2)
    first.save_weights(tmp_path / "pool.weights.h5")
    second.load_weights(tmp_path / "pool.weights.h5")
    assert_same_bits(state(second), state(first))
    assert int(second.pool_a.filled.numpy()) == 2 and second.pool_a.images.numpy().all()


def test_an_interrupted_fit_goes_on_from_its_backup(tmp_path):
    class Kill(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    def backup():
        return keras.callbacks.BackupAndRestore(str(tmp_path / "backup"))

    whole, killed, resumed = (points_game(seed=seed) for seed in (0, 0, 1))
    whole.fit(batches(), epochs=3, verbose=0)
    with pytest.raises(KeyboardInterrupt):
        killed.fit(batches(), epochs=3, verbose=0, callbacks=[backup(), Kill()])
    resumed.fit(batches(), epochs=3, verbose=0, callbacks=[backup()])
    assert_same_bits(state(resumed), state(whole))


def test_checkpoints_of_models_and_of_weights_resume_bit_for_bit(tmp_path):
    checkpoint = keras.callbacks.ModelCheckpoint
    game = points_game()
    callbacks = [
        checkpoint(str(tmp_path / "{epoch}.keras")),
        checkpoint(str(tmp_path / "{epoch}.weights.h5"), save_weights_only=True),
    ]
    game.fit(batches(), epochs=2, verbose=0, callbacks=callbacks)
    from_model = keras.models.load_model(tmp_path / "1.keras")
    from_weights = points_game(seed=1)
    from_weights.load_weights(tmp_path / "1.weights.h5")
    for loaded in (from_model, from_weights):
        assert int(loaded.steps.numpy()) == 2
        loaded.fit(batches(), verbose=0)
        assert_same_bits(state(loaded), state(game))
    assert from_model.initial_learning_rates == game.initial_learning_rates


def test_a_clone_has_the_options_and_weights_of_its_own():
    game = points_game(loss="minimax", max_norm=2.0, r1_weight=0.5, seed=0)
    clone = keras.models.clone_model(game)
    assert type(clone) is GAN and clone.loss_names == game.loss_names
    assert (clone.max_norm, clone.regularization) == (2.0, game.regularization)
    assert not set(map(id, clone.weights)) & set(map(id, game.weights))


@pytest.mark.parametrize(
    ("save", "words"),
    [
        (lambda game, path: game.save(path), r"does not end in .keras.*tfgan_suite.export"),
        (lambda game, path: game.save_weights(path), r"does not end in .weights.h5"),
        (lambda game, path: game.load_weights(f"{path}.h5"), r"does not end in .weights.h5"),
        (lambda game, path: game.export(path), r"from tfgan_suite.export import export"),
    ],
)
def test_other_ways_to_save_name_the_right_one(trained, tmp_path, save, words):
    with pytest.raises(InputError, match=words):
        save(trained[0], str(tmp_path / "model"))
    assert not list(tmp_path.iterdir())


# ---- callbacks --------------------------------------------------------------------------------


def test_the_plateau_lowers_all_rates_in_proportion():
    game = points_game()
    plateau = keras.callbacks.ReduceLROnPlateau(patience=0, factor=0.5, min_delta=1e9)
    data = batches(size=16)
    history = game.fit(data, validation_data=data, epochs=3, verbose=0, callbacks=[plateau])
    assert rates(game) == pytest.approx([0.25e-3, 0.5e-3])
    terms = [history.history[f"val_{name}"] for name in game.loss_names[:3]]
    assert history.history["val_loss"] == pytest.approx(np.sum(terms, axis=0))


@pytest.mark.parametrize(
    ("player", "expected"), [(None, [1e-5, 2e-5]), ("discriminator", [1e-3, 2e-5])]
)
def test_a_schedule_sets_all_players_or_the_named_one(player, expected):
    game = points_game()
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.1)
    callback = ForPlayer(player, schedule) if player else schedule
    game.fit(batches(size=16), epochs=2, verbose=0, callbacks=[callback])
    assert rates(game) == pytest.approx(expected)


def test_an_unknown_player_of_a_callback_is_named():
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate)
    with pytest.raises(InputError, match="'critic'.*discriminator"):
        points_game().fit(batches(), verbose=0, callbacks=[ForPlayer("critic", schedule)])


def test_linear_decay_does_not_fight_with_a_plateau():
    both = [LinearDecay(0, 8), keras.callbacks.ReduceLROnPlateau()]
    with pytest.raises(InputError, match="LinearDecay.*undo ReduceLROnPlateau"):
        points_game().fit(batches(), verbose=0, callbacks=both)


def test_a_nan_terminates_training():
    points = POINTS.copy()
    points[6] = np.nan
    game = points_game()
    history = game.fit(
        batches(points, 4), epochs=3, verbose=0, callbacks=[keras.callbacks.TerminateOnNaN()]
    )
    assert int(game.steps.numpy()) == 2 and np.isnan(history.history["loss"]).all()


def test_early_stopping_stops_and_brings_the_best_weights_back():
    game, weights = points_game(), []
    keep = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: weights.append(game.generator.get_weights())
    )
    stop = keras.callbacks.EarlyStopping(patience=1, min_delta=1e9, restore_best_weights=True)
    data = batches(size=16)
    history = game.fit(data, validation_data=data, epochs=9, verbose=0, callbacks=[keep, stop])
    assert len(history.epoch) == 2
    for array, best in zip(game.generator.get_weights(), weights[0]):
        assert np.array_equal(array, best)


def test_logs_are_the_loss_names_where_no_callback_looks_for_loss(tmp_path):
    game = points_game()
    checkpoint = keras.callbacks.ModelCheckpoint(str(tmp_path / "a.keras"))
    history = game.fit(batches(), verbose=0, callbacks=[checkpoint]).history
    assert set(history) == set(game.loss_names)


# ---- evaluation -------------------------------------------------------------------------------


def test_an_evaluation_changes_nothing_and_repeats_itself():
    game = image_game(ema_decay=0.5)
    images = IMAGES / np.float32(127.5) - 1.0
    game.fit(images, verbose=0)
    before = state(game)
    first, second = (game.evaluate(batches(images), return_dict=True, verbose=0) for _ in range(2))
    assert first == second and set(first) == set(game.loss_names)
    game.test_on_batch(images)
    assert_same_bits(state(game), before)


def test_validation_leaves_training_as_it_is():
    alone, validated = points_game(), points_game()
    expected = alone.fit(batches(), epochs=2, verbose=0).history
    found = validated.fit(batches(), epochs=2, verbose=0, validation_data=batches()).history
    assert_same_bits(state(validated), state(alone))
    assert {name: found[name] for name in expected} == expected
    assert set(found) == {*expected, *(f"val_{name}" for name in expected)}


def test_a_validation_split_holds_examples_back():
    game = points_game()
    history = game.fit(POINTS, validation_split=0.25, batch_size=4, verbose=0).history
    assert int(game.steps.numpy()) == 3 and "val_generator/adversarial" in history


# ---- compile ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        (("adam",), {}),
        ((keras.optimizers.Adam,), {}),
        ((), {"optimizer": "adam"}),
        ((), {"generator": "adam", "discriminator": keras.optimizers.Adam}),
    ],
)
def test_each_player_gets_an_optimizer_of_its_own(arguments):
    game = points_game(compiled=False)
    game.compile(*arguments[0], **arguments[1])
    optimizers = [game.optimizer_of(player) for player in game.players()]
    for each in optimizers:
        assert isinstance(each, keras.optimizers.Adam) and len(compat.optimizer_variables(each)) > 4
    assert optimizers[0] is not optimizers[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"optimizer": keras.optimizers.SGD()},
            r"share.*generator=Adam\(2e-4\).*compile\('adam'\)",
        ),
        ({"optimizer": "adam", "loss": "mse"}, "got loss=.*losses of its own.*generator='adam'"),
        ({"generator": "adam", "discriminator": "sgd", "metrics": ["mae"]}, "got metrics="),
        ({"optimizer": "adam", "generator": "adam"}, "for all players and others by name"),
        ({"generator": "adm", "discriminator": "adam"}, "did you mean adam"),
        ({"generator": 2e-4, "discriminator": "adam"}, "generator=0.0002 is no optimizer"),
    ],
)
def test_what_compile_refuses_says_what_to_write(arguments, words):
    with pytest.raises(InputError, match=words):
        points_game(compiled=False).compile(**arguments)


def test_steps_per_execution_gives_the_same_bits():
    single, double = (points_game(compiled=False) for _ in range(2))
    for game, steps in ((single, 1), (double, 3)):
        game.compile("adam", steps_per_execution=steps)
        game.fit(batches(size=4), verbose=0)
    assert_same_bits(state(double), state(single))


def test_what_a_logger_puts_in_the_place_of_fit_hides_no_callback(monkeypatch):
    fit = keras.Model.fit
    monkeypatch.setattr(
        keras.Model, "fit", lambda game, *args, **options: fit(game, *args, **options)
    )
    game = points_game()
    before = rates(game)
    game.fit(batches(), callbacks=[LinearDecay(0, 4)], verbose=0)
    assert rates(game) == pytest.approx([rate * 3 / 4 for rate in before])
    with pytest.raises(InputError, match="127.5"):
        image_game().fit(tf.data.Dataset.from_tensors(IMAGES.astype("f4")), verbose=0)


def test_a_fit_replaced_before_the_import_hides_no_callback(monkeypatch):
    named = list(inspect.signature(keras.Model.fit).parameters)
    monkeypatch.setattr(keras.Model, "fit", lambda game, *args, **options: None)
    spec = importlib.util.spec_from_file_location("imported_late", keras_training.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    arguments = module._FIT.bind("game", "data", epochs=2, callbacks=["decay"]).arguments
    assert arguments["x"] == "data" and arguments["callbacks"] == ["decay"]
    positions = list(module._FIT.parameters)[:-2]
    assert positions == named[: len(positions)] and "sample_weight" in positions


def test_a_frozen_player_stays_as_it_is():
    game = points_game(compiled=False)
    game.discriminator.trainable = False
    game.compile("adam", run_eagerly=True)
    before = game.discriminator.get_weights(), game.generator.get_weights()
    game.fit(batches(), verbose=0)
    for array, frozen in zip(game.discriminator.get_weights(), before[0]):
        assert np.array_equal(array, frozen)
    assert any((a != b).any() for a, b in zip(game.generator.get_weights(), before[1]))


# ---- looking at a game ------------------------------------------------------------------------


def test_a_game_can_be_looked_at(trained):
    game, _, _ = trained
    lines = []
    game.summary(print_fn=lambda line, **options: lines.append(line))
    assert "gan_discriminator" in "\n".join(lines)
    networks = [*game.players()["generator"], game.discriminator, *game.ema("generator")]
    assert game.count_params() >= sum(network.count_params() for network in networks)
    assert game.get_layer("gan_discriminator") is game.discriminator
    assert all(any(each is layer for layer in game.layers) for each in networks)
    assert game.predict(np.zeros((3, 3), "f4"), verbose=0).shape == (3, 2)
