"""Intervals and tests for answers: Wilson, exact binomial, bootstrap by rater, signed rank."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.utils.optional_packages import require


def wilson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share.

    Centre (p + z^2 / 2n) / (1 + z^2 / n), half width z sqrt(p (1 - p) / n + z^2 / 4n^2) /
    (1 + z^2 / n).

    Raises:
        InputError: no trials, or more successes than trials.
    """
    if not 0 <= successes <= trials or not trials:
        raise InputError(f"{successes} of {trials} is no share; expected trials, and 0 or more")
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / trials
    scale = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / scale
    half = z * math.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2) / scale
    # At the ends one limit is 0 or 1 exactly; rounding must not move it.
    low = 0.0 if successes == 0 else centre - half
    return low, 1.0 if successes == trials else centre + half


def binomial(successes: int, trials: int, chance: float = 0.5) -> dict[str, float]:
    """Exact binomial test of a share against chance.

    Returns:
        `{"greater": one-sided p, as many or more by chance, "two_sided": p}`.

    Raises:
        InputError: SciPy is missing; as `wilson`.
    """
    if not 0 <= successes <= trials or not trials:
        raise InputError(f"{successes} of {trials} is no share; expected trials, and 0 or more")
    stats = require("scipy.stats", "measures", "The analysis of a study")
    return {
        name: float(stats.binomtest(successes, trials, chance, alternative=side).pvalue)
        for name, side in (("greater", "greater"), ("two_sided", "two-sided"))
    }


def bootstrap(
    raters: Sequence[Any],
    statistic: Callable[[Sequence[Any]], float],
    *,
    confidence: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Percentile interval over resampled raters: answers of one person are not independent.

    Args:
        raters: one entry for each rater.
        statistic: a number from a list of entries.
        confidence: of the interval.
        draws: number of resamples.
        seed: of the resamples.

    Returns:
        The interval, or `None` with fewer than two raters.
    """
    if len(raters) < 2:
        return None
    picks = np.random.default_rng(seed).integers(0, len(raters), (draws, len(raters)))
    values = [statistic([raters[i] for i in row]) for row in picks]
    tail = 50 * (1 - confidence)
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """Student's t interval of a mean; `None` with fewer than two values.

    Raises:
        InputError: SciPy is missing.
    """
    if len(values) < 2:
        return None
    stats = require("scipy.stats", "measures", "The analysis of a study")
    error = np.std(values, ddof=1) / math.sqrt(len(values))
    half = float(stats.t.ppf(0.5 + confidence / 2, len(values) - 1) * error)
    return float(np.mean(values)) - half, float(np.mean(values)) + half


def signed_rank(first: Sequence[float], second: Sequence[float]) -> dict[str, Any]:
    """Wilcoxon's signed-rank test of pairs, two-sided; pairs without difference are ignored.

    Returns:
        `{"pairs", "ties", "statistic", "p"}`; p is 1 if no pair differs.

    Raises:
        InputError: SciPy is missing, or the lists do not pair.
    """
    if len(first) != len(second) or not len(first):
        raise InputError(f"{len(first)} and {len(second)} values cannot be paired")
    gap = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    # Means of the same grades in another order may differ by rounding.
    gap = np.where(np.abs(gap) < 1e-9, 0.0, gap)
    ties = int(np.sum(gap == 0))
    if ties == len(gap):
        return {"pairs": len(gap), "ties": ties, "statistic": 0.0, "p": 1.0}
    stats = require("scipy.stats", "measures", "The analysis of a study")
    test = stats.wilcoxon(gap[gap != 0])
    return {
        "pairs": len(gap),
        "ties": ties,
        "statistic": float(test.statistic),
        "p": float(test.pvalue),
    }
