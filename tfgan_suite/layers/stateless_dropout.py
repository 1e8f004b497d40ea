"""Dropout that is a function of (seed, step), as all else that a game draws.

Keras's own dropout keeps a state that no checkpoint holds, and drops the same on every replica.
"""

from __future__ import annotations

import contextlib
import math
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite.errors import InputError

_DRAWS = threading.local()
# The largest prime whose square fits into 32 bits, and how many series `variant_noise` has.
VARIANTS = 46_337


@keras.saving.register_keras_serializable(package="tfgan_suite")
class StatelessDropout(keras.layers.Layer):
    """Dropout whose draws come from outside, by `dropout_noise`, and so can be made again.

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
            raise RuntimeError(
                f"{self.name} was called in training outside of `dropout_noise(...)`"
            )
        sizes = tf.shape(inputs)
        shape = tuple(size or sizes[axis] for axis, size in enumerate(inputs.shape))
        drawn = tf.convert_to_tensor(draw(shape, self.name))
        # Whole numbers stay whole: compared so, they drop the same in an int8 file as anywhere.
        limit = self.rate if drawn.dtype.is_floating else math.ceil(self.rate * VARIANTS)
        kept = drawn >= limit
        return inputs * tf.cast(kept, inputs.dtype) * (1.0 / (1.0 - self.rate))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate}


@keras.saving.register_keras_serializable(package="tfgan_suite")
class InferenceDropout(StatelessDropout):
    """Dropout that stays on after training, wherever it is given draws.

    Inside of `dropout_noise(...)` it drops in training and out of it, so that a translator whose only
    source of chance is dropout keeps it, exported too. Outside it passes its inputs on.

    Args:
        rate: as for `StatelessDropout`.
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        drops = training or getattr(_DRAWS, "draw", None) is not None
        return super().call(inputs, training=drops)


@contextlib.contextmanager
def dropout_noise(draw: Callable[[tuple, str], tf.Tensor]) -> Iterator[None]:
    """Gives all `StatelessDropout` layers that are called in the block their draws.

    Args:
        draw: takes a shape and a layer's name, gives numbers in [0, 1), or whole numbers from 0
            up to, but not, `VARIANTS`.
    """
    # By thread: replicas are traced in threads of their own.
    before, _DRAWS.draw = getattr(_DRAWS, "draw", None), draw
    try:
        yield
    finally:
        _DRAWS.draw = before


def variant_noise(number: tf.Tensor) -> Callable[[tuple, str], tf.Tensor]:
    """Draws for `dropout_noise` that follow from a whole number for each example.

    Random operations do not convert to TFLite; this is arithmetic on whole numbers alone, and
    gives the same draws everywhere, for maps of any size: whole numbers below `VARIANTS`. Good for
    dropout, not for statistics.

    Args:
        number: int32 `(batch,)` from 0 up to, but not, `VARIANTS`: which series each example gets.
    """

    def draw(shape: tuple, name: str) -> tf.Tensor:
        salt = zlib.crc32(name.encode()) % VARIANTS
        first = _mixed(tf.reshape(number, (-1, 1)) + salt)
        position = tf.range(math.prod(shape[1:]))[None]
        mixed = _mixed(_mixed(position + first) + _mixed(first + position // VARIANTS + 1))
        return tf.reshape(mixed, shape)

    return draw


def _mixed(number: tf.Tensor) -> tf.Tensor:
    """A whole number of at least 0 as another below `VARIANTS`: a line, then the third power.

    Both are permutations modulo this prime, for 3 does not divide `VARIANTS - 1`, and no product
    in them leaves 32 bits.
    """
    line = (number % VARIANTS * 20_011 + 30_013) % VARIANTS
    return line * line % VARIANTS * line % VARIANTS
