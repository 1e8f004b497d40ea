"""Each stand-in equals the addon it stands in for, and importing the suite imports no addon."""

import forks
import keras
import numpy as np
import pytest
import tensorflow as tf
from compat_values import images

from tfgan_suite import _stand_ins, compat

needs_addons = pytest.mark.skipif(not compat.HAS_ADDONS, reason="needs tensorflow-addons")
needs_io = pytest.mark.skipif(not compat.HAS_IO, reason="needs tensorflow-io")


def test_import_is_cheap(tmp_path):
    """In a process that has imported the suite and nothing else."""
    (tmp_path / "addons.py").write_text(
        "import sys\n"
        "assert 'tfgan_suite.compat' in sys.modules and 'tfgan_suite.export' in sys.modules\n"
        "print([m for m in ('tensorflow_addons', 'tensorflow_io') if m in sys.modules])"
    )
    process = forks.Program(tmp_path / "addons.py")
    assert process.wait() == 0, process.output()
    assert process.output().strip().splitlines()[-1] == "[]"


def with_gradients(function, *inputs):
    """The result, and the gradients of a curved sum of it, for every input."""
    inputs = [tf.convert_to_tensor(value) for value in inputs]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        result = function(*inputs)
        loss = tf.reduce_sum(tf.sin(result) * tf.cast(tf.size(result), result.dtype))
    return [result, *tape.gradient(loss, inputs)]


def assert_same(ours, theirs, **tolerance):
    for mine, other in zip(ours, theirs):
        np.testing.assert_allclose(mine, other, **{"rtol": 1e-4, "atol": 1e-4, **tolerance})


def test_maxout():
    layer = compat.Maxout(2)
    y = layer(tf.constant([[1.0, 2.0, 7.0, -1.0, 3.0, 0.0]]))
    np.testing.assert_array_equal(y, [[7.0, 2.0]])
    with pytest.raises(ValueError, match="multiple|divide"):
        compat.Maxout(4)(tf.zeros((1, 6)))


def test_maxout_of_opposite_pieces_is_the_absolute_value():
    x = tf.constant([[-2.0], [0.5]])
    y = compat.Maxout(1)(tf.concat([3.0 * x, -3.0 * x], 1))
    np.testing.assert_allclose(y, 3.0 * np.abs(x))


def test_maxout_in_a_model():
    model = keras.Sequential([keras.layers.Input((4, 5, 6)), _stand_ins.Maxout(3)])
    assert model.output_shape == (None, 4, 5, 3)
    again = _stand_ins.Maxout.from_config(_stand_ins.Maxout(3, axis=1).get_config())
    assert (again.num_units, again.axis) == (3, 1)


@needs_addons
@pytest.mark.parametrize("axis", [-1, 1, 2])
def test_maxout_equals_the_addon(axis):
    x = images((3, 4, 6, 2))
    results = [
        with_gradients(layer, x)
        for layer in (_stand_ins.Maxout(2, axis=axis), compat.Maxout(2, axis=axis))
    ]
    assert_same(*results, rtol=0, atol=0)


def test_gaussian_filter_of_a_point():
    """A lone pixel becomes the filter: softmax of -x^2 / 2 sigma^2 along each axis."""
    image = np.zeros((7, 7), np.float32)
    image[3, 3] = 1.0
    weights = np.exp(-(np.arange(-1, 2) ** 2) / (2 * 0.8**2))
    weights /= weights.sum()
    result = compat.gaussian_filter2d(image, (3, 3), 0.8)
    np.testing.assert_allclose(result[2:5, 2:5], np.outer(weights, weights), atol=1e-6)
    assert float(tf.reduce_sum(result)) == pytest.approx(1.0, abs=1e-6)


@needs_addons
@pytest.mark.parametrize("padding", ["REFLECT", "CONSTANT", "SYMMETRIC"])
@pytest.mark.parametrize("size, sigma", [(3, 1.0), ((5, 4), (0.7, 2.0)), (1, 1.0)])
def test_gaussian_filter_equals_the_addon(padding, size, sigma):
    for x in (images((2, 6, 7, 3)), images((6, 7, 3)), images((6, 7))):
        results = [
            with_gradients(
                lambda v, f=function: f(v, size, sigma, padding=padding, constant_values=0.5), x
            )
            for function in (_stand_ins.gaussian_filter2d, compat.gaussian_filter2d)
        ]
        assert_same(*results)
    whole = tf.cast(images((6, 7, 3)) * 20 + 100, tf.uint8)
    ours, theirs = (
        function(whole, size, sigma, padding=padding)
        for function in (_stand_ins.gaussian_filter2d, compat.gaussian_filter2d)
    )
    assert ours.dtype == theirs.dtype == tf.uint8
    assert np.abs(np.int32(ours) - np.int32(theirs)).max() <= 1  # rounding of equal sums


def test_warp_by_whole_and_half_pixels():
    """Flow (1, 0) moves everything one row down; flow (0, .5) averages neighbours."""
    image = images((1, 4, 5, 2))
    flow = tf.zeros((1, 4, 5, 2))
    down = compat.dense_image_warp(image, flow + [1.0, 0.0])
    np.testing.assert_allclose(down[:, 1:], image[:, :-1], atol=1e-6)
    np.testing.assert_allclose(down[:, 0], image[:, 0], atol=1e-6)  # the border repeats
    half = compat.dense_image_warp(image, flow + [0.0, 0.5])
    np.testing.assert_allclose(half[:, :, 1:], (image[:, :, 1:] + image[:, :, :-1]) / 2, atol=1e-5)


@needs_addons
def test_warp_equals_the_addon():
    image, flow = images((2, 4, 5, 3)), images((2, 4, 5, 2), seed=4)
    results = [
        with_gradients(function, image, flow)
        for function in (_stand_ins.dense_image_warp, compat.dense_image_warp)
    ]
    assert_same(*results)


def test_luma_and_colour_differences():
    colours = compat.rgb_to_ypbpr(np.concatenate([np.eye(3), np.ones((1, 3))]))
    np.testing.assert_allclose(colours[:, 0], [0.299, 0.587, 0.114, 1.0], rtol=1e-15)
    np.testing.assert_allclose(colours[[2, 0], [1, 2]], 0.5)  # blue and red, by definition
    np.testing.assert_allclose(colours[3, 1:], 0.0, atol=1e-12)


@needs_io
def test_colour_stand_in_equals_tensorflow_io():
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.float64)
    ours, theirs = _stand_ins.rgb_to_ypbpr(pixels), compat.rgb_to_ypbpr(pixels)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(np.rint(1000 * ours[..., 0]), np.rint(1000 * theirs[..., 0]))
