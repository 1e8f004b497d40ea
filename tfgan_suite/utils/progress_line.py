"""One line that says how far a long task is: renewed on a terminal, now and then in a log."""

from __future__ import annotations

import sys
import time
from typing import TextIO

# Seconds between two updates on a terminal and two lines of a log, and before the first of them:
# what is done by then needs no line.
TERMINAL, LOG, FIRST = 0.2, 30.0, 1.0


class ProgressLine:
    """Counts the items of a task.

    Args:
        title: what is done, such as `"decoding"`.
        total: number of items.
        stream: where it is written; default standard output.
    """

    def __init__(self, title: str, total: int, stream: TextIO | None = None):
        self.title, self.total = title, total
        self.stream = sys.stdout if stream is None else stream
        self._terminal = self.stream.isatty()
        self._start = time.monotonic()
        self._next = self._start + (FIRST if self._terminal else LOG)
        self._width = 0

    def update(self, done: int) -> None:
        """Says how many items are done, if it is time to."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + (TERMINAL if self._terminal else LOG)
        remaining = (now - self._start) / max(done, 1) * (self.total - done)
        text = f"{self.title}: {done} of {self.total} ({100 * done // max(self.total, 1)}%)"
        self._write(f"{text}, {remaining:.0f} s left")

    def close(self) -> None:
        """Ends the line on a terminal, if there is one."""
        if self._width:
            seconds = time.monotonic() - self._start
            self._write(f"{self.title}: {self.total} in {seconds:.0f} s")
            self._put("\n")
            self._width = 0

    def _write(self, text: str) -> None:
        if not self._terminal:
            self._put(f"{text}\n")
            return
        self._put(f"\r{text.ljust(self._width)}")
        self._width = max(self._width, len(text))

    def _put(self, text: str) -> None:
        try:
            self.stream.write(text)
            self.stream.flush()
        except OSError:  # nobody reads it any more; the task itself goes on
            self._next = float("inf")
