"""From a game to a version folder: trace, save, convert, compare, describe, publish."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.errors import InputError
from tfgan_suite.export import card as cards
from tfgan_suite.export import (
    examples,
    folders,
    functions,
    limits,
    parity,
    precision,
    saved_model,
    serving,
    tflite,
    tflite_files,
)
from tfgan_suite.export.errors import ConversionError
from tfgan_suite.export.examples import Examples, Representative
from tfgan_suite.export.functions import DEFAULT
from tfgan_suite.utils.files import writing_to

TFLITE_FORMATS = tuple(f"tflite_{kind}" for kind in tflite_files.KINDS)
REJECTED = "rejected.json"
PARITY = "parity.json"


@dataclasses.dataclass(frozen=True)
class ExportResult:
    """The result of an export.

    Args:
        path: the version's folder, `<folder>/<name>/<version>`.
        version: the version's number.
        files: sizes in bytes by path relative to `path`.
        parity: the content of `parity.json`.
        card: the content of `card.json`.
        left_out: why formats are missing that were asked for, by format.
    """

    path: Path
    version: int
    files: dict[str, int]
    parity: dict[str, Any]
    card: dict[str, Any]
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)


def export(
    game: Any,
    folder: str | Path,
    *,
    name: str,
    card: Mapping[str, Any] | None = None,
    formats: Sequence[str] = ("saved_model", "tflite"),
    representative: Representative | Mapping[str, Representative] | None = None,
    float16_bound: float = parity.BOUNDS["tflite_float16"],
    int8_bound: float | None = 30.0,
    leave_out: bool = False,
    warmup: bool = True,
    size: tuple[int, int] = (64, 64),
    seed: int = 0,
) -> ExportResult:
    """Exports a game's signatures as the next version of `<folder>/<name>`.

    The game is exported as it is and not changed: call `game.recalibrate_batch_norm()` first if its
    batch-norm statistics should be updated. Networks that compute in half precision are exported
    in float32. A version is published complete or not at all.

    Args:
        game: any object whose `signatures()` returns `{"serving_default": Signature, ...}`.
        folder: parent folder of the exports.
        name: letters, digits, `.`, `_`, `-`; the model's name in TensorFlow Serving.
        card: how the game was trained; written to `card.json`.
        formats: `"saved_model"` (required) and any of `"tflite_float32"`,
            `"tflite_float16"`, `"tflite_int8"`, or `"tflite"` for all three.
        representative: function without arguments that returns batches of inputs by name, which
            set the ranges of int8; a dict of such functions by signature if a game has several.
            By default inputs are drawn; for image inputs, real images are better.
        float16_bound: maximum difference of float16 for outputs in [-1, 1]; by default 0.016, two
            grey levels of 255.
        int8_bound: minimum PSNR of int8 against float in dB; `None` accepts any. If 8-bit
            arithmetic throughout is below it, norms stay in float32, and the report says so.
        leave_out: leave TFLite formats over their bound out of the version instead of raising.
        warmup: write TensorFlow Serving's warm-up file if `tensorflow-serving-api` is installed.
        size: height and width in TFLite files and comparisons, for images of unknown size.
        seed: seed of the inputs that are drawn for comparisons.

    Returns:
        The path, contents and parity of the new version.

    Raises:
        InputError: bad name, format, representative or card; a folder that cannot be written.
        ParityError: a format differs by more than its bound; the report is in
            `<folder>/<name>/rejected.json`.
        ConversionError: TensorFlow Lite cannot convert a signature.
        GraphError: a signature runs Python, training mode or random ops.
    """
    folders.check_name(name)
    training = dict(card or {})
    if "export" in training:
        raise InputError(
            "the card has an entry 'export', which is reserved for the export; rename it"
        )
    bounds = {**parity.BOUNDS, "tflite_float16": float16_bound, "tflite_int8": int8_bound}
    job = _Job(_signatures(game), _kinds(formats), representative, bounds, size, seed)
    home = Path(folder) / name
    with (
        writing_to(home),
        folders.staging(home) as staged,
        precision.float32_compute(job.networks) as policies,
    ):
        inputs = job.examples()
        traced = {
            name: saved_model.trace_all({name: signature}, batch=1, size=job.size)
            for name, signature in job.signatures.items()
        }
        limited = {
            name: limits.limited(signature, traced[name][name])
            for name, signature in job.signatures.items()
        }
        graphs = saved_model.trace_all(limited)
        served = functions.all_functions(limited, graphs)
        derived = {name: served[name] for name in served if name not in limited}
        graphs.update(saved_model.trace_all(derived))
        variables = saved_model.save(staged, graphs, served)
        report = _compare(dataclasses.replace(job, signatures=limited), staged, inputs, traced)
        failed = _leave_out(staged, report) if leave_out else {}
        _check_parity(home, staged, report)
        content = cards.make(
            name,
            served,
            saved_model.tensor_names(staged),
            variables,
            precision=_precision(policies),
            warmup=_warm_up(staged, name, served, inputs) if warmup else "not requested",
        )
        result = _publish(home, staged, name, training, content, report)
        return dataclasses.replace(result, left_out=failed)


@dataclasses.dataclass(frozen=True)
class _Job:
    """The validated arguments of an export."""

    signatures: dict[str, Signature]
    kinds: tuple[str, ...]
    representative: Any
    bounds: Mapping[str, float | None]
    size: tuple[int, int]
    seed: int

    @property
    def networks(self) -> list[Any]:
        return [network for signature in self.signatures.values() for network in signature.networks]

    def examples(self) -> dict[str, Examples]:
        sources = self.representative
        if not isinstance(sources, Mapping):
            sources = {DEFAULT: sources}
        unknown = set(sources) - set(self.signatures)
        if unknown:
            raise InputError(
                f"`representative` names {sorted(unknown)}; the game has {sorted(self.signatures)}"
            )
        return {
            name: examples.make(name, signature, sources.get(name), seed=self.seed, size=self.size)
            for name, signature in self.signatures.items()
        }


def _signatures(game: Any) -> dict[str, Signature]:
    signatures = dict(game.signatures())
    if DEFAULT not in signatures:
        raise InputError(
            f"{type(game).__name__} has the signatures {sorted(signatures)}; expected one "
            f"named {DEFAULT!r}"
        )
    return signatures


def _kinds(formats: str | Sequence[str]) -> tuple[str, ...]:
    """The TFLite kinds in `formats`."""
    requested = (formats,) if isinstance(formats, str) else tuple(formats)
    unknown = set(requested) - {"saved_model", "tflite", *TFLITE_FORMATS}
    if unknown or "saved_model" not in requested:
        raise InputError(
            f"formats are {list(requested)}; expected 'saved_model' and any of 'tflite', "
            f"{', '.join(map(repr, TFLITE_FORMATS))}"
        )
    return tuple(
        kind for kind in tflite_files.KINDS if {"tflite", f"tflite_{kind}"} & set(requested)
    )


def _compare(
    job: _Job, staged: Path, inputs: Mapping[str, Examples], traced: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Converts each signature, runs every format and returns the report."""
    references = parity.saved_model_outputs(staged, job.signatures, inputs)
    report: dict[str, Any] = {"protocol": parity.protocol(job.seed), "signatures": {}, "ok": True}
    for name, signature in job.signatures.items():
        reference = parity.keras_outputs(signature, inputs[name])
        results = {
            "saved_model": parity.compare_all(
                signature,
                reference,
                references[name],
                lambda spec, *arrays: parity.compare(*arrays, job.bounds["saved_model"]),
            )
        }
        if job.kinds and not signature.saved_model_only:
            scratch = staged / ".scratch"
            frozen = tflite.freeze(scratch, job.signatures[name], traced[name])
            results.update(_compare_tflite(job, frozen, staged, inputs[name], references[name]))
            shutil.rmtree(scratch)
        report["ok"] = report["ok"] and all(result["ok"] for result in results.values())
        report["signatures"][name] = {
            "examples": len(reference[signature.output.name]),
            "inputs": inputs[name].origin,
            **results,
        }
    return report


def _compare_tflite(
    job: _Job, frozen: tflite.Frozen, staged: Path, inputs: Examples, reference: parity.Outputs
) -> dict[str, Any]:
    """Converts one signature to all kinds, runs the files and returns a result for each."""
    signature = job.signatures[frozen.name]
    results = {}
    folder = staged / "tflite"
    if frozen.name != DEFAULT:
        folder /= frozen.name
    scratch = staged / ".scratch"

    def attempt(kind: str, float_norms: bool = False) -> dict[str, Any]:
        path = folder / f"{kind}.tflite"
        content = tflite.convert(frozen, kind, inputs.calibration, float_norms)
        with folders.writing(staged):
            folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        execution = parity.tflite_outputs(path, inputs.compared, scratch)
        bound = job.bounds[f"tflite_{kind}"]

        def compare(spec: TensorSpec, *arrays: np.ndarray) -> dict[str, Any]:
            if kind == "int8":
                return parity.compare_int8(spec, *arrays, execution["tensors"], bound, float_norms)
            return parity.compare(*arrays, bound)

        result = parity.compare_all(signature, reference, execution["outputs"], compare)
        return {**result, "runtime": execution["runtime"], "tensors": execution["tensors"]}

    for kind in job.kinds:
        result = attempt(kind)
        if kind == "int8" and not result["ok"]:
            print(f"int8 {parity.reason(result)}: trying again with norms in float32", flush=True)
            with contextlib.suppress(ConversionError):
                result = attempt(kind, float_norms=True)
        results[f"tflite_{kind}"] = result
    return results


def _leave_out(staged: Path, report: dict[str, Any]) -> dict[str, str]:
    """Removes TFLite formats over their bound from the files and the report; their reasons."""
    failed = {kind: reason for _, kind, reason in parity.failures(report)}
    if "saved_model" in failed:
        return {}
    for kind in failed:
        for path in staged.glob(f"tflite/**/{kind.removeprefix('tflite_')}.tflite"):
            path.unlink()
        for results in report["signatures"].values():
            results.pop(kind, None)
    for folder in sorted(staged.glob("tflite/**"), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    report["ok"] = True
    return failed


def _check_parity(home: Path, staged: Path, report: Mapping[str, Any]) -> None:
    """Writes the report; if a format is over its bound, beside the versions, and raises."""
    rejected = home / REJECTED
    folders.write_text(staged / PARITY if report["ok"] else rejected, cards.dump(report))
    parity.check(report, rejected)
    rejected.unlink(missing_ok=True)


def _precision(policies: Sequence[str]) -> str:
    if not policies:
        return "float32"
    return f"float32; the networks were trained under {', '.join(policies)}"


def _warm_up(
    staged: Path, name: str, served: Mapping[str, Signature], inputs: Mapping[str, Examples]
) -> str:
    """Writes the warm-up file if possible; returns what happened."""
    if not serving.can_warm_up():
        return "skipped: tensorflow-serving-api is not installed (extra 'serving')"
    requests = {
        key: serving.warmup_request(signature, inputs[functions.source(key, inputs)].compared)
        for key, signature in served.items()
    }
    serving.write_warmup(staged, name, requests)
    return f"{serving.WARMUP.as_posix()}: one request for each of {', '.join(requests)}"


def _publish(
    home: Path,
    staged: Path,
    name: str,
    training: Mapping[str, Any],
    content: dict[str, Any],
    report: dict[str, Any],
) -> ExportResult:
    files = cards.sizes(staged)
    card: dict[str, Any] = {}

    def finish(version: int) -> None:
        card.update({**training, "export": {**content, "version": version, "files": files}})
        folders.write_text(staged / cards.FILE, cards.dump(card))

    with folders.writing(home):
        folders.write_text(home / serving.MODEL_CONFIG, serving.model_config(name))
        version = folders.publish(staged, home, finish)
    return ExportResult(home / str(version), version, files, report, card)
