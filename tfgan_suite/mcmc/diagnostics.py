"""How good a Markov chain is: autocorrelation time, effective samples, R-hat, standard error.

References: Geyer 1992 (autocorrelation time); Gelman and Rubin 1992 (R-hat).
"""

from __future__ import annotations

import math

import numpy as np

from tfgan_suite.errors import InputError


def gaussian_acceptance(step: float) -> float:
    """Exact acceptance of a Gaussian walk on N(0, 1): (2 / pi) arctan(2 / step)."""
    return 2.0 / math.pi * math.atan2(2.0, step)


def autocorrelation_time(series: np.ndarray) -> float:
    """tau = 1 + 2 sum_k rho_k, up to Geyer's first pair rho_2k + rho_2k+1 that is not positive.

    Args:
        series: `(n,)` of one chain and one coordinate.

    Returns:
        tau; n draws are worth n / tau independent ones. n for a constant series.

    Raises:
        InputError: fewer than four values, or some that are not finite.
    """
    series = np.asarray(series, np.float64)
    if series.ndim != 1 or len(series) < 4 or not np.isfinite(series).all():
        raise InputError(
            f"the series has shape {series.shape}; expected (n,) with four finite values or more"
        )
    n = len(series)
    centred = series - series.mean()
    power = np.abs(np.fft.rfft(centred, 2 * n)) ** 2
    covariance = np.fft.irfft(power, 2 * n)[:n]
    # A constant minus its mean is nothing but rounding errors.
    if covariance[0] <= n * (1e-14 * max(1.0, np.abs(series).max())) ** 2:
        return float(n)
    rho = covariance / covariance[0]
    pairs = rho[: n // 2 * 2].reshape(-1, 2).sum(axis=1)
    (ends,) = np.nonzero(pairs <= 0)
    pairs = pairs[: ends[0]] if len(ends) else pairs
    # The first pair contains rho_0 = 1, which counts once.
    return float(np.clip(2.0 * pairs.sum() - 1.0, 1.0 / n, n))


def effective_samples(samples: np.ndarray) -> float:
    """n / tau summed over chains, in the slowest coordinate.

    It does not notice a mode that no chain has visited: also check `r_hat` of chains from
    dispersed starts.

    Args:
        samples: `(steps, chains, d)`.
    """
    steps, chains, d = samples.shape
    return min(
        sum(steps / autocorrelation_time(samples[:, chain, axis]) for chain in range(chains))
        for axis in range(d)
    )


def r_hat(samples: np.ndarray) -> float:
    """sqrt(((n - 1) / n W + B / n) / W), worst coordinate; 1 if chains agree, aim for < 1.05.

    Args:
        samples: `(steps, chains, d)`, two chains or more.

    Returns:
        R-hat; infinite for constant chains that differ.

    Raises:
        InputError: fewer than two chains or steps.
    """
    steps, chains, _ = samples.shape
    if chains < 2 or steps < 2:
        raise InputError(
            f"R-hat of {chains} chains of {steps} steps; expected two chains and two steps or more"
        )
    within = samples.var(axis=0, ddof=1).mean(axis=0)
    between = steps * samples.mean(axis=0).var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = ((steps - 1) / steps * within + between / steps) / within
    ratio = np.where((within == 0) & (between == 0), 1.0, ratio)
    return float(np.sqrt(ratio.max()))


def standard_error(samples: np.ndarray) -> np.ndarray:
    """Monte Carlo standard error of the mean: standard deviation / sqrt(effective samples).

    Args:
        samples: `(steps, chains, d)`.

    Returns:
        `(d,)`.
    """
    return np.array(
        [
            np.std(samples[..., axis]) / math.sqrt(effective_samples(samples[..., axis : axis + 1]))
            for axis in range(samples.shape[2])
        ]
    )
