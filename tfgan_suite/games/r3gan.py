"""R3GAN: relativistic pairing with R1 and R2, plain ResNets without tricks (Huang et al. 2024)."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core.batches import examples, labels, with_label
from tfgan_suite.core.class_conditional_game import ClassConditionalGame
from tfgan_suite.core.signatures import Signature
from tfgan_suite.errors import InputError
from tfgan_suite.layers.basis import BasisProjection, LearnedBasis
from tfgan_suite.layers.blur import BlurDownSampling2D, BlurUpSampling2D
from tfgan_suite.layers.conditioning import OneHot
from tfgan_suite.layers.convolution import Conv2D, Dense
from tfgan_suite.layers.resizing import Cropping2D
from tfgan_suite.networks import blocks
from tfgan_suite.utils import schedules

PAPER = "Huang, Gokaslan, Kuleshov, Tompkin 2024, arXiv:2501.05441"
DATA = "images or points, with or without classes"

ARCHITECTURES = ("resnet", "mlp")
SLOPE = 0.2
EXPANSION = 2
FIRST_SIZE = 4  # pixels of the smallest maps
# Leaky ReLU keeps the variance of its inputs with weights of this gain.
GAIN = math.sqrt(2.0 / (1.0 + SLOPE**2))


def build_generator(
    shape: tuple[int, ...] = (32, 32, 3),
    architecture: str = "resnet",
    width: int | None = None,
    cardinality: int = 96,
    blocks_per_stage: int = 2,
    latent_dim: int = 64,
    classes: int | None = None,
    full_width_size: int = 32,
    crop: bool = False,
) -> keras.Model:
    """The generator; the defaults are the paper's for CIFAR-10.

    Args:
        shape: of one example: `(height, width, channels)` with equal sides, or `(n,)` for points.
        architecture: `"resnet"`, or `"mlp"` for points (three hidden layers).
        width: channels of the stages up to `full_width_size`, half as many at each doubling above
            it; of `"mlp"` the hidden units. Default 768, `"mlp"` 128.
        cardinality: groups of the 3x3 convolutions up to `full_width_size`, half as many at each
            doubling above it. 1: ordinary convolutions; `2 * width`: depthwise ones.
        blocks_per_stage: residual blocks at each size.
        latent_dim: length of z.
        classes: number of classes; None: the generator takes no label.
        full_width_size: largest size, in pixels, of the stages with the full width.
        crop: sizes that are 5, 6 or 7 pixels times a power of 2 start from 4x4 maps as all others
            do, and crop the second stage's from 8 pixels to that. False: they start from maps of
            5, 6 or 7 pixels, too large for the two blocks of a stage to relate all of their parts.

    Returns:
        Model from z `(batch, latent_dim)`, or from `[z, label]` with label int32 `(batch,)`, to
        examples, float32. Images end in no tanh: they are about in [-1, 1], and clipped by the
        game where it shows them.

    Raises:
        InputError: an unknown architecture, a shape or widths that do not fit.
    """
    width = _check(shape, architecture, width, classes, latent_dim)
    latent = keras.Input((latent_dim,), name="z")
    inputs, x = latent, latent
    if classes is not None:
        label = keras.Input((), dtype="int32", name="label")
        inputs = [latent, label]
        x = keras.layers.Concatenate()([latent, _embedding(label, classes, latent_dim)])
    if architecture == "mlp":
        example = blocks.mlp(x, width, shape[0])
    else:
        stages = _stages(shape[0], width, cardinality, blocks_per_stage, full_width_size, crop)
        gain = _block_gain(stages, blocks_per_stage)
        for size, filters, groups in stages:
            x = _grown(x, size, filters)
            for _ in range(blocks_per_stage):
                x = _residual_block(x, groups, gain)
        example = _convolution(shape[2], 1.0, dtype="float32", name="image")(x)
    return keras.Model(inputs, example, name="r3gan_generator")


def build_discriminator(
    shape: tuple[int, ...] = (32, 32, 3),
    architecture: str = "resnet",
    width: int | None = None,
    cardinality: int = 96,
    blocks_per_stage: int = 2,
    classes: int | None = None,
    full_width_size: int = 32,
    crop: bool = False,
) -> keras.Model:
    """The discriminator, a mirror image of the generator.

    Args:
        shape, architecture, width, cardinality, blocks_per_stage, classes, full_width_size, crop:
            as for `build_generator`; where that crops maps, this adds zeros.

    Returns:
        Model from examples, or `[example, label]`, to logits `(batch, 1)`, float32. The outputs of
        its blocks are named `features_0`, `features_1` and so on.

    Raises:
        InputError: an unknown architecture, a shape or widths that do not fit.
    """
    width = _check(shape, architecture, width, classes)
    example = keras.Input(shape, name="point" if len(shape) == 1 else "image")
    if architecture == "mlp":
        x = blocks.hidden(example, width, prefix="features")
    else:
        stages = _stages(shape[0], width, cardinality, blocks_per_stage, full_width_size, crop)
        gain = _block_gain(stages, blocks_per_stage)
        x = _convolution(stages[-1][1], 1.0)(example)
        for index, (size, filters, groups) in enumerate(reversed(stages)):
            x = _shrunk(x, size, filters) if index else x
            for block in range(blocks_per_stage):
                name = f"features_{index * blocks_per_stage + block}"
                x = _residual_block(x, groups, gain, name)
        x = BasisProjection(name="projection")(x)
    if classes is None:
        logit = Dense(1, kernel_initializer=_normal(1.0), use_bias=False, dtype="float32")(x)
        return keras.Model(example, logit, name="r3gan_discriminator")
    label = keras.Input((), dtype="int32", name="label")
    x = Dense(width, kernel_initializer=_normal(1.0), use_bias=False, dtype="float32")(x)
    row = _embedding(label, classes, width, width**-0.5)
    logit = keras.layers.Dot(axes=1, dtype="float32", name="logit")([x, row])
    return keras.Model([example, label], logit, name="r3gan_discriminator")


def may_crop(size: int) -> bool:
    """Whether images of a size, in pixels, would not start from 4x4 maps without cropping.

    Raises:
        InputError: a size that no network here has.
    """
    return blocks.upsampling_plan(size)[0] != FIRST_SIZE


class R3GAN(ClassConditionalGame):
    """Relativistic pairing, kept convergent by zero-centred penalties on real and generated images.

    ```
    L_D = E softplus(-(D(x) - D(G(z)))) + gamma/2 E [|grad D(x)|^2 + |grad D(G(z))|^2]
    L_G = E softplus(-(D(G(z)) - D(x)))
    ```

    x and G(z) are paired one to one within the batch; with classes, partners share the class.

    Args:
        generator: model from z `(batch, latent_dim)`, or `[z, label]`, to examples.
        discriminator: model from examples, or `[example, label]`, to logits `(batch, 1)`.
        gamma: weight of both penalties, a number or a schedule. It grows with the number of
            pixels: about 0.05 for points in [-1, 1], 0.05 to 1 at 32 pixels, 150 at 256 (paper).
            Default 0.05.
        classes: number of classes; None, the default: networks without labels.
        ema_decay: decay of a moving average of the generator's weights, a number or a schedule
            (`HalfLifeDecay`). Default 0: none.
        seed: seed of the noise. Default 0.
        **options: `Regularization`: `r1_every`, `augment` and more; all off by default.

    Example:
        ```
        steps = 20_000_000 // 512                    # the paper's schedules for CIFAR-10
        game = R3GAN(
            build_generator(),
            build_discriminator(),
            gamma=CosineSchedule(0.05, 0.005, steps),
            ema_decay=HalfLifeDecay(CosineSchedule(0.0, 5_000_000 / 512, steps)),
        )
        rate, beta_2 = CosineSchedule(2e-4, 5e-5, steps), CosineSchedule(0.9, 0.99, steps)
        game.compile(
            generator=FusedAdam(rate, beta_1=0.0, beta_2=beta_2),
            discriminator=FusedAdam(rate, beta_1=0.0, beta_2=beta_2),
        )
        game.fit(images)                             # float32 (512, 32, 32, 3) in [-1, 1]
        ```

    Reference:
        Huang, Gokaslan, Kuleshov, Tompkin, "The GAN is dead; long live the GAN! A Modern GAN
        Baseline", NeurIPS 2024, arXiv:2501.05441.

    Deviations:
        * Augmentation is DiffAugment at full strength (`augment`), not the official code's pipe
          whose probability rises to 0.3 - 0.55; it is off by default.
        * Sizes of 5, 6 or 7 pixels times a power of 2, which the paper does not have, start from
          maps of that size, or (`crop`) crop maps of 8 pixels on the way.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        gamma: schedules.Value = 0.05,
        classes: int | None = None,
        ema_decay: schedules.Value = 0.0,
        seed: int = 0,
        name: str = "r3gan",
        **options: Any,
    ):
        if classes is not None:
            blocks.check_positive_integers(classes=classes)
        super().__init__(
            generator,
            discriminator,
            loss="pairing",
            r1_weight=gamma,
            r2_weight=gamma,
            ema_decay=ema_decay,
            seed=seed,
            name=name,
            **options,
        )
        self.classes = classes

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        real = examples(batch)
        label = None if self.classes is None else labels(batch)
        fake = self.fakes(self.latents(real, "discriminator"), label)
        self.update("discriminator", lambda: self.discriminator_terms(real, fake, label))
        latent = self.latents(real, "generator")
        self.update("generator", lambda: self.generator_terms(latent, real, label))
        return self.logs()

    def fakes(self, latent: tf.Tensor, label: tf.Tensor | None) -> tf.Tensor:
        """Generated examples `(batch, ...)` for z `(batch, latent_dim)`."""
        return self.generator(with_label(latent, label), training=True)

    def score(self, inputs: tf.Tensor, label: tf.Tensor | None) -> tf.Tensor:
        """Logits `(batch, 1)` of augmented examples."""
        return self.discriminator(with_label(inputs, label), training=True)

    def discriminator_terms(
        self, real: tf.Tensor, fake: tf.Tensor, label: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Loss terms of the discriminator; row n of `real` is the partner of row n of `fake`."""
        score = functools.partial(self.score, label=label)
        real_logits, r1 = self.score_real(self.augment_inputs(real, "real"), score)
        fake_logits, r2 = self.score_fake(self.augment_inputs(fake, "fake"), score)
        return {**self.adversarial_terms(real_logits, fake_logits), **r1, **r2}

    def generator_terms(
        self, latent: tf.Tensor, real: tf.Tensor, label: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Loss term of the generator for z; `real` are the partners, which only weigh the pairs."""
        fake = self.augment_inputs(self.fakes(latent, label), "generator")
        partner = lambda: self.score(self.augment_inputs(real, "partner"), label)  # noqa: E731
        return {"adversarial": self.generator_loss(self.score(fake, label), partner)}

    def signatures(self) -> dict[str, Signature]:
        return {name: _clipped(signature) for name, signature in super().signatures().items()}


def _clipped(signature: Signature) -> Signature:
    """A signature whose images are clipped to [-1, 1]: the generator ends in no tanh."""
    if signature.output.kind != "image":
        return signature

    def call(**inputs: tf.Tensor) -> tf.Tensor:
        return tf.clip_by_value(signature.call(**inputs), -1.0, 1.0)

    return dataclasses.replace(signature, call=call)


# ---- parts of the networks ----------------------------------------------------------------------


def _check(
    shape: tuple[int, ...],
    architecture: str,
    width: int | None,
    classes: int | None,
    latent_dim: int = 1,
) -> int:
    """Checks what both networks take, and returns their width."""
    blocks.check_shape(shape, architecture, ARCHITECTURES)
    if width is None:
        width = 128 if architecture == "mlp" else 768
    blocks.check_positive_integers(width=width, latent_dim=latent_dim)
    if classes is not None:
        blocks.check_positive_integers(classes=classes)
    return width


def _stages(
    size: int, width: int, cardinality: int, blocks_per_stage: int, full_width_size: int, crop: bool
) -> list[tuple[int, int, int]]:
    """Size, channels and groups of each stage of the generator."""
    blocks.check_positive_integers(
        cardinality=cardinality, blocks_per_stage=blocks_per_stage, full_width_size=full_width_size
    )
    base, doublings = blocks.upsampling_plan(size)
    sides = [base << level for level in range(doublings + 1)]
    stages = []
    for side in [FIRST_SIZE, *sides] if crop and base > FIRST_SIZE else sides:
        above = max(math.ceil(math.log2(side / full_width_size)), 0)
        filters, groups = width >> above, max(cardinality >> above, 1)
        if filters < 1 or EXPANSION * filters % groups:
            raise InputError(
                f"width {width} and cardinality {cardinality} give {EXPANSION * filters} channels"
                f" in {groups} groups at {side} pixels; the groups must divide the channels"
            )
        stages.append((side, filters, groups))
    return stages


def _block_gain(stages: list[tuple[int, int, int]], blocks_per_stage: int) -> float:
    """Gain of a block's first two convolutions: Fixup's for three, `L ** (-1 / 4)` for L blocks."""
    return GAIN * (len(stages) * blocks_per_stage) ** -0.25


def _normal(gain: float) -> keras.initializers.Initializer:
    """Normal weights with standard deviation `gain / sqrt(fan_in)`."""
    return keras.initializers.VarianceScaling(gain**2, "fan_in", "untruncated_normal")


def _convolution(filters: int, gain: float, **options: Any) -> keras.layers.Layer:
    """A 1x1 convolution without bias."""
    return Conv2D(filters, 1, use_bias=False, kernel_initializer=_normal(gain), **options)


def _residual_block(x: Any, groups: int, gain: float, name: str | None = None) -> Any:
    """`x + conv1(lrelu(conv3(lrelu(conv1(x)))))`; the last convolution starts at 0."""
    filters = x.shape[-1]
    y = Conv2D(EXPANSION * filters, 1, kernel_initializer=_normal(gain))(x)
    y = compat.LeakyReLU(SLOPE)(y)
    y = Conv2D(
        EXPANSION * filters, 3, padding="same", groups=groups, kernel_initializer=_normal(gain)
    )(y)
    y = compat.LeakyReLU(SLOPE)(y)
    y = Conv2D(filters, 1, use_bias=False, kernel_initializer="zeros")(y)
    return keras.layers.Add(name=name)([x, y])


def _grown(x: Any, size: int, filters: int) -> Any:
    """The first layer of a generator's stage: the basis, or twice the size."""
    if len(x.shape) == 2:
        x = Dense(filters, use_bias=False, kernel_initializer=_normal(1.0))(x)
        return LearnedBasis((size, size), name="basis")(x)
    x = _convolution(filters, 1.0)(x) if x.shape[-1] != filters else x
    x = BlurUpSampling2D()(x)
    surplus = x.shape[1] - size
    return Cropping2D(_margins(surplus))(x) if surplus else x


def _shrunk(x: Any, size: int, filters: int) -> Any:
    """The first layer of a discriminator's stage after the first: half the size."""
    missing = 2 * size - x.shape[1]
    x = keras.layers.ZeroPadding2D(_margins(missing))(x) if missing else x
    x = BlurDownSampling2D()(x)
    return _convolution(filters, 1.0)(x) if x.shape[-1] != filters else x


def _margins(count: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Rows and columns on both sides, together `count` each."""
    return ((count // 2, count - count // 2),) * 2


def _embedding(label: Any, classes: int, units: int, gain: float = 1.0) -> Any:
    """A learned vector per class; a product, not a lookup, as everywhere in the suite."""
    code = OneHot(classes, dtype="float32")(label)
    return Dense(units, use_bias=False, kernel_initializer=_normal(gain))(code)
