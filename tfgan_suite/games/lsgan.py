"""LSGAN: squared errors in place of cross-entropy (Mao et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core.batches import examples
from tfgan_suite.core.latent_game import LatentGame
from tfgan_suite.layers.convolution import Conv2D, Conv2DTranspose, Dense
from tfgan_suite.losses import adversarial
from tfgan_suite.networks.blocks import (
    check_choices,
    check_positive_integers,
    check_shape,
    hidden,
    hidden_features,
    hidden_latent,
    initializer_before,
    mlp,
    normal,
    normalized,
    upsampling_plan,
)

PAPER = "Mao, Li, Xie, Lau, Wang, Smolley 2017, arXiv:1611.04076"
DATA = "images or points"

ARCHITECTURES = ("vgg", "dcgan", "mlp")


def build_generator(
    shape: tuple[int, ...] = (112, 112, 3),
    architecture: str = "vgg",
    width: int = 64,
    latent_dim: int = 1024,
    norm: str = "batch",
    layers: int = 2,
    activation: str = "tanh",
    hidden_units: int = 0,
) -> keras.Model:
    """A generator of the paper.

    Args:
        shape: shape of one example: `(height, width, channels)` with equal sides, or `(n,)` for
            points (architecture `"mlp"`).
        architecture: `"vgg"` (the LSUN net: 3x3 transposed convolutions, those of the widest
            maps followed by one of stride 1), `"dcgan"` (4x4 transposed convolutions, each
            doubling the size and halving the channels) or `"mlp"` (hidden layers of tanh).
        width: channels of the last hidden layer; hidden units of the MLP. Paper: 64, and 128
            for the MLP.
        latent_dim: length of z; paper 1024, points 256.
        norm: `"batch"` (paper), `"layer"`, `"instance"` or `"none"`: the paper's test of
            stability leaves it out. Without one, weights start from He's wider distribution.
        layers: hidden layers of the MLP.
        activation: of those: `"tanh"` or `"relu"`.
        hidden_units: units of a dense layer between z and the first maps, with batch norm; see
            `blocks.hidden_units`. Default 0, the paper's: none.

    Returns:
        Model from z `(batch, latent_dim)` to examples; images are in [-1, 1].

    Raises:
        InputError: an unknown architecture or norm, or a shape that is not supported.
    """
    check_positive_integers(width=width, latent_dim=latent_dim)
    check_choices(norm, activation)
    check_shape(shape, architecture, ARCHITECTURES)
    z = keras.Input((latent_dim,), name="z")
    if architecture == "mlp":
        point = mlp(z, width, shape[0], layers, activation)
        return keras.Model(z, point, name="lsgan_generator")
    base, first, plan = _generator_plan(shape[0], architecture, width)
    kernel = 3 if architecture == "vgg" else 4
    # No bias before a norm, which has one.
    bias = {"use_bias": norm == "none"}
    x = Dense(
        base * base * first, kernel_initializer=initializer_before(norm), name="project", **bias
    )(hidden_latent(z, hidden_units))
    x = keras.layers.Reshape((base, base, first))(x)
    for filters, stride in plan:
        x = keras.layers.ReLU()(normalized(x, norm))
        x = Conv2DTranspose(
            filters, kernel, stride, "same", kernel_initializer=initializer_before(norm), **bias
        )(x)
    x = keras.layers.ReLU()(normalized(x, norm))
    x = Conv2DTranspose(
        shape[2],
        kernel,
        1 if architecture == "vgg" else 2,
        "same",
        kernel_initializer=normal(),
        name="to_image",
    )(x)
    image = keras.layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model(z, image, name="lsgan_generator")


def _generator_plan(
    size: int, architecture: str, width: int
) -> tuple[int, int, list[tuple[int, int]]]:
    """Size and channels of the first map; channels and stride of each hidden layer after it."""
    base, doublings = upsampling_plan(size)
    if architecture == "dcgan":
        widths = [width << n for n in reversed(range(doublings))]
        return base, widths[0], [(filters, 2) for filters in widths[1:]]
    plan: list[tuple[int, int]] = []
    for level in reversed(range(doublings)):
        filters = width << min(level, 2)
        plan += [(filters, 2), (filters, 1)] if filters == 4 * width else [(filters, 2)]
    return base, 4 * width, plan


def build_discriminator(
    shape: tuple[int, ...] = (112, 112, 3),
    architecture: str = "vgg",
    width: int = 64,
    norm: str = "batch",
    layers: int = 2,
    activation: str = "tanh",
    hidden_units: int = 0,
) -> keras.Model:
    """A discriminator of the paper: strided convolutions and a linear unit, no sigmoid.

    Args:
        shape: shape of one example, as for `build_generator`.
        architecture: `"vgg"` (5x5 convolutions), `"dcgan"` (4x4) or `"mlp"` (hidden layers of
            tanh).
        width: channels of the first layer, each further one has twice as many; hidden units of
            the MLP. Paper: 64, and 128 for the MLP.
        norm: as for `build_generator`; never on the first layer.
        layers, activation: as for `build_generator`.
        hidden_units: units of a dense layer before the output; see `blocks.hidden_units`. Default
            0, the paper's: none.

    Returns:
        Model from examples to real values `(batch, 1)`, float32, unbounded. Its hidden
        units are the outputs of the layers `features_0`, `features_1` and so on.

    Raises:
        InputError: an unknown architecture or norm, or one that does not fit the shape.
    """
    check_positive_integers(width=width)
    check_choices(norm, activation)
    check_shape(shape, architecture, ARCHITECTURES)
    x = example = keras.Input(shape, name="point" if len(shape) == 1 else "image")
    if architecture == "mlp":
        x = hidden(x, width, layers, activation, "features")
    else:
        kernel = 5 if architecture == "vgg" else 4
        halvings = upsampling_plan(shape[0])[1]
        for level in range(halvings):
            biased = norm == "none" or level == 0  # elsewhere the norm has a bias
            how = {"use_bias": biased, "kernel_initializer": initializer_before(norm)}
            x = Conv2D(width << level, kernel, 2, "same", **how)(x)
            x = normalized(x, norm) if level else x
            x = compat.LeakyReLU(0.2, name=f"features_{level}")(x)
        x = hidden_features(keras.layers.Flatten()(x), hidden_units, f"features_{halvings}")
    start = "glorot_uniform" if architecture == "mlp" else normal()
    value = Dense(1, kernel_initializer=start, dtype="float32", name="value")(x)
    return keras.Model(example, value, name="lsgan_discriminator")


class LSGAN(LatentGame):
    """A game of least squares, in which samples on the right side of the boundary still learn.

    ```
    L_D = E (D(x) - b)^2 / 2 + E (D(G(z)) - a)^2 / 2,     L_G = E (D(G(z)) - c)^2 / 2
    ```

    The optimal discriminator is `(b p_data + a p_g) / (p_data + p_g)`. With labels (0, 1, 1) a draw
    is L_D = 0.25, L_G = 0.125.

    Args:
        generator: model from z `(batch, latent_dim)` to examples.
        discriminator: model from examples to real values `(batch, 1)`, without a sigmoid.
        a: label of generated examples. Default 0.
        b: label of real examples. Default 1.
        c: label that the generator wants for its examples. Default 1. (a, b, c) = (0, 1, 1) is
            common; (-1, 1, 0), or any with b - c = 1 and b - a = 2, minimises Pearson's chi-squared
            divergence of p_data + p_g from 2 p_g.
        latent: distribution of z: `"uniform"` in [-1, 1) (default, LSUN) or `"normal"` (points).
        ema_decay: decay of a moving average of the generator's weights. Default 0, the paper: none.
        seed: seed of the noise. Default 0.
        **options: `Regularization`: `instance_noise`, `r1_weight`, `augment` and more; all off, the
            default, is the paper. Labels are not smoothed: a, b and c are the labels.

    Example:
        ```
        game = LSGAN(build_generator(), build_discriminator())
        game.compile(generator=Adam(1e-3, 0.5), discriminator=Adam(1e-3, 0.5))
        game.fit(images)                  # float32 (64, 112, 112, 3) in [-1, 1]
        ```

    Reference:
        Mao, Li, Xie, Lau, Wang, Smolley, "Least Squares Generative Adversarial Networks",
        ICCV 2017, arXiv:1611.04076.

    Deviations:
        * Squared errors are means over the batch; the official code sums them, which makes its
          learning rate grow with the batch (Adam takes most of that back).
        * No conditional net for 3,740 Chinese characters: the suite has no such data.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        a: float = 0.0,
        b: float = 1.0,
        c: float = 1.0,
        latent: str = "uniform",
        ema_decay: float = 0.0,
        seed: int = 0,
        name: str = "lsgan",
        **options: Any,
    ):
        super().__init__(
            generator,
            discriminator,
            loss=adversarial.least_squares(a, b, c),
            latent=latent,
            ema_decay=ema_decay,
            seed=seed,
            name=name,
            **options,
        )
        self.labels = (float(a), float(b), float(c))

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        real = examples(batch)
        tape = self.tape("generator")
        with tape:
            fake = self.generator(self.latents(real, "z"), training=True)
        self.update("discriminator", lambda: self.discriminator_terms(real, tf.stop_gradient(fake)))
        # The generator learns from the fakes of the discriminator's update.
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

    def diagnose(self, logs: Mapping[str, float]) -> list[str]:
        """Warns when the discriminator wins outright, or when its values run away."""
        if self.adversarial.paired:
            return super().diagnose(logs)
        draw = self.adversarial.draw or 0.0
        loss = logs["discriminator/real"] + logs["discriminator/fake"]
        if loss < 0.02 * draw:
            return [
                f"the discriminator wins outright (its loss is {loss:.5f}, where {draw:g} is a"
                " draw); likely causes: a discriminator much wider or faster than the generator,"
                " too little data, or no penalty (try r1_weight)"
            ]
        if loss > 20.0 * draw:
            return [
                f"the discriminator's loss is {loss:.3g}, far above the {draw:g} of a draw: its"
                " values run away; go back to an earlier checkpoint and lower the learning rates"
            ]
        return []
