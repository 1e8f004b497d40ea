"""Encoders of sentences: characters to indices, and the char-CNN-RNN that games are told with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError, must_be

# 70 symbols; the hyphen occurs twice, and the later index counts, as in the released alphabet.
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789-,;.!?:'\"/\\|_@#$%^&*~`+-=<>()[]{} "
LENGTH = 201  # characters of a sentence that are read
_INDEX = {symbol: index for index, symbol in enumerate(ALPHABET)}
POOLINGS = ("mean", "last")


def encode_characters(texts: Sequence[str], length: int = LENGTH) -> np.ndarray:
    """Indices of characters in `ALPHABET`.

    Args:
        texts: sentences; upper case counts as lower case.
        length: characters that are read; longer sentences are cut.

    Returns:
        int32 `(n, length)`; -1 for unknown characters and after the end.
    """
    indices = np.full((len(texts), length), -1, np.int32)
    for row, text in enumerate(texts):
        known = [_INDEX.get(symbol, -1) for symbol in text.lower()[:length]]
        indices[row, : len(known)] = known
    return indices


def character_indices(texts: tf.Tensor, length: int = LENGTH) -> tf.Tensor:
    """As `encode_characters` in a graph: a string tensor `(batch,)` to int32 `(batch, length)`."""
    table = np.full(128, -1, np.int32)
    table[[ord(symbol) for symbol in _INDEX]] = list(_INDEX.values())
    points = tf.strings.unicode_decode(tf.strings.lower(texts, encoding="utf-8"), "UTF-8")
    points = points.to_tensor(-1, shape=(None, length))
    known = (points >= 0) & (points < 128)
    return tf.where(known, tf.gather(table, tf.where(known, points, 0)), -1)


@compat.register_layer
class OneHotCharacters(keras.layers.Layer):
    """int32 indices `(batch, length)` to one-hot rows `(batch, length, 70)`; zeros for -1."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.one_hot(tf.cast(inputs, tf.int32), len(ALPHABET), dtype=self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (*input_shape, len(ALPHABET))


@compat.register_layer
class UnrolledGRU(keras.layers.Layer):
    """A gated recurrent unit over a fixed number of steps, without a loop in its graph.

    ```
    h_1 = tanh(W x_1 + b)
    u, r = sigmoid(U x_t + V h + c)
    h_t  = u tanh(W x_t + b + Q (r h) + q) + (1 - u) h
    ```

    Args:
        units: size of the state.
        pooling: `"mean"` of the states of all steps, or the `"last"` one.

    Input shape `(batch, steps, features)`, output `(batch, units)`.

    Raises:
        InputError: an unknown pooling.

    Reference: Reed et al., "Learning Deep Representations of Fine-grained Visual Descriptions",
    CVPR 2016, whose first state has no gate.
    """

    def __init__(self, units: int, pooling: str = "mean", **kwargs: Any):
        super().__init__(**kwargs)
        if pooling not in POOLINGS:
            raise InputError(f"pooling is {pooling!r}; {must_be(pooling, POOLINGS)}")
        self.units, self.pooling = int(units), pooling

    def build(self, input_shape: Any) -> None:
        units = self.units
        for name, rows in (("input", int(input_shape[-1])), ("state", units)):
            kernel = self.add_weight(
                name=f"{name}_kernel", shape=(rows, 3 * units), initializer="glorot_uniform"
            )
            bias = self.add_weight(name=f"{name}_bias", shape=(3 * units,), initializer="zeros")
            setattr(self, f"{name}_kernel", kernel)
            setattr(self, f"{name}_bias", bias)
        self.built = True

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        steps, units = int(inputs.shape[1]), self.units
        kernels = [
            tf.cast(tf.convert_to_tensor(kernel), inputs.dtype)
            for kernel in (self.input_kernel, self.state_kernel)
        ]
        biases = [
            tf.cast(tf.convert_to_tensor(bias), inputs.dtype)
            for bias in (self.input_bias, self.state_bias)
        ]
        # Update gate, reset gate and candidate side by side.
        from_inputs = tf.tensordot(inputs, kernels[0], 1) + biases[0]
        state = tf.tanh(from_inputs[:, 0, 2 * units :])
        states = [state]
        gates_kernel, candidate_kernel = kernels[1][:, : 2 * units], kernels[1][:, 2 * units :]
        for step in range(1, steps):
            gates = from_inputs[:, step, : 2 * units] + tf.matmul(state, gates_kernel)
            gates = tf.sigmoid(gates + biases[1][: 2 * units])
            update, reset = gates[:, :units], gates[:, units:]
            recalled = tf.matmul(reset * state, candidate_kernel) + biases[1][2 * units :]
            candidate = tf.tanh(from_inputs[:, step, 2 * units :] + recalled)
            state = update * candidate + (1.0 - update) * state
            states.append(state)
        return tf.add_n(states) / len(states) if self.pooling == "mean" else state

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (input_shape[0], self.units)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "pooling": self.pooling}


def build_char_cnn_rnn(
    text_dim: int = 1024,
    *,
    width: int = 512,
    first_width: int | None = None,
    length: int = LENGTH,
    pooling: str = "mean",
    dropout: float = 0.0,
) -> keras.Model:
    """The char-CNN-RNN of Reed et al.: indices of characters to a vector.

    Convolutions of width 4 (384, 512, 512 at the paper's scale) with ReLU, the first two followed
    by pooling over 3, a GRU over the 18 steps that are left, and a dense layer.

    Args:
        text_dim: length of the vector.
        width: of the later convolutions and of the GRU.
        first_width: of the first convolution. `None`: three quarters of `width`.
        length: characters of a sentence.
        pooling: `"mean"` (birds and flowers) or `"last"`, as in `UnrolledGRU`.
        dropout: before the dense layer.

    Returns:
        Model from int32 `(batch, length)`, as `encode_characters` returns, to float32 `(batch,
        text_dim)`.

    Raises:
        InputError: the sentences are too short for the convolutions.
    """
    if length < 48:  # leaves one step
        raise InputError(
            f"sentences of {length} characters; expected 48 or more, which the convolutions and "
            "poolings need: pass a longer length"
        )
    indices = keras.Input((length,), dtype="int32", name="characters")
    x = OneHotCharacters()(indices)
    for number, filters in enumerate((first_width or 3 * width // 4, width, width)):
        x = keras.layers.Conv1D(filters, 4, activation="relu")(x)
        if number < 2:
            x = keras.layers.MaxPooling1D(3)(x)
    x = UnrolledGRU(width, pooling)(x)
    if dropout:
        x = keras.layers.Dropout(dropout)(x)
    return keras.Model(indices, keras.layers.Dense(text_dim, dtype="float32")(x), name="text")
