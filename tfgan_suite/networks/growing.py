"""Networks that grow: one model holds all levels, and a level is a part of it.

A level is a resolution: 4x4 pixels, then 8x8, 16x16 and so on. All layers are made at the start, so
that optimizers and checkpoints know every variable; a level's model shares them and computes
nothing of the others.

* A growing generator returns the images of every level, smallest first.
* A growing discriminator takes an image of every level, smallest first, and alpha `(batch, 1)`, and
  returns outputs of every level.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.layers.resizing import repeat_pixels
from tfgan_suite.networks.blocks import check_size

FIRST_SIZE = 4  # pixels of the first level
LARGEST_SIZE = 1024

# From one symbolic tensor to another.
Part = Callable[[Any], Any]


def level_sizes(shape: Sequence[int]) -> tuple[int, ...]:
    """The sides of the images of each level, from 4 to those of `shape`.

    Raises:
        InputError: the shape is not one of square images, or their size is not 4, 8, 16, ...; the
            message names the nearest that are.
    """
    if len(shape) != 3 or shape[0] != shape[1]:
        raise InputError(f"examples of shape {tuple(shape)}; networks that grow need square images")
    size = shape[0]
    possible = [FIRST_SIZE]
    while possible[-1] < max(size, LARGEST_SIZE):
        possible.append(2 * possible[-1])
    kind = "4 pixels doubled a number of times, as networks that grow need"
    check_size(size, possible, kind)
    return tuple(possible[: possible.index(size) + 1])


def level_channels(size: int, fmap_base: int = 8192, fmap_max: int = 512) -> int:
    """Channels at a level: `min(2 * fmap_base / size, fmap_max)`.

    Args:
        size: side of the level's images.
        fmap_base: the paper's 8192.
        fmap_max: most channels; paper 512.
    """
    return max(min(2 * fmap_base // size, fmap_max), 1)


@compat.register_layer
class Fade(keras.layers.Layer):
    """`(1 - alpha) old + alpha new`, exact at both ends; alpha stays float32 until it is used.

    Inputs `[old, new, alpha]`: two tensors `(batch, height, width, channels)` of one shape, and
    alpha `(batch, 1)` or `(1, 1)`; output of the tensors' shape.
    """

    def __init__(self, **kwargs: Any):
        # Bfloat16 has steps of 0.004 just below 1: they would be all of a long fade.
        super().__init__(**{**kwargs, "autocast": False})

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        old, new, alpha = inputs
        alpha = tf.reshape(tf.cast(alpha, tf.float32), (-1, 1, 1, 1))
        return blend(old, new, alpha)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape[1]


def blend(old: tf.Tensor, new: tf.Tensor, alpha: tf.Tensor | float) -> tf.Tensor:
    """`(1 - alpha) old + alpha new` of two tensors of one shape; alpha is float32."""
    alpha = tf.convert_to_tensor(alpha, tf.float32)
    return tf.cast(1.0 - alpha, old.dtype) * old + tf.cast(alpha, new.dtype) * new


def shrink(images: tf.Tensor, factor: int) -> tf.Tensor:
    """Means of `factor` x `factor` pixels `(batch, height, width, channels)`."""
    return images if factor == 1 else tf.nn.avg_pool2d(images, factor, factor, "VALID")


def enlarge(images: tf.Tensor, factor: int) -> tf.Tensor:
    """Every pixel `factor` x `factor` times."""
    return images if factor == 1 else repeat_pixels(images, factor)


def build_growing_discriminator(
    shape: tuple[int, int, int],
    from_image: Callable[[int], Part],
    block: Callable[[int], Part],
    head: Part,
    name: str,
) -> keras.Model:
    """A discriminator of every level.

    Args:
        shape: of the largest images, `(size, size, channels)`.
        from_image: makes the layers from images of a size to maps of as many pixels.
        block: makes the layers from those maps to maps of half the size, with the channels that
            `from_image` of that size gives.
        head: from maps of 4x4 pixels to the outputs `(batch, n)`, float32, the score first.
        name: of the model.

    Returns:
        Model from images of every level, and alpha `(batch, 1)` where there are two or more, to the
        outputs of every level. Within a level a fade joins old and new: maps of the image shrunk by
        2, and of the level's own block.

    Raises:
        InputError: a size that is not 4, 8, 16, ...
    """
    sizes = level_sizes(shape)
    images = [keras.Input((s, s, shape[2]), name=f"image_{s}") for s in sizes]
    alpha = keras.Input((1,), name="alpha")
    entries = [from_image(size) for size in sizes]
    blocks = [block(size) for size in sizes[1:]]
    halve = keras.layers.AveragePooling2D(2, name="halve_image")
    outputs = []
    for level, image in enumerate(images):
        x = entries[level](image)
        if level:
            old = entries[level - 1](halve(image))
            x = Fade(name=f"fade_{sizes[level]}")([old, blocks[level - 1](x), alpha])
        for shared in reversed(blocks[: max(level - 1, 0)]):
            x = shared(x)
        outputs.append(head(x))
    inputs = [*images, alpha] if len(sizes) > 1 else images
    return keras.Model(inputs, outputs, name=name)


def generator_at(generator: keras.Model, level: int, fading: bool = True) -> keras.Model:
    """The part of a growing generator that makes the images of a level.

    Args:
        generator: model whose outputs are the images of all levels.
        level: number of the level, from 0.
        fading: also return the images of the level before, where there is one.

    Returns:
        Model with the inputs of the generator, from which it shares all layers, to the level's
        images; while fading to `[images before, images]`.
    """
    first = level - 1 if fading and level else level
    outputs = generator.outputs[first : level + 1]
    return keras.Model(generator.inputs, outputs, name=f"{generator.name}_at_{level}")


def discriminator_at(discriminator: keras.Model, level: int) -> keras.Model:
    """The part of a growing discriminator that judges a level's images.

    Args:
        discriminator: as `build_growing_discriminator` returns it.
        level: number of the level, from 0.

    Returns:
        Model from images, or above level 0 from `[images, alpha]`, to outputs `(batch, n)`.
    """
    inputs = [discriminator.inputs[level]]
    inputs += [discriminator.inputs[-1]] if level else []
    return keras.Model(
        inputs, discriminator.outputs[level], name=f"{discriminator.name}_at_{level}"
    )


def check_groups(batch: int, group_size: int) -> None:
    """Refuses a batch of which a group would have a single example, which deviates from nothing.

    Args:
        batch: examples on one device.
        group_size: of `MinibatchDeviation`; 0 or 1: there are no groups.

    Raises:
        InputError: says which batches are possible.
    """
    if group_size < 2 or batch // max(-(-batch // group_size), 1) >= 2:
        return
    possible = "2 or more" if group_size > 2 else "an even number of"
    raise InputError(
        f"a batch of {batch} on each device leaves a group of the minibatch deviation with a single"
        f" example (group size {group_size}); use batches of {possible} examples"
    )
