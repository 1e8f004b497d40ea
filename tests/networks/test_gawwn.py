"""GAWWN's networks: official parameter counts, which road sees what, errors."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import InputError
from tfgan_suite.layers.spatial import Warp
from tfgan_suite.networks import blocks, gawwn

TEXT, LATENT = 6, 5
SMALL = {"size": 32, "text_dim": TEXT, "grid": 8, "width": 4}
BOX = tf.constant([[0.25, 0.125, 0.5, 0.25]])


@pytest.fixture
def without_draws(monkeypatch):
    """Weights of zeros: to draw 73 million numbers takes seconds."""
    monkeypatch.setattr(blocks, "normal", lambda *_: "zeros")
    monkeypatch.setattr(keras.initializers.GlorotUniform, "__call__", zeros)


def zeros(self, shape, dtype=None, **_):
    return tf.zeros(shape, dtype or "float32")


@pytest.mark.parametrize(
    "build, arguments, expected",
    [
        (gawwn.build_box_generator, {}, 73_545_699),
        (gawwn.build_discriminator, {}, 16_763_137),
        (gawwn.build_keypoint_generator, {}, 26_471_043),
        (gawwn.build_discriminator, {"points": 15}, 14_667_905),
        (gawwn.build_point_generator, {}, 2_715_949),
        (gawwn.build_point_discriminator, {}, 946_177),
        (gawwn.build_point_generator, {"points": 17}, 2_720_563),
        (gawwn.build_point_discriminator, {"points": 17}, 949_249),
    ],
)
def test_official_numbers_of_parameters(without_draws, build, arguments, expected):
    network = build(**arguments)
    assert sum(int(np.prod(v.shape)) for v in network.trainable_variables) == expected
    if build in (gawwn.build_box_generator, gawwn.build_keypoint_generator):
        assert network.output_shape == (None, 128, 128, 3)


def layers_of(network, kind):
    return [layer for layer in network.layers if isinstance(layer, kind)]


def outputs_of(network, layers, inputs):
    return [keras.Model(network.inputs, layer.output)(inputs).numpy() for layer in layers]


def inputs_for(place, seed=0, count=1):
    z = tf.random.stateless_normal((count, LATENT), [seed, 0])
    return [z, tf.random.stateless_normal((count, TEXT), [seed, 1]), place]


@pytest.fixture(scope="module")
def box_generator():
    keras.utils.set_random_seed(0)
    return gawwn.build_box_generator(**SMALL, latent_dim=LATENT)


def test_both_warps_of_the_generator_paste_into_the_box(box_generator):
    warps = layers_of(box_generator, Warp)
    assert len(warps) == 2  # the sentence, and the local features
    for maps in outputs_of(box_generator, warps, inputs_for(BOX)):
        outside = np.ones((8, 8), bool)
        outside[0:4, 1:7] = False  # rows 1 to 2 and columns 2 to 5, with linear edges
        assert np.abs(maps[0][outside]).max() == 0.0 < np.abs(maps[0, 1:3, 2:6]).max()


def test_the_discriminator_crops_features_and_pastes_the_sentence():
    keras.utils.set_random_seed(0)
    network = gawwn.build_discriminator(**SMALL, norm="none")
    image = tf.random.stateless_uniform((1, 32, 32, 3), [0, 0], -1.0, 1.0)
    text = tf.ones((1, TEXT))
    maps = outputs_of(network, layers_of(network, Warp), [image, text, BOX])
    sentence, local = sorted(maps, key=np.count_nonzero)
    assert np.abs(local[0]).max(-1).min() > 0.0  # all of the cropped map is from inside the box
    outside = np.ones((8, 8), bool)
    outside[0:4, 1:7] = False
    assert np.abs(sentence[0][outside]).max() == 0.0 < np.abs(sentence[0, 2, 4]).max()


def test_a_mask_cuts_the_local_features_off_outside_the_box():
    keras.utils.set_random_seed(0)
    network = gawwn.build_box_generator(**SMALL, latent_dim=LATENT, local_mode="mask")
    assert len(layers_of(network, Warp)) == 1
    (mask,) = layers_of(network, keras.layers.Multiply)
    (maps,) = outputs_of(network, [mask], inputs_for(BOX))
    assert np.abs(maps[0, 4:]).max() == 0.0 < np.abs(maps[0, 1:3, 2:6]).max()


def test_without_visible_points_the_local_road_sees_no_sentence():
    keras.utils.set_random_seed(0)
    network = gawwn.build_keypoint_generator(**SMALL, points=3, latent_dim=LATENT)
    (gate,) = layers_of(network, keras.layers.Multiply)
    invisible, visible = tf.zeros((1, 3, 3)), tf.constant([[[0.5, 0.5, 1.0]] * 3])
    maps = [
        outputs_of(network, [gate], inputs_for(points, seed))[0]
        for points in (invisible, visible)
        for seed in (0, 1)
    ]
    assert not np.any(maps[0]) and not np.any(maps[1])
    cells = np.abs(maps[2][0]).max(-1) > 0
    assert np.argwhere(cells).tolist() == [[4, 4]] and np.abs(maps[2] - maps[3]).max() > 0


def test_known_points_are_returned_and_nothing_is_learnt_from_them():
    keras.utils.set_random_seed(0)
    network = gawwn.build_point_generator(3, TEXT, width=2, latent_dim=LATENT)
    points = tf.random.stateless_uniform((2, 3, 3), [0, 2])
    z, text, _ = inputs_for(points, count=2)

    def run(known):
        with tf.GradientTape() as tape:
            outputs = network([z, text, points, known], training=True)
        return outputs, tape.gradient(outputs, network.trainable_variables)

    outputs, gradients = run(tf.ones((2, 3)))
    assert np.array_equal(outputs, points)
    assert not any(np.any(gradient) for gradient in gradients)
    outputs, gradients = run(tf.zeros((2, 3)))
    (predicted,) = layers_of(network, keras.layers.Reshape)[-1:]
    free = keras.Model(network.inputs, predicted.output)
    assert np.array_equal(outputs, free([z, text, points, tf.zeros((2, 3))], training=True))
    assert any(np.any(gradient) for gradient in gradients)
    # Points that are not known have no influence.
    other = network([z, text, points[::-1], tf.zeros((2, 3))], training=True)
    assert np.array_equal(other, outputs)


def test_the_place_and_the_sentence_matter_to_the_discriminators():
    keras.utils.set_random_seed(0)
    image = tf.random.stateless_uniform((1, 32, 32, 3), [0, 0], -1.0, 1.0)
    points = tf.constant([[[0.3, 0.4, 1.0], [0.6, 0.7, 1.0]]])
    for count, place, other in ((None, BOX, BOX[:, ::-1]), (2, points, points[:, ::-1])):
        network = gawwn.build_discriminator(**SMALL, points=count, norm="none")
        logit = network([image, tf.ones((1, TEXT)), place])
        assert np.abs(logit - network([image, tf.ones((1, TEXT)), other])) > 1e-6
        assert np.abs(logit - network([image, -tf.ones((1, TEXT)), place])) > 1e-6


def test_the_least_width_has_a_channel_everywhere():
    for build in (gawwn.build_box_generator, gawwn.build_keypoint_generator):
        network = build(**{**SMALL, "width": 1}, latent_dim=LATENT)
        assert network.output_shape == (None, 32, 32, 3)


def test_sizes_and_words_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="size 48 is not .* 32 and 64"):
        gawwn.build_box_generator(48, TEXT, grid=8)
    with pytest.raises(InputError, match="grid is 4"):
        gawwn.build_discriminator(32, TEXT, grid=4)
    with pytest.raises(InputError, match="local_mode is 'crop'"):
        gawwn.build_box_generator(32, TEXT, grid=8, local_mode="crop")
    with pytest.raises(InputError, match="norm is 'layer'"):
        gawwn.build_discriminator(32, TEXT, grid=8, norm="layer")
    with pytest.raises(InputError, match="points is 0"):
        gawwn.build_point_generator(0, TEXT)
