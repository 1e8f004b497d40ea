"""Labels of images: numbers by file name, from a CSV or JSON file or from the names themselves."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.utils.json_files import read_json

_IN_NAME = re.compile(r"(?:_-?\d+\.\d+)+$")
_FILE_KEYS = ("file", "filename", "file_name", "name", "image", "picture", "path")


def find_label_file(folder: Path) -> Path | None:
    """The file with the labels of a folder's images; `None` if there is none.

    Candidates, in this order: in the folder `labels.csv` (or `.json`), then a file with the
    folder's name; beside the folder a file with its name, then `labels.csv` (or `.json`).
    """
    candidates = [
        folder / "labels",
        folder / folder.name,
        folder.parent / folder.name,
        folder.parent / "labels",
    ]
    for candidate in candidates:
        for ending in (".csv", ".json"):
            path = candidate.with_name(candidate.name + ending)
            if path.is_file():
                return path
    return None


def load_labels(folder: Path, names: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]] | None:
    """Labels of images.

    Args:
        folder: of the images.
        names: paths of the images below the folder.

    Returns:
        float32 `(n, k)`, the rows in the order of `names`, and the names of the `k` columns;
        `None` if there is no file with labels and the names do not end with numbers.

    Raises:
        InputError: the file cannot be read, an image has no label, or labels differ in length.
    """
    path = find_label_file(folder)
    if path is None:
        return _from_names(folder, names)
    table, columns = _read_json(path) if path.suffix == ".json" else _read_csv(path)
    by_stem = {_stem(name): row for name, row in table.items()}
    rows = [by_stem.get(_stem(name), by_stem.get(PurePosixPath(name).stem)) for name in names]
    missing = [name for name, row in zip(names, rows) if row is None]
    if missing:
        raise InputError(
            f"{path} has no label for {len(missing)} of {len(names)} images in {folder} "
            f"({', '.join(missing[:5])}{', ..' if len(missing) > 5 else ''}); expected a row for "
            "each image, under its file name: add the rows"
        )
    return _checked(rows, columns, path, names)


def _stem(name: str) -> str:
    """A name without its ending, if it has an image file's (labels may hold dots)."""
    path = PurePosixPath(str(name).replace("\\", "/"))
    return path.with_suffix("").as_posix() if path.suffix[1:].isalpha() else path.as_posix()


def _from_names(folder: Path, names: Sequence[str]):
    """Numbers with a decimal point at the end of every name: `eye_7_-0.1963_0.3927.png`."""
    matches = [_IN_NAME.search(PurePosixPath(name).stem) for name in names]
    if not names or any(match is None for match in matches):
        return None
    rows = [[float(part) for part in match[0][1:].split("_")] for match in matches]
    return _checked(rows, (), folder, names)


def _read_csv(path: Path) -> tuple[dict[str, list], tuple[str, ...]]:
    """Rows `file name, number, ..`, with or without a header line."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file) if any(cell.strip() for cell in line)]
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(
            f"{path} cannot be read as CSV ({error}); expected lines of file name and numbers: fix "
            "or replace the file"
        ) from error
    if any("\0" in cell for line in lines for cell in line):
        raise InputError(
            f"{path} holds NUL bytes, so it is no text; expected lines of file name and numbers: "
            "save it as CSV in UTF-8"
        )
    columns: tuple[str, ...] = ()
    if lines and not any(_is_number(cell) for cell in lines[0][1:]):
        columns = tuple(cell.strip() for cell in lines.pop(0)[1:])
    return {line[0].strip(): [cell.strip() for cell in line[1:]] for line in lines}, columns


def _read_json(path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """`{file name: numbers}`, or a list of objects with the file name under `file`."""
    content = read_json(path, advice="expected {file name: [numbers]}: fix or replace the file")
    if isinstance(content, list) and content and all(isinstance(e, Mapping) for e in content):
        key = next((key for key in _FILE_KEYS if key in content[0]), None)
        if key is not None and all(key in entry for entry in content):
            content = {
                str(entry[key]): {k: v for k, v in entry.items() if k != key} for entry in content
            }
    if not isinstance(content, Mapping) or not content:
        raise InputError(
            f"{path} holds no labels; expected {{file name: [numbers]}} or a list of objects with "
            "the file name under 'file': rewrite it in this form"
        )
    first = next(iter(content.values()))
    columns = tuple(first) if isinstance(first, Mapping) else ()
    rows = {}
    for name, row in content.items():
        if isinstance(row, Mapping):
            row = [row.get(column) for column in columns]
        rows[str(name)] = row if isinstance(row, list) else [row]
    return rows, columns


def _is_number(text: Any) -> bool:
    try:
        float(text)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _checked(rows, columns, origin, names) -> tuple[np.ndarray, tuple[str, ...]]:
    """The rows as an array, if they are finite and of equal length, and names of their columns."""
    width = len(rows[0])
    for name, row in zip(names, rows):
        if len(row) != width or not width:
            raise InputError(
                f"{origin}: the label of {name} has {len(row)} numbers, that of {names[0]} "
                f"{width}; expected the same number for each image, at least one: fix the file"
            )
        if not all(_is_number(cell) and abs(float(cell)) < 3e38 for cell in row):
            raise InputError(
                f"{origin}: the label of {name} is {str(row)[:80]}; expected finite numbers: fix "
                "the file"
            )
    values = np.array([[float(cell) for cell in row] for row in rows], np.float32)
    if len(columns) != width:
        columns = tuple(f"label {number}" for number in range(width))
    return values, columns
