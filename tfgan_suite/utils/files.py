"""Atomic writes, and clear errors where writing fails."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from tfgan_suite.errors import InputError


def append_json(path: str | os.PathLike, entry: Mapping[str, object]) -> None:
    """Appends a JSON line and waits until it is on disk."""
    with open(path, "ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # a kill cut the line before
                file.write(b"\n")
        file.write(json_line(entry))
        file.flush()
        os.fsync(file.fileno())


def json_line(entry: Mapping[str, object]) -> bytes:
    """An entry as a line of JSON."""
    return f"{json.dumps(entry)}\n".encode()


def write_bytes(path: str | os.PathLike, content: bytes) -> None:
    """Writes a file atomically: readers see the old content or the new, never a part."""
    path = Path(path)
    part = path.with_name(path.name + ".part")
    with open(part, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


@contextlib.contextmanager
def writing_to(folder: str | os.PathLike) -> Iterator[None]:
    """Turns a failed write into an InputError with a one-line reason.

    Args:
        folder: where the block writes.

    Raises:
        InputError: the folder cannot be created or written, or its disk is full.
    """
    try:
        yield
    except OSError as error:
        free = ""
        with contextlib.suppress(OSError):
            path = Path(folder).resolve()
            path = next(p for p in (path, *path.parents) if p.exists())
            free = f", {shutil.disk_usage(path).free // 2**20} MiB free"
        raise InputError(
            f"cannot write to {folder} ({error.strerror or error}{free}); free some space, check"
            " the permissions or choose another folder; what was saved before is kept"
        ) from error
