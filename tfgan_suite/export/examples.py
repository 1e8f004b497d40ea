"""Inputs for comparing formats and for calibrating int8."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.errors import InputError
from tfgan_suite.export import functions

Representative = Callable[[], Iterable[Mapping[str, Any]]]

COMPARED = 16
CALIBRATION = 128
# Calibration runs images one at a time through unoptimized kernels: fewer of large ones.
_PIXELS = CALIBRATION * 64 * 64


@dataclasses.dataclass(frozen=True)
class Examples:
    """Inputs of one signature.

    Args:
        compared: inputs on which the formats are compared, arrays by input name.
        calibration: inputs that set the ranges of int8.
        origin: description of where they come from.
    """

    compared: dict[str, np.ndarray]
    calibration: dict[str, np.ndarray]
    origin: str


def required_count(sides: Sequence[int]) -> int:
    """How many examples are enough: 144; fewer for images over 64x64, but at least 32.

    Args:
        sides: height and width of one example; empty for points.
    """
    if len(sides) != 2:
        return COMPARED + CALIBRATION
    return COMPARED + min(CALIBRATION, max(COMPARED, _PIXELS // (sides[0] * sides[1])))


def make(
    name: str,
    signature: Signature,
    representative: Representative | None,
    *,
    seed: int,
    size: tuple[int, int],
) -> Examples:
    """Makes the examples of a signature.

    Args:
        name: the signature's name.
        signature: the signature.
        representative: returns batches of inputs by name, or `None` to draw them. Inputs that can
            be drawn may be missing.
        seed: seed of the inputs that are drawn.
        size: height and width of images of unknown size.

    Raises:
        InputError: `representative` yields nothing, or inputs that the signature does not have.
    """
    if representative is None:
        inputs = {
            spec.name: _stand_in(spec, COMPARED + CALIBRATION, seed, index, size)
            for index, spec in enumerate(signature.inputs)
        }
        origin = "drawn" if signature.drawable else "drawn; smooth random stand-ins for images"
    else:
        inputs, origin = _gather(name, signature, representative, size), "representative batches"
        count = len(next(iter(inputs.values())))
        for index, spec in enumerate(signature.inputs):
            if spec.name not in inputs:
                inputs[spec.name] = spec.draw(count, [seed, index]).numpy()
    count = len(next(iter(inputs.values())))
    if count < 2 * COMPARED:  # too few to hold some out
        shared = {key: array[:COMPARED] for key, array in inputs.items()}
        return Examples(shared, inputs, f"{origin}; the compared ones also set int8's ranges")
    return Examples(
        {key: array[:COMPARED] for key, array in inputs.items()},
        {key: array[COMPARED:] for key, array in inputs.items()},
        origin,
    )


def _stand_in(
    spec: TensorSpec, count: int, seed: int, index: int, size: tuple[int, int]
) -> np.ndarray:
    if spec.drawable:
        return spec.draw(count, [seed, index]).numpy()
    shape = functions.concrete_shape(spec, size)
    if None in shape:
        raise InputError(
            f"input {spec.name!r} has the open shape {spec.shape}; pass `representative` batches"
        )
    random = np.random.default_rng([seed, index])
    if spec.kind == "image" and len(shape) == 3:
        # Noise at an eighth of the size, enlarged: neighbours are similar, as in photographs.
        height, width, channels = shape
        coarse = random.uniform(
            -1.0, 1.0, (count, max(height // 8, 2), max(width // 8, 2), channels)
        )
        return tf.image.resize(coarse.astype("float32"), (height, width)).numpy()
    if spec.dtype == "string":
        return np.full((count, *shape), b"a", object)
    if tf.as_dtype(spec.dtype).is_floating:
        return random.uniform(-1.0, 1.0, (count, *shape)).astype(spec.dtype)
    return np.zeros((count, *shape), tf.as_dtype(spec.dtype).as_numpy_dtype)


def _gather(
    name: str, signature: Signature, representative: Representative, size: tuple[int, int]
) -> dict[str, np.ndarray]:
    names = [spec.name for spec in signature.inputs]
    required = {spec.name for spec in signature.inputs if not spec.drawable}
    present: list[str] = []
    batches: list[Mapping[str, Any]] = []
    count = 0
    for batch in representative():
        accepted = required <= set(batch) <= set(names)
        if not batch or not accepted or set(present or batch) != set(batch):
            raise InputError(
                f"`representative` gives {sorted(batch)}; signature {name!r} takes {sorted(names)}"
            )
        present = [name for name in names if name in batch]
        batches.append(batch)
        count += len(batch[present[0]])
        if count >= COMPARED + CALIBRATION:
            break
    if count == 0:
        raise InputError(
            f"`representative` gives no examples for signature {name!r}; expected batches "
            f"of {sorted(names)}, about {COMPARED + CALIBRATION} examples in all"
        )
    inputs = {}
    for spec in signature.inputs:
        if spec.name not in present:
            continue
        array = np.concatenate([spec.array(batch[spec.name]) for batch in batches])
        expected = functions.concrete_shape(spec, size)
        if array.shape[1:] != expected:
            raise InputError(
                f"`representative` gives {spec.name!r} of shape {array.shape[1:]}; signature "
                f"{name!r} takes {expected}"
            )
        inputs[spec.name] = array[: COMPARED + CALIBRATION]
    return inputs
