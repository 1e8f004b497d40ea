"""What games of a style-based generator share: styles and their mixing, truncation, noise maps."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core.batches import batch_size, with_label
from tfgan_suite.core.class_conditional_game import ClassConditionalGame
from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.core.trained_game import Arrays, Representative
from tfgan_suite.errors import InputError
from tfgan_suite.networks.style import MAPPING, STYLES, SYNTHESIS
from tfgan_suite.utils import replicas

AVERAGE_DECAY = 0.995
COMPARED_STYLES = 144


class StyleGame(ClassConditionalGame):
    """A generator of two parts: a mapping from z to one style a layer, and their synthesis.

    Args:
        generator: a model such as `tfgan_suite.networks.style.build_generator` returns.
        discriminator: model from images, or `[image, label]`, to logits `(batch, 1)`.
        mixing: probability that a batch takes the styles from some layer on from other z.
        classes: number of classes; None: networks without labels.
        **options: those of `LatentGame`.

    Raises:
        InputError: a probability outside [0, 1], or a generator without the two parts.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        mixing: float = 0.9,
        classes: int | None = None,
        **options: Any,
    ):
        if not 0.0 <= mixing <= 1.0:
            raise InputError(f"mixing is {mixing}; it is a probability, in [0, 1]")
        super().__init__(generator, discriminator, **options)
        self.mixing = mixing
        self.classes = classes

    def _check_networks(self, generator: Any, opponent: Any) -> None:
        self.check_parts(generator)
        self.check_opponent_output(generator, opponent)

    def check_parts(self, generator: Any) -> None:
        """Refuses a generator without mapping and synthesis (`InputError`)."""
        names = {layer.name for layer in getattr(generator, "layers", ())}
        if not {MAPPING, SYNTHESIS} <= names:
            raise InputError(
                f"the generator has no layers {MAPPING!r} and {SYNTHESIS!r}; build it with"
                " build_generator of the game's file"
            )

    # Of small untrained networks float16 differed by 0.005 to 0.01, and int8 had 11 to 28 dB: w is
    # no image in [-1, 1], and all maps depend on it. `export` makes both where they are asked for.
    export_formats: tuple[str, ...] = ("saved_model", "tflite_float32")

    # ---- the two parts -----------------------------------------------------------------------

    def mapping(self, generator: keras.Model) -> keras.Model:
        """The part of a generator from z, or `[z, label]`, to styles."""
        return generator.get_layer(MAPPING)

    def style_layer(self, generator: keras.Model) -> Any:
        """The last layer of the mapping, which holds the average of w."""
        return self.mapping(generator).get_layer(STYLES)

    @property
    def layer_count(self) -> int:
        """How many style vectors the synthesis takes."""
        return self.style_layer(self.generator).layer_count

    @property
    def active_layers(self) -> int:
        """How many of them are in use; fewer while a generator grows."""
        return self.layer_count

    # ---- verbs of a train step ---------------------------------------------------------------

    def styles(self, count: int | tf.Tensor, label: tf.Tensor | None, salt: str) -> tf.Tensor:
        """w `(count, layers, features)` of new z, from a random layer on of other z in training.

        Args:
            count: images that this replica makes.
            label: their classes `(count,)`, or None.
            salt: names the use in this step; each salt gives other noise.
        """
        mapping, shape = self.mapping(self.generator), (count, self.latent_dim)
        z = self.noise(shape, salt, self.latent)
        if not self.mixing:
            return mapping(with_label(z, label), training=True)
        z = tf.concat([z, self.noise(shape, f"{salt}/mixed", self.latent)], 0)
        twice = None if label is None else tf.concat([label, label], 0)
        first, second = tf.split(mapping(with_label(z, twice), training=True), 2)
        # One crossover for the batch, as in the official code; a mask, so that nothing retraces.
        mixes, share = tf.unstack(self.noise((2,), f"{salt}/crossover", "unit", shared=True))
        crossover = 1 + tf.cast(tf.floor(share * (self.active_layers - 1)), tf.int32)
        from_first = (tf.range(self.layer_count) < crossover) | (mixes >= self.mixing)
        return tf.where(from_first[:, None], first, second)

    def images(self, w: tf.Tensor, salt: str) -> tf.Tensor:
        """Images of styles `(batch, layers, features)` with new noise maps."""
        synthesis = self.generator.get_layer(SYNTHESIS)
        return synthesis([w, *self.noise_maps(synthesis, batch_size(w), salt)], training=True)

    def noise_maps(
        self, synthesis: keras.Model, count: int | tf.Tensor, salt: str
    ) -> list[tf.Tensor]:
        """New noise `(count, height, width, 1)` for each input of a synthesis but the first."""
        sides = [each.shape[1] for each in synthesis.inputs[1:]]
        # One draw for all maps: many small ones take longer.
        counts = [side * side for side in sides]
        numbers = self.noise((count, sum(counts)), f"{salt}/maps")
        parts = zip(tf.split(numbers, counts, axis=1), sides)
        return [tf.reshape(part, (-1, side, side, 1)) for part, side in parts]

    def score(self, images: tf.Tensor, label: tf.Tensor | None) -> tf.Tensor:
        """Logits `(batch, 1)` of augmented images."""
        return self.discriminator(with_label(images, label), training=True)

    def discriminator_terms(
        self, real: tf.Tensor, fake: tf.Tensor, label: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Loss terms of the discriminator for real and generated images."""
        score = functools.partial(self.score, label=label)
        real_logits, r1 = self.score_real(self.augment_inputs(real, "real"), score)
        fake_logits, r2 = self.score_fake(self.augment_inputs(fake, "fake"), score)
        return {**self.adversarial_terms(real_logits, fake_logits), **r1, **r2}

    def generator_terms(
        self, real: tf.Tensor, label: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Loss terms of the generator for as many images as `real`, of the classes `label`."""
        w = self.styles(batch_size(real), label, "generator")
        fake = self.augment_inputs(self.images(w, "generator"), "generator")
        partner = lambda: self.score(self.augment_inputs(real, "partner"), label)  # noqa: E731
        return {"adversarial": self.generator_loss(self.score(fake, label), partner)}

    def update_style_average(self, w: tf.Tensor) -> None:
        """Moves the average of w, which truncation uses, towards a batch's first styles."""
        if self.evaluating:
            return
        average = compat.tensor_variable(self.style_layer(self.generator).average)
        mean = replicas.mean(tf.reduce_mean(tf.cast(w[:, 0], tf.float32), 0))
        replicas.assign([average], [mean + AVERAGE_DECAY * (average - mean)])

    # ---- what the trained game offers --------------------------------------------------------

    def signatures(self) -> dict[str, Signature]:
        """`serving_default`: z; `generate`: z and psi; `mapping`: z to styles; `synthesis`.

        All draw with the same stored noise maps. Psi of `generate` is one number for all layers,
        that of `mapping` one for each: w = average + psi (w - average).
        """
        (generator,) = self.ema("generator")
        synthesis = generator.get_layer(SYNTHESIS)
        stored = stored_noise(synthesis)

        def to_images(w: tf.Tensor) -> tf.Tensor:
            # The generator ends in no tanh.
            return tf.clip_by_value(synthesis([w, *stored], training=False), -1.0, 1.0)

        return self.style_signatures(generator, to_images, synthesis.output_shape[1:], (generator,))

    def style_signatures(
        self,
        generator: keras.Model,
        to_images: Callable[[tf.Tensor], tf.Tensor],
        shape: Sequence[int | None],
        networks: tuple[Any, ...],
    ) -> dict[str, Signature]:
        """The signatures of a generator.

        Args:
            generator: the one that samples are drawn with.
            to_images: from styles `(batch, layers, features)` to images in [-1, 1].
            shape: of an image.
            networks: other objects where `to_images` became another function.
        """
        mapping, layers = self.mapping(generator), self.layer_count
        average = self.style_layer(generator).average
        latent = [TensorSpec("z", (self.latent_dim,), kind=self.latent)]
        if self.classes is not None:
            latent.append(TensorSpec("label", (), "int32", "label", self.classes))
        styles = TensorSpec("w", (layers, mapping.output_shape[-1]), kind="style")
        image = TensorSpec("image", tuple(shape))

        def to_styles(psi: Any = None, **inputs: tf.Tensor) -> tf.Tensor:
            w = mapping(with_label(inputs["z"], inputs.get("label")), training=False)
            if psi is None:
                return w
            centre = tf.convert_to_tensor(average)
            # One number for all layers, or one for each.
            psi = psi[:, None, None] if len(psi.shape) == 1 else psi[:, :, None]
            return centre + psi * (w - centre)

        def generate(**inputs: tf.Tensor) -> tf.Tensor:
            return to_images(to_styles(**inputs))

        psi = TensorSpec("psi", (), kind="truncation")
        psis = TensorSpec("psi", (layers,), kind="truncation")
        return {
            "serving_default": Signature(tuple(latent), image, generate, networks),
            "generate": Signature((*latent, psi), image, generate, networks),
            "mapping": Signature((*latent, psis), styles, to_styles, networks),
            "synthesis": Signature((styles,), image, to_images, networks),
        }

    def representative(
        self, examples: Arrays, size: tuple[int, int] | None = None
    ) -> dict[str, Representative]:
        """Styles of drawn z, and psi from 0.5 to 1, for comparing exports and for int8."""
        signatures = self.signatures()
        count = COMPARED_STYLES
        drawn = {
            spec.name: spec.draw(count, [self.seed, index]).numpy()
            for index, spec in enumerate(signatures["serving_default"].inputs)
        }
        psi = np.linspace(0.5, 1.0, count, dtype="float32")
        psis = np.repeat(psi[:, None], self.layer_count, 1)
        w = self.run_signature({**drawn, "psi": psis}, "mapping", batch=16)["w"]
        return {
            "generate": lambda: [{**drawn, "psi": psi}],
            "mapping": lambda: [{**drawn, "psi": psis}],
            "synthesis": lambda: [{"w": w}],
        }


def stored_noise(synthesis: keras.Model) -> list[tf.Tensor]:
    """The noise maps `(1, height, width, 1)` of trained networks: constants, alike everywhere."""
    return [
        tf.constant(np.random.RandomState(index).normal(size=(1, *each.shape[1:])), tf.float32)
        for index, each in enumerate(synthesis.inputs[1:])
    ]
