"""Outputs of a network's inner layers, by the layers' names."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from tfgan_suite.errors import InputError


def select_outputs(network: keras.Model, layers: Sequence[str]) -> keras.Model:
    """A model with the network's inputs and weights that returns the outputs of named layers.

    Args:
        network: a functional Keras model, e.g. a game's discriminator.
        layers: names of its layers, e.g. `["features_0", "features_1"]`; `layer_names` lists them.

    Returns:
        Model from the network's inputs to a list with one tensor for each name.

    Raises:
        InputError: a name that no layer has; the message lists the names.
    """
    existing = layer_names(network)
    unknown = [name for name in layers if name not in existing]
    if unknown or not layers:
        raise InputError(f"{network.name} has no layers {unknown}; it has {', '.join(existing)}")
    outputs = [network.get_layer(name).output for name in layers]
    return keras.Model(network.inputs, outputs, name=f"{network.name}_taps")


def layer_names(network: keras.Model) -> list[str]:
    """Names of a network's layers, first to last."""
    return [layer.name for layer in network.layers]
