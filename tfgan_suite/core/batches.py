"""What a train step takes out of the batch that `fit` hands to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfgan_suite.errors import InputError


def examples(batch: Any) -> tf.Tensor:
    """The real examples of a batch, whatever form `fit` was given.

    Args:
        batch: a dict with `"image"` or `"point"`, a tuple whose first entry they are, or a tensor.

    Returns:
        float32 tensor `(batch, ...)`.
    """
    if isinstance(batch, Mapping):
        for key in ("image", "point"):
            if key in batch:
                return tf.cast(batch[key], tf.float32)
        raise InputError(f"a batch with keys {sorted(batch)} has neither 'image' nor 'point'")
    if isinstance(batch, (tuple, list)):
        batch = batch[0]
    return tf.cast(batch, tf.float32)


def labels(batch: Any) -> tf.Tensor:
    """The class indices of a batch, whatever form `fit` was given.

    Args:
        batch: a dict with `"label"`, or a tuple whose second entry they are.

    Returns:
        int32 tensor `(batch,)`.

    Raises:
        InputError: there are no labels.
    """
    found = None
    if isinstance(batch, Mapping):
        found = batch.get("label")
    elif isinstance(batch, (tuple, list)) and len(batch) > 1:
        found = batch[1]
    if found is None:
        raise InputError(
            "a batch without labels, but this game draws by class; give data with classes (one"
            " folder a class, or labels beside the images)"
        )
    return tf.cast(found, tf.int32)


def batch_size(examples: tf.Tensor) -> int | tf.Tensor:
    """Number of examples in a batch `(batch, ...)`: a Python integer where it is known."""
    return examples.shape[0] or tf.shape(examples)[0]
