"""Runs an exported version, without the code of its game."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_suite.core.signatures import Signature, TensorSpec, join, run_in_parts
from tfgan_suite.core.trained_game import single
from tfgan_suite.errors import InputError
from tfgan_suite.export import card as cards
from tfgan_suite.export import folders, functions
from tfgan_suite.export.functions import DEFAULT
from tfgan_suite.utils import saved_models


def load(path: str | Path) -> Exported:
    """Loads an exported version.

    Args:
        path: `<name>/<version>`, or `<name>` for its newest version.

    Raises:
        InputError: the folder holds no export.

    Example:
        >>> images = load("saved_models/dcgan").sample(16, seed=1)   # uint8 (16, 32, 32, 3)
    """
    folder = find_version(path)
    return Exported(folder, cards.read(folder))


def find_version(path: str | Path) -> Path:
    """The folder of an exported version, which has a card.

    Args:
        path: `<name>/<version>`, or `<name>` for its newest version.

    Raises:
        InputError: the folder holds no export.
    """
    folder = Path(path)
    if not (folder / "saved_model.pb").is_file():
        complete = [
            number
            for number in folders.versions(folder)
            if (folder / str(number) / "saved_model.pb").is_file()
        ]
        if not complete:
            raise InputError(
                f"{str(path)!r} holds no export; expected <name>/<version> or <name>, as written "
                "by `export`, with a saved_model.pb in the version's folder"
            )
        folder = folder / str(complete[-1])
    if not (folder / cards.FILE).exists():
        raise InputError(
            f"{str(folder)!r} has no readable {cards.FILE}, which describes its inputs; export it "
            "with tfgan_suite, or use tf.saved_model.load"
        )
    return folder


class Exported:
    """An exported version, from `load`.

    Attributes:
        path: the version's folder.
        card: the content of `card.json`.
        signatures: names of the signatures.
    """

    def __init__(self, path: Path, card: Mapping[str, Any]):
        self.path = path
        self.card = card
        # The variables exist only as long as the loaded object.
        self._loaded = saved_models.load(path)
        self._descriptions = card["export"]["signatures"]
        self._check_card()
        self.signatures = tuple(self._descriptions)

    def _check_card(self) -> None:
        """Raises InputError where the card describes other tensors than the SavedModel has."""
        for key in self._descriptions:
            function = self._loaded.signatures.get(key)
            matches = function is not None
            if matches:
                actual = function.structured_input_signature[1]
                described = {spec.name: functions.tensor_spec(spec) for spec in self.inputs(key)}
                outputs = {spec.name for spec in self.outputs(key)}
                matches = (
                    actual.keys() == described.keys()
                    and outputs <= set(function.structured_outputs)
                    and not any(s.drawable and None in s.shape for s in self.inputs(key))
                    and all(
                        spec.dtype == described[name].dtype
                        and spec.shape.is_compatible_with(described[name].shape)
                        for name, spec in actual.items()
                    )
                )
            if not matches:
                raise InputError(
                    f"{self.path / cards.FILE} does not describe the signature {key!r} of the"
                    f" saved_model.pb beside it; {cards.ADVICE}"
                )

    def inputs(self, signature: str = DEFAULT) -> tuple[TensorSpec, ...]:
        """The inputs of a signature."""
        return tuple(cards.restore(entry) for entry in self._signature(signature)["inputs"])

    def output(self, signature: str = DEFAULT) -> TensorSpec:
        """The output of a signature; the first, if it has several."""
        return cards.restore(self._signature(signature)["output"])

    def outputs(self, signature: str = DEFAULT) -> tuple[TensorSpec, ...]:
        """All outputs of a signature, `output` first."""
        further = self._signature(signature).get("further_outputs", ())
        return (self.output(signature), *(cards.restore(entry) for entry in further))

    @property
    def usage(self) -> str:
        """Arguments of `python -m tfgan_suite` that use the export; `{}` stands for its path."""
        drawable = all(spec.drawable for spec in self.inputs())
        # Older exports do not state it.
        return self.card.get("usage") or ("sample {}" if drawable else "translate {} IMAGES OUTPUT")

    def __call__(
        self, signature: str = DEFAULT, **inputs: Any
    ) -> np.ndarray | dict[str, np.ndarray]:
        """Calls a signature.

        Args:
            signature: its name.
            **inputs: arrays with a batch dimension, by input name.

        Returns:
            The output: float32 images in [-1, 1] `(batch, height, width, channels)` for most
            `serving_default`, byte strings for `png`. A dict of outputs by name if the signature
            has several.

        Raises:
            InputError: an unknown signature, or inputs that it does not accept.
        """
        specs = self.inputs(signature)
        expected = {spec.name for spec in specs}
        if set(inputs) != expected:
            raise InputError(
                f"signature {signature!r} received {sorted(inputs)}; it takes {sorted(expected)}"
            )
        tensors = {spec.name: tf.constant(inputs[spec.name], spec.dtype) for spec in specs}
        for spec in specs:
            shape = functions.tensor_spec(spec).shape
            if not tensors[spec.name].shape.is_compatible_with(shape):
                raise InputError(
                    f"input {spec.name!r} has shape {tensors[spec.name].shape}; signature "
                    f"{signature!r} takes {shape}"
                )
        try:
            outputs = self._loaded.signatures[signature](**tensors)
        except tf.errors.InvalidArgumentError as error:
            raise InputError(f"{str(self.path)!r} refuses the request: {_reason(error)}") from error
        arrays = {spec.name: outputs[spec.name].numpy() for spec in self.outputs(signature)}
        return arrays if len(arrays) > 1 else arrays[self.output(signature).name]

    def tensor_function(self, signature: str = DEFAULT) -> Callable[..., Mapping[str, tf.Tensor]]:
        """A signature as a function of tensors by name, through which gradients pass.

        Raises:
            InputError: an unknown signature.
        """
        self._signature(signature)
        return self._loaded.signatures[signature]

    def sample(
        self,
        count: int,
        seed: int = 0,
        *,
        signature: str = DEFAULT,
        batch: int = 64,
        **inputs: Any,
    ) -> np.ndarray | dict[str, np.ndarray]:
        """Draws examples; without `inputs`, the same ones as the signature `sample`.

        Args:
            count: number of examples.
            seed: the same seed and count give the same examples.
            signature: name of the signature.
            batch: number of examples that are computed at once; it only limits memory.
            **inputs: inputs that are not drawn: one value for all, or `count` values, e.g.
                `label=3`.

        Returns:
            uint8 `(count, height, width, channels)` for images, other outputs unchanged; a dict
            by name if the signature has several outputs.

        Raises:
            InputError: count or batch below 1, or an input that cannot be drawn is missing.
        """
        if count < 1 or batch < 1:
            raise InputError(f"count is {count} and batch {batch}; both must be 1 or more")
        specs = {spec.name: spec for spec in self.inputs(signature)}
        unknown = set(inputs) - set(specs)
        if unknown:
            raise InputError(
                f"{sorted(unknown)} are not inputs of {signature!r}; it takes {list(specs)}"
            )
        arrays = {key: repeat_input(specs[key], value, count) for key, value in inputs.items()}
        outputs = self.outputs(signature)

        def call(**part: np.ndarray) -> dict[str, np.ndarray]:
            answer = self(signature, **part)
            return dict(answer) if isinstance(answer, Mapping) else {outputs[0].name: answer}

        described = self.describe(signature, call)
        joined = join(run_in_parts(described, call, arrays, count, batch=batch, seed=seed))
        return single({spec.name: _to_pixels(spec, joined[spec.name]) for spec in outputs})

    def describe(self, signature: str, call: Callable[..., Any]) -> Signature:
        """A signature as the card describes it, with the function that runs it."""
        return cards.restore_signature(self._signature(signature), call)

    def _signature(self, name: str) -> Mapping[str, Any]:
        if name not in self._descriptions:
            raise InputError(
                f"{str(self.path)!r} has no signature {name!r}; it has {list(self.signatures)}"
            )
        return self._descriptions[name]


def _reason(error: tf.errors.InvalidArgumentError) -> str:
    """What the graph says, without the names of its nodes."""
    lines = [line for line in str(error.message).splitlines() if line.strip()]
    words = [line for line in lines if not line.startswith(("\t", " "))][-1:]
    text = words[0].rpartition("assertion failed: ")[2] if words else type(error).__name__
    return " ".join(re.sub(r"[\[\]\\]", "", text).split())


def _to_pixels(spec: TensorSpec, array: np.ndarray) -> np.ndarray:
    """Images as uint8, other arrays unchanged."""
    return functions.to_uint8(array).numpy() if spec.kind == "image" else array


def repeat_input(spec: TensorSpec, value: Any, count: int) -> np.ndarray:
    """An input for `count` examples, from one value for all or one for each.

    Args:
        spec: the input.
        value: an array of the input's shape, or `(count, ...)`.
        count: number of examples.

    Raises:
        InputError: another shape, or a class outside those of the input.
    """
    array = np.asarray(value, tf.as_dtype(spec.dtype).as_numpy_dtype)
    if array.ndim == len(spec.shape):
        array = np.broadcast_to(array, (count, *array.shape))
    if array.ndim != len(spec.shape) + 1 or len(array) != count:
        raise InputError(
            f"input {spec.name!r} was given with shape {array.shape}; expected one value of shape "
            f"{spec.shape} or {count} of them"
        )
    if (
        spec.classes is not None
        and array.size
        and not 0 <= array.min() <= array.max() < spec.classes
    ):
        raise InputError(
            f"input {spec.name!r} holds {array.min()} to {array.max()}; expected 0 to "
            f"{spec.classes - 1}"
        )
    return array
