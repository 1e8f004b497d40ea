"""One bound on the memory of all threads that work on large things at the same time."""

from __future__ import annotations

import collections
import contextlib
import threading
from collections.abc import Iterator


class OverBudget(Exception):
    """More memory is needed than the whole budget.

    Attributes:
        needed: bytes that were requested.
        limit: bytes of the budget.
    """

    def __init__(self, needed: int, limit: int) -> None:
        super().__init__(f"it takes {format_bytes(needed)}, the limit is {format_bytes(limit)}")
        self.needed, self.limit = needed, limit


class MemoryBudget:
    """Bytes that threads reserve before they allocate, and wait for if others have them.

    Threads are served in the order in which they ask, so that a large request is not passed by
    small ones for ever. A thread that already has a reservation gets another without waiting: two
    threads that each wait for the other's memory cannot exist.

    Args:
        limit: bytes of all reservations together.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._used = 0
        self._waiting: collections.deque[object] = collections.deque()
        self._changed = threading.Condition()
        self._own = threading.local()

    @property
    def used(self) -> int:
        """Bytes that are reserved now."""
        return self._used

    @property
    def waiting(self) -> int:
        """Number of threads that wait for memory."""
        return len(self._waiting)

    @contextlib.contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Reserves bytes for the time of a `with` block; waits until they are free.

        Raises:
            OverBudget: the thread would have more than the whole budget, which no waiting helps.
        """
        own = getattr(self._own, "size", 0)
        if own + size > self.limit:
            raise OverBudget(own + size, self.limit)
        self._acquire(size, wait=own == 0)
        self._own.size = own + size
        try:
            yield
        finally:
            self._own.size = own
            with self._changed:
                self._used -= size
                self._changed.notify_all()

    def _acquire(self, size: int, wait: bool) -> None:
        ticket = object()
        with self._changed:
            if wait:
                self._waiting.append(ticket)
                try:
                    self._changed.wait_for(lambda: self._is_turn_of(ticket, size))
                finally:  # also when the wait is interrupted: others must not wait behind it
                    self._waiting.remove(ticket)
                    self._changed.notify_all()
            self._used += size

    def _is_turn_of(self, ticket: object, size: int) -> bool:
        # With nothing in use anything may start: the limit may have been lowered meanwhile.
        fits = self._used + size <= self.limit or not self._used
        return self._waiting[0] is ticket and fits


def available_bytes() -> int | None:
    """Memory that the system can give without swapping; `None` where it does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            kibibytes = next(line.split()[1] for line in file if line.startswith("MemAvailable:"))
        return int(kibibytes) * 1024
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def format_bytes(size: float) -> str:
    """A number of bytes in MiB or GiB, such as `"1.3 GiB"`."""
    return f"{size / 2**30:.2f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"
