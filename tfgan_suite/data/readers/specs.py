"""How a user names data: checks, short names for run folders, two sets in one string."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Sequence
from pathlib import Path

from tfgan_suite.errors import InputError
from tfgan_suite.utils.files import user_path

SPLITS = ("train", "test")
_TFDS = re.compile(r"tfds:(?P<set>[\w./-]+(:\d+\.\d+\.[\d*]+)?)(:(?P<split>[^\d].*))?")


def check_split(split: str) -> str:
    """Returns `split` if it is `"train"` or `"test"`.

    Raises:
        InputError: it is not.
    """
    if split not in SPLITS:
        raise InputError(
            f"the split is {split!r}; expected {' or '.join(map(repr, SPLITS))}: pass one of them"
        )
    return split


def check_count(number: int, what: str) -> int:
    """Returns `number` if it is a whole number of 0 or more.

    Raises:
        InputError: it is not.
    """
    try:
        count = operator.index(number)
    except TypeError:
        count = -1
    if count < 0:
        raise InputError(
            f"{what} is {number!r}; expected a whole number, 0 or more: pass an integer"
        )
    return count


def split_two(text: str) -> tuple[str, str] | None:
    """The parts of `"FIRST,SECOND"`; `None` for a single set (or a path that contains a comma).

    Raises:
        InputError: a part is empty, or there are more than two.
    """
    if "," not in text or user_path(text).exists():
        return None
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2 or not all(parts):
        raise InputError(f"{text!r} names {len(parts)} sets; expected two: write FIRST,SECOND")
    return parts[0], parts[1]


def short_name(text: str) -> str:
    """A name for run folders: that of the file, folder or set (or of both), without endings."""
    parts = split_two(text) or (text,)
    return "-".join(dict.fromkeys(_short_part(part) for part in parts))


def _short_part(text: str) -> str:
    if text.startswith("tfds:"):
        name = text.split(":")[1]
    else:
        path = user_path(text).resolve()
        name = path.stem if path.is_file() else path.name
    return safe_name(name)


def safe_name(name: str) -> str:
    """A name whose special characters are replaced, usable as a folder name."""
    safe = "".join(sign if sign.isalnum() or sign in "-_." else "-" for sign in name)
    return safe.strip("-.") or "data"


def parse_tfds(text: str, split: str, side: str = "") -> tuple[str, str]:
    """Which split of which set of TensorFlow Datasets a string names.

    Args:
        text: `"tfds:NAME"` or `"tfds:NAME:SPLIT"`; SPLIT stands for `"train"`.
        split: `"train"` or `"test"`.
        side: suffix of a split that `text` does not name: `"A"` gives `trainA`.

    Returns:
        `NAME` and `SPLIT`.

    Raises:
        InputError: the string is malformed, or its test split cannot be derived.
    """
    match = _TFDS.fullmatch(text)
    if match is None:
        raise InputError(
            f"{text!r} does not name a set; expected tfds:NAME or tfds:NAME:SPLIT: correct the name"
        )
    part = match["split"]
    if part is None:
        part = split + side
    elif split == "test":
        if not part.startswith("train"):
            raise InputError(
                f"{text} has no test split; expected a split that starts with train, for which the "
                "one that starts with test is used: name such a split"
            )
        part = part.replace("train", "test", 1).split("[")[0]
    return match["set"], part


def find_folder(text: str, worlds: Sequence[str], expected: str) -> Path:
    """The folder that a string names.

    Args:
        text: its path.
        worlds: names of embedded sets, for the message.
        expected: everything else that would be accepted, for the message.

    Raises:
        InputError: there is no such folder.
    """
    path = user_path(text)
    if path.is_dir():
        return path
    near = difflib.get_close_matches(text.lower(), worlds, 1, 0.6)
    hint = f"did you mean {near[0]!r}?" if near else "check the path"
    problem = "is a file, not a folder" if path.exists() else "does not exist"
    raise InputError(f"{text} {problem}; expected {expected}, or {', '.join(worlds)}: {hint}")
