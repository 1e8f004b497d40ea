"""Precision, loss scaling and the state of optimizers are the same on both stacks."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from compat_values import by_replica, value_of, weight

from tfgan_suite import compat
from tfgan_suite.errors import InputError


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
