"""How a game describes what its trained networks take and return.

Exports, the command line and sample grids work from these descriptions alone, so a new game is
served, converted and sampled without a line of code outside its own file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_suite.errors import InputError

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

    def draw(self, count: int | tf.Tensor, seed: Any, start: int = 0) -> tf.Tensor:
        """Draws a batch of noise or labels.

        Args:
            count: number of examples, Python int or scalar int tensor.
            seed: two integers, the seed of TensorFlow's stateless generators.
            start: number of the first example: examples `start` to `start + count` of a longer
                draw, bit for bit, without the memory for those before it.

        Returns:
            Tensor `(count, *shape)`.

        Raises:
            ValueError: this kind is not drawn, but has to be passed (an image, for instance).
        """
        if start:
            return self._draw_later(int(count), seed, start)
        shape = tf.concat([[count], tf.constant(self.shape, tf.int32)], 0)
        if self.kind == "normal":
            return tf.random.stateless_normal(shape, seed, dtype=self.dtype)
        if self.kind == "uniform":
            return tf.random.stateless_uniform(shape, seed, -1.0, 1.0, dtype=self.dtype)
        if self.kind == "label":
            return tf.random.stateless_uniform(shape, seed, 0, self.classes, dtype=self.dtype)
        raise ValueError(f"input {self.name!r} is of kind {self.kind!r}, which cannot be drawn")

    def _draw_later(self, count: int, seed: Any, start: int) -> tf.Tensor:
        # The generator (Philox) counts in groups of four numbers of 32 bits, so a draw can begin
        # at any group. Four examples always fill whole groups.
        skipped = start % 4
        key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
        words = max(1, tf.as_dtype(self.dtype).size // 4)
        groups = (start - skipped) // 4 * tf.TensorShape(self.shape).num_elements() * words
        state = {
            "shape": [count + skipped, *self.shape],
            "key": key,
            "counter": counter + tf.constant([groups, 0], tf.uint64),
            "alg": tf.raw_ops.StatelessRandomGetAlg(),
        }
        if self.kind == "normal":
            drawn = tf.raw_ops.StatelessRandomNormalV2(**state, dtype=self.dtype)
        elif self.kind == "uniform":
            drawn = tf.raw_ops.StatelessRandomUniformV2(**state, dtype=self.dtype) * 2.0 - 1.0
        elif self.kind == "label":
            bounds = (tf.constant(value, self.dtype) for value in (0, self.classes))
            drawn = tf.raw_ops.StatelessRandomUniformIntV2(
                **state, **dict(zip(("minval", "maxval"), bounds))
            )
        else:
            raise ValueError(f"input {self.name!r} of kind {self.kind!r} cannot be drawn")
        return drawn[skipped:]

    def array(self, values: Any) -> np.ndarray:
        """Values of this tensor as an array of its type; strings as objects."""
        return np.asarray(values, object if self.dtype == "string" else self.dtype)

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
        limit: most examples or pixels at once; None: unlimited.
        limit_unit: what `limit` counts: `"examples"` or, where inputs have open sides, `"pixels"`
            as `counted` counts them.
        saved_model_only: whether exports leave it out of the TFLite files.
    """

    inputs: tuple[TensorSpec, ...]
    output: TensorSpec
    call: Callable[..., Any]
    networks: tuple[Any, ...]
    multiple: int = 1
    further_outputs: tuple[TensorSpec, ...] = ()
    limit: int | None = None
    limit_unit: str = "examples"
    saved_model_only: bool = False

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """All that it returns, the first output first."""
        return (self.output, *self.further_outputs)

    @property
    def drawable(self) -> bool:
        """Whether every input can be drawn, so that samples need nothing but a seed."""
        return all(spec.drawable for spec in self.inputs)

    @property
    def is_open(self) -> bool:
        """Whether an input has open sides."""
        return any(None in spec.shape for spec in self.inputs)

    def counted(self, sides: Any) -> Any:
        """What one example of open sides counts for against `limit`: see `count_pixels`."""
        return count_pixels(sides, self.multiple)

    def part_size(self, inputs: Mapping[str, np.ndarray], batch: int) -> int:
        """How many of the examples go in at once: `batch`, or fewer where `limit` asks for it."""
        if self.limit is None:
            return batch
        counts = [
            self.counted(
                side
                for side, fixed in zip(inputs[spec.name].shape[1:], spec.shape)
                if fixed is None
            )
            for spec in self.inputs
            if None in spec.shape and spec.name in inputs
        ]
        return max(1, min(batch, self.limit // max(counts, default=1)))

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


def count_pixels(sides: Any, multiple: int) -> Any:
    """The pixels that an image costs.

    Networks pad images to multiples of a number, some to at least twice that: a strip of one row
    costs as much as the padded image.

    Args:
        sides: lengths of its sides, ints or integer tensors.
        multiple: the number.
    """
    total: Any = 1
    for side in sides:
        padded, least = -(-side // multiple) * multiple, 2 * multiple
        total = total * (tf.maximum(padded, least) if tf.is_tensor(side) else max(padded, least))
    return total


def run_in_parts(
    signature: Signature,
    call: Callable[..., Mapping[str, Any]],
    inputs: Mapping[str, Any],
    count: int | None = None,
    *,
    batch: int,
    seed: int = 0,
) -> Iterator[dict[str, np.ndarray]]:
    """Runs a signature part by part: inputs that are missing are drawn, part by part too.

    Args:
        signature: describes inputs and outputs.
        call: takes arrays by input name and returns tensors or arrays by output name.
        inputs: arrays `(count, ...)` by input name.
        count: number of examples; None: the length of the first input.
        batch: examples that go in at once, fewer where the signature's limit asks for it.
        seed: of the inputs that are drawn; input number i has the stateless seed `(seed, i)`.

    Yields:
        Arrays by output name, of up to `batch` examples each.

    Raises:
        InputError: no examples, or an input that is missing and cannot be drawn.
    """
    arrays = {
        spec.name: spec.array(inputs[spec.name]) for spec in signature.inputs if spec.name in inputs
    }
    for spec in signature.inputs:
        if spec.name not in arrays and not spec.drawable:
            raise InputError(
                f"input {spec.name!r} ({spec.kind}) is missing and cannot be drawn; pass"
                f" {spec.name}=..."
            )
    if count is None:
        count = len(next(iter(arrays.values())))
    if count < 1:
        raise InputError(f"there are {count} examples; pass 1 or more")
    step = signature.part_size(arrays, batch)
    for start in range(0, count, step):
        size = min(step, count - start)
        part = {
            spec.name: arrays[spec.name][start : start + size]
            if spec.name in arrays
            else spec.draw(size, [seed, index], start).numpy()
            for index, spec in enumerate(signature.inputs)
        }
        yield {name: np.asarray(output) for name, output in call(**part).items()}


def join(parts: Iterator[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The parts of `run_in_parts`, joined along the batch dimension."""
    outputs = list(parts)
    return {name: np.concatenate([part[name] for part in outputs]) for name in outputs[0]}


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
