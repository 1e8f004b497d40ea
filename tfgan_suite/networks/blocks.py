"""What three or more games share in building their networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.layers.convolution import Dense

NORMS = ("batch", "layer", "instance", "none")
_BASES = (4, 7, 6, 5)


def upsampling_plan(size: int) -> tuple[int, int]:
    """How an image of this size is made by doublings: `size == base * 2 ** doublings`.

    Args:
        size: height and width of the image.

    Returns:
        `(base, doublings)` with base 4 where possible, else 7, 6 or 5, and at least one doubling.

    Raises:
        InputError: no such base; the message names the nearest sizes that have one.
    """
    for base in _BASES:
        doublings = (size // base).bit_length() - 1
        if doublings >= 1 and base << doublings == size:
            return base, doublings
    possible = sorted(base << n for base in _BASES for n in range(1, 9))
    near = sorted(sorted(possible, key=lambda p: abs(p - size))[:4])
    raise InputError(
        f"size {size} cannot be made by doubling {', '.join(map(str, sorted(_BASES)))} pixels;"
        f" the nearest sizes that can are {', '.join(map(str, near))}"
    )


def normal(stddev: float = 0.02, mean: float = 0.0) -> keras.initializers.Initializer:
    """A fresh normal initializer (one object must not serve two layers)."""
    return keras.initializers.RandomNormal(mean, stddev)


def normalization(kind: str) -> keras.layers.Layer | None:
    """A normalisation layer for `(batch, height, width, channels)` by name.

    Args:
        kind: `"batch"`; `"layer"` (statistics over height, width and channels of one example, an
            affine map per channel); `"instance"` (statistics per channel and example); `"none"`.

    Returns:
        The layer, `None` for `"none"`.

    Raises:
        InputError: another name.
    """
    if kind == "batch":
        return compat.BatchNormalization(gamma_initializer=normal(0.02, 1.0))
    if kind == "layer":
        return keras.layers.GroupNormalization(groups=1, epsilon=1e-5)
    if kind == "instance":
        return compat.InstanceNormalization(epsilon=1e-5)
    if kind == "none":
        return None
    raise InputError(f"norm {kind!r} is unknown; it must be one of {', '.join(NORMS)}")


def normalized(x: Any, kind: str) -> Any:
    """`x` after a normalisation layer by name; `x` itself for `"none"`.

    Args:
        x: tensor `(batch, height, width, channels)` of a functional model.
        kind: as for `normalization`.
    """
    layer = normalization(kind)
    return x if layer is None else layer(x)


def initializer_before(norm: str) -> Any:
    """Initializer of a layer that a normalisation by name follows: the papers' 0.02.

    Without one, weights that small would make the signal vanish: He's larger spread.
    """
    return "he_normal" if norm == "none" else normal()


def check_positive_integers(**values: int) -> None:
    """Refuses widths, channels and dimensions that are not whole numbers of at least 1."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(f"{name} is {value!r}; it must be a whole number of at least 1")


def check_shape(shape: tuple[int, ...], architecture: str, architectures: Sequence[str]) -> None:
    """Refuses an architecture that is unknown or cannot make examples of a shape.

    Args:
        shape: of one example: `(height, width, channels)`, or `(n,)` for points.
        architecture: `"mlp"` is for points, all others are for images.
        architectures: those that there are.

    Raises:
        InputError: what does not fit, and what would.
    """
    if architecture not in architectures:
        raise InputError(
            f"architecture {architecture!r} is unknown; it must be one of"
            f" {', '.join(architectures)}"
        )
    if (len(shape) == 1) != (architecture == "mlp"):
        raise InputError(
            f"architecture {architecture!r} does not fit examples of shape {shape}: 'mlp' is for"
            " points, all others are for images (height, width, channels)"
        )
    if len(shape) == 3 and shape[0] != shape[1]:
        raise InputError(f"images of shape {shape} are not square; give them one size")


def mlp(
    x: Any, width: int, outputs: int, layers: int = 3, activation: str = "relu", name: str = "out"
) -> Any:
    """Hidden dense layers and a linear one: the networks of toy problems.

    Args:
        x: tensor `(batch, features)` of a functional model.
        width: units of each hidden layer.
        outputs: units of the last layer, float32.
        layers: number of hidden layers.
        activation: of the hidden layers; `"relu"` or `"tanh"`.
        name: of the last layer.
    """
    x = hidden(x, width, layers, activation)
    return Dense(outputs, dtype="float32", name=name)(x)


def hidden(
    x: Any, width: int, layers: int = 3, activation: str = "relu", prefix: str | None = None
) -> Any:
    """The hidden dense layers of such a network.

    Args:
        x, width, layers, activation: as for `mlp`.
        prefix: `"features"` names them `features_0`, `features_1` and so on; None, the default:
            Keras names them.
    """
    start = "he_uniform" if activation == "relu" else "glorot_uniform"
    for level in range(layers):
        name = prefix and f"{prefix}_{level}"
        x = Dense(width, activation=activation, kernel_initializer=start, name=name)(x)
    return x
