"""Reads many files at once, and says how far it is where somebody may wait."""

from __future__ import annotations

import contextlib
import contextvars
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tfgan_suite.utils.progress_line import ProgressLine

Item, Result = TypeVar("Item"), TypeVar("Result")
_reports: contextvars.ContextVar[bool] = contextvars.ContextVar("reports", default=False)


def decoder_threads() -> int:
    """Number of threads that decode files."""
    return min(8, os.cpu_count() or 1)


@contextlib.contextmanager
def reporting() -> Iterator[None]:
    """Within it `read_in_parallel` says how far it is."""
    token = _reports.set(True)
    try:
        yield
    finally:
        _reports.reset(token)


def read_in_parallel(
    read: Callable[[Item], Result], items: Sequence[Item], title: str
) -> Iterator[Result]:
    """Results in the order of the items, from several threads.

    Args:
        read: reads an item.
        items: such as files.
        title: what is done, for the progress line: `"decoding"`.
    """
    line = ProgressLine(title, len(items)) if _reports.get() else None
    with ThreadPoolExecutor(decoder_threads()) as pool:
        for number, result in enumerate(pool.map(read, items), 1):
            yield result
            if line is not None:
                line.update(number)
    if line is not None:
        line.close()
