"""AdaIN's encoders and decoders: the paper's counts, normalized maps, and pairs that do not fit."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_style
from tiny_style import close

from tfgan_suite.errors import InputError
from tfgan_suite.features import named_layers
from tfgan_suite.style.adain import AdaIN
from tfgan_suite.style.decoders import build_decoder
from tfgan_suite.style.encoders import Encoder, load_encoder


def test_the_papers_networks():
    encoder = load_encoder("vgg19", None)
    assert encoder.network.count_params() == 3_505_728
    assert encoder.channels == (64, 128, 256, 512) and encoder.stride == 8
    decoder = build_decoder(512, encoder.doublings)
    assert decoder.count_params() == 3_505_219
    image = np.random.RandomState(0).uniform(-1, 1, (1, 100, 60, 3)).astype("f4")
    maps = encoder(image)
    shapes = [tuple(one.shape[1:3]) for one in maps]
    assert shapes == [(100, 60), (50, 30), (25, 15), (13, 8)]
    assert decoder(maps[-1]).shape == (1, 104, 64, 3)
    assert not encoder.trainable_variables
    game = AdaIN(encoder, decoder)
    assert game.features(tf.constant(image)).shape == (1, 13, 8, 512)


def test_a_random_encoder_tells_light_from_dark():
    encoder = load_encoder("vgg19", None, depth=2)
    dark, light = (encoder(np.full((1, 8, 8, 3), grey, "f4")) for grey in (-0.8, 0.8))
    for one, other in zip(dark, light):
        assert np.abs(np.subtract(one, other)).mean() > 0.1 * np.abs(light[-1]).mean() > 0.0
    again = load_encoder("vgg19", None, depth=2)
    assert named_layers.checksum(again.network) == named_layers.checksum(encoder.network)


def test_the_decoder_has_no_normalisation_and_mirrors_a_shallower_encoder():
    decoder = build_decoder(256, 2, 64)
    widths = [layer.filters for layer in decoder.layers if hasattr(layer, "filters")]
    assert widths == [128, 128, 64, 64, 3]
    assert not any("norm" in type(layer).__name__.lower() for layer in decoder.layers)
    with pytest.raises(InputError, match="doublings"):
        build_decoder(6, 5)


def test_normalised_maps_have_mean_1_and_keep_what_they_say():
    encoder = tiny_style.encoder()
    images = tiny_style.examples(5)["content"]
    before = [maps.numpy() for maps in encoder(images)]
    encoder.normalize(images, batch=2)
    for old, new in zip(before, encoder(images)):
        mean = old.mean((0, 1, 2))
        alive = mean > 0.01 * mean.mean()
        close(np.mean(new, (0, 1, 2))[alive], np.ones(alive.sum()))
        close(new, old / np.maximum(mean, 0.01 * mean.mean()))


def test_an_encoder_that_no_decoder_fits():
    image = keras.Input((None, None, 3))
    thirds = keras.Model(image, keras.layers.Conv2D(2, 3, 3)(image))
    with pytest.raises(InputError, match="21x21"):
        Encoder(thirds, ["thirds"])
    with pytest.raises(InputError, match="block 5"):
        load_encoder("vgg19", None, depth=5)
    with pytest.raises(InputError, match="names"):
        load_encoder("mobilenet_v2", None)
    with pytest.raises(InputError, match="build_decoder"):
        AdaIN(tiny_style.encoder(), build_decoder(7, 1, 4))
