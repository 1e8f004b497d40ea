"""pix2pix: image translation learnt from pairs (Isola et al. 2017)."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfgan_suite.core import diff_augment, network_checks
from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.core.translation_game import FORTH, TranslationGame, from_image, two_sides
from tfgan_suite.errors import InputError, must_be
from tfgan_suite.layers.stateless_dropout import VARIANTS, dropout_noise, variant_noise
from tfgan_suite.losses import adversarial as losses
from tfgan_suite.networks import translators

PAPER = "Isola et al. 2017, arXiv:1611.07004"
DATA = "pairs of images"

ARCHITECTURES = ("unet", "encoder_decoder", "resnet")
# The signature that takes, besides the image, the number of one of the generator's versions.
VARIED = "varied"


def build_generator(
    shape: tuple[int, ...] = (256, 256, 3),
    output_channels: int | None = None,
    architecture: str = "unet",
    width: int = 64,
    norm: str = "batch",
    dropout: float = 0.5,
    affine: bool | None = None,
    use_bias: bool | None = None,
    upsampling: str = "transposed",
) -> keras.Model:
    """The generator G, which translates images.

    Args:
        shape: `(height, width, channels)` of the training images.
        output_channels: channels of the translation; None: as many as the input has.
        architecture: `"unet"`, `"encoder_decoder"` (both from the paper) or `"resnet"`
            (CycleGAN's: 6 residual blocks, 9 from 256 pixels on; it has no dropout).
        width: channels after the first convolution; paper 64.
        norm: `"batch"` (the paper, at batch 1), `"instance"` (identical at batch 1, better at
            larger batches because translation works on single images) or `"none"`.
        dropout: dropout rate of the first decoder layers; paper 0.5.
        affine, use_bias: as for `translators.build_unet`; None: as in the PyTorch code.
        upsampling: `"transposed"` (the paper), `"nearest"`, `"bilinear"` or `"subpixel"`.

    Returns:
        Model from images to images `(batch, height, width, output_channels)` in [-1, 1].

    Raises:
        InputError: an unknown option, a shape that cannot be halved often enough.
    """
    if architecture not in ARCHITECTURES:
        raise InputError(
            f"architecture {architecture!r} is unknown; {must_be(architecture, ARCHITECTURES)}"
        )
    if architecture == "resnet":
        blocks = 9 if min(shape[:2]) >= 256 else 6
        return translators.build_resnet_translator(
            shape,
            output_channels,
            width,
            blocks,
            norm,
            affine=bool(affine),
            use_bias=use_bias is not False,
            upsampling=upsampling,
        )
    return translators.build_unet(
        shape,
        output_channels,
        width,
        norm=norm,
        affine=affine,
        use_bias=use_bias,
        dropout=dropout,
        skips=architecture == "unet",
        upsampling=upsampling,
    )


def build_discriminator(
    shape: tuple[int, ...] = (256, 256, 3),
    output_channels: int | None = None,
    conditional: bool = True,
    width: int = 64,
    layers: int = 3,
    norm: str = "batch",
    affine: bool | None = None,
) -> keras.Model:
    """The discriminator D, which classifies patches of pairs.

    Args:
        shape: `(height, width, channels)` of the source images.
        output_channels: channels of the translation; None: as many as the source has.
        conditional: whether it sees the source besides the translation.
        width: channels after the first convolution; paper 64.
        layers: strided layers: 0, 1, 3, 5 give the paper's patches of 1, 16, 70, 286 pixels.
        norm, affine: as for `translators.build_patch_discriminator`.

    Returns:
        Model from source and translation, concatenated along the channels, to float32 logits
        `(batch, rows, columns, 1)`.

    Raises:
        InputError: images too small for the layers, an unknown norm.
    """
    for side in shape[:2]:
        translators.patch_count(side, layers)
    channels = shape[2] if output_channels is None else output_channels
    channels += shape[2] if conditional else 0
    return translators.build_patch_discriminator(channels, width, layers, norm, affine)


class Pix2Pix(TranslationGame):
    """A generator trained towards known targets, against a discriminator of patches of pairs.

    ```
    L_D = (BCE(D(x, y), 1) + BCE(D(x, G(x)), 0)) / 2
    L_G = BCE(D(x, G(x)), 1) + lambda E |y - G(x)|
    ```

    x is the source, y the target, E the mean over pixels and channels; the only randomness in G
    is dropout. The pixel loss makes the translation match its target; alone, it blurs wherever x
    allows several y. The discriminator demands realistic detail. `generator/l1` is logged with
    its weight: divided by lambda it is the mean error.

    At equilibrium the discriminator's two terms sum to log 2 = 0.69, and so is
    `generator/adversarial`.

    Args:
        generator: model from sources to translations in [-1, 1], from `build_generator`.
        discriminator: model from source and image (concatenated along the channels) to logits, or
            from the image alone; None where `adversarial_weight` is 0.
        loss: name of the adversarial loss, or an `AdversarialLoss`; the paper's is
            `"non_saturating"`.
        adversarial_weight: weight of the adversarial term; 0: only the pixel loss.
        pixel_weight: lambda; paper 100; 0: only the adversarial term.
        pixel_loss: `"l1"` or `"l2"` (mean squared error).
        conditional: whether the discriminator sees the source; False is the paper's "GAN".
        keep_dropout: whether the trained game also offers translations with dropout, as in the
            paper, under the signature `"varied"`, which takes a version number besides the image.
            `serving_default` has no dropout and is deterministic.
        label_smoothing: of the discriminator's targets for real pairs; the paper has none.
        augment: random changes of all pairs that the discriminator sees, the same for both images
            of a pair, through which the generator gets its gradients (DiffAugment, Zhao et al.
            2020): any of `"color"`, `"translation"`, `"cutout"`, separated by commas; `""`: none.
        ema_decay: decay of a moving average of the generator's weights; 0 (the paper): none.
        seed: seed of the dropout and of the augmentation.

    Example:
        ```
        game = Pix2Pix(build_generator(), build_discriminator())
        game.compile(generator=Adam(2e-4, 0.5), discriminator=Adam(2e-4, 0.5))
        game.fit(pairs)          # {"source", "target"}: float32 (1, 256, 256, 3) in [-1, 1]
        translations = game.translate(images)
        ```

    Reference:
        Isola, Zhu, Zhou, Efros, "Image-to-Image Translation with Conditional Adversarial
        Networks", CVPR 2017, arXiv:1611.07004.

    Raises:
        InputError: weights out of range, a discriminator that does not match them or takes other
            channels.

    Deviations:
        * After training, norms use the statistics of each image alone, as in the official tests,
          which use batches of one; at larger batches no answer depends on the other images.
        * Skips carry maps before their activation, as in the Torch code; in the PyTorch code the
          leaky ReLU works in place, so that its skips carry maps after it.
        * The discriminator is updated first and the generator against the updated discriminator,
          as in the PyTorch code; the Torch code uses the discriminator's answers from before its
          update.
    """

    takes, gives = "source", "target"
    outputs_have_truth = True

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model | None,
        *,
        loss: str | losses.AdversarialLoss = "non_saturating",
        adversarial_weight: float = 1.0,
        pixel_weight: float = 100.0,
        pixel_loss: str = "l1",
        conditional: bool = True,
        keep_dropout: bool = False,
        label_smoothing: float = 0.0,
        augment: str = "",
        ema_decay: float = 0.0,
        seed: int = 0,
        name: str = "pix2pix",
    ):
        _check(adversarial_weight, pixel_weight, pixel_loss)
        network_checks.check_network("generator", generator, (1,), (1,))
        if (discriminator is None) != (adversarial_weight == 0):
            raise InputError(
                f"adversarial_weight is {adversarial_weight} with"
                f" {'no' if discriminator is None else 'a'} discriminator; pass a discriminator"
                " with a weight above 0, or None with 0"
            )
        adversarial = losses.get(loss, label_smoothing=label_smoothing)
        diff_augment.parse(augment)
        super().__init__(
            seed=seed, ema_decays={"generator": ema_decay} if ema_decay else None, name=name
        )
        self.generator = generator
        self.discriminator: Any = discriminator  # None where only the pixel loss trains
        self.adversarial, self.augment = adversarial, augment
        self.adversarial_weight, self.pixel_weight = adversarial_weight, pixel_weight
        self.pixel_loss = pixel_loss
        self.conditional = conditional
        self.keep_dropout = keep_dropout
        self.loss_names = (f"generator/{pixel_loss}",) if pixel_weight else ()
        if discriminator is not None:
            self._check_channels(discriminator)
            self.loss_names += ("generator/adversarial", "discriminator/real", "discriminator/fake")

    def players(self) -> dict[str, list[keras.Model]]:
        players = {"generator": [self.generator]}
        if self.discriminator is not None:
            players["discriminator"] = [self.discriminator]
        return players

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        source, target = pair(batch)
        tape = self.tape("generator")
        with tape, dropout_noise(lambda shape, name: self.noise(shape, name, "unit")):
            fake = self.generator(source, training=True)
        if self.discriminator is not None:
            constant = tf.stop_gradient(fake)
            self.update("discriminator", lambda: self.discriminator_terms(source, target, constant))
        self.update("generator", lambda: self.generator_terms(source, target, fake), tape)
        return self.logs()

    def discriminator_terms(
        self, source: tf.Tensor, target: tf.Tensor, fake: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Loss terms of the discriminator for sources, their targets and their translations.

        Real and fake pairs pass in two calls, each with its own batch statistics.
        """
        return {
            "real": 0.5 * self.adversarial.real(self.discriminate(source, target, "real")),
            "fake": 0.5 * self.adversarial.fake(self.discriminate(source, fake, "fake")),
        }

    def generator_terms(
        self, source: tf.Tensor, target: tf.Tensor, fake: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Loss terms of the generator, with their weights."""
        terms = {}
        if self.pixel_weight:
            error = tf.abs(target - fake) if self.pixel_loss == "l1" else (target - fake) ** 2
            terms[self.pixel_loss] = self.pixel_weight * tf.reduce_mean(error)
        if self.discriminator is not None:
            logits = self.discriminate(source, fake, "generator")
            generator_loss = self.adversarial.generator(logits)
            terms["adversarial"] = self.adversarial_weight * generator_loss
        return terms

    def discriminate(self, source: tf.Tensor, image: tf.Tensor, salt: str) -> tf.Tensor:
        """The discriminator's logits `(batch, rows, columns, 1)` for sources and images.

        Args:
            source, image: a batch of each.
            salt: of the augmentation, which changes both images of a pair alike.
        """
        image = self.augment_inputs(image, salt)
        source = self.augment_inputs(source, salt) if self.conditional else source
        inputs = tf.concat([source, image], axis=-1) if self.conditional else image
        return self.discriminator(inputs, training=True)

    # ---- what the trained game offers --------------------------------------------------------

    def signatures(self) -> dict[str, Signature]:
        """`serving_default`: image to image; with `keep_dropout` also `varied`.

        `varied` also takes `variant`, an integer in [0, 46337) that selects one of as many
        versions of the generator. Each version gives the same answer every time, in every export
        format.
        """
        (generator,) = self.ema("generator")
        multiple = translators.size_multiple(generator)
        signatures = {FORTH: from_image(generator, multiple)}
        if not self.keep_dropout:
            return signatures

        def varied(image: tf.Tensor, variant: tf.Tensor) -> tf.Tensor:
            with dropout_noise(variant_noise(variant)):
                return generator(image, training=False)

        spec = TensorSpec("variant", (), "int32", kind="label", classes=VARIANTS)
        signatures[VARIED] = from_image(generator, multiple, call=varied, extra=(spec,))
        return signatures

    def _check_channels(self, discriminator: keras.Model) -> None:
        network_checks.check_network("discriminator", discriminator, (1,), (1,))
        source, target = self.generator.input_shape[-1], self.generator.output_shape[-1]
        expected = target + (source if self.conditional else 0)
        channels = discriminator.input_shape[-1]
        if channels != expected:
            raise InputError(
                f"the discriminator takes {channels} channels; it must take {expected}:"
                + (f" {source} of the source and" if self.conditional else "")
                + f" {target} of the translation"
            )


def pair(batch: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Sources and targets of a batch in any form that `fit` accepts.

    Args:
        batch: a dict with `"source"` and `"target"`, or a tuple of the two.

    Returns:
        Two float32 tensors `(batch, height, width, channels)`.

    Raises:
        InputError: the batch holds no pairs.
    """
    return two_sides(batch, ("source", "target"), "this game learns from pairs")


def _check(adversarial_weight: float, pixel_weight: float, pixel_loss: str) -> None:
    if adversarial_weight < 0 or pixel_weight < 0 or not adversarial_weight + pixel_weight:
        raise InputError(
            f"adversarial_weight is {adversarial_weight}, pixel_weight {pixel_weight}; neither may"
            " be negative, and one must be more than 0"
        )
    if pixel_loss not in ("l1", "l2"):
        raise InputError(f"pixel_loss is {pixel_loss!r}; it must be 'l1' or 'l2'")
