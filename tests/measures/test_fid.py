"""FID: closed forms, SciPy's matrix root, streaming moments, extrapolation."""

import json

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.measures.fid import (
    Moments,
    fid,
    fid_infinity,
    frechet_distance,
    influences,
    intercept_weights,
)
from tfgan_suite.measures.result import MeasureWarning


def covariance(draws, d):
    root = draws.randn(d, d)
    return root @ root.T / d + 0.1 * np.eye(d)


def rotation(draws, d):
    return np.linalg.qr(draws.randn(d, d))[0]


def test_diagonal_case_of_the_sheet():
    found = frechet_distance(
        np.zeros(3), np.diag([1.0, 4.0, 9.0]), np.array([1.0, 2.0, 2.0]), np.diag([4.0, 4.0, 1.0])
    )
    assert found == pytest.approx(14.0, rel=1e-12)


def test_closed_form_for_covariances_that_commute():
    """In one basis: |dm|^2 + sum (sqrt a - sqrt b)^2."""
    draws = np.random.RandomState(0)
    for d in (2, 17, 128):
        basis, a, b = rotation(draws, d), 5 * draws.rand(d), 5 * draws.rand(d)
        a[0] = b[-1] = 0.0  # singular ones too
        means = draws.randn(2, d)
        expected = ((means[0] - means[1]) ** 2).sum() + ((np.sqrt(a) - np.sqrt(b)) ** 2).sum()
        found = frechet_distance(means[0], (basis * a) @ basis.T, means[1], (basis * b) @ basis.T)
        assert found == pytest.approx(expected, rel=1e-6)


def test_two_by_two_closed_form():
    """tr sqrt(S) = sqrt(tr S + 2 sqrt(det S)) for the 2x2 matrix S = S1 S2."""
    draws = np.random.RandomState(1)
    one, two = covariance(draws, 2), covariance(draws, 2)
    product = one @ two
    root = np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
    expected = np.trace(one) + np.trace(two) - 2 * root
    found = frechet_distance(np.zeros(2), one, np.zeros(2), two)
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("d", [3, 20, 64])
def test_equals_scipys_matrix_root(d):
    linalg = pytest.importorskip("scipy.linalg")
    draws = np.random.RandomState(d)
    means = draws.randn(2, d)
    one, two = covariance(draws, d), covariance(draws, d)
    root = linalg.sqrtm(one @ two)
    expected = ((means[0] - means[1]) ** 2).sum() + np.trace(one + two - 2 * root.real)
    found = frechet_distance(means[0], one, means[1], two)
    assert found == pytest.approx(expected, rel=1e-6)


def test_the_same_set_is_at_zero_and_a_shift_at_its_square():
    rows = np.random.RandomState(2).randn(500, 16)
    shift = np.linspace(-1, 2, 16)
    same, moved = Moments.of(rows), Moments.of(rows + shift)
    assert abs(fid(same, same).value) < 1e-6
    assert fid(same, moved).value == pytest.approx((shift**2).sum(), rel=1e-9)
    assert fid(moved, same).value == pytest.approx((shift**2).sum(), rel=1e-9)


def test_moments_of_batches_equal_numpys():
    draws = np.random.RandomState(3)
    # Far from the origin: sums of squares would have lost all digits.
    rows = (draws.randn(1000, 5) @ draws.randn(5, 5) + 1e7).astype(np.float64)
    moments = Moments(5)
    for part in np.split(rows, [1, 4, 300, 301, 999]):
        moments.add(part)
    assert moments.count == 1000
    np.testing.assert_allclose(moments.mean, rows.mean(0), rtol=1e-14)
    np.testing.assert_allclose(moments.covariance, np.cov(rows, rowvar=False), rtol=1e-6)


def test_bias_is_that_of_the_sheet():
    """Two sets of N(0, I_64): 21.6 at 100, 2.2 at 1,000."""
    draws = np.random.RandomState(4)
    for count, expected in ((100, 21.6), (1000, 2.2)):
        found = fid(*(Moments.of(draws.randn(count, 64)) for _ in range(2))).value
        assert found == pytest.approx(expected, rel=0.1)


def test_extrapolation_removes_the_bias():
    draws = np.random.RandomState(5)
    one, two = draws.randn(3000, 16), draws.randn(3000, 16)
    plain = fid(Moments.of(one), Moments.of(two)).value
    found = fid_infinity(one, two, seed=1)
    assert plain > 0.04 and abs(found.value) < plain / 3
    moved = fid_infinity(one, two + 0.5, seed=1)
    assert moved.value == pytest.approx(16 * 0.25, abs=0.3)
    assert moved.spread > 0 and moved.protocol["fit"]["counts"][-1] == 3000
    assert fid_infinity(one, two, seed=1).value == found.value


def test_spread_of_the_extrapolation_covers_the_truth():
    """N(0, I) against N(.5, 1.44 I) in 4 dimensions: FID is 4 (.25 + .2^2) = 1.16.

    68% of the values should lie within one spread of it, and 95% within two; the error of the fit,
    whose points share examples, is less than half of the deviation over repetitions.
    """
    values, spreads = [], []
    for seed in range(60):
        draws = np.random.RandomState(seed)
        result = fid_infinity(draws.randn(200, 4), 0.5 + 1.2 * draws.randn(200, 4), seed=seed)
        values.append(result.value)
        spreads.append(result.spread)
    ratios = np.abs(np.array(values) - 1.16) / spreads
    assert 0.55 < np.mean(ratios < 1.0) < 0.82 and np.mean(ratios < 2.0) > 0.87
    assert np.mean(spreads) == pytest.approx(np.std(values), rel=0.25)


def test_influence_of_an_example_is_a_derivative():
    """Weights of one example raised by h: the distance moves by h times its influence."""
    draws = np.random.RandomState(6)
    one, two = draws.randn(40, 3), 0.3 + draws.randn(30, 3) * [1.0, 2.0, 0.5]

    def distance(weights):
        weights = weights / weights.sum()
        mean = weights @ one
        covariance = ((one - mean).T * weights) @ (one - mean) * 40 / 39
        other = Moments.of(two)
        return frechet_distance(mean, covariance, other.mean, other.covariance)

    slopes = []
    for index in range(40):
        step = np.zeros(40)
        step[index] = 1e-4
        slopes.append((distance(np.ones(40) + step) - distance(np.ones(40) - step)) / 2e-4)
    influence = influences(one, two)[0]
    centred = influence - influence.mean()
    # The covariance has the divisor 39.
    np.testing.assert_allclose(np.array(slopes) * 40, centred, rtol=0.08, atol=0.05)


def test_the_line_is_that_of_a_weighted_fit():
    counts = np.array([100, 230, 400, 1000])
    values = np.array([3.0, 2.5, 2.2, 1.9])
    line = np.polyfit(1.0 / counts, values, 1, w=counts)
    assert intercept_weights(counts) @ values == pytest.approx(line[1], rel=1e-9)


def test_the_name_says_which_extractor():
    rows = Moments.of(np.random.RandomState(0).randn(30, 2))
    said = json.loads(fid(rows, rows, extractor="tiny", weights="abc", seed=4).to_json())
    assert said["name"] == "FID-tiny"
    assert said["protocol"] == {
        "extractor": "tiny", "weights": "abc", "seed": 4, "n_real": 30, "n_fake": 30,
        "dimension": 2,
    }  # fmt: skip


def test_too_few_samples_warn_with_the_number_needed():
    rows = np.random.RandomState(0).randn(64, 64)
    with pytest.warns(MeasureWarning, match="at least 65 are needed"):
        fid(Moments.of(rows), Moments.of(rows))
    with pytest.warns(MeasureWarning, match="at least 256 of each"):
        fid_infinity(rows, rows)


def test_bad_input():
    rows = np.zeros((5, 3))
    with pytest.raises(InputError, match="expected \\(images, features\\)"):
        Moments.of(np.zeros((5, 2, 2)))
    with pytest.raises(InputError, match="1 of 5 images are not finite"):
        Moments.of(np.where(np.arange(15).reshape(5, 3) == 4, np.nan, 0.0))
    with pytest.raises(InputError, match="4 dimensions; those before had 3"):
        Moments.of(rows).add(np.zeros((5, 4)))
    with pytest.raises(InputError, match="at least 2"), pytest.warns(MeasureWarning):
        fid(Moments.of(rows[:1]), Moments.of(rows))
    with pytest.raises(InputError, match="use one extractor"):
        frechet_distance(np.zeros(2), np.eye(2), np.zeros(3), np.eye(3))
    with pytest.raises(InputError, match="4 examples and 10 points"):
        fid_infinity(rows[:4], rows[:4])
