"""The networks of SRResNet and SRGAN, with the upsampling methods that are compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from tfgan_suite import compat
from tfgan_suite.errors import InputError, must_be
from tfgan_suite.layers.convolution import Conv2D, Conv2DTranspose, Dense
from tfgan_suite.layers.elementwise import PReLU
from tfgan_suite.layers.pixel_shuffle import ICNR, PixelShuffle, ShuffledConv2D, SubpixelConv2D
from tfgan_suite.layers.resizing import BicubicUpSampling2D, NearestUpSampling2D
from tfgan_suite.networks.blocks import check_positive_integers

SCALES = {2: (2,), 3: (3,), 4: (2, 2), 8: (2, 2, 2)}
UPSAMPLINGS = ("subpixel", "icnr", "nearest", "transposed", "direct")
NORMS, SKIPS, OUTPUTS = ("batch", "none"), ("none", "bicubic"), ("linear", "tanh")
HEADS = ("dense", "pool")


def build_generator(
    channels: int = 3,
    scale: int = 4,
    width: int = 64,
    blocks: int = 16,
    norm: str = "batch",
    upsampling: str = "subpixel",
    skip: str = "none",
    kernel: int = 9,
    output: str = "linear",
) -> keras.Model:
    """The generator G: residual blocks at low resolution, then upsampling.

    Args:
        channels: of the images.
        scale: 2, 3, 4 or 8; paper 4.
        width: channels of all inner maps; paper 64.
        blocks: residual blocks; paper 16.
        norm: `"batch"` (the paper) or `"none"` (better by mean error: Lim et al. 2017).
        upsampling: `"subpixel"` (the paper: convolution and pixel shuffle), `"icnr"` (the same,
            initialized without a checkerboard), `"nearest"` (nearest neighbour, then convolution),
            `"transposed"` (kernel 3, whose overlaps are uneven), or `"direct"`: one sub-pixel
            convolution straight to the image, so that nothing is computed at full size.
        skip: `"none"` (the paper) or `"bicubic"`: the network adds what bicubic upsampling lacks.
        kernel: kernel size of the first and the last convolution; paper 9.
        output: `"linear"`, or `"tanh"` as in many ports.

    Returns:
        Model from float `(batch, height, width, channels)` in [-1, 1] of any size to float32
        `(batch, scale * height, scale * width, channels)`, about in [-1, 1].

    Raises:
        InputError: an unknown option or scale, an invalid width.
    """
    check_positive_integers(channels=channels, width=width, blocks=blocks, kernel=kernel)
    check_choices(norm=(norm, NORMS), skip=(skip, SKIPS), output=(output, OUTPUTS))
    check_choices(upsampling=(upsampling, UPSAMPLINGS))
    if scale not in SCALES:
        raise InputError(f"scale is {scale!r}; {must_be(scale, map(str, SCALES))}")
    if output == "tanh" and skip == "bicubic":
        raise InputError("output 'tanh' cannot be combined with a bicubic skip; use 'linear'")
    image = keras.Input((None, None, channels), name="image")
    first = PReLU(name="first_slopes")(
        Conv2D(width, kernel, padding="same", kernel_initializer=_initializer(norm), name="first")(
            image
        )
    )
    x = first
    for index in range(blocks):
        x = _residual_block(x, width, norm, f"block_{index}")
    x = _convolution(x, width, norm, "body", last=True)
    x = keras.layers.Add(name="body_sum")([x, first])
    # Next to the bicubic skip the first output is nearly 0; exact zeros would stop all gradients.
    initializer = (
        keras.initializers.VarianceScaling(1e-3) if skip == "bicubic" else "glorot_uniform"
    )
    x = _image_head(x, channels, scale, width, norm, upsampling, kernel, initializer)
    if output == "tanh":
        x = keras.layers.Activation("tanh", dtype="float32", name="tanh")(x)
    if skip == "bicubic":
        smooth = BicubicUpSampling2D(scale, name="bicubic")(image)
        x = keras.layers.Add(dtype="float32", name="sum")([smooth, x])
    return keras.Model(image, x, name="generator")


def _image_head(
    x: Any,
    channels: int,
    scale: int,
    width: int,
    norm: str,
    upsampling: str,
    kernel: int,
    initializer: Any,
) -> Any:
    """Upsampling of the maps and the last convolution, started from `initializer`."""
    options = {"dtype": "float32", "name": "enlarged"}
    if upsampling == "direct":
        x = Conv2D(channels * scale**2, 3, padding="same",
                   kernel_initializer=ICNR(scale, initializer), **options)(x)  # fmt: skip
        return PixelShuffle(scale, dtype="float32", name="shuffle")(x)
    *factors, last = SCALES[scale]
    for index, factor in enumerate(factors):
        x = upsample(x, width, factor, upsampling, f"up_{index}", _initializer(norm))
        x = PReLU(name=f"up_{index}_slopes")(x)
    name = f"up_{len(factors)}"
    slopes = PReLU(name=f"{name}_slopes")
    options["kernel_initializer"] = initializer
    if upsampling in ("subpixel", "icnr") and kernel % 2:
        # The last shuffle follows the last convolution: same result, faster.
        subpixel = _shuffle_initializer(upsampling, last, _initializer(norm))
        parts = SubpixelConv2D(width * last**2, 3, last, padding="same", name=name,
                               kernel_initializer=subpixel)(x)  # fmt: skip
        return ShuffledConv2D(channels, kernel, last, **options)([slopes(part) for part in parts])
    x = slopes(upsample(x, width, last, upsampling, name, _initializer(norm)))
    return Conv2D(channels, kernel, padding="same", **options)(x)


def upsample(
    x: Any, width: int, factor: int, method: str, name: str, initializer: Any = "glorot_uniform"
) -> Any:
    """Maps upsampled by one of the methods that `recipes/checkerboard.py` compares.

    Args:
        x: tensor `(batch, height, width, channels)` of a functional model.
        width: channels of the result.
        factor: upsampling factor.
        method: one of `UPSAMPLINGS`, except `"direct"`.
        name: of the layer with weights.
        initializer: of its kernel.

    Returns:
        `(batch, factor * height, factor * width, width)`.
    """
    if method == "transposed":
        return Conv2DTranspose(width, 3, factor, "same", kernel_initializer=initializer, name=name)(
            x
        )
    if method == "nearest":
        x = NearestUpSampling2D(factor, name=f"{name}_nearest")(x)
        return Conv2D(width, 3, padding="same", kernel_initializer=initializer, name=name)(x)
    x = Conv2D(width * factor**2, 3, padding="same", name=name,
               kernel_initializer=_shuffle_initializer(method, factor, initializer))(x)  # fmt: skip
    return PixelShuffle(factor, name=f"{name}_shuffle")(x)


def _shuffle_initializer(method: str, factor: int, initializer: Any) -> Any:
    """The initializer of the convolution before a pixel shuffle."""
    return ICNR(factor, initializer) if method == "icnr" else initializer


def _residual_block(x: Any, width: int, norm: str, name: str) -> Any:
    """Convolution, norm, PReLU, convolution, norm, plus the block's input."""
    y = PReLU(name=f"{name}_slopes")(_convolution(x, width, norm, f"{name}_first"))
    y = _convolution(y, width, norm, f"{name}_second", last=True)
    return keras.layers.Add(name=f"{name}_sum")([y, x])


def _convolution(x: Any, width: int, norm: str, name: str, last: bool = False) -> Any:
    """Convolution and norm. Without a norm, the last convolution of a branch starts small."""
    x = Conv2D(width, 3, padding="same", kernel_initializer=_initializer(norm, last), name=name)(x)
    return compat.BatchNormalization(name=f"{name}_norm")(x) if norm == "batch" else x


def _initializer(norm: str, last: bool = False) -> Any:
    if norm == "batch":
        return "glorot_uniform"
    return keras.initializers.VarianceScaling(0.2 if last else 2.0, "fan_in")


def build_discriminator(
    shape: tuple[int | None, ...] = (96, 96, 3),
    width: int = 64,
    hidden: int = 1024,
    head: str = "dense",
    norm: str = "batch",
) -> keras.Model:
    """The discriminator D: eight convolutions, every second one strided, and two dense layers.

    Args:
        shape: `(height, width, channels)` of the high-resolution crops.
        width: channels after the first convolution, doubled three times; paper 64.
        hidden: units of the first dense layer; paper 1024. With `head="dense"` it holds most of
            the weights, 18.9 of 23.6 million.
        head: `"dense"` (the paper: crops of a single size) or `"pool"` (global average pooling:
            any size, and a twentieth of the weights).
        norm: `"batch"` (the paper) or `"none"`.

    Returns:
        Model from images in [-1, 1] to float32 logits `(batch, 1)`.

    Raises:
        InputError: an unknown option, an invalid width.
    """
    check_positive_integers(width=width, hidden=hidden)
    check_choices(norm=(norm, NORMS), head=(head, HEADS))
    sides = shape[:2] if head == "dense" else (None, None)
    x = image = keras.Input((*sides, shape[2]), name="image")
    for index in range(8):
        x = Conv2D(width << index // 2, 3, 1 + index % 2, "same", name=f"conv_{index}")(x)
        if index and norm == "batch":
            x = compat.BatchNormalization(name=f"conv_{index}_norm")(x)
        x = compat.LeakyReLU(0.2)(x)
    x = keras.layers.Flatten()(x) if head == "dense" else keras.layers.GlobalAveragePooling2D()(x)
    x = compat.LeakyReLU(0.2)(Dense(hidden, name="hidden")(x))
    return keras.Model(image, Dense(1, dtype="float32", name="judgement")(x), name="discriminator")


def check_choices(**options: tuple[str, Sequence[str]]) -> None:
    """Rejects values that are not among an option's choices.

    Args:
        **options: by the option's name, its value and its choices.

    Raises:
        InputError: an unknown value.
    """
    for name, (value, choices) in options.items():
        if value not in choices:
            raise InputError(f"{name} is {value!r}; {must_be(value, choices)}")
