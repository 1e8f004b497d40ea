"""Both stacks behave the same through compat; each stand-in equals the addon it stands in for."""

import socket
import subprocess
import sys

import forks
import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import _stand_ins, compat
from tfgan_suite.errors import InputError
from tfgan_suite.utils import replicas

needs_addons = pytest.mark.skipif(not compat.HAS_ADDONS, reason="needs tensorflow-addons")
needs_io = pytest.mark.skipif(not compat.HAS_IO, reason="needs tensorflow-io")


@pytest.fixture
def precision():
    """Sets a precision for one test."""
    yield compat.set_precision
    compat.set_precision("float32")


def value_of(variable):
    return tf.convert_to_tensor(variable).numpy()


def by_replica(*values):
    """A value for each replica, chosen inside a replica by its number."""
    return tf.stack(values)[tf.distribute.get_replica_context().replica_id_in_sync_group]


def images(shape=(3, 4, 5, 2), seed=1):
    return tf.random.stateless_normal(shape, [seed, 2]) * 3.0 + 1.0


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


# --- batch normalisation ---------------------------------------------------------------------


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


# --- stand-ins -------------------------------------------------------------------------------


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


# --- colours -------------------------------------------------------------------------------


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


# --- precision -------------------------------------------------------------------------------


def test_set_precision(precision):
    for name in ("bfloat16", "float16", "float32"):
        precision(name)
        assert compat.get_precision() == name
        layer = keras.layers.Dense(1)
        assert layer.compute_dtype == name
        assert layer(tf.ones((1, 2))).dtype == name
        assert tf.as_dtype(layer.kernel.dtype) == tf.float32
    precision("mixed_bfloat16")
    assert compat.get_precision() == "bfloat16"
    with pytest.raises(InputError, match="float32, bfloat16, float16"):
        precision("float8")


def test_loss_scaling_is_for_float16_only(precision):
    for name, wrapped in (("float32", False), ("bfloat16", False), ("float16", True)):
        precision(name)
        plain = keras.optimizers.SGD(0.1)
        optimizer = compat.loss_scaled(plain)
        assert compat.is_loss_scaled(optimizer) == wrapped
        assert (optimizer is plain) != wrapped
        assert compat.loss_scaled(optimizer) is optimizer


def scaled_sgd(precision, variable, rate=0.5):
    precision("float16")
    optimizer = compat.loss_scaled(keras.optimizers.SGD(rate))
    precision("float32")
    compat.build_optimizer(optimizer, [variable])
    return optimizer


def descent(optimizer, variable, graph=True):
    """The function `factor -> (scaled loss, loss, true gradient)` that takes a step."""

    def step(factor):
        return descend(optimizer, variable, factor)

    return tf.function(step) if graph else step


def descend(optimizer, variable, factor):
    """One step down `factor * sum(w^2) / 2`; returns scaled loss, loss and true gradient."""
    with tf.GradientTape() as tape:
        loss = factor * tf.reduce_sum(tf.convert_to_tensor(variable) ** 2) / 2.0
        scaled = compat.scale_loss(optimizer, loss)
    gradients = tape.gradient(scaled, [compat.tensor_variable(variable)])
    gradients = compat.unscale_gradients(optimizer, gradients)
    compat.apply_gradients(optimizer, gradients, [variable])
    return scaled, loss, gradients[0]


def weight(values=(2.0, -4.0)):
    layer = keras.layers.Dense(1, use_bias=False)
    layer.build((None, len(values)))
    layer.set_weights([np.reshape(np.float32(values), (-1, 1))])
    return layer.kernel


@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_step_is_the_same_with_and_without_loss_scaling(precision, wrapped, graph):
    variable = weight()
    optimizer = keras.optimizers.SGD(0.5)
    if wrapped:
        optimizer = scaled_sgd(precision, variable)
    compat.build_optimizer(optimizer, [variable])
    scaled, loss, gradient = descent(optimizer, variable, graph)(tf.constant(1.0))
    assert float(scaled) == float(loss) * (2.0**15 if wrapped else 1.0)
    np.testing.assert_array_equal(gradient[:, 0], [2.0, -4.0])
    np.testing.assert_array_equal(value_of(variable)[:, 0], [1.0, -2.0])


def test_a_step_that_is_not_finite_is_left_out(precision):
    variable = weight()
    optimizer = scaled_sgd(precision, variable)
    step = descent(optimizer, variable)
    step(tf.constant(np.inf))
    np.testing.assert_array_equal(value_of(variable)[:, 0], [2.0, -4.0])
    scaled, loss, _ = step(tf.constant(1.0))
    assert float(scaled) == float(loss) * 2.0**14
    np.testing.assert_array_equal(value_of(variable)[:, 0], [1.0, -2.0])


@pytest.mark.parametrize("wrapped", [False, True])
def test_gradients_are_summed_over_replicas(precision, two_replicas, wrapped):
    strategy = two_replicas
    with strategy.scope():
        variable = weight()
        optimizer = keras.optimizers.SGD(0.5)
        if wrapped:
            optimizer = scaled_sgd(precision, variable)
        compat.build_optimizer(optimizer, [variable])

    @tf.function
    def step(first, second):
        strategy.run(lambda: descend(optimizer, variable, by_replica(first, second))[1])

    # Tensors: each pair of Python's numbers would be traced anew.
    half, pairs = tf.constant([0.25, 0.75]), tf.constant([[np.inf, 1.0], [1.0, np.inf]])
    step(*tf.unstack(half))
    locals_ = strategy.experimental_local_results(compat.tensor_variable(variable))
    for local in locals_:
        np.testing.assert_array_equal(value_of(local)[:, 0], [1.0, -2.0])
    if wrapped:  # One replica alone is not finite: neither moves.
        for pair in pairs:
            step(*tf.unstack(pair))
            for local in locals_:
                np.testing.assert_array_equal(value_of(local)[:, 0], [1.0, -2.0])
        step(*tf.unstack(half))
        for local in locals_:
            np.testing.assert_array_equal(value_of(local)[:, 0], [0.5, -1.0])


def test_none_gradients_pass_through(precision):
    variable = weight()
    for optimizer in (keras.optimizers.SGD(0.5), scaled_sgd(precision, variable)):
        assert compat.unscale_gradients(optimizer, [None])[0] is None


# --- optimizers ------------------------------------------------------------------------------


def test_optimizer_state_exists_after_build():
    variable = weight()
    optimizer = keras.optimizers.Adam(1e-3)
    compat.build_optimizer(optimizer, [variable])
    before = len(compat.optimizer_variables(optimizer))
    assert before >= 3  # counter and two moments
    descend(optimizer, variable, 1.0)
    assert len(compat.optimizer_variables(optimizer)) == before
    momentum, velocity = compat.adam_slots(optimizer, variable)
    np.testing.assert_allclose(momentum[:, 0], [0.2, -0.4], rtol=1e-5)
    np.testing.assert_allclose(velocity[:, 0], [0.004, 0.016], rtol=1e-4)


def test_optimizer_state_holds_the_loss_scale(precision):
    variable = weight()
    optimizer = scaled_sgd(precision, variable)
    state = compat.optimizer_variables(optimizer)
    assert any(value_of(v).shape == () and float(value_of(v)) == 2.0**15 for v in state)


def test_loss_scaled_state_is_restored(precision, tmp_path):
    variable = weight()
    first = scaled_sgd(precision, variable)
    descend(first, variable, np.inf)
    path = tf.train.Checkpoint(optimizer=first).write(str(tmp_path / "state"))
    second = scaled_sgd(precision, variable)
    tf.train.Checkpoint(optimizer=second).read(path).assert_consumed()
    assert float(compat.scale_loss(second, tf.constant(1.0))) == 2.0**14


@pytest.mark.parametrize("wrapped", [False, True])
def test_learning_rate(precision, wrapped):
    variable = weight()
    optimizer = keras.optimizers.SGD(0.5)
    if wrapped:
        optimizer = scaled_sgd(precision, variable)
    assert compat.get_learning_rate(optimizer) == 0.5
    step = descent(optimizer, variable)
    step(tf.constant(1.0))
    compat.set_learning_rate(optimizer, 0.25)
    assert compat.get_learning_rate(optimizer) == 0.25
    step(tf.constant(1.0))  # the graph made before sees the new rate
    np.testing.assert_array_equal(value_of(variable)[:, 0], [0.75, -1.5])


def test_a_schedule_is_read_but_not_set():
    schedule = keras.optimizers.schedules.PolynomialDecay(0.5, 10, 0.0)
    optimizer = keras.optimizers.SGD(schedule)
    assert compat.get_learning_rate(optimizer) == 0.5
    with pytest.raises(InputError, match="schedule"):
        compat.set_learning_rate(optimizer, 0.1)


# --- distribution ----------------------------------------------------------------------------


@pytest.mark.parametrize("graph", [False, True])
def test_assign_without_a_strategy(graph):
    variable, plain = weight(), tf.Variable([1.0, 2.0])

    def double():
        both = [variable, plain]
        replicas.assign(both, [2.0 * compat.tensor_variable(v) for v in both])

    (tf.function(double) if graph else double)()
    np.testing.assert_array_equal(value_of(variable)[:, 0], [4.0, -8.0])
    np.testing.assert_array_equal(plain, [2.0, 4.0])


@pytest.mark.parametrize("place", ["replica", "cross-replica", "outside"])
@pytest.mark.parametrize("graph", [False, True])
def test_assign_with_a_strategy(two_replicas, place, graph):
    strategy = two_replicas
    with strategy.scope():
        variable, plain = weight(), tf.Variable([1.0, 2.0])

    def double():
        both = [variable, plain]
        replicas.assign(both, [2.0 * compat.tensor_variable(v) for v in both])

    def everywhere():
        if place == "replica":
            strategy.run(double)
        elif place == "cross-replica":
            with strategy.scope():
                double()
        else:
            double()

    (tf.function(everywhere) if graph else everywhere)()
    for local in strategy.experimental_local_results(compat.tensor_variable(variable)):
        np.testing.assert_array_equal(value_of(local)[:, 0], [4.0, -8.0])
    for local in strategy.experimental_local_results(plain):
        np.testing.assert_array_equal(local, [2.0, 4.0])


def test_assign_to_moving_averages(two_replicas):
    """Variables that replicas keep for themselves take each its own replica's value."""
    with two_replicas.scope():
        layer, copy = compat.BatchNormalization(), compat.BatchNormalization()
        for each in (layer, copy):
            each.build((None, 4, 5, 2))

    @tf.function
    def step():
        def replica():
            layer(by_replica(images(seed=1), images(seed=2)), training=True)
            values = [tf.convert_to_tensor(v) for v in layer.variables]
            replicas.assign(copy.variables, values)

        two_replicas.run(replica)

    step()
    assert np.abs(layer.get_weights()[2]).min() > 0.01
    for mine, other in zip(copy.get_weights(), layer.get_weights()):
        np.testing.assert_allclose(mine, other, rtol=1e-6)


class Reporter(keras.Model):
    """Reports 1 on the first replica and 3 on the second."""

    def __init__(self):
        super().__init__()
        self.built = True

    def train_step(self, batch):
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return {"value": compat.log_value(1.0 + 2.0 * tf.cast(replica, tf.float32))}


@pytest.mark.parametrize("replicas, expected", [(1, 1.0), (2, 2.0)])
def test_fit_reports_the_mean_over_replicas(two_replicas, replicas, expected):
    strategy = two_replicas if replicas == 2 else tf.distribute.get_strategy()
    with strategy.scope():
        model = Reporter()
        model.compile()
    batches = tf.data.Dataset.from_tensor_slices(tf.ones((8, 1))).batch(4)
    history = model.fit(batches, epochs=2, verbose=0).history
    assert history["value"] == [expected, expected]


WORKER = """
import json, os, sys
os.environ["TF_CONFIG"] = json.dumps({
    "cluster": {"worker": sys.argv[2:]}, "task": {"type": "worker", "index": int(sys.argv[1])}
})
import keras, tensorflow as tf
from tfgan_suite import compat

class Reporter(keras.Model):
    def __init__(self):
        super().__init__()
        self.built = True

    def train_step(self, batch):
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return {"value": compat.log_value(1.0 + 2.0 * tf.cast(replica, tf.float32))}

with tf.distribute.MultiWorkerMirroredStrategy().scope():
    model = Reporter()
    model.compile()
options = tf.data.Options()
options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
batches = tf.data.Dataset.from_tensor_slices(tf.ones((8, 1))).batch(4).with_options(options)
print(model.fit(batches.repeat(), steps_per_epoch=2, verbose=0).history["value"])
"""


@pytest.mark.large
def test_fit_reports_the_mean_over_workers():
    """Two processes on this machine, one replica each."""
    with socket.socket() as first, socket.socket() as second:
        for one in (first, second):
            one.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in (first, second)]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(index), *addresses],
            stdout=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]
    try:
        for worker in workers:
            assert worker.communicate(timeout=120)[0].strip().splitlines()[-1] == "[2.0]"
    finally:
        for worker in workers:
            worker.kill()
