"""How a command starts and ends: its flags, and its result or one line that says why it stopped."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from tfgan_suite.errors import InputError, did_you_mean, must_be
from tfgan_suite.utils.files import write_reason

INTERRUPTED = "interrupted; files that were written before are complete"
_EXPECTED = {"int": "a whole number", "float": "a number"}


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, with the flag or the word that was probably meant.

    Flags cannot be abbreviated: an abbreviation becomes a typo as soon as another flag is added.

    Args:
        plain: whether the description is printed as it is written, such as a module's docstring.
        **options: as for `argparse.ArgumentParser`.
    """

    def __init__(self, *, plain: bool = False, **options: Any) -> None:
        options.setdefault("allow_abbrev", False)
        if plain:
            options["formatter_class"] = argparse.RawDescriptionHelpFormatter
        super().__init__(**options)

    def error(self, message: str) -> NoReturn:
        """Prints the message and how to do it right, and exits with code 2."""
        kind = re.search(r"invalid (int|float) value", message)
        if kind:
            message += f"; expected {_EXPECTED[kind[1]]}"
        _, unknown, words = message.partition("unrecognized arguments: ")
        if unknown:
            message += self._suggestion(words.split())
        elif "arguments are required: -" in message:  # it may be there, mistyped
            message += self._suggestion(self._words)
        self.exit(2, f"{self.prog}: {' '.join(message.split())} (--help lists the flags)\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse; remembers the words for `error`."""
        self._words = list(sys.argv[1:] if args is None else args)
        return super().parse_known_args(args, namespace)

    def _suggestion(self, words: Sequence[str]) -> str:
        flags = [flag for action in self._actions for flag in action.option_strings]
        for word in words:
            name = word.split("=")[0].strip("-\u2013\u2014")
            # A word without dashes may be a value, unless a flag has exactly this name.
            is_flag = word[:1] in ("-", "\u2013", "\u2014") or f"--{name}" in flags
            if is_flag and word.split("=")[0] not in flags:
                return did_you_mean(f"--{name}", flags)
        return ""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuses a value that is none of the choices, in the same words on every Python."""
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            raise argparse.ArgumentError(
                action,
                f"invalid choice: {value!r}; {must_be(value, choices)}",
            )


def exit_code(name: str, command: Callable[[], int | None], interrupted: str = INTERRUPTED) -> int:
    """Runs a command and prints its error as one line.

    Args:
        name: of the program, which starts the line.
        command: returns its exit code, or None for 0.
        interrupted: what Ctrl-C means, unless the exception says it.

    Returns:
        The command's code; 2 for bad input or output that cannot be printed; 130 after Ctrl-C.
    """
    try:
        code = command() or 0
        sys.stdout.flush()
        return code
    except InputError as error:
        reason, code = str(error), 2
    except KeyboardInterrupt as error:
        reason, code = str(error) or interrupted, 130
    except BrokenPipeError:
        _discard_output()
        return 0
    except OSError as error:
        # Files are written with errors of their own, so it comes from printing.
        if not write_reason(str(error)):
            raise
        _discard_output()
        reason, code = f"cannot print ({error.strerror}); send the output elsewhere", 2
    print(f"{name}: {' '.join(reason.split())}", file=sys.stderr)
    return code


def _discard_output() -> None:
    """Discards what is left to print; Python would try again at exit, and print its own error."""
    with contextlib.suppress(OSError, ValueError):  # a stream that is not a file
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
