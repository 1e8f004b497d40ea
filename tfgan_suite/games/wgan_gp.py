"""WGAN-GP: a Wasserstein game with a gradient penalty (Gulrajani et al. 2017)."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core.batches import batch_size, examples
from tfgan_suite.core.latent_game import LatentGame
from tfgan_suite.layers.convolution import Conv2D, Conv2DTranspose, Dense
from tfgan_suite.layers.resizing import Cropping2D, NearestUpSampling2D
from tfgan_suite.losses import penalties
from tfgan_suite.networks.blocks import (
    check_positive_integers,
    check_shape,
    hidden_latent,
    mlp,
    normalized,
    upsampling_plan,
)

PAPER = "Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville 2017, arXiv:1704.00028"
DATA = "images or points"

ARCHITECTURES = ("resnet", "conv", "mlp")


def build_generator(
    shape: tuple[int, ...] = (32, 32, 3),
    architecture: str = "resnet",
    width: int = 128,
    latent_dim: int = 128,
    hidden_units: int = 0,
) -> keras.Model:
    """A generator of the paper.

    Args:
        shape: shape of one example: `(height, width, channels)` with equal sides, or `(n,)` for
            points (architecture `"mlp"`).
        architecture: `"resnet"` (at 32 pixels the CIFAR-10 net, where every block has `width`
            channels; larger images the "Good" net of the 64-pixel experiments, `8 * width` at
            most, halving), `"conv"` (dense layer, transposed convolutions with batch norm; at
            28 pixels the MNIST net, which has none) or `"mlp"` (three hidden layers, the toy
            problems).
        width: channels of the narrowest block; hidden units of the MLP. Paper: 128 for CIFAR-10,
            64 for 64 pixels, 512 for the MLP.
        latent_dim: length of z; paper 128, toy problems 2.
        hidden_units: units of a dense layer between z and the first maps, with batch norm; see
            `blocks.hidden_units`. Default 0, the paper's: none.

    Returns:
        Model from z `(batch, latent_dim)` to examples; images are in [-1, 1].

    Raises:
        InputError: an unknown architecture, or one that does not support the shape.
    """
    check_positive_integers(width=width, latent_dim=latent_dim)
    check_shape(shape, architecture, ARCHITECTURES)
    latent = keras.Input((latent_dim,), name="z")
    if architecture == "mlp":
        point = mlp(latent, width, shape[0])
        return keras.Model(latent, point, name="wgan_gp_generator")
    base, widths = _generator_plan(shape[0], architecture, width)
    x = hidden_latent(latent, hidden_units)
    x = Dense(base * base * widths[0], name="project")(x)
    x = keras.layers.Reshape((base, base, widths[0]))(x)
    if architecture == "resnet":
        for filters in widths[1:]:
            x = _up_block(x, filters)
        x = keras.layers.ReLU()(normalized(x, "batch"))
        x = Conv2D(shape[2], 3, padding="same", name="to_image")(x)
    else:
        for filters in [*widths[1:], shape[2]]:
            x = keras.layers.ReLU()(x if shape[0] == 28 else normalized(x, "batch"))
            if x.shape[1] == 8 and shape[0] == 28:
                x = Cropping2D(((0, 1), (0, 1)))(x)
            x = Conv2DTranspose(filters, 5, 2, "same", kernel_initializer="he_uniform")(x)
    image = keras.layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model(latent, image, name="wgan_gp_generator")


def build_critic(
    shape: tuple[int, ...] = (32, 32, 3),
    architecture: str = "resnet",
    width: int = 128,
) -> keras.Model:
    """A critic of the paper, without batch norm, because the penalty is per example.

    Args:
        shape: shape of one example, as for `build_generator`.
        architecture: `"resnet"` (no normalization at 32 pixels, layer norm in the larger "Good"
            net), `"conv"` (strided 5x5 convolutions, leaky ReLU) or `"mlp"`.
        width: channels of the first layer (ResNet at 32 pixels: of every block); hidden units
            of the MLP.

    Returns:
        Model from examples to real values `(batch, 1)`, float32, unbounded.

    Raises:
        InputError: an unknown architecture, or one that does not fit the shape.
    """
    check_positive_integers(width=width)
    check_shape(shape, architecture, ARCHITECTURES)
    example = keras.Input(shape, name="point" if len(shape) == 1 else "image")
    if architecture == "mlp":
        return keras.Model(example, mlp(example, width, 1), name="wgan_gp_critic")
    halvings = 3 if shape[0] == 28 else upsampling_plan(shape[0])[1]
    if architecture == "conv":
        x = example
        for level in range(halvings):
            x = Conv2D(width << level, 5, 2, "same", kernel_initializer="he_uniform")(x)
            x = compat.LeakyReLU(0.2)(x)
        x = keras.layers.Flatten()(x)
    elif shape[0] <= 32:
        x = _first_down_block(example, width)
        x = _down_block(x, width, norm="none")
        x = _down_block(x, width, norm="none", halve=False)
        x = _down_block(x, width, norm="none", halve=False)
        x = keras.layers.GlobalAveragePooling2D(dtype="float32")(keras.layers.ReLU()(x))
    else:
        x = Conv2D(width, 3, padding="same")(example)
        for level in range(halvings):
            x = _down_block(x, width << min(level + 1, 3), norm="layer")
        x = keras.layers.Flatten()(x)
    value = Dense(1, dtype="float32", name="value")(x)
    return keras.Model(example, value, name="wgan_gp_critic")


class WGANGP(LatentGame):
    """A critic with a gradient penalty estimates a distance that the generator reduces.

    ```
    L_C = E f(G(z)) - E f(x) + lambda E (|grad f(x^)|_2 - 1)^2,     L_G = -E f(G(z))
    x^ = u x + (1 - u) G(z),  u ~ U[0, 1] for each example
    ```

    `-critic/wasserstein` is the estimate of the earth mover's distance: large at first, it falls as
    the samples improve. `critic/slope` is the mean `|grad f(x^)|`, close to 1 at the optimum.

    Args:
        generator: model from z `(batch, latent_dim)` to examples.
        critic: model from examples to real values `(batch, 1)`, without batch norm.
        gp_weight: lambda, weight of the gradient penalty. Default 10, the paper's (toy problems
            0.1).
        critic_steps: critic updates per generator update, each with its own real examples and
            noise: `fit` needs batches of `critic_steps * batch` examples. Default 5.
        one_sided: penalise only slopes above 1. Default False.
        ema_decay: decay of a moving average of the generator's weights. Default 0, the paper: none.
        seed: seed of the noise. Default 0.
        **options: `Regularization`: `instance_noise`, `r1_weight`, `augment` and more; all off, the
            default, is the paper.

    Example:
        ```
        game = WGANGP(build_generator(), build_critic())
        game.compile(generator=Adam(2e-4, 0.0, 0.9), critic=Adam(2e-4, 0.0, 0.9))
        game.fit(images)                  # float32 (5 * 64, 32, 32, 3) in [-1, 1]
        ```

    Reference:
        Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville, "Improved Training of Wasserstein GANs",
        NIPS 2017, arXiv:1704.00028.

    Deviations:
        * The generator is updated after the critic, as in the paper's Algorithm 1; the official
          code updates it first. Only the first step differs.
        * The generator's update uses the critic's batch size, so that both see the same batches;
          the official CIFAR-10 ResNet script doubles it.
        * No dequantization noise on the images, which all games of this suite share.
    """

    opponent_name = "critic"

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        *,
        gp_weight: float = 10.0,
        critic_steps: int = 5,
        one_sided: bool = False,
        ema_decay: float = 0.0,
        seed: int = 0,
        name: str = "wgan_gp",
        **options: Any,
    ):
        check_positive_integers(critic_steps=critic_steps)
        penalties.reject_batch_norm(critic)
        super().__init__(
            generator,
            critic,
            loss="wasserstein",
            ema_decay=ema_decay,
            seed=seed,
            name=name,
            **options,
        )
        self.gp_weight = gp_weight
        self.critic_steps = critic_steps
        self.one_sided = one_sided
        self.batches_per_step = critic_steps
        self.loss_names = ("generator/adversarial", "critic/wasserstein", "critic/penalty")
        self.loss_names += ("critic/slope",)
        self.loss_names += self.penalty_names
        self.loss_names += ("critic/pairs",) if self.adversarial.paired else ()

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        real = examples(batch)
        for turn in range(self.critic_steps):
            # Every critic_steps-th example: the same batches on any number of replicas.
            part = self.augment_inputs(real[turn :: self.critic_steps], f"real {turn}")
            fake = self.generator(self.latents(part, f"critic {turn}"), training=True)
            fake = self.augment_inputs(fake, f"fake {turn}")
            mix = self.noise((batch_size(part),), f"mix {turn}", "unit")
            self.update("critic", functools.partial(self.critic_terms, part, fake, mix))
        latent = self.latents(part, "generator")
        self.update("generator", lambda: self.generator_terms(latent, part))
        return self.logs()

    def critic_terms(self, real: tf.Tensor, fake: tf.Tensor, mix: tf.Tensor) -> dict:
        """Loss terms of the critic for augmented examples; `mix` `(batch,)` is u."""
        points = penalties.interpolate(real, fake, mix)
        penalty, slopes = penalties.gradient_penalty(self.critic, points, one_sided=self.one_sided)
        self.record("critic/slope", tf.reduce_mean(slopes))
        terms = self.distance_terms(real, fake)
        terms["penalty"] = self.gp_weight * penalty
        return terms

    def generator_terms(
        self, latent: tf.Tensor, real: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Loss term of the generator for z; `real` are augmented partners in a loss of pairs."""
        fake = self.augment_inputs(self.generator(latent, training=True), "generator fake")
        values = self.critic(fake, training=True)
        partners = functools.partial(self.critic, real, training=True)
        return {"adversarial": self.generator_loss(values, partners)}

    def diagnose(self, logs: Mapping[str, float]) -> list[str]:
        """Warns when the critic's slope is far from 1, which invalidates its estimate."""
        slope = logs["critic/slope"]
        if slope > 3.0 or (slope < 0.3 and not self.one_sided):
            return [
                f"the critic's mean slope is {slope:.2f}, where the penalty wants 1: the estimated"
                " distance means little; likely causes: too few critic steps, a learning rate"
                " too high, or a gp_weight too low"
            ]
        return []


def _generator_plan(size: int, architecture: str, width: int) -> tuple[int, list[int]]:
    """Base size of the generator, its channels there and after each further block."""
    if size == 28 and architecture == "conv":
        return 4, [4 * width, 2 * width, width]  # the MNIST net: 4, 8 cropped to 7, 14, 28
    base, doublings = upsampling_plan(size)
    halving = [width << min(n, 3) for n in reversed(range(doublings))]
    if architecture == "conv":
        return base, halving
    return base, [width] * (doublings + 1) if size <= 32 else [halving[0], *halving]


def _conv3(filters: int) -> keras.layers.Layer:
    return Conv2D(filters, 3, padding="same", kernel_initializer="he_uniform")


def _shortcut(filters: int) -> keras.layers.Layer:
    return Conv2D(filters, 1, padding="same")


def _normalized(x: Any, norm: str) -> Any:
    return keras.layers.ReLU()(normalized(x, norm))


def _up_block(x: Any, filters: int) -> Any:
    """BN, ReLU, upsample, conv3, BN, ReLU, conv3, beside upsample and conv1."""
    shortcut = _shortcut(filters)(NearestUpSampling2D()(x))
    x = _conv3(filters)(NearestUpSampling2D()(_normalized(x, "batch")))
    x = _conv3(filters)(_normalized(x, "batch"))
    return keras.layers.Add()([shortcut, x])


def _down_block(x: Any, filters: int, norm: str, halve: bool = True) -> Any:
    """ReLU, conv3, ReLU, conv3, mean pool, beside conv1 and mean pool (or the identity)."""
    shortcut = x
    if halve or x.shape[-1] != filters:
        shortcut = _shortcut(filters)(shortcut)
    x = _conv3(filters)(_normalized(x, norm))
    x = _conv3(filters)(_normalized(x, norm))
    if halve:
        shortcut = keras.layers.AveragePooling2D(2)(shortcut)
        x = keras.layers.AveragePooling2D(2)(x)
    return keras.layers.Add()([shortcut, x])


def _first_down_block(image: Any, filters: int) -> Any:
    """The first block of the CIFAR-10 critic: no ReLU on raw pixels, pool before the shortcut."""
    x = _conv3(filters)(keras.layers.ReLU()(_conv3(filters)(image)))
    x = keras.layers.AveragePooling2D(2)(x)
    shortcut = _shortcut(filters)(keras.layers.AveragePooling2D(2)(image))
    return keras.layers.Add()([shortcut, x])
