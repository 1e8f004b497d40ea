"""What every game must do, so that a game's own test is about its paper."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from loaded_models import loaded_models

from tfgan_suite import InputError, compat
from tfgan_suite.export import export
from tfgan_suite.training import launch
from tfgan_suite.training.optimizers import FusedAdam


class GameChecks:
    """Inherit, give `make_game` and `examples`, and add the paper's own checks.

    `make_game(plain=False)` returns a tiny uncompiled game; with `plain=True` one whose networks
    use no statistics of the batch (they differ between one device and several).
    `examples(count)` returns a batch for `fit`, of `count` real examples: an array, a tuple or a
    dict of arrays; for a game that translates a dict that holds the key `game.takes`.

    To trace a step takes five to ten times as long as to run it eagerly, and most of the time of
    a test. What is traced is what users trace: a game of Adam in the check of resuming, and in some
    classes a game of SGD on two replicas (fixture `replicas`). Both are of `make_small_game`: what
    a graph costs is the number of its layers. All other checks need a step's numbers only and run
    it eagerly; those that need a game of SGD in its first state share the fixture `fresh`.

    A second class for a variant of a game drops what the first has checked by setting the name of
    a check to None.
    """

    batch = 8
    # Whether the step in half precision is traced, too: for a few games that have all the layers.
    traces_half_precision = False
    # Whether the steps on two replicas are traced: for a few games that have all that a strategy
    # treats in its own way in a graph (batch norm, pools, penalties). Others only need numbers.
    traces_replicas = False
    # Whether `make_small_game(plain=True)` is another game than `make_game()`.
    plain_differs = True
    # Trainable variables that rightly get no gradient, by the end of their names.
    without_gradient: tuple[str, ...] = ()
    # Learning rate of the comparison of one device with two.
    replicas_rate = 0.1
    # An argument of `make_small_game` that a `.keras` file cannot hold.
    keras_refuses = ""
    # What the export of a game of images holds; several signatures take long in all formats.
    exported_formats: tuple[str, ...] = ("saved_model", "tflite")
    exports_small = True  # the export is of `make_small_game`
    int8_bound: float | None = None  # tiny untrained networks: reported, not judged

    def make_game(self, plain: bool = False):
        raise NotImplementedError

    def make_small_game(self, plain: bool = False):
        """The game whose step is traced; by default that of all checks.

        A game of large networks gives the same class with the same options and with networks of
        one layer of each kind.
        """
        return self.make_game(plain=plain)

    def examples(self, count: int):
        raise NotImplementedError

    # ---- helpers -----------------------------------------------------------------------------

    def compiled(self, rate=1e-3, plain=False, optimizer=None, eagerly=False, small=False):
        keras.utils.set_random_seed(1)
        game = self.make_small_game(plain=plain) if small else self.make_game(plain=plain)
        optimizer = optimizer or keras.optimizers.SGD
        optimizers = {player: optimizer(rate) for player in game.players()}
        game.compile(**optimizers, run_eagerly=eagerly)
        return game

    def dataset(self, game, steps: int, start: int = 0):
        count = self.batch * game.batches_per_step
        examples = self.examples(count * (start + steps))
        remaining = tf.nest.map_structure(lambda x: x[count * start :], examples)
        dataset = tf.data.Dataset.from_tensor_slices(remaining).batch(count, drop_remainder=True)
        options = tf.data.Options()
        options.autotune.enabled = False  # the end of each iterator would wait for it
        return dataset.with_options(options)

    def fit(self, game, steps: int, start: int = 0):
        game.fit(self.dataset(game, steps, start), verbose=0, shuffle=False)
        return game

    def beside(self, one, strategy):
        """Two steps of a game and of the same one on a strategy: both games, both states."""
        one_state = state(self.fit(one, 2))
        with strategy.scope():
            two = self.compiled(
                rate=self.replicas_rate, plain=True, eagerly=not self.traces_replicas, small=True
            )
        return one, two, one_state, state(self.fit(two, 2))

    @pytest.fixture(scope="class")
    def fresh(self):
        """`fresh(rate)`: an eager game as `compiled(rate)` returns it, the same at every call."""
        game = self.compiled(eagerly=True)
        first = values_of(game)

        def reset(rate: float = 1e-3):
            set_values(game, first)
            for player in game.players():
                compat.set_learning_rate(game.optimizer_of(player), rate)
            return game

        return reset

    @pytest.fixture(scope="class")
    def stepped(self, fresh):
        """A game, its variables before and after a step of SGD at rate 1, and the step's logs."""
        game = fresh(rate=1.0)
        before = snapshot(game)
        history = game.fit(self.dataset(game, 1), verbose=0, shuffle=False)
        return game, before, snapshot(game), history.history

    @pytest.fixture(scope="class")
    def replicas(self, fresh, two_replicas):
        """Two steps on one device, eager, and on two: both games and both states."""
        rate = self.replicas_rate
        if not self.plain_differs:
            return self.beside(fresh(rate=rate), two_replicas)
        one = self.compiled(rate=rate, plain=True, eagerly=True, small=True)
        return self.beside(one, two_replicas)

    @pytest.fixture(scope="class")
    def exported_once(self, request, tmp_path_factory):
        """A game after one step, its variables, its `ExportResult`, and what parity has loaded."""
        shared = GameChecks.make_small_game is type(self).make_small_game or not self.exports_small
        game = request.getfixturevalue("fresh")() if shared else None
        game = self.fit(game or self.compiled(eagerly=True, small=True), 1)
        image = game.signatures()["serving_default"].output.kind == "image"
        options = {}
        if translates(game):
            examples = self.examples(4)
            options["representative"] = game.representative(examples)
            options.update({"size": examples[game.takes].shape[1:3]} if image else {})
        with loaded_models() as models:
            result = export(
                game,
                tmp_path_factory.mktemp("exported"),
                name="tiny",
                formats=self.exported_formats if image else ("saved_model",),
                int8_bound=self.int8_bound,
                **options,
            )
        return game, values_of(game), result, models[-1]

    @pytest.fixture
    def exported(self, exported_once):
        """The game as it was exported, and its `ExportResult`; each layer costs once per format."""
        game, values, result, _ = exported_once
        set_values(game, values)
        return game, result

    # ---- checks ------------------------------------------------------------------------------

    def test_output_has_the_promised_shape_and_range(self, fresh):
        game = fresh()
        if translates(game):
            self.check_translations(game)
            return
        spec = game.signatures()["serving_default"].output
        drawn = game.generate(3, seed=4)
        assert drawn.shape == (3, *spec.shape) and drawn.dtype == np.float32
        if spec.kind == "image":
            assert np.abs(drawn).max() <= 1.0
        assert np.array_equal(drawn, game.generate(3, seed=4))
        assert not np.array_equal(drawn, game.generate(3, seed=5))

    def check_translations(self, game):
        """What `translate` gives for each direction: its own for each image, every time."""
        examples = self.examples(4)
        for name, key in game.translations().items():
            images, spec = examples[key], game.signatures()[name].output
            made = game.translate(images, signature=name)
            # Open sizes are those of the image that goes in.
            sizes = [n or images.shape[axis] for axis, n in enumerate(spec.shape, 1)]
            assert made.shape == (4, *sizes) and made.dtype == np.float32
            if spec.kind == "image":
                assert np.abs(made).max() <= 1.0
            assert not np.array_equal(made[0], made[1])
            for batch in (1, 3):
                again = game.translate(images, batch, signature=name)
                np.testing.assert_allclose(again, made, atol=1e-5)

    def test_logs_are_the_loss_names(self, stepped):
        game, _, _, history = stepped
        assert set(history) == set(game.loss_names)
        assert all(np.isfinite(values).all() for values in history.values())

    def test_every_player_gets_finite_gradients_that_are_not_zero(self, stepped):
        game, before, after, _ = stepped
        for player, networks in game.players().items():
            for variable in trainable(networks):
                change = after[id(variable)] - before[id(variable)]
                assert np.isfinite(change).all(), (player, variable.name)
                if not path_of(variable).endswith(self.without_gradient or "\0"):
                    assert np.abs(change).max() > 0, (player, path_of(variable))

    def test_a_players_update_moves_its_own_variables_alone(self, fresh):
        moving = fresh().players()
        for mover in moving:
            game = fresh()
            before = snapshot(game)
            for player in moving:
                rate = float(player == mover)
                compat.set_learning_rate(game.optimizer_of(player), rate)
            self.fit(game, 1)
            for player, networks in game.players().items():
                moved = any((value(v) != before[id(v)]).any() for v in trainable(networks))
                assert moved == (player == mover), (mover, player)

    def test_keras_evaluates_and_saves_it(self, tmp_path):
        """A test step changes nothing; a `.keras` file and compile's strings give the same game."""
        keras.utils.set_random_seed(1)
        game = self.make_small_game()
        game.compile("adam", run_eagerly=True)
        before = state(game)
        (batch,) = self.dataset(game, 1)
        logs = game.test_step(batch)
        assert set(logs) == set(game.loss_names) and np.isfinite(list(logs.values())).all()
        assert_same_bits(state(game), before)
        if self.keras_refuses:
            with pytest.raises(InputError, match=f"{self.keras_refuses}.*save_weights"):
                game.save(tmp_path / "game.keras")
            return
        game.save(tmp_path / "game.keras")
        loaded = keras.models.load_model(tmp_path / "game.keras")
        assert type(loaded) is type(game) and loaded.loss_names == game.loss_names
        assert_same_bits(state(loaded), before)

    def test_resuming_equals_never_stopping(self, tmp_path):
        """One traced function before and after a restore; then a new object beside the old one."""
        # Adam as the recipes use it: its state is that of Keras's, its graph is smaller.
        adam = FusedAdam
        game = self.compiled(optimizer=adam, small=True)
        saving = SaveAt(game, tmp_path, 2)
        game.fit(self.dataset(game, 4), verbose=0, shuffle=False, callbacks=[saving])
        expected = state(game)
        restored(game, saving.paths[2]).continue_epoch()
        self.fit(game, 2, start=2)
        assert_same_bits(state(game), expected)
        # What a checkpoint holds is all there is: an object that was never trained goes on as one
        # that was. This step is eager: a second trace would be of the same step.
        restored(game, saving.paths[2])
        again = restored(self.compiled(optimizer=adam, small=True), saving.paths[2])
        assert int(again.steps.numpy()) == 2
        assert_same_bits(state(again), state(game))
        (batch,) = self.dataset(game, 1, start=2)
        game.train_step(batch)
        again.train_step(batch)
        assert_same_bits(state(again), state(game))

    def test_two_replicas_equal_one(self, replicas):
        _, _, expected, found = replicas
        assert expected.keys() == found.keys()
        for name, array in expected.items():
            np.testing.assert_allclose(found[name], array, rtol=2e-4, atol=2e-6, err_msg=name)

    @pytest.mark.parametrize("precision", ["bfloat16", "float16"])
    def test_a_step_in_half_precision_is_finite(self, precision):
        compat.set_precision(precision)
        try:
            traced = self.traces_half_precision
            game = self.compiled(eagerly=not traced, small=traced)
            before = snapshot(game)
            history = game.fit(self.dataset(game, 1), verbose=0, shuffle=False).history
        finally:
            compat.set_precision("float32")
        assert all(np.isfinite(values).all() for values in history.values())
        for player, networks in game.players().items():
            assert all(np.isfinite(value(v)).all() for v in trainable(networks)), player
            if precision == "bfloat16":  # float16 may rightly skip a step to lower its scale
                assert any((value(v) != before[id(v)]).any() for v in trainable(networks)), player

    def test_exports_equal_the_game(self, exported, exported_once):
        (game, result), (*_, loaded) = exported, exported_once
        signature = game.signatures()["serving_default"]
        parity = json.loads((result.path / "parity.json").read_text())
        assert parity["ok"] is True
        if translates(game):
            examples = self.examples(4)
            for name, key in game.translations().items():
                first = game.signatures()[name].inputs[0].name
                function = loaded.signatures[name]
                (found,) = function(**{first: tf.constant(examples[key])}).values()
                made = game.translate(examples[key], signature=name)
                np.testing.assert_allclose(found, made, atol=1e-5)
            return
        inputs = {s.name: s.draw(3, seed=[7, 7]) for s in signature.inputs if s.drawable}
        if len(inputs) == len(signature.inputs):
            (found,) = loaded.signatures["serving_default"](**inputs).values()
            np.testing.assert_allclose(found, game.generate(**inputs), atol=1e-5)


class SaveAt(keras.callbacks.Callback):
    """Saves a game after the given numbers of steps of one `fit`; `paths` has them by number."""

    def __init__(self, game, folder, *steps: int):
        super().__init__()
        self.checkpoint, self.folder, self.steps = tf.train.Checkpoint(game=game), folder, steps
        self.paths: dict[int, str] = {}

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 in self.steps:
            self.paths[batch + 1] = self.checkpoint.save(str(self.folder / f"step_{batch + 1}"))


def restored(game, path: str):
    """The game with all that a checkpoint holds."""
    tf.train.Checkpoint(game=game).restore(path).assert_existing_objects_matched()
    return game


def assert_same_bits(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert np.array_equal(found[name], array), name


def translates(game) -> bool:
    """Whether images have to be given to the game's generator."""
    return not game.signatures()["serving_default"].drawable and hasattr(game, "translate")


def run_recipe(name, *words):
    """Runs a recipe from the command line's words; its exit code."""
    path = Path(__file__).parents[2] / "recipes" / name
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [str(name), *map(str, words)])
        with pytest.raises(SystemExit) as end:
            launch.main(runpy.run_path(str(path), run_name="recipe"))
    return end.value.code


def trainable(networks):
    return [variable for network in networks for variable in network.trainable_variables]


def path_of(variable) -> str:
    return getattr(variable, "path", variable.name).split(":")[0]


def value(variable) -> np.ndarray:
    return np.array(compat.tensor_variable(variable).numpy())


def snapshot(game) -> dict[int, np.ndarray]:
    return {id(v): value(v) for nets in game.players().values() for v in trainable(nets)}


def variables(game) -> dict[str, tf.Variable]:
    """All that training changes: networks, averages, optimizers, counters, pools."""
    own = {name: v for name, v in vars(game).items() if isinstance(v, tf.Variable)}
    # Keras 2 counts the calls of its loops and keeps the steps in a call: no state of the game.
    counters = {"_train_counter", "_test_counter", "_predict_counter"}
    others = {"_evaluated", "_steps_per_execution", *counters}
    named = {name.strip("_"): v for name, v in own.items() if name not in others}
    for player, networks in game.players().items():
        for kind, models in (("net", networks), ("average", game.ema(player))):
            for index, network in enumerate(models):
                for position, variable in enumerate(network.variables):
                    named[f"{player} {kind} {index} variable {position}"] = variable
        for position, variable in enumerate(compat.optimizer_variables(game.optimizer_of(player))):
            named[f"{player} optimizer variable {position}"] = variable
    for name, part in vars(game).items():
        if isinstance(part, tf.Module) and not isinstance(part, keras.layers.Layer):
            for position, variable in enumerate(part.variables):
                named[f"{name} variable {position}"] = variable
    return named


def values_of(game) -> dict[str, np.ndarray]:
    return {name: value(variable) for name, variable in variables(game).items()}


def set_values(game, values: dict[str, np.ndarray]):
    for name, variable in variables(game).items():
        compat.tensor_variable(variable).assign(values[name])


def state(game) -> dict[str, np.ndarray]:
    """All that a resumed run must have again; of the totals of the epoch the means."""
    values = values_of(game)
    totals = values.pop("totals")
    return {**values, "means": totals[:-1] / max(totals[-1], 1.0)}
