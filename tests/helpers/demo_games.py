"""Tiny games of each kind that a page runs, untrained; their exports have TFLite files."""

import keras
import tensorflow as tf
import tiny_style
import tiny_translation

from tfgan_suite.core.signatures import Signature, TensorSpec, from_noise
from tfgan_suite.core.super_resolution_game import from_low_resolution
from tfgan_suite.core.translation_game import from_image
from tfgan_suite.games import gan_cls, stylegan2, text_encoder
from tfgan_suite.networks.text import build_char_cnn_rnn

SENTENCES = ["a red circle", "a blue square"]
CHARACTERS = 60
VECTOR = 5


class Described:
    """A game that only describes itself."""

    def __init__(self, signatures):
        self.described = signatures

    def signatures(self):
        return self.described


def labels():
    """z and a class to 8x8 images."""
    z, label = keras.Input((20,), name="z"), keras.Input((), dtype="int32", name="label")
    embedded = keras.layers.Embedding(3, 20, embeddings_initializer="orthogonal")(label)
    x = keras.layers.Dense(192, "tanh")(keras.layers.Concatenate()([z, embedded]))
    network = keras.Model([z, label], keras.layers.Reshape((8, 8, 3))(x))
    return Described(
        {
            "serving_default": Signature(
                (
                    TensorSpec("z", (20,), kind="normal"),
                    TensorSpec("label", (), "int32", "label", 3),
                ),
                TensorSpec("image", (8, 8, 3)),
                lambda z, label: network([z, label], training=False),
                (network,),
            )
        }
    )


def points():
    """Uniform z to points."""
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    return Described(from_noise(network, "uniform"))


def translator():
    """Colour images of any size to others."""
    return Described({"serving_default": from_image(tiny_translation.network(3), 2)})


def super_resolution():
    """Images to others of four times the side."""
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.Conv2DTranspose(3, 4, 4, "same"),
        ]
    )
    return Described({"serving_default": from_low_resolution(network)})


def styles():
    """StyleGAN2 of four layers with labels."""
    networks = stylegan2.build_generator((8, 8, 3), 5, 6, 2, 16, 4, classes=3)
    discriminator = stylegan2.build_discriminator((8, 8, 3), 16, 4, classes=3)
    return stylegan2.StyleGAN2(networks, discriminator, classes=3)


def sentences():
    """GAN-CLS over a frozen char-CNN-RNN, and the encoder alone."""
    shape = (8, 8, 3)
    form = {"text_dim": VECTOR, "width": 4, "length": CHARACTERS}
    images = text_encoder.build_image_network(shape, VECTOR, 2)
    encoder = text_encoder.TextEncoder(build_char_cnn_rnn(**form), images, form=form)
    sizes = {"text_dim": VECTOR, "width": 2, "proj_dim": 3}
    generator = gan_cls.build_generator(shape, latent_dim=4, **sizes)
    # Of initial weights the sentence would hardly show.
    generator.set_weights([4 * w if w.ndim > 1 else w for w in generator.get_weights()])
    discriminator = gan_cls.build_discriminator(shape, **sizes)
    return gan_cls.GANCLS(generator, discriminator, encoder=encoder.encoder(SENTENCES)), encoder


def unknown():
    """A kind that no page knows: three numbers to an image and a number."""
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(48, "tanh")])
    return Described(
        {
            "serving_default": Signature(
                (TensorSpec("weather", (3,), kind="weather"),),
                TensorSpec("image", (4, 4, 3)),
                lambda weather: {
                    "image": tf.reshape(network(weather, training=False), (-1, 4, 4, 3)),
                    "mean": tf.reduce_mean(weather, 1),
                },
                (network,),
                further_outputs=(TensorSpec("mean", (), kind="number"),),
            )
        }
    )


def all_games():
    """Games by name."""
    keras.utils.set_random_seed(4)
    drawn, encoder = sentences()
    return {
        "labels": labels(),
        "points": points(),
        "translator": translator(),
        "super-resolution": super_resolution(),
        "adain": tiny_style.game(),
        "styles": styles(),
        "sentences": drawn,
        "encoder": encoder,
        "unknown": unknown(),
    }
