"""Networks of one layer of each kind, for games whose step is traced by `GameChecks`."""

import keras

from tfgan_suite import compat
from tfgan_suite.layers.convolution import Conv2D, Conv2DTranspose, Dense
from tfgan_suite.networks.blocks import normalized


def generator(shape: tuple[int, ...], latent_dim: int = 6, norm: str = "batch", width: int = 2):
    """From z `(batch, latent_dim)` to images of an even size, in [-1, 1]."""
    height, columns, channels = shape
    z = keras.Input((latent_dim,), name="z")
    x = Dense(height // 2 * (columns // 2) * width)(z)
    x = keras.layers.Reshape((height // 2, columns // 2, width))(x)
    x = keras.layers.ReLU()(normalized(x, norm))
    x = Conv2DTranspose(channels, 4, 2, "same")(x)
    return keras.Model(z, keras.layers.Activation("tanh", dtype="float32")(x))


def translator(norm: str, channels: int = 3, width: int = 2) -> keras.Model:
    """From images `(batch, height, width, channels)` to images of the same shape, in [-1, 1]."""
    image = keras.Input((None, None, channels), name="image")
    x = keras.layers.ReLU()(normalized(Conv2D(width, 3, padding="same")(image), norm))
    x = Conv2D(channels, 3, padding="same")(x)
    return keras.Model(image, keras.layers.Activation("tanh", dtype="float32")(x))


def discriminator(norm: str, channels: int = 3, width: int = 2, features: bool = False):
    """From images of any size to one logit each, and to its feature maps if requested."""
    image = keras.Input((None, None, channels), name="image")
    x = normalized(Conv2D(width, 4, 2, padding="same")(image), norm)
    maps = compat.LeakyReLU(0.2, name="features_0")(x)
    x = keras.layers.GlobalAveragePooling2D()(maps)
    logit = keras.layers.Dense(1, dtype="float32", name="logit")(x)
    return keras.Model(image, [logit, maps] if features else logit)
