"""Examples that are made of files, of which some may turn out to be broken when they are used."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from tfgan_suite.data.readers import image_files
from tfgan_suite.errors import InputError


class Whole:
    """Reads examples by their numbers, and remembers which ones turned out to be broken.

    Args:
        count: number of examples.
        read: gives the example of a number, or raises `images.Unreadable`.
        name: gives the name of an example, for `skipped`.
        skipped: list of `(name, reason)` that gets every broken example once.
        alike: gives the numbers of all examples that break with one; default itself alone.
        gone: what is said when nothing can be read any more.
    """

    def __init__(
        self,
        count: int,
        read: Callable[[int], Any],
        name: Callable[[int], str],
        skipped: list[tuple[str, str]],
        *,
        alike: Callable[[int], Iterable[int]] = lambda index: (index,),
        gone: str = "none of the files can be read any more: check their folder",
    ) -> None:
        self.count, self.skipped = count, skipped
        self._read, self._name, self._alike, self._gone = read, name, alike, gone
        self._broken: set[int] = set()
        self._lock = threading.Lock()

    def read(self, index: int) -> Any:
        """One example, or `None` (and a note in `skipped`) if it is broken."""
        if index in self._broken:
            return None
        try:
            return self._read(index)
        except image_files.Unreadable as error:
            with self._lock:
                if index not in self._broken:
                    self._broken.update(self._alike(index))
                    self.skipped.append((self._name(index), str(error)))
            return None

    def read_from(self, first: int) -> tuple[int, Any]:
        """The first whole example from a number on, round the end, and its number.

        Raises:
            InputError: there is none.
        """
        for further in range(self.count):
            index = (first + further) % self.count
            example = self.read(index)
            if example is not None:
                return index, example
        raise InputError(self._gone)
