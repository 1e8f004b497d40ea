"""Bounds in the graph: what a request may cost is checked there, before it is computed.

A server runs the graph and nothing else, so each exported signature refuses, by an `Assert` op
with a sentence that says what is allowed, inputs of another shape, no examples or more than its
limit, labels out of range, and NaN.

The limit follows from the network: as many examples (or pixels, where sides are open) as need
about 1 GiB of feature maps, and at most 256 MiB of float32 answers.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfgan_suite.core.signatures import Signature, TensorSpec

FEATURE_MAP_BYTES, ANSWER_BYTES = 2**30, 2**28
# Images of up to this size are always accepted where sides are open.
_LEAST_PIXELS = 256 * 256


def limited(signature: Signature, traced: Any) -> Signature:
    """The signature with its limit, and with calls that check their inputs.

    Args:
        signature: a game's own.
        traced: its concrete function for one example, from which the costs are read.
    """
    answer = 4 * sum(math.prod(_lengths(output)) for output in traced.outputs)
    maps = max(1, feature_map_bytes(traced))
    units, least = 1, 1
    if signature.is_open:
        inputs = traced.structured_input_signature[1]
        units = min(
            math.prod(side for side, fixed in zip(inputs[spec.name].shape[1:], spec.shape)
                      if fixed is None)
            for spec in signature.inputs
            if None in spec.shape
        )  # fmt: skip
        least = max(_LEAST_PIXELS, signature.counted((1, 1)))
    budget = min(FEATURE_MAP_BYTES * units // maps, ANSWER_BYTES * units // max(1, answer))
    limit = max(least, budget)
    unit = "pixels" if signature.is_open else "examples"
    checked = dataclasses.replace(signature, limit=limit, limit_unit=unit)

    def call(**inputs: tf.Tensor) -> Any:
        with tf.control_dependencies(_checks(checked, inputs)):
            inputs = {name: tf.identity(value) for name, value in inputs.items()}
        return signature.call(**inputs)

    return dataclasses.replace(checked, call=call)


def feature_map_bytes(function: Any) -> int:
    """The most memory that tensors take at once that depend on a function's inputs.

    Args:
        function: a concrete function of known shapes. Operations run in the order of the graph,
            and a tensor lives until its last use.
    """
    graph = function.graph
    captured = {tensor.ref() for tensor in graph.internal_captures}
    alive = {tensor.ref() for tensor in graph.inputs} - captured
    operations = graph.get_operations()
    last_use = {
        tensor.ref(): index for index, item in enumerate(operations) for tensor in item.inputs
    }
    sizes = {key: _bytes(key.deref()) for key in alive}
    total = most = sum(sizes.values())
    for index, item in enumerate(operations):
        inputs = {tensor.ref() for tensor in item.inputs}
        if not any(key in sizes for key in inputs):
            continue
        outputs = {tensor.ref(): _bytes(tensor) for tensor in item.outputs}
        sizes.update(outputs)
        total += sum(outputs.values())
        most = max(most, total)
        total -= sum(sizes[key] for key in inputs if key in sizes and last_use[key] == index)
        total -= sum(size for key, size in outputs.items() if key not in last_use)
    return most


def require(condition: tf.Tensor, *words: Any) -> tf.Operation:
    """An operation that fails with words and numbers unless a condition holds."""
    return tf.raw_ops.Assert(condition=condition, data=list(words), summarize=8)


def count_check(count: tf.Tensor, limit: int | None) -> list[tf.Operation]:
    """Checks a number of examples against the limit of a signature of fixed sizes."""
    most = 2**31 - 1 if limit is None else limit
    allowed = tf.logical_and(count >= 1, count <= min(most, count.dtype.max))
    text = f"the number of examples must be from 1 to {most} in one request; this is"
    return [require(allowed, text, count)]


def _checks(signature: Signature, inputs: Mapping[str, tf.Tensor]) -> list[tf.Operation]:
    """Operations that refuse inputs which the signature does not allow."""
    checks: list[tf.Operation] = []
    counts = []
    for spec in signature.inputs:
        # The graph's optimizer takes the declared shape for true and would remove the check. A
        # placeholder with a default hides it.
        value = tf.raw_ops.PlaceholderWithDefault(input=inputs[spec.name], shape=None)
        shape = tf.shape(value)
        checks.append(_shape_check(spec, shape))
        with tf.control_dependencies(checks[-1:]):
            shape = tf.identity(shape)
        counts.append(shape[0])
        if None in spec.shape:
            checks += open_check(signature, spec, shape)
        checks += _value_checks(spec, value)
    if counts:
        checks += count_check(counts[0], None if signature.is_open else signature.limit)
        equal = tf.reduce_all(tf.equal(tf.stack(counts), counts[0]))
        names = ", ".join(spec.name for spec in signature.inputs)
        text = f"the inputs ({names}) must have the same number of examples; they have"
        checks.append(require(equal, text, tf.stack(counts)))
    return checks


def open_check(signature: Signature, spec: TensorSpec, shape: tf.Tensor) -> list[tf.Operation]:
    """Checks the pixels of a batch of open sides against the limit.

    Args:
        signature: the signature with its limit.
        spec: the input.
        shape: int32, its shape with the batch dimension.
    """
    if signature.limit is None:
        return []
    wide = tf.cast(shape, tf.int64)
    sides = [wide[axis] for axis, side in enumerate(spec.shape, 1) if side is None]
    pixels = wide[0] * signature.counted(sides)
    text = (
        f"input {spec.name!r} may have at most {signature.limit} pixels in one request, with sides"
        f" rounded up to {signature.multiple}; send smaller or fewer images, or use tiles:"
        " this has"
    )
    least = require(tf.reduce_all(shape >= 1), f"input {spec.name!r} is empty: it has", shape)
    return [least, require(pixels <= signature.limit, text, pixels)]


def _shape_check(spec: TensorSpec, shape: tf.Tensor) -> tf.Operation:
    rank = len(spec.shape) + 1
    # Filled up, so that comparing a shape of too few dimensions does not fail for itself.
    lengths = tf.concat([shape, tf.fill([rank], -1)], 0)[:rank]
    fits = tf.equal(tf.size(shape), rank)
    for axis, side in enumerate(spec.shape, 1):
        if side is not None:
            fits = tf.logical_and(fits, tf.equal(lengths[axis], side))
    expected = ", ".join("any" if side is None else str(side) for side in ("batch", *spec.shape))
    text = f"input {spec.name!r} must have the shape ({expected}); it has"
    return require(fits, text, shape)


def _value_checks(spec: TensorSpec, value: tf.Tensor) -> list[tf.Operation]:
    dtype = tf.as_dtype(spec.dtype)
    if dtype.is_floating:
        finite = tf.reduce_all(tf.math.is_finite(value))
        return [require(finite, f"input {spec.name!r} holds NaN or infinity")]
    if dtype.is_integer and spec.classes is not None:
        inside = tf.reduce_all(tf.logical_and(value >= 0, value < spec.classes))
        text = f"input {spec.name!r} must be from 0 to {spec.classes - 1}; it holds"
        return [require(inside, text, value)]
    return []


def _bytes(tensor: tf.Tensor) -> int:
    return math.prod(_lengths(tensor)) * max(1, tensor.dtype.size or 1)


def _lengths(tensor: tf.Tensor) -> Sequence[int]:
    return [side or 1 for side in tensor.shape] if tensor.shape.rank is not None else []
