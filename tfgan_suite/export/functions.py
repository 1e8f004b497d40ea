"""The functions of a SavedModel: a game's own signatures and those derived from them.

A signature whose output is an image yields `png` (the same inputs, but PNG or JPEG files for
images; PNG files as output) and, if all inputs can be drawn, `sample` (a seed and a count as
inputs, uint8 images as output). Those of `serving_default` have these names, those of another
signature are `<signature>_png` and `<signature>_sample`. If all inputs but strings and others can
be drawn, as of `text`, `<signature>_sample` takes these and a seed for each example in place of
what is drawn, and `<signature>_sample_png` does the same and returns PNG files.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import tensorflow as tf

from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.export import image_bytes, limits

DEFAULT = "serving_default"
# In REST, TensorFlow Serving encodes tensors whose names have this suffix as base64.
BYTES = "_bytes"
_SCALARS = ("seed", "count")
SEEDS = "example_seed"  # the kind of an input with a seed for each example
_PNG_CHANNELS = (1, 2, 3, 4)
_FILE_CHANNELS = (1, 3, 4)


def all_functions(
    signatures: Mapping[str, Signature], traced: Mapping[str, Any]
) -> dict[str, Signature]:
    """A game's signatures and the derived ones; a game's own take precedence.

    Args:
        signatures: a game's own.
        traced: their concrete functions for any number of examples. The derived ones call these, so
            that a SavedModel holds the graph of each network once.
    """
    functions: dict[str, Signature] = {}
    for name, original in signatures.items():
        signature = dataclasses.replace(original, call=_calling(original, traced[name]))
        prefix = "" if name == DEFAULT else f"{name}_"
        if any(_is_image(spec, _PNG_CHANNELS) for spec in signature.outputs):
            if signature.drawable:
                functions[f"{prefix}sample"] = _sample(signature)
            elif any(spec.dtype == "string" for spec in signature.inputs):
                seeded = _seeded(signature, signatures.get(DEFAULT, signature))
                functions[f"{prefix}sample"] = _pixels(seeded)
                functions[f"{prefix}sample_png"] = _png(seeded)
            if all(
                spec.kind != "image" or _is_image(spec, _FILE_CHANNELS) for spec in signature.inputs
            ):
                functions[f"{prefix}png"] = _png(signature)
    return {**functions, **signatures}


def _calling(signature: Signature, traced: Any) -> Callable[..., dict[str, tf.Tensor]]:
    """A function that calls a concrete one with inputs of the shapes that it declares."""

    def call(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        for spec in signature.inputs:
            inputs[spec.name].set_shape([None, *spec.shape])
        return dict(traced(**inputs))

    return call


def source(name: str, signatures: Iterable[str]) -> str:
    """The game's own signature that a function is, or is derived from."""
    names = tuple(signatures)
    if name in names:
        return name
    suffixes = ("_sample", "_png", "_sample_png")
    return next((key for key in names if name in [key + end for end in suffixes]), DEFAULT)


def tensor_spec(
    spec: TensorSpec, *, batch: int | None = None, size: tuple[int, int] | None = None
) -> tf.TensorSpec:
    """The TensorFlow description of an input with its batch dimension.

    Args:
        spec: the input.
        batch: fixed batch size, `None` for any.
        size: height and width to use where they are unknown.
    """
    if spec.kind in _SCALARS:
        return tf.TensorSpec((), spec.dtype, name=spec.name)
    return tf.TensorSpec((batch, *concrete_shape(spec, size)), spec.dtype, name=spec.name)


def concrete_shape(spec: TensorSpec, size: tuple[int, int] | None) -> tuple[int | None, ...]:
    """The shape of one example, with an unknown height and width replaced by `size`, if set."""
    if size is None or None not in spec.shape:
        return tuple(spec.shape)
    defaults = dict(enumerate(size))
    return tuple(defaults.get(i) if n is None else n for i, n in enumerate(spec.shape))


def trace(
    signature: Signature, *, batch: int | None = None, size: tuple[int, int] | None = None
) -> Any:
    """Traces a signature into a concrete function that returns `{output name: tensor}`.

    Raises:
        ValueError: an output's shape differs from the signature's.
    """

    def function(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = signature.named_outputs(**inputs)
        for spec in signature.outputs:
            output = outputs[spec.name]
            if not output.dtype.is_integer and output.dtype != tf.string:
                output = outputs[spec.name] = tf.cast(output, tf.float32)
            output.set_shape([None, *spec.shape])
        return outputs

    specs = {spec.name: tensor_spec(spec, batch=batch, size=size) for spec in signature.inputs}
    # Autograph would rewrite all that is called, for seconds; `fit` does not use it either.
    return tf.function(function, autograph=False).get_concrete_function(**specs)


def to_uint8(images: tf.Tensor) -> tf.Tensor:
    """Images in [-1, 1] as bytes: `round((x + 1) * 127.5)`, clipped to 0 .. 255."""
    scaled = tf.round((tf.cast(images, tf.float32) + 1.0) * 127.5)
    return tf.cast(tf.clip_by_value(scaled, 0.0, 255.0), tf.uint8)


def draw_input(
    spec: TensorSpec, index: int, count: int | tf.Tensor, seed: int | tf.Tensor
) -> tf.Tensor:
    """Draws a batch of input number `index`, with the stateless seed `(seed, index)`."""
    return spec.draw(count, tf.stack([tf.cast(seed, tf.int32), index]))


def _is_image(spec: TensorSpec, channels: tuple[int, ...]) -> bool:
    return spec.kind == "image" and len(spec.shape) == 3 and spec.shape[-1] in channels


def _sample(signature: Signature) -> Signature:
    def call(seed: tf.Tensor, count: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.control_dependencies(limits.count_check(count, signature.limit)):
            count = tf.identity(count)
        samples = {
            spec.name: draw_input(spec, index, count, seed)
            for index, spec in enumerate(signature.inputs)
        }
        return signature.named_outputs(**samples)

    inputs = (TensorSpec("seed", (), "int32", "seed"), TensorSpec("count", (), "int32", "count"))
    return _pixels(dataclasses.replace(signature, inputs=inputs, call=call))


def _seeded(signature: Signature, default: Signature) -> Signature:
    """A signature that draws what can be drawn, for each example from a seed of its own.

    An example so does not depend on the others of its batch. The stateless seed of an input is
    `(seed, index)` with its index in `default`, as where the command `sample` draws it.
    """
    names = [spec.name for spec in default.inputs]
    drawn = [spec for spec in signature.inputs if spec.drawable]

    def call(seed: tf.Tensor, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        for spec in drawn:
            index = names.index(spec.name) if spec.name in names else 0
            inputs[spec.name] = tf.map_fn(
                lambda number, spec=spec, index=index: draw_input(spec, index, 1, number)[0],
                seed,
                fn_output_signature=tf.as_dtype(spec.dtype),
            )
        return signature.named_outputs(**inputs)

    passed = tuple(spec for spec in signature.inputs if not spec.drawable)
    seed = TensorSpec("seed", (), "int32", SEEDS)
    return dataclasses.replace(signature, inputs=(*passed, seed), call=call)


def _pixels(signature: Signature) -> Signature:
    """A signature with uint8 images."""

    def call(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = signature.named_outputs(**inputs)
        return {
            spec.name: to_uint8(outputs[spec.name]) if spec.kind == "image" else outputs[spec.name]
            for spec in signature.outputs
        }

    output, *further = (
        dataclasses.replace(spec, dtype="uint8", kind="pixels") if spec.kind == "image" else spec
        for spec in signature.outputs
    )
    return dataclasses.replace(signature, output=output, further_outputs=tuple(further), call=call)


def _png(signature: Signature) -> Signature:
    files = {spec.name + BYTES: spec for spec in signature.inputs if spec.kind == "image"}

    def call(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        for name, spec in files.items():
            inputs[spec.name] = image_bytes.decode(inputs.pop(name), signature, spec)
        outputs = signature.named_outputs(**inputs)
        for spec in signature.outputs:
            if _is_image(spec, _PNG_CHANNELS):
                pixels = to_uint8(outputs.pop(spec.name))
                outputs[spec.name + BYTES] = tf.map_fn(
                    tf.io.encode_png, pixels, fn_output_signature=tf.string
                )
        return outputs

    output, *further = (
        TensorSpec(spec.name + BYTES, (), "string", "file")
        if _is_image(spec, _PNG_CHANNELS)
        else spec
        for spec in signature.outputs
    )
    return dataclasses.replace(
        signature,
        inputs=tuple(
            TensorSpec(spec.name + BYTES, (), "string", "file") if spec.kind == "image" else spec
            for spec in signature.inputs
        ),
        output=output,
        further_outputs=tuple(further),
        call=call,
    )
