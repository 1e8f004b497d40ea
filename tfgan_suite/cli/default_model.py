"""The model of the zoo that a command uses where none is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tfgan_suite.utils import export_names, zoo
from tfgan_suite.utils.command_line import Parser

# Words that these commands take, the model first.
_POSITIONALS = {"sample": 1, "translate": 3, "upscale": 3}


def complete(parser: Parser, command: str, words: Sequence[str]) -> list[str]:
    """Puts the model before the words of a command that lack it, where one serves by default.

    Args:
        parser: the command's; it prints the error and exits where several models serve, or none.
        command: the command.
        words: its words and flags, as typed.
    """
    words = list(words)
    if command not in _POSITIONALS or {"-h", "--help"} & set(words):
        return words
    paths = positionals(parser, words)
    if len(paths) != _POSITIONALS[command] - 1 or any(_is_model(path) for path in paths[:1]):
        return words
    model = zoo.default(command)
    if model is None:
        models = zoo.names(command)
        shipped = f", such as {', '.join(models)}" if models else ""
        expected = f"a run, an export or a model's name{shipped}"
        parser.error(
            f"the following arguments are required: output, or source before {paths[0]}: {expected}"
            if paths
            else f"the following arguments are required: source; expected {expected}"
        )
    return [model, *words]


def positionals(parser: Parser, words: Sequence[str]) -> list[str]:
    """The words that belong to no flag."""
    actions = {flag: action for action in parser._actions for flag in action.option_strings}
    paths: list[str] = []
    values = 0
    for index, word in enumerate(words):
        if word == "--":
            return [*paths, *words[index + 1 :]]
        if word.startswith("-") and len(word) > 1:
            flag, equals, _ = word.partition("=")
            action = actions.get(flag)
            values = 1 if action is not None and action.nargs is None and not equals else 0
        elif values:
            values -= 1
        else:
            paths.append(word)
    return paths


def _is_model(word: str) -> bool:
    """Whether a word is a run or an export, so that another one is missing."""
    if export_names.shipped(word) is not None or word.endswith(".tflite"):
        return True
    path = Path(word)
    files = ("run.json", "saved_model.pb", "model.config")
    return any((path / name).is_file() for name in files)
