"""StyleGAN: styles by adaptive instance norm in networks that grow (Karras et al. 2019)."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core import network_checks
from tfgan_suite.core.batches import batch_size, examples, labels
from tfgan_suite.core.growing_game import GrowingGame
from tfgan_suite.core.signatures import Signature
from tfgan_suite.core.style_game import StyleGame, stored_noise
from tfgan_suite.layers.blur import Blur2D
from tfgan_suite.layers.equalized import EqualizedConv2D, EqualizedDense
from tfgan_suite.layers.minibatch_deviation import MinibatchDeviation
from tfgan_suite.layers.resizing import NearestUpSampling2D
from tfgan_suite.layers.style_inputs import LearnedConstant, NoiseBiasActivation, StyleOfLayer
from tfgan_suite.layers.style_modulation import StyleNormalization
from tfgan_suite.networks import growing, style
from tfgan_suite.networks.blocks import check_positive_integers
from tfgan_suite.utils import schedules

PAPER = "Karras, Laine, Aila 2019, arXiv:1812.04958"
DATA = "square images, with or without classes"

SLOPE = 0.2
FIRST_LEVEL = 1  # training starts at 8 pixels


def build_generator(
    shape: tuple[int, int, int] = (1024, 1024, 3),
    latent_dim: int = 512,
    style_dim: int = 512,
    mapping_layers: int = 8,
    channel_base: int = 8192,
    channel_max: int = 512,
    classes: int | None = None,
    mapping_multiplier: float = style.MAPPING_MULTIPLIER,
) -> keras.Model:
    """The generator of all levels; the defaults are the paper's for faces at 1024 pixels.

    Args:
        shape: of the largest images, `(size, size, channels)`, a size of 4 times a power of 2.
        latent_dim: length of z.
        style_dim: length of w.
        mapping_layers: dense layers from z to w.
        channel_base, channel_max: maps of side s have `min(2 channel_base / s, channel_max)`
            channels.
        classes: number of classes; None: the generator takes no label.
        mapping_multiplier: of the mapping's learning rate, as for StyleGAN2.

    Returns:
        Model from z `(batch, latent_dim)`, a label int32 `(batch,)` if there are classes, and one
        noise map `(batch or 1, height, width, 1)` per convolution to the images of every level,
        smallest first, float32, about in [-1, 1]: there is no tanh. Its layers `mapping` and
        `synthesis` are the two networks.

    Raises:
        InputError: a shape or a number that does not fit.
    """
    sizes = {"latent_dim": latent_dim, "style_dim": style_dim, "mapping_layers": mapping_layers}
    sides = _check(shape, channel_base, channel_max, classes, **sizes)
    mapping = style.build_mapping(
        2 * len(sides),
        latent_dim,
        style_dim,
        mapping_layers,
        classes,
        gain=math.sqrt(2.0),
        activation_gain=1.0,
        multiplier=mapping_multiplier,
    )
    synthesis = _synthesis(sides, shape[2], style_dim, channel_base, channel_max)
    return style.joined(mapping, synthesis, "stylegan_generator")


def _synthesis(
    sides: Sequence[int], colours: int, style_dim: int, channel_base: int, channel_max: int
) -> keras.Model:
    """From `[w, noise_0, noise_1, ...]` to the images of every level."""
    w = keras.Input((2 * len(sides), style_dim), name="w")
    noise, images, x = [], [], None
    for level, side in enumerate(sides):
        filters = growing.level_channels(side, channel_base, channel_max)
        for index in (2 * level, 2 * level + 1):
            noise.append(keras.Input((side, side, 1), name=f"noise_{index}"))
            if x is None:
                x = LearnedConstant((4, 4, filters), "ones", name="constant")(w)
            elif index % 2:
                x = _convolution(filters, f"{side}")(x)
            else:
                x = Blur2D()(_convolution(filters, f"{side}_up")(NearestUpSampling2D()(x)))
            x = _styled(x, w, index, noise[-1])
        to_rgb = EqualizedConv2D(colours, 1, gain=1.0, dtype="float32", name=f"to_rgb_{side}")
        images.append(to_rgb(x))
    return keras.Model([w, *noise], images, name=style.SYNTHESIS)


def build_discriminator(
    shape: tuple[int, int, int] = (1024, 1024, 3),
    channel_base: int = 8192,
    channel_max: int = 512,
    group_size: int = 4,
    classes: int | None = None,
) -> keras.Model:
    """The discriminator of all levels: ProGAN's, with a blur before each halving.

    Args:
        shape, channel_base, channel_max, classes: as for `build_generator`.
        group_size: images in a group of the minibatch deviation, at most.

    Returns:
        Model as of `build_growing_discriminator`, to the logit, or to one for each class,
        `(batch, classes)`, float32.

    Raises:
        InputError: a shape or a number that does not fit.
    """
    _check(shape, channel_base, channel_max, classes, group_size=group_size)
    channels = functools.partial(
        growing.level_channels, fmap_base=channel_base, fmap_max=channel_max
    )
    activate = compat.LeakyReLU(SLOPE)

    def from_image(size: int) -> growing.Part:
        convolution = EqualizedConv2D(channels(size), 1, name=f"from_rgb_{size}")
        return lambda image: activate(convolution(image))

    def block(size: int) -> growing.Part:
        first = _convolution(channels(size), f"{size}", use_bias=True)
        second = _convolution(channels(size // 2), f"{size}_down", use_bias=True)
        blur, halve = Blur2D(name=f"blur_{size}"), keras.layers.AveragePooling2D(2)
        return lambda x: activate(halve(second(blur(activate(first(x))))))

    deviation = MinibatchDeviation(group_size, name="deviation")
    last = _convolution(channels(4), "4", use_bias=True)
    dense = EqualizedDense(channels(4), name="dense")
    logits = EqualizedDense(classes or 1, gain=1.0, dtype="float32", name="logits")
    flat = keras.layers.Flatten(name="flat")

    def head(x: Any) -> Any:
        return logits(activate(dense(flat(activate(last(deviation(x)))))))

    return growing.build_growing_discriminator(
        shape, from_image, block, head, "stylegan_discriminator"
    )


class StyleGAN(StyleGame, GrowingGame):
    """A mapping from z to styles w, which set mean and spread of all maps of a growing synthesis.

    ```
    L_D = E softplus(D(G(w))) + E softplus(-D(x)) + gamma/2 E |grad D(x)|^2
    L_G = E softplus(-D(G(w))),   w = mapping(z),   AdaIN(x, s) = (s_1 + 1) (x - mu) / sigma + s_2
    ```

    Args:
        generator: from `build_generator`.
        discriminator: from `build_discriminator`.
        stable_images: real images between two fades. Default 600,000, the paper's.
        fade_images: real images of a fade. Default 600,000.
        level_batches: images in a step of each level, as for `GrowingGame`.
        mixing: probability that a batch takes the styles from a random layer on from other z.
            Default 0.9.
        classes: number of classes; None, the default: networks without labels.
        ema_decay: decay of a moving average of the generator's weights, a number or a schedule.
            Default: the paper's half-life of 10,000 images at a batch of 32.
        seed: seed of the noise. Default 0.
        **options: `Regularization`; R1 is on: `r1_weight=10` (gamma), at every step.

    Example:
        ```
        game = StyleGAN(
            build_generator((32, 32, 3), 32, 32, 2, 1024, 64),
            build_discriminator((32, 32, 3), 1024, 64),
            stable_images=20_000,
            fade_images=20_000,
            r1_weight=0.2,
        )
        adam = {"learning_rate": 1e-3, "beta_1": 0.0, "beta_2": 0.99, "epsilon": 1e-8}
        game.compile(generator=FusedAdam(**adam), discriminator=FusedAdam(**adam))
        game.fit(images, batch_size=32, epochs=8)     # float32 (20_000, 32, 32, 3) in [-1, 1]
        ```

    Reference:
        Karras, Laine, Aila, "A Style-Based Generator Architecture for Generative Adversarial
        Networks", CVPR 2019, arXiv:1812.04958.

    Deviations:
        * alpha changes at every step; the official code evaluates its schedule every 4 steps.
        * The average of the generator is updated after its own step, and that of w once a step.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        stable_images: int = 600_000,
        fade_images: int = 600_000,
        level_batches: Any = None,
        mixing: float = 0.9,
        classes: int | None = None,
        ema_decay: schedules.Value = 0.5 ** (32 / 10_000),
        seed: int = 0,
        name: str = "stylegan",
        **options: Any,
    ):
        super().__init__(
            generator,
            discriminator,
            mixing=mixing,
            classes=classes,
            stable_images=stable_images,
            fade_images=fade_images,
            first_level=FIRST_LEVEL,
            level_batches=level_batches,
            ema_decay=ema_decay,
            seed=seed,
            name=name,
            **{"r1_weight": 10.0, **options},
        )
        self.loss_names = (*self.loss_names, *self.GROWTH_NAMES)

    @property
    def scores_classes(self) -> bool:  # type: ignore[override]
        return self.classes is not None

    def _check_networks(self, generator: Any, opponent: Any) -> None:
        self.check_parts(generator)
        self.check_levels(generator, opponent)

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        real = self.fade_reals(examples(batch))
        label = None if self.classes is None else labels(batch)
        w = self.styles(batch_size(real), label, "discriminator")
        fake = self.images(w, "discriminator")
        self.update("discriminator", lambda: self.discriminator_terms(real, fake, label))
        self.update("generator", lambda: self.generator_terms(real, label))
        self.update_style_average(w)
        self.count_images(real)
        return self.logs()

    def score(self, images: tf.Tensor, label: tf.Tensor | None) -> tf.Tensor:
        """Logits `(batch, 1)` of augmented images of the level."""
        logits = self.judge(images)
        if label is None:
            return logits
        return tf.reduce_sum(logits * tf.one_hot(label, self.classes), 1, keepdims=True)

    # ---- growing -----------------------------------------------------------------------------

    @property
    def active_layers(self) -> int:
        return 2 * (self.level + 1)

    def images(self, w: tf.Tensor, salt: str) -> tf.Tensor:
        # In __dict__: Keras would save each part beside the network.
        parts = self.__dict__.setdefault("_synthesis_parts", {})
        level, fading = self.level, self.level > self.schedule.first_level
        if (level, fading) not in parts:
            parts[level, fading] = synthesis_at(self.generator, level, fading)
        synthesis = parts[level, fading]
        maps = self.noise_maps(synthesis, batch_size(w), salt)
        return self._faded(synthesis([w, *maps], training=True), self.alpha)

    def run_generator(
        self, networks: Sequence[keras.Model], inputs: Mapping[str, tf.Tensor], training: bool
    ) -> Any:
        mapping, synthesis = networks
        w = inputs.get("w")
        if w is None:
            latent = [inputs[name] for name in ("z", "label") if name in inputs]
            w = mapping(latent if len(latent) > 1 else latent[0], training=training)
        return synthesis([w, *stored_noise(synthesis)], training=training)

    def sampling_parts(self, level: int, fading: bool) -> tuple[keras.Model, ...]:
        (generator,) = self.ema("generator")
        return self.mapping(generator), synthesis_at(generator, level, fading)

    def signatures(self) -> dict[str, Signature]:
        shown = int(self.images_shown.numpy())
        level = self.schedule.level(shown)
        alpha = float(self.schedule.alpha(shown, level))
        networks = self._sampling_networks(level, alpha)
        (generator,) = self.ema("generator")
        return self.style_signatures(
            generator,
            lambda w: self._sampled(networks, {"w": w}, level, alpha),
            network_checks.shape_of(self.generator.outputs[-1]),
            networks,
        )


# ---- parts of the networks ----------------------------------------------------------------------


def synthesis_at(generator: keras.Model, level: int, fading: bool) -> keras.Model:
    """From `[w, noise, ...]` to the images of a level; while fading `[images before, images]`.

    Args:
        generator: from `build_generator`, or its average.
        level: number of the level, from 0.
        fading: also return the images of the level before.
    """
    synthesis = generator.get_layer(style.SYNTHESIS)
    outputs = synthesis.outputs[level - 1 if fading else level : level + 1]
    return keras.Model(synthesis.inputs[: 1 + 2 * (level + 1)], outputs)


def _check(
    shape: tuple[int, ...],
    channel_base: int,
    channel_max: int,
    classes: int | None,
    **numbers: int,
) -> list[int]:
    if classes is not None:
        check_positive_integers(classes=classes)
    return style.check_shape(shape, **numbers, channel_base=channel_base, channel_max=channel_max)


def _convolution(filters: int, name: str, use_bias: bool = False) -> keras.layers.Layer:
    return EqualizedConv2D(filters, 3, padding="same", use_bias=use_bias, name=name)


def _styled(x: Any, w: Any, index: int, noise: Any) -> Any:
    """Noise, bias, leaky ReLU, instance norm and style, in this order."""
    x = NoiseBiasActivation(gain=1.0, per_channel=True)([x, noise])
    style_of_layer = StyleOfLayer(index, dtype="float32")(w)
    numbers = EqualizedDense(2 * x.shape[-1], gain=1.0, dtype="float32")(style_of_layer)
    return StyleNormalization()([x, numbers])
