"""Reads the key of a study and the raters' result files, and refuses what cannot be right."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfgan_suite.errors import InputError
from tfgan_suite.study.make import KEY_FORMAT

FORMAT = "tfgan_suite study answers 1"
LOCK = 200  # milliseconds in which the page takes no answer (page.js)


@dataclasses.dataclass(frozen=True)
class Answers:
    """One rater's checked result file.

    Args:
        rater: the name or code.
        automated: whether a program held the browser: no human judgement.
        given: `(trial of the key, images from left to right, answer, milliseconds)` in the
            order of asking. An answer is an image's name, a grade, `"real"` or `"generated"`.
    """

    rater: str
    automated: bool
    given: list[tuple[dict[str, Any], list[str], Any, int]]


def read_key(path: str | Path) -> dict[str, Any]:
    """Reads the key that `make` wrote.

    Raises:
        InputError: no such file, or no key.
    """
    key = _json(Path(path), "the key")
    if not isinstance(key, dict) or key.get("format") != KEY_FORMAT:
        raise InputError(f"{path} is no key of a study; give the NAME.key.json beside the page")
    return key


def find_key(files: Sequence[str | Path]) -> Path:
    """The key of the first result file's study, beside the files or in this folder.

    Raises:
        InputError: no file is readable as a result, or no key of that study is there.
    """
    study = _result(Path(files[0]))["study"]
    places = dict.fromkeys([*(Path(file).parent for file in files), Path(".")])
    for place in places:
        for path in sorted(place.glob("*.key.json")):
            try:
                if json.loads(path.read_text("utf-8")).get("study") == study:
                    return path
            except (OSError, ValueError, AttributeError):
                continue
    raise InputError(
        f"{files[0]} answers the study {study}, whose key is not beside it; give --key "
        "NAME.key.json"
    )


def read(path: str | Path, key: dict[str, Any]) -> Answers:
    """Reads and checks a result file.

    The order of the questions is a function of study and rater and is worked out again. The
    check sum finds damage and casual edits; it is no seal against a rater who forges.

    Raises:
        InputError: no file, no result, another study's, incomplete, or edited; with the reason.
    """
    found = _result(Path(path))
    for name in ("study", "kind"):
        if found[name] != key[name]:
            raise InputError(
                f"{path} answers another study ({name} {found[name]}, the key has {key[name]})"
            )
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", found["rater"]):
        raise InputError(f"{path} has no rater's name; expected letters, digits, - and _")
    order = order_for(key, found["rater"])
    answers = found["answers"]
    if len(answers) != len(order):
        raise InputError(
            f"{path} holds {len(answers)} of {len(order)} answers; it is incomplete or was edited"
        )
    given = []
    for number, ((trial, shown), answer) in enumerate(zip(order, answers), 1):
        reason = _impossible(trial, shown, answer, key["kind"])
        if reason:
            raise InputError(f"{path} was edited: answer {number} {reason}")
        given.append((trial, shown, answer["answer"], answer["ms"]))
    lines = [" ".join([trial["id"], *shown]) for trial, shown in order]
    if found["order"] != _sha256(lines):
        raise InputError(f"{path} was edited: its order of questions is not this rater's")
    if found["check"] != check_of(found):
        raise InputError(f"{path} was edited or damaged: its check sum is not that of its content")
    return Answers(found["rater"], found["automated"], given)


def order_for(key: dict[str, Any], rater: str) -> list[tuple[dict[str, Any], list[str]]]:
    """The questions as the page shows them to a rater: trial, and images from left to right."""

    def rank(what: str) -> str:
        return _sha256([key["study"], rater, what])

    step = -1 if int(rank("side")[0], 16) % 2 else 1
    trials = sorted(key["trials"], key=lambda trial: rank(trial["id"]))
    return [(trial, trial["images"][::step]) for trial in trials]


def check_of(found: dict[str, Any]) -> str:
    """The check sum over a result's content, as the page computes it."""
    head = [found[name] for name in ("format", "study", "kind", "rater")]
    head += ["true" if found["automated"] else "false"]
    head += [found[name] for name in ("started", "finished", "order")]
    lines = [
        " ".join(str(x) for x in [a["trial"], *a["shown"], a["answer"], a["ms"]])
        for a in found["answers"]
    ]
    return _sha256([*head, *lines])


def _impossible(trial, shown, answer, kind) -> str:
    """Why an answer cannot have come from the page; empty if it can."""
    if not isinstance(answer, dict) or set(answer) != {"trial", "shown", "answer", "ms"}:
        return "has other fields than the page writes"
    if answer["trial"] != trial["id"] or answer["shown"] != shown:
        return f"is to {answer['trial']}, but this rater was shown {trial['id']} there"
    allowed = {"preference": shown, "mos": [1, 2, 3, 4, 5], "turing": ["real", "generated"]}[kind]
    value, ms = answer["answer"], answer["ms"]
    if value not in allowed or isinstance(value, (bool, float)):
        return f"is {value!r}, which the page does not offer"
    if not isinstance(ms, int) or isinstance(ms, bool) or ms < LOCK:
        return f"took {ms!r} ms, but the page takes none before {LOCK} ms"
    return ""


def _result(path: Path) -> dict[str, Any]:
    """A file's content, with the fields of a result and their types."""
    found = _json(path, "the result file")
    kinds = dict.fromkeys(
        ("format", "study", "kind", "rater", "started", "finished", "order", "check"), str
    )
    kinds.update(automated=bool, answers=list)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise InputError(f"{path} is no result file of a study; give what the page saved")
    for name, kind in kinds.items():
        if not isinstance(found.get(name), kind):
            raise InputError(f"{path} was edited or damaged: {name} is missing or not as written")
    return found


def _json(path: Path, what: str) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{what} {path} cannot be read ({error.strerror or error})") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{what} {path} is damaged ({error})") from None


def _sha256(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
