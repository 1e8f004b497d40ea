"""Examples made of files, some of which may turn out to be broken only when they are read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from tfgan_suite.errors import InputError


class Unreadable(Exception):
    """A file that cannot be read; the message gives the reason in a few words."""


class BrokenFileSkipper:
    """Reads examples by index and remembers which of them are broken.

    Args:
        count: number of examples.
        read: returns the example with an index, or raises `Unreadable`; takes the options of
            `BrokenFileSkipper.read`.
        name: returns the name of an example, for `skipped`.
        skipped: list of `(name, reason)` to which every broken example is added once.
        same_file: returns the indices of all examples made of the same file; default that
            example only.
        none_left: message of the error when nothing can be read any more.
    """

    def __init__(
        self,
        count: int,
        read: Callable[..., Any],
        name: Callable[[int], str],
        skipped: list[tuple[str, str]],
        *,
        same_file: Callable[[int], Iterable[int]] = lambda index: (index,),
        none_left: str = "none of the files can be read any more; expected the files that were "
        "there when the data was opened: check their folder",
    ) -> None:
        self.count, self.skipped = count, skipped
        self._read, self._name = read, name
        self._same_file, self._none_left = same_file, none_left
        self._broken: set[int] = set()
        self._lock = threading.Lock()

    def read(self, index: int, **options: Any) -> Any:
        """One example, or `None` (and an entry in `skipped`) if it is broken."""
        if index in self._broken:
            return None
        try:
            return self._read(index, **options)
        except Unreadable as error:
            with self._lock:
                if index not in self._broken:
                    self._broken.update(self._same_file(index))
                    self.skipped.append((self._name(index), str(error)))
            return None

    def read_next(self, first: int, **options: Any) -> tuple[int, Any]:
        """The first readable example at or after an index, wrapping around, and its index.

        Raises:
            InputError: no example can be read.
        """
        for offset in range(self.count):
            index = (first + offset) % self.count
            example = self.read(index, **options)
            if example is not None:
                return index, example
        raise InputError(self._none_left)
