"""Schedules: their values, and that whoever follows one goes on exactly after a resumption."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import value

from tfgan_suite import InputError, compat
from tfgan_suite.core.latent_game import Regularization
from tfgan_suite.training.optimizers import FusedAdam
from tfgan_suite.utils.schedules import (
    CosineSchedule,
    HalfLifeDecay,
    LinearRamp,
    smallest,
    value_at,
)


def test_a_cosine_is_exact_at_both_ends_and_half_way_in_between():
    schedule = CosineSchedule(2e-4, 5e-5, 100)
    values = [float(schedule(step)) for step in (0, 50, 100, 1000)]
    assert values[0] == np.float32(2e-4) and values[2] == values[3] == np.float32(5e-5)
    assert values[1] == pytest.approx(1.25e-4, rel=1e-6)
    # A third of the way cos is 1/2: three quarters of the start remain.
    third = CosineSchedule(4.0, 0.0, 300)
    assert float(third(tf.constant(100, tf.int64))) == pytest.approx(3.0, rel=1e-6)
    assert CosineSchedule.from_config(schedule.get_config()).end == 5e-5


def test_a_half_life_is_the_number_of_steps_after_which_half_is_left():
    assert float(HalfLifeDecay(10.0)(0)) ** 10 == pytest.approx(0.5, rel=1e-5)
    rising = HalfLifeDecay(CosineSchedule(0.0, 1000.0, 100))
    assert float(rising(0)) == 0.0  # the average is the newest value
    assert float(rising(100)) == pytest.approx(0.5**0.001, rel=1e-6)


def test_a_ramp_is_a_share_of_the_steps_up_to_its_limit():
    ramp = LinearRamp(0.05, 10.0)
    assert [float(ramp(step)) for step in (0, 100, 200, 300)] == [0.0, 5.0, 10.0, 10.0]
    decay = HalfLifeDecay.from_config(HalfLifeDecay(ramp).get_config())
    assert float(decay(100)) == pytest.approx(0.5**0.2, rel=1e-6)
    with pytest.raises(InputError, match="slope 0"):
        LinearRamp(0.0, 1.0)


def test_numbers_and_schedules_are_read_alike():
    schedule = CosineSchedule(0.5, 0.25, 4)
    assert value_at(0.5, 7) == 0.5 and float(value_at(schedule, 7)) == 0.25
    assert smallest(schedule) == 0.25 and smallest(0.5) == 0.5


def test_impossible_schedules_are_refused():
    for arguments, said in (((1.0, 0.0, 0), "0 steps"), ((1.0, float("nan"), 5), "finite")):
        with pytest.raises(InputError, match=said):
            CosineSchedule(*arguments)
    with pytest.raises(InputError, match="half-life is -1"):
        HalfLifeDecay(CosineSchedule(5.0, -1.0, 3))
    with pytest.raises(InputError, match="r2_weight is -0.5"):
        Regularization(r2_weight=CosineSchedule(1.0, -0.5, 3))


def scheduled_adam():
    return FusedAdam(CosineSchedule(0.5, 0.125, 4), beta_1=0.0, beta_2=CosineSchedule(0.9, 0.99, 4))


def adam_by_hand(gradients, start=1.0):
    """`w -= lr g / (sqrt(v / (1 - beta_2^t)) + eps)` with both schedules at t - 1 updates."""
    weight, velocity = start, 0.0
    for count, gradient in enumerate(gradients):
        share = 0.5 * (1 + np.cos(np.pi * min(count / 4, 1)))
        rate, beta = 0.125 + share * 0.375, 0.99 - share * 0.09
        velocity = beta * velocity + (1 - beta) * gradient**2
        corrected = velocity / (1 - beta ** (count + 1))
        weight -= rate * gradient / (np.sqrt(corrected) + 1e-7)
    return weight


def updated(optimizer, variable, gradients):
    for gradient in gradients:
        compat.apply_gradients(optimizer, [tf.constant(gradient)], [variable])
    return float(value(variable))


def test_adam_follows_its_schedules_and_goes_on_where_it_stopped(tmp_path):
    """Against the formula; a checkpoint holds the counter, and so the place in the schedules."""
    gradients = [1.0, -2.0, 0.5, 3.0, -1.0, 0.25]
    weight, optimizer = tf.Variable(1.0), scheduled_adam()
    compat.build_optimizer(optimizer, [weight])
    assert compat.get_learning_rate(optimizer) == 0.5
    saved = tf.train.Checkpoint(weight=weight, optimizer=optimizer)
    updated(optimizer, weight, gradients[:3])
    path = saved.save(str(tmp_path / "half"))
    expected = updated(optimizer, weight, gradients[3:])
    assert expected == pytest.approx(adam_by_hand(gradients), abs=2e-6)
    again, second = tf.Variable(0.0), scheduled_adam()
    compat.build_optimizer(second, [again])
    tf.train.Checkpoint(weight=again, optimizer=second).restore(path)
    assert updated(second, again, gradients[3:]) == expected


def test_an_adam_with_schedules_survives_its_config():
    again = FusedAdam.from_config(scheduled_adam().get_config())
    assert isinstance(again.beta_2, CosineSchedule) and again.beta_2.end == 0.99
    assert FusedAdam.from_config(FusedAdam(beta_2=0.9).get_config()).beta_2 == 0.9


def test_what_cannot_follow_a_schedule_says_so():
    variable = tf.Variable([1.0, 2.0])
    optimizer = scheduled_adam()
    compat.build_optimizer(optimizer, [variable])
    sparse = tf.IndexedSlices(tf.constant([1.0]), tf.constant([0]), tf.constant([2]))
    with pytest.raises(InputError, match="beta_2 follows a schedule"):
        optimizer.update_step(sparse, variable, *([0.1] if compat.KERAS3 else []))
    assert isinstance(keras.optimizers.get(optimizer), FusedAdam)
