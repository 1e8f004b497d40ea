"""Class labels: how many the data have, and which ones a user means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfgan_suite.errors import InputError


def class_count(data: Any) -> int:
    """Number of classes of a recipe's data.

    Args:
        data: description of the data with `name` and `classes`.

    Raises:
        InputError: the data have no classes, or a single one.
    """
    if not data.classes or len(data.classes) < 2:
        classes = "a single class" if data.classes else "no classes"
        raise InputError(
            f"{data.name} has {classes}, but this game is class-conditional; use data with two or"
            " more (a folder per class, or labels beside the images), such as shapes"
        )
    return len(data.classes)


def parse_labels(text: str, classes: int, names: Sequence[str] | None = None) -> list[int]:
    """Class indices from a user's text.

    Args:
        text: a class name or index, or several, separated by commas; a word that could be both is
            a name.
        classes: number of classes.
        names: their names, where they have any.

    Returns:
        Indices, at least one.

    Raises:
        InputError: an unknown class; the message lists all classes.
    """
    indices_by_name = {str(name).strip(): index for index, name in enumerate(names or ())}
    if text.strip() in indices_by_name:  # a name may contain a comma
        return [indices_by_name[text.strip()]]
    indices = []
    for word in text.split(","):
        word = word.strip()
        if word in indices_by_name:
            indices.append(indices_by_name[word])
        elif word.isdecimal() and int(word) < classes:
            indices.append(int(word))
        else:
            listed = ", ".join(f"{i} {name}" for name, i in indices_by_name.items())
            raise InputError(
                f"there is no class {word!r}; the classes are {listed or f'0 to {classes - 1}'}"
            )
    return indices


def check_labels(labels: Any, classes: int, count: int) -> np.ndarray:
    """Labels as an int32 array `(count,)`, from one for all examples or one each.

    Raises:
        InputError: a label outside 0 to classes - 1, or not an integer.
    """
    array = np.asarray(labels)
    if not np.issubdtype(array.dtype, np.integer) or array.ndim > 1 or not array.size:
        raise InputError(
            f"label {labels!r} is not a class index or a list of them (0 to {classes - 1})"
        )
    if array.min() < 0 or array.max() >= classes:
        raise InputError(f"label {labels!r} is outside the classes 0 to {classes - 1}")
    return np.broadcast_to(array, (count,)).astype("int32") if array.ndim == 0 else array
