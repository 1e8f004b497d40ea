"""What games of a generator from noise against a discriminator share, except their train step."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite.core import adaptive_augment, diff_augment, network_checks
from tfgan_suite.core.adversarial_model import AdversarialModel
from tfgan_suite.core.batches import batch_size
from tfgan_suite.core.latent_samples import LatentSamples
from tfgan_suite.core.scoring_game import ScoringGame
from tfgan_suite.core.signatures import Signature, TensorSpec, from_noise
from tfgan_suite.errors import InputError
from tfgan_suite.losses import adversarial as losses
from tfgan_suite.losses import penalties
from tfgan_suite.utils import schedules

AUGMENT_P = "augment_p"


@dataclasses.dataclass(frozen=True)
class Regularization:
    """Regularization of the discriminator: optional changes to its inputs, labels and loss.

    Args:
        label_smoothing: the label of real examples is 1 minus this (one-sided, Salimans et al.
            2016); cross-entropy losses only. Default 0.
        instance_noise: standard deviation of the normal noise added to all inputs of the
            discriminator, real and generated (Sonderby et al. 2017); images are in [-1, 1].
            Default 0.
        instance_noise_steps: steps over which that noise decays linearly to 0; 0, the default:
            it stays.
        r1_weight: weight of the penalty `E |grad D(x)|^2 / 2` on real examples (Mescheder et al.
            2018), a number or a schedule such as `CosineSchedule`. Default 0.
        r2_weight: weight of the same penalty on generated examples, R2. Default 0.
        r1_every: apply R1 and R2 every so many steps, with as many times the weight; the penalties
            cost about as much as the rest of a step. Default 1.
        pairing: replace the game's adversarial loss by `"pairing"`, softplus(-(D(x) - D(G(z)))) of
            each real example and its partner (Huang et al. 2024), which keeps modes alive that
            other losses drop. It is meant to go with R1 and R2. Default False.
        augment: random changes of all inputs of the discriminator, through which the generator
            gets its gradients: any of `"color"`, `"translation"`, `"cutout"`, separated by commas
            (DiffAugment, Zhao et al. 2020), or `"ada"` alone, many changes with a probability p
            that follows how far the discriminator overfits (ADA, Karras et al. 2020). Default none.
        ada_target: overfitting, in [-1, 1], at which p rests; see `adaptive_augment.overfitting`.
            Default 0.6, the paper's.
        ada_images: real images in which p could go from 0 to 1. Default 500,000, the paper's.

    Raises:
        InputError: a value out of range.
    """

    label_smoothing: float = 0.0
    instance_noise: float = 0.0
    instance_noise_steps: int = 0
    r1_weight: schedules.Value = 0.0
    r2_weight: schedules.Value = 0.0
    r1_every: int = 1
    pairing: bool = False
    augment: str = ""
    ada_target: float = 0.6
    ada_images: int = 500_000

    def __post_init__(self) -> None:
        amounts = ("label_smoothing", "instance_noise", "instance_noise_steps")
        for name in (*amounts, "r1_weight", "r2_weight"):
            smallest = schedules.smallest(getattr(self, name))
            if smallest < 0:
                raise InputError(f"{name} is {smallest}; it must be 0 (off) or more")
        if isinstance(self.r1_every, bool) or self.r1_every != int(self.r1_every):
            raise InputError(f"r1_every is {self.r1_every!r}; it must be a whole number")
        if self.r1_every < 1:
            raise InputError(f"r1_every is {self.r1_every}; it must be at least 1")
        kinds = [kind.strip() for kind in self.augment.split(",")]
        if diff_augment.ADAPTIVE in kinds and len(kinds) > 1:
            raise InputError(
                f"augment is {self.augment!r}; 'ada' has changes of its own, so pass it alone"
            )
        if self.adapts:
            adaptive_augment.check(self.ada_target, self.ada_images)
        else:
            diff_augment.parse(self.augment)

    @property
    def adapts(self) -> bool:
        """Whether the strength of the augmentation follows the discriminator's overfitting."""
        return self.augment.strip() == diff_augment.ADAPTIVE


class LatentGame(LatentSamples, ScoringGame, AdversarialModel):
    """A generator from noise against a discriminator; a subclass adds `train_step` and the terms.

    Args:
        generator: model from z `(batch, latent_dim)` to examples; images are in [-1, 1].
        discriminator: model from examples to one number each, `(batch, 1)`.
        loss: name of the adversarial loss, or an `AdversarialLoss`.
        latent: distribution of z: `"normal"` or `"uniform"` in [-1, 1).
        ema_decay: decay of an exponential moving average of the generator's weights, with which
            examples are generated, a number or a schedule; 0: none.
        seed: seed of the noise.
        name: Keras name.
        **options: `Regularization`: `label_smoothing`, `instance_noise`, `instance_noise_steps`,
            `r1_weight`, `r2_weight`, `r1_every`, `pairing`, `augment`, `ada_target`, `ada_images`.

    Raises:
        InputError: an unknown name, a value out of range, or networks that do not fit each other.
    """

    health_examples = 256
    collapse_advice = "or use a penalty on the discriminator"

    tuple_keys: tuple[str, ...] = ("image",)
    # What the paper calls the generator's opponent: the attribute, the player, the losses' prefix.
    opponent_name = "discriminator"
    # 1 where the discriminator's outputs are high for real examples, -1 where they are low.
    realness = 1.0

    # How many inputs the generator, inputs the opponent and outputs the opponent may have.
    network_ends: tuple[tuple[int, ...], ...] = ((1,), (1,), (1,))

    generator: keras.Model
    discriminator: keras.Model
    adversarial: losses.AdversarialLoss
    regularization: Regularization
    augmenter: Any
    latent_dim: int

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        loss: str | losses.AdversarialLoss = "non_saturating",
        latent: str = "normal",
        ema_decay: schedules.Value = 0.0,
        seed: int = 0,
        name: str | None = None,
        **options: Any,
    ):
        if latent not in ("uniform", "normal"):
            raise InputError(f"latent is {latent!r}; it must be 'uniform' or 'normal'")
        self._check_networks(generator, discriminator)
        regularization = _regularization(options)
        adversarial = losses.get(
            "pairing" if regularization.pairing else loss,
            label_smoothing=regularization.label_smoothing,
            paired=True,
        )
        ema_decays = {"generator": ema_decay} if ema_decay else None
        super().__init__(seed=seed, ema_decays=ema_decays, name=name)
        self.generator = generator
        setattr(self, self.opponent_name, discriminator)
        self.regularization = regularization
        if regularization.adapts:
            self.augmenter = adaptive_augment.AdaptiveAugment(
                regularization.ada_target, regularization.ada_images
            )
        self.adversarial = adversarial
        self.latent = latent
        self.latent_dim = network_checks.latent_length(generator)
        self.loss_names = (
            "generator/adversarial",
            *(f"{self.opponent_name}/{term}" for term in self.adversarial_names),
            *self.penalty_names,
        )

    def _check_networks(self, generator: Any, opponent: Any) -> None:
        role, (latents, inputs, outputs) = self.opponent_name, self.network_ends
        network_checks.check_network("generator", generator, latents, (1,))
        network_checks.check_network(role, opponent, inputs, outputs)
        network_checks.check_feeds("generator", generator, role, opponent)
        self.check_opponent_output(generator, opponent)

    def check_opponent_output(self, generator: Any, opponent: Any) -> None:
        """Refuses an opponent whose first output is not a score (`InputError`)."""
        network_checks.check_score(self.opponent_name, opponent)

    def players(self) -> dict[str, list[keras.Model]]:
        return {"generator": [self.generator], self.opponent_name: [self.opponent]}

    @property
    def adversarial_names(self) -> tuple[str, ...]:
        """Names of the terms in the discriminator's adversarial loss."""
        return ("pairs",) if self.adversarial.paired else ("real", "fake")

    @property
    def draw_shares(self) -> dict[str, float]:
        """Of each adversarial term its share of the loss when the discriminator tells nothing."""
        return dict.fromkeys(self.adversarial_names, 1.0 / len(self.adversarial_names))

    @property
    def penalty_names(self) -> tuple[str, ...]:
        """The keys of R1, R2 and ADA's p among `loss_names`, where they are on."""
        options = self.regularization
        weights = {"r1": options.r1_weight, "r2": options.r2_weight, AUGMENT_P: options.adapts}
        return tuple(f"{self.opponent_name}/{name}" for name in weights if weights[name])

    @property
    def opponent(self) -> keras.Model:
        """The network that plays against the generator: `discriminator` or `critic`."""
        return getattr(self, self.opponent_name)

    # ---- verbs of a train step ---------------------------------------------------------------

    def latents(self, real: tf.Tensor, salt: str) -> tf.Tensor:
        """z `(batch, latent_dim)` for a batch of real examples; each salt gives other noise."""
        return self.noise((batch_size(real), self.latent_dim), salt, self.latent)

    def augment_inputs(self, examples: tf.Tensor, salt: str) -> tf.Tensor:
        """Inputs of the discriminator: examples after augmentation and with instance noise.

        Args:
            examples: `(batch, ...)`, real or generated.
            salt: names the use in this step; each salt gives other noise.

        Returns:
            Tensor of the same shape, differentiable with respect to the examples.
        """
        options = self.regularization
        draw = lambda shape, use: self.noise(shape, f"{salt}/{use}", "unit")  # noqa: E731
        if options.adapts:
            examples = self.augmenter(examples, draw)
        elif options.augment:
            examples = diff_augment.augment(examples, options.augment, draw)
        if options.instance_noise:
            deviation = tf.constant(options.instance_noise)
            if options.instance_noise_steps:
                done = tf.cast(self.steps, tf.float32) / options.instance_noise_steps
                deviation *= tf.maximum(1.0 - done, 0.0)
            shape = (batch_size(examples), *examples.shape[1:])
            noise = deviation * self.noise(shape, f"{salt}/instance")
            examples = examples + tf.cast(noise, examples.dtype)
        return examples

    def score_real(
        self, real: tf.Tensor, discriminator: Callable[[tf.Tensor], Any] | None = None
    ) -> tuple[Any, dict[str, tf.Tensor]]:
        """The discriminator's outputs for real examples, and the R1 term where it is on.

        Args:
            real: real examples `(batch, ...)` from `augment_inputs`.
            discriminator: maps them to outputs; by default the discriminator in training. With R1
                the first axis of each output must be the batch; of several the first is penalized.

        Returns:
            The outputs, and a dict of terms, empty or `{"r1": ...}`.
        """
        return self._penalized(real, discriminator, "r1", self.regularization.r1_weight)

    def score_fake(
        self, fake: tf.Tensor, discriminator: Callable[[tf.Tensor], Any] | None = None
    ) -> tuple[Any, dict[str, tf.Tensor]]:
        """As `score_real` for generated examples, which are constants here; the term is R2."""
        return self._penalized(fake, discriminator, "r2", self.regularization.r2_weight)

    def _penalized(
        self,
        inputs: tf.Tensor,
        discriminator: Callable[[tf.Tensor], Any] | None,
        name: str,
        weight: schedules.Value,
    ) -> tuple[Any, dict[str, tf.Tensor]]:
        discriminator = discriminator or (lambda x: self.opponent(x, training=True))
        every = self.regularization.r1_every
        if not weight:
            return discriminator(inputs), {}
        factor = schedules.value_at(weight, self.steps)
        calls = list[Any]()  # autograph cannot convert an annotated name

        def first_output(x: tf.Tensor) -> tf.Tensor:
            calls.append(discriminator(x))
            return calls[-1][0] if isinstance(calls[-1], (tuple, list)) else calls[-1]

        if every == 1:
            penalty, _ = penalties.zero_centred(first_output, inputs)
            return calls[-1], {name: factor * penalty}

        def penalized() -> tuple[Any, tf.Tensor]:
            penalty, _ = penalties.zero_centred(first_output, inputs)
            return calls[-1], factor * every * penalty

        # One forward pass in either case.
        outputs, penalty = tf.cond(
            self.steps % every == 0,
            penalized,
            lambda: (discriminator(inputs), tf.constant(0.0)),
        )
        return outputs, {name: penalty}

    def adversarial_terms(self, real: tf.Tensor, fake: tf.Tensor) -> dict[str, tf.Tensor]:
        """The discriminator's adversarial loss.

        Args:
            real: its outputs for real examples `(batch, ...)`.
            fake: its outputs for generated ones; a loss of pairs compares row with row.

        Returns:
            `{"real": ..., "fake": ...}`, or `{"pairs": ...}` of a loss of pairs.
        """
        self._adapt_augmentation(real, fake)
        if self.adversarial.paired:
            return {"pairs": self.adversarial.real(self.realness * (real - fake))}
        return {"real": self.adversarial.real(real), "fake": self.adversarial.fake(fake)}

    def distance_terms(self, real: tf.Tensor, fake: tf.Tensor) -> dict[str, tf.Tensor]:
        """Loss terms of a Wasserstein critic for augmented examples, with R1 and R2.

        Args:
            real, fake: real and generated examples `(batch, ...)`.

        Returns:
            `{"wasserstein": minus the estimated distance}`, which a loss of pairs records and
            replaces by `"pairs"`.
        """
        real_values, terms = self.score_real(real)
        fake_values, r2 = self.score_fake(fake)
        distance = -losses.wasserstein_distance(real_values, fake_values)
        terms.update(r2)
        if self.adversarial.paired:
            self.record(f"{self.opponent_name}/wasserstein", distance)
            terms.update(self.adversarial_terms(real_values, fake_values))
        else:
            self._adapt_augmentation(real_values, fake_values)
            terms["wasserstein"] = distance
        return terms

    def _adapt_augmentation(self, real: tf.Tensor, fake: tf.Tensor) -> None:
        """Moves and reports p of ADA, where it is on; the outputs are those of the examples."""
        if not self.regularization.adapts:
            return
        if not self.evaluating:
            threshold = None if self.adversarial.paired else self.adversarial.threshold
            self.augmenter.watch(real, fake, threshold, self.realness)
        self.record(f"{self.opponent_name}/{AUGMENT_P}", self.augmenter.p)

    def generator_loss(self, fake: tf.Tensor, real: Callable[[], tf.Tensor]) -> tf.Tensor:
        """The generator's adversarial loss.

        Args:
            fake: the discriminator's outputs for generated examples `(batch, ...)`.
            real: computes its outputs for their partners, of the same shape. Only a loss of pairs
                calls it; no gradient passes through it.
        """
        if not self.adversarial.paired:
            return self.adversarial.generator(fake)
        return self.adversarial.generator(self.realness * (fake - tf.stop_gradient(real())))

    def partner_outputs(self, real: tf.Tensor | None) -> tf.Tensor:
        """The discriminator's outputs for the real partners in the generator's update.

        Args:
            real: real examples `(batch, ...)`, not yet augmented.
        """
        return self.opponent(self.augment_inputs(real, "partner"), training=True)

    # ---- what the trained game offers --------------------------------------------------------

    def signatures(self) -> dict[str, Signature]:
        (generator,) = self.ema("generator")
        return from_noise(generator, self.latent)

    def recalibration_batch(self, specs: Sequence[TensorSpec], index: int) -> Any:
        """64 inputs of the generator, the same in every run with this seed."""
        return specs[0].draw(64, seed=[self.seed, index])


def regularization_options(options: types.SimpleNamespace) -> dict[str, Any]:
    """The options of a recipe that are fields of `Regularization`, as keyword arguments."""
    names = [field.name for field in dataclasses.fields(Regularization)]
    return {name: getattr(options, name) for name in names if hasattr(options, name)}


def _regularization(options: dict[str, Any]) -> Regularization:
    names = [field.name for field in dataclasses.fields(Regularization)]
    unknown = sorted(set(options) - set(names))
    if unknown:
        raise InputError(f"unknown arguments {unknown}; the optional ones are {names}")
    return Regularization(**options)
