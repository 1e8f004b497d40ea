"""Shapes of tensors, as Python integers where they are known."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def image_sizes(images: tf.Tensor) -> list[Any]:
    """Sizes of the axes, as Python integers where known: exports of fixed size need no shape ops.

    If only the batch size is unknown, it is -1; otherwise unknown sizes come from `tf.shape`.
    """
    static = images.shape.as_list()
    if static.count(None) == 1 and static[0] is None:
        return [-1, *static[1:]]
    dynamic = tf.shape(images)
    return [dynamic[axis] if size is None else size for axis, size in enumerate(static)]
