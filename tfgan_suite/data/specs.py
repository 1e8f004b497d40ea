"""The words with which a user names data: checks, short names, two sets in one word."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Sequence
from pathlib import Path

from tfgan_suite.errors import InputError

SPLITS = ("train", "test")
_TFDS = re.compile(r"tfds:(?P<set>[\w./-]+(:\d+\.\d+\.[\d*]+)?)(:(?P<split>[^\d].*))?")


def check_split(split: str) -> str:
    """Returns `split` if it is one.

    Raises:
        InputError: it is not.
    """
    if split not in SPLITS:
        raise InputError(f"the split is {split!r}; expected {' or '.join(map(repr, SPLITS))}")
    return split


def check_count(number: int, what: str) -> int:
    """Returns a whole number from 0 on.

    Raises:
        InputError: it is not.
    """
    try:
        found = operator.index(number)
    except TypeError:
        found = -1
    if found < 0:
        raise InputError(f"{what} is {number!r}; expected a whole number from 0 on")
    return found


def two(text: str) -> tuple[str, str] | None:
    """The parts of `"ONE,OTHER"`; `None` for a single set (or a path that holds a comma).

    Raises:
        InputError: there is an empty part, or more than two.
    """
    if "," not in text or Path(text).expanduser().exists():
        return None
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2 or not all(parts):
        raise InputError(f"{text!r} names {len(parts)} sets; expected two: ONE,OTHER")
    return parts[0], parts[1]


def short(text: str) -> str:
    """A name for run folders: that of the file, folder or set, or of both, without endings."""
    parts = two(text) or (text,)
    return "-".join(dict.fromkeys(_short(part) for part in parts))


def _short(text: str) -> str:
    if text.startswith("tfds:"):
        name = text.split(":")[1]
    else:
        path = Path(text).expanduser().resolve()
        name = path.stem if path.is_file() else path.name
    kept = "".join(sign if sign.isalnum() or sign in "-_." else "-" for sign in name)
    return kept.strip("-.") or "data"


def tfds(text: str, split: str, side: str = "") -> tuple[str, str]:
    """Which split of which set of TensorFlow Datasets a text means.

    Args:
        text: `"tfds:NAME"` or `"tfds:NAME:SPLIT"`; SPLIT stands for `"train"`.
        split: `"train"` or `"test"`.
        side: what is added to a split that `text` does not name: `"A"` gives `trainA`.

    Returns:
        `NAME` and `SPLIT`.

    Raises:
        InputError: the text is malformed, or there is no telling what its test split is.
    """
    match = _TFDS.fullmatch(text)
    if match is None:
        raise InputError(f"{text!r} names no set; expected tfds:NAME or tfds:NAME:SPLIT")
    given = match["split"]
    if given is None:
        given = split + side
    elif split == "test":
        if not given.startswith("train"):
            raise InputError(f"{text} has no test split: only those of train.. splits are known")
        given = given.replace("train", "test", 1).split("[")[0]
    return match["set"], given


def folder(text: str, worlds: Sequence[str], expected: str) -> Path:
    """The folder that a text names.

    Args:
        text: its path.
        worlds: names of embedded sets, for the message.
        expected: what else would have done, for the message.

    Raises:
        InputError: there is no such folder.
    """
    path = Path(text).expanduser()
    if path.is_dir():
        return path
    near = difflib.get_close_matches(text.lower(), worlds, 1, 0.6)
    hint = f"did you mean {near[0]!r}? " if near else ""
    found = "is a file, not a folder" if path.exists() else "does not exist"
    raise InputError(f"{text} {found}: {hint}Expected {expected}, or {', '.join(worlds)}")
