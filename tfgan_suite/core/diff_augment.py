"""DiffAugment: random, differentiable changes of all inputs of the discriminator.

Zhao, Liu, Lin, Zhu, Han, "Differentiable Augmentation for Data-Efficient GAN Training", NeurIPS
2020, arXiv:2006.10738. Random numbers come from the caller, as functions of (seed, step).
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from tfgan_suite.core.batches import batch_size
from tfgan_suite.errors import InputError, did_you_mean

# Gives numbers in [0, 1) of a shape; each use has a name of its own.
Draw = Callable[[tuple, str], tf.Tensor]

ADAPTIVE = "ada"  # the word for `adaptive_augment`, which is no kind of these
SHIFT = 0.125  # largest shift, as a share of the side
HOLE = 0.5  # side of the hole, as a share of the side


def parse(policy: str) -> tuple[str, ...]:
    """The kinds in a policy such as `"color,translation"`, in order.

    Raises:
        InputError: an unknown kind.
    """
    kinds = tuple(kind.strip() for kind in policy.split(",") if kind.strip())
    for kind in kinds:
        if kind not in _KINDS:
            raise InputError(
                f"augment {kind!r} is unknown; use {', '.join(_KINDS)}, separated by commas"
                f"{did_you_mean(kind, _KINDS)}"
            )
    return kinds


def augment(images: tf.Tensor, policy: str, draw: Draw) -> tf.Tensor:
    """Augments every image at random.

    Args:
        images: float `(batch, height, width, channels)` in [-1, 1].
        policy: kinds, separated by commas; empty: nothing changes.
        draw: maps a shape and a name to random numbers in [0, 1).

    Returns:
        Tensor of the same shape and type; colours may leave [-1, 1], as in the official code.

    Raises:
        InputError: an unknown kind, or examples that are not images.
    """
    kinds = parse(policy)
    if kinds and len(images.shape) != 4:
        raise InputError(
            f"augment {policy!r} is for images, not for examples of shape {images.shape}"
        )
    for kind in kinds:
        images = _KINDS[kind](images, draw)
    return images


def _color(images: tf.Tensor, draw: Draw) -> tf.Tensor:
    """Brightness by up to half a unit, saturation 0 to 2, contrast 0.5 to 1.5."""

    def number(name: str) -> tf.Tensor:
        return tf.cast(draw((batch_size(images), 1, 1, 1), name), images.dtype)

    images = images + number("brightness") - 0.5
    grey = tf.reduce_mean(images, axis=3, keepdims=True)
    images = (images - grey) * (number("saturation") * 2.0) + grey
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    return (images - mean) * (number("contrast") + 0.5) + mean


def _translation(images: tf.Tensor, draw: Draw) -> tf.Tensor:
    """Shifts by up to an eighth of the side; pixels from outside are 0, middle grey."""
    for axis in (1, 2):
        side = images.shape[axis]
        largest = int(side * SHIFT + 0.5)
        shares = draw((batch_size(images),), f"shift {axis}")
        shift = tf.cast(tf.floor(shares * (2 * largest + 1)), tf.int32) - largest
        source = tf.range(side)[None, :] + shift[:, None]
        inside = (source >= 0) & (source < side)
        shifted = tf.gather(images, tf.clip_by_value(source, 0, side - 1), axis=axis, batch_dims=1)
        shape = [-1, side, 1, 1] if axis == 1 else [-1, 1, side, 1]
        images = shifted * tf.reshape(tf.cast(inside, images.dtype), shape)
    return images


def _cutout(images: tf.Tensor, draw: Draw) -> tf.Tensor:
    """Sets a square of half the side to 0; its centre is anywhere, so parts may lie outside."""
    outside = []
    for axis in (1, 2):
        side = images.shape[axis]
        hole = int(side * HOLE + 0.5)
        shares = draw((batch_size(images),), f"hole {axis}")
        positions = side + 1 - hole % 2
        start = tf.cast(tf.floor(shares * positions), tf.int32) - hole // 2
        offset = tf.range(side)[None, :] - start[:, None]
        outside.append((offset < 0) | (offset >= hole))
    keep = outside[0][:, :, None, None] | outside[1][:, None, :, None]
    return images * tf.cast(keep, images.dtype)


_KINDS = {"color": _color, "translation": _translation, "cutout": _cutout}
