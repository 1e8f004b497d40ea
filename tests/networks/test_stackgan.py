"""StackGAN's networks: official parameter counts, and what reaches what."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import InputError
from tfgan_suite.networks import blocks, stackgan


def parameters(network):
    return sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)


# Counted from the layer tables of the official TensorFlow and PyTorch code.
@pytest.mark.parametrize(
    "build, arguments, count",
    [
        ("stage1_generator", {}, 14_264_192),
        ("discriminator", {}, 4_029_824),
        ("stage2_generator", {}, 26_290_080),
        ("discriminator", {"size": 256}, 48_603_520),
        ("stage1_generator", {"architecture": "plain"}, 10_301_248),
        ("discriminator", {"architecture": "plain", "text_dim": 128}, 5_715_713),
        ("stage1_generator", {"architecture": "plain", "width": 192}, 20_020_832),
        ("discriminator", {"architecture": "plain", "text_dim": 128, "width": 96}, 12_407_425),
    ],
)
def test_the_official_parameter_counts(monkeypatch, build, arguments, count):
    # Millions of random numbers would take seconds.
    monkeypatch.setattr(blocks, "normal", lambda *numbers: "zeros")
    monkeypatch.setattr(stackgan, "Dense", lambda *a, **k: _quick(*a, **k))
    assert parameters(getattr(stackgan, f"build_{build}")(**arguments)) == count


def _quick(*arguments, **options):
    return keras.layers.Dense(*arguments, **{**options, "kernel_initializer": "zeros"})


def test_the_paper_sizes():
    assert stackgan.stage1_plan(64) == (4, 4)
    assert stackgan.stage1_plan(128) == (8, 4)
    assert stackgan.stage1_plan(16) == (4, 2)
    for size in (4, 12, 20, 24):
        with pytest.raises(InputError, match=f"{size} pixels"):
            stackgan.stage1_plan(size)


SMALL = {"text_dim": 6, "width": 4}


@pytest.fixture(scope="module")
def stage2():
    keras.utils.set_random_seed(0)
    return stackgan.build_stage2_generator(8, scale=2, condition_dim=3, residual_blocks=1, **SMALL)


def test_stage_ii_takes_no_z_and_reads_the_text_again(stage2):
    assert [each.name for each in stage2.inputs] == ["eps", "embedding", "low"]
    low, eps = tf.fill((2, 8, 8, 3), 0.3), tf.zeros((2, 3))
    texts = tf.constant(np.random.RandomState(0).normal(size=(2, 6)), tf.float32)
    image, mu, log_sigma = stage2([eps, texts, low])
    assert image.shape == (2, 16, 16, 3)
    assert mu.shape == log_sigma.shape == (2, 3)
    # One image of stage I, two sentences.
    assert np.abs(image[0] - image[1]).max() > 1e-6
    # And one sentence with two eps.
    other = stage2([tf.ones((2, 3)), texts, low])[0]
    assert np.abs(image - other).max() > 1e-6


@pytest.mark.parametrize("scale", [2, 4])
def test_with_the_skip_stage_ii_starts_from_the_enlarged_image(stage2, scale):
    form = {"scale": scale, "condition_dim": 3, "residual_blocks": 1, **SMALL}
    network = stackgan.build_stage2_generator(8, skip=True, **form)
    if scale == 2:
        assert network.count_params() == stage2.count_params()
    last = [layer for layer in network.layers if layer.__class__.__name__ == "Conv2D"][-1]
    last.set_weights([np.zeros_like(weights) for weights in last.get_weights()])
    # Left half dark, right half light: smooth in between, and each side as it was.
    low = np.repeat(np.where(np.arange(8) < 4, -0.5, 0.25)[None, None, :, None], 8, axis=1)
    low = tf.constant(np.repeat(low, 3, axis=-1), tf.float32)
    image = network([tf.zeros((1, 3)), tf.zeros((1, 6)), low])[0].numpy()[0]
    assert image.shape == (8 * scale, 8 * scale, 3)
    np.testing.assert_allclose(image[:, : 3 * scale], np.tanh(-1.0), atol=1e-6)
    np.testing.assert_allclose(image[:, -3 * scale :], np.tanh(0.5), atol=1e-6)
    steps = np.diff(np.arctanh(image[0, :, 0].astype(np.float64)))
    # A box over `scale + 1` pixels makes a ramp of as many equal steps.
    assert np.sum(steps > 1e-4) == scale + 1
    np.testing.assert_allclose(steps[steps > 1e-4], 1.5 / (scale + 1), rtol=1e-3)


@pytest.mark.parametrize("halvings", [0, 1, 2])
@pytest.mark.parametrize("scale", [2, 4])
def test_the_sentence_joins_maps_of_the_requested_size(halvings, scale):
    form = {"condition_dim": 3, "residual_blocks": 1, "halvings": halvings, **SMALL}
    network = stackgan.build_stage2_generator(8, scale=scale, **form)
    assert network.outputs[0].shape[1:3] == (8 * scale, 8 * scale)
    (joined,) = [layer for layer in network.layers if isinstance(layer, keras.layers.Concatenate)]
    assert tuple(joined.output.shape[1:]) == (8 >> halvings, 8 >> halvings, 4 * 4 + 3)


def test_the_sentence_is_the_same_at_every_position(stage2):
    c = keras.Input((3,))
    maps = keras.Model(c, stackgan._tiled(c, 4))(tf.constant([[1.0, 2.0, 3.0]])).numpy()
    assert maps.shape == (1, 4, 4, 3) and (maps == [1.0, 2.0, 3.0]).all()


def test_the_text_is_the_only_way_to_the_discriminators_answer():
    keras.utils.set_random_seed(0)
    network = stackgan.build_discriminator(8, text_units=2, norm="none", hidden_units=3, **SMALL)
    images = tf.repeat(tf.random.stateless_normal((1, 8, 8, 3), [0, 1]), 2, axis=0)
    texts = tf.random.stateless_normal((2, 6), [0, 2])
    first, second = network([images, texts]).numpy()[:, 0]
    assert first != second
    # Without the rows of the joint convolution that read the text, sentences are alike.
    joint = next(
        layer
        for layer in reversed(network.layers)
        if layer.__class__.__name__ == "Conv2D" and layer.kernel_size == (1, 1)
    )
    kernel, bias = joint.get_weights()
    kernel[:, :, -2:] = 0.0
    joint.set_weights([kernel, bias])
    first, second = network([images, texts]).numpy()[:, 0]
    assert first == pytest.approx(second, abs=1e-7)


@pytest.mark.parametrize(
    "build, arguments, message",
    [
        ("stage1_generator", {"architecture": "resnet"}, "residual, plain"),
        ("stage1_generator", {"size": 20}, "20 pixels"),
        ("stage1_generator", {"ca_activation": "tanh"}, "linear, leaky_relu, relu"),
        ("stage2_generator", {"low_size": 10}, "multiple of 4"),
        ("stage2_generator", {"scale": 3}, "2, 4 or 8"),
        ("stage2_generator", {"halvings": 3}, "0, 1 or 2"),
        ("discriminator", {"size": 48}, "power of 2"),
        ("discriminator", {"norm": "layer"}, "batch, none"),
        ("discriminator", {"width": 0}, "width is 0"),
    ],
)
def test_impossible_networks_are_refused(build, arguments, message):
    with pytest.raises(InputError, match=message):
        getattr(stackgan, f"build_{build}")(**arguments)
