"""SRResNet and SRGAN: super-resolution by mean error or adversarially (Ledig et al. 2017)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite.core import network_checks
from tfgan_suite.core.super_resolution_game import SuperResolutionGame, check_sizes, low_and_high
from tfgan_suite.errors import InputError
from tfgan_suite.losses import adversarial as losses
from tfgan_suite.networks.super_resolution import (
    build_discriminator,
    build_generator,
    check_choices,
)

__all__ = ["SRGAN", "SRResNet", "build_discriminator", "build_generator", "check_choices"]

PAPER = "Ledig et al. 2017, arXiv:1609.04802"
DATA = "images, which are downscaled"

PIXEL_LOSSES, REDUCTIONS = ("mse", "l1"), ("mean", "sum_channels")
FEATURE_SCALE = 1.0 / 12.75

Features = Callable[[tf.Tensor], Sequence[tf.Tensor]]


class SRResNet(SuperResolutionGame):
    """A generator without an opponent, trained on the originals' pixels or features.

    ```
    L = w_p E (y - G(x))^2  +  w_f E (phi(y) / 12.75 - phi(G(x)) / 12.75)^2  +  w_v TV(G(x))
    ```

    x is the low-resolution image, y the original, phi the feature maps of a frozen network. The
    mean of all originals that x may come from minimizes the squared error: the best PSNR, and a
    blur.

    Args:
        generator: model from low to high resolution, from `build_generator`.
        pixel_loss: `"mse"` (the paper) or `"l1"`.
        pixel_weight: w_p; 0: none.
        feature_weight: w_f; 0: none.
        features: phi, from `extractors.feature_network`: images in [-1, 1] to a list of float32
            maps, whose losses are added. It may also be set later, with `use_features`.
        feature_scale: factor of the features; paper 1 / 12.75, which makes VGG's losses about as
            large as those of pixels.
        feature_reduction: `"mean"` over positions and channels, as in most code, or
            `"sum_channels"`, the mean over positions of the sum over channels, as in the paper's
            formula.
        total_variation_weight: w_v; the total variation is a sum over an image; the paper's VGG22
            variant has 2e-8.
        ema_decay: decay of a moving average of the generator's weights; 0 (the paper): none.
        seed: seed of the game's randomness, of which there is none.

    Example:
        ```
        source = data.load_super_resolution("photos", scale=4, crop=96)
        game = SRResNet(build_generator())
        game.compile(generator=Adam(1e-4))
        game.fit(source.batches(16, seed=0), steps_per_epoch=1000)
        high = game.translate(low)             # (n, h, w, 3) to (n, 4 h, 4 w, 3)
        ```

    Reference:
        Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative
        Adversarial Network", CVPR 2017, arXiv:1609.04802.

    Raises:
        InputError: an unknown option, a negative weight, a pixel and a feature weight of 0.

    Deviations:
        * Low-resolution images are in [-1, 1], as everywhere in this suite; the paper's [0, 1]
          differs by an affine map that the first convolution absorbs.
        * PReLU's slopes start at 0.25; the paper does not say.
    """

    unsaved_arguments = ("features",)

    def __init__(
        self,
        generator: keras.Model,
        *,
        pixel_loss: str = "mse",
        pixel_weight: float = 1.0,
        feature_weight: float = 0.0,
        features: Features | None = None,
        feature_scale: float = FEATURE_SCALE,
        feature_reduction: str = "mean",
        total_variation_weight: float = 0.0,
        ema_decay: float = 0.0,
        seed: int = 0,
        name: str = "srresnet",
    ):
        check_choices(
            pixel_loss=(pixel_loss, PIXEL_LOSSES), feature_reduction=(feature_reduction, REDUCTIONS)
        )
        _check_weights(pixel_weight, feature_weight, total_variation_weight)
        network_checks.check_network("generator", generator, (1,), (1,))
        ema_decays = {"generator": ema_decay} if ema_decay else None
        super().__init__(seed=seed, ema_decays=ema_decays, name=name)
        self.generator = generator
        self.pixel_loss, self.pixel_weight = pixel_loss, pixel_weight
        self.feature_weight, self.feature_scale = feature_weight, feature_scale
        self.feature_reduction = feature_reduction
        self.total_variation_weight = total_variation_weight
        self.use_features(features)
        weights = {
            "pixel": pixel_weight,
            "features": feature_weight,
            "variation": total_variation_weight,
        }
        self.loss_names = tuple(f"generator/{term}" for term, weight in weights.items() if weight)

    def use_features(self, features: Features | None) -> None:
        """Sets the feature network, which a game with a `feature_weight` needs for training.

        A trained game upscales without it, so that a run opens where its weights are missing.
        """
        # In __dict__, hidden from Keras: a frozen network does not belong in checkpoints.
        self.__dict__["features"] = features

    def build_features(self, build: Callable[[], Features]) -> None:
        """`use_features` with a network built on the devices on which the game trains."""
        strategy = self.distribute_strategy or tf.distribute.get_strategy()
        with strategy.scope():
            self.use_features(build())

    def players(self) -> dict[str, list[keras.Model]]:
        return {"generator": [self.generator]}

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        low, high = low_and_high(batch)
        self.update(
            "generator", lambda: self.content_terms(high, self.generator(low, training=True))
        )
        return self.logs()

    def content_terms(self, high: tf.Tensor, generated: tf.Tensor) -> dict[str, tf.Tensor]:
        """Loss terms between originals and generated images, with their weights.

        Args:
            high: originals `(batch, height, width, channels)` in [-1, 1].
            generated: the generator's images, of the same shape.
        """
        check_sizes(generated, high)
        terms = {}
        if self.pixel_weight:
            error = high - generated
            error = tf.square(error) if self.pixel_loss == "mse" else tf.abs(error)
            terms["pixel"] = self.pixel_weight * tf.reduce_mean(error)
        if self.feature_weight:
            terms["features"] = self.feature_weight * self.feature_distance(high, generated)
        if self.total_variation_weight:
            variation = tf.reduce_mean(tf.image.total_variation(generated))
            terms["variation"] = self.total_variation_weight * variation
        return terms

    def feature_distance(self, high: tf.Tensor, generated: tf.Tensor) -> tf.Tensor:
        """Mean squared difference of scaled features, summed over the maps."""
        if self.features is None:
            raise InputError(
                f"feature_weight is {self.feature_weight}, but the game has no feature network;"
                " pass features=extractors.feature_network(...), or feature_weight=0"
            )
        targets = [tf.stop_gradient(target) for target in self.features(high)]
        losses_of_maps = []
        for target, features in zip(targets, self.features(generated)):
            square = tf.square(tf.cast(features - target, tf.float32) * self.feature_scale)
            if self.feature_reduction == "sum_channels":
                square = tf.reduce_sum(square, axis=-1)
            losses_of_maps.append(tf.reduce_mean(square))
        return tf.add_n(losses_of_maps)


class SRGAN(SRResNet):
    """A trained SRResNet, sharpened against a discriminator of originals and generated images.

    ```
    L_D = BCE(D(y), 1) + BCE(D(G(x)), 0)
    L_G = SRResNet's L + 0.001 BCE(D(G(x)), 1)
    ```

    By default L compares only features (SRGAN-VGG). PSNR falls, yet people prefer the result: on
    Set5 from 32.05 to 29.40 dB, mean opinion score from 3.37 to 3.58. From random weights the
    discriminator wins before there are images: start `generator` from the weights of a trained
    `SRResNet` (`warm_start.StartFrom`).

    Args:
        generator: as for `SRResNet`, trained.
        discriminator: model from images to one logit, from `build_discriminator`.
        loss: name of the adversarial loss, or an `AdversarialLoss`; paper `"non_saturating"`.
        adversarial_weight: weight of the generator's adversarial term; paper 0.001.
        label_smoothing: of the discriminator's targets for originals; the paper has none.
        **options: as for `SRResNet`; here `pixel_weight` is 0 and `feature_weight` 1 by default.

    Example:
        ```
        features = extractors.feature_network("vgg19", ["phi_5,4"])
        game = SRGAN(generator, build_discriminator(), features=features)
        game.compile(generator=Adam(1e-4), discriminator=Adam(1e-4))
        ```

    Reference: as for `SRResNet`.

    Raises:
        InputError: as for `SRResNet`; an `adversarial_weight` that is not above 0.

    Deviations: those of `SRResNet`; the discriminator is updated first and the generator against
        the updated discriminator, an order that the paper leaves open.
    """

    # Sharp textures cost PSNR: what they look like counts, not where each pixel is.
    headline_measure = ("swd", "lower")

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        loss: str | losses.AdversarialLoss = "non_saturating",
        adversarial_weight: float = 1e-3,
        label_smoothing: float = 0.0,
        pixel_weight: float = 0.0,
        feature_weight: float = 1.0,
        name: str = "srgan",
        **options: Any,
    ):
        if adversarial_weight <= 0:
            raise InputError(
                f"adversarial_weight is {adversarial_weight}; it must be more than 0; to train"
                " without a discriminator, use SRResNet"
            )
        adversarial = losses.get(loss, label_smoothing=label_smoothing)
        super().__init__(
            generator,
            pixel_weight=pixel_weight,
            feature_weight=feature_weight,
            name=name,
            **options,
        )
        network_checks.check_network("discriminator", discriminator, (1,), (1,))
        network_checks.check_feeds("generator", generator, "discriminator", discriminator, "images")
        network_checks.check_score("discriminator", discriminator)
        self.discriminator = discriminator
        self.adversarial, self.adversarial_weight = adversarial, adversarial_weight
        self.loss_names += ("generator/adversarial", "discriminator/real", "discriminator/fake")

    def players(self) -> dict[str, list[keras.Model]]:
        return {"generator": [self.generator], "discriminator": [self.discriminator]}

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        low, high = low_and_high(batch)
        tape = self.tape("generator")
        with tape:
            generated = self.generator(low, training=True)
        check_sizes(generated, high)
        constant = tf.stop_gradient(generated)
        self.update("discriminator", lambda: self.discriminator_terms(high, constant))
        self.update("generator", lambda: self.generator_terms(high, generated), tape)
        return self.logs()

    def discriminator_terms(self, high: tf.Tensor, generated: tf.Tensor) -> dict[str, tf.Tensor]:
        """Loss terms of the discriminator; each kind of image has its own batch statistics."""
        return {
            "real": self.adversarial.real(self.discriminator(high, training=True)),
            "fake": self.adversarial.fake(self.discriminator(generated, training=True)),
        }

    def generator_terms(self, high: tf.Tensor, generated: tf.Tensor) -> dict[str, tf.Tensor]:
        """Loss terms of the generator, with their weights."""
        generator_loss = self.adversarial.generator(self.discriminator(generated, training=True))
        return {
            **self.content_terms(high, generated),
            "adversarial": self.adversarial_weight * generator_loss,
        }


def _check_weights(pixel: float, features: float, variation: float) -> None:
    if min(pixel, features, variation) < 0 or not pixel + features:
        raise InputError(
            f"pixel_weight is {pixel}, feature_weight {features},"
            f" total_variation_weight {variation};"
            " none may be negative, and one of the first two must be more than 0"
        )
