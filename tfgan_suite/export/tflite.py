"""TensorFlow Lite files: float32, float16 and int8, one example at a time."""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_suite.core.signatures import Signature
from tfgan_suite.export import litert_runner, saturation, saved_model
from tfgan_suite.export.errors import ConversionError
from tfgan_suite.utils.files import is_failed_write

# Ops of norms that use the image's own statistics: sums over all pixels and quotients, for which
# 8 bits are too few.
_NORMS = ["MEAN", "SQUARED_DIFFERENCE", "RSQRT", "SUB", "MUL", "ADD"]
# Its 8-bit kernel does not scale ones and zeros to the output's range: `layers.class_codes`.
_UNSCALED = ["ONE_HOT"]


@dataclasses.dataclass(frozen=True)
class Frozen:
    """A signature of fixed sizes, ready to be converted to all kinds."""

    name: str
    converter: tf.lite.TFLiteConverter


def freeze(folder: Path, signature: Signature, traced: Mapping[str, Any]) -> Frozen:
    """Writes a SavedModel of one signature, batch size 1, and opens it for `convert`.

    The converter reads a file because it silently converts functions of Keras 3 models wrongly
    when they are passed directly; the batch size is fixed because an unknown one adds shape
    arithmetic that phones' accelerators do not run.

    Args:
        folder: where to write it; `convert` reads it.
        signature: the signature, a game's own: files for phones have a fixed size and no checks.
        traced: its concrete function for batch size 1 and a fixed size, from
            `saved_model.trace_all`, by its name, which the converted file uses too.
    """
    saved_model.save(folder, traced, dict.fromkeys(traced, signature))
    (name,) = traced
    return Frozen(name, tf.lite.TFLiteConverter.from_saved_model(str(folder), [name]))


def convert(
    frozen: Frozen,
    kind: str,
    calibration: Mapping[str, np.ndarray],
    float_norms: bool = False,
) -> bytes:
    """Converts a frozen signature.

    Args:
        frozen: the signature, from `freeze`.
        kind: `"float32"`; `"float16"`: weights of half the size, arithmetic as the device
            prefers; `"int8"`: all arithmetic in 8 bits, with inputs and outputs in float32, so
            that a program uses all three files alike.
        calibration: inputs by name that set the ranges of int8.
        float_norms: int8 keeps means, differences, products and sums of feature maps, and one-hot
            codes, in float32; convolutions, concatenation and resizing stay in 8 bits.

    Returns:
        The file's bytes.

    Raises:
        ConversionError: the converter rejects it.
    """
    converter = frozen.converter
    converter.optimizations = [] if kind == "float32" else [tf.lite.Optimize.DEFAULT]
    converter.target_spec, converter.representative_dataset = tf.lite.TargetSpec(), None
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if kind == "int8":
        # An op without an integer kernel stays in float32: `parity.compare_int8` counts how many.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.representative_dataset = lambda: _one_by_one(calibration)
    with _conversion_errors(frozen.name, kind), warnings.catch_warnings():
        litert_runner.hide_deprecation()  # int8 is calibrated with TensorFlow's interpreter
        return _quantize(converter, float_norms) if kind == "int8" else converter.convert()


def _quantize(converter: tf.lite.TFLiteConverter, float_norms: bool) -> bytes:
    """Converts to int8; with norms in float32 on request."""
    denylisted = _NORMS + _UNSCALED if float_norms else []
    if float_norms:
        converter.target_spec.supported_ops.append(tf.lite.OpsSet.TFLITE_BUILTINS)
    debugging = tf.lite.experimental
    # The debugger gives access to the ranges between calibration and quantization.
    debugger = debugging.QuantizationDebugger(
        converter=converter,
        debug_dataset=converter.representative_dataset,
        debug_options=debugging.QuantizationDebugOptions(denylisted_ops=denylisted),
    )
    debugger.calibrated_model = saturation.clip_ranges(debugger.calibrated_model)
    return debugger.get_nondebug_quantized_model()


def _one_by_one(examples: Mapping[str, np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    for index in range(len(next(iter(examples.values())))):
        yield {name: array[index : index + 1] for name, array in examples.items()}


@contextlib.contextmanager
def _conversion_errors(name: str, kind: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the converter raises its own classes and bare ones
        if is_failed_write(error):
            raise
        raise ConversionError(
            f"TensorFlow Lite cannot convert signature {name!r} to {kind}: {_first_line(error)}; "
            f"change that op or remove 'tflite_{kind}' from `formats`"
        ) from error


def _first_line(error: Any) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line or "is not supported" in line]
    return (errors or lines or [type(error).__name__])[0][:300]
