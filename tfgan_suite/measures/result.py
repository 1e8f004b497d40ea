"""A measured value with its protocol, files of them, and the checks that all measures share."""

from __future__ import annotations

import dataclasses
import json
import math
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.utils.files import append_json, writing_to


class MeasureWarning(UserWarning):
    """A value that can be computed but should not be trusted; the message says what is needed."""


@dataclasses.dataclass(frozen=True)
class MeasureResult:
    """One number and everything that must be the same before it may be compared with another.

    Args:
        name: what was measured; where features decide, with the extractor: `"FID-inception_v3"`.
        value: the number.
        protocol: extractor and hash of its weights, layer, resizing, counts, seed, split, whether
            averaged weights (EMA) drew the samples: whatever the value depends on.
        spread: standard deviation over splits or subsets, or standard error, as `protocol` says
            under `"spread"`; `None` where the measure has none.
    """

    name: str
    value: float
    protocol: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    spread: float | None = None

    def __float__(self) -> float:
        return float(self.value)

    def to_dict(self) -> dict[str, Any]:
        """Name, value, spread (where there is one) and protocol, fit for JSON."""
        fields: dict[str, Any] = {"name": self.name, "value": _number(self.value)}
        if self.spread is not None:
            fields["spread"] = _number(self.spread)
        return {**fields, "protocol": dict(self.protocol)}

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(self.to_dict(), default=_plain)


def append_results(path: Path, results: Iterable[MeasureResult]) -> None:
    """Appends results to a file of JSON lines; a line starts with the run's step if it has one.

    Raises:
        InputError: the file cannot be written.
    """
    with writing_to(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        for result in results:
            line = json.loads(result.to_json())
            if result.protocol.get("step") is not None:
                line = {"step": result.protocol["step"], **line}
            append_json(path, line)


def save_results(
    results: Iterable[MeasureResult], source: Path, out: str | Path | None = None
) -> None:
    """Writes results to the file that a command names, or beside the run that was measured.

    Args:
        results: what was measured.
        source: run folder, export or files that were measured.
        out: file that gets the lines; `None`: a run's `measures.jsonl`, and no file for anything
            else.

    Raises:
        InputError: the file cannot be written, or is a folder.
    """
    path = None if out is None else Path(out)
    if path is None and (source / "run.json").is_file():
        path = source / "measures.jsonl"
    if path is not None:
        if path.is_dir():
            raise InputError(
                f"--out is the folder {path}; expected a file, e.g. {path}/measures.jsonl"
            )
        append_results(path, results)


def labelled(name: str, protocol: Mapping[str, Any]) -> str:
    """A measure's name with its extractor's: values of two extractors cannot be compared."""
    return f"{name}-{protocol.get('extractor', 'features')}"


def warn(message: str) -> None:
    """Issues a `MeasureWarning` at the caller's caller."""
    warnings.warn(message, MeasureWarning, stacklevel=3)


def as_features(features: np.ndarray, name: str = "features") -> np.ndarray:
    """Features as float64 `(n, d)`.

    Args:
        features: array of numbers.
        name: what they are, for the message.

    Raises:
        InputError: another rank, an empty axis, or values that are not finite.
    """
    rows = np.asarray(features)
    if rows.ndim != 2 or 0 in rows.shape:
        raise InputError(
            f"the {name} have shape {rows.shape}; expected (images, features): one vector for "
            "each image"
        )
    rows = rows.astype(np.float64, copy=False)
    if not np.isfinite(rows).all():
        bad = int((~np.isfinite(rows)).any(axis=1).sum())
        raise InputError(
            f"the {name} of {bad} of {len(rows)} images are not finite; look for NaN in the "
            "images or the extractor's weights"
        )
    return rows


def as_pair(real: np.ndarray, fake: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Real and generated features as float64, of the same dimension.

    Raises:
        InputError: as `as_features`, or different dimensions.
    """
    real, fake = as_features(real, "real features"), as_features(fake, "generated features")
    if real.shape[1] != fake.shape[1]:
        raise InputError(
            f"real features have {real.shape[1]} dimensions, generated ones {fake.shape[1]}; "
            "expected the same: use one extractor for both"
        )
    return real, fake


def _number(value: float) -> float | str:
    """JSON has no NaN and no infinity; they are written as words."""
    return float(value) if math.isfinite(value) else str(float(value))


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (np.ndarray, tuple, set)):
        return list(value)
    return str(value)
