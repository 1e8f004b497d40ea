"""SimGAN: what every game promises, what it refuses, and what its health check says."""

import numpy as np
import pytest
import tensorflow as tf
from harness import GameChecks
from small_simgan import SHAPE, batch_of, compiled, fit, small, tiny

from tfgan_suite import InputError
from tfgan_suite.study.inference import binomial


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


def test_an_odd_batch_is_refused():
    with pytest.raises(InputError, match="must be even"):
        fit(compiled(eagerly=True), 1, batch=3)


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


def test_a_batch_without_both_sides_is_refused():
    game = compiled(eagerly=True)
    with pytest.raises(InputError, match="'simulated' and 'real'"):
        game.train_step({"simulated": tf.zeros((12, *SHAPE))})


def test_the_turing_test_of_the_paper_is_chance():
    """224 real and 293 refined images named rightly, of 500 each; 81% before refining."""
    found = binomial(224 + 293, 1000)
    assert (224 + 293) / 1000 == 0.517 and found["greater"] == pytest.approx(0.148, abs=1e-3)
    assert binomial(162, 200)["greater"] < 1e-6 and 162 / 200 == 0.81
