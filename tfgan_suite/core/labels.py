"""Class labels: how many the data have, and which ones a user means."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfgan_suite.errors import InputError

_LISTED = 20  # classes that are listed one by one


def class_count(data: Any) -> int:
    """Number of classes of a recipe's data.

    Args:
        data: description of the data with `name` and `classes`.

    Raises:
        InputError: the data have no classes, or a single one.
    """
    counts = getattr(data, "class_counts", None) or [1] * len(data.classes or ())
    if sum(count > 0 for count in counts) < 2:
        classes = "a single class" if data.classes else "no classes"
        raise InputError(
            f"{data.name} has {classes}, but this game is class-conditional; use data with two or"
            " more (a folder per class, or labels beside the images), such as shapes"
        )
    return len(data.classes)


def parse_labels(
    text: str,
    classes: int,
    names: Sequence[str] | None = None,
    counts: Sequence[int] | None = None,
) -> list[int]:
    """Class indices from a user's text.

    Args:
        text: a class name or index, or several, separated by commas; a word that could be both is
            a name. Where all names are numbers, only names count.
        classes: number of classes.
        names: their names, where they have any.
        counts: how many training examples each class had, where that is known.

    Returns:
        Indices, at least one.

    Raises:
        InputError: an unknown class, or one without examples; the message suggests others.
    """
    indices_by_name = {str(name).strip(): index for index, name in enumerate(names or ())}
    numbered = bool(indices_by_name) and all(_is_integer(name) for name in indices_by_name)
    words = (
        [text] if text.strip() in indices_by_name else text.split(",")
    )  # a name may have a comma
    indices = []
    for word in map(str.strip, words):
        index = indices_by_name.get(word)
        if index is None and not numbered and word.isdecimal() and int(word[:9]) < classes:
            index = int(word[:9])
        if index is None:
            raise InputError(
                f"there is no class {word!r}; {_suggestion(word, indices_by_name, classes)}"
            )
        if counts and not counts[index]:
            with_images = [n for n, i in indices_by_name.items() if counts[i]]
            hint = _suggestion(word, {n: indices_by_name[n] for n in with_images}, classes)
            raise InputError(f"the class {word!r} had no images to learn from; {hint}")
        indices.append(index)
    return indices


def _suggestion(word: str, indices_by_name: Mapping[str, int], classes: int) -> str:
    """The nearest names, and the classes; of many the first ones."""
    near = difflib.get_close_matches(word, indices_by_name, 3)
    listed = [f"{index} {name}" for name, index in list(indices_by_name.items())[:_LISTED]]
    if all(_is_integer(name) for name in indices_by_name):
        listed = list(indices_by_name)[:_LISTED]
    more = f" and {len(indices_by_name) - _LISTED} more" if len(indices_by_name) > _LISTED else ""
    hint = f"did you mean {' or '.join(map(repr, near))}? The" if near else "the"
    return f"{hint} classes are {', '.join(listed) or f'0 to {classes - 1}'}{more}"


def _is_integer(name: str) -> bool:
    return name.removeprefix("-").isdecimal()


def format_counts(classes: Sequence[str], counts: Sequence[int]) -> str:
    """How many examples each class has, in a few lines; many classes are summarised.

    Args:
        classes: their names.
        counts: examples of each.
    """
    rows = sorted(zip(counts, classes), key=lambda row: -row[0])
    if len(rows) <= _LISTED:
        rows = list(zip(counts, classes))
        return f"{len(rows)} class{'es' if len(rows) != 1 else ''}: " + ", ".join(
            f"{n[:30]} ({c})" for c, n in rows
        )
    ends = [", ".join(f"{n[:30]} ({c})" for c, n in part) for part in (rows[:3], rows[-3:])]
    return (
        f"{len(rows)} classes of {rows[-1][0]} to {rows[0][0]} examples; largest {ends[0]}; "
        f"smallest {ends[1]}"
    )


def class_labels(counts: Sequence[int], samples: int, seed: int) -> np.ndarray:
    """Labels in the shares of the data, in a random order.

    Args:
        counts: examples of each class.
        samples: number of labels; each class gets its share rounded down or up.
        seed: of the order.

    Returns:
        int32 `(samples,)`.
    """
    total = sum(counts)
    exact = [divmod(count * samples, total) for count in counts]
    quotas = np.array([whole for whole, _ in exact])
    # The largest remainders get what rounding down left over.
    largest = sorted(range(len(counts)), key=lambda c: -exact[c][1])
    quotas[largest[: samples - int(quotas.sum())]] += 1
    labels = np.repeat(np.arange(len(counts), dtype=np.int32), quotas)
    return np.random.default_rng(seed).permutation(labels)


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
