"""Training that ends otherwise than at its last step: NaN, signals, a deleted run folder."""

import logging
import os
import shutil
import signal
import types
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import InputError, compat, data
from tfgan_suite.games import gan
from tfgan_suite.training import fit, health
from tfgan_suite.training.checkpoints import Checkpoints
from tfgan_suite.training.run_folder import DataInfo, Run

RECIPE = Path(__file__).parents[2] / "recipes" / "gan.py"
# The shared constants; every 100 steps the weights are looked at, which is never.
OPTIONS = {
    "data": "ring", "steps": 6, "batch": 4, "size": None, "seed": 0, "strategy": "one",
    "precision": "float32", "export": "none", "log_every": 100, "checkpoint_every": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def source():
    return data.load("ring")


@pytest.fixture(scope="module")
def game():
    networks = (
        gan.build_generator((2,), "mlp", 4, latent_dim=3),
        gan.build_discriminator((2,), "mlp", 4),
    )
    game = gan.GAN(*networks, ema_decay=0.9)
    adam = keras.optimizers.Adam
    game.compile(generator=adam(1e-3), discriminator=adam(1e-3), run_eagerly=True)
    return game


@pytest.fixture
def train(game, source, tmp_path):
    """`train(callback, folder=.., steps=..)`: from step 0 in a new folder, or on in an old one."""
    first = [v.numpy() for v in compat.saved_variables(game)]

    def call(*extra, folder=tmp_path / "run", **changes):
        for variable, value in zip(compat.saved_variables(game), first):
            variable.assign(value)
        options = types.SimpleNamespace(**{**OPTIONS, "run": str(folder), **changes})
        info = DataInfo(source.name, source.shape, None, source.fingerprint)
        run = Run(folder)
        run.open(RECIPE, options, info)
        return fit.train(run, game, source, options, extra, log=lambda line: None)

    yield call
    for variable, value in zip(compat.saved_variables(game), first):
        variable.assign(value)


class At(keras.callbacks.Callback):
    """Calls a function after a step."""

    def __init__(self, step, function):
        super().__init__()
        self.step, self.function = step, function

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.steps.numpy()) == self.step:
            self.function(self.model)


def break_weight(game):
    variable = compat.tensor_variable(game.players()["generator"][0].trainable_variables[0])
    variable.assign(variable * np.nan)


def break_average(game):
    variable = compat.tensor_variable(game.ema("generator")[0].variables[0])
    variable.assign(variable * np.inf)


def saved_steps(folder):
    return sorted(int(p.stem[5:]) for p in (folder / "checkpoints").glob("ckpt-*.index"))


@pytest.mark.parametrize(
    "breaks, step, last",
    [(break_weight, 1, None), (break_weight, 4, 2), (break_weight, 6, 4), (break_average, 3, 2)],
)
def test_a_weight_that_is_not_finite_is_never_saved_nor_done(
    train, game, tmp_path, breaks, step, last
):
    result = train(At(step, breaks))
    assert saved_steps(tmp_path / "run") == list(range(2, (last or 0) + 1, 2))
    assert "weight" in result.fatal or "loss" in result.fatal
    home = tmp_path / "run" / "checkpoints"
    expected = (
        f"the last good checkpoint is ckpt-{last} in {home}" if last else "no good checkpoint"
    )
    assert expected in result.fatal and "\n" not in result.fatal
    if last:
        assert Checkpoints(game, home).restore() == last
        assert health.first_not_finite(game) is None


def test_a_signal_at_a_nan_does_not_claim_that_it_saved(train, tmp_path):
    def both(game):
        break_weight(game)
        os.kill(os.getpid(), signal.SIGTERM)

    result = train(At(3, both))
    assert "not finite" in result.fatal and "last good checkpoint is ckpt-2" in result.fatal
    assert saved_steps(tmp_path / "run") == [2]


def test_a_signal_saves_at_once_and_says_so(train, tmp_path):
    with pytest.raises(KeyboardInterrupt, match="stopped at step 3, which is saved"):
        train(At(3, lambda game: os.kill(os.getpid(), signal.SIGTERM)))
    assert saved_steps(tmp_path / "run") == [2, 3]


def delete_all(folder):
    shutil.rmtree(folder)


def delete_with_parent(folder):
    shutil.rmtree(folder.parent)


def move(folder):
    folder.rename(folder.with_name("moved"))


@pytest.mark.parametrize(
    "remove, step, last", [(delete_all, 3, 4), (move, 4, 4), (delete_with_parent, 6, 6)]
)
def test_a_run_folder_deleted_in_training_is_said_and_the_game_saved(
    train, game, tmp_path, remove, step, last
):
    """It is noticed before the next write."""
    folder = tmp_path / "home" / "run"
    reason = rf"{folder} was deleted or moved .*step {last}, which is saved .*same command again"
    with pytest.raises(InputError, match=reason) as error:
        train(At(step, lambda game: remove(folder)), folder=folder, log_every=2)
    assert "\n" not in str(error.value)
    assert saved_steps(folder) == [last]
    assert train(folder=folder, log_every=2).fatal is None and saved_steps(folder)[-1] == 6


def test_a_new_folder_of_the_same_name_is_not_touched(train, tmp_path):
    folder = tmp_path / "run"

    def replace(game):
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / "run.json").write_text("of another process")

    with pytest.raises(InputError, match="there is a new one; stopped at step 4, .* not saved"):
        train(At(3, replace))
    assert [path.name for path in folder.iterdir()] == ["run.json"]


def test_what_an_interrupted_start_left_is_removed(train, tmp_path):
    folder = tmp_path / "run"
    train(steps=2)
    (folder / "samples" / "step_00000100.png.part").write_bytes(b"half")
    (folder / "losses.jsonl.part").write_bytes(b"half")
    (folder / "notes.txt.part").write_bytes(b"of the user")
    (folder / "checkpoints" / ".saving-4").mkdir()
    train(steps=4)
    assert [str(path.relative_to(folder)) for path in folder.rglob("*.part")] == ["notes.txt.part"]
    assert not (folder / "checkpoints" / ".saving-4").exists()


def test_a_full_disk_reported_by_tensorflow_ends_training_with_the_reason(train, tmp_path):
    def full(game):
        raise tf.errors.ResourceExhaustedError(None, None, f"{tmp_path}/x; No space left on device")

    with pytest.raises(InputError, match=r"cannot write to .*run \(No space left on device, \d+"):
        train(At(3, full))
    assert saved_steps(tmp_path / "run") == [2]


def test_keras_s_advice_on_the_first_callbacks_is_not_printed():
    logger, lines = logging.getLogger("tensorflow"), []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger.addHandler(handler)
    advice = "Callback method `a` is slow compared to the batch time (batch time: 1s). Check it."
    with fit.without_timing_advice():
        logger.warning(advice)
        logger.warning("something else")
    logger.warning(advice)
    logger.removeHandler(handler)
    assert lines == ["something else", advice]
