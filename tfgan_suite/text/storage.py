"""Files of sentence encoders: an `.npz` with the arrays and a `header` in JSON."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.data.readers import npz_files
from tfgan_suite.errors import InputError
from tfgan_suite.utils.json_files import parse_json

HEADER = "header"
ADVICE = "restore the file from the run, or train again"


def pack(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """The bytes of a file; the same contents give the same bytes."""
    content = io.BytesIO()
    np.savez(content, **{HEADER: np.array(json.dumps(header))}, **arrays)
    return content.getvalue()


def read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays of a file.

    Raises:
        InputError: it is damaged, or no such file; the message names it.
    """
    names = npz_files.array_names(path)
    if HEADER not in names:
        raise InputError(f"{path} is not a file of a sentence encoder (no header); {ADVICE}")
    arrays = dict(zip(names, npz_files.read_arrays(path, names)))
    header = parse_json(str(arrays.pop(HEADER)), str(path), _SCHEMA, advice=ADVICE)
    return header, arrays


def unpack(content: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays of what `pack` returned, from memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "encoder.npz"
        path.write_bytes(content)
        return read(path)


def damaged(source: str, reason: str) -> InputError:
    """The error for a file that does not hold an encoder."""
    words = " ".join(reason.split())[:120]
    return InputError(f"{source} is not a file of a sentence encoder ({words}); {ADVICE}")


_SCHEMA = {"kind": str, "hash": str, "sentences": [str], "values": {}}
