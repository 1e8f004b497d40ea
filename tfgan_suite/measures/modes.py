"""Which modes a generator reaches: counts over labels, a classifier or a known world's reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfgan_suite.data.synthetic import gaussians, shape_parts, shape_reader
from tfgan_suite.errors import InputError
from tfgan_suite.measures.result import MeasureResult


def of_labels(
    labels: np.ndarray,
    modes: int | Sequence[str],
    *,
    good: np.ndarray | None = None,
    least_share: float = 0.0,
    expected: np.ndarray | None = None,
    **protocol: Any,
) -> MeasureResult:
    """Counts samples of known modes.

    Args:
        labels: mode of each sample, `(n,)`.
        modes: number of modes, or their names.
        good: bool `(n,)`, which samples count as good ones; default all.
        least_share: share of all samples that a mode must get, in good ones, to be found; at
            least one sample in any case.
        expected: shares of the modes in the data, `(modes,)`; default all alike.
        **protocol: facts for the result.

    Returns:
        Number of modes found. The protocol holds `"modes"`, `"n_fake"`, `"good_share"`,
        `"counts"` (good samples of each mode), `"missing"` (modes not found) and
        `"total_variation"`: half the sum of absolute differences between the shares of good
        samples and `expected` (1 without good samples).

    Raises:
        InputError: no samples, labels out of range, arguments of other lengths.
    """
    labels = np.asarray(labels)
    names = [str(n) for n in (range(modes) if isinstance(modes, int) else modes)]
    good = np.ones(labels.shape, bool) if good is None else np.asarray(good, bool)
    if labels.ndim != 1 or not len(labels) or good.shape != labels.shape:
        raise InputError(
            f"labels of shape {labels.shape} and good of shape {good.shape}: expected (n,) twice"
        )
    if not np.issubdtype(labels.dtype, np.integer) or np.any((labels >= len(names))[good]):
        raise InputError(f"labels must be whole numbers below the {len(names)} modes")
    if np.any(labels[good] < 0):
        raise InputError("good samples must have a mode: a label of 0 or more")
    if not 0.0 <= least_share < 1.0:
        raise InputError(f"least_share is {least_share}; it must be 0 or more, and below 1")
    counts = np.bincount(labels[good], minlength=len(names))
    found = counts >= max(1.0, least_share * len(labels))
    facts = {
        **protocol,
        "n_fake": len(labels),
        "modes": len(names),
        "good_share": float(np.mean(good)),
        "counts": dict(zip(names, counts.tolist())),
        "missing": [name for name, seen in zip(names, found) if not seen],
        "total_variation": _total_variation(counts, expected),
        "least_share": least_share,
    }
    return MeasureResult("modes", int(found.sum()), facts)


def of_classifier(
    images: np.ndarray,
    classifier: Callable[[np.ndarray], Any],
    modes: int | Sequence[str],
    *,
    name: str,
    confidence: float = 0.0,
    batch: int = 256,
    **how: Any,
) -> MeasureResult:
    """Counts the classes that a classifier sees.

    Args:
        images: samples `(n, ...)` in the classifier's own range.
        classifier: from a batch to class probabilities `(batch, modes)`.
        modes: number of classes, or their names.
        name: the classifier's name, for the result.
        confidence: largest probability that a good sample must reach.
        batch: samples classified at a time.
        **how: `least_share`, `expected` and facts as for `of_labels`.

    Returns:
        As `of_labels`; the protocol names the classifier under `"reader"`.

    Raises:
        InputError: as `of_labels`; the classifier's outputs are no probabilities of the modes.
    """
    number = modes if isinstance(modes, int) else len(modes)
    labels, sure = [np.zeros(0, int)], [np.zeros(0, bool)]
    for start in range(0, len(images), batch):
        block = images[start : start + batch]
        shares = np.asarray(classifier(block), np.float64)
        if shares.shape != (len(block), number):
            raise InputError(
                f"the classifier {name} gives {shares.shape} for {len(block)} samples; expected "
                f"{(len(block), number)}"
            )
        if np.any(shares < -1e-6) or not np.allclose(shares.sum(axis=1), 1.0, atol=1e-2):
            raise InputError(
                f"the classifier {name} gives no probabilities (they sum to "
                f"{shares.sum(axis=1)[0]:g}); end it with a softmax"
            )
        labels.append(shares.argmax(axis=1))
        sure.append(shares.max(axis=1) >= confidence)
    facts = {**how, "reader": name, "confidence": confidence}
    return of_labels(np.concatenate(labels), modes, good=np.concatenate(sure), **facts)


def of_world(
    samples: np.ndarray,
    world: str,
    *,
    sigmas: float = 3.0,
    least_share: float = 0.01,
    **protocol: Any,
) -> MeasureResult:
    """Counts the modes of an embedded world with its own reader.

    Args:
        samples: points `(n, 2)` for `"ring"` and `"grid"`; images for `"shapes"`.
        world: its name.
        sigmas: for points, how many standard deviations from its mode a good one may lie.
        least_share: as for `of_labels`.
        **protocol: facts for the result.

    Returns:
        As `of_labels`; the protocol names the world under `"reader"`.

    Raises:
        InputError: another world, samples of another shape, no samples.
    """
    if world == "shapes":
        reading = shape_reader.read(samples)
        modes, good, extra = shape_parts.CLASSES, reading.clean, {}
        labels = reading.label
    elif world in gaussians.WORLDS:
        labels, distance = gaussians.read(samples, world)
        modes, good = gaussians.WORLDS[world].classes, distance <= sigmas
        extra = {"sigmas": sigmas}
    else:
        known = ", ".join(("shapes", *gaussians.WORLDS))
        raise InputError(f"no reader for the world {world!r}; there are readers for {known}")
    facts = {**protocol, "reader": world, **extra}
    return of_labels(labels, modes, good=good, least_share=least_share, **facts)


def _total_variation(counts: np.ndarray, expected: np.ndarray | None) -> float:
    if expected is None:
        expected = np.full(len(counts), 1.0 / len(counts))
    expected = np.asarray(expected, np.float64)
    if expected.shape != counts.shape or np.any(expected < 0) or abs(expected.sum() - 1) > 1e-6:
        raise InputError(
            f"the expected shares have shape {expected.shape} and sum {expected.sum():g}; "
            f"expected {len(counts)} shares that sum to 1"
        )
    if not counts.sum():
        return 1.0
    return float(0.5 * np.abs(counts / counts.sum() - expected).sum())
