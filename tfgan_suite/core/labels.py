"""Class labels in words and in arrays: how many there are, and which a user means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfgan_suite.errors import InputError


def class_count(data: Any) -> int:
    """How many classes a recipe's data have.

    Args:
        data: description of the data with `name` and `classes`.

    Raises:
        InputError: none, or a single one.
    """
    if not data.classes or len(data.classes) < 2:
        found = "one class only" if data.classes else "no classes"
        raise InputError(
            f"{data.name} has {found}, but this game draws by class; give data with two or more"
            " (one folder a class, or labels beside the images), such as shapes"
        )
    return len(data.classes)


def parse_labels(text: str, classes: int, names: Sequence[str] | None = None) -> list[int]:
    """Class indices from what a user typed.

    Args:
        text: a class name or index, or several with commas between; names come first where a
            word is both.
        classes: number of classes.
        names: their names, where they have some.

    Returns:
        Indices, at least one.

    Raises:
        InputError: an unknown class; the message lists all.
    """
    known = {str(name).strip(): index for index, name in enumerate(names or ())}
    if text.strip() in known:  # a name may hold a comma
        return [known[text.strip()]]
    found = []
    for word in text.split(","):
        word = word.strip()
        if word in known:
            found.append(known[word])
        elif word.isdecimal() and int(word) < classes:
            found.append(int(word))
        else:
            listed = ", ".join(f"{i} {name}" for name, i in known.items())
            raise InputError(
                f"there is no class {word!r}; the classes are {listed or f'0 to {classes - 1}'}"
            )
    return found


def check_labels(given: Any, classes: int, count: int) -> np.ndarray:
    """Labels as `(n,)` int32, from one for all or one for each example.

    Raises:
        InputError: a label outside 0 to classes - 1, or no whole number.
    """
    array = np.asarray(given)
    if not np.issubdtype(array.dtype, np.integer) or array.ndim > 1 or not array.size:
        raise InputError(
            f"label {given!r} is not a class index or a list of them (0 to {classes - 1})"
        )
    if array.min() < 0 or array.max() >= classes:
        raise InputError(f"label {given!r} is outside the classes 0 to {classes - 1}")
    return np.broadcast_to(array, (count,)).astype("int32") if array.ndim == 0 else array
