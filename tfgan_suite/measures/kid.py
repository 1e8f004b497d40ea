"""Kernel Inception distance (Binkowski et al. 2018)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.features.distances import cubic_discrepancy
from tfgan_suite.measures.result import MeasureResult, as_pair, labelled, warn


def polynomial_mmd(real: np.ndarray, fake: np.ndarray) -> float:
    """Unbiased squared maximum mean discrepancy with the kernel `(x.y / d + 1)^3`.

    ```
    sum_{i != j} k(x_i, x_j) / (m (m - 1)) + sum_{i != j} k(y_i, y_j) / (n (n - 1))
        - 2 mean_ij k(x_i, y_j)
    ```

    Args:
        real: features `(m, d)`, m at least 2.
        fake: features `(n, d)`, n at least 2.

    Returns:
        The value; it is unbiased, so it may be negative.

    Raises:
        InputError: wrong shapes, values that are not finite, fewer than two of either.
    """
    real, fake = _checked(real, fake)
    return cubic_discrepancy(real, fake)


def kid(
    real: np.ndarray,
    fake: np.ndarray,
    *,
    subsets: int = 100,
    size: int = 1000,
    seed: int = 0,
    **protocol: Any,
) -> MeasureResult:
    """Mean of the discrepancy over random subsets; unbiased at any number of samples.

    Args:
        real: features `(n, d)`.
        fake: features `(m, d)`.
        subsets: number of subsets; default 100.
        size: examples of each side in a subset; default 1000.
        seed: of the subsets.
        **protocol: facts for the result.

    Returns:
        Value (papers often report it times 1,000); `spread` is the standard deviation over
        subsets.

    Raises:
        InputError: as `polynomial_mmd`; no subsets or subsets of fewer than two.
    """
    real, fake = _checked(real, fake)
    if subsets < 1 or size < 2:
        raise InputError(
            f"{subsets} subsets of {size} examples; expected 1 subset or more, of 2 examples or "
            "more"
        )
    fewest = min(len(real), len(fake))
    if fewest < size:
        warn(
            f"KID: {fewest} samples are too few for subsets of {size}, so each subset has all of "
            f"them; at least {size} of each side are needed"
        )
        size = fewest
    draws = np.random.RandomState(seed)
    values = []
    for _ in range(subsets):
        subset = [rows[draws.choice(len(rows), size, replace=False)] for rows in (real, fake)]
        values.append(polynomial_mmd(*subset))
    facts = {
        **protocol,
        "n_real": len(real),
        "n_fake": len(fake),
        "subsets": subsets,
        "subset_size": size,
        "subset_seed": seed,
        "scale": "plain, not times 1000",
        "spread": "standard deviation over subsets",
    }
    return MeasureResult(
        labelled("KID", protocol), float(np.mean(values)), facts, float(np.std(values))
    )


def _checked(real: np.ndarray, fake: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    real, fake = as_pair(real, fake)
    if min(len(real), len(fake)) < 2:
        raise InputError(
            f"{len(real)} real and {len(fake)} generated examples; KID needs at least 2 of each"
        )
    return real, fake
