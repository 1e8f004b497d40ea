"""Networks of talking faces: the published numbers of weights, shapes and paddings."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import trainable

from tfgan_suite import InputError
from tfgan_suite.layers.normalization import UnitLength
from tfgan_suite.networks import talking


def count(network, prefixes=None):
    """Trainable numbers, of the layers whose names begin with one of the prefixes."""
    layers = [layer for layer in network.layers if not prefixes or layer.name.startswith(prefixes)]
    return sum(int(np.prod(variable.shape)) for variable in trainable(layers))


def sides(network, prefix):
    """Height and width after each numbered stage of a prefix."""
    shapes = []
    while f"{prefix}_{len(shapes)}_relu" in {layer.name for layer in network.layers}:
        output = network.get_layer(f"{prefix}_{len(shapes)}_relu").output
        shapes.append(tuple(output.shape[1:3]))
    return shapes


def test_the_generator_has_the_published_numbers_of_weights():
    network = talking.build_lip_generator()
    assert count(network) == 36_298_035
    assert count(network, ("face", "code")) == 8_171_056
    assert count(network, ("audio",)) == 2_812_672
    assert count(network, ("up",)) == 25_291_072
    assert count(network, ("out",)) == 23_235
    square = [96, 48, 24, 12, 6, 3]
    assert sides(network, "face") == [(side, side) for side in square]
    assert sides(network, "up") == [(side, side) for side in [1, *reversed(square)]]
    skips = [network.get_layer(f"up_{index}_skip").output.shape[-1] for index in range(7)]
    assert skips == [1024, 1024, 768, 512, 320, 160, 80]
    assert network.output_shape == (None, 96, 96, 3)
    norms = [layer for layer in network.layers if layer.name.endswith("_norm")]
    assert {(norm.epsilon, norm.momentum) for norm in norms} == {(1e-5, 0.9)}


def test_the_expert_has_the_published_numbers_of_weights():
    face, audio = talking.build_sync_face_encoder(), talking.build_sync_audio_encoder()
    assert (count(face), count(audio)) == (13_031_808, 3_403_264)
    assert count(face) + count(audio) == 16_435_072
    assert sides(face, "face") == [
        (48, 96), (46, 47), (23, 24), (12, 12), (6, 6), (3, 3), (1, 1), (1, 1)
    ]  # fmt: skip
    assert sides(audio, "audio") == [(80, 16), (27, 16), (9, 6), (3, 3), (1, 1), (1, 1)]
    assert face.output_shape == audio.output_shape == (None, 512)


def test_the_quality_discriminator_has_the_published_number_of_weights():
    network = talking.build_quality_discriminator()
    assert count(network) == 14_113_793
    slopes = [layer for layer in network.layers if isinstance(layer, keras.layers.LeakyReLU)]
    names = ("negative_slope", "alpha")
    alphas = [float(getattr(layer, n)) for layer in slopes for n in names if hasattr(layer, n)]
    assert alphas == pytest.approx([0.01] * 13)


@pytest.mark.parametrize("size", [48, 192])
def test_other_sizes_have_one_stage_more_or_less(size):
    """Quarter width; every path still ends in 3x3 and 1x1 pixels."""
    generator = talking.build_lip_generator(size, 8)
    square = [size >> stage for stage in range(5 + (size == 192) * 2)]
    assert square[-1] == 3
    assert sides(generator, "face") == [(side, side) for side in square]
    assert generator.output_shape == (None, size, size, 3)
    face = talking.build_sync_face_encoder(size, 8)
    assert sides(face, "face")[-3:] == [(3, 3), (1, 1), (1, 1)]
    assert face.output_shape == (None, 128)
    assert talking.build_quality_discriminator(size, 8).output_shape == (None, 1)


def test_embeddings_have_length_1_and_are_not_negative():
    audio = talking.build_sync_audio_encoder(4)
    vectors = audio(np.random.RandomState(0).normal(size=(3, 80, 16, 1)).astype("f4")).numpy()
    assert vectors.min() >= 0 and vectors.dtype == np.float32
    np.testing.assert_allclose((vectors**2).sum(-1), 1.0, rtol=1e-5)


def test_unit_length_of_zero_is_zero_with_a_finite_gradient():
    layer, x = UnitLength(), tf.constant([[0.0, 0.0], [3.0, 4.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    np.testing.assert_allclose(y, [[0, 0], [0.6, 0.8]], rtol=1e-6)
    assert np.isfinite(tape.gradient(y, x)).all()
    assert UnitLength.from_config(layer.get_config()).epsilon == 1e-12


def through(block, x, **weights):
    """A block's layer before norm and ReLU, with kernel and bias set."""
    image = keras.Input(x.shape[1:])
    network = keras.Model(image, block(image))
    layer = network.get_layer("layer")
    layer.set_weights([weights["kernel"], weights["bias"]])
    # Norm and ReLU of a new block change positive numbers by a factor of nearly 1.
    return network(x, training=False).numpy() * np.sqrt(1.0 + 1e-5)


PADDED = [
    (3, (2, 2), 1),
    (3, (3, 3), 1),
    (5, (1, 2), 1),
    (3, (3, 2), 1),
    (3, (1, 1), 0),
    (7, (1, 1), 3),
]


@pytest.mark.parametrize(("kernel", "strides", "pad"), PADDED)
def test_convolutions_pad_with_zeros_on_both_sides(kernel, strides, pad):
    """Against sums by hand: output (i, j) is the window that begins at (i s - p, j s - p)."""
    draws = np.random.RandomState(0)
    x = draws.uniform(size=(1, 12, 8, 2)).astype("f4")
    weights = draws.uniform(size=(kernel, kernel, 2, 3)).astype("f4")
    bias = np.array([0.5, 1.0, 2.0], "f4")
    strides_argument = 1 if strides == (1, 1) else strides

    def block(image):
        return talking.convolution_block(image, 3, kernel, strides_argument, pad, "layer")

    outputs = through(block, x, kernel=weights, bias=bias)
    padded = np.pad(x[0], ((pad, pad), (pad, pad), (0, 0)))
    rows = (12 + 2 * pad - kernel) // strides[0] + 1
    columns = (8 + 2 * pad - kernel) // strides[1] + 1
    assert outputs.shape == (1, rows, columns, 3)
    for i, j in np.ndindex(rows, columns):
        top, start = i * strides[0], j * strides[1]
        window = padded[top : top + kernel, start : start + kernel]
        np.testing.assert_allclose(
            outputs[0, i, j], np.tensordot(window, weights, 3) + bias, rtol=1e-4
        )


@pytest.mark.parametrize(("strides", "size"), [(1, 5), (2, 6)])
def test_transposed_convolutions_begin_where_pytorchs_do(strides, size):
    """Each pixel adds the kernel at (s i - p, s j - p), with p = 0 and p = 1."""
    draws = np.random.RandomState(1)
    x = draws.uniform(size=(1, 3, 3, 2)).astype("f4")
    kernel = draws.uniform(size=(3, 3, 4, 2)).astype("f4")  # of Keras: outputs before inputs
    bias = np.full(4, 0.25, "f4")
    outputs = through(
        lambda image: talking.transposed_block(image, 4, strides, "layer"),
        x, kernel=kernel, bias=bias,
    )  # fmt: skip
    pad = strides - 1
    expected = np.zeros((size + 4, size + 4, 4), "f4")
    for i, j in np.ndindex(3, 3):
        top, start = strides * i - pad + 2, strides * j - pad + 2
        expected[top : top + 3, start : start + 3] += kernel @ x[0, i, j]
    assert outputs.shape == (1, size, size, 4)
    np.testing.assert_allclose(outputs[0], expected[2:-2, 2:-2] + bias, rtol=1e-4)


@pytest.mark.parametrize(
    "build",
    [
        talking.build_lip_generator,
        talking.build_sync_face_encoder,
        talking.build_quality_discriminator,
    ],
)
def test_impossible_networks_are_refused(build):
    with pytest.raises(InputError, match="size 64 is not.*48 and 96"):
        build(64)
    with pytest.raises(InputError, match="width is 0"):
        build(48, 0)
