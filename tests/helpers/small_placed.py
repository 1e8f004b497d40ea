"""GAWWN's networks with one layer of each kind: images by a sentence and a place, and points."""

from __future__ import annotations

import keras

from tfgan_suite import compat
from tfgan_suite.layers.convolution import Conv2D, Conv2DTranspose, Dense
from tfgan_suite.layers.spatial import (
    KeypointMaps,
    MaxOverChannels,
    ReplaceUnknown,
    TileVector,
    Warp,
    WarpMatrices,
)
from tfgan_suite.networks.blocks import normalized


def _place_input(points):
    """A box, or so many key points."""
    if points is None:
        return keras.Input((4,), name="box")
    return keras.Input((points, 3), name="keypoints")


def _placed(maps, place, direction):
    """Maps warped by a box, or gated by key points."""
    grid = maps.shape[1]
    if place.shape[1] == 4 and len(place.shape) == 2:
        return Warp()([maps, WarpMatrices(grid, direction)(place)])
    gate = MaxOverChannels()(KeypointMaps(grid, "bilinear")(place))
    return keras.layers.Multiply()([maps, gate])


def generator(size, text_dim, latent_dim, points=None, norm="batch", **_):
    """As `build_box_generator`, or with points as `build_keypoint_generator`."""
    z, vector = keras.Input((latent_dim,), name="z"), keras.Input((text_dim,), name="embedding")
    place, grid = _place_input(points), size // 2
    x = Dense(2 * grid * grid, use_bias=norm == "none")(keras.layers.Concatenate()([z, vector]))
    x = keras.layers.ReLU()(normalized(keras.layers.Reshape((grid, grid, 2))(x), norm))
    x = Conv2DTranspose(3, 4, 2, "same")(_placed(x, place, "paste"))
    image = keras.layers.Activation("tanh", dtype="float32")(x)
    return keras.Model([z, vector, place], image)


def discriminator(size, text_dim, points=None, **_):
    """As `build_discriminator`, without norms."""
    image = keras.Input((size, size, 3), name="image")
    vector, place = keras.Input((text_dim,), name="embedding"), _place_input(points)
    x = compat.LeakyReLU(0.2)(Conv2D(4, 4, 2, "same")(image))
    x = keras.layers.Concatenate()([x, TileVector(size // 2)(Dense(2)(vector))])
    x = keras.layers.GlobalAveragePooling2D()(_placed(Conv2D(4, 1)(x), place, "crop"))
    logit = Dense(1, dtype="float32")(compat.LeakyReLU(0.2)(x))
    return keras.Model([image, vector, place], logit)


def point_generator(points, text_dim, latent_dim, **_):
    """As `build_point_generator`."""
    z, vector = keras.Input((latent_dim,), name="z"), keras.Input((text_dim,), name="embedding")
    keypoints, known = _place_input(points), keras.Input((points,), name="known")
    x = keras.layers.Concatenate()([z, vector, keras.layers.Flatten()(keypoints)])
    x = keras.layers.Reshape((points, 3))(Dense(3 * points, "sigmoid", dtype="float32")(x))
    x = ReplaceUnknown()([x, keypoints, known])
    return keras.Model([z, vector, keypoints, known], x)


def point_discriminator(points, text_dim, **_):
    """As `build_point_discriminator`, without norms."""
    keypoints, vector = _place_input(points), keras.Input((text_dim,), name="embedding")
    x = keras.layers.Concatenate()([keras.layers.Flatten()(keypoints), vector])
    logit = Dense(1, dtype="float32")(compat.LeakyReLU(0.2)(Dense(4)(x)))
    return keras.Model([keypoints, vector], logit)


BUILDERS = {
    "build_box_generator": generator,
    "build_keypoint_generator": generator,
    "build_discriminator": discriminator,
    "build_point_generator": point_generator,
    "build_point_discriminator": point_discriminator,
}
