"""Measures how far the exported formats differ from the Keras networks."""

from __future__ import annotations

import importlib.util
import math
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.core.trained_game import TrainedGame
from tfgan_suite.export import litert_runner
from tfgan_suite.export.errors import ExportError, ParityError
from tfgan_suite.export.examples import Examples
from tfgan_suite.utils.files import write_reason
from tfgan_suite.utils.json_files import parse_json

# Maximum absolute difference for outputs in [-1, 1].
BOUNDS = {
    "saved_model": 1e-5,
    "tflite_float32": 1e-4,
    "tflite_float16": TrainedGame.float16_bound,
}
# An int8 file whose tensors are mostly float was not quantized.
INT8_SHARE = 0.5
INT8_SHARE_WITHOUT_NORMS = 0.2
# Output elements that are computed at once: 85 images of 128x128, 5 of 512x512.
_MAX_ELEMENTS = 2**22


def protocol(seed: int) -> dict[str, Any]:
    """What the numbers of a report mean; the same for all signatures."""
    return {
        "difference": "largest absolute difference over all examples and output elements; "
        "bounds hold for outputs in [-1, 1] and grow with larger outputs",
        "psnr": "10 log10(range^2 / mean squared difference) in dB over all examples",
        "saved_model": "loaded from disk, all examples at once (large outputs in parts), against "
        "Keras on the CPU",
        "tflite": "one example at a time, against the SavedModel",
        "int8_share": "int8 tensors / (int8 + float tensors) of the file",
        "seed": seed,
        **compat.RELEASES,
    }


Outputs = dict[str, np.ndarray]


def keras_outputs(signature: Signature, examples: Examples) -> Outputs:
    """The reference: the game's networks, called directly, on the CPU; arrays by output name."""
    with tf.device("CPU:0"):
        return _in_parts(signature.named_outputs, examples.compared, signature)


def _in_parts(
    call: Callable[..., Mapping[str, tf.Tensor]],
    inputs: Mapping[str, np.ndarray],
    signature: Signature,
) -> Outputs:
    """A network's outputs for all examples, computed at once, or in parts if outputs are large.

    The feature maps of a network that upscales images take hundreds of times the memory of its
    inputs.

    Args:
        call: the network.
        inputs: arrays `(count, ...)` by name.
        signature: states the shapes of its outputs; if one is unknown, one example is computed
            to find it out.
    """

    def outputs_of(rows: slice) -> Outputs:
        tensors = {name: tf.constant(array[rows]) for name, array in inputs.items()}
        outputs = call(**tensors)
        return {spec.name: np.asarray(outputs[spec.name], np.float32) for spec in signature.outputs}

    count = len(next(iter(inputs.values())))
    if any(None in spec.shape for spec in signature.outputs):
        size = sum(array.size for array in outputs_of(slice(0, 1)).values())
    else:
        size = sum(math.prod(spec.shape) for spec in signature.outputs)
    part = signature.part_size(inputs, max(1, _MAX_ELEMENTS // max(1, size)))
    parts = [outputs_of(slice(start, start + part)) for start in range(0, count, part)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def saved_model_outputs(
    folder: Path, signatures: Mapping[str, Signature], examples: Mapping[str, Examples]
) -> dict[str, Outputs]:
    """The outputs of a SavedModel, loaded from disk, for the examples of each signature."""
    with tf.device("CPU:0"):
        loaded = tf.saved_model.load(str(folder))
        return {
            name: _in_parts(loaded.signatures[name], examples[name].compared, signature)
            for name, signature in signatures.items()
        }


def tflite_outputs(model: Path, inputs: Mapping[str, np.ndarray], scratch: Path) -> dict[str, Any]:
    """Runs a TFLite file, in a process without TensorFlow if a standalone runtime is installed.

    Args:
        model: the file.
        inputs: arrays `(count, ...)` by input name.
        scratch: folder for the arrays that are passed to the process and back.

    Returns:
        `{"outputs": arrays by name, "runtime": name, version and process, "tensors": number of
        the file's tensors by dtype}`.
    """
    if not any(importlib.util.find_spec(name) for name in litert_runner.RUNTIMES):
        outputs, tensors = litert_runner.run(litert_runner.interpreter_class(), str(model), inputs)
        runtime = {
            "name": "tf.lite",
            "version": compat.RELEASES["tensorflow"],
            "process": "this one, with TensorFlow: no standalone runtime is installed "
            "(ai-edge-litert)",
        }
        return {"outputs": outputs, "runtime": runtime, "tensors": tensors}
    paths = [scratch / "inputs.npz", scratch / "outputs.npz"]
    np.savez(paths[0], **inputs)
    process = subprocess.run(
        [sys.executable, litert_runner.__file__, str(model), *map(str, paths)],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if process.returncode != 0:
        message = _last_line(process.stderr)
        if reason := write_reason(message):
            raise OSError(reason)
        raise ExportError(f"{model.name} does not run: {message}")
    execution = parse_json(
        process.stdout.rstrip().rpartition("\n")[2],
        "the answer of the TFLite runtime",
        {"runtime": str, "version": str, "tensors": {}},
        advice="install it again",
    )
    with np.load(paths[1]) as stored:
        outputs = dict(stored)
    runtime = {
        "name": execution["runtime"],
        "version": execution["version"],
        "process": "its own, without TensorFlow",
    }
    return {"outputs": outputs, "runtime": runtime, "tensors": execution["tensors"]}


def compare(reference: np.ndarray, outputs: np.ndarray, bound: float) -> dict[str, Any]:
    """Compares the outputs of a float format with the reference.

    Args:
        reference: correct outputs.
        outputs: outputs of the format, same shape.
        bound: maximum difference for outputs in [-1, 1], usually one of `BOUNDS`.

    Returns:
        `{"max_difference", "bound", "ok"}`; outputs that are not finite or of another shape are
        not ok.
    """
    bound *= max(1.0, float(np.max(np.abs(reference))))
    if outputs.shape != reference.shape:
        return {"shapes": [list(reference.shape), list(outputs.shape)], "bound": bound, "ok": False}
    difference = float(np.max(np.abs(outputs.astype(np.float64) - reference)))
    return {"max_difference": difference, "bound": bound, "ok": bool(difference <= bound)}


def compare_all(
    signature: Signature,
    reference: Outputs,
    outputs: Outputs,
    compare_one: Callable[..., dict[str, Any]],
) -> dict[str, Any]:
    """Compares all outputs of a format.

    Args:
        signature: names the outputs.
        reference: correct arrays, by output name.
        outputs: arrays of the format, by output name.
        compare_one: `compare_one(spec, reference, outputs)`, such as `compare` or `compare_int8`.

    Returns:
        The result of `compare_one`; for several outputs, a dict of results by name under
        `"outputs"`, and `"ok"` if all are.
    """
    results = {
        spec.name: compare_one(spec, reference[spec.name], outputs[spec.name])
        for spec in signature.outputs
    }
    if len(results) == 1:
        return results[signature.output.name]
    return {"outputs": results, "ok": all(result["ok"] for result in results.values())}


def compare_int8(
    spec: TensorSpec,
    reference: np.ndarray,
    outputs: np.ndarray,
    tensors: Mapping[str, int],
    bound: float | None,
    float_norms: bool = False,
) -> dict[str, Any]:
    """Compares the outputs of an int8 file with the reference.

    Args:
        spec: the output, whose range is 2 for images, otherwise that of `reference`.
        reference: float outputs.
        outputs: outputs of the file, same shape.
        tensors: number of its tensors by dtype.
        bound: minimum PSNR in dB, `None` for any.
        float_norms: whether norms are in float32, which have many small tensors.

    Returns:
        `{"psnr", "bound", "int8_share", "int8_share_bound", "norms", "ok"}`; `psnr` is `None`
        if the outputs are equal.
    """
    floats = sum(n for dtype, n in tensors.items() if dtype.startswith("float"))
    min_share = INT8_SHARE_WITHOUT_NORMS if float_norms else INT8_SHARE
    share = tensors.get("int8", 0) / max(1, tensors.get("int8", 0) + floats)
    peak = 2.0 if spec.kind == "image" else float(np.ptp(reference))
    decibels = psnr(reference, outputs, peak)
    # NaN compares false with everything, so it is not ok.
    above_bound = bound is None or decibels >= bound
    return {
        "psnr": decibels if np.isfinite(decibels) else None,
        "bound": bound,
        "int8_share": round(share, 4),
        "int8_share_bound": min_share,
        "norms": "float32" if float_norms else "int8",
        "ok": bool(above_bound and share >= min_share and np.isfinite(outputs).all()),
    }


def psnr(reference: np.ndarray, outputs: np.ndarray, peak: float) -> float:
    """Peak signal-to-noise ratio in dB, `10 log10(peak^2 / mse)`; infinite if equal."""
    error = float(np.mean((outputs.astype(np.float64) - reference) ** 2))
    if error == 0.0:
        return float("inf")
    return float(10.0 * np.log10(peak**2 / error)) if peak > 0 else float("-inf")


def check(report: Mapping[str, Any], report_path: Path) -> None:
    """Raises ParityError, with every number over its bound and the report's file."""
    failed = failures(report)
    if failed:
        listed = "; ".join(f"{name} as {kind}: {why}" for name, kind, why in failed)
        raise ParityError(
            f"nothing was exported, formats differ from Keras: {listed}; the full "
            f"report is {str(report_path)!r}",
            {kind: why for _, kind, why in failed},
        )


def failures(report: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What is over its bound: signature, format and reason."""
    return [
        (name, kind, reason(result))
        for name, formats in report["signatures"].items()
        for kind, result in formats.items()
        if isinstance(result, Mapping) and not result.get("ok", True)
    ]


def reason(result: Mapping[str, Any]) -> str:
    """Describes what is wrong with a format."""
    if "outputs" in result:
        failed = {name: part for name, part in result["outputs"].items() if not part["ok"]}
        return ", ".join(f"{name}: {reason(part)}" for name, part in failed.items())
    if "shapes" in result:
        return "shape {1} instead of {0}".format(*result["shapes"])
    if "psnr" not in result:
        return f"difference {result['max_difference']:.3g} over the bound {result['bound']:.3g}"
    if result["int8_share"] < result["int8_share_bound"]:
        return f"only {result['int8_share']:.0%} of its tensors are int8"
    measured = "not measurable" if result["psnr"] is None else f"{result['psnr']:.1f} dB"
    return f"PSNR {measured} under the bound {result['bound']} dB"


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
