"""Batch norm statistics of trained weights."""

from __future__ import annotations

from collections.abc import Iterable

import keras
import tensorflow as tf


def standing_statistics(network: keras.Model, batches: Iterable[tf.Tensor]) -> None:
    """Recomputes the moving statistics of all batch norms as means over batches of inputs.

    Moving averages lag behind weights that change quickly, so samples in inference mode look
    washed out; with the statistics of the final weights ("standing statistics") they do not.

    Args:
        network: the network; only its batch norms' moving statistics change.
        batches: inputs `(batch, ...)`; about 100 batches of the training size are enough.
    """
    norms = [n for n in network._flatten_layers() if isinstance(n, keras.layers.BatchNormalization)]
    if not norms:
        return
    momenta, trainable = [norm.momentum for norm in norms], network.trainable
    # Frozen batch norms run in inference mode whatever `training` says.
    network.trainable = True
    try:
        for index, batch in enumerate(batches):
            for norm in norms:
                norm.momentum = index / (index + 1)  # the running mean of index + 1 batches
            network(batch, training=True)
    finally:
        network.trainable = trainable
        for norm, momentum in zip(norms, momenta):
            norm.momentum = momentum
