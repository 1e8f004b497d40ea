"""What a page knows of an export: its card, and its TFLite files by signature."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfgan_suite.errors import InputError
from tfgan_suite.export import card as cards
from tfgan_suite.export.functions import DEFAULT
from tfgan_suite.export.loading import find_version
from tfgan_suite.export.tflite_files import KINDS
from tfgan_suite.utils import export_names, foreign_files
from tfgan_suite.utils.files import failure_reason

_MAGIC = b"TFL3"  # bytes 4 to 8 of every TFLite file
_FACTS = ("game", "data", "steps", "classes", "measured")


@dataclasses.dataclass(frozen=True)
class Entry:
    """An export on the page.

    Args:
        description: its part of `demo.json`.
        files: TFLite files, by path below the site's folder.
        path: the version's folder.
    """

    description: dict[str, Any]
    files: dict[str, bytes]
    path: Path

    @property
    def takes_sentences(self) -> bool:
        """Whether an input is the vector of a sentence."""
        signatures = self.description["signatures"].values()
        return any(spec["kind"] == "embedding" for entry in signatures for spec in entry["inputs"])


def read(source: str | Path, precision: str | None, identity: str = "") -> Entry:
    """Reads an export.

    Args:
        source: `<name>/<version>`, `<name>`, or the name of a shipped export.
        precision: which of its TFLite files: `"float32"`, `"float16"` or `"int8"`; `None`: the
            first of these that it has.
        identity: its name on the page; by default the export's.

    Raises:
        InputError: no export, a damaged card or file, or no TFLite file of this precision.
    """
    path = find_version(export_names.shipped(source) or source)
    card = cards.read(path)
    if precision is None:
        precision = next((kind for kind in KINDS if _tflite_files(path, kind)), KINDS[0])
    name = identity or _safe(str(card["export"].get("name") or path.parent.name))
    files, signatures = {}, {}
    for key, file in _tflite_files(path, precision).items():
        if key not in card["export"]["signatures"]:
            continue
        site_path = f"models/{name}/{_safe(key)}.tflite"
        files[site_path] = _read(file, path, card)
        signatures[key] = {"file": site_path, **_tensors(card["export"]["signatures"][key])}
    if not signatures:
        raise InputError(
            f"{path} holds no TFLite file of precision {precision}, which the page runs;"
            f" {_how_to_export(path, precision)}"
        )
    facts = {key: card[key] for key in _FACTS if card.get(key) is not None}
    parameters = card["export"].get("parameters")
    description = {"id": name, **facts, "parameters": parameters, "signatures": signatures}
    return Entry({**description, "precision": precision}, files, path)


def _tflite_files(path: Path, precision: str) -> dict[str, Path]:
    """The TFLite files of a version by signature, `serving_default` first."""
    folder, name = path / "tflite", f"{precision}.tflite"
    files = {file.parent.name: file for file in sorted(folder.glob(f"*/{name}"))}
    if (folder / name).exists():
        files = {DEFAULT: folder / name, **files}
    return files


def _how_to_export(path: Path, precision: str) -> str:
    others = sorted({file.stem for file in path.glob("tflite/**/*.tflite")})
    if others:
        return f"pass --precision {others[0]}, or export its run again: tfgan_suite export RUN"
    return f"export its run again: python -m tfgan_suite export RUN writes {precision} files"


def _read(file: Path, path: Path, card: Mapping[str, Any]) -> bytes:
    """The content of a TFLite file, if it is as long as its card says."""
    try:
        content = foreign_files.read_bytes(file)
    except OSError as error:
        raise InputError(f"{file} cannot be read ({failure_reason(error)})") from error
    size = (card["export"].get("files") or {}).get(file.relative_to(path).as_posix(), len(content))
    if content[4:8] != _MAGIC or len(content) != size:
        raise InputError(
            f"{file} is damaged: it holds {len(content)} bytes that are not the TFLite file of the"
            f" card; {cards.ADVICE}"
        )
    return content


def _tensors(signature: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs and outputs of a signature, without what only TensorFlow needs."""
    outputs: Sequence[Any] = (signature["output"], *(signature.get("further_outputs") or ()))
    keys = ("name", "shape", "dtype", "kind", "classes")
    groups = {"inputs": signature["inputs"], "outputs": outputs}
    return {
        group: [{key: spec[key] for key in keys if spec.get(key) is not None} for spec in specs]
        for group, specs in groups.items()
    }


def _safe(name: str) -> str:
    """A name as a part of a path and of a URL."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "export"
