"""Class labels in networks: losses, one-hot codes, conditional batch norm, projection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.layers.class_codes import one_hot
from tfgan_suite.layers.spectral import SpectralDense, SpectralEmbedding


def class_loss(class_logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """`-E log p(label | x)` of logits `(batch, K)`, a float32 scalar; log K if all are equal."""
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(label, tf.cast(class_logits, tf.float32))
    )


@compat.register_layer
class ConcatenateLabel(keras.layers.Layer):
    """Appends the class as a one-hot code: features for vectors, constant maps for maps.

    Args:
        classes: number of classes, K.
        scale: the value that replaces the code's 1; below 1 where its maps would dominate.

    Input: `[x, label]` with x `(batch, features)` or `(batch, height, width, channels)` and label
    `(batch,)`, int. Output: x with K more features or channels.

    Raises:
        InputError: `classes` is below 1.
    """

    def __init__(self, classes: int, scale: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        if int(classes) != classes or classes < 1:
            raise InputError(f"classes is {classes}; it must be a whole number of at least 1")
        self.classes, self.scale = int(classes), float(scale)

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        x, label = inputs
        code = self.scale * one_hot(label, self.classes, dtype=x.dtype)
        if len(x.shape) == 4:
            code = code[:, None, None, :] + tf.zeros_like(x[..., :1])
        return tf.concat([x, code], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (*input_shape[0][:-1], input_shape[0][-1] + self.classes)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "classes": self.classes, "scale": self.scale}


@compat.register_layer
class OneHot(keras.layers.Layer):
    """Class indices `(batch,)` as one-hot codes `(batch, classes)`.

    Args:
        classes: number of classes.
    """

    def __init__(self, classes: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.classes = int(classes)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return one_hot(inputs, self.classes, dtype=self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (*input_shape, self.classes)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "classes": self.classes}


@compat.register_layer
class ConditionalBatchNormalization(keras.layers.Layer):
    """Batch normalization with a scale and an offset per class; the statistics are shared.

    `y = gamma[label] * (x - mean) / sqrt(variance + epsilon) + beta[label]`, mean and variance
    over the whole batch, regardless of labels (Dumoulin et al. 2017, Miyato and Koyama 2018).

    Args:
        classes: number of classes.
        momentum: of the moving averages.
        epsilon: float added to the variance.

    Input: `[x, label]` with x `(batch, ..., channels)` and label `(batch,)`, int. Output as x.

    Raises:
        InputError: `classes` is below 1.
    """

    def __init__(self, classes: int, momentum: float = 0.9, epsilon: float = 1e-5, **kwargs: Any):
        super().__init__(**kwargs)
        if int(classes) != classes or classes < 1:
            raise InputError(f"classes is {classes}; it must be a whole number of at least 1")
        self.classes = int(classes)
        self.momentum, self.epsilon = momentum, epsilon
        self.norm = compat.BatchNormalization(
            momentum=momentum,
            epsilon=epsilon,
            center=False,
            scale=False,
            dtype=kwargs.get("dtype"),
            name="norm",
        )

    def build(self, input_shape: Any) -> None:
        shape = tuple(input_shape[0])
        self.norm.build(shape)
        table = (self.classes, shape[-1])
        self.gamma = self.add_weight(name="gamma", shape=table, initializer="ones")
        self.beta = self.add_weight(name="beta", shape=table, initializer="zeros")
        self.built = True

    def call(self, inputs: Sequence[tf.Tensor], training: bool | None = None) -> tf.Tensor:
        x, label = inputs
        x = self.norm(x, training=training)
        code = one_hot(label, self.classes, dtype=x.dtype)
        # A product, not a lookup: optimizers and loss scaling treat sparse gradients differently.
        gamma, beta = (
            tf.matmul(code, tf.cast(tf.convert_to_tensor(table), x.dtype))
            for table in (self.gamma, self.beta)
        )
        for _ in range(len(x.shape) - 2):
            gamma, beta = gamma[:, None], beta[:, None]
        return x * gamma + beta

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return tuple(input_shape[0])

    def get_config(self) -> dict[str, Any]:
        own = {"classes": self.classes, "momentum": self.momentum, "epsilon": self.epsilon}
        return {**super().get_config(), **own}


def projection_logit(phi: Any, label: Any, classes: int) -> Any:
    """The projection discriminator's logit `w . phi + b + e_y . phi` of features `(batch, n)`.

    w and the table of all e_y are spectrally normalized. Returns a tensor `(batch, 1)`.
    """
    value = SpectralDense(1, dtype="float32", name="value")(phi)
    row = SpectralEmbedding(
        classes,
        phi.shape[-1],
        embeddings_initializer="glorot_uniform",
        dtype="float32",
        name="class_vectors",
    )(label)
    agreement = keras.layers.Dot(axes=1, dtype="float32", name="agreement")([row, phi])
    return keras.layers.Add(dtype="float32", name="logit")([value, agreement])
