"""Exports compute in float32, even if the networks were trained in half precision."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from tfgan_suite.export.errors import GraphError

_HALVES = ("bfloat16", "float16")


@contextlib.contextmanager
def float32_compute(networks: Iterable[Any]) -> Iterator[tuple[str, ...]]:
    """Makes all layers of `networks` compute in float32 until the end of the block.

    The layers' policies are changed instead of copying the networks, because a signature's `call`
    uses the game's own networks. Weights are float32 under a mixed policy, so none is converted;
    functions that were traced before do not change.

    Yields:
        Names of the policies that were replaced; empty if every layer computed in float32 already.

    Raises:
        GraphError: a layer stores its weights in half precision.
    """
    switched: list[tuple[Any, Any]] = []
    try:
        for layer in _layers(networks):
            if layer.compute_dtype not in _HALVES:
                continue
            if layer.variable_dtype in _HALVES:
                raise GraphError(
                    f"layer {layer.name!r} stores its weights in {layer.variable_dtype}; expected "
                    "float32 weights; use a mixed policy, e.g. 'mixed_bfloat16'"
                )
            switched.append((layer, layer.dtype_policy))
            _set_policy(layer, "float32")
        yield tuple(sorted({policy.name for _, policy in switched}))
    finally:
        for layer, policy in switched:
            _set_policy(layer, policy)


def _layers(networks: Iterable[Any]) -> Iterator[Any]:
    visited: set[int] = set()
    for network in networks:
        if not hasattr(network, "_flatten_layers"):
            continue  # a tf.Module has no policy
        for layer in network._flatten_layers():
            if id(layer) not in visited:
                visited.add(id(layer))
                yield layer


def _set_policy(layer: Any, policy: Any) -> None:
    # Keras 2 caches the compute dtype; only this method updates the cache.
    if hasattr(layer, "_set_dtype_policy"):
        layer._set_dtype_policy(policy)
    else:
        layer.dtype_policy = policy
