"""KID: the sheet's value, the definition, no bias."""

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.measures.kid import kid, polynomial_mmd
from tfgan_suite.measures.result import MeasureWarning


def test_value_of_the_sheet():
    found = polynomial_mmd(np.array([[1.0], [2.0]]), np.array([[0.0], [3.0]]))
    assert found == pytest.approx(-176.5, rel=1e-12)


def test_equals_the_definition_in_loops():
    draws = np.random.RandomState(0)
    x, y = draws.randn(5, 3), draws.randn(4, 3)

    def kernel(a, b):
        return (a @ b / 3 + 1) ** 3

    expected = sum(kernel(x[i], x[j]) for i in range(5) for j in range(5) if i != j) / 20
    expected += sum(kernel(y[i], y[j]) for i in range(4) for j in range(4) if i != j) / 12
    expected -= 2 * sum(kernel(a, b) for a in x for b in y) / 20
    assert polynomial_mmd(x, y) == pytest.approx(expected, rel=1e-12)


def test_no_bias_whatever_the_number_of_samples():
    draws = np.random.RandomState(1)
    values = [polynomial_mmd(draws.randn(20, 4), draws.randn(20, 4)) for _ in range(400)]
    assert abs(np.mean(values)) < 4 * np.std(values) / 20
    assert min(values) < 0 < max(values)


def test_subsets_seed_and_protocol():
    draws = np.random.RandomState(2)
    real, fake = draws.randn(300, 4), draws.randn(300, 4) + 0.5
    found = kid(real, fake, subsets=20, size=100, seed=3, extractor="tiny")
    assert found.name == "KID-tiny" and found.value > 0 and found.spread > 0
    assert found.value == pytest.approx(polynomial_mmd(real, fake), rel=0.3)
    assert kid(real, fake, subsets=20, size=100, seed=3).value == found.value
    assert kid(real, fake, subsets=20, size=100, seed=4).value != found.value
    wanted = {"subsets": 20, "subset_size": 100, "subset_seed": 3, "n_real": 300, "n_fake": 300}
    assert wanted.items() <= found.protocol.items()


def test_whole_set_as_the_only_subset_is_the_discrepancy_itself():
    draws = np.random.RandomState(3)
    real, fake = draws.randn(30, 4), draws.randn(30, 4)
    found = kid(real, fake, subsets=1, size=30)
    assert found.value == pytest.approx(polynomial_mmd(real, fake), rel=1e-9)


def test_too_few_samples_warn_with_the_number_needed():
    rows = np.random.RandomState(0).randn(10, 2)
    with pytest.warns(MeasureWarning, match="at least 1000 of each"):
        assert kid(rows, rows, subsets=2).protocol["subset_size"] == 10


def test_bad_input():
    rows = np.zeros((5, 3))
    with pytest.raises(InputError, match="needs at least 2"):
        kid(rows[:1], rows)
    with pytest.raises(InputError, match="have 3 dimensions, generated ones 4"):
        kid(rows, np.zeros((5, 4)))
    with pytest.raises(InputError, match="0 subsets"):
        kid(rows, rows, subsets=0)
    with pytest.raises(InputError, match="not finite"):
        kid(rows, rows + np.inf)
