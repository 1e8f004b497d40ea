"""SimGAN's pre-training: who moves when, resuming within it, two replicas, the identity."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import SaveAt, restored, snapshot, trainable, value
from small_simgan import SHAPE, batch_of, compiled, fit, small

from tfgan_suite import InputError
from tfgan_suite.games import simgan
from tfgan_suite.training.optimizers import FusedAdam


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
