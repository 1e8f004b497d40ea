"""The networks of StyleGAN2: mapping, synthesis with skips, residual discriminator.

Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", CVPR 2020, arXiv:1912.04958.
"""

from __future__ import annotations

import math
from typing import Any

import keras

from tfgan_suite.errors import InputError
from tfgan_suite.layers.blur import BlurDownSampling2D, BlurUpSampling2D
from tfgan_suite.layers.conditioning import OneHot
from tfgan_suite.layers.elementwise import ChannelBias
from tfgan_suite.layers.equalized import EqualizedConv2D, EqualizedDense
from tfgan_suite.layers.minibatch_deviation import MinibatchDeviation
from tfgan_suite.layers.normalization import PixelNormalization
from tfgan_suite.layers.style_inputs import (
    EqualizedDownConv2D,
    LearnedConstant,
    NoiseBiasActivation,
    ScaledLeakyReLU,
    StyleOfLayer,
    StylePerLayer,
)
from tfgan_suite.layers.style_modulation import ModulatedConv2D
from tfgan_suite.networks.blocks import check_positive_integers, check_size

MAPPING, SYNTHESIS, STYLES = "mapping", "synthesis", "styles"
MAPPING_MULTIPLIER = 0.01
# Of an activation, which commutes with it: sqrt 2 leaky_relu(x) = leaky_relu(sqrt 2 x). In the
# discriminator it is a factor of the kernel and bias before, which saves a pass over the maps.
ACTIVATION_GAIN = math.sqrt(2.0)
RESIDUAL_SCALE = math.sqrt(0.5)


def resolutions(size: int) -> list[int]:
    """4, 8 and so on to the size.

    Raises:
        InputError: the size is not 4 times a power of 2, at least 8; names the nearest ones.
    """
    powers = [4 << n for n in range(1, 12)]
    check_size(size, powers, "4 times a power of 2")
    return [side for side in (4, *powers) if side <= size]


def channels(side: int, base: int, most: int) -> int:
    """Channels of the maps of a size: `min(2 base / side, most)`, at least 1."""
    return max(1, min(2 * base // side, most))


def check_shape(shape: tuple[int, ...], **numbers: int) -> list[int]:
    """The resolutions of images of a shape; numbers are checked to be positive integers."""
    if len(shape) != 3 or shape[0] != shape[1]:
        raise InputError(
            f"examples of shape {tuple(shape)}; style-based networks are for square images"
            " (height, width, channels)"
        )
    check_positive_integers(**numbers)
    return resolutions(shape[0])


def build_mapping(
    layers: int,
    latent_dim: int = 512,
    style_dim: int = 512,
    depth: int = 8,
    classes: int | None = None,
    gain: float = 1.0,
    activation_gain: float = math.sqrt(2.0),
    multiplier: float = MAPPING_MULTIPLIER,
) -> keras.Model:
    """z, normalized, through dense layers that learn at a hundredth of the rate.

    Args:
        layers: style vectors that it returns, all alike.
        latent_dim: length of z.
        style_dim: length of w, and units of the layers.
        depth: layers.
        classes: number of classes, whose learned vectors `(latent_dim,)` join z; None: no labels.
        gain: of the weights.
        activation_gain: factor of the activation.
        multiplier: of the learning rate, in place of a hundredth.

    Returns:
        Model from z `(batch, latent_dim)` or `[z, label]` to w `(batch, layers, style_dim)`,
        float32.
    """
    z = keras.Input((latent_dim,), name="z")
    inputs: Any = z
    x: Any = z
    if classes is not None:
        label = keras.Input((), dtype="int32", name="label")
        inputs = [z, label]
        code = OneHot(classes, dtype="float32")(label)
        embedding = keras.layers.Dense(
            latent_dim,
            use_bias=False,
            kernel_initializer=keras.initializers.RandomNormal(0.0, 1.0),
            dtype="float32",
        )(code)
        x = keras.layers.Concatenate(dtype="float32")([z, embedding])
    x = PixelNormalization(dtype="float32")(x)
    for _ in range(depth):
        x = EqualizedDense(
            style_dim,
            gain=gain,
            learning_rate_multiplier=multiplier,
            dtype="float32",
        )(x)
        x = ScaledLeakyReLU(activation_gain, dtype="float32")(x)
    w = StylePerLayer(layers, dtype="float32", name=STYLES)(x)
    return keras.Model(inputs, w, name=MAPPING)


def build_synthesis(
    shape: tuple[int, ...],
    style_dim: int = 512,
    channel_base: int = 16384,
    channel_max: int = 512,
    convolution_multiplier: float = 1.0,
) -> keras.Model:
    """From a constant to images by modulated convolutions; the RGB images of all sizes are summed.

    Args:
        shape: of the images.
        style_dim: length of w.
        channel_base, channel_max: see `channels`.
        convolution_multiplier: of the learning rate of the demodulated convolutions.

    Returns:
        Model from `[w, noise_0, noise_1, ...]` with w `(batch, layers, style_dim)` and noise
        `(batch or 1, height, width, 1)` to images, float32, about in [-1, 1].
    """
    sides = check_shape(shape)
    w = keras.Input((2 * len(sides), style_dim), name="w")
    noise = [
        keras.Input((side, side, 1), name=f"noise_{n}") for n, side in enumerate(noise_sides(sides))
    ]
    x = image = None
    fast = {"learning_rate_multiplier": convolution_multiplier}
    for level, side in enumerate(sides):
        filters = channels(side, channel_base, channel_max)
        if x is None:
            x = LearnedConstant((4, 4, filters))(w)
        else:
            maps = noise[2 * level - 1]
            x = _styled(x, w, 2 * level - 1, maps, filters, upsample=True, **fast)
        x = _styled(x, w, 2 * level, noise[2 * level], filters, **fast)
        rgb = _modulated(x, w, 2 * level + 1, shape[2], 1, demodulate=False)
        rgb = ChannelBias(dtype="float32")(rgb)
        if image is not None:
            rgb = keras.layers.Add(dtype="float32")([rgb, BlurUpSampling2D(dtype="float32")(image)])
        image = rgb
    return keras.Model([w, *noise], image, name=SYNTHESIS)


def noise_sides(sides: list[int]) -> list[int]:
    """Height of the noise map of each convolution: one at 4 pixels, two at every other size."""
    return [side for side in sides for _ in range(1 if side == 4 else 2)]


def build_generator(
    shape: tuple[int, ...] = (1024, 1024, 3),
    latent_dim: int = 512,
    style_dim: int = 512,
    mapping_layers: int = 8,
    channel_base: int = 16384,
    channel_max: int = 512,
    classes: int | None = None,
    mapping_multiplier: float = MAPPING_MULTIPLIER,
    convolution_multiplier: float = 1.0,
) -> keras.Model:
    """StyleGAN2's generator; the defaults are configuration F for faces at 1024 pixels.

    Args:
        shape: of the images, `(size, size, channels)` with a size of 4 times a power of 2.
        latent_dim: length of z.
        style_dim: length of w.
        mapping_layers: dense layers from z to w.
        channel_base, channel_max: maps of side s have `min(2 channel_base / s, channel_max)`
            channels; configuration E has a base of 8192.
        classes: number of classes; None: the generator takes no label.
        mapping_multiplier: of the mapping's learning rate. In a run of thousands of steps, not
            hundreds of thousands, the papers' 0.01 leaves the mapping as it starts.
        convolution_multiplier: of the learning rate of the demodulated convolutions, whose outputs
            do not depend on the size of their weights, so they stand larger steps. Paper: 1.

    Returns:
        Model from z `(batch, latent_dim)`, a label int32 `(batch,)` if there are classes, and one
        noise map `(batch or 1, height, width, 1)` per convolution to images, float32, about in
        [-1, 1]: there is no tanh. Its layers `mapping` and `synthesis` are the two networks.

    Raises:
        InputError: a shape or a number that does not fit.
    """
    sizes = {"latent_dim": latent_dim, "style_dim": style_dim, "mapping_layers": mapping_layers}
    if classes is not None:
        sizes["classes"] = classes
    sides = check_shape(shape, **sizes, channel_base=channel_base, channel_max=channel_max)
    mapping = build_mapping(
        2 * len(sides),
        latent_dim,
        style_dim,
        mapping_layers,
        classes,
        multiplier=mapping_multiplier,
    )
    synthesis = build_synthesis(shape, style_dim, channel_base, channel_max, convolution_multiplier)
    return joined(mapping, synthesis)


def joined(
    mapping: keras.Model, synthesis: keras.Model, name: str = "style_generator"
) -> keras.Model:
    """The generator of a mapping and a synthesis, both of which stay layers of it."""
    latent = [
        keras.Input(each.shape[1:], dtype=each.dtype, name=name_of(each)) for each in mapping.inputs
    ]
    noise = [keras.Input(each.shape[1:], name=name_of(each)) for each in synthesis.inputs[1:]]
    w = mapping(latent if len(latent) > 1 else latent[0])
    return keras.Model([*latent, *noise], synthesis([w, *noise]), name=name)


def name_of(tensor: Any) -> str:
    """The name of a Keras input."""
    return tensor.name.split(":")[0]


def build_discriminator(
    shape: tuple[int, ...] = (1024, 1024, 3),
    channel_base: int = 16384,
    channel_max: int = 512,
    group_size: int = 4,
    classes: int | None = None,
) -> keras.Model:
    """StyleGAN2's discriminator: residual blocks down to 4 pixels, minibatch deviation, dense.

    Args:
        shape, channel_base, channel_max, classes: as for `build_generator`.
        group_size: images in a group of the minibatch deviation, at most.

    Returns:
        Model from images, or `[image, label]`, to logits `(batch, 1)`, float32.

    Raises:
        InputError: a shape or a number that does not fit.
    """
    numbers = {"channel_base": channel_base, "channel_max": channel_max, "group_size": group_size}
    if classes is not None:
        numbers["classes"] = classes
    sides = check_shape(shape, **numbers)
    widths = {side: channels(side, channel_base, channel_max) for side in sides}
    image = keras.Input(shape, name="image")
    x = _activated(_convolution(widths[shape[0]], 1, output_gain=ACTIVATION_GAIN)(image))
    for index, side in enumerate(reversed(sides[1:])):
        x = _residual_block(x, widths[side], widths[side // 2], f"features_{index}")
    x = MinibatchDeviation(group_size)(x)
    x = _activated(_convolution(widths[4], 3, output_gain=ACTIVATION_GAIN)(x))
    x = keras.layers.Flatten(dtype="float32")(x)
    x = EqualizedDense(widths[4], gain=1.0, output_gain=ACTIVATION_GAIN, dtype="float32")(x)
    x = _activated(x, dtype="float32")
    outputs = EqualizedDense(1 if classes is None else classes, gain=1.0, dtype="float32")(x)
    if classes is None:
        return keras.Model(image, outputs, name="style_discriminator")
    label = keras.Input((), dtype="int32", name="label")
    code = OneHot(classes, dtype="float32")(label)
    logit = keras.layers.Dot(axes=1, dtype="float32")([outputs, code])
    return keras.Model([image, label], logit, name="style_discriminator")


def _convolution(filters: int, size: int, **options: Any) -> keras.layers.Layer:
    return EqualizedConv2D(filters, size, padding="same", gain=1.0, **options)


def _activated(x: Any, **options: Any) -> Any:
    """Leaky ReLU of what a layer returned that has its gain already."""
    return ScaledLeakyReLU(gain=1.0, **options)(x)


def _residual_block(x: Any, filters: int, outputs: int, name: str) -> Any:
    """Two convolutions and a linear path around them, both to half the size; over sqrt 2."""
    skip = _convolution(outputs, 1, use_bias=False, output_gain=RESIDUAL_SCALE)(
        BlurDownSampling2D()(x)
    )
    x = _activated(_convolution(filters, 3, output_gain=ACTIVATION_GAIN)(x))
    # The gain of its activation and the scale of the sum cancel.
    x = _activated(EqualizedDownConv2D(outputs, 3, gain=1.0)(x))
    x = keras.layers.Add()([x, skip])
    # Computes nothing: checkpoints of older runs count a layer here.
    return keras.layers.Activation("linear", name=name)(x)


def _modulated(x: Any, w: Any, index: int, filters: int, size: int, **options: Any) -> Any:
    """A convolution whose input channels the style of a layer scales, by 1 at first on average."""
    style = EqualizedDense(x.shape[-1], gain=1.0, bias_initializer="ones", dtype="float32")(
        StyleOfLayer(index, dtype="float32")(w)
    )
    return ModulatedConv2D(filters, size, **options)([x, style])


def _styled(x: Any, w: Any, index: int, noise: Any, filters: int, **options: Any) -> Any:
    x = _modulated(x, w, index, filters, 3, **options)
    return NoiseBiasActivation()([x, noise])
