"""What games with class labels share: labels of batches, labels in networks, labels in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.spectral import SpectralDense, SpectralEmbedding


def class_count(data: Any) -> int:
    """How many classes a recipe's data have.

    Args:
        data: description of the data with `name` and `classes`.

    Raises:
        InputError: none, or a single one.
    """
    if not data.classes or len(data.classes) < 2:
        found = "one class only" if data.classes else "no classes"
        raise InputError(
            f"{data.name} has {found}, but this game draws by class; give data with two or more"
            " (one folder a class, or labels beside the pictures), such as shapes"
        )
    return len(data.classes)


def parse_labels(text: str, classes: int, names: Sequence[str] | None = None) -> list[int]:
    """Class indices from what a user typed.

    Args:
        text: a class name or index, or several with commas between; names come first where a
            word is both.
        classes: number of classes.
        names: their names, where they have some.

    Returns:
        Indices, at least one.

    Raises:
        InputError: an unknown class; the message lists all.
    """
    known = {str(name).strip(): index for index, name in enumerate(names or ())}
    if text.strip() in known:  # a name may hold a comma
        return [known[text.strip()]]
    found = []
    for word in text.split(","):
        word = word.strip()
        if word in known:
            found.append(known[word])
        elif word.isdecimal() and int(word) < classes:
            found.append(int(word))
        else:
            listed = ", ".join(f"{i} {name}" for name, i in known.items())
            raise InputError(
                f"there is no class {word!r}; the classes are {listed or f'0 to {classes - 1}'}"
            )
    return found


def check_labels(given: Any, classes: int, count: int) -> np.ndarray:
    """Labels as `(n,)` int32, from one for all or one for each example.

    Raises:
        InputError: a label outside 0 to classes - 1, or no whole number.
    """
    array = np.asarray(given)
    if not np.issubdtype(array.dtype, np.integer) or array.ndim > 1 or not array.size:
        raise InputError(
            f"label {given!r} is not a class index or a list of them (0 to {classes - 1})"
        )
    if array.min() < 0 or array.max() >= classes:
        raise InputError(f"label {given!r} is outside the classes 0 to {classes - 1}")
    return np.broadcast_to(array, (count,)).astype("int32") if array.ndim == 0 else array


def class_loss(class_logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """`-E log p(label | x)` of logits `(batch, K)`, a float32 scalar; log K where all are equal."""
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(label, tf.cast(class_logits, tf.float32))
    )


@keras.saving.register_keras_serializable(package="tfgan_suite")
class ConcatenateLabel(keras.layers.Layer):
    """Appends the class as a one-hot code: to vectors as numbers, to maps as constant maps.

    Args:
        classes: number of classes, K.
        scale: what stands for the 1 of the code; less than 1 where the maps outweigh the rest.

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
        code = self.scale * tf.one_hot(label, self.classes, dtype=x.dtype)
        if len(x.shape) == 4:
            code = code[:, None, None, :] + tf.zeros_like(x[..., :1])
        return tf.concat([x, code], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (*input_shape[0][:-1], input_shape[0][-1] + self.classes)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "classes": self.classes, "scale": self.scale}


@keras.saving.register_keras_serializable(package="tfgan_suite")
class OneHot(keras.layers.Layer):
    """Class indices `(batch,)` as one-hot codes `(batch, classes)`.

    Args:
        classes: number of classes.
    """

    def __init__(self, classes: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.classes = int(classes)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.one_hot(inputs, self.classes, dtype=self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (*input_shape, self.classes)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "classes": self.classes}


@keras.saving.register_keras_serializable(package="tfgan_suite")
class ConditionalBatchNormalization(keras.layers.Layer):
    """Batch normalisation with a scale and a shift of each class; the statistics are shared.

    `y = gamma[label] * (x - mean) / sqrt(variance + epsilon) + beta[label]`, mean and variance
    over the whole batch, whatever its labels (Dumoulin et al. 2017, Miyato and Koyama 2018).

    Args:
        classes: number of classes.
        momentum: share that a moving average keeps at each training call.
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
        code = tf.one_hot(label, self.classes, dtype=x.dtype)
        # A product, not a look-up, whose sparse gradient optimizers and loss scaling treat apart.
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


def projected(phi: Any, label: Any, classes: int) -> Any:
    """`w . phi + b + e_y . phi` of features `(batch, n)`, as a tensor `(batch, 1)`.

    w and the table of all e_y are spectral.
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
