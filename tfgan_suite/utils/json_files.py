"""Reads JSON from disk; every file that was cut, edited or mixed up is refused in one line."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfgan_suite.errors import InputError
from tfgan_suite.utils import foreign_files
from tfgan_suite.utils.text import message_of

# Files of this package nest five levels deep. What walks a content may recurse this far safely.
MAX_DEPTH = 100
MAX_BYTES = 2**30
_WORDS = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
    type(None): "null",
}
# How much of a wrong value or key a message repeats.
_ECHOED = 40


@dataclasses.dataclass(frozen=True)
class Number:
    """A finite number of a schema.

    Args:
        kind: `int` or `float`; the latter takes integers too.
        low, high: the smallest and the largest value.
    """

    kind: type = float
    low: float = -math.inf
    high: float = math.inf


@dataclasses.dataclass(frozen=True)
class Maybe:
    """An entry of a schema that may be missing or null.

    Args:
        schema: of the entry where it is there.
    """

    schema: Any


# Sizes, counts and steps fit into the integers of NumPy and TensorFlow.
COUNT = Number(int, 0, 2**53)
POSITIVE = Number(int, 1, 2**53)


def read_json(path: str | os.PathLike, schema: Any = None, *, advice: str) -> Any:
    """Reads a JSON file and checks its content.

    Args:
        path: the file, UTF-8.
        schema: what it should hold; None for anything. A type or a tuple of types; `Number`;
            `{key: schema}` for an object with these keys (others may stand beside them), where
            the value `Maybe(schema)` may be missing or null; `{str: schema}` for an object with
            any keys; `[schema]` for a list.
        advice: what to do about a damaged file, such as "export again".

    Returns:
        The content. No text in it has a lone surrogate, and it is at most `MAX_DEPTH` deep.

    Raises:
        InputError: the file is missing, unreadable, not a regular file, not JSON, or holds
            something else; one line with its name and the advice.

    Example:
        >>> read_json("card.json", {"steps": COUNT, "classes": Maybe([str])}, advice="export again")
    """
    return parse_json(_read_text(Path(path), advice), str(path), schema, advice=advice)


def read_json_lines(
    path: str | os.PathLike, schema: Any = None, *, advice: str, unfinished: bool = False
) -> list[Any]:
    """Reads a file of JSON lines; blank lines are skipped.

    Args:
        path: the file, UTF-8.
        schema: of each line, as in `read_json`.
        advice: what to do about a damaged file.
        unfinished: leave out a last line that no line break ends and that cannot be read: a kill
            in the middle of a write leaves one.

    Raises:
        InputError: as `read_json`; the message has the line's number.
    """
    text = _read_text(Path(path), advice)
    lines = text.split("\n")
    entries = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entries.append(parse_json(line, f"{path} (line {number})", schema, advice=advice))
        except InputError:
            if unfinished and number == len(lines):
                break
            raise
    return entries


def parse_json(text: str, name: str, schema: Any = None, *, advice: str) -> Any:
    """Parses and checks JSON text, as `read_json` does with a file's.

    Args:
        text: the text.
        name: where it comes from, for messages.
        schema: what it should hold.
        advice: what to do if it does not.

    Raises:
        InputError: the text is not JSON, or holds something else.
    """
    try:
        content = json.loads(text)
    # The decoder raises RecursionError on deep nesting, ValueError on a number of 5,000 digits.
    except (ValueError, RecursionError, OverflowError, MemoryError) as error:
        reason = "is empty" if not text.strip() else f"is damaged ({message_of(error, 120)})"
        raise InputError(f"{name} {reason}; {advice}") from None
    problem = _unusable(content) or mismatch(content, schema)
    if problem:
        raise InputError(f"{name} is damaged: {problem}; {advice}")
    return content


def mismatch(content: Any, schema: Any, where: str = "") -> str:
    """What is wrong with a content, by name, such as "data.shape is missing"; empty if nothing.

    Args:
        content: parsed JSON.
        schema: what it should be, as in `read_json`.
        where: name of the content, for the message.
    """
    if isinstance(schema, Maybe):
        return "" if content is None else mismatch(content, schema.schema, where)
    if schema is None or schema is Any:
        return ""
    if isinstance(schema, Number):
        return _number_mismatch(content, schema, where)
    if isinstance(schema, Mapping):
        return _object_mismatch(content, schema, where)
    if isinstance(schema, list):
        if not isinstance(content, list):
            return _unexpected(content, "a list", where)
        entries = ((f"{where}[{i}]", entry) for i, entry in enumerate(content))
        return next(filter(None, (mismatch(e, schema[0], name) for name, e in entries)), "")
    types = schema if isinstance(schema, tuple) else (schema,)
    if isinstance(content, bool) and bool not in types:
        accepted = False
    else:
        accepted = isinstance(content, (*types, int) if float in types else types)
    return "" if accepted else _unexpected(content, " or ".join(_WORDS[t] for t in types), where)


def _object_mismatch(content: Any, schema: Mapping[Any, Any], where: str) -> str:
    if not isinstance(content, dict):
        return _unexpected(content, "an object", where)
    prefix = f"{where}." if where else ""
    expected = dict.fromkeys(content, schema[str]) if str in schema else schema
    for key, entry in expected.items():
        if key not in content and not isinstance(entry, Maybe):
            return f"{prefix}{key} is missing"
        problem = mismatch(content.get(key), entry, prefix + key[:_ECHOED])
        if problem:
            return problem
    return ""


def _number_mismatch(content: Any, schema: Number, where: str) -> str:
    words = _WORDS[schema.kind]
    if schema.low > -math.inf:
        words += f" of at least {schema.low}"
    if schema.high < math.inf:
        words += f"{' and' if schema.low > -math.inf else ' of'} at most {schema.high}"
    kinds = (int, float) if schema.kind is float else (int,)
    if isinstance(content, bool) or not isinstance(content, kinds):
        return _unexpected(content, words, where)
    # NaN and the infinities are not between any bounds.
    finite = isinstance(content, int) or math.isfinite(content)
    if finite and schema.kind is float and isinstance(content, int):
        finite = abs(content) < 2**1023
    return (
        ""
        if finite and schema.low <= content <= schema.high
        else _unexpected(content, words, where)
    )


def _unexpected(content: Any, expected: str, where: str) -> str:
    if isinstance(content, (dict, list)):
        value = _WORDS[type(content)]
    else:
        try:
            value = json.dumps(content)
        except ValueError:  # an integer of more digits than Python writes
            value = "a huge number"
        value = value if len(value) <= _ECHOED else f"{value[:_ECHOED]}..."
    return f"{where or 'its content'} is {value}, expected {expected}"


def _unusable(content: Any) -> str:
    """Depth and text that later code could not walk, print or use as a file's name."""
    level, depth = [content], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            return f"it is nested more than {MAX_DEPTH} levels deep"
        texts: list[str] = []
        deeper: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                texts.extend(value)
                deeper.extend(value.values())
            elif isinstance(value, list):
                deeper.extend(value)
            elif isinstance(value, str):
                texts.append(value)
        try:
            "".join(texts).encode()
        except UnicodeEncodeError:
            return "a text in it is not valid Unicode"
        level = deeper
    return ""


def _read_text(path: Path, advice: str) -> str:
    try:
        with foreign_files.open_file(path) as file:
            if os.fstat(file.fileno()).st_size > MAX_BYTES:
                raise InputError(f"{path} is larger than {MAX_BYTES >> 20} MiB; {advice}")
            return file.read(MAX_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}); {advice}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is damaged ({message_of(error, 120)}); {advice}") from None
    except (ValueError, MemoryError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} cannot be read ({message_of(error, 120)}); {advice}") from None
