"""Spectral layers: sigma, its gradient, and when u moves."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import value

from tfgan_suite import compat
from tfgan_suite.layers import spectral
from tfgan_suite.layers.spectral import SpectralConv2D, SpectralDense, SpectralEmbedding


@pytest.fixture(autouse=True)
def same_weights():
    keras.utils.set_random_seed(3)


def iterate(network, times):
    """Power iterations in one graph: as many single calls take seconds."""

    @tf.function(autograph=False)
    def loop():
        def body(index):
            spectral.run_power_iteration(network)
            return index + 1

        return tf.while_loop(lambda index: index < times, body, [tf.constant(0)])

    loop()


def dense(matrix, iterations=200):
    """A model of one spectral dense layer with a given kernel, and the layer."""
    matrix = np.array(matrix, "f4")
    layer = SpectralDense(matrix.shape[1], use_bias=False)
    model = keras.Sequential([keras.Input((matrix.shape[0],)), layer])
    layer.kernel.assign(matrix)
    if iterations > 1:
        iterate(model, iterations)
    elif iterations:
        spectral.run_power_iteration(model)
    return model, layer


def small_network(policy=None):
    image = keras.Input((8, 8, 3))
    x = SpectralConv2D(6, 4, 2, "same", activation="relu", dtype=policy)(image)
    x = SpectralConv2D(5, 3, 1, "same", activation="relu", dtype=policy)(x)
    x = SpectralDense(4, dtype=policy)(keras.layers.Flatten()(x))
    return keras.Model(image, x)


def test_a_diagonal_matrix():
    _, layer = dense([[3.0, 0.0], [0.0, 1.0]])
    assert float(layer.sigma()) == pytest.approx(3.0, rel=1e-6)
    np.testing.assert_allclose(layer.normalized_weight(), [[1.0, 0.0], [0.0, 1.0 / 3.0]], atol=1e-6)


def test_one_iteration_is_exact_for_rank_one():
    left, right = np.array([1.0, 2.0, 2.0]), np.array([3.0, 4.0])
    _, layer = dense(np.outer(left, right), iterations=1)
    assert float(layer.sigma()) == pytest.approx(15.0, rel=1e-6)  # |a| |b| = 3 * 5


def test_sigma_is_the_largest_singular_value():
    network = small_network()
    iterate(network, 300)
    layers = spectral.spectral_layers(network)
    assert len(layers) == 3
    for layer in layers:
        matrix = value(layer.kernel).reshape(-1, layer.kernel.shape[-1])
        assert float(layer.sigma()) == pytest.approx(
            np.linalg.svd(matrix, compute_uv=False)[0], rel=1e-4
        )
        divided = np.reshape(layer.normalized_weight(), matrix.shape)
        assert np.linalg.svd(divided, compute_uv=False)[0] == pytest.approx(1.0, rel=1e-4)


def test_one_iteration_stays_close_after_a_small_change():
    matrix = np.random.RandomState(0).normal(size=(12, 7)).astype("f4")
    model, layer = dense(matrix)
    matrix += 0.01 * np.random.RandomState(1).normal(size=matrix.shape).astype("f4")
    layer.kernel.assign(matrix)
    spectral.run_power_iteration(model)
    assert float(layer.sigma()) == pytest.approx(np.linalg.svd(matrix)[1][0], rel=1e-3)


def test_an_unconverged_sigma_is_never_above_the_true_one():
    for seed in range(5):
        matrix = np.random.RandomState(seed).normal(size=(9, 6))
        model, layer = dense(matrix, iterations=0)
        before, true = float(layer.sigma()), np.linalg.svd(matrix)[1][0]
        spectral.run_power_iteration(model)
        assert before < float(layer.sigma()) <= true * (1 + 1e-6)


def test_the_gradient_passes_through_sigma():
    matrix = np.random.RandomState(0).normal(size=(6, 4)).astype("f4")
    _, layer = dense(matrix)
    weights = np.random.RandomState(1).normal(size=(6, 4)).astype("f4")
    kernel = compat.tensor_variable(layer.kernel)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(weights * layer.normalized_weight())
    found = tape.gradient(loss, kernel).numpy()
    left, values, right = np.linalg.svd(matrix.astype("f8"))
    along = (weights * matrix / values[0]).sum()
    expected = (weights - along * np.outer(left[:, 0], right[0])) / values[0]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
    assert (found * matrix).sum() == pytest.approx(0.0, abs=1e-5)  # scale does not matter


def test_the_gradient_equals_finite_differences():
    matrix = np.random.RandomState(4).normal(size=(5, 3))
    weights = np.random.RandomState(5).normal(size=(5, 3))

    def loss(kernel):
        return (weights * kernel).sum() / np.linalg.svd(kernel)[1][0]

    _, layer = dense(matrix)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(weights.astype("f4") * layer.normalized_weight())
    found = tape.gradient(total, compat.tensor_variable(layer.kernel)).numpy()
    for place in np.ndindex(matrix.shape):
        step = np.zeros_like(matrix)
        step[place] = 1e-6
        expected = (loss(matrix + step) - loss(matrix - step)) / 2e-6
        assert found[place] == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_the_weights_scale_does_not_matter():
    network = small_network()
    images = tf.random.stateless_normal((3, 8, 8, 3), [1, 2])
    before = network(images)
    for layer in spectral.spectral_layers(network):
        layer.kernel.assign(layer.kernel * 10.0)
    np.testing.assert_allclose(network(images), before, rtol=1e-4, atol=1e-6)


def test_a_dense_network_has_slope_one_at_most():
    model = keras.Sequential(
        [keras.Input((5,))] + [SpectralDense(8, activation="relu") for _ in range(3)]
    )
    iterate(model, 200)
    one, two = tf.random.stateless_normal((2, 200, 5), [0, 1])
    far = tf.norm(one - two, axis=1)
    assert float(tf.reduce_max(tf.norm(model(one) - model(two), axis=1) / far)) <= 1.0001


def test_a_weight_of_zeros_stays_finite():
    model, layer = dense(np.zeros((3, 2)), iterations=1)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer.normalized_weight())
    assert float(loss) == 0.0
    np.testing.assert_array_equal(
        tape.gradient(loss, compat.tensor_variable(layer.kernel)), np.ones((3, 2))
    )


def test_no_call_changes_a_variable():
    network = small_network()
    before = [value(v) for v in network.variables]
    for training in (False, True):
        network(tf.ones((2, 8, 8, 3)), training=training)
    assert all(np.array_equal(a, value(v)) for a, v in zip(before, network.variables))
    spectral.run_power_iteration(network)
    changed = [not np.array_equal(a, value(v)) for a, v in zip(before, network.variables)]
    assert sum(changed) == 3  # the three u, no kernel and no bias
    for layer in spectral.spectral_layers(network):
        assert np.linalg.norm(value(layer.direction)) == pytest.approx(1.0, rel=1e-5)
        assert all(layer.direction is not v for v in layer.trainable_variables)


def test_a_network_without_spectral_layers_is_left_alone():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    spectral.run_power_iteration(model)
    assert spectral.spectral_layers(model) == []


def test_an_embedding_gives_rows_of_the_divided_table():
    label = keras.Input((), dtype="int32")
    layer = SpectralEmbedding(3, 2)
    model = keras.Model(label, layer(label))
    table = np.array([[3.0, 0.0], [0.0, 1.0], [0.0, 0.0]], "f4")
    layer.embeddings.assign(table)
    iterate(model, 100)
    np.testing.assert_allclose(
        model(tf.constant([1, 0, 2, 0])), [[0, 1 / 3], [1, 0], [0, 0], [1, 0]], atol=1e-6
    )


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_sigma_is_float32_in_half_precision(policy):
    network = small_network(policy)
    iterate(network, 100)
    seen = []

    class Spy(SpectralDense):
        def normalized_weight(self):
            weight = super().normalized_weight()
            seen.append((weight.dtype, self.sigma()))
            return weight

    layer = Spy(3, dtype=policy, use_bias=False)
    layer(tf.ones((2, 4)))
    (dtype, sigma) = seen[-1]
    assert dtype == tf.float32
    kernel, direction = value(layer.kernel), value(layer.direction)
    assert float(sigma) == pytest.approx(np.linalg.norm(kernel @ direction), rel=1e-6)
    outputs = network(tf.ones((2, 8, 8, 3)))
    assert outputs.dtype == tf.as_dtype(policy.removeprefix("mixed_"))
    for one in spectral.spectral_layers(network):
        assert value(one.direction).dtype == np.float32


def test_a_clone_and_saved_weights_have_the_same_u(tmp_path):
    network = small_network()
    spectral.run_power_iteration(network)
    clone = keras.models.clone_model(network)
    clone.set_weights(network.get_weights())
    images = tf.random.stateless_normal((3, 8, 8, 3), [1, 2])
    np.testing.assert_allclose(clone(images), network(images), atol=1e-6)
    path = tf.train.Checkpoint(net=network).save(str(tmp_path / "ckpt"))
    other = small_network()
    tf.train.Checkpoint(net=other).restore(path)
    for one, two in zip(spectral.spectral_layers(network), spectral.spectral_layers(other)):
        assert np.array_equal(value(one.direction), value(two.direction))


def test_a_saved_model_file_loads(tmp_path):
    network = small_network()
    network.save(str(tmp_path / "discriminator.keras"))
    again = keras.models.load_model(str(tmp_path / "discriminator.keras"))
    images = tf.random.stateless_normal((3, 8, 8, 3), [1, 2])
    np.testing.assert_allclose(again(images), network(images), atol=1e-6)


def test_all_replicas_move_u_alike(two_replicas):
    weights = small_network().get_weights()
    alone = small_network()
    alone.set_weights(weights)
    spectral.run_power_iteration(alone)
    with two_replicas.scope():
        mirrored = small_network()
        mirrored.set_weights(weights)

    @tf.function
    def step():
        two_replicas.run(lambda: spectral.run_power_iteration(mirrored))

    step()
    for one, two in zip(spectral.spectral_layers(alone), spectral.spectral_layers(mirrored)):
        copies = two_replicas.experimental_local_results(compat.tensor_variable(two.direction))
        assert len(copies) == 2
        for copy in copies:
            np.testing.assert_allclose(copy.numpy(), value(one.direction), atol=1e-6)
