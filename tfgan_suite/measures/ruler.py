"""What a perfect and a spoilt result would get: real against real, and blurred real images.

A value of FID or KID means little alone. Between these two rows it can be read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence, Set

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.measures import features
from tfgan_suite.measures.evaluation import Evaluation
from tfgan_suite.measures.result import MeasureResult

REAL, BLURRED = "real against real", "blurred real"
# The blur's standard deviation as a share of the image's shorter side; at least a pixel.
BLUR = 1 / 32


def ruler(
    evaluation: Evaluation,
    computations: Sequence[Callable[[Evaluation], list[MeasureResult]]],
    needs: Set[str] = frozenset({"features"}),
) -> list[MeasureResult]:
    """Measures of one half of the reference against the other, as it is and blurred.

    The halves are those of the first `samples` examples in the seed's order, so values compare
    with a generator's that was measured with half as many samples; FID of fewer is higher.

    Args:
        evaluation: names the reference, the extractor and the settings.
        computations: what computes results from moments, features or examples.
        needs: what they read: `"moments"` or `"features"`, `"pixels"`.

    Returns:
        Results whose names end with `", real against real"` and, for images,
        `", blurred real"`.

    Raises:
        InputError: fewer than four real examples.
    """
    half = evaluation.n_real // 2
    if half < 2:
        raise InputError(
            f"the ruler compares two halves of {evaluation.n_real} real examples; expected 4 or"
            " more: pass more --samples, or a larger split"
        )
    real, other = features.Collected(None), features.Collected(None)
    if set(needs) - {"pixels"}:
        collected = evaluation.collect_reference()
        real, other = _collected(collected[:half]), _collected(collected[half : 2 * half])
    if "pixels" in needs:
        real.examples, other.examples = (
            _examples(evaluation, 0, half),
            _examples(evaluation, 1, half),
        )
    rows = {REAL: other}
    if len(evaluation.generator.shape) == 3:
        rows[BLURRED] = features.Collected(None)
        if set(needs) - {"pixels"}:
            batches = map(blur, _half(evaluation, 1, half))
            rows[BLURRED] = features.collect(batches, evaluation.network, keep_features=True)
        if "pixels" in needs:
            rows[BLURRED].examples = blur(other.examples)
    results = []
    for row, fake in rows.items():
        compared = dataclasses.replace(evaluation, real=real, fake=fake)
        for result in (result for compute in computations for result in compute(compared)):
            facts = {**_facts(evaluation, row), **result.protocol}
            results.append(
                dataclasses.replace(result, name=f"{result.name}, {row}", protocol=facts)
            )
    return results


def _collected(rows: np.ndarray) -> features.Collected:
    moments = features.Moments(rows.shape[1])
    moments.add(rows)
    return features.Collected(moments, rows)


def _half(evaluation: Evaluation, number: int, half: int) -> Iterator[np.ndarray]:
    """The images of the first half (0) or the second, in the order of the collected features."""
    settings, position = evaluation.settings, 0
    first, last = number * half, (number + 1) * half
    stream = features.stream(evaluation.reference, evaluation.n_real, settings.seed, settings.batch)
    for batch in stream:
        start, end = (min(max(n - position, 0), len(batch)) for n in (first, last))
        if start < end:
            yield batch[start:end]
        position += len(batch)


def _examples(evaluation: Evaluation, number: int, half: int) -> np.ndarray:
    return np.concatenate(list(_half(evaluation, number, half)))


def _facts(evaluation: Evaluation, row: str) -> dict[str, object]:
    facts = evaluation.protocol()
    for name in ("step", "ema", "class_shares"):  # of the generator that is measured beside it
        facts.pop(name, None)
    facts["samples_of"] = f"{row}: one half of the reference against the other"
    if row == BLURRED:
        facts["blur"] = f"Gaussian, deviation {_deviation(evaluation.generator.shape):g} pixels"
    return facts


def blur(images: np.ndarray) -> np.ndarray:
    """Images under a Gaussian blur whose deviation is `BLUR` of the shorter side, 1 pixel or more.

    Args:
        images: uint8 `(n, height, width, channels)`.

    Returns:
        uint8, the same shape; edges are mirrored.
    """
    deviation = _deviation(images.shape[1:])
    radius = min(int(np.ceil(3 * deviation)), min(images.shape[1:3]) - 1)
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * np.square(offsets / deviation))
    weights /= weights.sum()
    values = images.astype(np.float32)
    for axis in (1, 2):
        widths = [(0, 0)] * 4
        widths[axis] = (radius, radius)
        padded = np.pad(values, widths, mode="reflect")
        length = values.shape[axis]
        values = sum(
            np.float32(weight) * np.take(padded, range(start, start + length), axis)
            for start, weight in enumerate(weights)
        )
    return np.round(values).astype(np.uint8)


def _deviation(shape: Sequence[int]) -> float:
    return max(1.0, min(shape[:2]) * BLUR)
