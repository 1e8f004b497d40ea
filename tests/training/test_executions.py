"""Several training steps in one call of the compiled step: what is exact, and what is chosen."""

import json
import os
import signal
import types
from pathlib import Path

import keras
import numpy as np
import pytest

from tfgan_suite import InputError, compat, data
from tfgan_suite.core.keras_training import KerasTraining
from tfgan_suite.games import gan
from tfgan_suite.training import callbacks, executions, fit
from tfgan_suite.training.run_folder import DataInfo, Run, load_recipe
from tfgan_suite.utils.rate_schedules import RateSchedule, RateTable

RECIPE = Path(__file__).parents[2] / "recipes" / "gan.py"
OPTIONS = {
    "data": "ring", "steps": 13, "batch": 4, "size": None, "seed": 0, "strategy": "one",
    "precision": "float32", "export": "none", "log_every": 10, "checkpoint_every": 5,
}  # fmt: skip


@pytest.fixture(scope="module")
def source():
    return data.load("ring")


@pytest.fixture(scope="module")
def game():
    keras.utils.set_random_seed(0)
    networks = (
        gan.build_generator((2,), "mlp", 4, latent_dim=3),
        gan.build_discriminator((2,), "mlp", 4),
    )
    game = gan.GAN(*networks, ema_decay=0.9)
    game.compile("adam")
    return game


@pytest.fixture
def train(game, source, tmp_path):
    """`train(name, steps=.., steps_per_execution=..)`: the lines that were said."""
    first = [v.numpy() for v in compat.saved_variables(game)]

    def call(name, *extra, **changes):
        for variable, value in zip(compat.saved_variables(game), first):
            variable.assign(value)
        options = types.SimpleNamespace(**{**OPTIONS, "run": str(tmp_path / name), **changes})
        run, said = Run(tmp_path / name), []
        run.open(RECIPE, options, DataInfo(source.name, source.shape, None, source.fingerprint))
        watching = [callbacks.LinearDecay(3, 13), *extra]
        health = fit.train(run, game, source, options, watching, log=said.append)
        assert health.fatal is None
        return said

    yield call
    for variable, value in zip(compat.saved_variables(game), first):
        variable.assign(value)


def results(game, folder):
    """All that a run leaves behind, by name."""
    arrays = {str(i): v.numpy() for i, v in enumerate(compat.saved_variables(game))}
    losses = [json.loads(line) for line in (folder / "losses.jsonl").read_text().splitlines()]
    grids = {path.name: path.read_bytes() for path in (folder / "samples").glob("step_*.png")}
    saved = sorted(path.name for path in (folder / "checkpoints").glob("ckpt-*.index"))
    return arrays, [losses, grids, saved]


def assert_equal(one, other):
    assert one[1] == other[1]
    for name, array in one[0].items():
        assert np.array_equal(array, other[0][name]), name


class Calls(keras.callbacks.Callback):
    """The steps after which callbacks act; optionally a signal after one of them."""

    def __init__(self, kill_at=None):
        super().__init__()
        self.kill_at, self.ends, self.rates = kill_at, [], []

    def on_train_batch_end(self, batch, logs=None):
        self.ends.append(int(self.model.steps.numpy()))
        self.rates.append(compat.get_learning_rate(self.model.optimizer_of("generator")))
        if self.ends[-1] == self.kill_at:
            os.kill(os.getpid(), signal.SIGTERM)


def test_any_number_of_steps_in_a_call_trains_logs_and_saves_the_same(train, game, tmp_path):
    single = Calls()
    assert train("single", single, steps_per_execution=1) == []
    expected = results(game, tmp_path / "single")
    assert single.ends == list(range(1, 14))
    assert single.rates == [
        np.float32(1e-3) if step < 3 else np.float32(game.initial_learning_rates["generator"]
        * callbacks.LinearDecay(3, 13).factor(step)) for step in range(13)
    ]  # fmt: skip

    # Stopped by a signal where no call of five steps ends, then by the system within such a call.
    with pytest.raises(KeyboardInterrupt, match="stopped at step 3, which is saved"):
        train("resumed", Calls(kill_at=3), steps_per_execution=1)
    calls = Calls()
    (resuming,) = train("resumed", calls, steps_per_execution=5)
    assert resuming.startswith("resuming from step 3 of 13")
    assert calls.ends == [5, 10, 13] and calls.rates == [
        single.rates[end - 1] for end in calls.ends
    ]
    assert_equal(results(game, tmp_path / "resumed"), expected)

    calls = Calls()
    (rounded,) = train("several", calls, steps_per_execution=8)
    assert "5 steps, not 8" in rounded and "steps 5, 10" in rounded
    assert calls.ends == [5, 10, 13]
    assert_equal(results(game, tmp_path / "several"), expected)


# ---- the number -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "numbers", "expected"),
    [
        (50, (500, 500), 50),
        (50, (500, 20), 20),
        (64, (500,), 50),
        (50, (7, 5), 1),
        (50, (97,), 1),
        (9, (0, 0), 9),
        (2**31 - 1, (500, 0), 500),
    ],
)
def test_the_largest_divisor_up_to_a_limit(limit, numbers, expected):
    assert executions.largest_divisor(limit, numbers) == expected


class Compiled:
    """What `choose` asks of a game."""

    def __init__(self, per_call=1, ends=(), single=False):
        self.steps_per_call, self.ends, self.single_step_calls = per_call, ends, single

    def execution_ends(self):
        return self.ends

    def set_steps_per_call(self, count):
        self.steps_per_call = count


def chosen(wish, shape=(2,), extra=(), log_every=500, **game):
    compiled, said = Compiled(**game), []
    options = types.SimpleNamespace(log_every=log_every, steps_per_execution=wish)
    executions.choose(compiled, options, shape, extra, said.append)
    return compiled.steps_per_call, said


class PerBatch(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        """Something that is needed before each step."""


def test_the_default_is_many_steps_for_points_and_one_for_images():
    assert chosen(None) == (50, [])
    assert chosen(None, shape=(32, 32, 3)) == (1, [])
    assert chosen(None, log_every=20) == (20, []) and chosen(None, log_every=7) == (7, [])
    assert chosen(None, per_call=10, shape=(32, 32, 3)) == (10, [])  # as compiled
    assert chosen(None, extra=[callbacks.LinearDecay(0, 9)]) == (50, [])
    # A callback of a user may rely on acting at every step; who passes the flag knows better.
    assert chosen(None, extra=[PerBatch()]) == (1, []) and chosen(4, extra=[PerBatch()]) == (4, [])


def test_where_a_call_does_one_step_alone_a_larger_number_is_said():
    assert chosen(None, single=True) == (1, []) and chosen(1, single=True) == (1, [])
    count, (line,) = chosen(50, single=True)
    assert count == 1 and "1 step, not 50" in line


def test_plain_fit_refuses_several_steps_where_a_call_does_one(game, monkeypatch):
    monkeypatch.setattr(KerasTraining, "single_step_calls", True)
    monkeypatch.setattr(KerasTraining, "steps_per_call", 3)
    with pytest.raises(InputError, match="steps_per_execution is 3, .* compile with 1"):
        game.fit(np.zeros((4, 2), np.float32), verbose=0)


def test_a_number_that_had_to_be_rounded_is_said():
    measure = callbacks.MeasureEvery(lambda game: {}, 30, "measures.jsonl")
    count, (line,) = chosen(50, extra=[measure], log_every=500)
    assert count == 10 and "10 steps, not 50" in line and "30, 500" in line
    count, (line,) = chosen(50, ends=(0, 25))
    assert count == 25 and "25, 500" in line
    assert chosen(50, ends=(0, 0)) == (50, [])


@pytest.mark.parametrize(
    ("start", "ends", "arguments", "words"),
    [
        (0, (25,), {}, "ends 25 steps from here; compile with a divisor of 25"),
        (0, (25,), {"steps_per_epoch": 13, "epochs": 2}, "ends 25 steps from here"),
        (0, (25,), {"steps_per_epoch": 25}, None),
        (5, (25, 45), {}, None),
        (30, (25, 45), {}, "ends 15 steps from here"),
        (7, (1,), {}, "may end at every step; compile with 1"),
    ],
)
def test_plain_fit_refuses_calls_that_go_over_the_end_of_a_phase(start, ends, arguments, words):
    game = Compiled(per_call=10, ends=ends)
    game.steps = types.SimpleNamespace(numpy=lambda: start)
    if words is None:
        assert KerasTraining._check_execution_ends(game, arguments) is None
    else:
        with pytest.raises(InputError, match=words):
            KerasTraining._check_execution_ends(game, arguments)


# ---- the table of rates -----------------------------------------------------------------------


def test_the_table_of_rates_goes_on_where_it_ends(game):
    rates = np.arange(5000.0) / 1000

    def applied(step):
        game.steps.assign(step)
        table.apply(game.steps, ["discriminator"])
        return compat.get_learning_rate(game.optimizer_of("discriminator"))

    before = int(game.steps.numpy())
    table = RateTable(game, execution_steps=10)
    for step in (0, 1014, 1015, 2030, 7):
        table.cover(lambda initial, step: rates[step], step)
        for ahead in (step, step + 9):
            assert applied(ahead) == np.float32(rates[ahead])
    table.release()
    assert applied(3) == np.float32(rates[16])  # as it was
    game.steps.assign(before)


def test_the_official_decay_of_gan_has_a_least_rate_at_any_step():
    schedule = load_recipe(RECIPE).Shrink(1.000004)
    assert schedule.rate(0.1, 250_000) == 0.1 / 1.000004**250_000
    assert schedule.rate(0.1, 10**7) == schedule.rate(0.1, 10**12) == 1e-6


def test_a_schedule_without_a_rate_is_named():
    with pytest.raises(TypeError, match=r"RateSchedule does not define rate\(initial, step\)"):
        RateSchedule().rate(1.0, 0)
