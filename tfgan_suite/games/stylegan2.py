"""StyleGAN2: demodulated styles, path length regularization, lazy R1 (Karras et al. 2020)."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfgan_suite.core.batches import batch_size, examples, labels
from tfgan_suite.core.style_game import StyleGame
from tfgan_suite.errors import InputError
from tfgan_suite.losses import penalties
from tfgan_suite.networks.blocks import check_positive_integers
from tfgan_suite.networks.style import build_discriminator, build_generator
from tfgan_suite.utils import replicas, schedules

PAPER = "Karras, Laine, Aittala, Hellsten, Lehtinen, Aila 2020, arXiv:1912.04958"
DATA = "images, with or without classes"

PATH_DECAY = 0.01

__all__ = ["StyleGAN2", "build_discriminator", "build_generator"]


class StyleGAN2(StyleGame):
    """A mapping from z to styles w, and a synthesis whose images change evenly with w.

    ```
    L_D = E softplus(D(G(w))) + E softplus(-D(x)) + gamma/2 E |grad D(x)|^2
    L_G = E softplus(-D(G(w))) + weight E (|J^T y| - a)^2,   w = mapping(z), J = dG/dw
    ```

    y are images of noise, and a is the average of the lengths |J^T y|. Both penalties are computed
    every few steps with as many times the weight.

    Args:
        generator: a model from `build_generator`, whose layers `mapping` and `synthesis` are used.
        discriminator: model from images, or `[image, label]`, to logits `(batch, 1)`.
        path_weight: weight of the path length penalty, 0: none. Default 2.
        path_every: apply it every so many steps, to half a batch of new images. Default 4.
        mixing: probability that a batch takes the styles from a random layer on from other z.
            Default 0.9.
        classes: number of classes; None, the default: networks without labels.
        ema_decay: decay of a moving average of the generator's weights, a number or a schedule.
            Default: the paper's half-life of 10,000 images at its batch of 32.
        seed: seed of the noise. Default 0.
        **options: `Regularization`; R1 is on: `r1_weight=10` (gamma) and `r1_every=16`, the
            paper's for 1024 pixels. Gamma grows with the number of pixels over the batch.

    Example:
        ```
        game = StyleGAN2(build_generator(), build_discriminator())      # faces at 1024 pixels
        game.compile(
            generator=FusedAdam(0.002, beta_1=0.0, beta_2=0.99, epsilon=1e-8),
            discriminator=FusedAdam(0.002, beta_1=0.0, beta_2=0.99, epsilon=1e-8),
        )
        game.fit(images)                             # float32 (32, 1024, 1024, 3) in [-1, 1]
        ```

    Reference:
        Karras, Laine, Aittala, Hellsten, Lehtinen, Aila, "Analyzing and Improving the Image Quality
        of StyleGAN", CVPR 2020, arXiv:1912.04958.

    Deviations:
        * A penalty joins the loss of its step, so Adam makes one update a step and needs no
          correction of its rate and betas. In the official code it is an update of its own; a
          conditional update does not run on several replicas.
        * The first lengths set their average a and are not penalized; the official a starts from 0.
        * The average of w is updated once a step, by the discriminator's fakes.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        path_weight: float = 2.0,
        path_every: int = 4,
        mixing: float = 0.9,
        classes: int | None = None,
        ema_decay: schedules.Value = 0.5 ** (32 / 10_000),
        seed: int = 0,
        name: str = "stylegan2",
        **options: Any,
    ):
        if path_weight < 0:
            raise InputError(f"path_weight is {path_weight}; it must be 0 (off) or more")
        check_positive_integers(path_every=path_every)
        super().__init__(
            generator,
            discriminator,
            mixing=mixing,
            classes=classes,
            ema_decay=ema_decay,
            seed=seed,
            name=name,
            **{"r1_weight": 10.0, "r1_every": 16, **options},
        )
        self.path_weight, self.path_every = path_weight, path_every
        # a, the average length; 0 until the first is known.
        self.path_average = tf.Variable(
            0.0,
            trainable=False,
            name="path_average",
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        if path_weight:
            self.loss_names = (*self.loss_names, "generator/path_length")

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        real = examples(batch)
        label = None if self.classes is None else labels(batch)
        self.update("generator", lambda: self.generator_terms(real, label))
        w = self.styles(batch_size(real), label, "discriminator")
        fake = self.images(w, "discriminator")
        self.update("discriminator", lambda: self.discriminator_terms(real, fake, label))
        self.update_style_average(w)
        return self.logs()

    def generator_terms(
        self, real: tf.Tensor, label: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Loss terms of the generator for as many images as `real`, of the classes `label`."""
        terms = super().generator_terms(real, label)
        if self.path_weight:
            terms["path_length"] = self.path_penalty(batch_size(real), label)
        return terms

    # ---- path length -------------------------------------------------------------------------

    def path_penalty(self, count: int | tf.Tensor, label: tf.Tensor | None) -> tf.Tensor:
        """The penalty of this step, 0 between its steps; moves the average length."""
        average = tf.convert_to_tensor(self.path_average)
        due = self.steps % self.path_every == 0

        def penalized() -> tuple[tf.Tensor, tf.Tensor]:
            lengths = self.path_lengths(count, label)
            errors = tf.where(average > 0.0, tf.square(lengths - average), 0.0)
            factor = self.path_weight * self.path_every
            return factor * tf.reduce_mean(errors), tf.stop_gradient(tf.reduce_mean(lengths))

        penalty, length = tf.cond(due, penalized, lambda: (tf.constant(0.0), average))
        if not self.evaluating:
            length = replicas.mean(length)
            moved = average + PATH_DECAY * (length - average)
            replicas.assign([self.path_average], [tf.where(average > 0.0, moved, length)])
        return penalty

    def path_lengths(self, count: int | tf.Tensor, label: tf.Tensor | None) -> tf.Tensor:
        """|J^T y| of half as many new images, `(max(count // 2, 1),)`."""
        half = tf.maximum(count // 2, 1) if tf.is_tensor(count) else max(count // 2, 1)
        w = self.styles(half, None if label is None else label[:half], "path")
        return penalties.path_lengths(
            lambda styles: self.images(styles, "path"),
            w,
            lambda shape: self.noise((half, *shape), "path/images"),
        )
