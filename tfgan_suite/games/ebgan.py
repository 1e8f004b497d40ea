"""EBGAN: the critic is an autoencoder, its error an energy (Zhao, Mathieu, LeCun 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core import network_checks
from tfgan_suite.core.batches import examples
from tfgan_suite.core.latent_game import LatentGame
from tfgan_suite.errors import InputError, did_you_mean
from tfgan_suite.layers.convolution import Conv2D, Conv2DTranspose, Dense
from tfgan_suite.losses import adversarial
from tfgan_suite.networks.blocks import (
    check_positive_integers,
    check_shape,
    hidden_latent,
    initializer_before,
    mlp,
    normal,
    normalized,
    upsampling_plan,
)

PAPER = "Zhao, Mathieu, LeCun 2017, arXiv:1609.03126"
DATA = "images or points"

ARCHITECTURES = ("conv", "dense", "mlp")
ENERGIES = ("l2", "mse", "sse")


def build_generator(
    shape: tuple[int, ...] = (64, 64, 3),
    architecture: str = "conv",
    width: int | None = None,
    latent_dim: int = 100,
    layers: int = 4,
    hidden_units: int = 0,
) -> keras.Model:
    """A generator of the paper.

    Args:
        shape: of one example: `(height, width, channels)` with equal sides, or `(n,)` for points.
        architecture: `"conv"` (transposed convolutions with batch norm), `"dense"` (fully
            connected with batch norm, the paper's MNIST nets) or `"mlp"` (for points).
        width: channels of the last hidden layer; hidden units of `"dense"` and `"mlp"`. Default,
            the paper's: 128; 1600 for `"dense"`; 128 for `"mlp"`.
        latent_dim: length of z.
        layers: hidden layers of `"dense"` and `"mlp"`.
        hidden_units: units of a dense layer between z and the first maps of `"conv"`; see
            `blocks.hidden_units`. Default 0, the paper's: none.

    Returns:
        Model from z `(batch, latent_dim)` to examples; images are in [-1, 1].

    Raises:
        InputError: an unknown architecture, or one that does not support the shape.
    """
    check_shape(shape, architecture, ARCHITECTURES)
    width = (1600 if architecture == "dense" else 128) if width is None else width
    check_positive_integers(width=width, latent_dim=latent_dim, layers=layers)
    latent = keras.Input((latent_dim,), name="z")
    if architecture == "mlp":
        return keras.Model(latent, mlp(latent, width, shape[0], layers), name="ebgan_generator")
    if architecture == "dense":
        x = latent
        for _ in range(layers):
            x = Dense(width, kernel_initializer="he_normal")(x)
            x = keras.layers.ReLU()(compat.BatchNormalization()(x))
        x = Dense(shape[0] * shape[1] * shape[2], kernel_initializer=normal())(x)
        x = keras.layers.Reshape(shape)(x)
    else:
        base, doublings = upsampling_plan(shape[0])
        filters = width << (doublings - 1)
        x = hidden_latent(latent, hidden_units)
        x = Dense(base * base * filters, kernel_initializer=normal(), name="project")(x)
        x = keras.layers.Reshape((base, base, filters))(x)
        for level in reversed(range(doublings)):
            x = keras.layers.ReLU()(normalized(x, "batch"))
            filters = width << (level - 1) if level else shape[2]
            x = Conv2DTranspose(filters, 4, 2, "same", kernel_initializer=normal())(x)
    image = keras.layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model(latent, image, name="ebgan_generator")


def build_critic(
    shape: tuple[int, ...] = (64, 64, 3),
    architecture: str = "conv",
    width: int | None = None,
    code_dim: int = 0,
    norm: str = "batch",
) -> keras.Model:
    """An autoencoder of the paper.

    Args:
        shape: of one example, as for `build_generator`.
        architecture: `"conv"` (strided convolutions down to 8x8 at 64 pixels), `"dense"` or
            `"mlp"`: two hidden layers, the second half as wide, and a decoder alike.
        width: channels of the first layer; hidden units of the first dense layer. Default, the
            paper's: 64; 1024 for `"dense"`; 128 for `"mlp"`.
        code_dim: length of a code that follows the encoder's layers. Default 0, the paper's: the
            encoder's last maps or units are the code.
        norm: `"batch"` (paper) or `"none"`; in `"conv"` also `"layer"` and `"instance"`.
            Never next to the images.

    Returns:
        Model from examples to `[reconstruction, code]`, float32: of the examples' shape, unbounded;
        `(batch, numbers)`. Activations of the encoder are `features_0`, `features_1` and so on.

    Raises:
        InputError: an unknown architecture or norm, or an architecture that does not fit.
    """
    check_shape(shape, architecture, ARCHITECTURES)
    default = {"conv": 64, "dense": 1024, "mlp": 128}[architecture]
    width = default if width is None else width
    check_positive_integers(width=width)
    if code_dim < 0:
        raise InputError(f"code_dim is {code_dim}; it must be 0 (none) or more")
    if architecture != "conv" and norm not in ("batch", "none"):
        raise InputError(
            f"norm {norm!r} is for convolutions; {architecture!r} takes 'batch' or 'none'"
        )
    example = keras.Input(shape, name="point" if len(shape) == 1 else "image")
    if architecture == "conv":
        reconstruction, code = _conv_autoencoder(example, width, code_dim, norm)
    else:
        reconstruction, code = _dense_autoencoder(
            example, width, code_dim, norm if architecture == "dense" else "none"
        )
    code = keras.layers.Flatten(name="code", dtype="float32")(code)
    return keras.Model(example, [reconstruction, code], name="ebgan_critic")


def energy_loss(margin: float) -> adversarial.AdversarialLoss:
    """`L_D = E D(x) + E max(0, m - D(G(z)))`, `L_G = E D(G(z))`, of energies `(batch,)`.

    Args:
        margin: m, in the energy's units.

    Raises:
        InputError: the margin is not above 0.
    """
    if not margin > 0:
        raise InputError(f"margin is {margin}; it must be above 0, in the energy's units")
    mean = tf.reduce_mean
    return adversarial.AdversarialLoss(
        "energy",
        real=lambda energy: mean(tf.cast(energy, tf.float32)),
        fake=lambda energy: mean(tf.nn.relu(margin - tf.cast(energy, tf.float32))),
        generator=lambda energy: mean(tf.cast(energy, tf.float32)),
    )


def energies(examples: tf.Tensor, reconstructions: tf.Tensor, kind: str) -> tf.Tensor:
    """Reconstruction error of each example, float32 `(batch,)`.

    Args:
        examples: `(batch, ...)`.
        reconstructions: of the same shape.
        kind: `"l2"` (Euclidean norm), `"mse"` (mean square) or `"sse"` (sum of squares).
    """
    difference = tf.cast(examples, tf.float32) - tf.cast(reconstructions, tf.float32)
    axes = list(range(1, len(difference.shape)))
    if kind == "mse":
        return tf.reduce_mean(tf.square(difference), axes)
    total = tf.reduce_sum(tf.square(difference), axes)
    # The gradient of a square root is infinite at 0.
    return tf.sqrt(total + 1e-12) if kind == "l2" else total


def pulling_away(codes: tf.Tensor) -> tf.Tensor:
    """`1 / (N (N - 1)) sum_i sum_(j != i) cos(s_i, s_j)^2`: 0 where all codes are orthogonal.

    Args:
        codes: `(batch, d)`, batch at least 2.

    Returns:
        float32 scalar in [0, 1]; codes of zeros count as orthogonal to all others.
    """
    codes = tf.cast(codes, tf.float32)
    length = tf.sqrt(tf.reduce_sum(tf.square(codes), axis=1, keepdims=True) + 1e-8)
    squares = tf.square(tf.matmul(codes / length, codes / length, transpose_b=True))
    count = tf.cast(tf.shape(codes)[0], tf.float32)
    others = tf.reduce_sum(squares) - tf.reduce_sum(tf.linalg.diag_part(squares))
    return others / tf.maximum(count * (count - 1.0), 1.0)


class EBGAN(LatentGame):
    """An autoencoder gives real examples low energy; the generator seeks low energy.

    ```
    D(x) = |Dec(Enc(x)) - x|
    L_D = E D(x) + E max(0, m - D(G(z))),     L_G = E D(G(z)) + w PT(Enc(G(z)))
    PT(S) = 1 / (N (N - 1)) sum_(i != j) (s_i . s_j / (|s_i| |s_j|))^2
    ```

    `critic/active` is the share of fakes whose energy is below the margin; only these teach the
    critic. Near 0 the margin is too small, always at 1 it is too large.

    Args:
        generator: model from z `(batch, latent_dim)` to examples.
        critic: model from examples to `[reconstruction, code]`.
        energy: `"mse"` (default), `"l2"` (paper's MNIST: margin 10) or `"sse"`.
        margin: m, in the energy's units. A good first value is the energy of the mean of the
            data: for `"mse"` of images 0.1 to 1. Default 0.25.
        pulling_away_weight: w, weight of the pulling-away term; 0: plain EBGAN. It is computed on
            each replica's part of the batch. Default 0.1, the paper's.
        latent: distribution of z, `"normal"` (default) or `"uniform"`.
        ema_decay: decay of a moving average of the generator's weights. Default 0, the paper: none.
        seed: seed of the noise. Default 0.
        **options: `Regularization`: `instance_noise`, `r1_weight` (of the energy), `augment` and
            more; all off, the default, is the paper.

    Example:
        ```
        game = EBGAN(build_generator(), build_critic(), margin=0.25)
        game.compile(generator=Adam(1e-3), critic=Adam(1e-3))
        game.fit(images)                  # float32 (128, 64, 64, 3) in [-1, 1]
        ```

    Reference:
        Zhao, Mathieu, LeCun, "Energy-based Generative Adversarial Network", ICLR 2017,
        arXiv:1609.03126.

    Deviations:
        * Default energy: the mean square, whose margin does not depend on the image's size.
        * Convolutions start with standard deviation 0.02 in the critic too: with the paper's
          0.002 batch norm's epsilon would swallow the signal.
        * Generators end in tanh, because images are in [-1, 1], also where the paper has [0, 1].
    """

    opponent_name = "critic"
    realness = -1.0  # energies are low for real examples
    network_ends = ((1,), (1,), (2,))

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        *,
        energy: str = "mse",
        margin: float = 0.25,
        pulling_away_weight: float = 0.1,
        latent: str = "normal",
        ema_decay: float = 0.0,
        seed: int = 0,
        name: str = "ebgan",
        **options: Any,
    ):
        if energy not in ENERGIES:
            raise InputError(
                f"energy {energy!r} is unknown; it must be {', '.join(ENERGIES)}"
                f"{did_you_mean(energy, ENERGIES)}"
            )
        if pulling_away_weight < 0:
            raise InputError(
                f"pulling_away_weight is {pulling_away_weight}; it must be 0 (off) or more"
            )
        loss = energy_loss(margin)
        super().__init__(
            generator,
            critic,
            loss=loss,
            latent=latent,
            ema_decay=ema_decay,
            seed=seed,
            name=name,
            **options,
        )
        self.energy, self.margin, self.pulling_away_weight = energy, margin, pulling_away_weight
        self.loss_names += ("critic/active",)
        self.loss_names += ("generator/pulling_away",) if pulling_away_weight else ()

    def check_opponent_output(self, generator: Any, opponent: Any) -> None:
        """Refuses a critic whose first output is not its input's reconstruction."""
        network_checks.check_feeds("critic", opponent, "critic", opponent, "reconstructions")

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        real = examples(batch)
        tape = self.tape("generator")
        with tape:
            fake = self.generator(self.latents(real, "z"), training=True)
        self.update("critic", lambda: self.critic_terms(real, tf.stop_gradient(fake)))
        self.update("generator", lambda: self.generator_terms(fake, real), tape)
        return self.logs()

    def score(self, inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Energies `(batch,)` and codes `(batch, d)` of the critic's inputs."""
        reconstruction, code = self.critic(inputs, training=True)
        return energies(inputs, reconstruction, self.energy), code

    def opponent_score(self, examples: tf.Tensor, outputs: Any) -> tf.Tensor:
        """Energies `(batch,)` from the critic's outputs: reconstructions and codes."""
        return energies(examples, outputs[0], self.energy)

    def critic_terms(self, real: tf.Tensor, fake: tf.Tensor) -> dict[str, tf.Tensor]:
        """Loss terms of the critic for examples `(batch, ...)`."""
        real_energy, terms = self.score_real(
            self.augment_inputs(real, "real"), lambda inputs: self.score(inputs)[0]
        )
        fake_energy, penalty = self.score_fake(
            self.augment_inputs(fake, "fake"), lambda inputs: self.score(inputs)[0]
        )
        self.record("critic/active", tf.reduce_mean(tf.cast(fake_energy < self.margin, tf.float32)))
        return {**terms, **penalty, **self.adversarial_terms(real_energy, fake_energy)}

    def partner_outputs(self, real: tf.Tensor | None) -> tf.Tensor:
        """The energies of the real partners in the generator's update."""
        return self.score(self.augment_inputs(real, "partner"))[0]

    def generator_terms(
        self, fake: tf.Tensor, real: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Loss terms of the generator for generated examples.

        The gradient passes through the reconstruction and through its target, the examples.
        """
        energy, code = self.score(self.augment_inputs(fake, "generator"))
        terms = {"adversarial": self.generator_loss(energy, lambda: self.partner_outputs(real))}
        if self.pulling_away_weight:
            terms["pulling_away"] = self.pulling_away_weight * pulling_away(code)
        return terms

    def diagnose(self, logs: Mapping[str, float]) -> list[str]:
        """Warns when the margin teaches the critic nothing."""
        if logs.get("critic/active", 1.0) > 0.01:
            return []
        return [
            f"nearly all fakes have more energy than the margin {self.margin:g}: the critic learns"
            " from real examples only; raise the margin, or lower the critic's learning rate"
        ]


def _conv_autoencoder(image: Any, width: int, code_dim: int, norm: str) -> tuple[Any, Any]:
    size, channels = image.shape[1], image.shape[3]
    _, doublings = upsampling_plan(size)
    # 64 pixels become 8x8; smaller images at least a quarter of the side, where possible.
    halvings = min(max(doublings - 1, 2), doublings)
    x = image
    for level in range(halvings):
        x = Conv2D(width << level, 4, 2, "same", kernel_initializer=initializer_before(norm))(x)
        x = _activated(x, norm if level else "none", f"features_{level}")
    code = x
    if code_dim:
        code = Dense(code_dim, kernel_initializer="glorot_uniform")(keras.layers.Flatten()(x))
        shape = tuple(x.shape[1:])
        x = Dense(shape[0] * shape[1] * shape[2], kernel_initializer="he_normal")(code)
        x = _activated(keras.layers.Reshape(shape)(x), norm)
    for level in reversed(range(1, halvings)):
        x = Conv2DTranspose(
            width << (level - 1), 4, 2, "same", kernel_initializer=initializer_before(norm)
        )(x)
        x = _activated(x, norm)
    reconstruction = Conv2DTranspose(
        channels, 4, 2, "same", kernel_initializer=normal(), dtype="float32", name="reconstruction"
    )(x)
    return reconstruction, code


def _dense_autoencoder(example: Any, width: int, code_dim: int, norm: str) -> tuple[Any, Any]:
    shape = tuple(example.shape[1:])
    x = keras.layers.Flatten()(example) if len(shape) > 1 else example
    size, units = x.shape[1], max(width // 2, 1)
    for level, hidden in enumerate((width, units)):
        x = Dense(hidden, kernel_initializer="he_normal")(x)
        x = _activated(x, norm if level else "none", f"features_{level}")
    code = x
    if code_dim:
        x = code = Dense(code_dim)(x)
        x = _activated(Dense(units, kernel_initializer="he_normal")(x), norm)
    x = _activated(Dense(width, kernel_initializer="he_normal")(x), norm)
    reconstruction = Dense(size, dtype="float32", name="reconstruction")(x)
    if len(shape) > 1:
        reconstruction = keras.layers.Reshape(shape, dtype="float32")(reconstruction)
    return reconstruction, code


def _activated(x: Any, norm: str, name: str | None = None) -> Any:
    if norm == "batch":
        x = compat.BatchNormalization()(x)
    else:
        x = normalized(x, norm)
    return compat.LeakyReLU(0.2, name=name)(x)
