"""Layers whose weight is divided by its largest singular value wherever it is used.

Miyato, Kataoka, Koyama, Yoshida, "Spectral Normalization for Generative Adversarial Networks",
ICLR 2018, arXiv:1802.05957. The stored weight W is what the optimizer updates; the layer computes
with W / sigma. A game calls `run_power_iteration(discriminator)` once per update of the
discriminator: nothing else changes the estimate of sigma, however often it is called.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.layers.convolution import Conv2D, Dense
from tfgan_suite.utils import replicas

# Weights with a smaller singular value count as zero and are not divided.
EPSILON = 1e-12


def run_power_iteration(network: keras.Model) -> None:
    """Runs one power iteration of every spectral layer in a network, at any depth.

    ```
    v = W u / |W u|,     u = W^T v / |W^T v|
    ```

    The new u is computed from variables alone, so that all replicas get the same one. A network
    without spectral layers is left unchanged.

    Args:
        network: a discriminator, in or out of a replica context.
    """
    layers = spectral_layers(network)
    if layers:
        directions = [_tf_variable(layer.direction) for layer in layers]
        values = [power_iteration(_read(layer.weight), _read(layer.direction)) for layer in layers]
        replicas.assign(directions, values)


def spectral_layers(network: keras.Model) -> list[Any]:
    """The spectral layers of a network, at any depth."""
    return [layer for layer in network._flatten_layers() if isinstance(layer, _Spectral)]


def power_iteration(weight: tf.Tensor, direction: tf.Tensor) -> tf.Tensor:
    """The next estimate of the right singular vector u of the largest singular value.

    Args:
        weight: W `(..., outputs)`, read as a matrix with `outputs` columns.
        direction: u `(outputs,)`.

    Returns:
        Tensor `(outputs,)` of length 1.
    """
    matrix = _matrix(weight)
    left_vector = _unit(tf.linalg.matvec(matrix, direction))
    return _unit(tf.linalg.matvec(matrix, left_vector, transpose_a=True))


def singular_value(weight: tf.Tensor, direction: tf.Tensor) -> tf.Tensor:
    """`sigma = v^T W u` with `v = W u / |W u|`: the largest singular value once u has converged.

    u and v are constants in differentiation, so that the gradient with respect to W is `v u^T`.

    Args:
        weight: W `(..., outputs)`, read as a matrix with `outputs` columns.
        direction: u `(outputs,)` of length 1.

    Returns:
        A scalar, never above the true value.
    """
    image = tf.linalg.matvec(_matrix(weight), tf.stop_gradient(direction))
    return tf.reduce_sum(tf.stop_gradient(_unit(image)) * image)


class _Spectral(keras.layers.Layer):
    """Mixin that adds u to a layer, and the weight divided by sigma."""

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.direction = self.add_weight(
            name="direction",
            shape=(self.weight.shape[-1],),
            initializer=_random_direction,
            trainable=False,
        )

    def save_own_variables(self, store: Any) -> None:
        """Writes all variables to a `.keras` or `.weights.h5` file; Keras's layers would omit u."""
        for index, variable in enumerate(self.weights):
            store[str(index)] = compat.tensor_variable(variable).numpy()

    def load_own_variables(self, store: Any) -> None:
        """The inverse of `save_own_variables`."""
        for index, variable in enumerate(self.weights):
            variable.assign(store[str(index)])

    @property
    def weight(self) -> Any:
        """W, the variable that is divided."""
        return self.kernel

    def sigma(self) -> tf.Tensor:
        """The current estimate of the largest singular value, a float32 scalar."""
        return singular_value(_read(self.weight), _read(self.direction))

    def normalized_weight(self) -> tf.Tensor:
        """W / sigma in float32; the gradient with respect to W passes through both."""
        weight = _read(self.weight)
        sigma = singular_value(weight, _read(self.direction))
        return weight / tf.where(sigma < EPSILON, 1.0, sigma)


class _SpectralProduct(_Spectral):
    """A layer that multiplies by the divided kernel and adds its plain bias."""

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        # Divided in float32: a sigma from bfloat16 numbers would be off by up to 0.4%.
        kernel = tf.cast(self.normalized_weight(), inputs.dtype)
        return self._add_bias_and_activate(
            self._product(inputs, kernel, fast=bool(training)), self.bias
        )


@compat.register_layer
class SpectralConv2D(_SpectralProduct, Conv2D):
    """A convolution with its kernel `(height, width, inputs, filters)` divided by sigma.

    sigma is that of the kernel as a matrix with `filters` columns, as in the paper. The norm of
    the convolution itself is up to `sqrt(height * width)` times larger. Arguments are those of
    `tfgan_suite.layers.convolution.Conv2D`.
    """


@compat.register_layer
class SpectralDense(_SpectralProduct, Dense):
    """A dense layer with a Lipschitz constant of at most 1, before its activation.

    Arguments are Keras's.

    Input shape `(batch, features)`.
    """


@compat.register_layer
class SpectralEmbedding(_Spectral, keras.layers.Embedding):
    """One vector per class, from a table `(classes, width)` divided by sigma.

    Arguments are Keras's.

    Input: class indices `(batch,)`; an index outside the table yields zeros. Output `(batch,
    width)`.
    """

    @property
    def weight(self) -> Any:
        return self.embeddings

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        table = tf.cast(self.normalized_weight(), self.compute_dtype)
        # A product, not a lookup: optimizers and loss scaling treat sparse gradients differently.
        return tf.matmul(tf.one_hot(inputs, self.input_dim, dtype=table.dtype), table)


def _random_direction(shape: Any, dtype: Any = None, **_: Any) -> tf.Tensor:
    """A random direction, uniform over the sphere."""
    return _unit(keras.initializers.RandomNormal(0.0, 1.0)(tuple(shape), dtype="float32"))


def _unit(vector: tf.Tensor) -> tf.Tensor:
    """`x / (|x| + 1e-12)`: a vector of zeros stays zero."""
    return vector / (tf.norm(vector) + EPSILON)


def _matrix(weight: tf.Tensor) -> tf.Tensor:
    return tf.reshape(weight, (-1, weight.shape[-1]))


def _read(variable: Any) -> tf.Tensor:
    """A variable's value in float32, also inside a half-precision layer."""
    return tf.convert_to_tensor(_tf_variable(variable))


def _tf_variable(variable: Any) -> tf.Variable:
    """The TensorFlow variable with the float32 values.

    Inside a call of a half-precision layer `tensor_variable` returns a rounded copy (Keras 3) or a
    variable that reads as one (Keras 2.15).
    """
    if isinstance(variable, tf.Variable):
        return getattr(variable, "_variable", variable)
    value = getattr(variable, "_value", None)
    return variable if value is None else value
