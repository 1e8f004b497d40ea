"""GAM: the sheet's battles, symmetry, what makes one void."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import InputError
from tfgan_suite.games import gran
from tfgan_suite.measures import gam


def wrong(rate, count=1000):
    return np.arange(count) < rate * count


def outcomes(first_test, second_test, first_sample, second_sample, count=1000):
    rates = first_test, second_test, first_sample, second_sample
    return gam.Outcomes(*(wrong(rate, count) for rate in rates))


def test_the_hand_example():
    found = gam.judge(outcomes(0.1, 0.1, 0.2, 0.4))
    assert found.r_test == 1.0 and found.r_sample == pytest.approx(0.5, abs=1e-3)
    assert found.r_sample == 200.5 / 400.5
    assert found.verdict == "first" and found.certain
    low, high = found.r_sample_interval
    assert low < 0.5 < high and 0.42 < low and high < 0.58
    assert found.errors["second on first's samples"] == 0.4
    # The script's ratios are of accuracies and point the other way.
    assert found.accuracy_ratios["r_sample"] == pytest.approx(0.8 / 0.6, rel=2e-3)
    assert found.to_dict()["protocol"]["conventions"].keys() == {"errors", "accuracies"}


def test_swapping_the_games_gives_reciprocals():
    there = gam.judge(outcomes(0.12, 0.1, 0.2, 0.35))
    back = gam.judge(outcomes(0.1, 0.12, 0.35, 0.2))
    assert back.r_test == pytest.approx(1 / there.r_test, rel=1e-12)
    assert back.r_sample == pytest.approx(1 / there.r_sample, rel=1e-12)
    assert (there.verdict, back.verdict) == ("first", "second")


@pytest.mark.parametrize(
    "rates, tolerance, verdict",
    [
        ((0.1, 0.1, 0.3, 0.3), 0.3, "tie"),
        ((0.1, 0.2, 0.2, 0.4), 0.3, "void"),
        ((0.1, 0.2, 0.2, 0.4), 1.0, "first"),
        ((0.1, 0.1, 0.0, 0.0), 0.3, "undetermined"),
        ((0.1, 0.1, 0.0, 0.01), 0.3, "first"),
        ((0.0, 0.0, 0.4, 0.2), 0.3, "second"),
    ],
)
def test_verdicts(rates, tolerance, verdict):
    assert gam.judge(outcomes(*rates), tolerance=tolerance).verdict == verdict


def test_few_samples_leave_a_winner_uncertain():
    found = gam.judge(outcomes(0.1, 0.1, 0.3, 0.4, count=20))
    assert found.verdict == "first" and not found.certain


def test_a_rate_is_never_zero():
    assert gam.smoothed(wrong(0.0, 9)) == 0.05 and gam.smoothed(wrong(1.0, 9)) == 0.95


def game(samples, slope, bias, threshold=0.0):
    """Draws fixed points; its discriminator is linear in their first coordinate."""

    def discriminator(x, training):
        assert training is False
        return tf.reshape(slope * x[:, 0] + bias, (-1, 1))

    loss = types.SimpleNamespace(threshold=threshold, name="some")
    points = np.asarray(samples, "f4")[:, None]
    return types.SimpleNamespace(
        discriminator=discriminator,
        adversarial=loss,
        name="played",
        generate=lambda count, seed: points[:count],
    )


def test_a_battle_counts_what_each_discriminator_gets_wrong():
    real = np.array([[1.0], [2.0], [3.0], [4.0]], "f4")
    first, second = game([0.0] * 4, 1.0, -1.5), game([-1.0, 1.0, 2.0, 3.0], 1.0, -2.5)
    found = gam.battle(first, second, real, count=4, batch=3, tolerance=1.0)
    assert list(found.errors.values()) == [0.25, 0.5, 0.5, 0.0]
    assert found.r_test == (1.5 / 5) / (2.5 / 5) and found.r_sample == (2.5 / 5) / (0.5 / 5)
    assert found.verdict == "second" and found.protocol["n_fake"] == 4


def test_a_game_against_itself_is_a_tie():
    keras.utils.set_random_seed(0)
    playing = gran.GRAN(gran.build_generator(8, 1, 2, 3, 2, 3), gran.build_discriminator(8, 1, 2))
    real = np.random.RandomState(0).uniform(-1, 1, (30, 8, 8, 1)).astype("f4")
    found = gam.battle(playing, playing, real, count=30, resamples=10)
    assert found.r_test == found.r_sample == 1.0
    assert found.verdict in ("tie", "undetermined")


def test_the_better_generator_wins_when_the_discriminators_are_alike():
    draws = np.random.RandomState(0)
    good, bad = draws.normal(3.0, 1.0, 1000), draws.normal(0.0, 1.0, 1000)
    real = draws.normal(3.0, 1.0, (1000, 1)).astype("f4")
    games = {"trained": game(good, 1.0, -2.0), "untrained": game(bad, 1.0, -2.0)}
    found = gam.round_robin(games, real)
    assert found["wins"] == {"trained": 1, "untrained": 0}
    assert found["battles"][("trained", "untrained")].certain


def test_what_cannot_fight():
    real = np.zeros((4, 1), "f4")
    with pytest.raises(InputError, match="needs a classifier"):
        gam.battle(game([0.0] * 4, 1.0, 0.0, None), game([0.0] * 4, 1.0, 0.0), real, count=4)
    with pytest.raises(InputError, match="shapes"):
        gam.battle(game([0.0] * 4, 1.0, 0.0), game([0.0] * 4, 1.0, 0.0), np.zeros((4, 2)))
    with pytest.raises(InputError, match="same examples"):
        gam.Outcomes(wrong(0, 3), wrong(0, 4), wrong(0, 3), wrong(0, 3))
    with pytest.raises(InputError, match="none empty"):
        gam.Outcomes(*[np.zeros(0, bool)] * 4)
    with pytest.raises(InputError, match="tolerance"):
        gam.judge(outcomes(0.1, 0.1, 0.1, 0.1), tolerance=0.0)
