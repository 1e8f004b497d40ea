"""What latent codes say of the data: codes against classes, and examples against their copies."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.measures.result import MeasureResult
from tfgan_suite.utils.optional_packages import require

MATCHINGS = ("hungarian", "majority")


def contingency(
    codes: np.ndarray, labels: np.ndarray, values: int | None = None, classes: int | None = None
) -> np.ndarray:
    """How often each code goes with each class.

    Args:
        codes: whole numbers `(n,)` from 0.
        labels: class indices `(n,)` from 0.
        values: number of codes; default as many as occur.
        classes: number of classes; default as many as occur.

    Returns:
        int64 `(values, classes)`.

    Raises:
        InputError: not two lists of one length, or numbers outside.
    """
    codes, labels = np.asarray(codes), np.asarray(labels)
    if codes.ndim != 1 or codes.shape != labels.shape or not len(codes):
        raise InputError(
            f"codes of shape {codes.shape} and labels of shape {labels.shape}: expected (n,) twice"
        )
    for name, array in (("codes", codes), ("labels", labels)):
        if not np.issubdtype(array.dtype, np.integer) or array.min() < 0:
            raise InputError(f"{name} must be whole numbers of 0 or more")
    values, classes = values or int(codes.max()) + 1, classes or int(labels.max()) + 1
    if codes.max() >= values or labels.max() >= classes:
        raise InputError(
            f"codes go up to {codes.max()} and labels to {labels.max()}: more than {values} values"
            f" and {classes} classes"
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
    """Share of examples whose code, read as a class, is right. Codes are learnt without labels.

    Args:
        codes: code of each example `(n,)`: told by Q for a labelled image, or given to the
            generator, where a classifier or a known world tells the class.
        labels: class of each example `(n,)`.
        matching: which class a code stands for. `"hungarian"`: each class at most once, the best
            such choice; `"majority"`: the class it goes with most often, so two codes may mean
            one class. Majority is never lower.
        values, classes: their numbers, where not all need occur.
        **protocol: further facts, such as the game, the split and lambda.

    Returns:
        The accuracy. The protocol holds `"matching"`, `"classes_of_codes"` (-1: none left),
        `"chance"` (share of the largest class), counts.

    Raises:
        InputError: an unknown matching; as `contingency`.
    """
    if matching not in MATCHINGS:
        raise InputError(f"matching {matching!r}: it must be one of {', '.join(MATCHINGS)}")
    table = contingency(codes, labels, values, classes)
    meant = _hungarian(table) if matching == "hungarian" else table.argmax(1)
    right = sum(int(table[code, kind]) for code, kind in enumerate(meant) if kind >= 0)
    facts = {
        **protocol,
        "matching": matching,
        "n": int(table.sum()),
        "values": table.shape[0],
        "classes": table.shape[1],
        "classes_of_codes": [int(kind) for kind in meant],
        "chance": float(table.sum(0).max() / table.sum()),
    }
    return MeasureResult("code_accuracy", right / table.sum(), facts)


def _hungarian(table: np.ndarray) -> np.ndarray:
    optimize = require("scipy.optimize", "measures", "matching codes to classes")
    meant = np.full(len(table), -1)
    rows, columns = optimize.linear_sum_assignment(-table)
    meant[rows] = columns
    return meant


def mutual_information(codes: np.ndarray, labels: np.ndarray, **protocol: Any) -> MeasureResult:
    """Mutual information of codes and classes in nats, from their counts (plug-in estimate).

    It is biased up by about `(values - 1) (classes - 1) / (2 n)`, which the protocol holds as
    `"bias"`; `"entropy"` is that of the classes, the most there is to tell.

    Args:
        codes, labels: whole numbers `(n,)` each.
        **protocol: further facts.
    """
    table = contingency(codes, labels)
    joint = table / table.sum()
    apart = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    seen = joint > 0
    nats = float(np.sum(joint[seen] * np.log(joint[seen] / apart[seen])))
    kinds = joint.sum(0)[joint.sum(0) > 0]
    used = [int((table.sum(axis) > 0).sum()) for axis in (1, 0)]
    facts = {
        **protocol,
        "unit": "nats",
        "n": int(table.sum()),
        "entropy": float(-np.sum(kinds * np.log(kinds))),
        "bias": (used[0] - 1) * (used[1] - 1) / (2 * int(table.sum())),
    }
    return MeasureResult("mutual_information", max(nats, 0.0), facts)


def reconstruction(
    real: np.ndarray, copies: np.ndarray, seed: int = 0, **protocol: Any
) -> MeasureResult:
    """Distance of examples to their own reconstructions, by that to those of other examples.

    Args:
        real: examples `(n, ...)`.
        copies: their reconstructions, in the same order.
        seed: of the shuffle, in which no example keeps its own.
        **protocol: further facts.

    Returns:
        Mean L2 distance to the own reconstruction, divided by that to another's: 0 is perfect,
        1 says nothing of the example. The protocol holds both means and `"closer"`: the share of
        examples that are nearer to their own than to the other one.

    Raises:
        InputError: different shapes, fewer than two examples, numbers that are not finite.
    """
    real, copies = np.asarray(real, np.float64), np.asarray(copies, np.float64)
    if real.shape != copies.shape or len(real) < 2:
        raise InputError(
            f"examples {real.shape} and reconstructions {copies.shape}: expected one shape and at"
            " least two"
        )
    if not (np.isfinite(real).all() and np.isfinite(copies).all()):
        raise InputError("examples or reconstructions hold numbers that are not finite")
    real, copies = real.reshape(len(real), -1), copies.reshape(len(real), -1)
    order = np.random.default_rng(seed).permutation(len(real))
    other = np.empty_like(order)
    other[order] = np.roll(order, 1)  # one circle through all: nothing stays in its place
    own = np.linalg.norm(real - copies, axis=1)
    shuffled = np.linalg.norm(real - copies[other], axis=1)
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
