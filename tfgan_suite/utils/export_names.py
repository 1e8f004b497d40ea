"""Names that an export may have; known without TensorFlow, because flags are checked first."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tfgan_suite.errors import InputError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,127}")
# Names of devices on Windows, also with an ending; it drops a dot at the end of a name.
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?|.*\.", re.IGNORECASE)


def check_name(name: str) -> None:
    """Raises InputError unless `name` can be a folder and a model name of TensorFlow Serving."""
    if not _NAME.fullmatch(name):
        raise InputError(
            f"export name {name!r} cannot be used; expected a letter, then letters, digits, "
            "'.', '_' or '-', at most 128 in all: pass another name"
        )
    if _RESERVED.fullmatch(name):
        raise InputError(
            f"export name {name!r} cannot be used; expected a name that Windows can store, no name"
            " of a device such as NUL and no dot at the end: pass another name"
        )


def can_be_name(text: str) -> bool:
    """Whether a text has the form of an export's name."""
    return _NAME.fullmatch(text) is not None


def shipped_folders() -> tuple[Path, Path]:
    """Where shipped exports lie: beside the package in the repository, or within it in a wheel."""
    package = Path(__file__).resolve().parents[1]
    return package.parent / "saved_models", package / "saved_models"


def shipped(source: str | os.PathLike) -> Path | None:
    """The folder of a shipped export that is called by its name alone, such as dcgan_shapes.

    Args:
        source: as the user wrote it.

    Returns:
        The folder of this name in `saved_models/`, below the current folder, beside the package or
        within it; None where `source` exists itself or is no such name.
    """
    text = os.fspath(source)
    if not can_be_name(text) or os.path.exists(text):
        return None
    for home in (Path("saved_models"), *shipped_folders()):
        if (home / text).is_dir():
            return home / text
    return None
