"""Norms: known statistics, Keras's and the addons' values, and right second derivatives."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.layers.normalization import (
    BatchStatistics,
    GroupNormalization,
    InstanceNormalization,
    InstanceStatistics,
    LayerNormalization,
)
from tfgan_suite.networks import blocks


def images(shape=(3, 4, 5, 2), seed=1):
    return tf.random.stateless_normal(shape, [seed, 2]) * 3.0 + 1.0


def with_gradients(layer, x):
    """The layer's outputs, and the gradient of a curved sum of them."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        total = tf.reduce_sum(tf.sin(y)) * tf.cast(tf.size(y), y.dtype)
    return y, tape.gradient(total, x)


def test_instance_norm():
    """Mean 0 and variance 1 for each sample and channel."""
    y = InstanceNormalization(epsilon=1e-6)(images())
    np.testing.assert_allclose(np.mean(y, (1, 2)), np.zeros((3, 2)), atol=1e-5)
    np.testing.assert_allclose(np.std(y, (1, 2)), np.ones((3, 2)), atol=1e-4)


@pytest.mark.parametrize("policy", ["bfloat16", "float16"])
def test_instance_norm_statistics_are_float32(precision, policy):
    """4096 pixels around 3: a bfloat16 sum of them stops at 512."""
    precision(policy)
    x = images((2, 64, 64, 2)) / 3.0 + 3.0
    y = InstanceNormalization()(x)
    assert y.dtype == policy
    np.testing.assert_allclose(np.mean(tf.cast(y, tf.float32), (1, 2)), np.zeros((2, 2)), atol=0.01)


@pytest.mark.parametrize("options", [{}, {"axis": 1, "scale": False}, {"center": False}])
def test_instance_norm_config_and_weights(options):
    layer = InstanceNormalization(**options)
    layer.build((None, 4, 5, 2))
    assert all(tuple(v.shape) == (4 if "axis" in options else 2,) for v in layer.weights)
    assert len(layer.weights) == 2 - ("axis" in options) - ("center" in options)
    again = InstanceNormalization.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


@pytest.mark.skipif(not compat.HAS_ADDONS, reason="needs tensorflow-addons")
@pytest.mark.parametrize(
    "options", [{}, {"epsilon": 1e-5}, {"scale": False}, {"center": False}, {"axis": 1}]
)
def test_instance_norm_equals_the_addon(options):
    theirs = compat._addons().layers.InstanceNormalization(**options)
    ours = InstanceNormalization(**options)
    for layer in (ours, theirs):
        layer.build((None, 4, 5, 2))
    assert [v.shape for v in ours.weights] == [v.shape for v in theirs.weights]
    values = [np.linspace(-1.0, 2.0, v.shape[0]) for v in theirs.weights]
    ours.set_weights(values)
    theirs.set_weights(values)
    for mine, other in zip(with_gradients(ours, images()), with_gradients(theirs, images())):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "ours, theirs",
    [
        (GroupNormalization(groups=1), keras.layers.GroupNormalization(groups=1)),
        (GroupNormalization(groups=2), keras.layers.GroupNormalization(groups=2)),
        (LayerNormalization(), keras.layers.LayerNormalization()),
    ],
)
def test_values_and_first_derivatives_are_those_of_keras(ours, theirs):
    x = images((3, 4, 5, 4))
    for layer in (ours, theirs):
        layer.build(x.shape)
        layer.set_weights(np.array([[1.0, 2.0, 3.0, -1.0], [0.5, 0.0, -0.5, 1.0]]))
    for mine, other in zip(with_gradients(ours, x), with_gradients(theirs, x)):
        np.testing.assert_allclose(mine, other, rtol=1e-3, atol=1e-3)
    again = type(ours).from_config(ours.get_config())
    assert again.get_config() == ours.get_config()


# --- second derivatives ----------------------------------------------------------------------

POINTS = np.random.RandomState(3).normal(size=(4, 3, 3, 2))
KERNEL, HEAD, DIRECTION = (np.random.RandomState(i).normal(size=(2, 4)) for i in range(3))
VECTORS = POINTS[:, 0, 0]

EXACT = [
    # What the discriminators offer, then what `networks` and `layers` hold besides.
    (lambda: GroupNormalization(groups=1, epsilon=1e-5, dtype="float64"), POINTS),
    (lambda: InstanceNormalization(epsilon=1e-5, dtype="float64"), POINTS),
    (lambda: LayerNormalization(dtype="float64"), VECTORS),
    (lambda: GroupNormalization(groups=2, dtype="float64"), POINTS),
    (lambda: GroupNormalization(groups=1, dtype="float64"), VECTORS),
]
FLOAT32 = [
    *((lambda name=name: blocks.normalization(name), POINTS) for name in blocks.NORMS[:-1]),
    (lambda: blocks.normalization("batch"), VECTORS),
    (BatchStatistics, POINTS),
    (InstanceStatistics, POINTS),
]


def slope_penalty(layer, kernel, points):
    """`E (|grad f| - 1)^2` of `f(x) = sum(tanh(norm(x @ kernel)) * head)`."""
    points = tf.constant(points, kernel.dtype)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(points)
        x = layer(tf.tensordot(points, kernel, 1), training=True)
        total = tf.reduce_sum(tf.tanh(x) * tf.constant(HEAD[0], x.dtype))
    gradients = tf.reshape(tape.gradient(total, points), (len(points), -1))
    return tf.reduce_mean((tf.norm(gradients, axis=1) - 1.0) ** 2)


def both_slopes(layer, points, dtype, step):
    """The penalty's slope along a direction of the kernel, by tape and by differences."""
    start, direction = tf.constant(KERNEL, dtype), tf.constant(DIRECTION, dtype)
    kernel = tf.Variable(start)
    call = layer if "training" in keras_call_arguments(layer) else lambda x, training: layer(x)
    with tf.GradientTape() as tape:
        penalty = slope_penalty(call, tf.convert_to_tensor(kernel), points)
    slope = float(tf.reduce_sum(tape.gradient(penalty, kernel) * direction))
    above, below = (
        float(slope_penalty(call, start + sign * step * direction, points)) for sign in (1, -1)
    )
    return slope, (above - below) / (2 * step)


def keras_call_arguments(layer):
    return type(layer).call.__code__.co_varnames


@pytest.mark.parametrize("make, points", EXACT)
def test_second_derivative_by_finite_differences(make, points):
    """A penalty's gradient; with `tf.nn.moments` it is off by 4 to 60%."""
    tape, differences = both_slopes(make(), points, "float64", 1e-5)
    assert tape == pytest.approx(differences, rel=1e-6)


@pytest.mark.parametrize("make, points", FLOAT32)
def test_second_derivative_of_every_norm_of_a_discriminator(make, points):
    tape, differences = both_slopes(make(), points, "float32", 5e-3)
    assert tape == pytest.approx(differences, rel=5e-3, abs=2e-3)


def test_second_derivative_by_hand():
    """Layer norm of (k, -k) with epsilon 1 at k = 1: the slope is w / 4, its derivative -w / 8.

    y = k / sqrt(k^2 + 1); the inputs are u = (1, -1) and x = k u, so that dy/du has the length
    s = k / (sqrt(2) (k^2 + 1)^1.5), times w = 2. The penalty's derivative is 2 (s - 1) ds/dk.
    """
    k = tf.Variable(1.0, dtype="float64")
    layer = LayerNormalization(epsilon=1.0, dtype="float64")
    u = tf.constant([[1.0, -1.0]], tf.float64)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(u)
            value = 2.0 * layer(k * u)[0, 0]
        penalty = (tf.norm(inner.gradient(value, u)) - 1.0) ** 2
    assert float(penalty) == pytest.approx(0.25)
    assert float(outer.gradient(penalty, k)) == pytest.approx(0.25)
