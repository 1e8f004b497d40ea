"""Parts of networks that three or more games share."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import Any

import keras

from tfgan_suite import compat
from tfgan_suite.errors import InputError, must_be
from tfgan_suite.layers.convolution import Dense
from tfgan_suite.layers.normalization import GroupNormalization, InstanceNormalization

NORMS = ("batch", "layer", "instance", "none")
ACTIVATIONS = ("relu", "tanh")
_BASES = (4, 7, 6, 5)


def upsampling_plan(size: int) -> tuple[int, int]:
    """How doublings reach an image's size: `size == base * 2 ** doublings`.

    Args:
        size: height and width of the image.

    Returns:
        `(base, doublings)` with base 4 where possible, else 7, 6 or 5, and at least one doubling.

    Raises:
        InputError: no such base exists; the message lists the nearest sizes that have one.
    """
    for base in _BASES:
        doublings = (size // base).bit_length() - 1
        if doublings >= 1 and base << doublings == size:
            return base, doublings
    possible = sorted(base << n for base in _BASES for n in range(1, 9))
    near = sorted(sorted(possible, key=lambda p: abs(p - size))[:4])
    raise InputError(
        f"size {size} is not a power of 2 times {', '.join(map(str, sorted(_BASES)))} pixels;"
        f" the nearest sizes are {', '.join(map(str, near))}"
    )


def normal(stddev: float = 0.02, mean: float = 0.0) -> keras.initializers.Initializer:
    """A new normal initializer; two layers must not share one object."""
    return keras.initializers.RandomNormal(mean, stddev)


def normalization(kind: str) -> keras.layers.Layer | None:
    """A normalization layer for `(batch, height, width, channels)` by name.

    Args:
        kind: `"batch"`; `"layer"` (statistics over height, width and channels of one example, scale
            and offset per channel); `"instance"` (statistics per channel and example); `"none"`.

    Returns:
        The layer, `None` for `"none"`.

    Raises:
        InputError: another name.
    """
    if kind == "batch":
        return compat.BatchNormalization(gamma_initializer=normal(0.02, 1.0))
    if kind == "layer":
        return GroupNormalization(groups=1, epsilon=1e-5)
    if kind == "instance":
        return InstanceNormalization(epsilon=1e-5)
    if kind == "none":
        return None
    raise InputError(_unknown("norm", kind, NORMS))


def normalized(x: Any, kind: str) -> Any:
    """`x` after a normalization layer by name; `x` itself for `"none"`.

    Args:
        x: tensor `(batch, height, width, channels)` of a functional model.
        kind: as for `normalization`.
    """
    layer = normalization(kind)
    return x if layer is None else layer(x)


def initializer_before(norm: str) -> Any:
    """Initializer of a layer before a normalization layer: normal with the papers' deviation 0.02.

    Without normalization the signal would vanish with weights that small: He's initializer.
    """
    return "he_normal" if norm == "none" else normal()


def hidden_units(shape: tuple[int, ...], width: int, at_32: int = 0) -> int:
    """Units of a hidden dense layer that keeps a discriminator of small images from being additive.

    After two halvings, at 16 to 28 pixels, a linear map of the features is a sum over windows of
    10 pixels: no such discriminator sees whether the parts of an image fit together, nor can
    a generator agree on them that is one linear map from z to its maps.

    Args:
        shape: of one example.
        width: channels of the narrowest layer.
        at_32: units at 32 pixels, as a multiple of `width`, for networks that are better with them.

    Returns:
        `16 * width`, as many as InfoGAN and the official conditional DCGAN have; `at_32 * width` at
        32 pixels; 0 for points and for larger images.
    """
    if len(shape) == 3 and shape[0] == 32:
        return at_32 * width
    small = len(shape) == 3 and any(shape[0] in (base * 2, base * 4) for base in _BASES)
    return 16 * width if small else 0


def hidden_features(x: Any, units: int, name: str) -> Any:
    """A discriminator's hidden dense layer with leaky ReLU; `x` itself for 0 units.

    Args:
        x: tensor `(batch, features)` of a functional model.
        units: of the layer.
        name: of its activation.
    """
    if not units:
        return x
    return compat.LeakyReLU(0.2, name=name)(Dense(units, kernel_initializer="he_normal")(x))


def hidden_latent(z: Any, units: int) -> Any:
    """A generator's hidden dense layer with batch norm and ReLU; `z` itself for 0 units.

    Args:
        z: tensor `(batch, latent_dim)` of a functional model.
        units: of the layer.
    """
    if not units:
        return z
    x = Dense(units, use_bias=False, kernel_initializer="he_normal")(z)
    return keras.layers.ReLU()(normalized(x, "batch"))


def check_size(size: int, possible: Sequence[int], kind: str) -> None:
    """Checks a size of images, and names the two possible ones that it lies between.

    Args:
        size: height and width.
        possible: all sizes that would do, two or more, ascending.
        kind: what they are, for the message.

    Raises:
        InputError: the size is not among them.
    """
    if size not in possible:
        above = min(max(bisect.bisect(possible, size), 1), len(possible) - 1)
        below, above = possible[above - 1], possible[above]
        raise InputError(f"size {size} is not {kind}; the nearest sizes are {below} and {above}")


def check_positive_integers(**values: int) -> None:
    """Rejects widths, channels, counts and dimensions that are not integers of at least 1."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(f"{name} is {value!r}; it must be a whole number of at least 1")


def check_choices(norm: str = "none", activation: str = "relu") -> None:
    """Rejects unknown names, also where an architecture has no use for them."""
    for name, value, choices in (("norm", norm, NORMS), ("activation", activation, ACTIVATIONS)):
        if value not in choices:
            raise InputError(_unknown(name, value, choices))


def _unknown(name: str, value: object, choices: Sequence[str]) -> str:
    expected = must_be(value, choices)
    return f"{name} {value!r} is unknown; {expected}"


def check_shape(shape: tuple[int, ...], architecture: str, architectures: Sequence[str]) -> None:
    """Rejects an architecture that is unknown or does not support examples of a shape.

    Args:
        shape: of one example: `(height, width, channels)`, or `(n,)` for points.
        architecture: `"mlp"` is for points, all others are for images.
        architectures: the known ones.

    Raises:
        InputError: the architecture is unknown or does not fit the shape; images are not square.
    """
    if architecture not in architectures:
        raise InputError(
            f"architecture {architecture!r} is unknown; {must_be(architecture, architectures)}"
        )
    if (len(shape) == 1) != (architecture == "mlp"):
        raise InputError(
            f"architecture {architecture!r} does not fit examples of shape {shape}: 'mlp' is for"
            " points, all others are for images (height, width, channels)"
        )
    if len(shape) == 3 and shape[0] != shape[1]:
        raise InputError(
            f"images of shape {shape} are not square; use images of equal height and width"
        )


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
    """The hidden dense layers of `mlp`.

    Args:
        x, width, layers, activation: as for `mlp`.
        prefix: `"features"` names them `features_0`, `features_1` and so on; None, the default:
            Keras names them.
    """
    initializer = "he_uniform" if activation == "relu" else "glorot_uniform"
    for level in range(layers):
        name = prefix and f"{prefix}_{level}"
        x = Dense(width, activation=activation, kernel_initializer=initializer, name=name)(x)
    return x
