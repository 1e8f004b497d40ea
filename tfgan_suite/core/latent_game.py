"""What all games of a generator from noise against a discriminator share, except their train step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite.core import diff_augment, regularization
from tfgan_suite.core.adversarial_model import AdversarialModel
from tfgan_suite.core.batch_norm_statistics import recalibrate_from_noise
from tfgan_suite.core.signatures import Signature, from_noise
from tfgan_suite.errors import InputError
from tfgan_suite.losses import adversarial as losses
from tfgan_suite.losses import penalties


class LatentGame(AdversarialModel):
    """A generator from noise against a discriminator; a subclass gives `train_step`.

    `discriminator_terms` and `generator_terms` are those of the plain game; a subclass whose players are
    asked for something else gives its own.

    Args:
        generator: model from z `(batch, latent_dim)` to examples; images are in [-1, 1].
        discriminator: model from examples to one number each, `(batch, 1)`.
        loss: name of the adversarial loss, or an `AdversarialLoss`.
        latent: distribution of z: `"normal"` or `"uniform"` in [-1, 1).
        ema_decay: decay of a moving average of the generator's weights, with which examples are
            drawn; 0: none.
        seed: seed of the noise.
        name: Keras name.
        **options: `Regularization`: `label_smoothing`, `instance_noise`, `instance_noise_steps`,
            `r1`, `r1_every`, `augment`.

    Raises:
        InputError: an unknown name or a value out of its range.
    """

    # What the paper calls the generator's opponent: the attribute, the player, the losses' prefix.
    opponent_name = "discriminator"

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        loss: str | losses.AdversarialLoss = "non_saturating",
        latent: str = "normal",
        ema_decay: float = 0.0,
        seed: int = 0,
        name: str | None = None,
        **options: Any,
    ):
        if latent not in ("uniform", "normal"):
            raise InputError(f"latent is {latent!r}; it must be 'uniform' or 'normal'")
        regularization_options = regularization.make(options)
        adversarial = losses.get(loss, label_smoothing=regularization_options.label_smoothing)
        ema_decays = {"generator": ema_decay} if ema_decay else None
        super().__init__(seed=seed, ema_decays=ema_decays, name=name)
        self.generator = generator
        setattr(self, self.opponent_name, discriminator)
        self.regularization = regularization_options
        self.adversarial = adversarial
        self.latent = latent
        self.latent_dim = _first_shape(generator)[-1]
        opponent_terms = ("real", "fake") + (("r1",) if self.regularization.r1_weight else ())
        self.loss_names = (
            "generator/adversarial",
            *(f"{self.opponent_name}/{term}" for term in opponent_terms),
        )

    def players(self) -> dict[str, list[keras.Model]]:
        return {"generator": [self.generator], self.opponent_name: [self.opponent]}

    @property
    def opponent(self) -> keras.Model:
        """The network that plays against the generator."""
        return getattr(self, self.opponent_name)

    # ---- verbs of a train step ---------------------------------------------------------------

    def latents(self, real: tf.Tensor, salt: str) -> tf.Tensor:
        """z `(batch, latent_dim)` for a batch of real examples; each salt gives other noise."""
        return self.noise((length(real), self.latent_dim), salt, self.latent)

    def augment_inputs(self, examples: tf.Tensor, salt: str) -> tf.Tensor:
        """What the discriminator is shown of examples: augmented, with instance noise.

        Args:
            examples: `(batch, ...)`, real or generated.
            salt: names the use in this step; other salts get other draws.

        Returns:
            Tensor of the same shape, differentiable by the examples.
        """
        options = self.regularization
        if options.augment:
            examples = diff_augment.augment(
                examples, options.augment, lambda s, n: self.noise(s, f"{salt}/{n}", "unit")
            )
        if options.instance_noise:
            deviation = tf.constant(options.instance_noise)
            if options.instance_noise_steps:
                done = tf.cast(self.steps, tf.float32) / options.instance_noise_steps
                deviation *= tf.maximum(1.0 - done, 0.0)
            shape = (length(examples), *examples.shape[1:])
            noise = deviation * self.noise(shape, f"{salt}/instance")
            examples = examples + tf.cast(noise, examples.dtype)
        return examples

    def score_real(
        self, real: tf.Tensor, discriminator: Callable[[tf.Tensor], Any] | None = None
    ) -> tuple[Any, dict[str, tf.Tensor]]:
        """The discriminator's outputs for real examples, and the R1 term where that is on.

        Args:
            real: real examples `(batch, ...)`, as shown.
            discriminator: what maps them to outputs, where that is more than `self.discriminator`. With R1 the
                first axis of each output is the batch's.

        Returns:
            Outputs; terms, empty or `{"r1": ...}`.
        """
        discriminator = discriminator or (lambda x: self.opponent(x, training=True))
        weight, every = self.regularization.r1_weight, self.regularization.r1_every
        if not weight:
            return discriminator(real), {}
        if every == 1:
            penalty, outputs = penalties.r1(discriminator, real)
            return outputs, {"r1": weight * penalty}
        penalty = tf.cond(
            self.steps % every == 0,
            lambda: weight * every * penalties.r1(discriminator, real)[0],
            lambda: tf.constant(0.0),
        )
        return discriminator(real), {"r1": penalty}

    def discriminator_terms(self, real: tf.Tensor, fake: tf.Tensor) -> dict[str, tf.Tensor]:
        """Loss terms of the discriminator for examples `(batch, ...)`.

        Real and fake go through the discriminator in two calls: in one, batch norm would mix their
        statistics and the discriminator could tell them apart by the mixture.
        """
        real_logits, terms = self.score_real(self.augment_inputs(real, "real"))
        fake_logits = self.opponent(self.augment_inputs(fake, "fake"), training=True)
        terms["real"] = self.adversarial.real(real_logits)
        terms["fake"] = self.adversarial.fake(fake_logits)
        return terms

    def generator_terms(self, fake: tf.Tensor) -> dict[str, tf.Tensor]:
        """Loss term of the generator for the examples it made."""
        logits = self.opponent(self.augment_inputs(fake, "generator"), training=True)
        return {"adversarial": self.adversarial.generator(logits)}

    # ---- what the trained game offers --------------------------------------------------------

    def signatures(self) -> dict[str, Signature]:
        (generator,) = self.ema("generator")
        return from_noise(generator, self.latent)

    def recalibrate_batch_norm(self) -> None:
        """Recomputes the generator's batch norm statistics over 100 batches of 64."""
        recalibrate_from_noise(self)

    def diagnose(self, logs: Mapping[str, float]) -> list[str]:
        """Says when the discriminator wins outright: both its losses are gone."""
        if self.adversarial.name not in ("non_saturating", "minimax"):
            return []
        loss = sum(logs.get(f"{self.opponent_name}/{term}", 1.0) for term in ("real", "fake"))
        if loss >= 0.02:
            return []
        return [
            f"the discriminator wins outright (its loss is {loss:.4f}, where 1.39 is a draw):"
            " the generator gets hardly any gradient; likely causes: a discriminator much wider or"
            " faster than the generator, too little data, or no penalty (try r1)"
        ]


def length(examples: tf.Tensor) -> int | tf.Tensor:
    """Size of the batch: a Python integer where it is known."""
    return examples.shape[0] or tf.shape(examples)[0]


def _first_shape(network: keras.Model) -> tuple[int | None, ...]:
    """Shape of a network's first input."""
    shape = network.input_shape
    if isinstance(shape, Mapping):
        shape = next(iter(shape.values()))
    return tuple(shape[0]) if isinstance(shape[0], (tuple, list)) else tuple(shape)
