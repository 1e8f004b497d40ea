"""Captions in `metadata.jsonl` or `metadata.csv` beside the images; several rows for an image."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

from tfgan_suite.data.readers.caption_records import CaptionSet, Records
from tfgan_suite.errors import InputError
from tfgan_suite.utils import foreign_files
from tfgan_suite.utils.json_files import Maybe, parse_json
from tfgan_suite.utils.text import message_of

NAMES = ("metadata.jsonl", "metadata.csv")
_TEXT_KEYS = ("text", "caption")
_ADVICE = 'expected {"file_name": "a.png", "text": "a sentence"}: correct the line'
_SCHEMA = {
    "file_name": str,
    "box": Maybe(list),
    "keypoints": Maybe((list, dict)),
    "label": Maybe((str, int)),
}


def find(folder: Path) -> Path | None:
    """The file with the captions of a folder; `None` if there is none."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def load(path: Path) -> CaptionSet:
    """Reads a file of captions.

    Each line (JSON) or row (CSV, with a header) has `file_name`, relative to the file, and `text`,
    a sentence or a list of them; optionally `box`, `keypoints` and `label`. `keypoints` are a list
    of points, or an object of points by name; `parts.txt` beside the file names the points of a
    list, one a line.

    Raises:
        InputError: a line is broken, or what `Records` refuses.
    """
    rows = _json_rows(path) if path.suffix == ".jsonl" else _csv_rows(path)
    records, parts = Records(), _part_names(path.with_name("parts.txt"))
    for number, row in rows:
        origin = f"{path} (line {number})"
        texts = next((row[key] for key in _TEXT_KEYS if row.get(key) is not None), None)
        if not isinstance(texts, (str, list)) or texts == []:
            raise InputError(
                f"{origin} has no text; expected a sentence or a list of sentences under 'text': "
                "add it"
            )
        keypoints = row.get("keypoints")
        if isinstance(keypoints, dict):
            parts, keypoints = _named(keypoints, parts, origin)
        label = row.get("label")
        records.add(
            path.parent / row["file_name"].replace("\\", "/"),
            [texts] if isinstance(texts, str) else texts,
            origin,
            box=row.get("box"),
            keypoints=keypoints,
            label=None if label is None else str(label),
        )
    return records.finish(path, f"captions in {path.name}", parts=parts)


def read_lines(path: Path) -> list[str]:
    """The lines of a text file.

    Raises:
        InputError: it cannot be read, or is no text.
    """
    try:
        text = foreign_files.read_text(path, "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read as text ({message_of(error, 120)}); expected lines in UTF-8: "
            "save it as such"
        ) from None
    return text.split("\n")


def _part_names(path: Path) -> tuple[str, ...]:
    if not path.is_file():
        return ()
    lines = (re.sub(r"^\d+\s+", "", line.strip()) for line in read_lines(path))
    return tuple(line for line in lines if line)


def _named(keypoints: dict, parts: tuple[str, ...], origin: str) -> tuple[tuple[str, ...], list]:
    """Names and points of an object; a point that is null or missing is not visible."""
    parts = parts or tuple(keypoints)
    unknown = [name for name in keypoints if name not in parts]
    if unknown:
        raise InputError(
            f"{origin}: {len(keypoints)} key points with the unknown name {unknown[0][:40]!r}; "
            f"expected {', '.join(parts)}: correct it, or list all names in parts.txt"
        )
    points = [keypoints.get(name) or [0, 0, 0] for name in parts]
    return parts, [[*point, 1][:3] if isinstance(point, list) else point for point in points]


def _json_rows(path: Path) -> list[tuple[int, dict[str, Any]]]:
    rows = []
    for number, line in enumerate(read_lines(path), 1):
        if line.strip():
            row = parse_json(line, f"{path} (line {number})", _SCHEMA, advice=_ADVICE)
            rows.append((number, row))
    return rows


def _csv_rows(path: Path) -> list[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO("\n".join(read_lines(path)), newline=""), strict=True)
    rows: list[tuple[int, dict[str, Any]]] = []
    try:
        header = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = header
        if "file_name" not in header or not set(_TEXT_KEYS) & set(header):
            raise InputError(
                f"{path} (line 1) has the columns {', '.join(header)[:120] or '(none)'}; expected "
                "a header with file_name and text: add it"
            )
        for row in reader:
            number = reader.line_num
            if None in row or None in row.values() or not row["file_name"].strip():
                raise InputError(
                    f"{path} (line {number}) has other cells than the header's "
                    f"{', '.join(header)}; expected one for each: put quotes around text with "
                    "commas"
                )
            cells = {
                name: _cell(name, text, f"{path} (line {number})") for name, text in row.items()
            }
            rows.append((number, cells))
    except csv.Error as error:
        first = rows[-1][0] + 1 if rows else 2  # where the broken row begins
        raise InputError(
            f"{path} (line {first}) is broken CSV ({error}); expected rows of file_name "
            "and text: correct the line"
        ) from None
    return rows


def _cell(name: str, text: str, origin: str) -> Any:
    """The value of a cell: numbers of boxes and key points, JSON or separated; else its text."""
    if name not in ("box", "keypoints", "label"):
        return text
    stripped = text.strip()
    if not stripped:
        return None
    if name == "label":
        return stripped
    if stripped[0] in "[{":
        advice = "expected numbers in brackets, such as [8, 4, 20, 30]: correct the line"
        return parse_json(stripped, f"{origin}, {name}", (list, dict), advice=advice)
    return re.split(r"[\s,;]+", stripped)
