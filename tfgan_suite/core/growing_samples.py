"""What a game whose networks grow offers: images of the level where it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite.core import network_checks
from tfgan_suite.core.class_conditional_game import ClassConditionalGame
from tfgan_suite.core.scoring_game import SCORE
from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.core.trained_game import DEFAULT, Arrays
from tfgan_suite.networks import growing
from tfgan_suite.utils import image_grids
from tfgan_suite.utils.growth_schedule import GrowthSchedule

PREVIEW_COLUMNS, PREVIEW_ROWS = 8, 5


class GrowingSamples(ClassConditionalGame):
    """The part of `GrowingGame` that uses the networks and never trains them.

    Images have the full size: before the last level is trained, pixels of the current one are
    repeated. In mid-fade they are blended by the alpha of the moment. They are clipped to [-1, 1],
    as the generator ends in no tanh.
    """

    # Without a tanh, which evens out what weights of 11 bits miss (0.01 on sharp edges was seen).
    float16_bound = 0.02

    # Whether the discriminator's outputs are a score for each class, not one and what else it says.
    scores_classes = False

    sizes: tuple[int, ...]
    schedule: GrowthSchedule
    images_shown: tf.Variable

    def standing(self) -> tuple[int, float]:
        """The level that is trained, and how far it has faded in."""
        images = int(self.images_shown.numpy())
        level = self.schedule.level(images)
        return level, float(self.schedule.alpha(images, level))

    # Of `GrowingGame`.
    run_generator: Callable[..., Any]
    _faded: Callable[[Any, Any], tf.Tensor]

    def signatures(self) -> dict[str, Signature]:
        level, alpha = self.standing()
        networks = self._sampling_networks(level, alpha)
        z = TensorSpec("z", (self.latent_dim,), kind=self.latent)
        label = TensorSpec("label", (), "int32", "label", self.classes)
        shape = network_checks.shape_of(self.players()["generator"][-1].outputs[-1])
        return {
            DEFAULT: Signature(
                inputs=(z,) if self.classes is None else (z, label),
                output=TensorSpec("image", shape),
                call=lambda **inputs: self._sampled(networks, inputs, level, alpha),
                networks=networks,
            )
        }

    def signature_function(self, name: str = DEFAULT) -> Callable[..., dict[str, tf.Tensor]]:
        """As for every game; in mid-fade, where alpha is another each time, without a graph."""
        if self.standing()[1] == 1.0:
            return super().signature_function(name)
        return self.signatures()[name].named_outputs

    def _sampling_networks(self, level: int, alpha: float) -> tuple[keras.Model, ...]:
        """The averaged generator's parts for a level, the same objects in all its fade or after."""
        fading = level > self.schedule.first_level and alpha != 1.0
        key = level, fading, *map(id, self.ema("generator"))
        if self.__dict__.get("_sampling", {}).get("key") != key:
            networks = self.sampling_parts(level, fading)
            self.__dict__["_sampling"] = {"key": key, "networks": networks}
        return self.__dict__["_sampling"]["networks"]

    def sampling_parts(self, level: int, fading: bool) -> tuple[keras.Model, ...]:
        """Parts of the averaged networks that make a level's images, for `run_generator`."""
        return tuple(
            growing.generator_at(network, level, fading) if len(network.outputs) > 1 else network
            for network in self.ema("generator")
        )

    def _sampled(
        self,
        networks: Sequence[keras.Model],
        inputs: Mapping[str, tf.Tensor],
        level: int,
        alpha: Any,
    ) -> tf.Tensor:
        """Images of a level for use.

        Args:
            networks: the generator's parts for the level.
            inputs: z and what else it takes, by name.
            level: number of the level.
            alpha: how far it has faded in.

        Returns:
            float32 `(batch, R, R, channels)` in [-1, 1], R the full size.
        """
        images = self._faded(self.run_generator(networks, inputs, training=False), alpha)
        enlarged = growing.enlarge(images, self.sizes[-1] // self.sizes[level])
        return tf.clip_by_value(enlarged, -1.0, 1.0)

    def discriminator_signatures(self) -> dict[str, Signature]:
        """`score`: the score of an image of the full size at the current level.

        It takes the label where there is a score for each class. Images are shrunk to lower levels.
        Layers that all levels share have no single output, so
        there are no features.
        """
        level, _ = self.standing()
        factor = self.sizes[-1] // self.sizes[level]
        discriminator = growing.discriminator_at(self.opponent, level)

        def score(image: tf.Tensor, label: tf.Tensor | None = None) -> tf.Tensor:
            shrunk = growing.shrink(image, factor)
            inputs = [shrunk, tf.ones((1, 1))] if level else shrunk
            outputs = discriminator(inputs, training=False)
            column = tf.zeros_like(outputs[:, 0], tf.int32) if label is None else label
            return self.realness * tf.cast(tf.gather(outputs, column, batch_dims=1), tf.float32)

        default = self.signatures()[DEFAULT]
        labels = [spec for spec in default.inputs if spec.name == "label" and self.scores_classes]
        signature = Signature(
            (default.output, *labels),
            TensorSpec(SCORE, (), kind=SCORE),
            score,
            (discriminator,),
            saved_model_only=True,
        )
        return {SCORE: signature}

    def preview(
        self, examples: Arrays, *, seed: int = 0, count: int | None = None
    ) -> np.ndarray | None:
        """A grid with a row of each level's images, and `PREVIEW_ROWS` of the current one's.

        The first rows show what the ToRGB layers of earlier levels make of the same z; they stand
        still once their level is past, so their colours may drift.
        """
        columns = self.preview_columns or PREVIEW_COLUMNS
        inputs = self._drawn(columns * PREVIEW_ROWS, seed)
        rows = [self.generate(**inputs)]
        first = {name: tf.constant(values[:columns]) for name, values in inputs.items()}
        current, _ = self.standing()
        for level in reversed(range(self.schedule.first_level, current)):
            rows.insert(
                0, self._sampled(self.sampling_parts(level, False), first, level, 1.0).numpy()
            )
        return image_grids.image_grid(np.concatenate(rows), columns)

    def _drawn(self, count: int, seed: int) -> dict[str, Any]:
        """Inputs of the generator for a grid: of `preview_inputs`, or drawn as `generate` does."""
        inputs = self.preview_inputs(count, seed)
        for index, spec in enumerate(self.signatures()[DEFAULT].inputs):
            if spec.name not in inputs:
                inputs[spec.name] = spec.draw(count, seed=[seed, index]).numpy()
        return inputs

    def collapse_pairs(self, examples: Arrays) -> dict[str, tuple[np.ndarray | None, np.ndarray]]:
        """As for every game from noise; real images are as coarse as the level's."""
        level, _ = self.standing()
        factor = self.sizes[-1] // self.sizes[level]
        if "image" in examples and factor > 1:
            images = growing.shrink(tf.constant(examples["image"], tf.float32), factor)
            examples = {**examples, "image": growing.enlarge(images, factor).numpy()}
        return super().collapse_pairs(examples)
