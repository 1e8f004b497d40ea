"""Log-likelihood under a Parzen window of samples, as in the first GAN paper."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.measures.result import MeasureResult, as_features

# The grid of the official code.
SIGMAS = tuple(np.logspace(-1.0, 0.0, 10))
_BLOCK = 2**22  # distances in memory at once: 32 MiB


def log_likelihoods(samples: np.ndarray, points: np.ndarray, sigma: float) -> np.ndarray:
    """Logarithm of the density of each point under equal Gaussians around the samples.

    ```
    log p(x) = log mean_i exp(-|x - s_i|^2 / (2 sigma^2)) - d log(sigma sqrt(2 pi))
    ```

    Args:
        samples: generated examples `(n, d)`.
        points: examples to evaluate `(m, d)`.
        sigma: standard deviation of the Gaussians, above 0.

    Returns:
        float64 `(m,)`, in nats.

    Raises:
        InputError: wrong shapes, values that are not finite, a sigma that is not above 0.
    """
    return _densities(*_checked(samples, points), (_checked_sigma(sigma),))[0]


def choose_sigma(
    samples: np.ndarray, validation: np.ndarray, sigmas: tuple[float, ...] = SIGMAS
) -> float:
    """The sigma with the highest mean log-likelihood of validation examples.

    Args:
        samples: generated examples `(n, d)`.
        validation: real examples `(m, d)`, other than the test examples.
        sigmas: the grid.

    Raises:
        InputError: as `log_likelihoods`; an empty grid.
    """
    if not len(sigmas):
        raise InputError("the grid of sigmas is empty; expected one or more above 0")
    sigmas = tuple(_checked_sigma(sigma) for sigma in sigmas)
    densities = _densities(*_checked(samples, validation), sigmas)
    return float(sigmas[int(np.argmax(densities.mean(axis=1)))])


def parzen(
    samples: np.ndarray,
    validation: np.ndarray,
    test: np.ndarray,
    sigmas: tuple[float, ...] = SIGMAS,
    **protocol: Any,
) -> MeasureResult:
    """Mean log-likelihood of test examples, with sigma chosen on validation examples.

    An unreliable measure in many dimensions: k-means of the training set can beat the true
    distribution (Theis, van den Oord, Bethge 2016). It is here for comparison with early papers.
    Values for other sigmas, other numbers of samples or another scale of the examples cannot be
    compared; the papers' images are in [0, 1] and they draw 10,000 samples.

    Args:
        samples: generated examples `(n, d)`.
        validation: real examples `(m, d)`; the papers use 1,000.
        test: real examples `(m, d)`.
        sigmas: the grid.
        **protocol: further facts for the result.

    Returns:
        Value in nats; `spread` is the standard error over test examples.

    Raises:
        InputError: as `choose_sigma`.
    """
    sigma = choose_sigma(samples, validation, sigmas)
    values = log_likelihoods(samples, test, sigma)
    facts = {
        "sigma": sigma,
        "n_fake": len(samples),
        "n_validation": len(validation),
        "n_real": len(test),
        "spread": "standard error over test examples",
    }
    error = float(values.std() / math.sqrt(len(values)))
    return MeasureResult("parzen", float(values.mean()), {**protocol, **facts}, error)


def _densities(samples: np.ndarray, points: np.ndarray, sigmas: tuple[float, ...]) -> np.ndarray:
    """`(sigmas, points)`; the squared distances are computed once for all sigmas."""
    count, dimension = samples.shape
    # Distances do not change when the origin moves to the middle; their rounding errors shrink.
    middle = samples.mean(axis=0)
    samples, points = samples - middle, points - middle
    lengths = (samples**2).sum(axis=1)
    densities = np.empty((len(sigmas), len(points)))
    rows = max(1, _BLOCK // count)
    for start in range(0, len(points), rows):
        block = points[start : start + rows]
        squared = lengths + (block**2).sum(axis=1)[:, None] - 2.0 * block @ samples.T
        np.maximum(squared, 0.0, out=squared)
        nearest = squared.min(axis=1)
        squared -= nearest[:, None]
        for index, sigma in enumerate(sigmas):
            kernel = np.exp(squared / (-2.0 * sigma**2)).mean(axis=1)
            logs = np.log(kernel) - nearest / (2.0 * sigma**2)
            scale = dimension * math.log(sigma * math.sqrt(2.0 * math.pi))
            densities[index, start : start + rows] = logs - scale
    return densities


def _checked(samples: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    samples, points = as_features(samples, "samples"), as_features(points, "real examples")
    if samples.shape[1] != points.shape[1]:
        raise InputError(
            f"samples have {samples.shape[1]} numbers each, real examples {points.shape[1]}; "
            "expected the same: flatten images of one size"
        )
    return samples, points


def _checked_sigma(sigma: float) -> float:
    if not sigma > 0 or not math.isfinite(sigma):
        raise InputError(f"sigma is {sigma}; it must be a number above 0")
    return float(sigma)
