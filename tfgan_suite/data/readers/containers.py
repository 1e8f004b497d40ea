"""Containers of pictures and sound, as PyAV opens them, and their frames at a constant rate."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.utils import foreign_files
from tfgan_suite.utils.optional_packages import require


def check_regular(path: str | os.PathLike, expected: str) -> None:
    """Refuses a pipe, a device, a broken link, before anything waits for it.

    Args:
        path: the file.
        expected: what it should be, for the message.

    Raises:
        InputError: it is one, or there is nothing.
    """
    try:
        foreign_files.check_file(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); expected {expected}") from None


@contextlib.contextmanager
def opened(path: str | os.PathLike, purpose: str, expected: str) -> Iterator[Any]:
    """A container for reading.

    Args:
        path: the file.
        purpose: what PyAV is needed for, for the message if it is missing.
        expected: as for `check_regular`.

    Raises:
        InputError: PyAV is missing, there is no such file, or it is broken, here or while it is
            read.
    """
    av = require("av", "video", purpose)
    check_regular(path, expected)
    try:
        with av.open(os.fspath(path)) as container:
            yield container
    except (av.error.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"{path} cannot be decoded ({reason}); replace it, or convert it with ffmpeg -i"
        ) from None


def at_rate(frames: Iterable[Any], fps: float) -> Iterator[tuple[Any, int]]:
    """Decoded frames, and how many frames of a constant rate show each of them.

    Frame n of the constant rate is the picture that is shown n / fps after the first one: of a
    faster or slower file some are shown 0 times and others several.

    Args:
        frames: as PyAV decodes them, in order; one without a time comes a frame after
            the one before.
        fps: frames a second of the constant rate.
    """
    emitted, current, first, last = 0, None, None, None
    for frame in frames:
        if frame.time is not None:
            time = float(frame.time)
        else:
            time = 0.0 if last is None else last + 1.0 / fps
        first, last = time if first is None else first, time
        # Half a frame of tolerance: containers round their times.
        number = int((time - first) * fps + 0.5)
        if current is not None:
            yield current, max(0, number - emitted)
            emitted = max(emitted, number)
        current = frame
    if current is not None:
        yield current, 1


def pixels(frame: Any) -> np.ndarray:
    """A decoded frame, uint8 `(height, width, 3)`, RGB, turned as the file says."""
    array = frame.to_ndarray(format="rgb24")
    turns = round(getattr(frame, "rotation", 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(array, turns)) if turns else array
