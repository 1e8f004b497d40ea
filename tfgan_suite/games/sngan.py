"""SN-GAN: spectral normalization of the discriminator (Miyato et al. 2018)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core.batches import batch_size, examples
from tfgan_suite.core.latent_game import LatentGame
from tfgan_suite.errors import InputError
from tfgan_suite.layers import spectral
from tfgan_suite.layers.convolution import Conv2D, Conv2DTranspose, Dense
from tfgan_suite.layers.resizing import NearestUpSampling2D
from tfgan_suite.layers.spectral import SpectralConv2D, SpectralDense
from tfgan_suite.losses import adversarial
from tfgan_suite.networks.blocks import (
    check_positive_integers,
    check_shape,
    hidden_latent,
    mlp,
    normal,
    upsampling_plan,
)

PAPER = "Miyato, Kataoka, Koyama, Yoshida 2018, arXiv:1802.05957"
DATA = "images or points"

ARCHITECTURES = ("conv", "resnet", "mlp")


def build_generator(
    shape: tuple[int, ...] = (32, 32, 3),
    architecture: str = "conv",
    width: int | None = None,
    latent_dim: int = 128,
    hidden_units: int = 0,
) -> keras.Model:
    """A generator of the paper.

    Args:
        shape: of one example: `(height, width, channels)` with equal sides, or `(n,)` for points.
        architecture: `"conv"` (Table 3: transposed convolutions that double the size, from
            `width << doublings` channels down to `width`), `"resnet"` (up to 32 pixels the
            CIFAR-10 net, every block with `width` channels; above them the STL-10 net, halving
            down to `width`) or `"mlp"` (three hidden layers, for points).
        width: channels of the narrowest layer; hidden units of the MLP. Default, the paper's:
            64; 256 for the ResNet up to 32 pixels; 128 for the MLP.
        latent_dim: length of z; paper 128.
        hidden_units: units of a dense layer between z and the first maps, with batch norm; see
            `blocks.hidden_units`. Default 0, the paper's: none.

    Returns:
        Model from z `(batch, latent_dim)` to examples; images are in [-1, 1].

    Raises:
        InputError: an unknown architecture, or one that does not support the shape.
    """
    check_shape(shape, architecture, ARCHITECTURES)
    check_positive_integers(latent_dim=latent_dim)
    latent = keras.Input((latent_dim,), name="z")
    example = generator_layers(
        hidden_latent(latent, hidden_units),
        shape,
        architecture,
        width,
        lambda x: compat.BatchNormalization()(x),
    )
    return keras.Model(latent, example, name="sngan_generator")


def build_discriminator(
    shape: tuple[int, ...] = (32, 32, 3),
    architecture: str = "conv",
    width: int | None = None,
    output_scale: float = 1.0,
) -> keras.Model:
    """A discriminator of the paper, with spectral layers and no other normalization.

    Args:
        shape: of one example, as for `build_generator`.
        architecture: `"conv"` (Table 3: a 3x3 and a strided 4x4 convolution per halving, leaky
            ReLU 0.1), `"resnet"` or `"mlp"`.
        width: channels of the first layer (ResNet up to 32 pixels: of every block); hidden units
            of the MLP. Default, the paper's: 64; 128 for the ResNet up to 32 pixels and the MLP.
        output_scale: factor of the discriminator's output, and so the bound of its slope (its
            Lipschitz constant). Default 1, the paper's.

    Returns:
        Model from examples to values `(batch, 1)`, float32, unbounded. Activations are named
        `features_0`, `features_1` and so on.

    Raises:
        InputError: an unknown architecture, one that does not fit the shape, or an output_scale
            that is not above 0.
    """
    check_shape(shape, architecture, ARCHITECTURES)
    check_output_scale(output_scale)
    example = keras.Input(shape, name="point" if len(shape) == 1 else "image")
    x = features(example, architecture, width)
    x = sum_pool(x) if architecture == "resnet" else keras.layers.Flatten()(x)
    # The official ResNet's last layer has no bias.
    bias = architecture != "resnet"
    value = SpectralDense(1, use_bias=bias, dtype="float32", name="value")(x)
    if output_scale != 1.0:
        value = keras.layers.Rescaling(output_scale, dtype="float32", name="scaled")(value)
    return keras.Model(example, value, name="sngan_discriminator")


class SNGAN(LatentGame):
    """A discriminator of bounded slope: every weight is divided by its largest singular value.

    ```
    L_D = E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))),     L_G = -E D(G(z))
    W_SN = W / sigma(W),  sigma by one power iteration in each update of the discriminator
    ```

    Args:
        generator: model from z `(batch, latent_dim)` to examples.
        discriminator: model from examples to values `(batch, 1)`, of spectral layers
            (`tfgan_suite.layers.spectral`) and without batch norm.
        loss: `"hinge"` (default, the paper's best) or `"non_saturating"`.
        discriminator_steps: discriminator updates per generator update, each with its own real
            examples and noise: `fit` needs batches of `discriminator_steps * batch` examples.
            Default 1 (paper: CNN 1, ResNet 5).
        generator_batches: size of the generator's batch as a multiple of the discriminator's; the
            paper's ResNet has 2. Default 1.
        ema_decay: decay of a moving average of the generator's weights. Default 0, the paper: none.
        seed: seed of the noise. Default 0.
        **options: `Regularization`: `instance_noise`, `r1_weight`, `augment` and more; all off, the
            default, is the paper.

    Example:
        ```
        game = SNGAN(build_generator(), build_discriminator())
        game.compile(generator=Adam(2e-4, 0.5), discriminator=Adam(2e-4, 0.5))
        game.fit(images)                  # float32 (64, 32, 32, 3) in [-1, 1]
        ```

    Reference:
        Miyato, Kataoka, Koyama, Yoshida, "Spectral Normalization for Generative Adversarial
        Networks", ICLR 2018, arXiv:1802.05957.

    Deviations:
        * u is updated once per update of the discriminator and not in the generator's; the
          official code updates it at every call. sigma is read half an iteration later, with the
          v of the current u, so that a call changes no state.
        * No dequantization noise on the images, which all games of this suite share.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        loss: str | adversarial.AdversarialLoss = "hinge",
        discriminator_steps: int = 1,
        generator_batches: int = 1,
        ema_decay: float = 0.0,
        seed: int = 0,
        name: str = "sngan",
        **options: Any,
    ):
        check_positive_integers(
            discriminator_steps=discriminator_steps, generator_batches=generator_batches
        )
        super().__init__(
            generator,
            discriminator,
            loss=loss,
            ema_decay=ema_decay,
            seed=seed,
            name=name,
            **options,
        )
        self.discriminator_steps = self.batches_per_step = discriminator_steps
        self.generator_batches = generator_batches

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        real = examples(batch)
        first = real[:: self.discriminator_steps]
        # The generator is updated first, as in the official code.
        size = (batch_size(first) * self.generator_batches, self.latent_dim)
        latent = self.noise(size, "generator", self.latent)
        self.update("generator", lambda: self.generator_terms(latent, first))
        for turn in range(self.discriminator_steps):
            # Every discriminator_steps-th example: the same batches on any number of replicas.
            part = self.augment_inputs(real[turn :: self.discriminator_steps], f"real {turn}")
            fake = self.generator(self.latents(part, f"critic {turn}"), training=True)
            fake = self.augment_inputs(fake, f"fake {turn}")
            spectral.run_power_iteration(self.discriminator)
            self.update("discriminator", functools.partial(self.discriminator_terms, part, fake))
        return self.logs()

    def discriminator_terms(self, real: tf.Tensor, fake: tf.Tensor) -> dict[str, tf.Tensor]:
        """Loss terms of the discriminator for augmented examples `(batch, ...)`."""
        real_values, terms = self.score_real(real)
        fake_values, penalty = self.score_fake(fake)
        return {**terms, **penalty, **self.adversarial_terms(real_values, fake_values)}

    def generator_terms(
        self, latent: tf.Tensor, real: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Loss term of the generator for z; `real` are partners, `generator_batches` times each."""
        fake = self.augment_inputs(self.generator(latent, training=True), "generator fake")
        values = self.discriminator(fake, training=True)
        repeats = (self.generator_batches, 1)
        return {
            "adversarial": self.generator_loss(
                values, lambda: tf.tile(self.partner_outputs(real), repeats)
            )
        }


# ---- parts of the networks; conditional games use them too -------------------------------------


def generator_layers(
    x: Any,
    shape: tuple[int, ...],
    architecture: str,
    width: int | None,
    normalize: Callable[[Any], Any],
) -> Any:
    """The layers of the paper's generator.

    Args:
        x: tensor `(batch, features)` of a functional model.
        shape: of one example.
        architecture: one of `ARCHITECTURES`.
        width: as for `build_generator`.
        normalize: applies a new normalization layer.

    Returns:
        Tensor of examples, float32; images are in [-1, 1].
    """
    if architecture == "mlp":
        return mlp(x, 128 if width is None else width, shape[0])
    base, doublings = upsampling_plan(shape[0])
    flat = architecture == "resnet" and shape[0] <= 32
    width = (256 if flat else 64) if width is None else width
    check_positive_integers(width=width)
    widths = [width if flat else width << level for level in reversed(range(doublings + 1))]
    start = "glorot_uniform" if architecture == "resnet" else normal()
    x = Dense(base * base * widths[0], kernel_initializer=start, name="project")(x)
    x = keras.layers.Reshape((base, base, widths[0]))(x)
    # The paper's table lists the channels after each doubling, after those of the dense layer.
    for filters in widths[1:]:
        if architecture == "resnet":
            x = _up_block(x, filters, normalize)
        else:
            x = Conv2DTranspose(filters, 4, 2, "same", kernel_initializer=normal())(x)
            x = keras.layers.ReLU()(normalize(x))
    if architecture == "resnet":
        x = keras.layers.ReLU()(normalize(x))
    start = "glorot_uniform" if architecture == "resnet" else normal()
    x = Conv2D(shape[2], 3, padding="same", kernel_initializer=start, name="to_image")(x)
    return keras.layers.Activation("tanh", dtype="float32", name="image")(x)


def features(x: Any, architecture: str, width: int | None = None) -> Any:
    """The paper's discriminator up to its last activation.

    Args:
        x: tensor of examples of a functional model.
        architecture: one of `ARCHITECTURES`.
        width: as for `build_discriminator`.

    Returns:
        Tensor `(batch, height, width, channels)`, or `(batch, units)` for points.
    """
    flat = architecture == "resnet" and x.shape[1] <= 32
    width = (128 if flat or architecture == "mlp" else 64) if width is None else width
    check_positive_integers(width=width)
    if architecture == "mlp":
        for layer in range(3):
            x = SpectralDense(width, kernel_initializer="he_uniform")(x)
            x = compat.LeakyReLU(0.1, name=f"features_{layer}")(x)
        return x
    _, halvings = upsampling_plan(x.shape[1])
    return (
        _resnet_features(x, width, flat)
        if architecture == "resnet"
        else _conv_features(x, width, halvings)
    )


def sum_pool(x: Any) -> Any:
    """Sum over all positions of `(batch, height, width, channels)`, in float32."""
    positions = x.shape[1] * x.shape[2]
    x = keras.layers.GlobalAveragePooling2D(dtype="float32")(x)
    return keras.layers.Rescaling(float(positions), dtype="float32", name="sum_pool")(x)


def check_output_scale(output_scale: float) -> None:
    """Rejects an output scale that is not above 0."""
    if not output_scale > 0:
        raise InputError(
            f"output_scale is {output_scale}; it must be above 0, and is 1 in the paper"
        )


def _conv_features(x: Any, width: int, halvings: int) -> Any:
    plan = [(width << level, size, size - 2) for level in range(halvings) for size in (3, 4)]
    for index, (filters, kernel, stride) in enumerate([*plan, (width << halvings, 3, 1)]):
        x = SpectralConv2D(filters, kernel, stride, "same")(x)
        x = compat.LeakyReLU(0.1, name=f"features_{index}")(x)
    return x


def _resnet_features(x: Any, width: int, flat: bool) -> Any:
    if flat:
        plan = [(width, True), (width, True), (width, False), (width, False)]
    else:
        plan = [(width << level, True) for level in range(upsampling_plan(x.shape[1])[1] + 1)]
        plan.append((2 * plan[-1][0], False))
    for index, (filters, halve) in enumerate(plan):
        x = _down_block(x, filters, halve, first=index == 0, name=f"features_{index}")
    return keras.layers.ReLU(name=f"features_{len(plan)}")(x)


def _wide_initializer() -> keras.initializers.Initializer:
    """Glorot's uniform initializer with a gain of sqrt 2, for the 3x3 convolutions of a block."""
    return keras.initializers.VarianceScaling(2.0, "fan_avg", "uniform")


def _up_block(x: Any, filters: int, normalize: Callable[[Any], Any]) -> Any:
    """Norm, ReLU, upsample, conv3, norm, ReLU, conv3, beside upsample and conv1."""
    shortcut = Conv2D(filters, 1, padding="same")(NearestUpSampling2D()(x))
    x = NearestUpSampling2D()(keras.layers.ReLU()(normalize(x)))
    x = Conv2D(filters, 3, padding="same", kernel_initializer=_wide_initializer())(x)
    x = keras.layers.ReLU()(normalize(x))
    x = Conv2D(filters, 3, padding="same", kernel_initializer=_wide_initializer())(x)
    return keras.layers.Add()([shortcut, x])


def _down_block(x: Any, filters: int, halve: bool, first: bool, name: str) -> Any:
    """ReLU, conv3, ReLU, conv3, mean pool, beside conv1 and mean pool (or the identity).

    The first block has no ReLU on raw pixels and pools before its shortcut's convolution.
    """
    shortcut = x
    if first:
        shortcut = keras.layers.AveragePooling2D(2)(shortcut)
    if halve or x.shape[-1] != filters:
        shortcut = SpectralConv2D(filters, 1, padding="same")(shortcut)
    if halve and not first:
        shortcut = keras.layers.AveragePooling2D(2)(shortcut)
    x = x if first else keras.layers.ReLU()(x)
    x = SpectralConv2D(filters, 3, padding="same", kernel_initializer=_wide_initializer())(x)
    x = keras.layers.ReLU()(x)
    x = SpectralConv2D(filters, 3, padding="same", kernel_initializer=_wide_initializer())(x)
    if halve:
        x = keras.layers.AveragePooling2D(2)(x)
    return keras.layers.Add(name=name)([shortcut, x])
