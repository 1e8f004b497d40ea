"""Conditioning augmentation: a sentence's embedding as a Gaussian that the generator samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError, must_be
from tfgan_suite.layers.convolution import Dense

ACTIVATIONS = ("linear", "leaky_relu", "relu")
REDUCTIONS = ("mean", "sum")
# Of log sigma: sigma is then between 0.0003 and 55, and its exponential never overflows.
LOG_SIGMA_RANGE = (-8.0, 4.0)


@compat.register_layer
class ConditioningAugmentation(keras.layers.Layer):
    """`c = mu(phi) + sigma(phi) * eps` of an embedding phi, with log sigma clipped to [-8, 4].

    Args:
        units: length of mu, log sigma and c.
        activation: of mu and log sigma. `"linear"` (default), `"leaky_relu"` (the official
            TensorFlow code, slope 0.2) or `"relu"` (the official PyTorch code, after which mu is
            at least 0 and sigma at least 1, so that no embedding is rendered without noise).

    Input: `[phi, eps]`, float `(batch, features)` and standard normal noise `(batch, units)`;
    with an eps of 0, c is mu. Output: `[c, mu, log_sigma]`, each float32 `(batch, units)`.

    Raises:
        InputError: an unknown activation, or `units` below 1.

    Reference: Zhang et al., "StackGAN", ICCV 2017, section 3.2.
    """

    def __init__(self, units: int, activation: str = "linear", **kwargs: Any):
        # Half precision would round the small differences between sentences.
        super().__init__(**{**kwargs, "dtype": "float32"})
        if int(units) != units or units < 1:
            raise InputError(f"units is {units}; it must be a whole number of at least 1")
        if activation not in ACTIVATIONS:
            raise InputError(f"activation is {activation!r}; {must_be(activation, ACTIVATIONS)}")
        self.units, self.activation = int(units), activation
        self.head = Dense(2 * self.units, dtype="float32", name="head")

    def build(self, input_shape: Any) -> None:
        self.head.build(tuple(input_shape[0]))
        self.built = True

    def call(self, inputs: Sequence[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        embedding, eps = inputs
        # Two products, not one that is split: where a part of a tensor is clipped, int8 conversion
        # gives the entire tensor that part's range, and mu would saturate.
        mu, log_sigma = (
            self._activated(self._half(embedding, half))
            for half in (slice(None, self.units), slice(self.units, None))
        )
        log_sigma = tf.clip_by_value(log_sigma, *LOG_SIGMA_RANGE)
        return reparameterize(mu, log_sigma, eps), mu, log_sigma

    def _half(self, embedding: tf.Tensor, half: slice) -> tf.Tensor:
        """Those units of the head, `(batch, units)`."""
        kernel, bias = (tf.convert_to_tensor(w) for w in (self.head.kernel, self.head.bias))
        return tf.matmul(tf.cast(embedding, kernel.dtype), kernel[:, half]) + bias[half]

    def _activated(self, x: tf.Tensor) -> tf.Tensor:
        if self.activation == "relu":
            return tf.nn.relu(x)
        return tf.nn.leaky_relu(x, 0.2) if self.activation == "leaky_relu" else x

    def compute_output_shape(self, input_shape: Any) -> tuple[tuple[int | None, ...], ...]:
        return ((input_shape[0][0], self.units),) * 3

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "activation": self.activation}


def reparameterize(mu: tf.Tensor, log_sigma: tf.Tensor, eps: tf.Tensor) -> tf.Tensor:
    """`mu + exp(log_sigma) * eps`: a sample of N(mu, sigma^2) where eps is standard normal."""
    return mu + tf.exp(log_sigma) * eps


def kl_to_standard_normal(
    mu: tf.Tensor, log_sigma: tf.Tensor, reduction: str = "mean"
) -> tf.Tensor:
    """`KL(N(mu, sigma^2) || N(0, I))`, a float32 scalar; `(sigma^2 + mu^2 - 1) / 2 - log sigma`.

    Args:
        mu, log_sigma: `(batch, units)`.
        reduction: over the units: their `"mean"`, as in the official code (weight 2), or their
            `"sum"`, the divergence itself, as in the paper (weight 1). The mean over the batch.

    Raises:
        InputError: an unknown reduction.
    """
    if reduction not in REDUCTIONS:
        raise InputError(f"KL reduction is {reduction!r}; {must_be(reduction, REDUCTIONS)}")
    mu, log_sigma = tf.cast(mu, tf.float32), tf.cast(log_sigma, tf.float32)
    divergences = 0.5 * (tf.exp(2.0 * log_sigma) + tf.square(mu) - 1.0) - log_sigma
    of_examples = tf.reduce_sum(divergences, axis=-1)
    if reduction == "mean":
        of_examples /= float(mu.shape[-1])
    return tf.reduce_mean(of_examples)
