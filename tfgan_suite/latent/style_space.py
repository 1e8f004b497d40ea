"""The styles of a style-based generator as its latent space: W, or W+ with a style for each layer.

W+ holds more images than W, and W more than those of its own z: searches for the latents of a photo
end nearer to it (Abdal, Qin, Wonka 2019, arXiv:1904.03189), but also off the styles of any z.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfgan_suite.core.signatures import TensorSpec
from tfgan_suite.errors import InputError
from tfgan_suite.inference import styles
from tfgan_suite.latent.space import Inputs, Space

SPACES = ("z", "w", "w+")


@dataclasses.dataclass(frozen=True)
class StyleSpace(Space):
    """A space whose inputs are w `(features,)`, or w+ `(layers, features)`; see `space_of`.

    Its samples are those of the same seed and number in z, and it knows no labels: a style is of a
    class already.

    Args:
        per_layer: whether every layer has a style of its own.
    """

    per_layer: bool = False

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        spec = self._styles
        return (spec if self.per_layer else dataclasses.replace(spec, shape=spec.shape[1:]),)

    @property
    def noise(self) -> tuple[TensorSpec, ...]:
        return self.inputs

    @property
    def _styles(self) -> TensorSpec:
        """What the synthesis takes, `(layers, features)`."""
        return self.generator.signature(styles.SYNTHESIS).inputs[0]

    def samples(self, numbers: Sequence[int]) -> Inputs:
        return self._mapped(Space(self.generator, self.seed).samples(numbers))

    def draw(self, count: int, start: int = 0) -> Inputs:
        return self._mapped(Space(self.generator, self.seed).draw(count, start))

    def _mapped(self, latents: Inputs) -> Inputs:
        count = len(next(iter(latents.values())))
        mapping = self.generator.signature(styles.MAPPING)
        psi = {
            spec.name: np.ones((count, *spec.shape), np.float32)
            for spec in mapping.inputs
            if spec.kind == "truncation"
        }
        w = self.generator.run_signature({**latents, **psi}, styles.MAPPING, batch=64)
        rows = w[mapping.output.name]
        return {self._styles.name: rows if self.per_layer else rows[:, 0]}

    def generate(self, inputs: Mapping[str, np.ndarray], batch: int = 64) -> np.ndarray:
        signature = self.generator.signature(styles.SYNTHESIS)
        w = self._for_layers(tf.constant(inputs[self._styles.name], tf.float32)).numpy()
        rows = self.generator.run_signature({self._styles.name: w}, styles.SYNTHESIS, batch=batch)
        return rows[signature.output.name]

    def image_function(self) -> Callable[[Mapping[str, tf.Tensor]], tf.Tensor]:
        function = self.generator.tensor_function(styles.SYNTHESIS)
        name, output = self._styles.name, self.generator.signature(styles.SYNTHESIS).output.name
        return lambda inputs: function(**{name: self._for_layers(inputs[name])})[output]

    def _for_layers(self, w: tf.Tensor) -> tf.Tensor:
        """Styles `(count, layers, features)`."""
        return w if self.per_layer else tf.repeat(w[:, None], self._styles.shape[0] or 1, axis=1)


def space_of(space: Space, name: str) -> Space:
    """A latent space of a generator by its name.

    Args:
        space: its space of z, from `open_space`.
        name: `"z"`, `"w"` or `"w+"`.

    Raises:
        InputError: an unknown name, or w of a generator that has no mapping.
    """
    if name not in SPACES:
        raise InputError(f"the space is {name!r}; it must be {', '.join(SPACES)}")
    if name == "z":
        return space
    styles.layer_count(space.generator)  # refuses generators without styles
    return StyleSpace(space.generator, space.seed, per_layer=name == "w+")
