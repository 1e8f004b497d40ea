"""SavedModels: the traced signatures of a game and only the variables that they read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfgan_suite.core.signatures import Signature
from tfgan_suite.export import folders, functions
from tfgan_suite.export.errors import GraphError
from tfgan_suite.export.graph_checks import check_graph


class Servable(tf.Module):
    """The saved object: variables without their Keras models.

    Tracking a Keras model would also save its config, losses, optimizer and call functions, none
    of which a server needs.

    Args:
        variables: the variables that the signatures read.
    """

    def __init__(self, variables: Iterable[tf.Variable]):
        super().__init__(name="servable")
        self.weights = list(variables)


def trace_all(signatures: Mapping[str, Signature], **fixed: Any) -> dict[str, Any]:
    """Traces and checks signatures.

    Args:
        signatures: by name.
        **fixed: `batch` and `size` of `functions.trace`.

    Returns:
        Concrete functions by name.

    Raises:
        GraphError: a graph cannot be served, or reads variables of unnamed networks.
    """
    traced = {}
    for name, signature in signatures.items():
        traced[name] = functions.trace(signature, **fixed)
        check_graph(name, traced[name])
    return traced


def used_variables(
    traced: Mapping[str, Any], signatures: Mapping[str, Signature]
) -> list[tf.Variable]:
    """The networks' variables that the traced functions read, in the networks' order.

    Raises:
        GraphError: a function reads a resource of a network that its signature does not list.
    """
    variables: dict[int, tf.Variable] = {}
    for signature in signatures.values():
        for network in signature.networks:
            for variable in network.variables:
                backing = variable if isinstance(variable, tf.Variable) else variable.value
                variables.update((id(handle), backing) for handle in _handles(backing))
    read: set[int] = set()
    for name, function in traced.items():
        for outer, inner in function.graph.captures:
            if outer.dtype != tf.resource:
                continue
            if id(outer) not in variables:
                raise GraphError(
                    f"signature {name!r} reads {inner.name!r}, which belongs to none of its "
                    "networks; list all networks that `call` uses in `networks`"
                )
            read.add(id(variables[id(outer)]))
    unique = {id(variable): variable for variable in variables.values()}
    return [variable for key, variable in unique.items() if key in read]


def save(
    folder: Path, traced: Mapping[str, Any], signatures: Mapping[str, Signature]
) -> list[tf.Variable]:
    """Writes a SavedModel.

    Args:
        folder: where to write it; created if missing.
        traced: concrete functions by name, from `trace_all`.
        signatures: the signatures that were traced.

    Returns:
        The variables that it contains.

    Raises:
        InputError: the folder cannot be written.
    """
    variables = used_variables(traced, signatures)
    with folders.writing(folder):
        tf.saved_model.save(Servable(variables), str(folder), signatures=dict(traced))
    return variables


def tensor_names(folder: Path) -> dict[str, dict[str, dict[str, str]]]:
    """The graph tensors behind the signatures of a SavedModel, which C programs need.

    Returns:
        `{signature: {"inputs": {name: tensor}, "outputs": {name: tensor}}}`, tensors as
        `"operation:index"`.
    """
    model = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    return {
        name: {
            "inputs": {key: tensor.name for key, tensor in sorted(definition.inputs.items())},
            "outputs": {key: tensor.name for key, tensor in sorted(definition.outputs.items())},
        }
        for name, definition in sorted(model.meta_graphs[0].signature_def.items())
        if not name.startswith("__")
    }


def _handles(variable: Any) -> list[Any]:
    # A distribution strategy's variable has one part per replica. A graph reads the first, or all
    # of them where the value is their mean, as for batch norm's moving averages on Keras 2.
    parts = getattr(variable, "values", None)
    return [part.handle for part in (parts if isinstance(parts, tuple) else (variable,))]
