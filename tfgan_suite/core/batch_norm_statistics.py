"""Batch norm statistics of finished weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf


def standing_statistics(network: keras.Model, batches: Iterable[tf.Tensor]) -> None:
    """Recomputes the moving statistics of all batch norms as the mean over given input batches.

    Moving averages lag behind quickly changing weights, so that samples in inference mode look
    washed out; statistics of the finished weights do not ("standing statistics").

    Args:
        network: the network; only its batch norms' moving statistics change.
        batches: inputs `(batch, ...)`; about 100 batches of the training size are plenty.
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


def recalibrate_from_noise(game: Any, batches: int = 100, batch: int = 64) -> None:
    """Recomputes the statistics of a generator whose first input is all it takes.

    Args:
        game: an `AdversarialModel`; its sampling generator is changed, for drawing and export.
        batches: number of batches of noise.
        batch: size of each.
    """
    signature = game.signatures()["serving_default"]
    (generator,), spec = signature.networks, signature.inputs[0]
    draws = (spec.draw(batch, seed=[game.seed, index]) for index in range(batches))
    standing_statistics(generator, draws)
