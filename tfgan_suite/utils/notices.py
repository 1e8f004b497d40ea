"""What a user should know of how the data are read, each sentence once in a process."""

from __future__ import annotations

import logging

# Without a handler of the user's own, Python prints warnings on standard error.
LOGGER = logging.getLogger("tfgan_suite")
_SAID: set[str] = set()


def say_once(text: str) -> None:
    """Logs a line as a warning of the logger `tfgan_suite`, unless it has been logged before."""
    if text and text not in _SAID:
        _SAID.add(text)
        LOGGER.warning("%s", text)
