"""What latent codes reveal of the data: codes against classes, examples against reconstructions."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfgan_suite.errors import InputError, must_be
from tfgan_suite.measures.result import MeasureResult
from tfgan_suite.utils.optional_packages import require

MATCHINGS = ("hungarian", "majority")


def contingency(
    codes: np.ndarray, labels: np.ndarray, values: int | None = None, classes: int | None = None
) -> np.ndarray:
    """How often each code occurs with each class.

    Args:
        codes: integers `(n,)` from 0.
        labels: class indices `(n,)` from 0.
        values: number of codes; default as many as occur.
        classes: number of classes; default as many as occur.

    Returns:
        int64 `(values, classes)`.

    Raises:
        InputError: not two lists of equal length, or numbers out of range.
    """
    codes, labels = np.asarray(codes), np.asarray(labels)
    if codes.ndim != 1 or codes.shape != labels.shape or not len(codes):
        raise InputError(
            f"codes of shape {codes.shape} and labels of shape {labels.shape}; expected (n,) twice"
        )
    for name, array in (("codes", codes), ("labels", labels)):
        if not np.issubdtype(array.dtype, np.integer) or array.min() < 0:
            raise InputError(f"{name} must be whole numbers, 0 or more; they are {array.dtype}")
    values, classes = values or int(codes.max()) + 1, classes or int(labels.max()) + 1
    if codes.max() >= values or labels.max() >= classes:
        raise InputError(
            f"codes go up to {codes.max()} and labels to {labels.max()}; that is more than"
            f" {values} values and {classes} classes allow"
        )
    table = np.zeros((values, classes), np.int64)
    np.add.at(table, (codes, labels), 1)
    return table


def code_accuracy(
    codes: np.ndarray,
    labels: np.ndarray,
    matching: str = "hungarian",
    *,
    values: int | None = None,
    classes: int | None = None,
    **protocol: Any,
) -> MeasureResult:
    """Share of examples whose code, read as a class, is right; codes are learnt without labels.

    Args:
        codes: code of each example `(n,)`: inferred by Q from a labelled image, or an input of
            the generator, for whose image a classifier or a synthetic world knows the class.
        labels: class of each example `(n,)`.
        matching: which class a code stands for. `"hungarian"`: each class at most once, the best
            such assignment; `"majority"`: the class it occurs with most often, so two codes may
            mean the same class. Majority is never lower.
        values, classes: their numbers, if not all of them occur.
        **protocol: further facts, such as the game, the split and lambda.

    Returns:
        The accuracy. The protocol holds `"matching"`, `"classes_of_codes"` (-1: no class),
        `"chance"` (share of the largest class), counts.

    Raises:
        InputError: an unknown matching; as `contingency`.
    """
    if matching not in MATCHINGS:
        raise InputError(f"matching is {matching!r}; {must_be(matching, MATCHINGS)}")
    table = contingency(codes, labels, values, classes)
    assigned = _hungarian(table) if matching == "hungarian" else table.argmax(1)
    correct = sum(int(table[code, label]) for code, label in enumerate(assigned) if label >= 0)
    facts = {
        **protocol,
        "matching": matching,
        "n": int(table.sum()),
        "values": table.shape[0],
        "classes": table.shape[1],
        "classes_of_codes": [int(label) for label in assigned],
        "chance": float(table.sum(0).max() / table.sum()),
    }
    return MeasureResult("code_accuracy", correct / table.sum(), facts)


def _hungarian(table: np.ndarray) -> np.ndarray:
    optimize = require("scipy.optimize", "measures", "matching codes to classes")
    assigned = np.full(len(table), -1)
    rows, columns = optimize.linear_sum_assignment(-table)
    assigned[rows] = columns
    return assigned


def mutual_information(
    codes: np.ndarray, labels: np.ndarray, reader: str | None = None, **protocol: Any
) -> MeasureResult:
    """Mutual information of codes and classes in nats, from their counts (plug-in estimate).

    It is biased upward by about `(values - 1) (classes - 1) / (2 n)`, which the protocol holds as
    `"bias"`; `"entropy"` is that of the classes, the upper bound.

    Args:
        codes, labels: integers `(n,)` each.
        reader: what read the labels; part of the name, so that several can be told apart.
        **protocol: further facts.

    Raises:
        InputError: as `contingency`.
    """
    table = contingency(codes, labels)
    joint = table / table.sum()
    independent = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    occurring = joint > 0
    nats = float(np.sum(joint[occurring] * np.log(joint[occurring] / independent[occurring])))
    shares = joint.sum(0)[joint.sum(0) > 0]
    counts = [int((table.sum(axis) > 0).sum()) for axis in (1, 0)]
    facts = {
        **protocol,
        "unit": "nats",
        "n": int(table.sum()),
        "entropy": float(-np.sum(shares * np.log(shares))),
        "bias": (counts[0] - 1) * (counts[1] - 1) / (2 * int(table.sum())),
    }
    name = "mutual_information" if reader is None else f"mutual_information-{reader}"
    return MeasureResult(name, max(nats, 0.0), facts)


def reconstruction_ratio(
    real: np.ndarray, reconstructions: np.ndarray, seed: int = 0, **protocol: Any
) -> MeasureResult:
    """Distance of examples to their own reconstructions, relative to that to other examples'.

    Args:
        real: examples `(n, ...)`.
        reconstructions: of the examples, in the same order.
        seed: of the shuffle, in which no example keeps its own.
        **protocol: further facts.

    Returns:
        Mean L2 distance to the own reconstruction, divided by that to another example's: 0 is
        perfect, 1 is unrelated to the example. The protocol holds both means and `"closer"`: the
        share of examples that are nearer to their own than to the other one.

    Raises:
        InputError: different shapes, fewer than two examples, numbers that are not finite.
    """
    real = np.asarray(real, np.float64)
    outputs = np.asarray(reconstructions, np.float64)
    if real.shape != outputs.shape or len(real) < 2:
        raise InputError(
            f"examples {real.shape} and reconstructions {outputs.shape}; expected one shape and at"
            " least two examples"
        )
    if not (np.isfinite(real).all() and np.isfinite(outputs).all()):
        raise InputError(
            "examples or reconstructions hold values that are not finite; look for NaN in the"
            " game's weights"
        )
    real, outputs = real.reshape(len(real), -1), outputs.reshape(len(real), -1)
    order = np.random.default_rng(seed).permutation(len(real))
    other = np.empty_like(order)
    other[order] = np.roll(order, 1)  # a single cycle through all: no example keeps its own
    own = np.linalg.norm(real - outputs, axis=1)
    shuffled = np.linalg.norm(real - outputs[other], axis=1)
    facts = {
        **protocol,
        "distance": "L2 of whole examples",
        "own": float(own.mean()),
        "shuffled": float(shuffled.mean()),
        "closer": float(np.mean(own < shuffled)),
        "n": len(real),
        "seed": seed,
    }
    value = float(own.mean() / shuffled.mean()) if shuffled.mean() else 1.0
    return MeasureResult("reconstruction_ratio", value, facts)
