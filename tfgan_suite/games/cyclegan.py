"""CycleGAN: image translation between two domains, without pairs (Zhu et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite.core import diff_augment
from tfgan_suite.core.batches import batch_size
from tfgan_suite.core.image_pool import ImagePool
from tfgan_suite.core.unpaired_game import UnpairedGame, domains
from tfgan_suite.errors import InputError
from tfgan_suite.losses import adversarial
from tfgan_suite.networks import translators

PAPER = "Zhu et al. 2017, arXiv:1703.10593"
DATA = "two sets of images, unpaired"


def build_generator(
    shape: tuple[int | None, ...] = (256, 256, 3),
    width: int = 64,
    blocks: int | None = None,
    **options: Any,
) -> keras.Model:
    """The paper's generator: two downsamplings, residual blocks, two upsamplings, instance norm.

    Args:
        shape: `(height, width, channels)` of the training images; the model accepts any size.
        width: channels at full size; paper 64.
        blocks: residual blocks; None: as in the paper, 6 below 256 pixels, else 9.
        **options: other arguments of `translators.build_resnet_translator`.

    Returns:
        Model from images to images of the same size, whose sides are multiples of 4.

    Raises:
        InputError: an invalid width, number of blocks or shape.
    """
    if blocks is None:
        sides = [side for side in shape[:2] if side]
        blocks = 6 if sides and min(sides) < 256 else 9
    return translators.build_resnet_translator(shape, width=width, blocks=blocks, **options)


def build_discriminator(
    channels: int = 3, width: int = 64, layers: int = 3, **options: Any
) -> keras.Model:
    """The paper's discriminator: classifies each patch of 70x70 pixels, with instance norm.

    Args:
        channels: of the images.
        width: channels of the first layer; paper 64.
        layers: strided layers, which determine the patch: 1, 2, 3 give 16, 34, 70 pixels.
        **options: other arguments of `translators.build_patch_discriminator`.

    Returns:
        Model from images of any size to a map of real values, one per patch.
    """
    options = {"norm": "instance", **options}
    return translators.build_patch_discriminator(channels, width=width, layers=layers, **options)


class CycleGAN(UnpairedGame):
    """Two mutually inverse generators, each against a discriminator of its output domain.

    ```
    L_G = E (D_B(G(a)) - 1)^2 + E (D_A(F(b)) - 1)^2
        + lambda_A E|F(G(a)) - a| + lambda_B E|G(F(b)) - b|
        + i (lambda_B E|G(b) - b| + lambda_A E|F(a) - a|)
    L_D = (E (D_B(b) - 1)^2 + E D_B(G'(a))^2 + E (D_A(a) - 1)^2 + E D_A(F'(b))^2) / 2
    ```

    G: A -> B and F: B -> A are updated together, by all terms; then both discriminators. G'(a)
    and F'(b) come from pools of earlier images. `generators/cycle_a` etc. are logged with their
    weights. The losses fluctuate and say little about quality: look at the sample grids. A small
    cycle loss alone proves nothing: a generator can hide one image in another.

    Args:
        a_to_b: G, model from images of A to images of B of the same size, in [-1, 1].
        b_to_a: F, the model in the other direction.
        discriminator_a: D_A, model from images to real values, one per patch (or a single one).
        discriminator_b: D_B. (The official code calls it D_A, after the domain that its fakes are
            translated from.)
        loss: name of the adversarial loss: `"least_squares"` (as in the paper's experiments),
            `"non_saturating"` (its log loss), or any other.
        cycle_weight_a: lambda_A, weight of A -> B -> A; paper 10. 0 leaves the paper's "backward
            cycle".
        cycle_weight_b: lambda_B, weight of B -> A -> B.
        identity_weight: i, weight of "an image already in the target domain stays as it is",
            relative to the cycle weight; official code 0.5, the paper only for paintings; 0: off.
            It prevents inverted colours; too much makes the generators copy.
        pool_size: images in the pool of each domain; paper 50; 0: no pool.
        image_size: (height, width) of the training images, for the pools; None: that of the
            generators, if it is fixed.
        augment: random changes of all images that the discriminators see, those from the pools
            too, through which the generators get their gradients (DiffAugment, Zhao et al. 2020):
            any of `"color"`, `"translation"`, `"cutout"`, separated by commas; `""`: none.
        ema_decay: decay of a moving average of the generators' weights; 0 (the paper): none.
        seed: seed of the pools' random choices and of the augmentation.

    Example:
        ```
        game = CycleGAN(
            build_generator(), build_generator(),
            build_discriminator(), build_discriminator(),
            image_size=(256, 256),
        )
        game.compile(generators=Adam(2e-4, 0.5), discriminators=Adam(2e-4, 0.5))
        game.fit(batches)       # dicts of "domain_a" and "domain_b", float32 in [-1, 1]
        night = game.translate(day)
        ```

    Reference:
        Zhu, Park, Isola, Efros, "Unpaired Image-to-Image Translation using Cycle-Consistent
        Adversarial Networks", ICCV 2017, arXiv:1703.10593. Order and weights are those of the
        authors' PyTorch code.

    Raises:
        InputError: networks that do not fit each other, an identity loss between domains with
            different channels, a pool for images of unknown size, a weight below 0.

    Deviations:
        * On several devices the pools hold images of the global batch, so that results do not
          depend on the number of devices.
        * The recipe's learning rates decay at every step, those of the official code at every
          epoch, because a run is counted in steps.
    """

    def __init__(
        self,
        a_to_b: keras.Model,
        b_to_a: keras.Model,
        discriminator_a: keras.Model,
        discriminator_b: keras.Model,
        *,
        loss: str | adversarial.AdversarialLoss = "least_squares",
        cycle_weight_a: float = 10.0,
        cycle_weight_b: float = 10.0,
        identity_weight: float = 0.5,
        pool_size: int = 50,
        image_size: tuple[int, int] | None = None,
        augment: str = "",
        ema_decay: float = 0.0,
        seed: int = 0,
        name: str = "cyclegan",
    ):
        for key, weight in (
            ("cycle_weight_a", cycle_weight_a),
            ("cycle_weight_b", cycle_weight_b),
            ("identity_weight", identity_weight),
        ):
            if weight < 0:
                raise InputError(f"{key} is {weight}; it must be 0 (off) or more")
        channels_a, channels_b = a_to_b.input_shape[-1], a_to_b.output_shape[-1]
        if identity_weight and channels_a != channels_b:
            raise InputError(
                f"an identity loss between images of {channels_a} and of {channels_b} channels;"
                " set identity_weight to 0"
            )
        adversarial_loss = adversarial.get(loss)
        diff_augment.parse(augment)
        super().__init__(
            a_to_b,
            b_to_a,
            discriminator_a,
            discriminator_b,
            ema_decay=ema_decay,
            seed=seed,
            name=name,
        )
        self.adversarial, self.augment = adversarial_loss, augment
        # The official code halves its criterion for the discriminators only.
        self.loss_scale = adversarial_loss.criterion_scale
        self.cycle_weight_a, self.cycle_weight_b = cycle_weight_a, cycle_weight_b
        self.identity_weight = identity_weight
        self.pool_a = ImagePool(
            pool_size, _pool_shape(b_to_a, image_size, pool_size), name="pool_a"
        )
        self.pool_b = ImagePool(
            pool_size, _pool_shape(a_to_b, image_size, pool_size), name="pool_b"
        )
        self.loss_names = tuple(
            [f"generators/{term}_{domain}" for term in self._terms() for domain in "ba"]
            + [f"discriminators/{term}_{domain}" for term in ("real", "fake") for domain in "ba"]
        )

    def _terms(self) -> tuple[str, ...]:
        return ("adversarial", "cycle") + (("identity",) if self.identity_weight else ())

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        a, b = domains(batch)
        tape = self.tape("generators")
        with tape:
            fake_b = self.a_to_b(a, training=True)
            fake_a = self.b_to_a(b, training=True)
        self.update("generators", lambda: self.generator_terms(a, b, fake_a, fake_b), tape)
        fake_a = self.from_pool(self.pool_a, fake_a)
        fake_b = self.from_pool(self.pool_b, fake_b)
        self.update("discriminators", lambda: self.discriminator_terms(a, b, fake_a, fake_b))
        return self.logs()

    def generator_terms(
        self, a: tf.Tensor, b: tf.Tensor, fake_a: tf.Tensor, fake_b: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Loss terms of both generators for images and their translations F(b), G(a)."""
        g, f, generator_loss = self.a_to_b, self.b_to_a, self.adversarial.generator
        logits_b = self.discriminator_b(self.augment_inputs(fake_b, "generator b"), training=True)
        logits_a = self.discriminator_a(self.augment_inputs(fake_a, "generator a"), training=True)
        terms = {
            "adversarial_b": self.loss_scale * generator_loss(logits_b),
            "adversarial_a": self.loss_scale * generator_loss(logits_a),
            "cycle_a": self.cycle_weight_a * l1_distance(f(fake_b, training=True), a),
            "cycle_b": self.cycle_weight_b * l1_distance(g(fake_a, training=True), b),
        }
        if self.identity_weight:
            # Each generator receives images of its own output domain.
            weight_a = self.identity_weight * self.cycle_weight_a
            weight_b = self.identity_weight * self.cycle_weight_b
            terms["identity_b"] = weight_b * l1_distance(g(b, training=True), b)
            terms["identity_a"] = weight_a * l1_distance(f(a, training=True), a)
        return terms

    def from_pool(self, pool: ImagePool, fake: tf.Tensor) -> tf.Tensor:
        """What a discriminator sees in place of newly generated images; without gradient."""
        if not pool.size:
            return tf.stop_gradient(fake)
        count = (batch_size(fake),)
        coins, positions = (
            self.noise(count, f"{pool.name} {use}", "unit") for use in ("coin", "place")
        )
        return pool.exchange(fake, coins, positions)

    def discriminator_terms(
        self, a: tf.Tensor, b: tf.Tensor, fake_a: tf.Tensor, fake_b: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Loss terms of both discriminators for real images and for those from the pools."""
        half, loss = 0.5 * self.loss_scale, self.adversarial
        terms = {}
        for domain, discriminator, real, fake in (
            ("b", self.discriminator_b, b, fake_b), ("a", self.discriminator_a, a, fake_a)
        ):  # fmt: skip
            real = self.augment_inputs(real, f"real {domain}")
            fake = self.augment_inputs(fake, f"fake {domain}")
            terms[f"real_{domain}"] = half * loss.real(discriminator(real, training=True))
            terms[f"fake_{domain}"] = half * loss.fake(discriminator(fake, training=True))
        return terms

    def diagnose(self, logs: Mapping[str, float]) -> list[str]:
        """Reports discriminators that win outright, and generators that invert colours."""
        messages = super().diagnose(logs)
        for domain, weight in (("b", self.cycle_weight_b), ("a", self.cycle_weight_a)):
            identity_error = logs.get(f"generators/identity_{domain}", 0.0)
            cycle_error = logs.get(f"generators/cycle_{domain}", 0.0)
            if not self.identity_weight or not weight:
                continue
            identity_error /= self.identity_weight * weight
            cycle_error /= weight
            if identity_error > 0.5 and cycle_error < 0.25:
                messages.append(
                    f"images of domain {domain.upper()} survive the cycle (error"
                    f" {cycle_error:.2f}) but are changed by the generator of their own domain"
                    f" (error {identity_error:.2f}): it has learnt to invert colours; start again"
                    " with another seed or a larger identity_weight"
                )
        return messages


def l1_distance(generated: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Mean absolute difference of images, as a float32 scalar."""
    return tf.reduce_mean(tf.abs(tf.cast(generated, tf.float32) - target))


def _pool_shape(
    network: keras.Model, size: tuple[int, int] | None, pool_size: int
) -> tuple[int | None, ...]:
    """Shape of one image that a network generates in training."""
    *sides, channels = network.output_shape[1:]
    shape = (*(size or sides), channels)
    if pool_size and None in shape:
        raise InputError(
            "the generators accept images of any size, but pools need a fixed one; pass"
            " image_size=(height, width) of the training images, or pool_size=0"
        )
    return shape
