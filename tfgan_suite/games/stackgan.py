"""StackGAN: a small image from a sentence, then a large one from both (Zhang et al. 2017)."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite.core import network_checks
from tfgan_suite.core.batches import batch_size
from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.core.text_game import ENCODE, TEXT, TextGame
from tfgan_suite.core.trained_game import Arrays
from tfgan_suite.errors import InputError, must_be
from tfgan_suite.layers.conditioning_augmentation import REDUCTIONS, kl_to_standard_normal
from tfgan_suite.networks.stackgan import (
    build_discriminator,
    build_stage1_generator,
    build_stage2_generator,
)
from tfgan_suite.utils import bicubic

__all__ = [
    "StackGANStage1",
    "StackGANStage2",
    "build_discriminator",
    "build_stage1_generator",
    "build_stage2_generator",
]

PAPER = "Zhang et al. 2017, arXiv:1612.03242"
DATA = "images with captions"

# Of the KL divergence, by how it is reduced over the units: official code, paper.
KL_WEIGHTS = {"mean": 2.0, "sum": 1.0}
# What the answer to one question of two equally likely answers tells, in nats.
YES_OR_NO = math.log(2.0)


class StackGANStage1(TextGame):
    """Stage I: layout and colours at low resolution from a sentence and noise.

    ```
    L_D = BCE(D(x, t), 1) + [BCE(D(x, t'), 0) + BCE(D(G(z, c), t), 0)] / 2
    L_G = BCE(D(G(z, c), t), 1) + w KL(N(mu(t), sigma(t)^2) || N(0, I)),   c = mu(t) + sigma(t) eps
    ```

    t is the vector of a caption of the image x and t' that of a caption that does not fit it.

    Args:
        generator: model from `[z, embedding, eps]` to `[image, mu, log_sigma]`, from
            `build_stage1_generator`.
        discriminator: model from `[image, embedding]` to logits, from `build_discriminator`.
        kl_weight: w. Default None: 2 for `"mean"`, 1 for `"sum"`.
        kl_reduction: of the divergence over the units of c: `"mean"` (official code, default) or
            `"sum"` (paper).
        mismatch_weight: share of the mismatched pair among the discriminator's two terms of what
            is not real; the generated image has the rest. Default 0.5.
        encoder: the sentence encoder that made the vectors, as for `TextGame`.
        loss: name of the adversarial loss. Default `"non_saturating"`.
        ema_decay: decay of a moving average of the generator's weights. Default 0, the paper: none.
        seed: seed of the noise. Default 0.
        **options: `Regularization`: `r1_weight` and more; all off by default.

    Example:
        ```
        game = StackGANStage1(build_stage1_generator(), build_discriminator())
        game.compile(generator=Adam(2e-4, 0.5), discriminator=Adam(2e-4, 0.5))
        game.fit(source.batches(64, seed=0))   # data.load_captions(..., embedding=...)
        ```

    Reference:
        Zhang, Xu, Li, Zhang, Wang, Huang, Metaxas, "StackGAN: Text to Photo-realistic Image
        Synthesis with Stacked Generative Adversarial Networks", ICCV 2017, arXiv:1612.03242.

    Raises:
        InputError: networks that do not fit each other, an unknown name, a weight below 0.

    Deviations:
        * eps is normal, as in the paper; the official code truncates it.
        * mu and log sigma have no activation, and log sigma is clipped (official: leaky ReLU or
          ReLU, `ca_activation` of the networks).
        * The discriminator reads the sentence's vector (official PyTorch code: mu).
        * The mismatched pair is a real image with another sentence (official: the sentence with
          another image). Over the data these are the same pairs.
        * One step updates the discriminator, then the generator with the same images, as in the
          official PyTorch code (TensorFlow: new noise).
    """

    network_ends = ((3,), (2,), (1,))

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        kl_weight: float | None = None,
        kl_reduction: str = "mean",
        mismatch_weight: float = 0.5,
        name: str = "stackgan_stage1",
        **options: Any,
    ):
        if kl_reduction not in REDUCTIONS:
            raise InputError(
                f"kl_reduction is {kl_reduction!r}; {must_be(kl_reduction, REDUCTIONS)}"
            )
        kl_weight = KL_WEIGHTS[kl_reduction] if kl_weight is None else kl_weight
        if kl_weight < 0 or not 0.0 <= mismatch_weight <= 1.0:
            raise InputError(
                f"kl_weight is {kl_weight} and mismatch_weight {mismatch_weight}; expected 0 or"
                " more, and a share in [0, 1]"
            )
        super().__init__(generator, discriminator, name=name, **options)
        self.kl_weight, self.kl_reduction = float(kl_weight), kl_reduction
        self.mismatch_weight = float(mismatch_weight)
        self.condition_dim = int(generator.outputs[1].shape[-1])
        self.loss_names += ("generator/kl",)

    def _check_networks(self, generator: Any, opponent: Any) -> None:
        latents, inputs, outputs = self.network_ends
        network_checks.check_network("generator", generator, latents, (3,))
        network_checks.check_network("discriminator", opponent, inputs, outputs)
        network_checks.check_feeds("generator", generator, "discriminator", opponent, "images")
        self.check_opponent_output(generator, opponent)

    @property
    def mismatched_share(self) -> float:  # type: ignore[override]
        return self.mismatch_weight

    # ---- training ----------------------------------------------------------------------------

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        batch = self.inputs_of(batch)
        real, embedding, wrong = (batch[key] for key in self.batch_keys)
        inputs = self.generator_inputs(embedding)
        tape = self.tape("generator")
        with tape:
            fake, mu, log_sigma = self.generator(inputs, training=True)
        constant = tf.stop_gradient(fake)
        self.update(
            "discriminator", lambda: self.discriminator_terms(real, constant, embedding, wrong)
        )
        self.update(
            "generator", lambda: self.generator_terms(fake, embedding, mu, log_sigma, real), tape
        )
        return self.logs()

    def generator_inputs(self, embedding: tf.Tensor) -> list[tf.Tensor]:
        """What the generator gets in a step for vectors `(batch, text_dim)`."""
        return [self.latents(embedding, "z"), embedding, self.eps(embedding, "eps")]

    def eps(self, embedding: tf.Tensor, salt: str) -> tf.Tensor:
        """Noise of conditioning augmentation `(batch, condition_dim)`."""
        return self.noise((batch_size(embedding), self.condition_dim), salt)

    def discriminator_terms(
        self, real: tf.Tensor, fake: tf.Tensor, right: tf.Tensor, wrong: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Loss terms of the discriminator, with their weights.

        Args:
            real: images `(batch, height, width, channels)`.
            fake: generated images for the sentences of `real`.
            right, wrong: vectors of their sentences, and of sentences that do not fit `real`.
        """
        score = functools.partial(self.score, embedding=right)
        real_inputs = self.augment_inputs(real, "real")
        real_logits, r1 = self.score_real(real_inputs, score)
        fake_logits, r2 = self.score_fake(self.augment_inputs(fake, "fake"), score)
        wrong_logits = self.score(real_inputs, wrong)
        terms = self.matching_terms(real_logits, wrong_logits, fake_logits, self.mismatch_weight)
        return {**terms, **r1, **r2}

    def score(self, images: tf.Tensor, embedding: tf.Tensor) -> tf.Tensor:
        """Logits `(batch, 1)`."""
        return self.discriminator([images, embedding], training=True)

    def generator_terms(
        self,
        fake: tf.Tensor,
        right: tf.Tensor,
        mu: tf.Tensor,
        log_sigma: tf.Tensor,
        real: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Loss terms of the generator, with their weights."""
        logits = self.score(self.augment_inputs(fake, "generator"), right)
        partner = lambda: self.score(self.augment_inputs(real, "partner"), right)  # noqa: E731
        divergence = kl_to_standard_normal(mu, log_sigma, self.kl_reduction)
        return {
            "adversarial": self.generator_loss(logits, partner),
            "kl": self.kl_weight * divergence,
        }

    def diagnose_lasting(self, logs: Mapping[str, float]) -> list[str]:
        """Also warns when conditioning augmentation tells the generator nothing."""
        messages = super().diagnose_lasting(logs)
        if not self.kl_weight or "generator/kl" not in logs:
            return messages
        nats = float(logs["generator/kl"]) / self.kl_weight
        nats *= 1 if self.kl_reduction == "sum" else self.condition_dim
        if nats < YES_OR_NO:
            messages.append(
                f"conditioning augmentation passes on at most {nats:.2f} nats about a sentence,"
                f" less than a yes or no ({YES_OR_NO:.2f}): the generator can hardly follow it;"
                " lower the weight of the KL term"
            )
        return messages

    # ---- what the trained game offers --------------------------------------------------------

    def noise_specs(self) -> tuple[TensorSpec, ...]:
        """The noise that an image needs: z, and eps, of which 0 is the mean of a sentence."""
        return (
            TensorSpec("z", (self.latent_dim,), kind=self.latent),
            TensorSpec("eps", (self.condition_dim,), kind="normal"),
        )

    def signatures(self) -> dict[str, Signature]:
        """As `TextGame.signatures`, which also take `eps`."""
        (generator,) = self.ema("generator")

        def draw(z: tf.Tensor, embedding: tf.Tensor, eps: tf.Tensor) -> tf.Tensor:
            return generator([z, embedding, eps], training=False)[0]

        return self.captioned(draw, self.noise_specs(), (generator,))

    def captioned(
        self, draw: Callable[..., tf.Tensor], noise: Sequence[TensorSpec], networks: tuple
    ) -> dict[str, Signature]:
        """`serving_default` of vectors; `text` and `encode_text` where TensorFlow encodes them.

        Args:
            draw: takes noise and `embedding` as keywords, and returns images.
            noise: what it takes beside the embedding, z first.
            networks: those that it uses; the first output of the first one are the images.
        """
        vector = TensorSpec("embedding", (self.text_dim,), kind="embedding")
        image = TensorSpec("image", tuple(networks[0].outputs[0].shape)[1:])
        z, *further = noise
        signatures = {"serving_default": Signature((z, vector, *further), image, draw, networks)}
        encoder = self.encoder
        if encoder is not None and encoder.in_graph:

            def draw_text(text: tf.Tensor, **inputs: tf.Tensor) -> tf.Tensor:
                return draw(embedding=encoder.tensor(text), **inputs)

            text, used = TensorSpec(TEXT, (), "string", TEXT), encoder.networks
            signatures[TEXT] = Signature(
                (text, z, *further), image, draw_text, (*networks, *used), saved_model_only=True
            )
            signatures[ENCODE] = Signature(
                (text,), vector, lambda text: encoder.tensor(text), used, saved_model_only=True
            )
        return signatures

    def calibration_batch(
        self, specs: Sequence[TensorSpec], vectors: np.ndarray, index: int
    ) -> list[tf.Tensor]:
        z, vector = super().calibration_batch(specs, vectors, index)
        return [z, vector, specs[2].draw(len(vector), seed=[self.seed, index + 1000])]


class StackGANStage2(StackGANStage1):
    """Stage II: a large image from one of a frozen stage I and the sentence, which it reads again.

    The objective is that of `StackGANStage1`, for images of the full size and a conditioning
    augmentation of its own. There is no z: what varies is stage I's image, and eps.

    Args:
        generator: model from `[eps, embedding, low]` to `[image, mu, log_sigma]`, from
            `build_stage2_generator`.
        discriminator: model from `[image, embedding]` to logits, from `build_discriminator`.
        stage1: the trained generator of stage I. It is frozen, and its batch norms use their
            stored statistics, in training too.
        **options: as for `StackGANStage1`.

    Example:
        ```
        game = StackGANStage2(
            build_stage2_generator(), build_discriminator(256), first.ema("generator")[0]
        )
        game.compile(generator=Adam(2e-4, 0.5), discriminator=Adam(2e-4, 0.5))
        ```

    Reference: as for `StackGANStage1`.

    Raises:
        InputError: as for `StackGANStage1`; a stage I of other images or vectors.

    Deviations: those of `StackGANStage1`.
        * The official code runs the frozen stage I with the statistics of each batch, which its
          samples do not have; here the images are the same in training and afterwards.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        stage1: keras.Model,
        *,
        name: str = "stackgan_stage2",
        **options: Any,
    ):
        network_checks.check_network("stage I", stage1, (3,), (3,))
        super().__init__(generator, discriminator, name=name, **options)
        network_checks.check_vectors(
            {"stage I": int(stage1.inputs[1].shape[-1]), "stage II": self.text_dim}
        )
        drawn, taken = (tuple(end.shape)[1:] for end in (stage1.outputs[0], generator.inputs[2]))
        if drawn != taken:
            raise InputError(
                f"stage I draws images of shape {drawn}, but stage II takes {taken}; build both for"
                " the same size and channels"
            )
        stage1.trainable = False
        self.stage1 = stage1
        self.stage1_noise = tuple(int(stage1.inputs[index].shape[-1]) for index in (0, 2))

    def generator_inputs(self, embedding: tf.Tensor) -> list[tf.Tensor]:
        count, (latent_dim, condition_dim) = batch_size(embedding), self.stage1_noise
        z = self.noise((count, latent_dim), "z", self.latent)
        low = self.draw_low(z, embedding, self.noise((count, condition_dim), "stage1_eps"))
        return [self.eps(embedding, "eps"), embedding, low]

    def draw_low(self, z: tf.Tensor, embedding: tf.Tensor, eps: tf.Tensor) -> tf.Tensor:
        """Stage I's images, float32, without a gradient."""
        return tf.stop_gradient(self.stage1([z, embedding, eps], training=False)[0])

    def signatures(self) -> dict[str, Signature]:
        """Those of `StackGANStage1` with `eps2` of stage II, and `stage1` and `generate`.

        `stage1` takes a vector and returns stage I's image; `generate` is the way from a sentence,
        or where TensorFlow cannot encode one from its vector, to the large image.
        """
        (generator,) = self.ema("generator")
        stage1, (latent_dim, condition_dim) = self.stage1, self.stage1_noise
        z = TensorSpec("z", (latent_dim,), kind=self.latent)
        eps = TensorSpec("eps", (condition_dim,), kind="normal")
        eps2 = TensorSpec("eps2", (self.condition_dim,), kind="normal")

        def draw_low(z: tf.Tensor, embedding: tf.Tensor, eps: tf.Tensor) -> tf.Tensor:
            return stage1([z, embedding, eps], training=False)[0]

        def draw(eps2: tf.Tensor, embedding: tf.Tensor, **noise: tf.Tensor) -> tf.Tensor:
            low = draw_low(embedding=embedding, **noise)
            return generator([eps2, embedding, low], training=False)[0]

        signatures = self.captioned(draw, (z, eps, eps2), (generator, stage1))
        low = self.captioned(draw_low, (z, eps), (stage1,))["serving_default"]
        generate = signatures.get(TEXT, signatures["serving_default"])
        generate = dataclasses.replace(generate, saved_model_only=True)
        return {**signatures, "generate": generate, "stage1": low}

    def further_measures(
        self, examples: Arrays, report: Callable[[Arrays, np.ndarray], Mapping[str, Any]]
    ) -> dict[str, float]:
        """The same of stage I's images, of these enlarged by bicubic interpolation, and of real."""
        low = self.run_signature(self.example_inputs(examples), "stage1")["image"]
        scale = self.generator.output_shape[0][1] // low.shape[1]
        smooth = np.stack([bicubic.upscale(image, scale) for image in low])
        measures = {}
        images = {"stage1": low, "bicubic": smooth, "real": examples["image"]}
        for name, array in images.items():
            reading = report(examples, array)
            keys = ("all_share", "colour_share", "shape_share", "clean_share", "edge_sharpness")
            measures.update({f"{name}_{key}": reading[key] for key in keys if key in reading})
        return measures

    def measures_in_words(self, measures: Mapping[str, Any]) -> list[str]:
        lines = super().measures_in_words(measures)
        if "real_edge_sharpness" not in measures:
            return lines
        percent = {k: f"{100 * v:.0f}%" for k, v in measures.items() if k.endswith("all_share")}
        edge = {k: f"{v:.2f}" for k, v in measures.items() if k.endswith("edge_sharpness")}
        return [
            *lines,
            "colour, shape, size and position are all as the sentence says in"
            f" {percent['all_share']} of stage II's images, in {percent['stage1_all_share']} of"
            f" stage I's and in {percent['bicubic_all_share']} of these enlarged by bicubic"
            " interpolation",
            f"edges rise by {edge['edge_sharpness']} per pixel, those of real images by"
            f" {edge['real_edge_sharpness']} and bicubic ones by {edge['bicubic_edge_sharpness']}",
        ]

    def calibration_batch(
        self, specs: Sequence[TensorSpec], vectors: np.ndarray, index: int
    ) -> list[tf.Tensor]:
        z, vector, eps = super().calibration_batch(specs, vectors, index)
        eps2 = specs[3].draw(len(vector), seed=[self.seed, index + 2000])
        return [eps2, vector, self.draw_low(z, vector, eps)]
