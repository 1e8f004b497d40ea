"""ALI and BiGAN: a generator that learns its own inverse (Dumoulin; Donahue et al. 2017)."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core.batches import batch_size, examples
from tfgan_suite.core.latent_game import LatentGame
from tfgan_suite.core.network_checks import check_feeds
from tfgan_suite.core.signatures import Signature, TensorSpec, from_noise
from tfgan_suite.errors import InputError, must_be
from tfgan_suite.layers.convolution import Conv2D, Conv2DTranspose, Dense
from tfgan_suite.layers.elementwise import PixelBias
from tfgan_suite.layers.stateless_dropout import StatelessDropout, dropout_noise
from tfgan_suite.networks import blocks

PAPER = "Dumoulin et al. 2017, arXiv:1606.00704; Donahue et al. 2017 (BiGAN), arXiv:1605.09782"
DATA = "images or points"

ARCHITECTURES = ("paper", "conv", "mlp")
VARIANTS = ("ali", "bigan")

# Convolutions without padding, as (kernel, stride, channels in widths), from the image to one
# pixel; the decoder's, back; and the slope of the leaky ReLUs. 32: CIFAR-10, 64: CelebA.
_DOWN = {
    32: ((5, 1, 1), (4, 2, 2), (4, 1, 4), (4, 2, 8), (4, 1, 16)),
    64: ((2, 1, 1), (7, 2, 2), (5, 2, 4), (7, 2, 4), (4, 1, 8)),
}
_UP = {
    32: ((4, 1, 8), (4, 2, 4), (4, 1, 2), (4, 2, 1), (5, 1, 1), (1, 1, 1)),
    64: ((4, 1, 8), (7, 2, 4), (5, 2, 4), (7, 2, 2), (2, 1, 1)),
}
_SLOPE = {32: 0.1, 64: 0.02}


def build_decoder(
    shape: tuple[int, ...] = (32, 32, 3),
    architecture: str = "paper",
    width: int = 32,
    latent_dim: int = 64,
    mean: float = 0.0,
    norm: bool = True,
    hidden_units: int = 0,
) -> keras.Model:
    """The decoder G, which generates examples from z.

    Args:
        shape: `(height, width, channels)` with equal sides, or `(n,)` for points.
        architecture: `"paper"` (convolutions without padding, 32 or 64 pixels), `"conv"` (a
            small net of doublings, for 28, 32, 64 and more) or `"mlp"` (points; four layers).
        width: channels of the widest maps; paper 32 (CIFAR-10), 64 (CelebA), 400 (points).
        latent_dim: length of z; paper 64 (CIFAR-10), 256 (CelebA), 2 (points).
        mean: mean of the training pixels, in (-1, 1): initial output of architecture `"paper"`.
        norm: batch norm after the hidden layers of nets for images.
        hidden_units: of a dense layer on z in `"conv"`; see `blocks.hidden_units`. Default 0: none.

    Returns:
        Model from z `(batch, latent_dim)` to examples; images are in [-1, 1].

    Raises:
        InputError: an unknown or unsuitable architecture; a mean out of range.
    """
    blocks.check_positive_integers(width=width, latent_dim=latent_dim)
    _check(shape, architecture)
    latent = keras.Input((latent_dim,), name="z")
    if architecture == "mlp":
        return keras.Model(latent, blocks.mlp(latent, width, shape[0], 4), name="ali_decoder")
    if not -1.0 < mean < 1.0:
        raise InputError(f"mean is {mean}; it must be in (-1, 1), such as the mean of the pixels")
    if architecture == "paper":
        slope, x = _SLOPE[shape[0]], keras.layers.Reshape((1, 1, latent_dim))(latent)
        for kernel, stride, widths in _UP[shape[0]]:
            how = {"use_bias": not norm, "kernel_initializer": blocks.normal(0.01)}
            x = Conv2DTranspose(widths * width, kernel, stride, **how)(x)
            x = _activated(x, norm, slope)
        x = Conv2D(
            shape[2], 1, use_bias=False, kernel_initializer=blocks.normal(0.01), name="to_image"
        )(x)
        # The log-odds of the mean, halved, since tanh(s) = 2 sigmoid(2 s) - 1.
        x = PixelBias(float(np.arctanh(mean)), name="pixel_bias")(x)
    else:
        base, doublings = blocks.upsampling_plan(shape[0])
        filters = width << (doublings - 1)
        x = blocks.hidden_latent(latent, hidden_units)
        x = Dense(base * base * filters, use_bias=not norm, name="project")(x)
        x = keras.layers.Reshape((base, base, filters))(x)
        for level in reversed(range(doublings - 1)):
            x = _activated(x, norm)
            x = Conv2DTranspose(width << level, 4, 2, "same", use_bias=not norm)(x)
        x = Conv2DTranspose(shape[2], 4, 2, "same", name="to_image")(_activated(x, norm))
    image = keras.layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model(latent, image, name="ali_decoder")


def build_encoder(
    shape: tuple[int, ...] = (32, 32, 3),
    architecture: str = "paper",
    width: int = 32,
    latent_dim: int = 64,
    variant: str = "ali",
    norm: bool = True,
) -> keras.Model:
    """The encoder E, which infers the z of an example.

    Args:
        shape, architecture, width, latent_dim: as for `build_decoder`; for points it has two
            hidden layers.
        variant: `"ali"`: outputs mu and log sigma of z, side by side; `"bigan"`: outputs z.
        norm: batch norm after the hidden layers of nets for images.

    Returns:
        Model from examples to float32 `(batch, 2 * latent_dim)` or `(batch, latent_dim)`.

    Raises:
        InputError: an unknown variant, an architecture that does not fit the shape.
    """
    blocks.check_positive_integers(width=width, latent_dim=latent_dim)
    _check(shape, architecture)
    if variant not in VARIANTS:
        raise InputError(f"variant is {variant!r}; {must_be(variant, VARIANTS)}")
    outputs = latent_dim * (2 if variant == "ali" else 1)
    example = keras.Input(shape, name="point" if architecture == "mlp" else "image")
    if architecture == "mlp":
        return keras.Model(example, blocks.mlp(example, width, outputs, 2), name="ali_encoder")
    x = example
    if architecture == "paper":
        slope, down = _SLOPE[shape[0]], _DOWN[shape[0]]
        for kernel, stride, widths in [*down, (1, 1, down[-1][2])]:
            how = {"use_bias": not norm, "kernel_initializer": blocks.normal(0.01)}
            x = _activated(Conv2D(widths * width, kernel, stride, **how)(x), norm, slope)
    else:
        for level in range(blocks.upsampling_plan(shape[0])[1]):
            x = _activated(Conv2D(width << level, 4, 2, "same", use_bias=not norm)(x), norm)
    start = blocks.normal(0.01) if architecture == "paper" else "glorot_uniform"
    x = keras.layers.Flatten()(x)
    moments = Dense(outputs, dtype="float32", kernel_initializer=start, name="moments")(x)
    return keras.Model(example, moments, name="ali_encoder")


def build_discriminator(
    shape: tuple[int, ...] = (32, 32, 3),
    architecture: str = "paper",
    width: int = 32,
    latent_dim: int = 64,
    dropout: float = 0.0,
) -> keras.Model:
    """The discriminator D of pairs of an example and its z. It has no batch norm.

    Args:
        shape, architecture, latent_dim: as for `build_decoder`.
        width: as for `build_decoder`; for points paper 200, three layers of maxout with 5 pieces.
        dropout: dropout rate of hidden features (of the image two fifths of it); paper 0.5.
            Needs the noise of a game (`StatelessDropout`).

    Returns:
        Model from `[example, z]` to logits `(batch, 1)`, float32.

    Raises:
        InputError: an architecture that does not fit the shape, a dropout outside [0, 1).
    """
    blocks.check_positive_integers(width=width, latent_dim=latent_dim)
    _check(shape, architecture)
    if not 0.0 <= dropout < 1.0:
        raise InputError(f"dropout is {dropout}; it must be in [0, 1)")
    example = keras.Input(shape, name="point" if architecture == "mlp" else "image")
    latent = keras.Input((latent_dim,), name="z")
    block = _DiscriminatorBlocks(dropout)
    if architecture == "mlp":
        x = keras.layers.Concatenate()([example, latent])
        for _ in range(3):
            x = block(x, Dense(width * 5, kernel_initializer="he_uniform"), width)
    elif architecture == "paper":
        x, side = block.dropped(example, 0.4 * dropout), 16 * width
        for kernel, stride, widths in _DOWN[shape[0]]:
            x = block(x, Conv2D(2 * widths * width, kernel, stride), widths * width)
        z = latent
        for _ in range(2):
            z = block(z, Dense(2 * side), side)
        x = keras.layers.Concatenate()([keras.layers.Flatten()(x), z])
        for _ in range(2):
            x = block(x, Dense(4 * side), 2 * side)
    else:
        x = block.dropped(example, 0.4 * dropout)
        for level in range(blocks.upsampling_plan(shape[0])[1]):
            x = block(x, Conv2D(width << level, 4, 2, "same"))
        # A small branch for z, or the discriminator wins by cues in z alone early in training.
        z = block(latent, Dense(4 * width))
        x = keras.layers.Concatenate()([keras.layers.Flatten()(x), z])
        x = block(x, Dense(8 * width))
    logit = Dense(1, dtype="float32", name="logit")(x)
    return keras.Model([example, latent], logit, name="ali_discriminator")


class ALI(LatentGame):
    """A decoder and an encoder against a discriminator of pairs of an example and its z.

    ```
    a_q = D(x, E(x)),  E(x) = mu(x) + sigma(x) n,      a_p = D(G(z), z)
    L_D = E softplus(-a_q) + E softplus(a_p),        L_GE = E softplus(a_q) + E softplus(-a_p)
    ```

    At the optimum both kinds of pairs have the same distribution, so E inverts G. Reconstructions
    G(E(x)) resemble x in content, not pixel by pixel: no loss compares them with x.

    Args:
        decoder: model from z `(batch, latent_dim)` to examples.
        encoder: model from examples to mu and log sigma `(batch, 2 * latent_dim)`, or, for
            BiGAN, to z `(batch, latent_dim)`. Its output's length decides which of the two it is.
        discriminator: model from `[example, z]` to logits `(batch, 1)`.
        loss: name of the adversarial loss. Default `"non_saturating"`, the paper's. The encoder's
            term is the generator's on outputs mirrored at the loss's threshold.
        latent: distribution of z: `"normal"` (default, ALI) or `"uniform"` in [-1, 1) (BiGAN).
        ema_decay: decay of a moving average of decoder and encoder. Default 0, the paper: none.
        seed: seed of the noise. Default 0.
        **options: `Regularization`; off by default. R1 is of examples, smoothing of E's pairs.

    Example:
        ```
        game = ALI(build_decoder(), build_encoder(), build_discriminator(dropout=0.5))
        game.compile(generator=Adam(1e-4, 0.5), discriminator=Adam(1e-4, 0.5))
        game.fit(images, epochs=100)      # float32 (batch, 32, 32, 3) in [-1, 1]
        copies = game.reconstruct(images)
        ```

    Reference:
        Dumoulin, Belghazi, Poole, Mastropietro, Lamb, Arjovsky, Courville, "Adversarially Learned
        Inference", ICLR 2017, arXiv:1606.00704. Donahue, Krahenbuhl, Darrell, "Adversarial
        Feature Learning", ICLR 2017, arXiv:1605.09782.

    Deviations:
        * Images are in [-1, 1] with tanh, as in all games here, not in [0, 1] with sigmoid.
        * One step updates the discriminator, then decoder and encoder together, on one batch and
          one z, as in most games here; the official code takes both gradients at equal weights.
        * For points the encoder outputs mu and log sigma as for images, so that encoding is
          deterministic; the paper's toy encoder takes noise as an input.
        * For 64 pixels the discriminator's image branch has the encoder's layers, with maxout.
    """

    network_ends = ((1,), (2,), (1,))

    def __init__(
        self,
        decoder: keras.Model,
        encoder: keras.Model,
        discriminator: keras.Model,
        *,
        loss: str = "non_saturating",
        latent: str = "normal",
        ema_decay: float = 0.0,
        seed: int = 0,
        name: str = "ali",
        **options: Any,
    ):
        options.update(loss=loss, latent=latent, ema_decay=ema_decay, seed=seed, name=name)
        super().__init__(decoder, discriminator, **options)
        outputs = encoder.output_shape[-1]
        if outputs not in (self.latent_dim, 2 * self.latent_dim):
            raise InputError(
                f"the encoder outputs {outputs} numbers, but the decoder takes {self.latent_dim};"
                f" expected {2 * self.latent_dim} (mu and log sigma) or {self.latent_dim} (BiGAN)"
            )
        check_feeds("decoder", decoder, "encoder", encoder)
        self.encoder, self.variant = encoder, ("ali", "bigan")[outputs == self.latent_dim]
        self.loss_names = ("generator/inference", *self.loss_names)

    def players(self) -> dict[str, list[keras.Model]]:
        return {"generator": [self.generator, self.encoder], "discriminator": [self.discriminator]}

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        real = examples(batch)
        latent = self.latents(real, "z")
        noise = self.noise((batch_size(real), self.latent_dim), "posterior")
        tape = self.tape("generator")
        with tape:
            fake = self.generator(latent, training=True)
            inferred = self.sample_posterior(self.encoder(real, training=True), noise)
        constant = tf.stop_gradient(inferred), tf.stop_gradient(fake)
        self.update("discriminator", lambda: self.discriminator_terms(real, *constant, latent))
        self.update("generator", lambda: self.generator_terms(real, inferred, fake, latent), tape)
        return self.logs()

    def sample_posterior(self, moments: tf.Tensor, noise: tf.Tensor | None = None) -> tf.Tensor:
        """z from the encoder's outputs: `mu + exp(log sigma) * noise`; the mean without noise.

        Args:
            moments: the encoder's outputs.
            noise: `(batch, latent_dim)`; ignored where the encoder is deterministic.
        """
        if self.variant == "bigan":
            return moments
        mean, log_deviation = tf.split(moments, 2, axis=-1)
        return mean if noise is None else mean + tf.exp(log_deviation) * noise

    def discriminator_terms(
        self, real: tf.Tensor, inferred: tf.Tensor, fake: tf.Tensor, latent: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Loss terms of the discriminator for the pairs `(real, inferred)` and `(fake, latent)`."""
        a_q, terms = self.score_real(
            self.augment_inputs(real, "real"), lambda x: self._score(x, inferred, "critic real")
        )
        a_p, penalty = self.score_fake(
            self.augment_inputs(fake, "fake"), lambda x: self._score(x, latent, "critic fake")
        )
        return {**terms, **penalty, **self.adversarial_terms(a_q, a_p)}

    def generator_terms(
        self, real: tf.Tensor, inferred: tf.Tensor, fake: tf.Tensor, latent: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Loss terms of encoder and decoder: each kind of pair wants the other's label."""
        salts = "generator real", "generator fake"
        a_q = self._score(self.augment_inputs(real, salts[0]), inferred, salts[0])
        a_p = self._score(self.augment_inputs(fake, salts[1]), latent, salts[1])
        middle = 2.0 * (self.adversarial.threshold or 0.0)
        # Of a loss of pairs each term is the whole loss, with the gradient of one of its two sides.
        return {
            "inference": self.generator_loss(middle - a_q, lambda: middle - a_p),
            "adversarial": self.generator_loss(a_p, lambda: a_q),
        }

    def _score(self, example: tf.Tensor, latent: tf.Tensor, salt: str) -> tf.Tensor:
        with dropout_noise(lambda shape, name: self.noise(shape, f"{salt}/{name}", "unit")):
            return self.discriminator([example, latent], training=True)

    # ---- what the trained game offers --------------------------------------------------------

    def signatures(self) -> dict[str, Signature]:
        """`serving_default`: z to example; `encode`: example to z; `reconstruct`: to G(E(x)).

        The z of an example is the mean of E's distribution, so it is always the same.
        """
        decoder, encoder = self.ema("generator")
        signatures = from_noise(decoder, self.latent)
        output = signatures["serving_default"].output
        code = TensorSpec("z", (self.latent_dim,), kind=self.latent)

        def encode(**example: tf.Tensor) -> tf.Tensor:
            return self.sample_posterior(encoder(example[output.name], training=False))

        def reconstruct(**example: tf.Tensor) -> tf.Tensor:
            return decoder(encode(**example), training=False)

        copy = dataclasses.replace(output, name="reconstruction")
        signatures["encode"] = Signature((output,), code, encode, (encoder,))
        signatures["reconstruct"] = Signature((output,), copy, reconstruct, (encoder, decoder))
        return signatures

    def encode(self, examples: np.ndarray, batch: int = 256) -> np.ndarray:
        """The z of examples `(count, ...)`: the mean of E's distribution, `(count, latent_dim)`."""
        return self._outputs("encode", examples, batch)

    def reconstruct(self, examples: np.ndarray, batch: int = 256) -> np.ndarray:
        """G(E(x)) for examples `(count, ...)`, of their shape."""
        return self._outputs("reconstruct", examples, batch)

    def _outputs(self, name: str, examples: np.ndarray, batch: int) -> np.ndarray:
        signature = self.signatures()[name]
        inputs = {signature.inputs[0].name: examples}
        return self.run_signature(inputs, name, batch=batch)[signature.output.name]


def _check(shape: tuple[int, ...], architecture: str) -> None:
    blocks.check_shape(shape, architecture, ARCHITECTURES)
    if architecture == "paper" and shape[0] not in _DOWN:
        raise InputError(
            f"architecture 'paper' is for images of 32 and 64 pixels, not {shape[0]}; use 'conv'"
        )


def _activated(x: Any, norm: bool, slope: float = 0.1) -> Any:
    return compat.LeakyReLU(slope)(blocks.normalized(x, "batch" if norm else "none"))


class _DiscriminatorBlocks:
    """The discriminator's layers with dropout before each, numbered across the network."""

    def __init__(self, dropout: float):
        self.dropout, self.count, self.drops = dropout, 0, 0

    def dropped(self, x: Any, rate: float) -> Any:
        if not rate:
            return x
        self.drops += 1
        # Names decide the noise, and Keras's own names differ between processes.
        return StatelessDropout(rate, name=f"dropout_{self.drops - 1}")(x)

    def __call__(self, x: Any, layer: keras.layers.Layer, units: int = 0) -> Any:
        """The layer's outputs after maxout to `units`, or after leaky ReLU (units 0)."""
        if self.count:  # the network's input has a dropout rate of its own
            x = self.dropped(x, self.dropout)
        name = f"features_{self.count}"
        self.count += 1
        last = compat.Maxout(units, name=name) if units else compat.LeakyReLU(0.2, name=name)
        return last(layer(x))
