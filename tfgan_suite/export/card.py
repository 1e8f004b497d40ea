"""The card of an export: its inputs and outputs, what it contains, and how it was trained."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import math
import platform
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.errors import InputError
from tfgan_suite.export import image_bytes
from tfgan_suite.utils.json_files import COUNT, POSITIVE, Maybe, Number, read_json

FILE = "card.json"
_RANGES = {
    "normal": "standard normal",
    "uniform": "-1 to 1",
    "image": "-1 to 1",
    "pixels": "0 to 255",
    "seed": "any",
    "count": "1 or more",
    "file": f"a PNG file; as an input also JPEG, at most {image_bytes.MAX_PIXELS:,} pixels, read in"
    " its stored orientation (an EXIF orientation is not applied: turn photographs upright first)",
}
_PACKAGES = ("tfgan-suite", "ai-edge-litert", "tensorflow-serving-api")


_TENSOR = {
    "name": str,
    "shape": [Maybe(Number(int, 1, 2**24))],
    "dtype": str,
    "kind": str,
    "classes": Maybe(Number(int, 1, 2**31)),
}
_SIGNATURE = {
    "inputs": [_TENSOR],
    "output": _TENSOR,
    "further_outputs": Maybe([_TENSOR]),
    "multiple": Maybe(Number(int, 1, 2**16)),
    "limit": Maybe({str: POSITIVE}),
}
_SCHEMA = {
    "export": {"signatures": {str: _SIGNATURE}},
    "usage": Maybe(str),
    "classes": Maybe([str]),
    "steps": Maybe(COUNT),
    "shape": Maybe([POSITIVE]),
    "game": Maybe(str),
    "data": Maybe(str),
    "constants": Maybe({}),
    "files": Maybe({str: COUNT}),
}
ADVICE = "export the run again, or restore the file"


def read(folder: Path) -> dict[str, Any]:
    """The card of a version's folder.

    Raises:
        InputError: it is missing or damaged; one line that names the file and the key.
    """
    path = folder / FILE
    card = read_json(path, _SCHEMA, advice=ADVICE)
    if "serving_default" not in card["export"]["signatures"]:
        raise InputError(f"{path} is damaged: it has no signature serving_default; {ADVICE}")
    for key, signature in card["export"]["signatures"].items():
        for spec in (*signature["inputs"], signature["output"]):
            try:
                tf.as_dtype(spec["dtype"])
            except TypeError:
                raise InputError(
                    f"{path} is damaged: {key} has a tensor of dtype {spec['dtype'][:40]!r};"
                    f" {ADVICE}"
                ) from None
    usage = card.get("usage")
    if usage and (usage.count("{}") != 1 or usage.count("{") + usage.count("}") != 2):
        raise InputError(f"{path} is damaged: usage is {usage[:60]!r}; {ADVICE}")
    return card


def describe(spec: TensorSpec) -> dict[str, Any]:
    """A tensor's description as JSON; shapes are those of a single example."""
    description = dict(name=spec.name, shape=list(spec.shape), dtype=spec.dtype, kind=spec.kind)
    if spec.classes is not None:
        description["classes"] = spec.classes
    if spec.kind == "label":
        description["range"] = f"0 to {spec.classes - 1}" if spec.classes else "0 and up"
    elif spec.kind in _RANGES:
        description["range"] = _RANGES[spec.kind]
    elif spec.classes is not None:
        description["range"] = f"0 to {spec.classes - 1}"
    return description


def restore(description: Mapping[str, Any]) -> TensorSpec:
    """The inverse of `describe`."""
    return TensorSpec(
        description["name"],
        tuple(description["shape"]),
        description["dtype"],
        description["kind"],
        description.get("classes"),
    )


def make(
    name: str,
    functions: Mapping[str, Signature],
    tensors: Mapping[str, Mapping[str, Any]],
    variables: Iterable[tf.Variable],
    **facts: Any,
) -> dict[str, Any]:
    """The part of a card that describes the export; `version` and `files` are added last.

    Args:
        name: the export's name.
        functions: the SavedModel's signatures.
        tensors: graph tensors by signature, from `saved_model.tensor_names`.
        variables: the variables of the SavedModel.
        **facts: further entries.
    """
    return {
        "name": name,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "signatures": {
            key: {
                "inputs": [_describe_input(spec, signature) for spec in signature.inputs],
                "output": describe(signature.output),
                **_further(signature),
                **_limit(signature),
                "tensors": tensors[key],
                # The grid on which tiles of large images can be computed separately.
                **({"multiple": signature.multiple} if signature.multiple > 1 else {}),
            }
            for key, signature in functions.items()
        },
        "parameters": int(sum(math.prod(variable.shape) for variable in variables)),
        **facts,
        "versions": _versions(),
    }


def _describe_input(spec: TensorSpec, signature: Signature) -> dict[str, Any]:
    description = describe(spec)
    if spec.kind == "count" and signature.limit is not None:
        description["range"] = f"1 to {signature.limit}"
    return description


def _limit(signature: Signature) -> dict[str, Any]:
    """What one request may hold: the graph refuses more."""
    if signature.limit is None:
        return {}
    return {"limit": {signature.limit_unit: signature.limit}}


def restore_signature(description: Mapping[str, Any], call: Callable[..., Any]) -> Signature:
    """A signature from its entry, run by `call`; exports of older versions have no limit."""
    unit, limit = next(iter((description.get("limit") or {}).items()), ("examples", None))
    output, *further = (
        restore(spec) for spec in (description["output"], *description.get("further_outputs", ()))
    )
    return Signature(
        inputs=tuple(restore(spec) for spec in description["inputs"]),
        output=output,
        call=call,
        networks=(),
        multiple=description.get("multiple", 1),
        further_outputs=tuple(further),
        limit=limit,
        limit_unit=unit,
    )


def _further(signature: Signature) -> dict[str, Any]:
    further = [describe(spec) for spec in signature.further_outputs]
    return {"further_outputs": further} if further else {}


def sizes(folder: Path) -> dict[str, int]:
    """Sizes in bytes of all files in `folder` and its subfolders, by relative path."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def dump(content: Mapping[str, Any]) -> str:
    """JSON text; NumPy values become plain ones, paths and other objects strings."""
    return json.dumps(content, indent=2, default=_plain) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    return str(value)


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version(), **compat.RELEASES}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
