"""VGG, SqueezeNet and MobileNetV2: their counts, layers, borders, pools and smallest images."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from random_features import noise, vgg

from tfgan_suite import InputError
from tfgan_suite.features import architectures, extractors
from tfgan_suite.features.network import CaffeColours, Variant


@pytest.mark.parametrize(
    "name, tap, count",
    [
        ("vgg19", "phi_5,4", 20_024_384),
        ("vgg19", "relu4_1", 3_505_728),
        ("vgg19", "phi_2,2", 260_160),
        ("vgg16", "pool5", 14_714_688),
        ("squeezenet", "predictions", 1_248_424),
        ("mobilenet_v2", "predictions", 3_489_097),
    ],
)
def test_counts(name, tap, count):
    network = architectures.NETWORKS[name]
    assert network.build([network.layer_of(tap)]).count_params() == count


def test_the_names_of_papers_and_of_keras_are_the_same_layers():
    network = architectures.NETWORKS["vgg19"]
    names = ("relu4_2", "conv4_2", "phi_4,2", "phi4_2", "block4_conv2")
    assert {network.layer_of(name) for name in names} == {"block4_relu2"}
    assert {network.layer_of(name, True) for name in names} == {"block4_conv2"}
    assert network.layer_of("block3_pool") == network.layer_of("pool3") == "block3_pool"


def test_maps_have_their_places_sizes_and_numbers():
    look = vgg("relu1_1", "phi_2,2", "pool3")
    maps = look(noise(20, 2, 28))
    assert [tuple(one.shape) for one in maps] == [
        (2, 20, 28, 64), (2, 10, 14, 128), (2, 2, 3, 256)
    ]  # fmt: skip
    assert look.channels == (64, 128, 256) and look.names == ("relu1_1", "phi_2,2", "pool3")
    assert all(one.dtype == tf.float32 for one in maps)


def test_before_and_after_the_activation():
    (before,), (after,) = (vgg("conv2_1", before_activation=one)(noise()) for one in (True, False))
    assert float(tf.reduce_min(before)) < 0
    np.testing.assert_allclose(tf.nn.relu(before), after, atol=1e-6)
    with pytest.raises(InputError, match="'pool1' of vgg19 has no activation"):
        vgg("pool1", before_activation=True)


def test_before_the_activation_of_a_fire_module(squeezenet):
    before, after = (
        extractors.feature_network(squeezenet, ["fire3"], before_activation=one)(noise(40))[0]
        for one in (True, False)
    )
    assert float(tf.reduce_min(before)) < 0
    np.testing.assert_allclose(tf.nn.relu(before), after, atol=1e-6)


def test_colours_become_those_of_caffe():
    red = np.float32([[[[1.0, -1.0, 0.0]]]])
    found = CaffeColours((1.0, 2.0, 3.0))(red)
    np.testing.assert_allclose(found, [[[[126.5, -2.0, 252.0]]]], rtol=1e-6)


def test_average_pooling_and_odd_sides_rounded_up():
    maps, down = vgg("relu1_2", "pool1", pooling="average")(noise(7))
    np.testing.assert_allclose(down[0, 1, 2], tf.reduce_mean(maps[0, 2:4, 4:6], (0, 1)), rtol=1e-4)
    assert down.shape[1:3] == (3, 3)
    maps, up = vgg("relu1_2", "pool1", pooling="average", round_up=True)(noise(7))
    assert up.shape[1:3] == (4, 4)
    # The last window holds a single pixel, and zeros behind it do not count.
    np.testing.assert_allclose(up[0, 3, 3], maps[0, 6, 6], rtol=1e-4)
    maps, up = vgg("relu1_2", "pool1", round_up=True)(noise(7))
    np.testing.assert_allclose(up[0, 3, 1], tf.reduce_max(maps[0, 6:, 2:4], (0, 1)), rtol=1e-6)
    (deep,) = vgg("relu4_1", padding="reflect", round_up=True)(noise(100, 1, 60))
    assert deep.shape == (1, 13, 8, 512)


def test_mirrored_borders_leave_an_even_image_even():
    even = np.full((1, 16, 16, 3), 0.3, np.float32)
    for padding, spread in (("reflect", 0.0), ("zeros", 1e-2)):
        (maps,) = vgg("relu1_2", padding=padding)(even)
        found = float(tf.reduce_max(tf.math.reduce_std(maps, (0, 1, 2))))
        assert found <= 1e-4 if not spread else found > spread


def test_squeezenets_pools_round_up(squeezenet):
    look = extractors.feature_network(squeezenet, ["conv1", "fire2", "fire5", "fire9"])
    assert [one.shape[1] for one in look(noise(227))] == [111, 55, 27, 13]
    page = tf.reshape(tf.range(36.0), (1, 6, 6, 1))
    found = architectures._pool_up(page, "some")[0, :, :, 0]
    np.testing.assert_array_equal(found, [[14, 16, 17], [26, 28, 29], [32, 34, 35]])


@pytest.mark.parametrize(
    "tap, least", [("conv1", 7), ("fire2", 9), ("fire5", 13), ("fire9", 21), ("pool4", 13)]
)
def test_the_smallest_images_of_squeezenet(squeezenet, tap, least):
    look = extractors.feature_network(squeezenet, [tap])
    assert look(noise(least))[0].shape[1:3] == (1, 1)
    with pytest.raises(InputError, match=f"needs {least} on each side"):
        look(noise(least - 1, width=100))


def test_the_smallest_images_of_vgg():
    assert vgg("relu3_1")(noise(4))[0].shape[1:3] == (1, 1)
    assert vgg("relu3_1", padding="reflect")(noise(8))[0].shape[1:3] == (2, 2)
    assert vgg("pool2")(noise(4))[0].shape[1:3] == (1, 1)
    for look, side in ((vgg("relu3_1"), 3), (vgg("relu3_1", padding="reflect"), 7)):
        with pytest.raises(InputError, match=f"{side}x{side} pixels is too small"):
            look(noise(side))


def test_vgg_is_that_of_keras_applications(monkeypatch):
    build = keras.applications.VGG16
    network = build(weights=None, include_top=False, input_shape=(32, 32, 3))
    draws = np.random.default_rng(1)
    for name in ("block1_conv1", "block1_conv2", "block2_conv1"):
        layer = network.get_layer(name)
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel, draws.normal(0, 1, bias.shape)])
    monkeypatch.setattr(keras.applications, "VGG16", lambda **options: network)
    look = extractors.feature_network("vgg16", ["block2_conv1"])
    assert look.name == "vgg16"
    images = noise()
    given = keras.applications.vgg16.preprocess_input((images + 1) * 127.5)
    expected = keras.Model(network.inputs, network.get_layer("block2_conv1").output)(given)
    np.testing.assert_allclose(look(images)[0], expected, rtol=1e-4, atol=1e-2)


def test_mobilenet_with_folded_batch_norm_is_that_of_keras_applications(monkeypatch):
    build = keras.applications.MobileNetV2
    network = build(weights=None, include_top=False, input_shape=(64, 64, 3))
    draws = np.random.default_rng(2)
    for layer in network.layers:
        values = layer.get_weights()
        if len(values) == 4:
            spread = [draws.uniform(0.5, 1.5, values[0].shape) for _ in range(4)]
            layer.set_weights([spread[0], spread[1] - 1, spread[2] - 1, spread[3]])
    monkeypatch.setattr(keras.applications, "MobileNetV2", lambda **options: network)
    names = {"Conv1": "Conv1_relu", "expanded_conv": "expanded_conv_project_BN",
             "block_3": "block_3_project_BN", "block_5": "block_5_add",
             "block_13_depthwise": "block_13_depthwise_relu", "Conv_1": "out_relu"}  # fmt: skip
    look = extractors.feature_network("mobilenet_v2", list(names))
    layers = [network.get_layer(layer).output for layer in names.values()]
    expected = keras.Model(network.inputs, layers)(noise(64), training=False)
    for name, found, wanted in zip(names, look(noise(64)), expected):
        scale = float(tf.reduce_max(tf.abs(wanted)))
        np.testing.assert_allclose(found, wanted, atol=1e-4 * scale, err_msg=name)


def test_a_variant_is_plain_or_not():
    assert Variant().is_plain and not Variant(round_up=True).is_plain
