"""A trained model as a function: what `tfgan_suite.load` returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.core.signatures import Signature
from tfgan_suite.core.trained_game import DEFAULT
from tfgan_suite.errors import InputError, must_be
from tfgan_suite.export.tflite_files import KINDS
from tfgan_suite.inference.generator import Generator, open_generator


def load(source: str | Path) -> Model:
    """Opens a trained model; the code of its game is needed for runs only.

    Args:
        source: the name of a model of the zoo (`python -m tfgan_suite list`), an export
            (`saved_models/NAME[/VERSION]`), a SavedModel folder, a `.tflite` file or a run folder.

    Returns:
        A callable: images in, images out, or from noise `count` images.

    Raises:
        InputError: none of these, or one that is damaged.

    Example:
        >>> images = load("dcgan_shapes")(count=16, seed=1)   # uint8 (16, 32, 32, 3)
    """
    return Model(open_generator(source))


class Model:
    """A trained model as a function.

    Attributes:
        name: where it comes from, as the user wrote it.
        facts: how it was trained, as far as known; of an export its card.
        signatures: what it offers, by name, with inputs and outputs.
        generator: what `open_generator` returned.
    """

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.name = generator.name
        self.facts: Mapping[str, Any] = generator.facts
        self.signatures: Mapping[str, Signature] = generator.signatures
        self._image_function: Callable[[np.ndarray], np.ndarray] | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {', '.join(self.signatures)}>"

    def __call__(
        self, images: np.ndarray | None = None, *, count: int = 16, seed: int = 0, **inputs: Any
    ) -> Any:
        """Translates or upscales images, or draws some.

        Args:
            images: for translators and upscalers, uint8 `(height, width, channels)` of any size
                that the network takes, or a batch of them.
            count: how many to draw, where the model draws from noise.
            seed: the same seed and count give the same images.
            **inputs: inputs that are not drawn, such as `label=3`: one value for all, or `count`.

        Returns:
            uint8 images, `(count, ...)` where they are drawn, otherwise as many as went in; points
            as float32; a dict by output name where there are several outputs.

        Raises:
            InputError: inputs that the model does not take.
        """
        if images is None:
            if not self.generator.signature().drawable and not inputs:
                raise InputError(
                    f"{self.name} takes images, and none were passed; pass model(image), or by name"
                    " to model.run"
                )
            return self.generator.sample(count, seed, **inputs)
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.ndim not in (3, 4):
            raise InputError(
                f"{self.name} was called with {images.dtype} of shape {images.shape}; expected"
                " uint8 (height, width, channels), or a batch of them"
            )
        function = self._function_of_images()
        channels = self.generator.signature().inputs[0].shape[2]
        if images.shape[-1] != channels:
            raise InputError(
                f"{self.name} takes images of {channels} channels, and these have"
                f" {images.shape[-1]}; convert them first"
            )
        if images.ndim == 3:
            return function(images)
        return np.stack([function(image) for image in images])

    def run(self, signature: str = DEFAULT, **inputs: Any) -> dict[str, np.ndarray]:
        """Runs a signature on arrays by input name, with a batch dimension, as it was trained.

        Returns:
            Arrays by output name; float images are in [-1, 1].

        Raises:
            InputError: no such signature, or inputs that it does not take.
        """
        arrays = {name: np.asarray(value) for name, value in inputs.items()}
        return self.generator.run_signature(arrays, signature)

    def tflite(self, kind: str | None = None, signature: str = DEFAULT) -> Path:
        """The TFLite file that lies beside an export.

        Args:
            kind: `"float32"`, `"float16"` or `"int8"`; default: the first of these that there is,
                as shipped models of several signatures have no float32 files.
            signature: of a model with several, such as `"BtoA"`.

        Raises:
            InputError: there is no such file; the message names those that there are.
        """
        folder = self.generator.path / "tflite"
        nested = folder / signature
        files = {f.stem: f for f in (nested if nested.is_dir() else folder).glob("*.tflite")}
        if self.generator.origin != "export" or not files:
            raise InputError(
                f"{self.name} has no TFLite files; expected an export: python -m tfgan_suite export"
                " RUN writes one"
            )
        kind = kind or next((each for each in KINDS if each in files), sorted(files)[0])
        if kind not in files:
            raise InputError(f"the TFLite format is {kind!r}; {must_be(kind, sorted(files))}")
        return files[kind]

    def _function_of_images(self) -> Callable[[np.ndarray], np.ndarray]:
        if self._image_function is None:
            if self.generator.command == "upscale":
                from tfgan_suite.inference.upscaler import open_upscaler

                self._image_function = open_upscaler(self.generator)
            elif self.generator.command == "translate":
                from tfgan_suite.inference.translator import open_translator

                self._image_function = open_translator(self.generator)
            else:
                raise InputError(
                    f"{self.name} is for `python -m tfgan_suite {self.generator.command}` and not a"
                    " function of images; pass inputs by name, to model(...) or model.run(...)"
                )
        return self._image_function
