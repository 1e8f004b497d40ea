"""GAN-CLS: images of what a sentence says, by a discriminator that knows wrong sentences."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite.core import network_checks
from tfgan_suite.core.adversarial_model import AdversarialModel
from tfgan_suite.core.batches import batch_size, unpacked
from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.core.text_game import TextGame, without_strings
from tfgan_suite.errors import InputError, must_be
from tfgan_suite.networks.gan_cls import (
    build_discriminator,
    build_generator,
    build_style_encoder,
)

PAPER = "Reed, Akata, Yan, Logeswaran, Schiele, Lee 2016, arXiv:1605.05396"
DATA = "images with captions"
__all__ = [
    "GANCLS",
    "StyleEncoder",
    "build_discriminator",
    "build_generator",
    "build_style_encoder",
]

MISMATCHES = ("text", "image")
INTERPOLATIONS = ("midpoint", "random")


class GANCLS(TextGame):
    """Images from a sentence and noise, judged beside real images with wrong sentences.

    With h the vector of an image's sentence, s the discriminator's probability and c = cls_weight:

    ```
    max_D  E log s(x, h) + c E log(1 - s(x, h_wrong)) + (1 - c) E log(1 - s(G(z, h), h))
    max_G  E log s(G(z, h), h) + lambda E log s(G(z, h_int), h_int),  h_int = (h_1 + h_2) / 2
    ```

    The second term is GAN-INT's: only the generator sees h_int, which belongs to no image.

    Args:
        generator: model from `[z, embedding]` to images.
        discriminator: model from `[image, embedding]` to logits.
        encoder: the frozen encoder of sentences. Default None: vectors only.
        mismatch: `"text"` (default, the paper): a real image with a sentence that does not fit it;
            `"image"` (the official code): the sentence stays and the image is another one of the
            batch, of another class where there are labels.
        cls_weight: c, in [0, 1]. Default 0.5; 0: no mismatched pairs.
        interp_weight: lambda. Default 0: no interpolation; the paper: 1.
        interpolation: `"midpoint"` (default, the paper), or `"random"`, the official code's second
            form: (h_1 + h_2) / 2 + u (h_2 - h_1), u uniform in [-1, 1).
        loss: name of the adversarial loss. Default `"non_saturating"`.
        latent: distribution of z. Default `"normal"`.
        ema_decay: decay of an averaged generator. Default 0, the paper: none.
        seed: seed of the noise. Default 0.
        **options: `Regularization`: `r1_weight`, `pairing` and more; all off by default.

    Example:
        ```
        source = data.load_captions("captions")
        encoder = text.BagOfWords.learn(source.texts)
        source.use_embedding(encoder.encode)
        shape = source.shape
        game = GANCLS(build_generator(shape, encoder.dim), build_discriminator(shape, encoder.dim),
                      encoder=encoder)
        game.compile(generator=Adam(2e-4, 0.5), discriminator=Adam(2e-4, 0.5))
        game.fit(source.batches(64, seed=0), steps_per_epoch=1000)
        image = game.generate(text="a small red circle at the top left")
        ```

    Reference:
        Reed, Akata, Yan, Logeswaran, Schiele, Lee, "Generative Adversarial Text to Image
        Synthesis", ICML 2016, arXiv:1605.05396; code: reedscot/icml2016.

    Deviations:
        * No biases in convolutions, which the official code sets to zero before each step.
        * The discriminator's maps of 8 pixels are activated in both forms, as in the official code
          of GAN-CLS; that of GAN-INT leaves this activation out.
    """

    cls_weight: float = 0.5

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        encoder: Any = None,
        mismatch: str = "text",
        cls_weight: float = 0.5,
        interp_weight: float = 0.0,
        interpolation: str = "midpoint",
        loss: Any = "non_saturating",
        latent: str = "normal",
        ema_decay: Any = 0.0,
        seed: int = 0,
        name: str = "gan_cls",
        **options: Any,
    ):
        for word, value, choices in (
            ("mismatch", mismatch, MISMATCHES),
            ("interpolation", interpolation, INTERPOLATIONS),
        ):
            if value not in choices:
                raise InputError(f"{word} is {value!r}; {must_be(value, choices)}")
        if not 0.0 <= cls_weight <= 1.0:
            raise InputError(f"cls_weight is {cls_weight}; it must be in [0, 1]")
        if interp_weight < 0:
            raise InputError(f"interp_weight is {interp_weight}; it must be 0 (off) or more")
        options.update(loss=loss, latent=latent, ema_decay=ema_decay, seed=seed, name=name)
        super().__init__(generator, discriminator, encoder=encoder, **options)
        self.mismatch, self.interpolation = mismatch, interpolation
        self.cls_weight, self.interp_weight = cls_weight, interp_weight
        if not cls_weight:
            self.loss_names = tuple(n for n in self.loss_names if "mismatched" not in n)
        self.loss_names += ("generator/interpolated",) if interp_weight else ()

    @property
    def batch_keys(self) -> tuple[str, ...]:
        wrong = self.cls_weight and self.mismatch == "text"
        return ("image", "embedding", *(("mismatched_embedding",) if wrong else ()))

    @property
    def mismatched_share(self) -> float:  # type: ignore[override]
        return self.cls_weight

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        inputs = self.inputs_of(batch)
        real, text = inputs["image"], inputs["embedding"]
        fake = self.generator([self.latents(real, "z"), text], training=True)
        self.update(
            "discriminator",
            lambda: self.discriminator_terms(real, tf.stop_gradient(fake), text, inputs),
        )
        self.update("generator", lambda: self.generator_terms(real, text))
        return self.logs()

    def score(self, images: tf.Tensor, text: tf.Tensor) -> tf.Tensor:
        """Logits `(batch, 1)` of images with vectors of sentences."""
        return self.discriminator([images, text], training=True)

    def discriminator_terms(
        self, real: tf.Tensor, fake: tf.Tensor, text: tf.Tensor, batch: dict[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """Loss terms of the discriminator, which judges each kind of pair in a call of its own.

        Batch norm would otherwise let it compare the kinds within a batch.

        Args:
            real, fake: images of the sentences with the vectors `text`.
            text: `(batch, text_dim)`.
            batch: `"mismatched_embedding"`, or, for other images, `"label"` where there are any.
        """
        score = functools.partial(self.score, text=text)
        real = self.augment_inputs(real, "real")
        real_logits, terms = self.score_real(real, score)
        wrong_logits = None
        if self.cls_weight:
            images, wrong_text = real, batch.get("mismatched_embedding")
            if self.mismatch == "image":
                partner = other_rows(text, batch.get("label"))
                images, wrong_text = tf.gather(real, partner), text
            wrong_logits = self.score(images, wrong_text)
        fake_logits, penalty = self.score_fake(self.augment_inputs(fake, "fake"), score)
        weighted = self.matching_terms(real_logits, wrong_logits, fake_logits, self.cls_weight)
        return {**terms, **penalty, **weighted}

    def generator_terms(self, real: tf.Tensor, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Loss terms of the generator, for new z.

        With interpolation the batch grows by half, and the means are those of the grown batch.
        """
        count = batch_size(real)
        half = count // 2 if self.interp_weight else 0
        if self.interp_weight:
            text = tf.concat([text, self.interpolated(text)], 0)
        z = self.noise((count + half, self.latent_dim), "z/generator", self.latent)
        fake = self.augment_inputs(self.generator([z, text], training=True), "generator")
        logits = self.score(fake, text)

        @functools.cache
        def partners() -> tf.Tensor:
            return self.score(self.augment_inputs(real, "partner"), text[:count])

        if not self.interp_weight:
            return {"adversarial": self.generator_loss(logits, partners)}
        share = tf.cast(count, tf.float32) / tf.cast(count + half, tf.float32)
        between = self.generator_loss(logits[count:], lambda: partners()[:half])
        return {
            "adversarial": share * self.generator_loss(logits[:count], partners),
            "interpolated": (1.0 - share) * self.interp_weight * between,
        }

    def style_encoder(self, network: keras.Model | None = None, width: int = 32) -> StyleEncoder:
        """A style encoder of the trained generator.

        Args:
            network: a trained one. None: one that is to be trained, of this width.
            width: as for `build_style_encoder`.
        """
        shape = tuple(self.generator.output_shape[1:])
        return StyleEncoder(self, network or build_style_encoder(shape, self.latent_dim, width))

    def interpolated(self, text: tf.Tensor) -> tf.Tensor:
        """Vectors between those of the first and the second half of a batch, row by row.

        Args:
            text: `(batch, text_dim)`; of an odd number the last row has no partner.

        Returns:
            `(batch // 2, text_dim)`.
        """
        half = batch_size(text) // 2
        first, second = text[:half], text[half : 2 * half]
        middle = (first + second) / 2.0
        if self.interpolation == "midpoint":
            return middle
        return middle + self.noise((half, 1), "interpolation", "uniform") * (second - first)


class StyleEncoder(AdversarialModel):
    """The inverse of a trained generator: z, what a sentence does not say, from an image.

    ```
    L = E |z - S(G(z, h))|^2,   style transfer: G(S(x), h) of an image x and another sentence h
    ```

    Args:
        game: the trained GAN-CLS; its sampling generator is copied and stays as it is.
        network: model from images to z, from `build_style_encoder`.
        seed: seed of the noise. Default 0.

    Example:
        ```
        style = StyleEncoder(game, build_style_encoder(source.shape, game.latent_dim))
        style.compile("adam")
        style.fit(source.batches(64, seed=0), steps_per_epoch=1000)
        images = style.transfer(photographs, text="a yellow bird")
        ```

    Reference: Reed et al. 2016, section 4.4.

    Deviations: the generator runs in inference mode, as it draws samples.
    """

    loss_names = ("style/squared_error",)
    tuple_keys = ("image", "embedding")

    def __init__(self, game: Any, network: keras.Model, *, seed: int = 0):
        super().__init__(seed=seed, name="style_encoder")
        network_checks.check_network("style encoder", network, (1,), (1,))
        (generator,) = game.ema("generator")
        network_checks.check_feeds("generator", generator, "style encoder", network, "images")
        if int(network.output_shape[-1]) != game.latent_dim:
            raise InputError(
                f"the style encoder returns {network.output_shape[-1]} numbers, but z has"
                f" {game.latent_dim}; build it with latent_dim={game.latent_dim}"
            )
        self.network = network
        self.generator = keras.models.clone_model(generator)
        self.generator.set_weights(generator.get_weights())
        self.generator.trainable = False
        self.latent, self.latent_dim = game.latent, game.latent_dim
        self.__dict__["game"] = game

    def players(self) -> dict[str, list[keras.Model]]:
        return {"style": [self.network]}

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `AdversarialModel.fit`, without strings, which no accelerator takes."""
        return super().fit(without_strings(x), *args, **kwargs)

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        batch = unpacked(batch)
        text = tf.cast(batch["embedding"], tf.float32)
        z = self.noise((batch_size(text), self.latent_dim), "z", self.latent)
        images = self.generator([z, text], training=False)

        def terms() -> dict[str, tf.Tensor]:
            difference = z - tf.cast(self.network(images, training=True), tf.float32)
            return {"squared_error": tf.reduce_mean(tf.reduce_sum(difference**2, axis=1))}

        self.update("style", terms)
        return self.logs()

    def signatures(self) -> dict[str, Signature]:
        """`serving_default`: images to z; `transfer`: an image and a vector to images."""
        (network,) = self.ema("style")
        image = TensorSpec("image", tuple(network.input_shape[1:]))
        vector = TensorSpec("embedding", (self.generator.inputs[1].shape[-1],), kind="embedding")

        def encode(image: tf.Tensor) -> tf.Tensor:
            return network(image, training=False)

        def transfer(image: tf.Tensor, embedding: tf.Tensor) -> tf.Tensor:
            return self.generator([encode(image), embedding], training=False)

        z = TensorSpec("z", (self.latent_dim,), kind="style")
        drawn = dataclasses.replace(image, name="transferred")
        return {
            "serving_default": Signature((image,), z, encode, (network,)),
            "transfer": Signature((image, vector), drawn, transfer, (network, self.generator)),
        }

    def transfer(self, images: np.ndarray, text: str | Sequence[str]) -> np.ndarray:
        """Images in the style of other images, of what sentences say.

        Args:
            images: `(n, height, width, channels)` in [-1, 1].
            text: one sentence for all, or `n`.
        """
        texts = [text] * len(images) if isinstance(text, str) else list(text)
        inputs = {"image": images, "embedding": self.game.encode(texts)}
        return self.run_signature(inputs, "transfer")["transferred"]


def other_rows(text: tf.Tensor, label: tf.Tensor | None = None) -> tf.Tensor:
    """For each row of a batch the next one of another class, or without classes of other text.

    Args:
        text: `(batch, text_dim)`.
        label: int `(batch,)`, or None.

    Returns:
        int32 `(batch,)`; a row that differs from no other has itself.
    """
    if label is None:
        differs = tf.reduce_any(text[:, None] != text[None], axis=2)
    else:
        differs = label[:, None] != label[None]
    count = tf.shape(text)[0]
    ahead = (tf.range(count)[None] - tf.range(count)[:, None]) % count
    return tf.argmin(tf.where(differs, ahead, count * (ahead + 1)), 1, tf.int32)
