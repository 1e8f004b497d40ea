"""Codes against classes, examples against their reconstructions: values by hand."""

import math

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.measures import codes

# Code 0 means class 1, code 1 class 0; code 2 is mostly class 0 too.
CODES = np.array([0] * 4 + [1] * 3 + [2] * 3)
LABELS = np.array([1, 1, 1, 0, 0, 0, 2, 0, 0, 2])


def test_the_two_matchings_by_hand():
    best = codes.code_accuracy(CODES, LABELS, "hungarian", split="test")
    assert best.value == (3 + 2 + 1) / 10
    assert best.protocol["classes_of_codes"] == [1, 0, 2] and best.protocol["split"] == "test"
    most = codes.code_accuracy(CODES, LABELS, "majority")
    assert most.value == (3 + 2 + 2) / 10 and most.protocol["classes_of_codes"] == [1, 0, 0]
    assert most.protocol["chance"] == 0.5


@pytest.mark.parametrize("matching", codes.MATCHINGS)
def test_renamed_codes_are_right_and_random_ones_are_near_chance(matching):
    draws = np.random.RandomState(0)
    labels = draws.randint(0, 10, 20_000)
    renamed = draws.permutation(10)[labels]
    assert codes.code_accuracy(renamed, labels, matching).value == 1.0
    chance = codes.code_accuracy(draws.randint(0, 10, 20_000), labels, matching).value
    assert 0.1 <= chance < 0.13


def test_fewer_codes_than_classes_and_more():
    few = codes.code_accuracy(LABELS // 2, LABELS, classes=3)
    assert few.value == (5 + 2) / 10
    many = codes.code_accuracy(np.arange(10), LABELS)
    assert many.value == 3 / 10 and many.protocol["classes_of_codes"].count(-1) == 7
    assert codes.code_accuracy(np.arange(10), LABELS, "majority").value == 1.0


def test_mutual_information_by_hand():
    same = codes.mutual_information(np.arange(10), np.arange(10))
    assert same.value == pytest.approx(math.log(10)) == same.protocol["entropy"]
    apart = codes.mutual_information(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    assert apart.value == pytest.approx(0.0, abs=1e-12)
    # P = [[.5, .25], [0, .25]]: .5 log(.5/.375) + .25 log(.25/.375) + .25 log(.25/.125)
    found = codes.mutual_information(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]))
    expected = 0.5 * math.log(4 / 3) + 0.25 * math.log(2 / 3) + 0.25 * math.log(2)
    assert found.value == pytest.approx(expected) and found.protocol["bias"] == 1 / 8


def test_the_bias_of_unrelated_codes_is_foretold():
    draws = np.random.RandomState(3)
    found = codes.mutual_information(draws.randint(0, 10, 2000), draws.randint(0, 10, 2000))
    assert found.value == pytest.approx(found.protocol["bias"], rel=0.4)


def test_reconstructions_by_hand():
    real = np.array([[0.0, 0.0], [6.0, 8.0]])
    found = codes.reconstruction_ratio(real, real + [0.0, 1.0])
    # To the other's: from (0, 0) to (6, 9), and from (6, 8) to (0, 1).
    shuffled = (math.sqrt(117) + math.sqrt(85)) / 2
    assert found.value == pytest.approx(1 / shuffled)
    assert found.protocol["own"] == 1.0 and found.protocol["closer"] == 1.0


def test_perfect_and_meaningless_reconstructions():
    real = np.random.RandomState(0).normal(size=(500, 4, 4, 1))
    assert codes.reconstruction_ratio(real, real).value == 0.0
    meaningless = codes.reconstruction_ratio(real, np.roll(real, 7, 0))
    assert meaningless.value == pytest.approx(1.0, abs=0.05)
    assert codes.reconstruction_ratio(real, 0.0 * real).protocol["closer"] == 0.0


def test_nobody_keeps_its_own_in_the_shuffle():
    real = np.arange(5.0)[:, None] * 10
    for seed in range(20):
        assert codes.reconstruction_ratio(real, real, seed).protocol["closer"] == 1.0


def test_bad_input_is_named():
    with pytest.raises(InputError, match=r"\(n,\) twice"):
        codes.code_accuracy(np.arange(3), np.arange(4))
    with pytest.raises(InputError, match="codes must be whole"):
        codes.mutual_information(np.array([0.5]), np.array([1]))
    with pytest.raises(InputError, match="more than 2 values"):
        codes.code_accuracy(CODES, LABELS, values=2)
    with pytest.raises(InputError, match="hungarian, majority"):
        codes.code_accuracy(CODES, LABELS, "greedy")
    with pytest.raises(InputError, match="one shape"):
        codes.reconstruction_ratio(np.zeros((3, 2)), np.zeros((3, 3)))
    with pytest.raises(InputError, match="finite"):
        codes.reconstruction_ratio(np.zeros((3, 2)), np.full((3, 2), np.nan))
