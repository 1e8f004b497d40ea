"""Dropout as a function of (seed, step), like all randomness of a game.

Keras's own dropout has a state that no checkpoint holds, and drops the same on every replica.
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

from tfgan_suite import compat
from tfgan_suite.errors import InputError

_CONTEXT = threading.local()
# The largest prime whose square fits into 32 bits; the number of sequences of `variant_noise`.
VARIANTS = 46_337


@compat.register_layer
class StatelessDropout(keras.layers.Layer):
    """Dropout whose random numbers come from `dropout_noise`, and so can be reproduced.

    Args:
        rate: fraction of the features set to 0 in training; the others are scaled by
            `1 / (1 - rate)`.

    Raises:
        InputError: the rate is not in [0, 1).
    """

    def __init__(self, rate: float, **kwargs: Any):
        super().__init__(**kwargs)
        if not 0.0 <= rate < 1.0:
            raise InputError(f"dropout rate {rate}; expected a number in [0, 1)")
        self.rate = float(rate)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if not training or not self.rate:
            return inputs
        noise = getattr(_CONTEXT, "noise", None)
        if noise is None:
            raise RuntimeError(
                f"{self.name} was called in training outside of `with dropout_noise(...)`"
            )
        sizes = tf.shape(inputs)
        shape = tuple(size or sizes[axis] for axis, size in enumerate(inputs.shape))
        numbers = tf.convert_to_tensor(noise(shape, self.name))
        # Integers are compared as integers, so that an int8 file drops the same features.
        limit = self.rate if numbers.dtype.is_floating else math.ceil(self.rate * VARIANTS)
        mask = tf.cast(numbers >= limit, inputs.dtype)
        return inputs * mask * (1.0 / (1.0 - self.rate))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate}


@compat.register_layer
class InferenceDropout(StatelessDropout):
    """Dropout that stays on at inference wherever `dropout_noise` is active.

    Inside `dropout_noise(...)` it drops in training and at inference, so that a translator whose
    only randomness is dropout keeps it, exports included. Outside, inference returns the inputs.

    Args:
        rate: as for `StatelessDropout`.
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        drops = training or getattr(_CONTEXT, "noise", None) is not None
        return super().call(inputs, training=drops)


@contextlib.contextmanager
def dropout_noise(noise: Callable[[tuple, str], tf.Tensor]) -> Iterator[None]:
    """Supplies the random numbers of all `StatelessDropout` layers called in the block.

    Args:
        noise: takes a shape and a layer's name and returns numbers in [0, 1), or integers in
            [0, `VARIANTS`).
    """
    # Per thread: each replica is traced in its own.
    previous, _CONTEXT.noise = getattr(_CONTEXT, "noise", None), noise
    try:
        yield
    finally:
        _CONTEXT.noise = previous


def variant_noise(variant: tf.Tensor) -> Callable[[tuple, str], tf.Tensor]:
    """Noise for `dropout_noise` that is determined by an integer per example.

    Random operations do not convert to TFLite; this is integer arithmetic, with the same results
    everywhere and for maps of any size: integers below `VARIANTS`. Good for dropout, not for
    statistics.

    Args:
        variant: int32 `(batch,)` in [0, `VARIANTS`): the sequence that each example gets.
    """

    def noise(shape: tuple, name: str) -> tf.Tensor:
        salt = zlib.crc32(name.encode()) % VARIANTS
        first = _hash(tf.reshape(variant, (-1, 1)) + salt)
        position = tf.range(math.prod(shape[1:]))[None]
        hashed = _hash(_hash(position + first) + _hash(first + position // VARIANTS + 1))
        return tf.reshape(hashed, shape)

    return noise


def _hash(number: tf.Tensor) -> tf.Tensor:
    """Maps non-negative integers to integers below `VARIANTS`: a linear map, then a cube.

    Both are permutations modulo this prime, because 3 does not divide `VARIANTS - 1`, and no
    product exceeds 32 bits.
    """
    linear = (number % VARIANTS * 20_011 + 30_013) % VARIANTS
    return linear * linear % VARIANTS * linear % VARIANTS
