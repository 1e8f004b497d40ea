"""Parzen windows: hand-derived densities, sigma by validation."""

import math

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.measures import parzen as module
from tfgan_suite.measures.parzen import choose_sigma, log_likelihoods, parzen


def test_one_sample_equal_to_the_point():
    point = np.random.RandomState(0).rand(1, 784)
    (found,) = log_likelihoods(point, point, 0.2)
    assert found == pytest.approx(541.3515, abs=5e-5)


def test_one_match_among_ten_thousand():
    point = np.random.RandomState(0).rand(1, 784)
    samples = np.concatenate([point, np.full((9_999, 784), 50.0)])
    (found,) = log_likelihoods(samples, point, 0.2)
    assert found == pytest.approx(532.1412, abs=5e-5)


def test_equals_the_definition_computed_directly(monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 50)  # several blocks
    draws = np.random.RandomState(1)
    samples, points, sigma = draws.randn(20, 3) + 100.0, draws.randn(7, 3) + 100.0, 0.7
    squared = ((points[:, None] - samples[None]) ** 2).sum(2)
    density = np.exp(-squared / (2 * sigma**2)).mean(1) / (sigma * math.sqrt(2 * math.pi)) ** 3
    np.testing.assert_allclose(
        log_likelihoods(samples, points, sigma), np.log(density), rtol=1e-9, atol=1e-9
    )


def test_far_points_do_not_underflow():
    (found,) = log_likelihoods(np.zeros((2, 1)), np.array([[1000.0]]), 0.1)
    expected = -(1000.0**2) / (2 * 0.01) - math.log(0.1 * math.sqrt(2 * math.pi))
    assert found == pytest.approx(expected, rel=1e-12)


def test_sigma_is_the_best_of_the_grid_on_validation_data():
    """Samples on a point, data N(0, s^2): the likeliest sigma is the data's own deviation."""
    draws = np.random.RandomState(2)
    grid = (0.1, 0.2, 0.4, 0.8)
    data = 0.4 * draws.randn(4000, 2)
    assert choose_sigma(np.zeros((5, 2)), data[:2000], grid) == 0.4
    found = parzen(np.zeros((5, 2)), data[:2000], data[2000:], grid, seed=3)
    # Minus the entropy of the Gaussian.
    assert found.value == pytest.approx(-math.log(2 * math.pi * math.e * 0.16), abs=0.05)
    values = log_likelihoods(np.zeros((5, 2)), data[2000:], 0.4)
    assert found.spread == pytest.approx(values.std() / math.sqrt(2000))
    assert found.protocol["sigma"] == 0.4 and found.protocol["seed"] == 3
    assert (found.protocol["n_fake"], found.protocol["n_real"]) == (5, 2000)


def test_the_grid_is_the_official_one():
    assert len(module.SIGMAS) == 10
    assert module.SIGMAS[0] == pytest.approx(0.1) and module.SIGMAS[-1] == pytest.approx(1.0)
    assert module.SIGMAS[1] / module.SIGMAS[0] == pytest.approx(10 ** (1 / 9))


@pytest.mark.parametrize(
    "samples, points, sigma, said",
    [
        (np.zeros((2, 3)), np.zeros((2, 4)), 1.0, "samples have 3 numbers"),
        (np.zeros((2, 3)), np.zeros((2, 3)), 0.0, "sigma is 0.0"),
        (np.zeros((2, 3)), np.full((2, 3), np.nan), 1.0, "not finite"),
        (np.zeros((2, 3, 3)), np.zeros((2, 9)), 1.0, "(2, 3, 3)"),
        (np.zeros((0, 3)), np.zeros((2, 3)), 1.0, "(0, 3)"),
    ],
)
def test_bad_input(samples, points, sigma, said):
    with pytest.raises(InputError) as error:
        log_likelihoods(samples, points, sigma)
    assert said in str(error.value)
