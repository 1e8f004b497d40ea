"""The error for bad input: the input is wrong, not the program; and words of its message."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Bad input from the user: a path, a file, a size, an option, a folder that is in use.

    The message is one line and states what was found, what was expected and what to do. Recipes
    and `python -m tfgan_suite` print it and exit with code 2.
    """


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
