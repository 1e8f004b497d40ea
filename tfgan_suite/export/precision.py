"""Exports compute in float32, also when the networks were trained in half precision."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from tfgan_suite.export.errors import GraphError

_HALVES = ("bfloat16", "float16")


@contextlib.contextmanager
def float32_compute(networks: Iterable[Any]) -> Iterator[tuple[str, ...]]:
    """Lets all layers of `networks` compute in float32 until the end of the block.

    The layers' policies are switched rather than the networks copied, because a signature's
    `call` holds the game's own networks. Weights are float32 under a mixed policy, so nothing is
    converted; functions that were traced before stay as they are.

    Yields:
        Names of the policies that were switched off, empty if all was float32 already.

    Raises:
        GraphError: a layer keeps its very weights in half precision.
    """
    switched: list[tuple[Any, Any]] = []
    try:
        for layer in _layers(networks):
            if layer.compute_dtype not in _HALVES:
                continue
            if layer.variable_dtype in _HALVES:
                raise GraphError(
                    f"layer {layer.name!r} keeps its weights in {layer.variable_dtype}; expected "
                    "float32 weights, as under the policy 'mixed_bfloat16'"
                )
            switched.append((layer, layer.dtype_policy))
            _set_policy(layer, "float32")
        yield tuple(sorted({policy.name for _, policy in switched}))
    finally:
        for layer, policy in switched:
            _set_policy(layer, policy)


def _layers(networks: Iterable[Any]) -> Iterator[Any]:
    seen: set[int] = set()
    for network in networks:
        if not hasattr(network, "_flatten_layers"):
            continue  # a tf.Module has no policy
        for layer in network._flatten_layers():
            if id(layer) not in seen:
                seen.add(id(layer))
                yield layer


def _set_policy(layer: Any, policy: Any) -> None:
    # Keras 2 keeps a cached copy of the compute dtype, which only this method renews.
    if hasattr(layer, "_set_dtype_policy"):
        layer._set_dtype_policy(policy)
    else:
        layer.dtype_policy = policy
