"""Reads the key of a study and the raters' result files, and refuses impossible ones."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfgan_suite.errors import InputError
from tfgan_suite.study.make import KEY_FORMAT
from tfgan_suite.study.questions import QUESTIONS
from tfgan_suite.utils.json_files import mismatch, read_json

FORMAT = "tfgan_suite study answers 1"
_KEY_ADVICE = "pass the key as `study` wrote it"
_KEY = {
    **dict.fromkeys(("format", "study", "kind", "question", "first", "second"), str),
    "paired": bool,
    "images": {str: {"side": str, "file": str}},
    "trials": [{"id": str, "images": [str], "sure": (list, type(None))}],
}
LOCK = 200  # milliseconds in which the page ignores answers (page.js)


@dataclasses.dataclass(frozen=True)
class Answers:
    """One rater's checked result file.

    Args:
        rater: the name or code.
        automated: whether a program controlled the browser: no human judgement.
        answers: `(trial of the key, images from left to right, answer, milliseconds)` in the
            rater's order. An answer is an image's name, a grade, `"real"` or `"generated"`.
    """

    rater: str
    automated: bool
    answers: list[tuple[dict[str, Any], list[str], Any, int]]


def read_key(path: str | Path) -> dict[str, Any]:
    """Reads the key that `make` wrote.

    Raises:
        InputError: no such file, or not a key.
    """
    key = read_json(path, advice=_KEY_ADVICE)
    if not isinstance(key, dict) or key.get("format") != KEY_FORMAT:
        raise InputError(
            f"{path} is not the key of a study; pass the NAME.key.json that lies beside the page"
        )
    problem = mismatch(key, _KEY) or _key_problem(key)
    if problem:
        raise InputError(f"{path} was edited or damaged: {problem}; {_KEY_ADVICE}")
    return key


def _key_problem(key: dict[str, Any]) -> str:
    """What makes a key impossible; empty if nothing does."""
    if key["kind"] not in QUESTIONS:
        return f"kind is {key['kind'][:40]!r}, expected one of {', '.join(QUESTIONS)}"
    identifiers = [trial["id"] for trial in key["trials"]]
    if len(set(identifiers)) < len(identifiers):
        return "two trials have one id"
    shown: set[str] = set()
    for trial in key["trials"]:
        count = 2 if key["kind"] == "preference" else 1
        if len(trial["images"]) != count or not set(trial["images"]) <= set(key["images"]):
            return f"trial {trial['id'][:40]} does not show {count} of the key's images"
        sides = {key["images"][name]["side"] for name in trial["images"]}
        if not sides <= {"first", "second", "catch"}:
            return f"an image of trial {trial['id'][:40]} has no side"
        if trial["sure"] is None:
            shown |= sides
            if "catch" in sides:
                return f"trial {trial['id'][:40]} shows a destroyed image without a sure answer"
    return "" if {"first", "second"} <= shown else "no question shows both sides"


def find_key(files: Sequence[str | Path]) -> Path:
    """The key of the first result file's study, beside the files or in this folder.

    Raises:
        InputError: the first file is not a result file, or there is no key of its study.
    """
    study = _result(Path(files[0]))["study"]
    folders = dict.fromkeys([*(Path(file).parent for file in files), Path(".")])
    for folder in folders:
        for path in sorted(folder.glob("*.key.json")):
            try:
                if read_json(path, {"study": str}, advice=_KEY_ADVICE)["study"] == study:
                    return path
            except InputError:
                continue
    raise InputError(
        f"{files[0]} answers the study {study}, whose key is not beside it; pass --key "
        "NAME.key.json"
    )


def read(path: str | Path, key: dict[str, Any]) -> Answers:
    """Reads and checks a result file.

    The order of the questions is a function of study and rater, and is computed again. The
    checksum detects damage and casual edits; it does not stop a rater who forges answers.

    Raises:
        InputError: no file, not a result file, another study's, incomplete, or edited; with the
            reason.
    """
    result = _result(Path(path))
    for name in ("study", "kind"):
        if result[name] != key[name]:
            raise InputError(
                f"{path} answers another study ({name} {result[name]}, the key has {key[name]}); "
                "pass that study's key"
            )
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", result["rater"]):
        raise InputError(
            f"{path} names no valid rater ({result['rater']!r}); expected letters, digits, - and _"
        )
    order = order_for(key, result["rater"])
    answers = result["answers"]
    if len(answers) != len(order):
        raise InputError(
            f"{path} holds {len(answers)} of {len(order)} answers; it is incomplete or was edited"
        )
    checked = []
    for number, ((trial, images), answer) in enumerate(zip(order, answers), 1):
        reason = _impossible(trial, images, answer, key["kind"])
        if reason:
            raise InputError(f"{path} was edited: answer {number} {reason}")
        checked.append((trial, images, answer["answer"], answer["ms"]))
    lines = [" ".join([trial["id"], *images]) for trial, images in order]
    if result["order"] != _sha256(lines):
        raise InputError(f"{path} was edited: its order of questions is not this rater's")
    if result["check"] != checksum(result):
        raise InputError(f"{path} was edited or damaged: its checksum does not match its content")
    return Answers(result["rater"], result["automated"], checked)


def order_for(key: dict[str, Any], rater: str) -> list[tuple[dict[str, Any], list[str]]]:
    """The questions as the page shows them to a rater: trial, and images from left to right."""

    def rank(item: str) -> str:
        return _sha256([key["study"], rater, item])

    step = -1 if int(rank("side")[0], 16) % 2 else 1
    trials = sorted(key["trials"], key=lambda trial: rank(trial["id"]))
    return [(trial, trial["images"][::step]) for trial in trials]


def checksum(result: dict[str, Any]) -> str:
    """The checksum over a result's content, as the page computes it."""
    head = [result[name] for name in ("format", "study", "kind", "rater")]
    head += ["true" if result["automated"] else "false"]
    head += [result[name] for name in ("started", "finished", "order")]
    lines = [
        " ".join(str(x) for x in [a["trial"], *a["shown"], a["answer"], a["ms"]])
        for a in result["answers"]
    ]
    return _sha256([*head, *lines])


def _impossible(trial, images, answer, kind) -> str:
    """Why an answer cannot have come from the page; empty if it can."""
    if not isinstance(answer, dict) or set(answer) != {"trial", "shown", "answer", "ms"}:
        return "has other fields than the page writes"
    if answer["trial"] != trial["id"] or answer["shown"] != images:
        return f"is to {answer['trial']}, but this rater was shown {trial['id']} there"
    allowed = {"preference": images, "mos": [1, 2, 3, 4, 5], "turing": ["real", "generated"]}[kind]
    value, ms = answer["answer"], answer["ms"]
    if value not in allowed or isinstance(value, (bool, float)):
        return f"is {value!r}, which the page does not offer"
    if not isinstance(ms, int) or isinstance(ms, bool) or not LOCK <= ms < 2**53:
        return f"took {ms!r} ms, but the page accepts none before {LOCK} ms"
    return ""


def _result(path: Path) -> dict[str, Any]:
    """A file's content, with the fields of a result and their types."""
    result = read_json(path, advice="get the result file again")
    types = dict.fromkeys(
        ("format", "study", "kind", "rater", "started", "finished", "order", "check"), str
    )
    types.update(automated=bool, answers=list)
    if not isinstance(result, dict) or result.get("format") != FORMAT:
        raise InputError(f"{path} is not a result file of a study; pass a file that the page saved")
    for name, kind in types.items():
        if not isinstance(result.get(name), kind):
            raise InputError(
                f"{path} was edited or damaged: {name} is missing or not of type {kind.__name__}"
            )
    return result


def _sha256(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
