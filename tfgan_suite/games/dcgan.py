"""DCGAN: the first convolutional GAN that trains reliably (Radford, Metz, Chintala 2016)."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core.batches import examples
from tfgan_suite.core.latent_game import LatentGame
from tfgan_suite.layers.convolution import Conv2D, Conv2DTranspose, Dense
from tfgan_suite.networks.blocks import (
    check_positive_integers,
    hidden_features,
    hidden_latent,
    initializer_before,
    normal,
    normalization,
    normalized,
    upsampling_plan,
)

PAPER = "Radford, Metz, Chintala 2016, arXiv:1511.06434"
DATA = "images"


def build_generator(
    size: int = 64,
    channels: int = 3,
    width: int = 128,
    latent_dim: int = 100,
    kernel: int = 5,
    hidden_units: int = 0,
) -> keras.Model:
    """The paper's generator: one dense layer, then transposed convolutions with batch norm.

    Args:
        size: height and width of the images; `base * 2 ** n` with base 4, 5, 6 or 7.
        channels: 1 or 3.
        width: channels of the last hidden layer; each layer before it has twice as many.
            Paper: 128; Torch port: 64.
        latent_dim: length of z.
        kernel: kernel size; paper 5, Torch port 4 (even overlap, no checkerboard).
        hidden_units: units of a dense layer between z and the first maps, with batch norm; see
            `blocks.hidden_units`. Default 0, the paper's: none.

    Returns:
        Model from z `(batch, latent_dim)` to images `(batch, size, size, channels)` in [-1, 1].

    Raises:
        InputError: a size that is not supported, a width below 1.
    """
    check_positive_integers(channels=channels, width=width, latent_dim=latent_dim, kernel=kernel)
    base, doublings = upsampling_plan(size)
    filters = width << (doublings - 1)
    latent = keras.Input((latent_dim,), name="z")
    x = hidden_latent(latent, hidden_units)
    x = Dense(base * base * filters, use_bias=False, kernel_initializer=normal(), name="project")(x)
    x = keras.layers.Reshape((base, base, filters))(x)
    for _ in range(doublings - 1):
        x = keras.layers.ReLU()(normalized(x, "batch"))
        filters //= 2
        x = _doubling(filters, kernel)(x)
    x = keras.layers.ReLU()(normalized(x, "batch"))
    x = _doubling(channels, kernel, name="to_image")(x)
    image = keras.layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model(latent, image, name="dcgan_generator")


def _doubling(filters: int, kernel: int, name: str | None = None) -> keras.layers.Layer:
    # No bias: the batch norm that follows has one; the official code has none at the end either.
    return Conv2DTranspose(
        filters, kernel, 2, "same", use_bias=False, kernel_initializer=normal(), name=name
    )


def build_discriminator(
    size: int = 64,
    channels: int = 3,
    width: int = 128,
    kernel: int = 5,
    norm: str = "batch",
    hidden_units: int = 0,
) -> keras.Model:
    """The paper's discriminator: strided convolutions, leaky ReLU, one dense unit.

    Args:
        size: height and width of the images; `base * 2 ** n` with base 4, 5, 6 or 7.
        channels: 1 or 3.
        width: channels of the first layer; each further layer has twice as many.
        kernel: kernel size; paper 5, Torch port 4.
        norm: `"batch"` (paper), `"layer"`, `"instance"` or `"none"`; never on the first layer.
            Without one, weights start from He's wider distribution, not with the paper's 0.02.
        hidden_units: units of a dense layer before the output; see `blocks.hidden_units`. Default
            0, the paper's: none.

    Returns:
        Model from images `(batch, size, size, channels)` to logits `(batch, 1)`, float32.

    Raises:
        InputError: a size that is not supported, an unknown norm.
    """
    check_positive_integers(channels=channels, width=width, kernel=kernel)
    _, halvings = upsampling_plan(size)
    image = keras.Input((size, size, channels), name="image")
    x = image
    for level in range(halvings):
        layer = normalization(norm) if level else None
        x = Conv2D(
            width << level,
            kernel,
            2,
            "same",
            use_bias=layer is None,
            kernel_initializer=initializer_before(norm),
        )(x)
        x = layer(x) if layer is not None else x
        x = compat.LeakyReLU(0.2)(x)
    x = hidden_features(keras.layers.Flatten()(x), hidden_units, f"features_{halvings}")
    logit = Dense(1, kernel_initializer=normal(), dtype="float32", name="logit")(x)
    return keras.Model(image, logit, name="dcgan_discriminator")


class DCGAN(LatentGame):
    """A convolutional generator against a convolutional discriminator.

    ```
    min_D  E softplus(-D(x)) + E softplus(D(G(z))),     min_G  E softplus(-D(G(z)))
    ```

    Args:
        generator: model from z `(batch, latent_dim)` to images in [-1, 1].
        discriminator: model from images to logits `(batch, 1)`.
        loss: name of the adversarial loss: `"non_saturating"` (default, paper), `"minimax"`,
            `"hinge"`, `"least_squares"`, `"wasserstein"`.
        latent: distribution of z: `"uniform"` in [-1, 1) (default, paper) or `"normal"` (Torch
            port).
        fresh_noise: draw new noise for the generator's update, as the official code does. By
            default, False, it reuses the fakes of the discriminator's update, as in the Torch port,
            which saves one pass through the generator.
        ema_decay: decay of a moving average of the generator's weights, with which images are
            generated. Default 0, the paper: none.
        seed: seed of the noise. Default 0.
        **options: `Regularization`: `label_smoothing`, `instance_noise`, `r1_weight`, `augment` and
            more; all off, the default, is the paper.

    Example:
        ```
        game = DCGAN(build_generator(), build_discriminator())
        game.compile(generator=Adam(2e-4, 0.5), discriminator=Adam(2e-4, 0.5))
        game.fit(images, epochs=25)       # float32 (batch, 64, 64, 3) in [-1, 1]
        faces = game.generate(16, seed=1)
        ```

    Reference:
        Radford, Metz, Chintala, "Unsupervised Representation Learning with Deep Convolutional
        Generative Adversarial Networks", ICLR 2016, arXiv:1511.06434.

    Deviations:
        * One step updates the discriminator, then the generator, on one batch; the official code
          alternates single updates, each on its own batch. Per pair of updates the game is the
          same.
        * Batch norm epsilon is 1e-5 (official code 1e-8, too small for float32 kernels), and
          images are generated with moving statistics, not those of the current batch, so that
          a z always gives the same image.
        * No weight decay (official: 1e-5 inside Adam); pass an optimizer that has it.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        loss: str = "non_saturating",
        latent: str = "uniform",
        fresh_noise: bool = False,
        ema_decay: float = 0.0,
        seed: int = 0,
        name: str = "dcgan",
        **options: Any,
    ):
        super().__init__(
            generator,
            discriminator,
            loss=loss,
            latent=latent,
            ema_decay=ema_decay,
            seed=seed,
            name=name,
            **options,
        )
        self.fresh_noise = fresh_noise

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        real = examples(batch)
        tape = self.tape("generator")
        with tape:
            fake = self.generator(self.latents(real, "z"), training=True)
        self.update("discriminator", lambda: self.discriminator_terms(real, tf.stop_gradient(fake)))
        if self.fresh_noise:
            tape = self.tape("generator")
            with tape:
                fake = self.generator(self.latents(real, "fresh"), training=True)
        self.update("generator", lambda: self.generator_terms(fake, real), tape)
        return self.logs()

    def discriminator_terms(self, real: tf.Tensor, fake: tf.Tensor) -> dict[str, tf.Tensor]:
        """Loss terms of the discriminator for examples `(batch, ...)`.

        Real and fake examples go through the discriminator in two calls: in one, batch norm would
        mix their statistics, and the discriminator could tell them apart by the mixture.
        """
        real_logits, terms = self.score_real(self.augment_inputs(real, "real"))
        fake_logits, penalty = self.score_fake(self.augment_inputs(fake, "fake"))
        return {**terms, **penalty, **self.adversarial_terms(real_logits, fake_logits)}

    def generator_terms(
        self, fake: tf.Tensor, real: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Loss term of the generator for generated examples; `real` are their partners in pairs."""
        logits = self.discriminator(self.augment_inputs(fake, "generator"), training=True)
        return {"adversarial": self.generator_loss(logits, lambda: self.partner_outputs(real))}
