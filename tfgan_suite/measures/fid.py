"""Frechet Inception distance (Heusel et al. 2017), also extrapolated to infinite samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.features.distances import frechet_distance
from tfgan_suite.measures.result import MeasureResult, as_features, as_pair, labelled, warn


class Moments:
    """Mean and covariance of features that come in batches; float64, memory does not grow.

    Batches are merged by deviations from their means (Chan, Golub, LeVeque 1979), which loses no
    digits to large means as sums of squares do.

    Args:
        dimension: length of a feature vector.

    Attributes:
        count: vectors so far.
        mean: float64 `(dimension,)`.
    """

    def __init__(self, dimension: int):
        self.count = 0
        self.mean = np.zeros(dimension)
        self.scatter = np.zeros((dimension, dimension))

    @classmethod
    def of(cls, features: np.ndarray) -> Moments:
        """The moments of features `(n, d)`."""
        features = as_features(features)
        moments = cls(features.shape[1])
        moments.add(features)
        return moments

    @property
    def dimension(self) -> int:
        """Length of a feature vector."""
        return len(self.mean)

    def add(self, features: np.ndarray) -> None:
        """Adds a batch.

        Args:
            features: `(n, dimension)`.

        Raises:
            InputError: another shape, or values that are not finite.
        """
        features = as_features(features)
        if features.shape[1] != self.dimension:
            raise InputError(
                f"features have {features.shape[1]} dimensions; those before had {self.dimension}:"
                " use one extractor for all batches"
            )
        count, mean = len(features), features.mean(axis=0)
        deviations = features - mean
        between = mean - self.mean
        total = self.count + count
        self.scatter += deviations.T @ deviations
        self.scatter += np.outer(between, between) * (self.count * count / total)
        self.mean += between * (count / total)
        self.count = total

    @property
    def covariance(self) -> np.ndarray:
        """Covariance `(dimension, dimension)` with the divisor `count - 1`.

        Raises:
            InputError: fewer than two vectors.
        """
        if self.count < 2:
            raise InputError(f"a covariance needs at least 2 images; there are {self.count}")
        return self.scatter / (self.count - 1)


def fid(real: Moments, fake: Moments, **protocol: Any) -> MeasureResult:
    """Frechet distance between the Gaussians of real and generated features.

    It is biased upward by about a constant divided by the number of samples: compare only values
    of equal numbers. `fid_infinity` removes the bias.

    Args:
        real: moments of the real features.
        fake: moments of the generated features.
        **protocol: facts for the result.

    Raises:
        InputError: different dimensions, or fewer than two examples.
    """
    _warn_if_few(min(real.count, fake.count), real.dimension)
    value = frechet_distance(real.mean, real.covariance, fake.mean, fake.covariance)
    facts = {**protocol, "n_real": real.count, "n_fake": fake.count, "dimension": real.dimension}
    return MeasureResult(labelled("FID", protocol), value, facts)


def fid_infinity(
    real: np.ndarray, fake: np.ndarray, *, points: int = 10, seed: int = 0, **protocol: Any
) -> MeasureResult:
    """FID extrapolated to infinite samples: the intercept of a straight line over 1/n.

    Chong and Forsyth (CVPR 2020) keep the real statistics fixed. Here real and generated features
    are both subsampled to n, because a reference of finite size adds a bias of the same form.

    Args:
        real: features `(N, d)`.
        fake: features `(M, d)`.
        points: how many sizes n FID is computed for, evenly spaced from a fifth of the smaller set
            (at least twice the dimension) to all of it; default 10.
        seed: of the subsets.
        **protocol: facts for the result.

    Returns:
        Value; `spread` is its standard error over other examples from the same two distributions.
        The error of the fit would be less than half of that, because the points share examples.

    Raises:
        InputError: wrong shapes, values that are not finite, too few examples for a line.
    """
    real, fake = as_pair(real, fake)
    most, dimension = min(len(real), len(fake)), real.shape[1]
    fewest = max(most // 5, min(2 * dimension, most // 2), 2)
    if points < 3 or most < fewest + points:
        raise InputError(
            f"{most} examples and {points} points are too few for a line over 1/n; expected at "
            f"least 3 points and {max(4 * dimension, 10 * points)} examples of each side"
        )
    if most < 4 * dimension:
        warn(
            f"FID_infinity: {most} examples are too few for {dimension} features, FID is not yet "
            f"linear in 1/n; at least {4 * dimension} of each side are needed"
        )
    draws = np.random.RandomState(seed)
    counts = np.linspace(fewest, most, points).astype(int)
    # The intercept is a weighted sum of the points, of which each is a mean over its examples:
    # the sum of an example's weights in them is its weight in the intercept.
    weights = intercept_weights(counts)
    shares = np.zeros(len(real)), np.zeros(len(fake))
    values = []
    for count, weight in zip(counts, weights):
        subsets = [draws.choice(len(rows), count, replace=False) for rows in (real, fake)]
        first, second = (Moments.of(rows[subset]) for rows, subset in zip((real, fake), subsets))
        values.append(
            frechet_distance(first.mean, first.covariance, second.mean, second.covariance)
        )
        for share, subset in zip(shares, subsets):
            share[subset] += weight / count
    facts = {
        **protocol,
        "n_real": len(real),
        "n_fake": len(fake),
        "dimension": dimension,
        "fit": {"counts": counts.tolist(), "values": [round(value, 6) for value in values]},
        "fit_seed": seed,
        "spread": "standard error over other examples (infinitesimal jackknife)",
    }
    variance = sum(
        np.var(influence, ddof=1) * (share**2).sum()
        for influence, share in zip(influences(real, fake), shares)
    )
    return MeasureResult(
        labelled("FID_infinity", protocol), float(weights @ values), facts, float(np.sqrt(variance))
    )


def intercept_weights(counts: np.ndarray) -> np.ndarray:
    """Weights of values at sizes n in the intercept of their straight line over 1/n.

    The line is fitted with weights n, because the scatter of FID falls like 1/n.

    Args:
        counts: sizes `(points,)`.
    """
    rows = np.stack([1.0 / counts, np.ones(len(counts))], axis=1) * counts[:, None]
    return np.linalg.pinv(rows)[1] * counts


def influences(real: np.ndarray, fake: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By how much each example moves the distance, times the number of examples of its side.

    The distance depends on means and covariances; its derivative with respect to the covariance S1
    is `I - T`, T the matrix that transports the first Gaussian to the second, `T S1 T = S2`.

    Args:
        real: features `(N, d)`.
        fake: features `(M, d)`.

    Returns:
        float64 `(N,)` and `(M,)`, up to a constant; the variance of the distance over
        other examples is the sum of their variances, each divided by its count.
    """
    results = []
    for one, other in ((real, fake), (fake, real)):
        first, second = Moments.of(one), Moments.of(other)
        difference = np.eye(first.dimension) - _transport(first.covariance, second.covariance)
        rows = one - first.mean
        linear = 2.0 * rows @ (first.mean - second.mean)
        results.append(linear + ((rows @ difference) * rows).sum(axis=1))
    return results[0], results[1]


def _transport(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The symmetric T with `T first T = second`, where `first` has full rank."""
    values, vectors = np.linalg.eigh(first)
    roots = np.sqrt(np.maximum(values, 1e-10 * values.max(initial=1e-300)))
    root, inverse = (vectors * roots) @ vectors.T, (vectors / roots) @ vectors.T
    values, vectors = np.linalg.eigh(root @ second @ root)
    return inverse @ (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T @ inverse


def _warn_if_few(count: int, dimension: int) -> None:
    if count <= dimension:
        warn(
            f"FID: {count} examples are too few for {dimension} features, the covariance lacks "
            f"full rank and the value is far too high; at least {dimension + 1} are needed, "
            "10,000 are common"
        )
