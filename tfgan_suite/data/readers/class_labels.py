"""From stored labels to classes: only those that occur, in order, under their own names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfgan_suite.errors import InputError

MAX_CLASSES = 2**16


def to_classes(
    labels: np.ndarray,
    count: int,
    origin: str,
    classes: Sequence[object] | None = None,
    first: np.ndarray | None = None,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Class indices of labels, and the names of the classes.

    The classes are the labels that occur, in ascending order (numbers by value, text by letter);
    a class is called what the label is. Labels are whole numbers, also negative ones and floats
    without a fraction; text; or one-hot rows `(n, k)`.

    Args:
        labels: `(n,)`, `(n, 1)` or one-hot `(n, k)`.
        count: number of images, n.
        origin: where the labels come from, for messages.
        classes: names of the label numbers 0, 1, ..; `None`: the labels are the names.
        first: labels of the training split, whose classes come first, so that both splits number
            their classes alike; `None`: these are the only ones.

    Returns:
        int32 `(n,)`, and the names.

    Raises:
        InputError: labels that do not match the images, or are neither whole numbers nor text.
    """
    own = _flat(np.asarray(labels), count, origin, classes)
    known = own if first is None else _flat(np.asarray(first), None, origin, classes)
    if (own.dtype.kind == "U") != (known.dtype.kind == "U"):
        own, known = own.astype(str), known.astype(str)
    values = np.unique(known)
    if first is not None:
        values = np.concatenate([values, np.setdiff1d(own, values)])
    if len(values) > MAX_CLASSES:
        raise InputError(
            f"{origin} has {len(values)} different labels; expected at most {MAX_CLASSES} classes: "
            "leave the labels out if they are not classes"
        )
    order = np.argsort(values, kind="stable")
    index = order[np.searchsorted(values, own, sorter=order)]
    names = [str(classes[int(v)]) if classes is not None else str(v) for v in values]
    return index.astype(np.int32), tuple(names)


def _flat(labels, count, origin, classes) -> np.ndarray:
    """Labels as int64 or text, `(n,)`."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2 and labels.shape[1] > 1 and labels.dtype.kind in "biuf":
        hot = (labels == 1).sum(axis=1) == 1
        if not (hot & ((labels == 0).sum(axis=1) == labels.shape[1] - 1)).all():
            raise InputError(
                f"{origin} has labels of shape {labels.shape} that are not one-hot (a single 1 in "
                "each row); expected one class for each image: pass class numbers or names"
            )
        labels = labels.argmax(axis=1)
    if labels.ndim != 1 or (count is not None and len(labels) != count):
        images = "images" if count is None else f"{count} images"
        raise InputError(
            f"{origin} has {images} but labels of shape {labels.shape}; expected one class for "
            f"each image: reshape the labels to ({'n' if count is None else count},)"
        )
    if labels.dtype.kind in "SU" and classes is None:
        return np.char.decode(labels, "utf-8", "replace") if labels.dtype.kind == "S" else labels
    return _numbers(labels, origin, classes)


def _numbers(labels: np.ndarray, origin: str, classes: Sequence[object] | None) -> np.ndarray:
    """Whole numbers as int64; with `classes` they must be indices of it."""
    whole = labels.dtype.kind in "iub"
    if labels.dtype.kind == "f" and labels.size:
        whole = bool(np.isfinite(labels).all() and (labels == np.round(labels)).all())
    low, high = (labels.min(), labels.max()) if whole and labels.size else (0, 0)
    if not whole or not -(2**62) < int(low) <= int(high) < 2**62:
        raise InputError(
            f"{origin} has labels of type {labels.dtype} that are not whole numbers (such as "
            f"{labels.reshape(-1)[0] if labels.size else 'none'}); expected whole class numbers "
            "or names: leave the labels out if they are not classes"
        )
    if classes is not None and not 0 <= int(low) <= int(high) < len(classes):
        raise InputError(
            f"{origin} has labels from {low} to {high}, but names for {len(classes)} classes; "
            f"expected class numbers from 0 to {len(classes) - 1}: add the missing names"
        )
    return labels.astype(np.int64)
