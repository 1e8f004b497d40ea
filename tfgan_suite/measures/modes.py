"""Which modes a generator covers, by labels, by a classifier or by a synthetic world's oracle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfgan_suite.data.synthetic import gaussians, shape_parts, shape_reader
from tfgan_suite.errors import InputError
from tfgan_suite.measures.result import MeasureResult


def count_labels(
    labels: np.ndarray,
    modes: int | Sequence[str],
    *,
    good: np.ndarray | None = None,
    min_share: float = 0.0,
    expected: np.ndarray | None = None,
    **protocol: Any,
) -> MeasureResult:
    """Counts the modes of labelled samples.

    Args:
        labels: mode of each sample, `(n,)`.
        modes: number of modes, or their names.
        good: bool `(n,)`, which samples are of good quality; default all.
        min_share: share of all samples that must be good ones of a mode for it to be covered; at
            least one sample in any case. Default 0.
        expected: shares of the modes in the data, `(modes,)`; default uniform.
        **protocol: facts for the result.

    Returns:
        Number of modes covered. The protocol holds `"modes"`, `"n_fake"`, `"good_share"`,
        `"counts"` (good samples of each mode), `"missing"` (modes not covered) and
        `"total_variation"`: half the sum of absolute differences between the shares of good
        samples and `expected` (1 without good samples).

    Raises:
        InputError: no samples, labels out of range, arguments of different lengths.
    """
    labels = np.asarray(labels)
    names = [str(n) for n in (range(modes) if isinstance(modes, int) else modes)]
    good = np.ones(labels.shape, bool) if good is None else np.asarray(good, bool)
    if labels.ndim != 1 or not len(labels) or good.shape != labels.shape:
        raise InputError(
            f"labels of shape {labels.shape} and good of shape {good.shape}; expected (n,) twice"
        )
    if not np.issubdtype(labels.dtype, np.integer) or np.any((labels >= len(names))[good]):
        raise InputError(f"labels must be whole numbers below the {len(names)} modes")
    if np.any(labels[good] < 0):
        raise InputError("good samples must have a mode: a label of 0 or more")
    if not 0.0 <= min_share < 1.0:
        raise InputError(f"min_share is {min_share}; it must be in [0, 1)")
    counts = np.bincount(labels[good], minlength=len(names))
    covered = counts >= max(1.0, min_share * len(labels))
    facts = {
        **protocol,
        "n_fake": len(labels),
        "modes": len(names),
        "good_share": float(np.mean(good)),
        "counts": dict(zip(names, counts.tolist())),
        "missing": [name for name, is_covered in zip(names, covered) if not is_covered],
        "total_variation": _total_variation(counts, expected),
        "min_share": min_share,
    }
    return MeasureResult("modes", int(covered.sum()), facts)


def count_classified(
    images: np.ndarray,
    classifier: Callable[[np.ndarray], Any],
    modes: int | Sequence[str],
    *,
    name: str,
    confidence: float = 0.0,
    batch: int = 256,
    **options: Any,
) -> MeasureResult:
    """Counts the modes of samples that a classifier labels.

    Args:
        images: samples `(n, ...)` in the classifier's own range.
        classifier: from a batch to class probabilities `(batch, modes)`.
        modes: number of classes, or their names.
        name: the classifier's name, for the result.
        confidence: smallest top probability of a good sample; default 0.
        batch: samples classified at a time.
        **options: `min_share`, `expected` and facts as for `count_labels`.

    Returns:
        As `count_labels`; the protocol names the classifier under `"reader"`.

    Raises:
        InputError: as `count_labels`; outputs that are not probabilities of the modes.
    """
    classes = modes if isinstance(modes, int) else len(modes)
    labels, confident = [np.zeros(0, int)], [np.zeros(0, bool)]
    for start in range(0, len(images), batch):
        block = images[start : start + batch]
        probabilities = np.asarray(classifier(block), np.float64)
        if probabilities.shape != (len(block), classes):
            raise InputError(
                f"the classifier {name} gives {probabilities.shape} for {len(block)} samples; "
                f"expected {(len(block), classes)}"
            )
        totals = probabilities.sum(axis=1)
        if np.any(probabilities < -1e-6) or not np.allclose(totals, 1.0, atol=1e-2):
            raise InputError(
                f"the outputs of the classifier {name} are not probabilities (they sum to "
                f"{totals[0]:g}); end it with a softmax"
            )
        labels.append(probabilities.argmax(axis=1))
        confident.append(probabilities.max(axis=1) >= confidence)
    facts = {**options, "reader": name, "confidence": confidence}
    return count_labels(np.concatenate(labels), modes, good=np.concatenate(confident), **facts)


def count_in_world(
    samples: np.ndarray,
    world: str,
    *,
    sigmas: float = 3.0,
    min_share: float = 0.01,
    **protocol: Any,
) -> MeasureResult:
    """Counts the modes of a synthetic world with its own oracle.

    Args:
        samples: points `(n, 2)` for `"ring"` and `"grid"`; images for `"shapes"`.
        world: its name.
        sigmas: for points, largest distance of a good one from its mode, in standard deviations;
            default 3.
        min_share: as for `count_labels`; default 0.01.
        **protocol: facts for the result.

    Returns:
        As `count_labels`; the protocol names the world under `"reader"`.

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
        worlds = ", ".join(("shapes", *gaussians.WORLDS))
        raise InputError(f"the world {world!r} has no reader; expected one of {worlds}")
    facts = {**protocol, "reader": world, **extra}
    return count_labels(labels, modes, good=good, min_share=min_share, **facts)


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
