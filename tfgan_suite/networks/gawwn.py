"""The networks of GAWWN: images by a sentence and a box or key points, and key points themselves.

A generator and a discriminator have two roads: a global one, which sees the entire image, and a
local one, which sees the box or the surroundings of the key points only.
"""

from __future__ import annotations

from typing import Any

import keras

from tfgan_suite import compat
from tfgan_suite.errors import InputError, must_be
from tfgan_suite.layers.convolution import Conv2D, Conv2DTranspose, Dense
from tfgan_suite.layers.spatial import (
    BoxMask,
    KeypointMaps,
    MaxOverChannels,
    ReplaceUnknown,
    TileVector,
    Warp,
    WarpMatrices,
)
from tfgan_suite.networks import blocks

LOCAL_MODES = ("warp", "mask")
DISCRIMINATOR_NORMS = ("batch", "none")


def build_box_generator(
    size: int = 128,
    text_dim: int = 1024,
    *,
    grid: int = 16,
    width: int = 128,
    latent_dim: int = 100,
    local_mode: str = "warp",
) -> keras.Model:
    """The generator of images with an object in a box.

    Args:
        size: height and width of the images.
        text_dim: length of the sentence's vector.
        grid: cells along each side of the maps on which the two roads meet, 8 or 16.
        width: base number of channels, `ngf`.
        latent_dim: length of z.
        local_mode: `"warp"`: local features are drawn in the frame of the box and pasted into it
            (official code); `"mask"`: they are drawn on the image and cut off outside the box
            (paper).

    Returns:
        Model from `[z, embedding, box]`, `(batch, latent_dim)`, `(batch, text_dim)` and `(batch,
        4)`, to images `(batch, size, size, 3)` in [-1, 1].

    Raises:
        InputError: sizes that do not fit, or an unknown mode.
    """
    _check(size, grid, text_dim=text_dim, width=width, latent_dim=latent_dim)
    if local_mode not in LOCAL_MODES:
        raise InputError(f"local_mode is {local_mode!r}; {must_be(local_mode, LOCAL_MODES)}")
    z, text = _inputs(latent_dim, text_dim)
    box = keras.Input((4,), name="box")
    paste = WarpMatrices(grid, "paste")(box)
    meaning = _dense(text, 4 * width)
    where = Warp()([TileVector(grid)(meaning), paste])
    for _ in range(_halvings(grid, 4)):
        where = _conv(where, 4 * width, 4, 2)
    where = _vector(where, 4 * width)
    features = keras.layers.ReLU()(_dense(z, 4 * width))
    whole_image = _grown(_joined([features, where]), grid, width)
    features = keras.layers.ReLU()(_joined([_dense(z, 4 * width), meaning]))
    inside = _grown(features, grid, width, residual=True, last_activation=None)
    inside = _localized(inside, paste, local_mode)
    x = _conv(_joined([whole_image, keras.layers.ReLU()(inside)]), 2 * width, 3)
    image = _enlarged(x, size // grid, [width, width // 4])
    return keras.Model([z, text, box], image, name="gawwn_box_generator")


def build_keypoint_generator(
    size: int = 128,
    text_dim: int = 1024,
    *,
    points: int = 15,
    grid: int = 16,
    width: int = 128,
    latent_dim: int = 100,
    placement: str = "floor",
) -> keras.Model:
    """The generator of images of an object whose parts lie at key points.

    Args:
        size, text_dim, grid, width, latent_dim: as for `build_box_generator`.
        points: number of key points, K.
        placement: of points in cells, as for `layers.spatial.KeypointMaps`.

    Returns:
        Model from `[z, embedding, keypoints]`, the last `(batch, K, 3)`, to images.

    Raises:
        InputError: as for `build_box_generator`.
    """
    _check(size, grid, text_dim=text_dim, width=width, latent_dim=latent_dim, points=points)
    z, text = _inputs(latent_dim, text_dim)
    keypoints = keras.Input((points, 3), name="keypoints")
    maps = KeypointMaps(grid, placement)(keypoints)
    features = _joined([_dense(z, 4 * width), _dense(text, 4 * width)])
    features = keras.layers.ReLU()(features)
    local = TileVector(grid)(_activated(_dense(features, 4 * width)))
    local = keras.layers.Multiply()([local, MaxOverChannels()(maps)])
    local = _conv(local, 4 * width, 3)
    x = maps
    for level in range(_halvings(grid, 4)):
        x = _conv(x, width << level, 4, 2)
    x = _vector(x, 4 * width)
    x = _joined([x, _activated(_dense(features, 4 * width))])
    whole_image = _grown(x, grid, max(1, width // 2))
    x = _conv(_joined([whole_image, local, maps]), 4 * width, 3)
    x = _residual(_conv(x, 4 * width, 3, activation=None))
    image = _enlarged(x, size // grid, [2 * width, width])
    return keras.Model([z, text, keypoints], image, name="gawwn_keypoint_generator")


def build_discriminator(
    size: int = 128,
    text_dim: int = 1024,
    *,
    points: int | None = None,
    grid: int = 16,
    width: int = 128,
    text_width: int | None = None,
    norm: str = "batch",
    placement: str = "floor",
) -> keras.Model:
    """The discriminator of images, sentences and places.

    Args:
        size, text_dim, grid, placement: as for the generators.
        points: number of key points; None: the place is a box.
        width: base number of channels, `ndf`.
        text_width: length of the sentence's vector inside, `nt`. Default: as `width`.
        norm: `"batch"` (paper) or `"none"`.

    Returns:
        Model from `[image, embedding, box]` or `[image, embedding, keypoints]` to float32 logits
        `(batch, 1)`.

    Raises:
        InputError: sizes that do not fit, or an unknown norm.
    """
    text_width = width if text_width is None else text_width
    _check(size, grid, text_dim=text_dim, width=width, text_width=text_width)
    if norm not in DISCRIMINATOR_NORMS:
        raise InputError(f"norm is {norm!r}; {must_be(norm, DISCRIMINATOR_NORMS)}")
    image = keras.Input((size, size, 3), name="image")
    text = keras.Input((text_dim,), name="embedding")
    leaky: dict[str, Any] = {"norm": norm, "activation": "leaky"}
    trunk, stages = image, _halvings(size, grid)
    for level in range(stages):
        last = level == stages - 1
        own = norm if last and level else "none"
        trunk = _conv(trunk, 2 * width if last else width, 4, 2, norm=own, activation="leaky")
    trunk = _conv(trunk, 2 * width, 3, **leaky)
    meaning = _leaky(_dense(text, text_width, norm))
    local = _conv(_joined([trunk, TileVector(grid)(meaning)]), 2 * width, 3, **leaky)
    if points is None:
        place = keras.Input((4,), name="box")
        local = Warp()([local, WarpMatrices(grid, "crop")(place)])
        whole_text = Warp()([TileVector(grid)(meaning), WarpMatrices(grid, "paste")(place)])
        stages = _halvings(grid, 4)
        for level in range(stages):
            filters = text_width if level == stages - 1 else 4 * width
            whole_text = _conv(whole_text, filters, 4, 2, norm=norm)
    else:
        blocks.check_positive_integers(points=points)
        place = keras.Input((points, 3), name="keypoints")
        maps = KeypointMaps(grid, placement)(place)
        local = keras.layers.Multiply()([local, MaxOverChannels()(maps)])
        local, whole_text = _joined([local, maps]), TileVector(4)(meaning)
    local = _conv(_conv(local, 2 * width, 1, **leaky), width, 1, norm="none", activation=None)
    local = _leaky(keras.layers.GlobalAveragePooling2D()(local))
    whole_image = trunk
    for level in reversed(range(_halvings(grid, 4))):
        whole_image = _conv(whole_image, (8 * width) >> level, 4, 2, **leaky)
    whole_image = _conv(_joined([whole_image, whole_text]), 4 * width, 1, **leaky)
    whole_image = _vector(whole_image, width, norm, "leaky")
    x = _activated(_dense(_joined([local, whole_image]), width, norm), norm, "leaky")
    logit = Dense(1, dtype="float32", name="logit")(x)
    return keras.Model([image, text, place], logit, name="gawwn_discriminator")


def build_point_generator(
    points: int = 15, text_dim: int = 1024, *, width: int = 128, latent_dim: int = 100
) -> keras.Model:
    """The generator of key points, which completes those that are known.

    Args:
        points: number of key points, K.
        text_dim: length of the sentence's vector.
        width: a quarter of the units for z and for the sentence.
        latent_dim: length of z.

    Returns:
        Model from `[z, embedding, keypoints, known]`, the last two `(batch, K, 3)` and `(batch,
        K)` of 0 and 1, to key points `(batch, K, 3)` in [0, 1]: those that are known unchanged.
    """
    sizes = {"points": points, "text_dim": text_dim, "width": width, "latent_dim": latent_dim}
    blocks.check_positive_integers(**sizes)
    z, text = _inputs(latent_dim, text_dim)
    keypoints = keras.Input((points, 3), name="keypoints")
    known = keras.Input((points,), name="known")
    mask = keras.layers.Reshape((points, 1), dtype="float32")(known)
    x = keras.layers.Flatten()(keras.layers.Multiply(dtype="float32")([keypoints, mask]))
    x = _activated(_dense(_activated(_dense(x, 4 * width)), 2 * width))
    ends = [keras.layers.ReLU()(_dense(inputs, 4 * width)) for inputs in (z, text)]
    x = _joined([*ends, x])
    for units in (8 * width, 4 * width, 2 * width):
        x = _activated(_dense(x, units))
    x = Dense(3 * points, dtype="float32")(x)
    x = keras.layers.Reshape((points, 3), dtype="float32")(
        keras.layers.Activation("sigmoid", dtype="float32")(x)
    )
    x = ReplaceUnknown(name="completed")([x, keypoints, known])
    return keras.Model([z, text, keypoints, known], x, name="gawwn_point_generator")


def build_point_discriminator(
    points: int = 15, text_dim: int = 1024, *, width: int = 128, norm: str = "batch"
) -> keras.Model:
    """The discriminator of key points and sentences.

    Args:
        points, text_dim, width: as for `build_point_generator`.
        norm: `"batch"` (paper) or `"none"`.

    Returns:
        Model from `[keypoints, embedding]` to float32 logits `(batch, 1)`.
    """
    blocks.check_positive_integers(points=points, text_dim=text_dim, width=width)
    keypoints = keras.Input((points, 3), name="keypoints")
    text = keras.Input((text_dim,), name="embedding")

    def layer(x: Any, units: int) -> Any:
        return _activated(_dense(x, units, norm), norm, "leaky")

    ends = [
        layer(layer(inputs, 4 * width), 2 * width)
        for inputs in (keras.layers.Flatten()(keypoints), text)
    ]
    logit = Dense(1, dtype="float32", name="logit")(layer(_joined(ends), 2 * width))
    return keras.Model([keypoints, text], logit, name="gawwn_point_discriminator")


# ---- parts -----------------------------------------------------------------------------------


def _inputs(latent_dim: int, text_dim: int) -> tuple[Any, Any]:
    return keras.Input((latent_dim,), name="z"), keras.Input((text_dim,), name="embedding")


def _joined(tensors: list[Any]) -> Any:
    return keras.layers.Concatenate()(tensors)


def _leaky(x: Any) -> Any:
    return compat.LeakyReLU(0.2)(x)


def _dense(x: Any, units: int, norm: str = "batch") -> Any:
    """A dense layer without activation; without a norm after it, for leaky ReLU."""
    initializer = "he_normal" if norm == "none" else "glorot_uniform"
    return Dense(units, kernel_initializer=initializer)(x)


def _activated(x: Any, norm: str = "batch", activation: str | None = "relu") -> Any:
    """Normalization and activation."""
    x = blocks.normalized(x, norm)
    if activation is None:
        return x
    return _leaky(x) if activation == "leaky" else keras.layers.ReLU()(x)


def _conv(
    x: Any,
    filters: int,
    kernel: int,
    stride: int = 1,
    *,
    norm: str = "batch",
    activation: str | None = "relu",
    transposed: bool = False,
) -> Any:
    layer = Conv2DTranspose if transposed else Conv2D
    initializer = blocks.initializer_before(norm)
    x = layer(filters, kernel, stride, "same", kernel_initializer=initializer)(x)
    return _activated(x, norm, activation)


def _vector(x: Any, units: int, norm: str = "batch", activation: str = "relu") -> Any:
    """The convolution that covers maps of 4x4 cells, to a vector."""
    x = Conv2D(units, 4, padding="valid", kernel_initializer=blocks.initializer_before(norm))(x)
    return keras.layers.Flatten()(_activated(x, norm, activation))


def _residual(x: Any) -> Any:
    """A bottleneck of a quarter of the channels beside the identity, then ReLU."""
    filters = x.shape[-1]
    branch = _conv(_conv(x, filters // 4, 1), filters // 4, 3)
    branch = _conv(branch, filters, 3, activation=None)
    return keras.layers.ReLU()(keras.layers.Add()([x, branch]))


def _grown(
    x: Any, grid: int, width: int, residual: bool = False, last_activation: str | None = "relu"
) -> Any:
    """A vector to maps of `grid` cells and `2 * width` channels."""
    doublings = _halvings(grid, 4)
    x = keras.layers.Reshape((1, 1, x.shape[-1]))(x)
    filters = (2 * width) << doublings
    activation = None if residual else "relu"
    x = Conv2DTranspose(filters, 4, padding="valid", kernel_initializer=blocks.normal())(x)
    x = _activated(x, activation=activation)
    for level in reversed(range(doublings)):
        x = _residual(x) if residual else x
        own = activation if level else last_activation
        x = _conv(x, (2 * width) << level, 4, 2, activation=own, transposed=True)
    return x


def _localized(inside: Any, paste: Any, local_mode: str) -> Any:
    """Local features in their box."""
    if local_mode == "warp":
        return Warp()([inside, paste])
    return keras.layers.Multiply()([inside, BoxMask()(paste)])


def _enlarged(x: Any, factor: int, filters: list[int]) -> Any:
    """Maps to an image `factor` times as large; the last of `filters` is repeated."""
    doublings = _halvings(factor, 1)
    for level in range(doublings - 1):
        x = _conv(x, max(1, filters[min(level, len(filters) - 1)]), 4, 2, transposed=True)
    x = Conv2DTranspose(3, 4, 2, "same", kernel_initializer=blocks.normal())(x)
    return keras.layers.Activation("tanh", dtype="float32", name="image")(x)


def _halvings(size: int, to: int) -> int:
    return (size // to).bit_length() - 1


def _check(size: int, grid: int, **numbers: int) -> None:
    blocks.check_positive_integers(size=size, grid=grid, **numbers)
    if grid not in (8, 16):
        raise InputError(f"grid is {grid}; it must be 8 or 16 cells")
    possible = [grid << n for n in range(1, 8)]
    blocks.check_size(size, possible, f"a power of 2 times {grid} cells, at least twice")
