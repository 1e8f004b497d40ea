"""Sizes of tensors: Python integers where they are known."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def image_sizes(images: tf.Tensor) -> list[Any]:
    """Sizes of the axes: Python integers where known, so that a fixed-size export has no shape ops.

    At most one unknown size is given as -1 (the batch, mostly); more come from `tf.shape`.
    """
    static = images.shape.as_list()
    if static.count(None) == 1 and static[0] is None:
        return [-1, *static[1:]]
    dynamic = tf.shape(images)
    return [dynamic[axis] if size is None else size for axis, size in enumerate(static)]
