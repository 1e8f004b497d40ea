"""Precision and recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.measures.result import MeasureResult, as_pair, labelled, warn

_BLOCK = 2**22  # distances in memory at once: 32 MiB


def precision_recall(
    real: np.ndarray, fake: np.ndarray, *, k: int = 5, **protocol: Any
) -> list[MeasureResult]:
    """Which share of the samples is realistic, and which share of the real data they cover.

    With R_k(x) the distance from x to its k-th nearest neighbour in its own set (itself left out):

    ```
    precision = mean_j 1[exists i: |y_j - x_i| < R_k(x_i)]    recall: with the sets exchanged
    density   = 1/(k M) sum_ji 1[|y_j - x_i| < R_k(x_i)]
    coverage  = mean_i 1[min_j |y_j - x_i| < R_k(x_i)]
    ```

    x are N real, y are M generated features. For two sets of one distribution, coverage is about
    `1 - 2^-k` and density 1; precision and recall stay below 1, further in more dimensions.

    Args:
        real: features `(N, d)`.
        fake: features `(M, d)`; as many as the real ones, or the values shift.
        k: which neighbour; default 5, with strict inequality as in the authors' `prdc` package.
        **protocol: facts for the result.

    Returns:
        Precision, recall, density, coverage. Only a block of the distances is in memory at once.

    Raises:
        InputError: wrong shapes, values that are not finite, sets of k examples or fewer.
    """
    real, fake = _checked(real, fake, k)
    # Distances do not change when the origin moves to the middle; their rounding errors shrink.
    middle = real.mean(axis=0)
    real, fake = real - middle, fake - middle
    real_radii, fake_radii = _radii(real, k), _radii(fake, k)
    hits, recalled = np.zeros(len(fake), np.int64), np.zeros(len(real), bool)
    covered = np.zeros(len(real), bool)
    for start, squared in _distances(real, fake):
        rows = slice(start, start + len(squared))
        inside = squared < real_radii[rows, None]
        hits += inside.sum(axis=0)
        covered[rows] = inside.any(axis=1)
        recalled[rows] = (squared < fake_radii).any(axis=1)
    facts = {**protocol, "n_real": len(real), "n_fake": len(fake), "k": k, "inequality": "strict"}
    values = {
        "precision": (hits > 0).mean(),
        "recall": recalled.mean(),
        "density": hits.sum() / (k * len(fake)),
        "coverage": covered.mean(),
    }
    return [MeasureResult(labelled(name, protocol), float(v), facts) for name, v in values.items()]


def _distances(first: np.ndarray, second: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Blocks of rows of the squared distances: first row, float64 `(rows, len(second))`."""
    lengths = (second**2).sum(axis=1)
    rows = max(1, _BLOCK // len(second))
    for start in range(0, len(first), rows):
        # A copy: NumPy multiplies a matrix by its own transpose in another way, with other
        # rounding, and a distance must be the same in either direction.
        block = first[start : start + rows].copy()
        squared = block @ second.T
        squared *= -2.0
        squared += lengths
        squared += (block**2).sum(axis=1)[:, None]
        yield start, np.maximum(squared, 0.0, out=squared)


def _radii(rows: np.ndarray, k: int) -> np.ndarray:
    """Squared distance of each row to its k-th nearest neighbour; index 0 is the row itself."""
    radii = np.empty(len(rows))
    for start, squared in _distances(rows, rows):
        squared.partition(k, axis=1)
        radii[start : start + len(squared)] = squared[:, k]
    return radii


def _checked(real: np.ndarray, fake: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    real, fake = as_pair(real, fake)
    if k < 1:
        raise InputError(f"k is {k}; expected the number of a neighbour, 1 or more")
    if min(len(real), len(fake)) <= k:
        raise InputError(
            f"{len(real)} real and {len(fake)} generated examples are too few for neighbour {k}; "
            f"pass at least {k + 1} of each, or a smaller k"
        )
    if len(real) != len(fake):
        warn(
            f"precision and recall of {len(real)} real and {len(fake)} generated examples: the "
            f"balls of the smaller set are larger; {max(len(real), len(fake))} of each are needed "
            "for comparable values"
        )
    return real, fake
