"""Text that came from foreign file names: Linux allows bytes in them that are not UTF-8."""

from __future__ import annotations

import sys


def printable(text: str) -> str:
    """A text that UTF-8 can hold: bytes of file names that are not UTF-8 become `\\udcNN`."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def print_any_name() -> None:
    """Lets this process print every file name; without it a name that is no UTF-8 is an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
