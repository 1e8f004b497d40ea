"""Errors of the machine that nobody nearer to their cause has put into words, as one line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tfgan_suite.errors import InputError
from tfgan_suite.utils.text import message_of, printable


def is_out_of_memory(error: BaseException) -> bool:
    """Whether Python, NumPy or TensorFlow could not allocate; imports none of them."""
    return isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"


@contextlib.contextmanager
def plain_errors(memory_advice: str) -> Iterator[None]:
    """Turns a lack of memory, and a path that the system refuses, into one line.

    A path may be too long, lead through a file, or lie on a disk that fails.

    Args:
        memory_advice: what to do where the memory is used up.

    Raises:
        InputError: instead of such an error of the block.
    """
    try:
        yield
    except Exception as error:
        if is_out_of_memory(error):
            text = f"there is not enough memory ({message_of(error, 120)}); {memory_advice}"
        elif isinstance(error, OSError) and error.filename is not None:
            name = printable(str(error.filename))
            name = name if len(name) <= 200 else f"{name[:197]}..."
            text = f"{name} cannot be used ({error.strerror}); pass another path, or correct it"
        else:
            raise
        raise InputError(text) from error
