"""What a user should know of how the data are read, each sentence once in a process."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

# Without a handler of the user's own, Python prints warnings on standard error.
LOGGER = logging.getLogger("tfgan_suite")
_SAID: set[str] = set()
_RECORDS: list[list[str]] = []


@contextlib.contextmanager
def recording() -> Iterator[list[str]]:
    """Within it the lines are also collected, those that were logged before as well."""
    lines: list[str] = []
    _RECORDS.append(lines)
    try:
        yield lines
    finally:
        _RECORDS.remove(lines)


def say_once(text: str) -> None:
    """Logs a line as a warning of the logger `tfgan_suite`, unless it has been logged before."""
    for lines in _RECORDS if text else ():
        lines.append(text)
    if text and text not in _SAID:
        _SAID.add(text)
        LOGGER.warning("%s", text)
