"""Dropout that is a function of (seed, step), as all else that a game draws.

Keras's own dropout keeps a state that no checkpoint holds, and drops the same on every replica.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite.errors import InputError

_DRAWS = threading.local()


@keras.saving.register_keras_serializable(package="tfgan_suite")
class DrawnDropout(keras.layers.Layer):
    """Dropout whose draws come from outside, by `drawing`, and so can be made again.

    Args:
        rate: share of the features that are set to 0 in training; the rest grows by
            `1 / (1 - rate)`.

    Raises:
        InputError: the rate is not in [0, 1).
    """

    def __init__(self, rate: float, **kwargs: Any):
        super().__init__(**kwargs)
        if not 0.0 <= rate < 1.0:
            raise InputError(f"dropout of {rate}; expected a share from 0 up to, but not, 1")
        self.rate = float(rate)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if not training or not self.rate:
            return inputs
        draw = getattr(_DRAWS, "draw", None)
        if draw is None:
            raise RuntimeError(f"{self.name} was called in training outside of `drawing(...)`")
        shape = (inputs.shape[0] or tf.shape(inputs)[0], *inputs.shape[1:])
        kept = draw(shape, self.name) >= self.rate
        return inputs * tf.cast(kept, inputs.dtype) * (1.0 / (1.0 - self.rate))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate}


@contextlib.contextmanager
def drawing(draw: Callable[[tuple, str], tf.Tensor]) -> Iterator[None]:
    """Gives all `DrawnDropout` layers that are called in the block their draws.

    Args:
        draw: takes a shape and a layer's name, gives numbers in [0, 1).
    """
    # By thread: replicas are traced in threads of their own.
    before, _DRAWS.draw = getattr(_DRAWS, "draw", None), draw
    try:
        yield
    finally:
        _DRAWS.draw = before
