"""Text of foreign origin for messages: file names, whose bytes may not be UTF-8, and exceptions."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys


def printable(text: str) -> str:
    """A text that UTF-8 can hold: bytes of file names that are not UTF-8 become `\\udcNN`."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def message_of(error: BaseException, limit: int = 200) -> str:
    """An exception's message on one line, at most `limit` characters; without one, its type."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def describe(error: BaseException, limit: int = 200) -> str:
    """An exception on one line: its type and its message of at most `limit` characters."""
    name = type(error).__name__
    return f"{name}: {message_of(error, limit)}" if str(error).strip() else name


def print_any_name() -> None:
    """Lets this process print every file name; without it a name that is no UTF-8 is an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def quote(text: str) -> str:
    """A word of a command that users may copy, quoted where the shell of this system needs it."""
    return subprocess.list2cmdline([text]) if os.name == "nt" else shlex.quote(text)
