"""TensorFlow Lite files: float32, float16 and int8, one example at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_suite.core.signatures import Signature
from tfgan_suite.export import saved_model
from tfgan_suite.export.errors import ConversionError

KINDS = ("float32", "float16", "int8")
# What norms are made of where statistics are those of the image: sums over all pixels and
# quotients, for which eight bits are few.
_NORMS = ["MEAN", "SQUARED_DIFFERENCE", "RSQRT", "SUB", "MUL", "ADD"]


def freeze(folder: Path, name: str, signature: Signature, size: tuple[int, int]) -> None:
    """Writes the SavedModel that `convert` reads: one signature, batch size 1.

    A file is the way to the converter because functions of Keras 3 models handed to it directly
    come out wrong without a word; the batch is fixed because an open one brings shape
    arithmetic that phones' accelerators do not run.

    Args:
        folder: where to.
        name: the signature's name, also in the converted file.
        signature: the signature itself.
        size: height and width of images whose size is open.
    """
    own = {name: signature}
    saved_model.save(folder, saved_model.trace_all(own, batch=1, size=size), own)


def convert(
    folder: Path,
    name: str,
    kind: str,
    calibration: Mapping[str, np.ndarray],
    float_norms: bool = False,
) -> bytes:
    """Converts a frozen signature.

    Args:
        folder: what `freeze` wrote.
        name: the signature's name.
        kind: `"float32"`; `"float16"`: weights in half the space, arithmetic as the device
            likes; `"int8"`: all arithmetic in 8 bits, only the inputs and the output stay
            float32, so that a program feeds and reads all three files alike.
        calibration: inputs by name from which int8 takes its ranges.
        float_norms: int8 leaves means, differences, products and sums of maps in float32;
            convolutions, what joins and what enlarges are 8 bits still.

    Returns:
        The file's bytes.

    Raises:
        ConversionError: the converter refuses.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=[name])
    if kind != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if kind == "int8":
        # Only integer kernels: an op without one is an error, never a silent float op.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.representative_dataset = lambda: _one_by_one(calibration)
    with _refusal(name, kind):
        return _partly(converter) if kind == "int8" and float_norms else converter.convert()


def _partly(converter: tf.lite.TFLiteConverter) -> bytes:
    """Converts to int8 with norms in float32."""
    converter.target_spec.supported_ops.append(tf.lite.OpsSet.TFLITE_BUILTINS)
    debugging = tf.lite.experimental
    made = debugging.QuantizationDebugger(
        converter=converter,
        debug_dataset=converter.representative_dataset,
        debug_options=debugging.QuantizationDebugOptions(denylisted_ops=_NORMS),
    )
    return made.get_nondebug_quantized_model()


def _one_by_one(examples: Mapping[str, np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    for index in range(len(next(iter(examples.values())))):
        yield {name: array[index : index + 1] for name, array in examples.items()}


@contextlib.contextmanager
def _refusal(name: str, kind: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the converter raises classes of its own, and bare ones too
        raise ConversionError(
            f"TensorFlow Lite cannot convert signature {name!r} to {kind}: {_first_line(error)}; "
            f"change that op or leave 'tflite_{kind}' out of `formats`"
        ) from error


def _first_line(error: Any) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "error:" in line or "is not supported" in line]
    return (telling or lines or [type(error).__name__])[0][:300]
