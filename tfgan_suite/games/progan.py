"""ProGAN: networks that grow from 4x4 pixels, with a Wasserstein loss (Karras et al. 2018)."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core.batches import batch_size, examples, labels
from tfgan_suite.core.growing_game import GrowingGame
from tfgan_suite.errors import InputError
from tfgan_suite.layers.conditioning import OneHot
from tfgan_suite.layers.elementwise import ChannelBias
from tfgan_suite.layers.equalized import (
    EqualizedConv2D,
    EqualizedDense,
    MeanDownConv2D,
    NearestUpConv2D,
)
from tfgan_suite.layers.minibatch_deviation import MinibatchDeviation
from tfgan_suite.layers.normalization import PixelNormalization
from tfgan_suite.losses import penalties
from tfgan_suite.networks import growing
from tfgan_suite.networks.blocks import check_positive_integers

PAPER = "Karras, Aila, Laine, Lehtinen 2018, arXiv:1710.10196"
DATA = "square images, with or without classes"

SLOPE = 0.2


def build_generator(
    shape: tuple[int, int, int] = (1024, 1024, 3),
    fmap_base: int = 8192,
    fmap_max: int = 512,
    latent_dim: int = 512,
    classes: int | None = None,
) -> keras.Model:
    """The generator of all levels; the defaults are the paper's for CelebA-HQ.

    Args:
        shape: of the largest images, `(size, size, channels)`, size 4, 8, 16, ...
        fmap_base: the layers at a size have `2 * fmap_base / size` channels, ...
        fmap_max: ... and at most this many.
        latent_dim: length of z, which the first layer divides by its root mean square.
        classes: number of classes; None: the generator takes no label.

    Returns:
        Model from z `(batch, latent_dim)`, or `[z, label]` with label int32 `(batch,)`, to the
        images of every level, smallest first, float32. They are about in [-1, 1], as no tanh ends
        them, and clipped by the game where it shows them.

    Raises:
        InputError: a size of no level, or numbers that are not positive integers.
    """
    sizes = _check(shape, fmap_base, fmap_max, classes, latent_dim)
    latent = keras.Input((latent_dim,), name="z")
    inputs, x = latent, latent
    if classes is not None:
        label = keras.Input((), dtype="int32", name="label")
        inputs = [latent, label]
        x = keras.layers.Concatenate()([latent, OneHot(classes)(label)])
    filters = growing.level_channels(4, fmap_base, fmap_max)
    x = PixelNormalization()(x)
    # One bias per channel, not per pixel.
    x = EqualizedDense(16 * filters, gain=math.sqrt(2.0) / 4, use_bias=False, name="dense")(x)
    x = ChannelBias(name="dense_bias")(keras.layers.Reshape((4, 4, filters))(x))
    x = _normalized(x)
    images = []
    for size in sizes:
        filters = growing.level_channels(size, fmap_base, fmap_max)
        if size > 4:
            x = _normalized(NearestUpConv2D(filters, name=f"{size}_up")(x))
        x = _normalized(EqualizedConv2D(filters, 3, padding="same", name=f"{size}")(x))
        to_rgb = EqualizedConv2D(shape[2], 1, gain=1.0, dtype="float32", name=f"to_rgb_{size}")
        images.append(to_rgb(x))
    return keras.Model(inputs, images, name="progan_generator")


def build_discriminator(
    shape: tuple[int, int, int] = (1024, 1024, 3),
    fmap_base: int = 8192,
    fmap_max: int = 512,
    group_size: int = 4,
    classes: int | None = None,
) -> keras.Model:
    """The discriminator of all levels, a mirror image of the generator, without normalization.

    Args:
        shape, fmap_base, fmap_max: as for `build_generator`.
        group_size: examples whose standard deviation the discriminator sees together; paper: the
            minibatch, its code 4; 0: no such layer.
        classes: number of classes that it also recognizes (AC-GAN); None: none.

    Returns:
        Model as of `build_growing_discriminator`, to the score, or the score and a logit for each
        class, `(batch, 1)` or `(batch, 1 + classes)`, float32.

    Raises:
        InputError: a size of no level, or numbers that are not positive integers.
    """
    _check(shape, fmap_base, fmap_max, classes)
    channels = functools.partial(growing.level_channels, fmap_base=fmap_base, fmap_max=fmap_max)
    activate = compat.LeakyReLU(SLOPE)

    def from_image(size: int) -> growing.Part:
        convolution = EqualizedConv2D(channels(size), 1, name=f"from_rgb_{size}")
        return lambda image: activate(convolution(image))

    def block(size: int) -> growing.Part:
        first = EqualizedConv2D(channels(size), 3, padding="same", name=f"{size}")
        second = MeanDownConv2D(channels(size // 2), name=f"{size}_down")
        return lambda x: activate(second(activate(first(x))))

    head = _head(channels(4), group_size, 1 + (classes or 0), activate)
    return growing.build_growing_discriminator(
        shape, from_image, block, head, "progan_discriminator"
    )


class ProGAN(GrowingGame):
    """WGAN-GP between networks that start at 4x4 pixels and double their size again and again.

    ```
    L_D = E D(G(z)) - E D(x) + lambda E (|grad D(x^)|_2 - 1)^2 + epsilon E D(x)^2
    L_G = -E D(G(z)),     x^ = u x + (1 - u) G(z),  u ~ U[0, 1] for each example
    ```

    A level's images are `(1 - alpha) old + alpha new` while it fades in: of the generator, inside
    the discriminator, and of the real images, which would otherwise give themselves away by their
    sharpness. With classes, the cross-entropy of the discriminator's class logits is added, of real
    and generated images (AC-GAN).

    `-discriminator/wasserstein` is the estimate of the earth mover's distance at this level.

    Args:
        generator: from `build_generator`.
        discriminator: from `build_discriminator`.
        stable_images: real images between two fades; paper 800,000 (CelebA-HQ, LSUN), 600,000.
        fade_images: real images of a fade; paper as many.
        level_batches: images in a step of each level, as pairs `(size, batch)`; `fit` itself has
            the batches that it is given. Default None.
        gp_weight: lambda. Default 10, the paper's.
        drift_weight: epsilon, which keeps the scores near 0. Default 0.001, the paper's.
        classes: number of classes; None, the default: networks without labels.
        ema_decay: decay of a moving average of the generator's weights. Default 0.999, the paper's.
        seed: seed of the noise. Default 0.

    Example:
        ```
        game = ProGAN(
            build_generator((32, 32, 3), 1024, 64, 64),
            build_discriminator((32, 32, 3), 1024, 64),
            stable_images=20_000,
            fade_images=20_000,
        )
        adam = {"learning_rate": 1e-3, "beta_1": 0.0, "beta_2": 0.99, "epsilon": 1e-8}
        game.compile(generator=FusedAdam(**adam), discriminator=FusedAdam(**adam))
        game.fit(images, batch_size=32, epochs=8)     # float32 (20_000, 32, 32, 3) in [-1, 1]
        ```

    Reference:
        Karras, Aila, Laine, Lehtinen, "Progressive Growing of GANs for Improved Quality, Stability,
        and Variation", ICLR 2018, arXiv:1710.10196.

    Deviations:
        * Convolutions that change the size are fused with the change, as the code does by default.
          The discriminator then averages 2x2 pixels before the leaky ReLU, in the paper after it.
        * alpha changes at every step; the official code evaluates its schedule every 4 steps.
        * The average of the generator is updated after the generator's own step; the official code
          does it beside the discriminator's.
        * With classes, the generator is asked for the classes of the batch, which are drawn as the
          official code draws them: in the shares of the data.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        stable_images: int = 600_000,
        fade_images: int = 600_000,
        level_batches: Any = None,
        gp_weight: float = 10.0,
        drift_weight: float = 0.001,
        classes: int | None = None,
        ema_decay: float = 0.999,
        seed: int = 0,
        name: str = "progan",
    ):
        for weight_name, weight in (("gp_weight", gp_weight), ("drift_weight", drift_weight)):
            if not weight >= 0:
                raise InputError(f"{weight_name} is {weight}; it must be 0 (off) or more")
        if classes is not None:
            check_positive_integers(classes=classes)
        super().__init__(
            generator,
            discriminator,
            stable_images=stable_images,
            fade_images=fade_images,
            level_batches=level_batches,
            loss="wasserstein",
            ema_decay=ema_decay,
            seed=seed,
            name=name,
        )
        self.gp_weight, self.drift_weight = float(gp_weight), float(drift_weight)
        self.classes = classes
        self.loss_names = ("generator/adversarial",)
        self.loss_names += tuple(f"discriminator/{t}" for t in ("wasserstein", "penalty", "drift"))
        if classes is not None:
            self.loss_names += ("generator/class", "discriminator/class_real")
            self.loss_names += ("discriminator/class_fake",)
        self.loss_names += self.GROWTH_NAMES

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        real = self.fade_reals(examples(batch))
        self.check_batch(real.shape[0])
        label = None if self.classes is None else labels(batch)
        fake = self.fakes(self.latents(real, "discriminator"), label)
        mix = self.noise((batch_size(real),), "mix", "unit")
        self.update("discriminator", lambda: self.discriminator_terms(real, fake, mix, label))
        latent = self.latents(real, "generator")
        self.update("generator", lambda: self.generator_terms(latent, label))
        self.count_images(real)
        return self.logs()

    def check_batch(self, count: int | None) -> None:
        """Refuses a batch that the minibatch deviation cannot group (`InputError`)."""
        for layer in self.discriminator.layers:
            if count is not None and hasattr(layer, "group_size"):
                growing.check_groups(count, layer.group_size)

    def fakes(self, latent: tf.Tensor, label: tf.Tensor | None) -> tf.Tensor:
        """Generated images of the level for z `(batch, latent_dim)`."""
        return self.generate_level(
            {"z": latent} if label is None else {"z": latent, "label": label}
        )

    def discriminator_terms(
        self, real: tf.Tensor, fake: tf.Tensor, mix: tf.Tensor, label: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Loss terms of the discriminator for images of the level; `mix` `(batch,)` is u."""
        points = penalties.interpolate(real, fake, mix)
        penalty, _ = penalties.gradient_penalty(lambda x: self.judge(x)[:, :1], points)
        real_outputs, fake_outputs = self.judge(real), self.judge(fake)
        real_scores, fake_scores = real_outputs[:, 0], fake_outputs[:, 0]
        terms = {
            "wasserstein": tf.reduce_mean(fake_scores) - tf.reduce_mean(real_scores),
            "penalty": self.gp_weight * penalty,
            "drift": self.drift_weight * tf.reduce_mean(tf.square(real_scores)),
        }
        if label is not None:
            terms["class_real"] = _class_loss(real_outputs, label)
            terms["class_fake"] = _class_loss(fake_outputs, label)
        return terms

    def generator_terms(
        self, latent: tf.Tensor, label: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Loss terms of the generator for z."""
        outputs = self.judge(self.fakes(latent, label))
        terms = {"adversarial": -tf.reduce_mean(outputs[:, 0])}
        if label is not None:
            terms["class"] = _class_loss(outputs, label)
        return terms


def _class_loss(outputs: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Mean cross-entropy of the class logits, which follow the score."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(label, outputs[:, 1:])
    return tf.reduce_mean(losses)


# ---- parts of the networks ----------------------------------------------------------------------


def _check(
    shape: tuple[int, ...], fmap_base: int, fmap_max: int, classes: int | None, latent_dim: int = 1
) -> tuple[int, ...]:
    """Checks what both networks take, and returns the sizes of the levels."""
    sizes = growing.level_sizes(shape)
    check_positive_integers(fmap_base=fmap_base, fmap_max=fmap_max, latent_dim=latent_dim)
    if classes is not None:
        check_positive_integers(classes=classes)
    return sizes


def _normalized(x: Any) -> Any:
    """Leaky ReLU and pixel normalization."""
    return PixelNormalization()(compat.LeakyReLU(SLOPE)(x))


def _head(filters: int, group_size: int, outputs: int, activate: growing.Part) -> growing.Part:
    """From maps of 4x4 pixels to the score and class logits."""
    layers: list[Callable[[Any], Any]] = []
    if group_size:
        layers.append(MinibatchDeviation(group_size, name="deviation"))
    layers += [
        EqualizedConv2D(filters, 3, padding="same", name="4"),
        activate,
        keras.layers.Flatten(name="flat"),
        EqualizedDense(filters, name="dense"),
        activate,
        EqualizedDense(outputs, gain=1.0, dtype="float32", name="outputs"),
    ]

    def apply(x: Any) -> Any:
        for layer in layers:
            x = layer(x)
        return x

    return apply
