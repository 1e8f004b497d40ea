"""Checks that any program can load a graph and get the same numbers from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tensorflow.core.framework import types_pb2

from tfgan_suite.export.errors import GraphError

_PYTHON = frozenset({"PyFunc", "PyFuncStateless", "EagerPyFunc"})
_RANDOM = frozenset(
    {
        "Multinomial",
        "ParameterizedTruncatedNormal",
        "RandomGamma",
        "RandomPoisson",
        "RandomPoissonV2",
        "RandomShuffle",
        "RandomStandardNormal",
        "RandomUniform",
        "RandomUniformInt",
        "TruncatedNormal",
    }
)
_STATEFUL_RANDOM = ("Rng", "StatefulRandom", "StatefulStandard", "StatefulTrunc", "StatefulUniform")
_HALVES = frozenset({types_pb2.DT_BFLOAT16, types_pb2.DT_HALF})


def check_graph(name: str, function: Any) -> None:
    """Checks a traced signature and the functions that it calls.

    Args:
        name: the signature's name, for messages.
        function: its concrete function.

    Raises:
        GraphError: it runs Python or ops of an add-on library, writes to variables (training
            mode), draws random numbers, or computes in half precision.
    """
    for node in _nodes(function.graph.as_graph_def()):
        problem = _problem(node)
        if problem:
            raise GraphError(f"signature {name!r} cannot be exported: {problem}")


def _nodes(graph: Any) -> Iterator[Any]:
    yield from graph.node
    for called in graph.library.function:
        yield from called.node_def


def _problem(node: Any) -> str | None:
    if node.op in _PYTHON:
        return f"op {node.name!r} calls back into Python; write it with TensorFlow ops"
    if ">" in node.op:
        return (
            f"{node.op!r} is an op of an add-on library, which other programs cannot load; write"
            " it with TensorFlow ops"
        )
    if node.op.startswith("Assign"):
        return f"op {node.name!r} writes to a variable; call the networks with training=False"
    if node.op in _RANDOM or node.op.startswith(_STATEFUL_RANDOM):
        return f"op {node.name!r} draws random numbers; make noise an input of the signature"
    for attribute in node.attr.values():
        if _HALVES.intersection([attribute.type, *attribute.list.type]):
            return (
                f"op {node.name!r} computes in half precision although layers run in float32;"
                " remove the cast"
            )
    return None
