"""Examples, labels and size of the batch that `fit` passes to a train step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfgan_suite.errors import InputError


def unpacked(batch: Any) -> Any:
    """A batch without the packing that Keras puts around it: `(x,)` and `(x, None, None)` are x.

    Args:
        batch: what `train_step` got: a tensor, a dict, or a tuple of up to (x, y, sample_weight).
    """
    if not isinstance(batch, (tuple, list)):
        return batch
    parts = list(batch)
    while len(parts) > 1 and parts[-1] is None:
        parts.pop()
    return parts[0] if len(parts) == 1 else tuple(parts)


def examples(batch: Any) -> tf.Tensor:
    """The real examples of a batch, in whatever form `fit` got it.

    Args:
        batch: a dict with `"image"` or `"point"`, a tuple that starts with them, or a tensor.

    Returns:
        float32 tensor `(batch, ...)`.
    """
    batch = unpacked(batch)
    if isinstance(batch, Mapping):
        for key in ("image", "point"):
            if key in batch:
                return tf.cast(batch[key], tf.float32)
        raise InputError(f"the batch has keys {sorted(batch)}; expected 'image' or 'point'")
    if isinstance(batch, (tuple, list)):
        batch = batch[0]
    return tf.cast(batch, tf.float32)


def labels(batch: Any) -> tf.Tensor:
    """The class indices of a batch, in whatever form `fit` got it.

    Args:
        batch: a dict with `"label"`, or a tuple with them in second place.

    Returns:
        int32 tensor `(batch,)`.

    Raises:
        InputError: the batch has no labels.
    """
    class_labels, batch = None, unpacked(batch)
    if isinstance(batch, Mapping):
        class_labels = batch.get("label")
    elif isinstance(batch, (tuple, list)) and len(batch) > 1:
        class_labels = batch[1]
    if class_labels is None:
        raise InputError(
            "a batch without labels, but this game is class-conditional; use data with classes (a"
            " folder per class, or labels beside the images)"
        )
    return tf.cast(class_labels, tf.int32)


def batch_size(examples: tf.Tensor) -> int | tf.Tensor:
    """Number of examples in a batch `(batch, ...)`: a Python integer where it is known."""
    return examples.shape[0] or tf.shape(examples)[0]


def with_label(inputs: tf.Tensor, label: tf.Tensor | None) -> Any:
    """Inputs of a network that takes labels, or of one that does not where `label` is None."""
    return inputs if label is None else [inputs, label]
