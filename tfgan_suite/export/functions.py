"""The functions of a SavedModel: a game's own signatures and those derived from them.

A signature whose output is an image yields `png` (the same inputs, but PNG or JPEG files for
images; PNG files as output) and, if all inputs can be drawn, `sample` (a seed and a count as
inputs, uint8 images as output). Those of `serving_default` have these names, those of another
signature are `<signature>_png` and `<signature>_sample`.
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
    return next((key for key in names if name in (f"{key}_sample", f"{key}_png")), DEFAULT)


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
        outputs = signature.named_outputs(**samples)
        return {
            spec.name: to_uint8(outputs[spec.name]) if spec.kind == "image" else outputs[spec.name]
            for spec in signature.outputs
        }

    output, *further = (
        dataclasses.replace(spec, dtype="uint8", kind="pixels") if spec.kind == "image" else spec
        for spec in signature.outputs
    )
    return dataclasses.replace(
        signature,
        inputs=(TensorSpec("seed", (), "int32", "seed"), TensorSpec("count", (), "int32", "count")),
        output=output,
        further_outputs=tuple(further),
        call=call,
    )


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
