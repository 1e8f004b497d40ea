"""Gradient penalties and clipping against known answers and finite differences."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.losses import penalties

POINTS = tf.constant([[1.0, 2.0], [-3.0, 0.5], [0.0, 0.0]])


def linear(weights):
    return lambda points: tf.linalg.matvec(points, weights)[:, tf.newaxis]


def test_linear_discriminator():
    """w = (3, 4): slope 5 everywhere, lambda (5 - 1)^2 = 160, d/dw = 2 lambda 4 w / 5."""
    weights = tf.Variable([3.0, 4.0])
    with tf.GradientTape() as tape:
        penalty, slopes = penalties.gradient_penalty(linear(weights), POINTS)
        weighted = 10.0 * penalty
    assert float(weighted) == pytest.approx(160.0, rel=1e-6)
    np.testing.assert_allclose(slopes, [5.0] * 3, rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(weighted, weights), [48.0, 64.0], rtol=1e-5)


def test_unit_slope_costs_nothing():
    penalty, _ = penalties.gradient_penalty(linear(tf.constant([0.6, 0.8])), POINTS)
    assert float(penalty) == pytest.approx(0.0, abs=1e-10)


@pytest.mark.parametrize("connected", [True, False])
def test_constant_discriminator_is_finite(connected):
    """Slope 0: the penalty is 1 (10 with lambda) and its gradient is no NaN."""
    weights = tf.Variable([0.0, 0.0])

    def discriminator(points):
        return linear(weights)(points) if connected else tf.ones((3, 1)) * weights[0]

    with tf.GradientTape() as tape:
        penalty, _ = penalties.gradient_penalty(discriminator, POINTS)
    assert 10.0 * float(penalty) == pytest.approx(10.0, abs=1e-4)
    gradient = tape.gradient(penalty, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    assert np.all(np.isfinite(gradient))


def test_quadratic_discriminator():
    """f = |x|^2 / 2: the slope at x is |x|."""
    penalty, slopes = penalties.gradient_penalty(
        lambda points: 0.5 * tf.reduce_sum(points**2, 1), POINTS
    )
    norms = np.linalg.norm(POINTS, axis=1)
    np.testing.assert_allclose(slopes, norms, atol=1e-5)
    assert float(penalty) == pytest.approx(np.mean((norms - 1) ** 2), rel=1e-5)


def test_one_sided_and_target():
    half = linear(tf.constant([0.3, 0.4]))
    assert 10 * float(penalties.gradient_penalty(half, POINTS, one_sided=True)[0]) == 0.0
    assert 10 * float(penalties.gradient_penalty(half, POINTS)[0]) == pytest.approx(2.5, rel=1e-5)
    steep = linear(tf.constant([3.0, 4.0]))
    one_sided, _ = penalties.gradient_penalty(steep, POINTS, one_sided=True)
    assert float(one_sided) == pytest.approx(16.0, rel=1e-5)
    on_target, _ = penalties.gradient_penalty(steep, POINTS, target=5.0)
    assert float(on_target) == pytest.approx(0.0, abs=1e-8)


def test_norm_is_over_all_axes_of_a_image():
    """f = sum of a 2 x 3 x 2 image: 12 partial derivatives of 1, slope sqrt(12)."""
    _, slopes = penalties.gradient_penalty(
        lambda x: tf.reduce_sum(x, [1, 2, 3]), tf.zeros((4, 2, 3, 2))
    )
    np.testing.assert_allclose(slopes, [12**0.5] * 4, rtol=1e-6)


def small_discriminator():
    """A smooth convolutional discriminator, so that finite differences converge."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.layers.Input((6, 6, 2)),
            keras.layers.Conv2D(4, 3, strides=2, padding="same", activation="tanh"),
            keras.layers.AveragePooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )


@pytest.mark.parametrize("kind", ["gradient_penalty", "zero_centred"])
def test_second_order_gradient_equals_finite_differences(kind):
    discriminator = small_discriminator()
    points = tf.random.stateless_normal((3, 6, 6, 2), [1, 2]) * 2.0

    def value():
        return getattr(penalties, kind)(discriminator, points)[0]

    with tf.GradientTape() as tape:
        penalty = value()
    kernels = [v for v in discriminator.trainable_variables if len(v.shape) > 1]
    gradients = tape.gradient(penalty, [compat.tensor_variable(v) for v in kernels])
    for kernel, gradient in zip(kernels, gradients):
        start = tf.convert_to_tensor(kernel)
        direction = tf.random.stateless_normal(start.shape, [3, 4])
        step = 1e-2
        ends = []
        for sign in (1.0, -1.0):
            kernel.assign(start + sign * step * direction)
            ends.append(float(value()))
        kernel.assign(start)
        slope = float(tf.reduce_sum(gradient * direction))
        assert abs(slope) > 1e-3
        assert slope == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=2e-2, abs=1e-4)


def test_points_are_constants():
    """The generator that made the points gets no gradient from the penalty."""
    made = tf.Variable(POINTS)
    with tf.GradientTape() as tape:
        penalty, _ = penalties.gradient_penalty(lambda p: tf.reduce_sum(p**3, 1), made)
    assert tape.gradient(penalty, made) is None


def test_interpolate():
    real, fake = tf.ones((3, 2, 2, 1)), tf.zeros((3, 2, 2, 1))
    for uniform in (tf.constant([0.0, 0.25, 1.0]), tf.constant([[0.0], [0.25], [1.0]])):
        points = penalties.interpolate(real, tf.cast(fake, tf.bfloat16), uniform)
        assert points.dtype == tf.float32
        np.testing.assert_allclose(points[:, 1, 0, 0], [0.0, 0.25, 1.0])
        assert np.ptp(points.numpy().reshape(3, -1), axis=1).max() == 0.0  # one u a sample
    flat = penalties.interpolate(tf.ones((2, 2)), 3 * tf.ones((2, 2)), tf.constant([0.5, 1.0]))
    np.testing.assert_allclose(flat, [[2.0, 2.0], [1.0, 1.0]])


def test_interpolate_refuses_what_would_broadcast():
    with pytest.raises(InputError, match="2 random numbers for 3 pairs"):
        penalties.interpolate(tf.ones((3, 2)), tf.ones((3, 2)), tf.zeros(2))
    with pytest.raises(InputError, match="differ in shape"):
        penalties.interpolate(tf.ones((3, 2)), tf.ones((3, 1)), tf.zeros(3))


def test_r1():
    """|grad|^2 / 2 = 25 / 2 for w = (3, 4), and the outputs come along."""
    penalty, outputs = penalties.zero_centred(linear(tf.constant([3.0, 4.0])), POINTS)
    assert float(penalty) == pytest.approx(12.5, rel=1e-6)
    np.testing.assert_allclose(outputs[:, 0], [11.0, -7.0, 0.0], rtol=1e-6)


def test_models_run_in_training_mode():
    class Mode(keras.layers.Layer):
        def call(self, inputs, training=None):
            return inputs * (2.0 if training else 1.0)

    discriminator = keras.Sequential([keras.layers.Input((2,)), Mode()])
    _, slopes = penalties.gradient_penalty(discriminator, POINTS)
    np.testing.assert_allclose(slopes, [2 * 2**0.5] * 3, rtol=1e-5)


@pytest.mark.parametrize("graph", [False, True])
def test_clip_weights(graph):
    discriminator = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(3)])
    discriminator.layers[-1].kernel.assign([[0.5, -0.5, 0.005], [0.01, -0.01, 0.02]])

    def clip():
        penalties.clip_weights(discriminator.trainable_variables, 0.01)

    (tf.function(clip) if graph else clip)()
    kernel = np.array(discriminator.get_weights()[0])
    limit = np.float32(0.01)
    np.testing.assert_array_equal(
        kernel, np.array([[limit, -limit, 0.005], [limit, -limit, limit]], np.float32)
    )
    with pytest.raises(InputError, match="limit"):
        penalties.clip_weights(discriminator.trainable_variables, 0.0)


def test_clip_weights_on_two_replicas(two_replicas):
    strategy = two_replicas
    with strategy.scope():
        discriminator = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(3)])
        discriminator.layers[-1].kernel.assign([[1.0, -1.0, 0.005]] * 2)

    @tf.function
    def step():
        strategy.run(lambda: penalties.clip_weights(discriminator.trainable_variables, 0.01))

    step()
    kernel = compat.tensor_variable(discriminator.trainable_variables[0])
    for local in strategy.experimental_local_results(kernel):
        np.testing.assert_allclose(local, [[0.01, -0.01, 0.005]] * 2)


def test_reject_batch_norm():
    inner = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(4), norm()])
    discriminator = keras.Sequential([keras.layers.Input((4,)), inner, keras.layers.Dense(1)])
    with pytest.raises(InputError, match="batch normalization"):
        penalties.reject_batch_norm(discriminator)
    plain = keras.Sequential(
        [keras.layers.Input((4, 4, 2)), keras.layers.GroupNormalization(groups=1)]
    )
    penalties.reject_batch_norm(plain)


def norm():
    return compat.BatchNormalization()
