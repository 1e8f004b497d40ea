"""Intervals and tests against the sheet's values and hand counts."""

import math

import numpy as np
import pytest

from tfgan_suite.errors import InputError
from tfgan_suite.study import inference


@pytest.mark.parametrize(
    "count, of, low, high",
    [(517, 1000, 0.4860, 0.5478), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0),
     (5, 10, 0.2366, 0.7634)],
)  # fmt: skip
def test_wilson_known_answers(count, of, low, high):
    assert inference.wilson(count, of) == pytest.approx((low, high), abs=5e-5)


def test_binomial_known_answers():
    pytest.importorskip("scipy")
    found = inference.binomial(517, 1000)
    assert found["greater"] == pytest.approx(0.14834, abs=5e-6)
    assert found["two_sided"] == pytest.approx(0.29669, abs=1e-5)
    assert inference.binomial(162, 200)["greater"] == pytest.approx(9.9e-20, rel=0.02)
    # By hand: 8 or more of 10 are 56 of 1024 cases.
    assert inference.binomial(8, 10)["greater"] == pytest.approx(56 / 1024)


def test_the_bootstrap_resamples_raters():
    rows = [[1] * 10, [0] * 10]  # two raters of one mind each: between 0 and 1
    low, high = inference.bootstrap(rows, lambda some: float(np.mean(some)))
    assert (low, high) == (0.0, 1.0)
    same = inference.bootstrap([[1, 0]] * 5, lambda some: float(np.mean(some)))
    assert same == (0.5, 0.5)
    assert inference.bootstrap([[1]], np.mean) is None
    wide = inference.bootstrap([[0], [1]] * 20, lambda some: float(np.mean(some)))
    assert wide == pytest.approx((0.35, 0.65), abs=0.06)


def test_the_interval_of_a_mean_by_hand():
    pytest.importorskip("scipy")
    # Deviation 1, four values, t(.975, 3) = 3.18245.
    values = [1.0, 1.0, 3.0, 3.0]
    half = 3.18245 * math.sqrt(4 / 3) / 2
    assert inference.mean_interval(values) == pytest.approx((2 - half, 2 + half), abs=1e-4)
    assert inference.mean_interval([1.0]) is None


def test_signed_ranks_by_hand():
    pytest.importorskip("scipy")
    # Six pairs, all of one sign: W = 0, two-sided p = 2 / 2^6.
    found = inference.signed_rank([2, 3, 4, 5, 6, 7.5], [1, 1, 1, 1, 1, 1])
    assert found["statistic"] == 0 and found["p"] == pytest.approx(2 / 64)
    assert found["pairs"] == 6 and found["ties"] == 0
    same = inference.signed_rank([1, 2], [1, 2])
    assert same == {"pairs": 2, "ties": 2, "statistic": 0.0, "p": 1.0}


def test_impossible_numbers_are_refused(monkeypatch):
    with pytest.raises(InputError, match="3 of 2"):
        inference.wilson(3, 2)
    with pytest.raises(InputError, match="0 of 0"):
        inference.binomial(0, 0)
    with pytest.raises(InputError, match="cannot be paired"):
        inference.signed_rank([1], [1, 2])
    monkeypatch.setitem(__import__("sys").modules, "scipy.stats", None)
    with pytest.raises(InputError, match=r"\[measures\]"):
        inference.binomial(1, 2)
