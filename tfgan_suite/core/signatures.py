"""How a game tells the world what its generator takes and gives.

Exports, the command line and sample grids work from these descriptions alone, so a new game is
served, converted and drawn from without a line of code outside its own file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """One named tensor of a signature, without its batch dimension.

    Args:
        name: keyword under which it is fed or returned, e.g. `"z"` or `"image"`.
        shape: shape of one example; `None` entries mean "any size" (images only).
        dtype: TensorFlow dtype name, e.g. `"float32"`.
        kind: what the numbers are, so that a caller can make or read them:
            `"normal"` (standard normal noise), `"uniform"` (noise in [-1, 1]),
            `"label"` (class index), `"image"` (float image in [-1, 1]), `"point"`.
        classes: number of classes where `kind` is `"label"`.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str = "float32"
    kind: str = "image"
    classes: int | None = None

    def draw(self, count: int | tf.Tensor, seed: Any) -> tf.Tensor:
        """Draws a batch of noise or labels of this kind.

        Args:
            count: number of examples, Python int or scalar int tensor.
            seed: two integers, the seed of TensorFlow's stateless generators.

        Returns:
            Tensor `(count, *shape)`.

        Raises:
            ValueError: the kind cannot be drawn (an image has to be given).
        """
        shape = tf.concat([[count], tf.constant(self.shape, tf.int32)], 0)
        if self.kind == "normal":
            return tf.random.stateless_normal(shape, seed, dtype=self.dtype)
        if self.kind == "uniform":
            return tf.random.stateless_uniform(shape, seed, -1.0, 1.0, dtype=self.dtype)
        if self.kind == "label":
            return tf.random.stateless_uniform(shape, seed, 0, self.classes, dtype=self.dtype)
        raise ValueError(f"input {self.name!r} is of kind {self.kind!r}, which cannot be drawn")

    @property
    def drawable(self) -> bool:
        """Whether `draw` can make this input."""
        return self.kind in ("normal", "uniform", "label")


@dataclasses.dataclass(frozen=True)
class Signature:
    """A function that an export offers.

    Args:
        inputs: what it takes, in order.
        output: what it gives.
        call: takes the inputs as keyword tensors with a batch dimension, returns the output
            batch as float32; runs the networks in inference mode, uses TensorFlow ops only.
        networks: the Keras models whose variables `call` uses.
        multiple: where images go in, the grid on which their parts can be computed alone: a
            network that halves images n times answers a shifted part alike where the shift is
            a multiple of 2**n.
    """

    inputs: tuple[TensorSpec, ...]
    output: TensorSpec
    call: Callable[..., tf.Tensor]
    networks: tuple[Any, ...]
    multiple: int = 1

    @property
    def drawable(self) -> bool:
        """Whether every input can be drawn, so that samples need nothing but a seed."""
        return all(spec.drawable for spec in self.inputs)


def from_noise(generator: Any, kind: str = "normal") -> dict[str, Signature]:
    """The signatures of a game whose generator takes one z `(batch, latent_dim)`.

    Args:
        generator: Keras model from z to images or points.
        kind: distribution of z, `"normal"` or `"uniform"`.
    """
    shape = tuple(generator.output_shape[1:])
    made = "point" if len(shape) == 1 else "image"
    return {
        "serving_default": Signature(
            inputs=(TensorSpec("z", (generator.input_shape[-1],), kind=kind),),
            output=TensorSpec(made, shape, kind=made),
            call=lambda z: generator(z, training=False),
            networks=(generator,),
        )
    }
