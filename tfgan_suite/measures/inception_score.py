"""Inception score (Salimans et al. 2016) of any classifier's predictions."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.measures.result import MeasureResult, as_features, labelled, warn


def inception_score(
    predictions: np.ndarray,
    *,
    logits: bool = False,
    splits: int = 10,
    seed: int | None = 2020,
    **protocol: Any,
) -> MeasureResult:
    """How confidently each sample is classified, and how evenly samples cover the classes.

    ```
    IS = exp( E_x KL( p(y|x) || p(y) ) ),    p(y) = E_x p(y|x) over the split
    ```

    Between 1 (every sample has the same prediction) and the number of classes. Real data play no
    part, so a generator with one good image for each class gets the best score.

    Args:
        predictions: `(samples, classes)`: probabilities, or logits.
        logits: whether they are logits; default False.
        splits: number of parts of the samples; the value is the mean over them. Default 10.
        seed: of the order in which samples are assigned to splits; `None`: their own order.
            (Samples sorted by class give each split few classes, and a score far too low.)
        **protocol: facts for the result.

    Returns:
        Value; `spread` is the standard deviation over splits.

    Raises:
        InputError: wrong shape, values that are not probabilities, fewer samples than splits.
    """
    logs = _log_probabilities(as_features(predictions, "predictions"), logits)
    count, classes = logs.shape
    if not 1 <= splits <= count:
        raise InputError(
            f"{count} samples cannot be divided into {splits} splits; expected at least a sample "
            "in each: pass more samples or fewer splits"
        )
    if count < 10 * splits * classes:
        warn(
            f"Inception score: {count} samples are too few for {splits} splits of {classes} "
            f"classes, the value is too low; at least {10 * splits * classes} are needed (50,000 "
            "are common)"
        )
    if seed is not None:
        logs = logs[np.random.RandomState(seed).permutation(count)]
    scores = [_score(part) for part in np.array_split(logs, splits)]
    facts = {
        **protocol,
        "n_fake": count,
        "splits": splits,
        "split_seed": seed,
        "classes": classes,
        "spread": "standard deviation over splits",
    }
    return MeasureResult(
        labelled("IS", protocol), float(np.mean(scores)), facts, float(np.std(scores))
    )


def _score(logs: np.ndarray) -> float:
    """One split's score from log-probabilities; 0 log 0 counts as 0."""
    probabilities = np.exp(logs)
    mean = probabilities.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = probabilities * (logs - np.log(mean))
    return float(np.exp(np.where(probabilities > 0, terms, 0.0).sum(axis=1).mean()))


def _log_probabilities(values: np.ndarray, logits: bool) -> np.ndarray:
    if logits:
        shifted = values - values.max(axis=1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    if values.min() < 0 or not np.allclose(values.sum(axis=1), 1.0, atol=1e-3):
        raise InputError(
            f"predictions from {values.min():g} to {values.max():g} are not probabilities that "
            "sum to 1; if they are logits, pass logits=True"
        )
    with np.errstate(divide="ignore"):
        return np.log(values)
