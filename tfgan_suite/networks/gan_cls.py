"""Networks of GAN-CLS (Reed et al. 2016), as in the released code."""

from __future__ import annotations

from typing import Any

import keras

from tfgan_suite import compat
from tfgan_suite.errors import InputError, must_be
from tfgan_suite.layers.convolution import Conv2D, Conv2DTranspose, Dense
from tfgan_suite.layers.spatial import TileVector
from tfgan_suite.networks import blocks


def build_generator(
    shape: tuple[int, int, int] = (64, 64, 3),
    text_dim: int = 1024,
    width: int = 128,
    latent_dim: int = 100,
    proj_dim: int = 128,
    residual: bool = True,
    hidden_units: int = 0,
) -> keras.Model:
    """The generator: z beside a projection of the sentence, transposed convolutions, batch norm.

    Args:
        shape: of an image; height and width are equal, 4 times a power of 2.
        text_dim: length of a sentence's vector.
        width: channels of maps of 32 pixels; each halving of the side doubles them. Paper: 128.
        latent_dim: length of z.
        proj_dim: length to which the vector is projected.
        residual: whether blocks follow the maps of 4 and 8 pixels, as in the official code.
        hidden_units: units of a dense layer before the first maps; see `blocks.hidden_units`.
            Default 0, the official code's: none.

    Returns:
        Model from `[z, embedding]` to images `(batch, *shape)` in [-1, 1].

    Raises:
        InputError: a size that is not supported, or a width below 1.
    """
    levels = _check(shape, text_dim=text_dim, width=width, proj_dim=proj_dim, latent_dim=latent_dim)
    z, vector = keras.Input((latent_dim,), name="z"), keras.Input((text_dim,), name="embedding")
    text = compat.LeakyReLU(0.2)(Dense(proj_dim)(vector))
    x = blocks.hidden_latent(keras.layers.Concatenate()([z, text]), hidden_units)
    x = keras.layers.Reshape((1, 1, x.shape[-1]))(x)
    x = _normalized(_transposed(8 * width, 1, "valid")(x))
    x = _generator_block(x, residual)
    for level in range(1, levels):
        x = _normalized(_transposed(max(8 * width >> level, 1), 2, "same")(x))
        x = _generator_block(x, residual and level == 1)
    x = _transposed(shape[2], 2, "same")(x)
    image = keras.layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model([z, vector], image, name="generator")


def build_discriminator(
    shape: tuple[int, int, int] = (64, 64, 3),
    text_dim: int = 1024,
    width: int = 64,
    proj_dim: int = 128,
    residual: bool = True,
    norm: str = "batch",
    text_norm: bool = True,
    hidden_units: int = 0,
) -> keras.Model:
    """The discriminator: convolutions down to 4x4, where the sentence joins in every place.

    Args:
        shape, text_dim, proj_dim: as for `build_generator`.
        width: channels of the first convolution; each halving of the side doubles them.
        residual: whether a block follows the maps of 4 pixels, as in the official code.
        norm: `"batch"`, the paper's, or `"none"`, for R1.
        text_norm: whether the projection of the sentence is batch-normalized, as in the official
            code of GAN-INT; only with `norm="batch"`.
        hidden_units: units of a dense layer before the logit. Default 0, the official code's: none.

    Returns:
        Model from `[image, embedding]` to logits `(batch, 1)`.

    Raises:
        InputError: as for `build_generator`.
    """
    levels = _check(shape, text_dim=text_dim, width=width, proj_dim=proj_dim)
    if norm not in ("batch", "none"):
        raise InputError(f"norm is {norm!r}; {must_be(norm, ('batch', 'none'))}")
    image, vector = keras.Input(shape, name="image"), keras.Input((text_dim,), name="embedding")
    x = _image_features(image, levels, width, residual, norm)
    text = Dense(proj_dim)(vector)
    text = compat.LeakyReLU(0.2)(_normalized(text, norm if text_norm else "none"))
    x = keras.layers.Concatenate()([x, TileVector(4, name="text_map")(text)])
    x = _normalized(_convolution(width << (levels - 1), 1, norm=norm, name="joint")(x), norm)
    x = compat.LeakyReLU(0.2, name=f"features_{levels}")(x)
    if hidden_units:
        x = blocks.hidden_features(keras.layers.Flatten()(x), hidden_units, "features_hidden")
        logit = Dense(1, dtype="float32", name="logit")(x)
    else:
        x = Conv2D(
            1, 4, padding="valid", use_bias=False, kernel_initializer=blocks.normal(), name="score"
        )(x)
        x = keras.layers.Reshape((1,))(x)
        logit = keras.layers.Activation("linear", dtype="float32", name="logit")(x)
    return keras.Model([image, vector], logit, name="discriminator")


def build_style_encoder(
    shape: tuple[int, int, int] = (64, 64, 3),
    latent_dim: int = 100,
    width: int = 64,
    norm: str = "batch",
) -> keras.Model:
    """The style encoder S: the discriminator's convolutions without text, then z.

    Args:
        shape: as for `build_generator`.
        latent_dim: length of z.
        width, norm: as for `build_discriminator`.

    Returns:
        Model from images `(batch, *shape)` to z `(batch, latent_dim)`.
    """
    levels = _check(shape, width=width, latent_dim=latent_dim)
    image = keras.Input(shape, name="image")
    x = _image_features(image, levels, width, True, norm)
    z = Dense(latent_dim, dtype="float32", name="z")(keras.layers.Flatten()(x))
    return keras.Model(image, z, name="style_encoder")


def _check(shape: tuple[int, int, int], **numbers: int) -> int:
    """Doublings from 4 pixels to the image's side."""
    blocks.check_positive_integers(**numbers)
    possible = [4 << level for level in range(1, 9)]
    if len(shape) != 3 or shape[0] != shape[1]:
        raise InputError(
            f"images of shape {tuple(shape)}; expected square ones (side, side, channels): pass"
            " --size"
        )
    blocks.check_size(shape[0], possible, "4 times a power of 2")
    return possible.index(shape[0]) + 1


def _normalized(x: Any, norm: str = "batch") -> Any:
    return blocks.normalized(x, norm)


def _transposed(filters: int, stride: int, padding: str) -> keras.layers.Layer:
    return Conv2DTranspose(
        filters, 4, stride, padding, use_bias=False, kernel_initializer=blocks.normal()
    )


def _convolution(
    filters: int, kernel: int, stride: int = 1, norm: str = "batch", name: str | None = None
) -> keras.layers.Layer:
    return Conv2D(
        filters,
        kernel,
        stride,
        "same",
        use_bias=False,
        kernel_initializer=blocks.initializer_before(norm),
        name=name,
    )


def _generator_block(x: Any, residual: bool) -> Any:
    relu = keras.layers.ReLU
    return _residual(x, lambda name=None: relu(name=name), "batch") if residual else relu()(x)


def _residual(x: Any, activation: Any, norm: str, name: str | None = None) -> Any:
    """x + 1x1, 3x3 and 3x3 convolutions through a quarter of the channels, activated."""
    filters = x.shape[-1]
    narrow, y = max(filters // 4, 1), x
    for index, (units, kernel) in enumerate(((narrow, 1), (narrow, 3), (filters, 3))):
        y = _normalized(_convolution(units, kernel, norm=norm)(y), norm)
        y = activation()(y) if index < 2 else y
    return activation(name=name)(keras.layers.Add()([x, y]))


def _image_features(image: Any, levels: int, width: int, residual: bool, norm: str) -> Any:
    """Maps of 4x4 of an image, of `width << (levels - 1)` channels."""
    leaky = lambda name=None: compat.LeakyReLU(0.2, name=name)  # noqa: E731
    x = image
    for level in range(levels):
        last = level == levels - 1
        x = _convolution(width << level, 4, 2, norm)(x)
        x = _normalized(x, norm if level else "none")
        x = x if last and residual else leaky(f"features_{level}")(x)
    return _residual(x, leaky, norm, f"features_{levels - 1}") if residual else x
