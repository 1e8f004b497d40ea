"""A recipe's constants as command line flags: no YAML, no registry, a typo is an error."""

from __future__ import annotations

import argparse
import ast
import difflib
import io
import os
import tokenize
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.training import strategies

# Flags that every recipe takes, with what they mean where the recipe's comment does not say.
COMMON = {
    "DATA": "embedded set (shapes, ring, grid), folder of images, .npz, IDX folder or tfds:NAME",
    "RUN": "run folder; the same command on the same folder goes on (default runs/GAME_DATA)",
    "STEPS": "training steps in all",
    "BATCH": "examples in one batch, over all devices",
    "SIZE": "height and width of the images; 0: as the data has them",
    "SEED": "seed of weights, data order and noise",
    "STRATEGY": "one, mirrored, multiworker or tpu",
    "PRECISION": "float32, bfloat16 or float16",
    "EXPORT": "folder for SavedModel and TFLite, or none",
}


def constants(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The upper-case constants of a recipe module, in the order in which it states them."""
    kinds = (bool, int, float, str)
    found = {k: v for k, v in recipe.items() if k.isupper() and isinstance(v, kinds)}
    missing = [name for name in COMMON if name not in found]
    if missing:
        raise InputError(f"the recipe has no constant {', '.join(missing)}; every recipe needs it")
    return found


def comments(file: str | os.PathLike) -> dict[str, str]:
    """What the recipe says of each constant: the comment at the end of its line."""
    source = Path(file).read_text(encoding="utf-8")
    by_line = {
        token.start[0]: token.string.lstrip("# ").strip()
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = by_line.get(node.end_lineno, "")
    return found


class _Parser(argparse.ArgumentParser):
    """Says what a mistyped flag may have meant."""

    def error(self, message: str) -> None:
        known = [option for action in self._actions for option in action.option_strings]
        for word in message.split():
            near = difflib.get_close_matches(word.split("=")[0], known, 1)
            if word.startswith("--") and word.split("=")[0] not in known and near:
                message += f"; did you mean {near[0]}?"
        self.exit(2, f"{self.prog}: {message} (--help lists the flags)\n")


def parse(
    recipe: Mapping[str, Any], arguments: Sequence[str] | None = None
) -> types.SimpleNamespace:
    """Reads the command line of a recipe.

    Args:
        recipe: the recipe's globals.
        arguments: the words of the command line; default `sys.argv[1:]`.

    Returns:
        Every constant under its name in lower case, with the flag's value where one is given.
        Unknown flags and values of the wrong type end the program with exit code 2.

    Raises:
        InputError: a value that is impossible whatever the data.
    """
    defaults, said = constants(recipe), comments(recipe["__file__"])
    parser = _Parser(
        prog=Path(recipe["__file__"]).name,
        description=recipe.get("__doc__"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for name, default in defaults.items():
        text = said.get(name) or COMMON.get(name, "")
        parser.add_argument(
            f"--{name.lower().replace('_', '-')}",
            type=_boolean if isinstance(default, bool) else type(default),
            default=default,
            # A flag without a value says yes.
            **({"nargs": "?", "const": True} if isinstance(default, bool) else {}),
            metavar=type(default).__name__.upper(),
            help=f"{text} [{default}]".replace("%", "%%"),
        )
    options = types.SimpleNamespace(**vars(parser.parse_args(arguments)))
    check(options, defaults)
    return options


def adapt(options: types.SimpleNamespace, recipe: Mapping[str, Any], data: Any) -> None:
    """Gives constants that were left at their stand-in the values for the data at hand.

    Args:
        options: the constants, changed in place.
        recipe: the recipe's globals. Its `defaults(data)`, where it has one, returns values by
            name in lower case; they replace what still has the recipe's own value, a 0, "" or -1.
        data: what the recipe's `make_game` gets: has `shape`.
    """
    if "defaults" in recipe:
        for name, value in recipe["defaults"](data).items():
            if getattr(options, name) == recipe[name.upper()]:
                setattr(options, name, value)


def check(options: types.SimpleNamespace, defaults: Mapping[str, Any]) -> None:
    """Refuses values that are impossible whatever the data.

    Args:
        options: the constants.
        defaults: the recipe's own values; one of 0 is a stand-in (see `adapt`).

    Raises:
        InputError: which value, and what would be right.
    """
    for name in ("steps", "batch"):
        if getattr(options, name) < min(1, defaults[name.upper()]):
            raise InputError(f"--{name} is {getattr(options, name)}; it must be at least 1")
    if options.size < 0:
        raise InputError(f"--size is {options.size}; it must be at least 4, or 0 for the data's")
    if not 0 <= options.seed < 2**31:
        raise InputError(f"--seed is {options.seed}; it must be from 0 to 2147483647")
    if options.precision not in compat.PRECISIONS:
        choices = ", ".join(compat.PRECISIONS)
        raise InputError(f"--precision is {options.precision!r}; it must be one of {choices}")
    if options.strategy.partition(":")[0] not in strategies.NAMES:
        choices = ", ".join(strategies.NAMES)
        raise InputError(f"--strategy is {options.strategy!r}; it must be one of {choices}")
    for name in ("log_every", "checkpoint_every"):
        if getattr(options, name, 1) < 1:
            raise InputError(f"--{name} is {getattr(options, name)}; it must be at least 1")


def _boolean(text: str) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in words:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return words[text.lower()]
