"""How a game describes what its trained networks take and return.

Exports, the command line and sample grids work from these descriptions alone, so a new game is
served, converted and sampled without a line of code outside its own file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

# Kinds that are drawn from a seed; inputs of any other kind have to be passed.
DRAWABLE = ("normal", "uniform", "label")


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """One named tensor of a signature, without its batch dimension.

    Args:
        name: keyword under which it is passed or returned, e.g. `"z"` or `"image"`.
        shape: shape of one example; `None` entries mean "any size".
        dtype: TensorFlow dtype name, e.g. `"float32"`.
        kind: what the numbers are, so that a caller can make, show or convert them. The suite
            draws `"normal"` (standard normal noise), `"uniform"` (noise in [-1, 1)) and `"label"`
            (class index), and shows `"image"` (float image in [-1, 1]) and `"point"`. Any other
            word is fine, such as `"embedding"`, `"tokens"`, `"mel"`, `"box"`, `"keypoints"` or
            `"video"`: such tensors are passed on as they are.
        classes: number of values of integer tensors (classes of a label, size of a vocabulary);
            they lie in [0, classes).
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str = "float32"
    kind: str = "image"
    classes: int | None = None

    def draw(self, count: int | tf.Tensor, seed: Any) -> tf.Tensor:
        """Draws a batch of noise or labels.

        Args:
            count: number of examples, Python int or scalar int tensor.
            seed: two integers, the seed of TensorFlow's stateless generators.

        Returns:
            Tensor `(count, *shape)`.

        Raises:
            ValueError: this kind is not drawn, but has to be passed (an image, for instance).
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
        """Whether `draw` can make this tensor."""
        return self.kind in DRAWABLE


@dataclasses.dataclass(frozen=True)
class Signature:
    """A function that an export offers.

    Args:
        inputs: what it takes, in order.
        output: what it returns.
        call: takes the inputs as keyword tensors with a batch dimension and returns the output
            batch as float32, or a dict of output batches by name where there are several. Runs
            the networks in inference mode; uses TensorFlow ops only.
        networks: the Keras models whose variables `call` uses.
        multiple: where images go in, the grid on which their parts can be computed on their own: a
            network that halves images n times answers a shifted part alike where the shift is
            a multiple of 2**n.
        further_outputs: outputs beside the first one.
    """

    inputs: tuple[TensorSpec, ...]
    output: TensorSpec
    call: Callable[..., Any]
    networks: tuple[Any, ...]
    multiple: int = 1
    further_outputs: tuple[TensorSpec, ...] = ()

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """All that it returns, the first output first."""
        return (self.output, *self.further_outputs)

    @property
    def drawable(self) -> bool:
        """Whether every input can be drawn, so that samples need nothing but a seed."""
        return all(spec.drawable for spec in self.inputs)

    def named_outputs(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """What `call` returns, always as a dict by output name.

        Raises:
            ValueError: `call` does not return the outputs that the signature names.
        """
        returned = self.call(**inputs)
        if not isinstance(returned, Mapping):
            returned = {self.output.name: returned}
        names = [spec.name for spec in self.outputs]
        if set(returned) != set(names):
            raise ValueError(f"a signature returned {sorted(returned)}; it promises {names}")
        return {name: returned[name] for name in names}


def from_noise(generator: Any, kind: str = "normal") -> dict[str, Signature]:
    """The signatures of a game whose generator takes one z `(batch, latent_dim)`.

    Args:
        generator: Keras model from z to images or points.
        kind: distribution of z, `"normal"` or `"uniform"`.
    """
    shape = tuple(generator.output_shape[1:])
    output = "point" if len(shape) == 1 else "image"
    return {
        "serving_default": Signature(
            inputs=(TensorSpec("z", (generator.input_shape[-1],), kind=kind),),
            output=TensorSpec(output, shape, kind=output),
            call=lambda z: generator(z, training=False),
            networks=(generator,),
        )
    }
