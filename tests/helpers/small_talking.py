"""Networks of talking faces with one layer of each kind, for tests of everything around them."""

from __future__ import annotations

import keras

from tfgan_suite.layers.normalization import UnitLength

MEL = (80, 16, 1)


def generator(side, width=2, norm=True):
    """As `build_lip_generator`; `width` is not used."""
    face, mel = keras.Input((side, side, 6), name="face"), keras.Input(MEL, name="mel")
    sound = keras.layers.Dense(2)(keras.layers.AveragePooling2D((20, 8))(mel))  # 4 x 2
    x = keras.layers.Conv2D(3, 3, padding="same", name="before_norm")(face)
    y = keras.layers.Conv2DTranspose(3, 4, 2, "same", name="transposed")(sound)  # 8 x 4
    y = keras.layers.UpSampling2D((side // 8, side // 4))(y)
    x = keras.layers.Concatenate()([x, y])
    if norm:
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.Conv2D(3, 1, dtype="float32")(x)
    return keras.Model([face, mel], keras.layers.Activation("sigmoid", dtype="float32")(x))


def discriminator(side, width=2):
    """As `build_quality_discriminator`."""
    frame = keras.Input((side // 2, side, 3))
    x = keras.layers.LeakyReLU()(keras.layers.Conv2D(2, 3, padding="same")(frame))
    return keras.Model(frame, keras.layers.Dense(1, dtype="float32")(keras.layers.Flatten()(x)))


def face_encoder(side, width=2, frames=5):
    """As `build_sync_face_encoder`."""
    return _encoder((side // 2, side, 3 * frames), width)


def audio_encoder(width=2):
    """As `build_sync_audio_encoder`."""
    return _encoder(MEL, width)


def _encoder(shape, width):
    """Batch norm, and embeddings that are not negative and of length 1."""
    image = keras.Input(shape)
    x = keras.layers.Conv2D(width, 3, 4)(keras.layers.ZeroPadding2D(1)(image))
    x = keras.layers.ReLU()(keras.layers.BatchNormalization(name="norm")(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(4, activation="relu", bias_initializer="ones")(x)
    return keras.Model(image, UnitLength(dtype="float32")(x))
