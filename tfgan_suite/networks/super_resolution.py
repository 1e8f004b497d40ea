"""The networks of SRResNet and SRGAN, with the ways of enlarging that are compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.layers.convolution import Conv2D, Conv2DTranspose, Dense
from tfgan_suite.layers.pixel_shuffle import (
    ICNR,
    BicubicUpsample,
    PixelShuffle,
    PReLU,
    ShuffledConv2D,
    SubpixelConv2D,
)
from tfgan_suite.layers.resizing import NearestUpSampling2D
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
    """The generator G: residual blocks at low resolution, then enlargement.

    Args:
        channels: of the images.
        scale: 2, 3, 4 or 8; paper 4.
        width: channels of all inner maps; paper 64.
        blocks: residual blocks; paper 16.
        norm: `"batch"` (the paper) or `"none"` (better by mean error: Lim et al. 2017).
        upsampling: `"subpixel"` (the paper: convolution and pixel shuffle), `"icnr"` (the same,
            begun without a checkerboard), `"nearest"` (nearest neighbour, then convolution),
            `"transposed"` (kernel 3, whose overlaps are uneven), or `"direct"`: one sub-pixel
            convolution straight to the image, so that nothing is computed at full size.
        skip: `"none"` (the paper) or `"bicubic"`: the network gives what bicubic lacks.
        kernel: side of the first and the last convolution; paper 9.
        output: `"linear"`, or `"tanh"` as in many ports.

    Returns:
        Model from float `(batch, height, width, channels)` in [-1, 1] of any size to float32
        `(batch, scale * height, scale * width, channels)`, about in [-1, 1].

    Raises:
        InputError: an unknown word, a scale that is not offered, a bad width.
    """
    check_positive_integers(channels=channels, width=width, blocks=blocks, kernel=kernel)
    check_choices(norm=(norm, NORMS), skip=(skip, SKIPS), output=(output, OUTPUTS))
    check_choices(upsampling=(upsampling, UPSAMPLINGS))
    if scale not in SCALES:
        raise InputError(f"the scale is {scale!r}; it must be one of {', '.join(map(str, SCALES))}")
    if output == "tanh" and skip == "bicubic":
        raise InputError("output 'tanh' cannot be added to a bicubic skip; take 'linear'")
    image = keras.Input((None, None, channels), name="image")
    first = PReLU(name="first_slopes")(
        Conv2D(width, kernel, padding="same", kernel_initializer=_start(norm), name="first")(image)
    )
    x = first
    for index in range(blocks):
        x = _block(x, width, norm, f"block_{index}")
    x = _convolved(x, width, norm, "body", last=True)
    x = keras.layers.Add(name="body_sum")([x, first])
    # Beside bicubic the first answer is nearly nothing; zeros would stop all gradients.
    start = keras.initializers.VarianceScaling(1e-3) if skip == "bicubic" else "glorot_uniform"
    if upsampling == "direct":
        x = Conv2D(channels * scale**2, 3, padding="same", kernel_initializer=ICNR(scale, start),
                   dtype="float32", name="enlarged")(x)  # fmt: skip
        x = PixelShuffle(scale, dtype="float32", name="shuffle")(x)
    else:
        *factors, last = SCALES[scale]
        for index, factor in enumerate(factors):
            x = upsample(x, width, factor, upsampling, f"up_{index}", _start(norm))
            x = PReLU(name=f"up_{index}_slopes")(x)
        name = f"up_{len(factors)}"
        slopes = PReLU(name=f"{name}_slopes")
        options = {"kernel_initializer": start, "dtype": "float32", "name": "enlarged"}
        if upsampling in ("subpixel", "icnr") and kernel % 2:
            # The last shuffle comes behind the last convolution: equal, and faster.
            initializer = _before_shuffle(upsampling, last, _start(norm))
            parts = SubpixelConv2D(width * last**2, 3, last, padding="same", name=name,
                                   kernel_initializer=initializer)(x)  # fmt: skip
            x = ShuffledConv2D(channels, kernel, last, **options)([slopes(one) for one in parts])
        else:
            x = slopes(upsample(x, width, last, upsampling, name, _start(norm)))
            x = Conv2D(channels, kernel, padding="same", **options)(x)
    if output == "tanh":
        x = keras.layers.Activation("tanh", dtype="float32", name="tanh")(x)
    if skip == "bicubic":
        smooth = BicubicUpsample(scale, name="bicubic")(image)
        x = keras.layers.Add(dtype="float32", name="sum")([smooth, x])
    return keras.Model(image, x, name="generator")


def upsample(
    x: Any, width: int, factor: int, kind: str, name: str, start: Any = "glorot_uniform"
) -> Any:
    """Maps enlarged by one of the ways that are compared (`recipes/checkerboard.py`).

    Args:
        x: tensor `(batch, height, width, channels)` of a functional model.
        width: channels of the result.
        factor: of the enlargement.
        kind: of `UPSAMPLINGS`, but not `"direct"`.
        name: of the layer with weights.
        start: its initializer.

    Returns:
        `(batch, factor * height, factor * width, width)`.
    """
    if kind == "transposed":
        return Conv2DTranspose(width, 3, factor, "same", kernel_initializer=start, name=name)(x)
    if kind == "nearest":
        x = NearestUpSampling2D(factor, name=f"{name}_nearest")(x)
        return Conv2D(width, 3, padding="same", kernel_initializer=start, name=name)(x)
    x = Conv2D(width * factor**2, 3, padding="same", name=name,
               kernel_initializer=_before_shuffle(kind, factor, start))(x)  # fmt: skip
    return PixelShuffle(factor, name=f"{name}_shuffle")(x)


def _before_shuffle(kind: str, factor: int, start: Any) -> Any:
    """The initializer of the convolution before a shuffle."""
    return ICNR(factor, start) if kind == "icnr" else start


def _block(x: Any, width: int, norm: str, name: str) -> Any:
    """Convolution, norm, PReLU, convolution, norm, and the block's input added."""
    y = PReLU(name=f"{name}_slopes")(_convolved(x, width, norm, f"{name}_first"))
    y = _convolved(y, width, norm, f"{name}_second", last=True)
    return keras.layers.Add(name=f"{name}_sum")([y, x])


def _convolved(x: Any, width: int, norm: str, name: str, last: bool = False) -> Any:
    """Convolution and norm. Without a norm the last one of a branch starts small."""
    x = Conv2D(width, 3, padding="same", kernel_initializer=_start(norm, last), name=name)(x)
    return compat.BatchNormalization(name=f"{name}_norm")(x) if norm == "batch" else x


def _start(norm: str, last: bool = False) -> Any:
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
    """The discriminator D: eight convolutions, every second one halving, and two dense layers.

    Args:
        shape: `(height, width, channels)` of the high-resolution crops.
        width: channels after the first convolution; they double three times; paper 64.
        hidden: units of the first dense layer; paper 1024. With `head="dense"` it holds most
            weights, 18.9 of 23.6 million.
        head: `"dense"` (the paper: crops of one size alone) or `"pool"` (the mean over the last
            maps: any size, and a twentieth of the weights).
        norm: `"batch"` (the paper) or `"none"`.

    Returns:
        Model from images in [-1, 1] to float32 logits `(batch, 1)`.

    Raises:
        InputError: an unknown word or a bad width.
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


def check_choices(**said: tuple[str, Sequence[str]]) -> None:
    """Refuses words that are not offered.

    Args:
        **said: by the option's name, the word and the words that there are.

    Raises:
        InputError: an unknown word.
    """
    for name, (word, words) in said.items():
        if word not in words:
            raise InputError(f"{name} is {word!r}; it must be one of {', '.join(words)}")
