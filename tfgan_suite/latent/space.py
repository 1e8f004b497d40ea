"""The latent space of a trained generator: its samples by number, and functions with gradients.

space = open_space("saved_models/dcgan_shapes")
inputs = space.samples([3, 8, 12])     # as `sample --seed 0` numbers them, from 0
images = space.generate(inputs)        # float32 (3, 32, 32, 3) in [-1, 1]
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfgan_suite.core.scoring_game import FEATURES, SCORE
from tfgan_suite.core.signatures import TensorSpec
from tfgan_suite.errors import InputError
from tfgan_suite.inference.generator import Generator, open_generator

Inputs = dict[str, np.ndarray]
LARGEST = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Space:
    """A generator from noise, with or without labels; opened by `open_space`.

    Args:
        generator: the opened run or export.
        seed: of the samples.
    """

    generator: Generator
    seed: int = 0

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """All inputs of the generator."""
        return self.generator.signature().inputs

    @property
    def noise(self) -> tuple[TensorSpec, ...]:
        """Inputs that are vectors of noise, among them continuous codes."""
        return tuple(spec for spec in self.inputs if spec.kind in ("normal", "uniform"))

    @property
    def label(self) -> TensorSpec | None:
        """The input that takes a class or a categorical code, if there is one."""
        return next((spec for spec in self.inputs if spec.kind == "label"), None)

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width and channels of the images."""
        return self.generator.signature().output.shape  # type: ignore[return-value]

    @property
    def classes(self) -> Sequence[str] | None:
        """Names of the classes of the training data, where it had labels."""
        return self.generator.facts.get("classes")

    def samples(self, numbers: Sequence[int]) -> Inputs:
        """Inputs of samples by their number, from 0, in the grid that `sample` draws.

        Args:
            numbers: any, in any order.

        Returns:
            Arrays `(len(numbers), ...)` by input name.

        Raises:
            InputError: a number that is negative or above 2**31 - 1.
        """
        outside = [number for number in numbers if not 0 <= number <= LARGEST]
        if outside:
            raise InputError(
                f"there is no sample {outside[0]}; samples are numbered from 0 to {LARGEST}"
            )
        rows: dict[str, list[np.ndarray]] = {spec.name: [] for spec in self.inputs}
        for number in numbers:
            first = number - number % 4  # four fill whole groups of the generator of noise
            for index, spec in enumerate(self.inputs):
                group = spec.draw(4, [self.seed, index], first).numpy()
                rows[spec.name].append(group[number - first])
        return {name: np.stack(arrays) for name, arrays in rows.items()}

    def draw(self, count: int, start: int = 0) -> Inputs:
        """The inputs of samples `start` to `start + count`; `start` must divide by 4."""
        return {
            spec.name: spec.draw(count, [self.seed, index], start).numpy()
            for index, spec in enumerate(self.inputs)
        }

    def with_labels(self, inputs: Inputs, labels: Sequence[int] | None) -> Inputs:
        """The inputs with other labels, repeated as often as necessary.

        Raises:
            InputError: the generator takes no label.
        """
        if labels is None:
            return inputs
        if self.label is None:
            raise InputError(
                f"{self.generator.name} takes no label; leave the labels out, or train a game that"
                " does, such as recipes/cgan.py"
            )
        count = len(next(iter(inputs.values())))
        rows = np.resize(np.asarray(labels, self.label.dtype), count)
        columns = rows.reshape(-1, *[1] * len(self.label.shape))
        return {
            **inputs,
            self.label.name: np.broadcast_to(columns, (count, *self.label.shape)).copy(),
        }

    def generate(self, inputs: Mapping[str, np.ndarray], batch: int = 64) -> np.ndarray:
        """Images of inputs.

        Args:
            inputs: arrays `(count, ...)` by input name.
            batch: how many go through the networks at once; it bounds memory only.

        Returns:
            float32 `(count, height, width, channels)` in [-1, 1].
        """
        cast = {
            spec.name: np.asarray(inputs[spec.name], tf.as_dtype(spec.dtype).as_numpy_dtype)
            for spec in self.inputs
        }
        outputs = self.generator.run_signature(cast, batch=batch)
        return outputs[self.generator.signature().output.name]

    def image_function(self) -> Callable[[Mapping[str, tf.Tensor]], tf.Tensor]:
        """The generator as a function from tensors by input name to images, with gradients."""
        function = self.generator.tensor_function()
        name = self.generator.signature().output.name
        return lambda inputs: function(**inputs)[name]

    # ---- the discriminator -------------------------------------------------------------------

    @property
    def has_discriminator(self) -> bool:
        """Whether it was opened from a run, or an export with the discriminator."""
        return SCORE in self.generator.signatures

    @property
    def has_features(self) -> bool:
        """Whether the discriminator also gives the outputs of its layers.

        One that takes images of several sizes gives a score alone.
        """
        return FEATURES in self.generator.signatures

    def check_features(self, purpose: str) -> None:
        """Refuses an export without the discriminator, or a discriminator without features.

        Args:
            purpose: what needs it, as the subject of a sentence.

        Raises:
            InputError: says how to export with one.
        """
        if not self.has_features:
            raise InputError(
                f"{purpose} needs the discriminator, which {self.generator.name} does not"
                f" {self.advice}"
            )

    @property
    def advice(self) -> str:
        """The end of a sentence about a discriminator that is missing: what to do."""
        if self.generator.game is not None or self.has_discriminator:
            return "offer: the discriminator of this game takes images of several sizes"
        return (
            "hold; pass the run folder, or `python -m tfgan_suite export RUN --with-discriminator`"
        )

    def score_function(self) -> Callable[..., tf.Tensor]:
        """The discriminator as a function of images, and labels where it takes them.

        Returns:
            Function of images `(batch, height, width, channels)` in [-1, 1] and inputs by name;
            returns scores `(batch,)`, high for real ones, with gradients.
        """
        function = self.generator.tensor_function(SCORE)
        names = [spec.name for spec in self.generator.signature(SCORE).inputs]

        def score(images: tf.Tensor, inputs: Mapping[str, tf.Tensor]) -> tf.Tensor:
            labels = {name: inputs[name] for name in names[1:]}
            return function(**{names[0]: images, **labels})[SCORE]

        return score

    def features(self, images: np.ndarray, batch: int = 64) -> list[np.ndarray]:
        """Activations of the discriminator's hidden layers.

        Args:
            images: float `(count, height, width, channels)` in [-1, 1].
            batch: images at once.

        Returns:
            Arrays `(count, ...)`, first layer to last. Of a discriminator that takes labels, the
            label is drawn: it is the same for the same number of the image.

        Raises:
            InputError: no discriminator, or one without hidden layers.
        """
        self.check_features("reading features")
        name = self.generator.signature(FEATURES).inputs[0].name
        inputs = {name: np.asarray(images, np.float32)}
        return list(self.generator.run_signature(inputs, FEATURES, batch=batch).values())


def open_space(source: str | Path, command: str = "walk", seed: int = 0) -> Space:
    """Opens the latent space of a run, an export, or a shipped export by its name.

    Args:
        source: as for `open_generator`.
        command: that opens it, for the message.
        seed: of the samples.

    Raises:
        InputError: none of these; a network that translates, or draws points.
    """
    generator = open_generator(source)
    signature = generator.signature()
    if not signature.drawable:
        raise InputError(
            f"{generator.name} takes images, not noise; {command} takes a run or an export of a"
            " generator from noise, such as recipes/dcgan.py trains"
        )
    if signature.output.kind != "image" or len(signature.output.shape) != 3:
        raise InputError(f"{generator.name} draws no images; {command} takes a generator of images")
    return Space(generator, seed)
