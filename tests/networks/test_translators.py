"""Translators and patch discriminators: official parameter counts, sides, reach, phases, errors."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import trainable

from tfgan_suite import InputError
from tfgan_suite.layers.stateless_dropout import dropout_noise
from tfgan_suite.networks import translators
from tfgan_suite.networks.translators import (
    build_encoder_decoder,
    build_patch_discriminator,
    build_resnet_translator,
    build_unet,
)
from tfgan_suite.networks.upsampling import UPSAMPLINGS, upsample


def count(network):
    return sum(int(np.prod(variable.shape)) for variable in trainable([network]))


@pytest.fixture
def without_draws(monkeypatch):
    """Tens of millions of weights that are only counted need no random numbers."""

    def zeros(self, shape, dtype=None, **options):
        return tf.zeros(shape, dtype or "float32")

    monkeypatch.setattr(keras.initializers.RandomNormal, "__call__", zeros)


def random_images(*shape):
    return tf.random.stateless_uniform(shape, [3, 4], -1.0, 1.0)


@pytest.mark.parametrize(
    "build, arguments, expected",
    [
        (build_unet, {}, 54_413_955),
        (build_unet, {"use_bias": True}, 54_419_459),
        (build_unet, {"shape": (128, 128, 3)}, 41_828_995),
        (build_encoder_decoder, {}, 39_075_459),
        # The reference run at 32 pixels: affine instance norm, all biases.
        (
            build_unet,
            {"shape": (32, 32, 3), "width": 16, "norm": "instance", "affine": True},
            1_044_227,
        ),
        # CycleGAN's two translators and discriminators together: 28,285,832.
        (build_resnet_translator, {}, 11_378_179),
        (build_resnet_translator, {"affine": True}, 11_388_675),
        (build_resnet_translator, {"affine": True, "use_bias": False}, 11_383_427),
        (build_resnet_translator, {"blocks": 6}, 7_837_699),
        (build_resnet_translator, {"blocks": 6, "affine": True}, 7_845_123),
        (build_resnet_translator, {"blocks": 6, "affine": True, "use_bias": False}, 7_841_411),
        (build_patch_discriminator, {"channels": 6, "layers": 0}, 9_024),
        (build_patch_discriminator, {"channels": 6, "layers": 1}, 139_585),
        (build_patch_discriminator, {"channels": 6, "layers": 2}, 666_433),
        (build_patch_discriminator, {"channels": 6, "layers": 3}, 2_768_705),
        (build_patch_discriminator, {"channels": 6, "layers": 4}, 6_964_033),
        (build_patch_discriminator, {"channels": 6, "layers": 5}, 11_159_361),
        (build_patch_discriminator, {"channels": 3, "norm": "instance"}, 2_764_737),
    ],
)
def test_official_numbers_of_parameters(without_draws, build, arguments, expected):
    assert count(build(**arguments)) == expected


def test_nothing_but_parameters_is_kept():
    """Statistics are those of what is at hand: there are no moving averages to restore."""
    for network in (build_unet((32, 32, 3), width=2), build_patch_discriminator(3, 2)):
        assert network.non_trainable_variables == []


def test_receptive_fields():
    found = [translators.receptive_field(layers) for layers in range(7)]
    assert found == [1, 16, 34, 70, 142, 286, 574]


@pytest.mark.parametrize("layers, size", [(0, 8), (1, 48), (2, 80), (3, 128)])
def test_the_gradient_of_a_logit_reaches_as_far_as_the_formula_says(layers, size):
    keras.utils.set_random_seed(0)
    discriminator = build_patch_discriminator(2, width=3, layers=layers, norm="none")
    x = random_images(1, size, size, 2)
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = discriminator(x, training=True)
        middle = logits.shape[1] // 2
        logit = logits[0, middle, middle, 0]
    touched = np.abs(tape.gradient(logit, x)[0]).sum(-1) > 0
    rows, columns = np.flatnonzero(touched.any(1)), np.flatnonzero(touched.any(0))
    side = translators.receptive_field(layers)
    assert len(rows) == len(columns) == side
    assert rows[-1] - rows[0] + 1 == columns[-1] - columns[0] + 1 == side


@pytest.mark.parametrize(
    "layers, expected", [(0, 256), (1, 126), (2, 62), (3, 30), (4, 14), (5, 6), (6, 2)]
)
def test_sides_of_the_map_of_patches(layers, expected):
    assert translators.patch_count(256, layers) == expected
    discriminator = build_patch_discriminator(1, width=1, layers=layers)
    assert discriminator(random_images(1, 256, 256, 1)).shape == (1, expected, expected, 1)


def test_odd_sides_of_the_map_of_patches():
    discriminator = build_patch_discriminator(1, width=1, layers=2)
    for training in (False, True):
        shape = discriminator(random_images(1, 35, 55, 1), training=training).shape
        assert shape == (1, translators.patch_count(35, 2), translators.patch_count(55, 2), 1)


def test_an_image_without_a_patch():
    assert translators.patch_count(24, 3) == 1
    with pytest.raises(InputError, match="16 pixels .* 3 layers, whose patches are 70"):
        translators.patch_count(16, 3)


def maps(network, names, images):
    outputs = [network.get_layer(name).output for name in names]
    return keras.Model(network.inputs, outputs)(images)


def test_sides_and_channels_of_the_unet():
    network = build_unet(width=2)
    names = [f"down_{level}" for level in range(8)] + [f"up_{level}" for level in range(6, -1, -1)]
    found = [tuple(x.shape[1:]) for x in maps(network, names, random_images(1, 256, 256, 3))]
    down = [(128, 2), (64, 4), (32, 8), (16, 16), (8, 16), (4, 16), (2, 16), (1, 16)]
    up = [(2, 16), (4, 16), (8, 16), (16, 16), (32, 8), (64, 4), (128, 2)]
    assert found == [(side, side, filters) for side, filters in down + up]
    dropped = [layer.name for layer in network.layers if "dropout" in layer.name]
    assert dropped == ["dropout_0", "dropout_1", "dropout_2"]
    assert network.get_layer("to_image").weights[0].shape == (4, 4, 3, 4)


def test_skips_are_all_that_the_encoder_decoder_lacks():
    unet, plain = build_unet((16, 16, 1), width=2), build_encoder_decoder((16, 16, 1), width=2)
    kinds = [
        [type(layer).__name__ for layer in network.layers if "concat" not in layer.name]
        for network in (unet, plain)
    ]
    assert kinds[0] == kinds[1] and plain.name == "encoder_decoder"
    assert sum("concat" in layer.name for layer in unet.layers) == 3


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_the_bottleneck_of_one_pixel_is_heard(norm):
    """With a norm behind it, batch 1 would make it 0 whatever its weights are."""
    network = build_encoder_decoder((16, 16, 1), width=2, norm=norm, dropout=0.0)
    image = random_images(1, 16, 16, 1)
    before = network(image, training=True)
    layer = network.get_layer("down_3")
    assert layer.output.shape[-1] == 16
    layer.set_weights([random_images(*weight.shape) for weight in layer.weights])
    assert float(tf.reduce_max(tf.abs(network(image, training=True) - before))) > 1e-3


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_a_translation_does_not_depend_on_the_rest_of_the_batch(norm):
    images = random_images(3, 32, 32, 3)
    for build in (build_unet, build_resnet_translator):
        network = build((32, 32, 3), width=4, norm=norm)
        together = network(images, training=False)
        alone = tf.concat([network(images[i : i + 1], training=False) for i in range(3)], 0)
        np.testing.assert_allclose(together, alone, atol=1e-5)
        # And it is the one that training gives at batch 1, except for dropout.
        with dropout_noise(lambda shape, name: tf.ones(shape)):
            trained = network(images[:1], training=True)
        if build is build_resnet_translator:
            np.testing.assert_allclose(trained, together[:1], atol=1e-5)


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_the_resnet_keeps_every_size_that_fits(upsampling):
    network = build_resnet_translator((None, None, 3), 1, 2, 1, upsampling=upsampling)
    assert translators.size_multiple(network) == 4
    for height, width in ((16, 16), (32, 24)):
        assert network(random_images(1, height, width, 3)).shape == (1, height, width, 1)


def test_the_unet_takes_larger_images_than_it_was_built_for():
    network = build_unet((16, 16, 3), 2, width=2)
    assert translators.size_multiple(network) == 16
    assert network(random_images(2, 32, 48, 3)).shape == (2, 32, 48, 2)


def test_no_dropout_layers_without_dropout():
    network = build_unet((32, 32, 3), width=2, dropout=0.0)
    assert not [layer.name for layer in network.layers if "dropout" in layer.name]
    assert np.isfinite(network(random_images(1, 32, 32, 3), training=True)).all()


def test_strided_layers_have_the_phase_of_the_official_code():
    """With the middle tap alone, halving takes pixels 0, 2, 4 and doubling puts them back."""
    network = build_resnet_translator((8, 8, 1), width=1, blocks=1, norm="none")
    middle = np.zeros((3, 3, 1, 1), "f4")
    middle[1, 1] = 1.0
    x = random_images(1, 8, 8, 1)
    layer = network.get_layer("down_1")
    layer = type(layer)(1, 3, 2, use_bias=False)
    layer.build(x.shape)
    layer.set_weights([middle])
    for training in (False, True):
        np.testing.assert_allclose(layer(x, training=training), x[:, ::2, ::2])
    small = keras.Input((None, None, 1))
    doubled = keras.Model(small, upsample(small, 1, "transposed", 3, use_bias=False))
    doubled.set_weights([middle])
    expected = np.zeros((1, 8, 8, 1), "f4")
    expected[:, ::2, ::2] = x[:, :4, :4]
    np.testing.assert_allclose(doubled(x[:, :4, :4]), expected)


@pytest.mark.parametrize(
    "shape, depth", [((256, 256), 8), ((512, 512), 8), ((96, 96), 5), ((64, 256), 6), ((8, 8), 3)]
)
def test_depth_of_a_shape(shape, depth):
    assert translators.unet_depth((*shape, 3)) == depth


@pytest.mark.parametrize(
    "build, arguments, message",
    [
        (build_unet, {"shape": (100, 100, 3)}, "100x100 .* only 2 times.*96x96"),
        (build_unet, {"shape": (None, None, 3)}, "pass depth"),
        (build_unet, {"shape": (32, 32, 3), "depth": 6}, "multiples of 64"),
        (build_unet, {"depth": 1}, "depth is 1"),
        (build_unet, {"norm": "layer"}, "batch, instance, none"),
        (build_unet, {"width": 0}, "width is 0"),
        (build_resnet_translator, {"shape": (30, 30, 3)}, "30x30.*multiples of 4"),
        (build_resnet_translator, {"shape": (4, 4, 3)}, "at least 8"),
        (build_resnet_translator, {"upsampling": "bicubic"}, "transposed, nearest, bilinear"),
        (build_unet, {"upsampling": "area"}, "upsampling is 'area'.*subpixel"),
        (build_patch_discriminator, {"channels": 3, "layers": -1}, "layers is -1"),
        (build_patch_discriminator, {"channels": 0}, "channels is 0"),
    ],
)
def test_impossible_networks_are_refused(build, arguments, message):
    with pytest.raises(InputError, match=message):
        build(**arguments)
