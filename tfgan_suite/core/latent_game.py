"""What all games of a generator from noise against a critic share, except their train step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite.core import diff_augment, regularization
from tfgan_suite.core.adversarial_model import AdversarialModel
from tfgan_suite.core.batch_norm_statistics import settle_from_noise
from tfgan_suite.core.signatures import Signature, from_noise
from tfgan_suite.errors import InputError
from tfgan_suite.losses import adversarial as losses
from tfgan_suite.losses import penalties


class NoiseGame(AdversarialModel):
    """A generator from noise against a critic; a subclass gives `train_step`.

    `critic_terms` and `generator_terms` are those of the plain game; a subclass whose players are
    asked for something else gives its own.

    Args:
        generator: model from z `(batch, latent_dim)` to examples; pictures are in [-1, 1].
        critic: model from examples to one number each, `(batch, 1)`.
        loss: name of the adversarial loss, or an `AdversarialLoss`.
        latent: distribution of z: `"normal"` or `"uniform"` in [-1, 1).
        average: decay of a moving average of the generator's weights, with which examples are
            drawn; 0: none.
        seed: seed of the noise.
        name: Keras name.
        **options: `Stabilisers`: `label_smoothing`, `instance_noise`, `instance_noise_steps`,
            `r1`, `r1_every`, `augment`.

    Raises:
        InputError: an unknown name or a value out of its range.
    """

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        *,
        loss: str | losses.AdversarialLoss = "non_saturating",
        latent: str = "normal",
        average: float = 0.0,
        seed: int = 0,
        name: str | None = None,
        **options: Any,
    ):
        if latent not in ("uniform", "normal"):
            raise InputError(f"latent is {latent!r}; it must be 'uniform' or 'normal'")
        self_stabilisers = regularization.make(options)
        adversarial = losses.get(loss, label_smoothing=self_stabilisers.label_smoothing)
        averages = {"generator": average} if average else None
        super().__init__(seed=seed, averages=averages, name=name)
        self.generator = generator
        self.critic = critic
        self.stabilisers = self_stabilisers
        self.adversarial = adversarial
        self.latent = latent
        self.latent_dim = _first_shape(generator)[-1]
        self.loss_names = ("generator/adversarial", "critic/real", "critic/fake")
        self.loss_names += ("critic/r1",) if self.stabilisers.r1 else ()

    def players(self) -> dict[str, list[keras.Model]]:
        return {"generator": [self.generator], "critic": [self.critic]}

    # ---- verbs of a train step ---------------------------------------------------------------

    def latents(self, real: tf.Tensor, salt: str) -> tf.Tensor:
        """z `(batch, latent_dim)` for a batch of real examples; each salt gives other noise."""
        return self.noise((length(real), self.latent_dim), salt, self.latent)

    def shown(self, examples: tf.Tensor, salt: str) -> tf.Tensor:
        """What the critic is shown of examples: augmented, with instance noise.

        Args:
            examples: `(batch, ...)`, real or generated.
            salt: names the use in this step; other salts get other draws.

        Returns:
            Tensor of the same shape, differentiable by the examples.
        """
        options = self.stabilisers
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

    def judged_real(
        self, real: tf.Tensor, critic: Callable[[tf.Tensor], Any] | None = None
    ) -> tuple[Any, dict[str, tf.Tensor]]:
        """The critic's outputs for real examples, and the R1 term where that is on.

        Args:
            real: real examples `(batch, ...)`, as shown.
            critic: what maps them to outputs, where that is more than `self.critic`. With R1 the
                first axis of each output is the batch's.

        Returns:
            Outputs; terms, empty or `{"r1": ...}`.
        """
        critic = critic or (lambda x: self.critic(x, training=True))
        weight, every = self.stabilisers.r1, self.stabilisers.r1_every
        if not weight:
            return critic(real), {}
        if every == 1:
            penalty, outputs = penalties.r1(critic, real)
            return outputs, {"r1": weight * penalty}
        penalty = tf.cond(
            self.steps % every == 0,
            lambda: weight * every * penalties.r1(critic, real)[0],
            lambda: tf.constant(0.0),
        )
        return critic(real), {"r1": penalty}

    def critic_terms(self, real: tf.Tensor, fake: tf.Tensor) -> dict[str, tf.Tensor]:
        """Loss terms of the critic for examples `(batch, ...)`.

        Real and fake go through the critic in two calls: in one, batch norm would mix their
        statistics and the critic could tell them apart by the mixture.
        """
        real_logits, terms = self.judged_real(self.shown(real, "real"))
        fake_logits = self.critic(self.shown(fake, "fake"), training=True)
        terms["real"] = self.adversarial.real(real_logits)
        terms["fake"] = self.adversarial.fake(fake_logits)
        return terms

    def generator_terms(self, fake: tf.Tensor) -> dict[str, tf.Tensor]:
        """Loss term of the generator for the examples it made."""
        logits = self.critic(self.shown(fake, "generator"), training=True)
        return {"adversarial": self.adversarial.generator(logits)}

    # ---- what the trained game offers --------------------------------------------------------

    def signatures(self) -> dict[str, Signature]:
        (generator,) = self.ema("generator")
        return from_noise(generator, self.latent)

    def settle(self) -> None:
        """Recomputes the generator's batch norm statistics over 100 batches of 64."""
        settle_from_noise(self)

    def symptoms(self, logs: Mapping[str, float]) -> list[str]:
        """Says when the critic wins outright: both its losses are gone."""
        if self.adversarial.name not in ("non_saturating", "minimax"):
            return []
        critic = logs.get("critic/real", 1.0) + logs.get("critic/fake", 1.0)
        if critic >= 0.02:
            return []
        return [
            f"the critic wins outright (its loss is {critic:.4f}, where 1.39 is a draw):"
            " the generator gets hardly any gradient; likely causes: a critic much wider or"
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
