"""Ranges of 8 bits for what a saturating activation reads."""

from __future__ import annotations

import collections
from typing import Any

# Beyond these inputs the activation is at its end: tanh(4) = 0.9993, sigmoid(8) = 0.9997.
LIMITS = {"TANH": 4.0, "LOGISTIC": 8.0}


def clip_ranges(calibrated: bytes) -> bytes:
    """Limits the calibrated ranges of tensors that only a saturating activation reads.

    A generator that draws black backgrounds has logits down to -200 in front of its tanh. In steps
    of their range, of 0.8, 8 bits hold hardly a grey between black and white. Convolutions saturate
    at the ends of their range, so that a range of the limit is the same as a clip.

    Args:
        calibrated: a TFLite model with calibrated ranges, not yet quantized.

    Returns:
        The model with the changed ranges.
    """
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(calibrated))
    limits = {getattr(schema.BuiltinOperator, name): limit for name, limit in LIMITS.items()}
    changed = False
    for graph in model.subgraphs:
        readings = _readings(graph)
        for operator in graph.operators:
            limit = limits.get(_code(model, operator))
            if limit is not None and readings[operator.inputs[0]] == 1:
                changed |= _limit(graph.tensors[operator.inputs[0]].quantization, limit)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model)) if changed else calibrated


def _readings(graph: Any) -> collections.Counter[int]:
    """How often operators and the caller read each tensor."""
    readers = [*(operator.inputs for operator in graph.operators), graph.outputs]
    # None: an operator without inputs.
    return collections.Counter(t for tensors in readers if tensors is not None for t in tensors)


def _code(model: Any, operator: Any) -> int:
    code = model.operatorCodes[operator.opcodeIndex]
    return max(code.builtinCode, code.deprecatedBuiltinCode)  # the latter where it is below 127


def _limit(quantization: Any, limit: float) -> bool:
    """Clips a tensor's range; whether that changed it."""
    if quantization is None or quantization.min is None or len(quantization.min) != 1:
        return False
    low, high = float(quantization.min[0]), float(quantization.max[0])
    if low >= -limit and high <= limit:
        return False
    quantization.min = [max(min(low, 0.0), -limit)]
    quantization.max = [min(max(high, 0.0), limit)]
    return True
