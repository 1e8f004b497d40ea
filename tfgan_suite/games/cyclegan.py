"""CycleGAN: images from one domain to another and back, without pairs (Zhu et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite.core.batches import batch_size
from tfgan_suite.core.image_pool import ImagePool
from tfgan_suite.core.unpaired_game import UnpairedGame, domains
from tfgan_suite.errors import InputError
from tfgan_suite.losses import adversarial
from tfgan_suite.networks import translators

PAPER = "Zhu et al. 2017, arXiv:1703.10593"
DATA = "two sets of images, unpaired"


def build_generator(
    shape: tuple[int | None, ...] = (256, 256, 3), width: int = 64, blocks: int = 0, **options: Any
) -> keras.Model:
    """A generator of the paper: two halvings, residual blocks, two doublings, instance norm.

    Args:
        shape: `(height, width, channels)` of the training images; the model takes any size.
        width: channels at full size; paper 64.
        blocks: residual blocks; 0: the paper's, 6 below 256 pixels and 9 from there on.
        **options: further ones of `translators.build_resnet_translator`.

    Returns:
        Model from images to images of the same size, whose sides are multiples of 4.

    Raises:
        InputError: an impossible width, number of blocks or shape.
    """
    sides = [side for side in shape[:2] if side]
    blocks = blocks or (6 if sides and min(sides) < 256 else 9)
    return translators.build_resnet_translator(shape, width=width, blocks=blocks, **options)


def build_discriminator(
    channels: int = 3, width: int = 64, layers: int = 3, **options: Any
) -> keras.Model:
    """A discriminator of the paper: judges each patch of 70x70 pixels, with instance norm.

    Args:
        channels: of the images.
        width: channels of the first layer; paper 64.
        layers: strided layers, which decide the patch: 1, 2, 3 make 16, 34, 70 pixels.
        **options: further ones of `translators.build_patch_discriminator`.

    Returns:
        Model from images of any size to a map of real values, one a patch.
    """
    options = {"norm": "instance", **options}
    return translators.build_patch_discriminator(channels, width=width, layers=layers, **options)


class CycleGAN(UnpairedGame):
    """Two generators, inverse to each other, each against a discriminator of the domain that it makes.

    ```
    L_G = E (D_B(G(a)) - 1)^2 + E (D_A(F(b)) - 1)^2
        + lambda_A E|F(G(a)) - a| + lambda_B E|G(F(b)) - b|
        + i (lambda_B E|G(b) - b| + lambda_A E|F(a) - a|)
    L_D = (E (D_B(b) - 1)^2 + E D_B(G'(a))^2 + E (D_A(a) - 1)^2 + E D_A(F'(b))^2) / 2
    ```

    G: A -> B and F: B -> A are moved together, by all terms; then both discriminators. G'(a) and F'(b)
    come out of pools of images made earlier. `generators/cycle_a` and so on are reported with
    their weights. The losses go up and down and say little of the quality; what is amiss shows in
    the grids. A small cycle loss alone is no proof: a generator can hide an image in another.

    Args:
        a_to_b: G, model from images of A to images of B of the same size, in [-1, 1].
        b_to_a: F, model back.
        discriminator_a: D_A, model from images to real values, one for each patch (or one in all).
        discriminator_b: D_B. (The official code calls it D_A, after the side that its fakes start from.)
        loss: name of the adversarial loss: `"least_squares"` (as in the paper's experiments) or
            `"non_saturating"` (its log loss), or any other.
        cycle_a: lambda_A, weight of A -> B -> A; paper 10. 0 is the paper's "backward cycle".
        cycle_b: lambda_B, weight of B -> A -> B.
        identity: i, weight of "what is of the target domain already stays as it is" as a share
            of the cycle's; official code 0.5, the paper for paintings only; 0: off. It keeps
            colours from being turned around; too much of it makes the generators copy.
        pool: images in the pool of each domain; paper 50; 0: none.
        size: (height, width) of the training images, which the pools are made for; by default
            that of the generators, where it is fixed.
        ema_decay: decay of a moving average of the generators' weights; 0 is the paper.
        seed: seed of the pools' draws.

    Example:
        ```
        game = CycleGAN(build_generator(), build_generator(), build_discriminator(), build_discriminator(),
                        size=(256, 256))
        game.compile(generators=Adam(2e-4, 0.5), discriminators=Adam(2e-4, 0.5))
        game.fit(batches)       # dicts of "domain_a" and "domain_b", float32 in [-1, 1]
        night = game.translate(day)
        ```

    Reference:
        Zhu, Park, Isola, Efros, "Unpaired Image-to-Image Translation using Cycle-Consistent
        Adversarial Networks", ICCV 2017, arXiv:1703.10593. Order and weights are those of the
        authors' PyTorch code.

    Raises:
        InputError: networks that do not fit each other, an identity loss between domains of
            different channels, a pool for images whose size is not known, a weight below 0.

    Deviations:
        * On several devices the pools take the images of the global batch.
        * The recipe's rates fall with every step, those of the official code with every epoch.
    """

    def __init__(
        self,
        a_to_b: keras.Model,
        b_to_a: keras.Model,
        discriminator_a: keras.Model,
        discriminator_b: keras.Model,
        *,
        loss: str | adversarial.AdversarialLoss = "least_squares",
        cycle_a: float = 10.0,
        cycle_b: float = 10.0,
        identity: float = 0.5,
        pool: int = 50,
        size: tuple[int, int] | None = None,
        ema_decay: float = 0.0,
        seed: int = 0,
        name: str = "cyclegan",
    ):
        for key, weight in (("cycle_a", cycle_a), ("cycle_b", cycle_b), ("identity", identity)):
            if weight < 0:
                raise InputError(f"{key} is {weight}; it must be 0 (off) or more")
        taken, made = a_to_b.input_shape[-1], a_to_b.output_shape[-1]
        if identity and taken != made:
            raise InputError(
                f"an identity loss between images of {taken} and of {made} channels; set"
                " identity to 0"
            )
        found = adversarial.get(loss)
        super().__init__(
            a_to_b,
            b_to_a,
            discriminator_a,
            discriminator_b,
            ema_decay=ema_decay,
            seed=seed,
            name=name,
        )
        self.adversarial = found
        # The official code halves its criterion for the discriminators only.
        self.loss_scale = found.criterion_scale
        self.cycle_a, self.cycle_b, self.identity = cycle_a, cycle_b, identity
        self.pool_a = ImagePool(pool, _made(b_to_a, size, pool), name="pool_a")
        self.pool_b = ImagePool(pool, _made(a_to_b, size, pool), name="pool_b")
        self.loss_names = tuple(
            [f"generators/{term}_{domain}" for term in self._terms() for domain in "ba"]
            + [f"discriminators/{term}_{domain}" for term in ("real", "fake") for domain in "ba"]
        )

    def _terms(self) -> tuple[str, ...]:
        return ("adversarial", "cycle") + (("identity",) if self.identity else ())

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        a, b = domains(batch)
        tape = self.tape("generators")
        with tape:
            fake_b = self.a_to_b(a, training=True)
            fake_a = self.b_to_a(b, training=True)
        self.update("generators", lambda: self.generator_terms(a, b, fake_a, fake_b), tape)
        fake_a = self.pooled(self.pool_a, fake_a)
        fake_b = self.pooled(self.pool_b, fake_b)
        self.update("discriminators", lambda: self.discriminator_terms(a, b, fake_a, fake_b))
        return self.logs()

    def generator_terms(
        self, a: tf.Tensor, b: tf.Tensor, fake_a: tf.Tensor, fake_b: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Loss terms of both generators for images and what was made of them: F(b), G(a)."""
        g, f, generator_loss = self.a_to_b, self.b_to_a, self.adversarial.generator
        terms = {
            "adversarial_b": self.loss_scale
            * generator_loss(self.discriminator_b(fake_b, training=True)),
            "adversarial_a": self.loss_scale
            * generator_loss(self.discriminator_a(fake_a, training=True)),
            "cycle_a": self.cycle_a * distance(f(fake_b, training=True), a),
            "cycle_b": self.cycle_b * distance(g(fake_a, training=True), b),
        }
        if self.identity:
            # Each generator is given images of the domain that it makes.
            weight_a, weight_b = self.identity * self.cycle_a, self.identity * self.cycle_b
            terms["identity_b"] = weight_b * distance(g(b, training=True), b)
            terms["identity_a"] = weight_a * distance(f(a, training=True), a)
        return terms

    def pooled(self, pool: ImagePool, fake: tf.Tensor) -> tf.Tensor:
        """What a discriminator is shown in place of newly made images; without gradient."""
        if not pool.size:
            return tf.stop_gradient(fake)
        count = (batch_size(fake),)
        coins, places = (
            self.noise(count, f"{pool.name} {use}", "unit") for use in ("coin", "place")
        )
        return pool.exchange(fake, coins, places)

    def discriminator_terms(
        self, a: tf.Tensor, b: tf.Tensor, fake_a: tf.Tensor, fake_b: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Loss terms of both discriminators for real images and for those out of the pools."""
        half, loss = 0.5 * self.loss_scale, self.adversarial
        terms = {}
        for domain, discriminator, real, fake in (
            ("b", self.discriminator_b, b, fake_b), ("a", self.discriminator_a, a, fake_a)
        ):  # fmt: skip
            terms[f"real_{domain}"] = half * loss.real(discriminator(real, training=True))
            terms[f"fake_{domain}"] = half * loss.fake(discriminator(fake, training=True))
        return terms

    def diagnose(self, logs: Mapping[str, float]) -> list[str]:
        """Says when the discriminators win outright, and when images come out with turned colours."""
        found = super().diagnose(logs)
        for domain, cycle in (("b", self.cycle_b), ("a", self.cycle_a)):
            off = logs.get(f"generators/identity_{domain}", 0.0)
            back = logs.get(f"generators/cycle_{domain}", 0.0)
            if not self.identity or not cycle:
                continue
            off, back = off / (self.identity * cycle), back / cycle
            if off > 0.5 and back < 0.25:
                found.append(
                    f"images of domain {domain.upper()} come back well ({back:.2f} off) but are"
                    f" changed by their own generator ({off:.2f} off): it has learnt to turn"
                    " colours around; start again with another seed or with more identity"
                )
        return found


def distance(made: tf.Tensor, true: tf.Tensor) -> tf.Tensor:
    """Mean absolute difference of images, as a float32 scalar."""
    return tf.reduce_mean(tf.abs(tf.cast(made, tf.float32) - true))


def _made(network: keras.Model, size: tuple[int, int] | None, pool: int) -> tuple[int | None, ...]:
    """Shape of one image that a network makes in training."""
    *sides, channels = network.output_shape[1:]
    shape = (*(size or sides), channels)
    if pool and None in shape:
        raise InputError(
            "the generators take images of any size: give size=(height, width) of the training"
            " images, for the pools, or pool=0"
        )
    return shape
