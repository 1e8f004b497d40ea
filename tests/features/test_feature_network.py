"""Feature networks: frozen, in float32, of any Keras model, and with filters normalized."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from random_features import noise, vgg

from tfgan_suite import InputError, compat
from tfgan_suite.features import extractors


def test_normalised_filters_answer_with_a_mean_of_one():
    images = noise(32, 3, seed=5)
    plain = vgg("relu1_2", "relu3_1")
    scaled = vgg("relu1_2", "relu3_1", normalize_on=images)
    for maps in scaled(images):
        mean = tf.reduce_mean(maps, (0, 1, 2)).numpy()
        alive = mean > 1e-3
        assert alive.mean() > 0.9
        np.testing.assert_allclose(mean[alive], 1.0, rtol=1e-3)
    assert plain.checksum() != scaled.checksum()


def test_normalising_keeps_every_map_up_to_a_factor(tmp_path):
    images = noise(32, 2, seed=6)
    plain = vgg("relu1_2", "relu2_2")
    plain.save(tmp_path / "vgg.npz")
    scaled = extractors.feature_network(
        "vgg19", plain.names, tmp_path / "vgg.npz", normalize_on=images
    )
    for before, after in zip(plain(images), scaled(images)):
        mean = tf.reduce_mean(before, (0, 1, 2))
        alive = mean.numpy() > 1e-3
        expected = tf.boolean_mask(before / mean, alive, axis=3)
        found = tf.boolean_mask(after, alive, axis=3)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_the_network_is_frozen_and_no_part_of_who_holds_it():
    look = vgg("relu1_1")

    class Holder(keras.Model):
        def __init__(self):
            super().__init__()
            self.look = look
            self.looks = [look]

    assert not Holder().weights and not look.network.trainable_weights
    before = look.checksum()
    images = tf.Variable(noise(8))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(look(images, training=True)[0] ** 2)
    assert float(tf.reduce_sum(tf.abs(tape.gradient(loss, images)))) > 0
    assert look.checksum() == before == extractors.checksum(look)
    values = look.network.get_weights()
    look.network.set_weights([values[0] + 1e-3, values[1]])
    assert look.checksum() != before


def test_float32_in_a_run_of_less():
    compat.set_precision("bfloat16")
    try:
        look = vgg("relu1_1")
        found = look(tf.cast(noise(8), tf.bfloat16))[0]
        assert compat.get_precision() == "bfloat16"
    finally:
        compat.set_precision("float32")
    assert found.dtype == tf.float32
    rounded = tf.cast(tf.cast(noise(8), tf.bfloat16), tf.float32)
    np.testing.assert_allclose(found, vgg("relu1_1")(rounded)[0], rtol=1e-4, atol=1e-4)


def test_grey_images_are_repeated_and_bytes_refused():
    look, grey = vgg("relu1_1"), noise(8)[..., :1]
    np.testing.assert_array_equal(look(grey)[0], look(np.repeat(grey, 3, 3))[0])
    with pytest.raises(InputError, match="floats in \\[-1, 1\\]; found uint8"):
        look(np.zeros((1, 8, 8, 3), np.uint8))
    with pytest.raises(InputError, match="any x any x 3; found shape \\(1, 8, 8, 2\\)"):
        look(noise(8)[..., :2])


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", name="first")(image)
    x = keras.layers.ReLU(name="second")(x)
    path = tmp_path_factory.mktemp("own") / "own.keras"
    keras.Model(image, x).save(path)
    return path


def test_any_keras_model_by_its_layers(own):
    model = keras.models.load_model(own)
    for network in (own, str(own), model):
        first, second = extractors.feature_network(network, ["first", "second"])(noise(6))
        np.testing.assert_allclose(second, model(noise(6)), atol=1e-6)
        np.testing.assert_allclose(tf.nn.relu(first), second, atol=1e-6)
    assert model.trainable_weights  # a game's own discriminator goes on learning
    with pytest.raises(InputError, match="first"):
        extractors.feature_network(own, ["third"])
    with pytest.raises(InputError, match="name the layer itself"):
        extractors.feature_network(own, ["first"], before_activation=True)
