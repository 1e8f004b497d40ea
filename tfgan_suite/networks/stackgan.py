"""The networks of StackGAN: two generators and two discriminators that read a sentence's embedding.

At the paper's scale (64 to 256 pixels, generator width 128, discriminator width 64) they have the
layers and the number of parameters of the official code.
"""

from __future__ import annotations

from typing import Any

import keras

from tfgan_suite import compat
from tfgan_suite.errors import InputError, must_be
from tfgan_suite.layers.conditioning_augmentation import ConditioningAugmentation
from tfgan_suite.layers.convolution import Conv2D, Dense
from tfgan_suite.layers.resizing import NearestUpSampling2D
from tfgan_suite.networks import blocks

ARCHITECTURES = ("residual", "plain")
NORMS = ("batch", "none")
SCALES = (2, 4, 8)
HALVINGS = (0, 1, 2)  # of stage I's image in stage II
CONDITIONING = "conditioning"  # name of the layer of conditioning augmentation
MOST_DOUBLINGS = 4  # of stage I


def build_stage1_generator(
    size: int = 64,
    text_dim: int = 1024,
    *,
    channels: int = 3,
    latent_dim: int = 100,
    condition_dim: int = 128,
    width: int = 128,
    architecture: str = "residual",
    hidden_units: int = 0,
    ca_activation: str = "linear",
) -> keras.Model:
    """The generator of stage I: layout and colours from a sentence and noise.

    Args:
        size: side of the images, 8 or more: a power of 2, or a multiple of 16.
        text_dim: length of an embedding.
        channels: of the images.
        latent_dim: length of z.
        condition_dim: length of the conditioning variable c, and of eps.
        width: channels of the last hidden layer; `"plain"`: half as many.
        architecture: `"residual"`: the official TensorFlow code, two residual blocks; `"plain"`:
            the paper and the official PyTorch code.
        hidden_units: of a dense layer before the maps; 0 (official): none. Of small images the
            parts do not fit together where the maps are linear in c and z.
        ca_activation: of mu and log sigma, as for `ConditioningAugmentation`.

    Returns:
        Model from `[z, embedding, eps]` to `[image, mu, log_sigma]`, images in [-1, 1].

    Raises:
        InputError: a size that cannot be reached, an unknown name, a number below 1.
    """
    _check(architecture, channels=channels, latent_dim=latent_dim, width=width)
    base, doublings = stage1_plan(size)
    z, embedding, eps = _inputs(("z", latent_dim), ("embedding", text_dim), ("eps", condition_dim))
    c, mu, log_sigma = _conditioning(embedding, eps, condition_dim, ca_activation)
    residual = architecture == "residual"
    filters = width << (doublings - 1)
    x = keras.layers.Concatenate()([c, z])
    if hidden_units:
        x = Dense(hidden_units, kernel_initializer="he_normal")(x)
        x = keras.layers.ReLU()(blocks.normalized(x, "batch"))
    x = Dense(base * base * filters, use_bias=residual, kernel_initializer=blocks.normal())(x)
    x = blocks.normalized(x, "batch")
    x = x if residual else keras.layers.ReLU()(x)
    x = keras.layers.Reshape((base, base, filters))(x)
    for level in range(doublings):
        if residual and level < 2:
            x = _residual(x, filters // 4)
        filters //= 2
        if residual and level == doublings - 1:
            break
        x = _convolved(NearestUpSampling2D()(x), filters, 3)
        # Before the second residual block the official code has no activation.
        x = x if residual and level == 0 else keras.layers.ReLU()(x)
    x = NearestUpSampling2D()(x) if residual else x
    return keras.Model(
        [z, embedding, eps], [_image(x, channels), mu, log_sigma], name="stackgan_stage1_generator"
    )


def build_stage2_generator(
    low_size: int = 64,
    text_dim: int = 1024,
    *,
    scale: int = 4,
    channels: int = 3,
    condition_dim: int = 128,
    width: int = 128,
    residual_blocks: int = 4,
    halvings: int | None = None,
    ca_activation: str = "linear",
    skip: bool = False,
) -> keras.Model:
    """The generator of stage II: details and corrections from an image of stage I and the sentence.

    Args:
        low_size: side of stage I's images, a multiple of 4.
        text_dim, channels, condition_dim, ca_activation: as for `build_stage1_generator`.
        scale: the side of the results divided by `low_size`: 2, 4 (paper) or 8.
        width: channels of the first layer, a multiple of `scale`.
        residual_blocks: paper 4; 2 for images of 128 pixels.
        halvings: how often stage I's image is halved before the sentence joins, 0 to 2. Default
            None: until it has 16 pixels, as in the paper. What is redrawn can be placed only as
            exactly as these maps say.
        skip: whether the result starts from stage I's image: `tanh(r + 2 low)` with the network's
            output `r` and the enlarged image. Paper: no, `tanh(r)`.

    Returns:
        Model from `[eps, embedding, low]` to `[image, mu, log_sigma]`, images in [-1, 1].

    Raises:
        InputError: as for `build_stage1_generator`.
    """
    _check(channels=channels, width=width, residual_blocks=residual_blocks)
    if scale not in SCALES:
        raise InputError(f"scale is {scale}; it must be 2, 4 or 8")
    if low_size % 4 or low_size < 8 or width % scale:
        raise InputError(
            f"stage II takes images of {low_size} pixels at width {width}; the side must be a"
            f" multiple of 4 from 8 on, and the width one of {scale}"
        )
    if halvings is None:
        halvings = min(max(0, (low_size // 16).bit_length() - 1), HALVINGS[-1])
    if halvings not in HALVINGS:
        raise InputError(f"halvings is {halvings!r}; it must be 0, 1 or 2")
    low = keras.Input((low_size, low_size, channels), name="low")
    eps, embedding = _inputs(("eps", condition_dim), ("embedding", text_dim))
    c, mu, log_sigma = _conditioning(embedding, eps, condition_dim, ca_activation)
    x = Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer=blocks.normal())(low)
    x = keras.layers.ReLU()(x)
    for filters, times in ((2 * width, 2), (4 * width, 1)):
        kernel, strides = (4, 2) if halvings >= times else (3, 1)
        x = keras.layers.ReLU()(_convolved(x, filters, kernel, strides))
    x = keras.layers.Concatenate()([x, _tiled(c, low_size >> halvings)])
    x = keras.layers.ReLU()(_convolved(x, 4 * width, 3))
    for _ in range(residual_blocks):
        y = keras.layers.ReLU()(_convolved(x, 4 * width, 3))
        x = keras.layers.ReLU()(keras.layers.Add()([x, _convolved(y, 4 * width, 3)]))
    filters = 4 * width
    for _ in range(halvings + scale.bit_length() - 1):
        filters //= 2
        x = keras.layers.ReLU()(_convolved(NearestUpSampling2D()(x), filters, 3))
    return keras.Model(
        [eps, embedding, low],
        [_image(x, channels, _enlarged(low, scale) if skip else None), mu, log_sigma],
        name="stackgan_stage2_generator",
    )


def build_discriminator(
    size: int = 64,
    text_dim: int = 1024,
    *,
    channels: int = 3,
    width: int = 64,
    text_units: int = 128,
    architecture: str = "residual",
    norm: str = "batch",
    hidden_units: int = 0,
) -> keras.Model:
    """The discriminator of either stage: 64 pixels in the paper's stage I, 256 in stage II.

    Args:
        size: side of the images: 4, times a power of 2.
        text_dim: length of what it reads of the sentence.
        channels: of the images.
        width: channels of the first layer.
        text_units: units of the dense layer over the embedding; `"plain"` has none.
        architecture: `"residual"` (the official TensorFlow code) or `"plain"` (the official PyTorch
            code, up to 64 pixels), which reads a vector such as mu as it is.
        norm: `"batch"` (official), or `"none"`, for R1.
        hidden_units: of a dense layer before the logit; 0 (official): none. Without it the logit is
            a sum over windows, and no such network sees whether a shape is whole.

    Returns:
        Model from `[image, embedding]` to logits `(batch, 1)`, float32.

    Raises:
        InputError: as for `build_stage1_generator`.
    """
    _check(architecture, channels=channels, width=width, text_units=text_units)
    if norm not in NORMS:
        raise InputError(f"norm is {norm!r}; {must_be(norm, NORMS)}")
    halvings = (size // 4).bit_length() - 1
    if halvings < 1 or 4 << halvings != size:
        raise InputError(f"size is {size}; a discriminator needs 4 times a power of 2, such as 64")
    image = keras.Input((size, size, channels), name="image")
    embedding = keras.Input((text_dim,), name="embedding")
    plain = architecture == "plain"
    x = _halved(image, halvings, width, norm, plain)
    filters = width << min(halvings - 1, MOST_DOUBLINGS - 1)
    text = embedding
    if not plain:
        x = _residual(x, filters // 4, norm, leaky=True)
        text = Dense(text_units, kernel_initializer=blocks.normal())(text)
        text = compat.LeakyReLU(0.2)(text)
    x = keras.layers.Concatenate()([x, _tiled(text, 4)])
    x = _leaky(_convolved(x, filters, 3 if plain else 1, norm=norm), "features")
    if hidden_units:
        x = _leaky(Dense(hidden_units, kernel_initializer="he_normal")(keras.layers.Flatten()(x)))
        logit = Dense(1, dtype="float32", name="logit")(x)
    else:
        # One kernel over all 4x4 positions: the official convolution of stride 4.
        x = keras.layers.Flatten(dtype="float32")(x)
        logit = Dense(
            1, use_bias=plain, kernel_initializer=blocks.normal(), dtype="float32", name="logit"
        )(x)
    return keras.Model([image, embedding], logit, name=f"stackgan_discriminator_{size}")


def stage1_plan(size: int) -> tuple[int, int]:
    """How stage I reaches a size: `size == base * 2 ** doublings`, with 4 doublings at most.

    Raises:
        InputError: a size that is neither 8, 16, 32 nor a multiple of 16.
    """
    if size in (8, 16, 32):
        return 4, (size // 4).bit_length() - 1
    if size % 16 or size < 64:
        raise InputError(f"stage I cannot draw {size} pixels; use 8, 16, 32, or a multiple of 16")
    return size // 16, MOST_DOUBLINGS


def _check(architecture: str = "residual", **numbers: int) -> None:
    if architecture not in ARCHITECTURES:
        raise InputError(
            f"architecture is {architecture!r}; {must_be(architecture, ARCHITECTURES)}"
        )
    blocks.check_positive_integers(**numbers)


def _inputs(*lengths: tuple[str, int]) -> list[Any]:
    return [keras.Input((length,), name=name) for name, length in lengths]


def _conditioning(embedding: Any, eps: Any, units: int, activation: str) -> Any:
    return ConditioningAugmentation(units, activation, name=CONDITIONING)([embedding, eps])


def _convolved(x: Any, filters: int, kernel: int, strides: int = 1, norm: str = "batch") -> Any:
    """A convolution and its normalization, with a bias only where that is `"none"`."""
    x = Conv2D(
        filters,
        kernel,
        strides,
        "same",
        use_bias=norm == "none",
        kernel_initializer=blocks.initializer_before(norm),
    )(x)
    return blocks.normalized(x, norm)


def _leaky(x: Any, name: str | None = None) -> Any:
    return compat.LeakyReLU(0.2, name=name)(x)


def _residual(x: Any, filters: int, norm: str = "batch", leaky: bool = False) -> Any:
    """x plus 1x1, 3x3 and 3x3 convolutions of it, activated."""
    activation = _leaky if leaky else lambda x: keras.layers.ReLU()(x)
    filters = max(filters, 1)
    y = activation(_convolved(x, filters, 1, norm=norm))
    y = activation(_convolved(y, filters, 3, norm=norm))
    y = _convolved(y, x.shape[-1], 3, norm=norm)
    return activation(keras.layers.Add()([x, y]))


def _halved(x: Any, halvings: int, width: int, norm: str, plain: bool) -> Any:
    """Maps of 4x4, with at most 8 times `width` channels."""
    for level in range(halvings):
        if level == 0:
            initializer = blocks.initializer_before(norm)
            first = {"use_bias": norm == "none", "kernel_initializer": initializer}
            x = _leaky(Conv2D(width, 4, 2, "same", **first)(x))
            continue
        x = _convolved(x, width << level, 4, 2, norm)
        # The official code of stage I activates neither of the last two before the residual block.
        linear = halvings <= MOST_DOUBLINGS and level >= halvings - 2 and norm == "batch"
        x = x if linear and not plain else _leaky(x)
    for level in range(halvings - 2, MOST_DOUBLINGS - 2, -1):
        x = _convolved(x, width << level, 1, norm=norm)
        x = x if level == MOST_DOUBLINGS - 1 else _leaky(x)
    return x


def _tiled(x: Any, side: int) -> Any:
    """A vector `(batch, n)` at every position: `(batch, side, side, n)`."""
    return NearestUpSampling2D(side)(keras.layers.Reshape((1, 1, x.shape[-1]))(x))


def _enlarged(low: Any, scale: int) -> Any:
    """An image enlarged smoothly: the network would copy the edges of repeated pixels."""
    return keras.layers.AveragePooling2D(scale + 1, 1, "same")(NearestUpSampling2D(scale)(low))


def _image(x: Any, channels: int, start: Any = None) -> Any:
    x = Conv2D(channels, 3, padding="same", use_bias=False, kernel_initializer=blocks.normal())(x)
    if start is not None:
        x = keras.layers.Add()([x, start, start])
    return keras.layers.Activation("tanh", dtype="float32", name="image")(x)
