"""Batch normalization is the same on both stacks: values, gradients, kernels, replicas, exports."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from compat_values import by_replica, images, value_of

from tfgan_suite import _stand_ins, compat


def normalised(x, epsilon):
    axes = tuple(range(x.ndim - 1))
    mean, variance = np.mean(x, axes), np.var(x, axes)
    return (x - mean) / np.sqrt(variance + epsilon), mean, np.var(x, axes, ddof=1)


@pytest.mark.parametrize("shape", [(3, 4, 5, 2), (6, 2)])
def test_batch_norm_training_and_inference(shape):
    """The moving variance is the unbiased one: of images and vectors, on both stacks."""
    layer = compat.BatchNormalization()
    x = images(shape)
    expected, mean, variance = normalised(x.numpy(), 1e-5)
    np.testing.assert_allclose(layer(x, training=True), expected, atol=1e-5)
    np.testing.assert_allclose(value_of(layer.moving_mean), 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(value_of(layer.moving_variance), 0.9 + 0.1 * variance, rtol=1e-5)
    layer.gamma.assign([2.0, 3.0])
    layer.beta.assign([-1.0, 1.0])
    still = (x - value_of(layer.moving_mean)) / np.sqrt(value_of(layer.moving_variance) + 1e-5)
    np.testing.assert_allclose(layer(x), still * [2.0, 3.0] + [-1.0, 1.0], rtol=1e-4, atol=1e-5)


def test_batch_norm_equals_keras():
    """Outputs, gradients and moving means over several steps, against Keras's own layer."""
    ours, keras_own = (
        cls(momentum=0.9, epsilon=1e-5, gamma_initializer="ones")
        for cls in (compat.BatchNormalization, keras.layers.BatchNormalization)
    )
    for seed in range(3):
        x = images(seed=seed)
        results = []
        for layer in (ours, keras_own):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x, training=True)
                loss = tf.reduce_sum(y**3)
            sources = [x] + [compat.tensor_variable(v) for v in layer.trainable_variables]
            results.append([y, *tape.gradient(loss, sources)])
        for mine, theirs in zip(*results):
            np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-3)
    # Keras 3 averages the biased variance.
    for mine, theirs in zip(ours.get_weights()[:3], keras_own.get_weights()):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)


@pytest.mark.parametrize("policy", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_uses_the_fused_kernel(precision, policy, training):
    precision(policy)
    model = keras.Sequential([keras.layers.Input((4, 5, 2)), compat.BatchNormalization()])
    run = tf.function(lambda x: model(x, training=training))
    graph = run.get_concrete_function(tf.TensorSpec((3, 4, 5, 2))).graph
    functions = [f.graph for f in graph._functions.values()] if hasattr(graph, "_functions") else []
    kinds = {op.type for g in [graph, *functions] for op in g.get_operations()}
    assert "FusedBatchNormV3" in kinds


@pytest.mark.parametrize("policy", ["bfloat16", "float16"])
def test_batch_norm_statistics_are_float32(precision, policy):
    """A spread of 1 around 1000 (steps of 4 or .5 in these dtypes) keeps its exact mean."""
    precision(policy)
    layer = compat.BatchNormalization(momentum=0.0)
    rounded = tf.cast(images((16, 16, 16, 2)) + 1000.0, getattr(tf, policy))
    y = layer(rounded, training=True)
    assert y.dtype == rounded.dtype
    mean = np.mean(tf.cast(rounded, tf.float64), (0, 1, 2))
    np.testing.assert_allclose(value_of(layer.moving_mean), mean, rtol=1e-5)
    assert all(weight.dtype == np.float32 for weight in layer.get_weights())


@pytest.mark.parametrize("shape", [(8, 6, 6, 24), (64, 24), (8, 6, 6, 32)])
def test_batch_norm_in_bfloat16_is_that_of_float32_rounded(precision, shape):
    """Channels that its kernel is slow with, 24, are normalized in float32 on CPUs."""
    maps = tf.random.stateless_normal(shape, [3, 4], 2.0, 3.0)
    maps, upstream = tf.cast(maps, tf.bfloat16), tf.random.stateless_normal(shape, [5, 6])
    found = []
    for policy, kind in (("bfloat16", tf.bfloat16), ("float32", tf.float32)):
        precision(policy)
        layer, x = compat.BatchNormalization(), tf.cast(maps, kind)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
            loss = tf.reduce_sum(tf.cast(y, tf.float32) * upstream)
        sources = [x, *(compat.tensor_variable(v) for v in layer.trainable_variables)]
        assert y.dtype == kind
        found.append([y, *tape.gradient(loss, sources), *layer.get_weights()[2:]])
    for one, other in zip(*found):
        scale = float(tf.reduce_max(tf.abs(other)))
        np.testing.assert_allclose(tf.cast(one, tf.float32), other, atol=0.01 * scale)


def test_where_batch_norm_in_bfloat16_computes_in_float32(precision, monkeypatch):
    precision("bfloat16")
    kinds, real = [], tf.compat.v1.nn.fused_batch_norm

    def spy(x, *args, **kwargs):
        kinds.append(x.dtype)
        return real(x, *args, **kwargs)

    monkeypatch.setattr(tf.compat.v1.nn, "fused_batch_norm", spy)
    on_cpus = _stand_ins.on_cpus()
    layer = compat.BatchNormalization()
    maps = tf.ones((2, 4, 4, 24), tf.bfloat16)
    layer(maps, training=True)
    assert (tf.float32 in kinds) == on_cpus
    kinds.clear()
    layer(maps)
    compat.BatchNormalization()(tf.ones((2, 4, 4, 16), tf.bfloat16), training=True)
    monkeypatch.setattr(_stand_ins, "on_cpus", lambda: False)
    layer(maps, training=True)
    assert tf.float32 not in kinds


def test_batch_norm_of_other_ranks_and_options():
    flat = tf.random.stateless_normal((8, 3), [1, 2])
    y = compat.BatchNormalization()(flat, training=True)
    np.testing.assert_allclose(np.mean(y, 0), [0.0] * 3, atol=1e-6)
    bare = compat.BatchNormalization(scale=False, center=False)
    y = bare(images(), training=True)
    np.testing.assert_allclose(np.std(y, (0, 1, 2)), [1.0] * 2, atol=1e-4)
    assert bare.trainable_variables == []
    frozen = compat.BatchNormalization()
    frozen.trainable = False
    np.testing.assert_allclose(frozen(images(), training=True), images(), rtol=1e-4)


def test_batch_norm_has_second_derivatives():
    layer = compat.BatchNormalization()
    x = tf.Variable(images())

    def penalty():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(x, training=True) ** 3)
        return tf.reduce_sum(tape.gradient(loss, x) ** 2)

    with tf.GradientTape() as tape:
        value = penalty()
    direction = tf.random.stateless_normal(x.shape, [5, 6])
    slope = float(tf.reduce_sum(tape.gradient(value, x) * direction))
    start, ends = tf.identity(x), []
    for sign in (1.0, -1.0):
        x.assign(start + sign * 1e-2 * direction)
        ends.append(float(penalty()))
    assert slope == pytest.approx((ends[0] - ends[1]) / 2e-2, rel=2e-2)


def test_batch_norm_on_two_replicas(two_replicas, tmp_path):
    """Each replica normalises its own batch; the moving averages are the mean of both."""
    strategy = two_replicas
    with strategy.scope():
        layer = compat.BatchNormalization()
        layer.build((None, 4, 5, 2))
    first, second = images(seed=1), 5.0 * images(seed=2)

    @tf.function
    def step():
        return strategy.run(lambda: layer(by_replica(first, second), training=True))

    outputs = strategy.experimental_local_results(step())
    for x, y in zip((first, second), outputs):
        np.testing.assert_allclose(y, normalised(x.numpy(), 1e-5)[0], atol=1e-4)
    mean = (np.mean(first, (0, 1, 2)) + np.mean(second, (0, 1, 2))) / 2
    np.testing.assert_allclose(layer.get_weights()[2], 0.1 * mean, rtol=1e-4)
    path = tf.train.Checkpoint(layer=layer).write(str(tmp_path / "state"))
    single = compat.BatchNormalization()
    single.build((None, 4, 5, 2))
    tf.train.Checkpoint(layer=single).read(path).assert_consumed()
    np.testing.assert_allclose(single.get_weights()[2], 0.1 * mean, rtol=1e-4)
    layer.set_weights([np.full(2, value, np.float32) for value in (1.0, 2.0, 3.0, 4.0)])
    tf.train.Checkpoint(layer=layer).read(path).assert_consumed()
    np.testing.assert_allclose(layer.get_weights()[2], 0.1 * mean, rtol=1e-4)


def test_batch_norm_is_saved_and_exported(tmp_path):
    model = keras.Sequential(
        [keras.layers.Input((4, 5, 2)), keras.layers.Conv2D(3, 3), compat.BatchNormalization()]
    )
    model(images(), training=True)
    expected = model(images()).numpy()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.layers[-1], compat.BatchNormalization)
    assert loaded.layers[-1].momentum == 0.9
    np.testing.assert_array_equal(loaded(images()), expected)
    model.export(str(tmp_path / "export"))
    served = tf.saved_model.load(str(tmp_path / "export"))
    np.testing.assert_allclose(served.serve(images()), expected, atol=1e-5)
    content = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "export")).convert()
    interpreter = tf.lite.Interpreter(model_content=content)
    entry = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(entry, [3, 4, 5, 2])
    interpreter.allocate_tensors()
    interpreter.set_tensor(entry, images())
    interpreter.invoke()
    result = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(result, expected, atol=1e-4)
