"""Files that are written whole or not at all, and errors of writing in words."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from tfgan_suite.errors import InputError


def append_json(path: str | os.PathLike, entry: Mapping[str, object]) -> None:
    """Appends one JSON line and waits until it is on the disk."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
        file.flush()
        os.fsync(file.fileno())


def write_bytes(path: str | os.PathLike, content: bytes) -> None:
    """Writes a file whole or not at all."""
    path = Path(path)
    part = path.with_name(path.name + ".part")
    with open(part, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


@contextlib.contextmanager
def writing_to(folder: str | os.PathLike) -> Iterator[None]:
    """Turns a failure to write into a one-line reason.

    Raises:
        InputError: the folder cannot be made or written, or its disk is full.
    """
    try:
        yield
    except OSError as error:
        free = ""
        with contextlib.suppress(OSError):
            place = Path(folder).resolve()
            place = next(p for p in (place, *place.parents) if p.exists())
            free = f", {shutil.disk_usage(place).free // 2**20} MiB free"
        raise InputError(
            f"cannot write to {folder} ({error.strerror or error}{free}); free some space, mend"
            " the permissions or give another folder; what was saved before is kept"
        ) from error
