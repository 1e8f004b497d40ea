"""DiffAugment: random changes of what the discriminator sees, through which the generator learns.

Zhao, Liu, Lin, Zhu, Han, "Differentiable Augmentation for Data-Efficient GAN Training", NeurIPS
2020, arXiv:2006.10738. Draws come from the caller, so they are functions of (seed, step).
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from tfgan_suite.errors import InputError

# Gives numbers in [0, 1) of a shape, for a use with a name of its own.
Draw = Callable[[tuple, str], tf.Tensor]

SHIFT = 0.125  # largest shift, as a share of the side
HOLE = 0.5  # side of the hole, as a share of the side


def parse(policy: str) -> tuple[str, ...]:
    """The kinds that a policy such as `"color,translation"` names, in that order.

    Raises:
        InputError: an unknown kind.
    """
    kinds = tuple(kind.strip() for kind in policy.split(",") if kind.strip())
    for kind in kinds:
        if kind not in _KINDS:
            raise InputError(
                f"augment {kind!r} is unknown; use {', '.join(_KINDS)}, separated by commas"
            )
    return kinds


def augment(images: tf.Tensor, policy: str, draw: Draw) -> tf.Tensor:
    """Changes every image at random.

    Args:
        images: float `(batch, height, width, channels)` in [-1, 1].
        policy: kinds, separated by commas; empty: nothing is changed.
        draw: takes a shape and a name, gives numbers in [0, 1).

    Returns:
        Tensor of the same shape and type; colours may leave [-1, 1], as in the official code.

    Raises:
        InputError: an unknown kind, or examples that are no images.
    """
    kinds = parse(policy)
    if kinds and len(images.shape) != 4:
        raise InputError(f"augment {policy!r} is for images, not for examples {images.shape}")
    for kind in kinds:
        images = _KINDS[kind](images, draw)
    return images


def _color(images: tf.Tensor, draw: Draw) -> tf.Tensor:
    """Brightness by up to half a unit, saturation 0 to 2, contrast 0.5 to 1.5."""

    def number(name: str) -> tf.Tensor:
        return tf.cast(draw((_length(images), 1, 1, 1), name), images.dtype)

    images = images + number("brightness") - 0.5
    grey = tf.reduce_mean(images, axis=3, keepdims=True)
    images = (images - grey) * (number("saturation") * 2.0) + grey
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    return (images - mean) * (number("contrast") + 0.5) + mean


def _translation(images: tf.Tensor, draw: Draw) -> tf.Tensor:
    """Shifts by up to an eighth of the side; what comes in is 0, a middle grey."""
    for axis in (1, 2):
        side = images.shape[axis]
        most = int(side * SHIFT + 0.5)
        shares = draw((_length(images),), f"shift {axis}")
        shift = tf.cast(tf.floor(shares * (2 * most + 1)), tf.int32) - most
        source = tf.range(side)[None, :] + shift[:, None]
        inside = (source >= 0) & (source < side)
        moved = tf.gather(images, tf.clip_by_value(source, 0, side - 1), axis=axis, batch_dims=1)
        form = [-1, side, 1, 1] if axis == 1 else [-1, 1, side, 1]
        images = moved * tf.reshape(tf.cast(inside, images.dtype), form)
    return images


def _cutout(images: tf.Tensor, draw: Draw) -> tf.Tensor:
    """Sets a square of half the side to 0; its centre is anywhere, so parts may lie outside."""
    outside = []
    for axis in (1, 2):
        side = images.shape[axis]
        hole = int(side * HOLE + 0.5)
        shares = draw((_length(images),), f"hole {axis}")
        places = side + 1 - hole % 2
        first = tf.cast(tf.floor(shares * places), tf.int32) - hole // 2
        where = tf.range(side)[None, :] - first[:, None]
        outside.append((where < 0) | (where >= hole))
    keep = outside[0][:, :, None, None] | outside[1][:, None, :, None]
    return images * tf.cast(keep, images.dtype)


def _length(images: tf.Tensor) -> int | tf.Tensor:
    return images.shape[0] or tf.shape(images)[0]


_KINDS = {"color": _color, "translation": _translation, "cutout": _cutout}
