"""Words that users choose from, known without TensorFlow, and what a mistyped one may mean."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

# Of a run: the names that flags take, and Keras's names of the policies.
PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
STRATEGIES = ("one", "mirrored", "multiworker", "tpu")


def did_you_mean(word: object, choices: Iterable[object]) -> str:
    """The end of a message about a word that is none of the choices.

    Args:
        word: what was typed.
        choices: the words that are possible.

    Returns:
        `"; did you mean hinge?"`, or an empty text where no choice is near. Upper and lower case,
        `-` and `_` count as the same;
        dashes of flags do not count.
    """
    by_form = {_form(choice): str(choice) for choice in choices}
    near = difflib.get_close_matches(_form(word), by_form, 1)
    return f"; did you mean {by_form[near[0]]}?" if near else ""


def must_be(word: object, choices: Iterable[object]) -> str:
    """`"it must be one of a, b; did you mean b?"`, of a word that is none of the choices."""
    words = [str(choice) for choice in choices]
    return f"it must be one of {', '.join(words)}{did_you_mean(word, words)}"


def _form(word: object) -> str:
    return str(word).lower().replace("_", "-").strip("-")
