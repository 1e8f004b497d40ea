"""Searches for the inputs of a generator by gradient: many at once, each on its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfgan_suite.latent.space import Inputs, Space

# Maps images (rows, height, width, channels), the inputs behind them and tensors of the task,
# whose first axis is the rows too, to the loss of each row.
Objective = Callable[..., tf.Tensor]
_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8


def adam(
    space: Space,
    objective: Objective,
    start: Inputs,
    data: Sequence[np.ndarray],
    *,
    iterations: int,
    learning_rate: float,
) -> tuple[Inputs, np.ndarray]:
    """Minimizes a loss over the noise inputs, with Adam for each row; labels stay.

    The networks are in inference mode, so rows do not influence each other. Uniform noise is
    clipped to [-1, 1] after each step.

    Args:
        space: the latent space.
        objective: the loss.
        start: arrays `(rows, ...)` by input name.
        data: arrays `(rows, ...)` that the objective takes after images and inputs.
        iterations: steps.
        learning_rate: of Adam.

    Returns:
        The best inputs of each row, and the losses before each step and after the last, float32
        `(iterations + 1, rows)`.
    """
    step = stepper(space, objective, learning_rate)
    names = [spec.name for spec in space.noise]
    z = {name: tf.constant(start[name], tf.float32) for name in names}
    fixed = {name: tf.constant(array) for name, array in start.items() if name not in names}
    tensors = [tf.constant(array) for array in data]
    zeros = {name: tf.zeros_like(array) for name, array in z.items()}
    rows = len(next(iter(start.values())))
    state = (z, zeros, zeros, z, tf.fill([rows], np.float32(np.inf)))
    losses = []
    for number in range(iterations + 1):
        state, loss = step(state, fixed, tensors, tf.constant(number + 1.0))
        losses.append(loss.numpy())
    best = {name: array.numpy() for name, array in state[3].items()}
    return {**start, **best}, np.stack(losses)


def stepper(space: Space, objective: Objective, learning_rate: float) -> Callable:
    """One step of `adam` as a traced function of state, labels, data and the step's number."""
    images_of = space.image_function()
    uniform = {spec.name for spec in space.noise if spec.kind == "uniform"}

    def step(state, fixed, tensors, number):
        z, first, second, best, best_loss = state
        with tf.GradientTape() as tape:
            tape.watch(z)
            inputs = {**z, **fixed}
            loss = objective(images_of(inputs), inputs, *tensors)
        gradients = tape.gradient(loss, z)
        better = loss < best_loss
        moved, firsts, seconds, bests = {}, {}, {}, {}
        for name, point in z.items():
            slope = gradients[name]
            firsts[name] = _BETA_1 * first[name] + (1.0 - _BETA_1) * slope
            seconds[name] = _BETA_2 * second[name] + (1.0 - _BETA_2) * tf.square(slope)
            mean = firsts[name] / (1.0 - tf.pow(_BETA_1, number))
            square = seconds[name] / (1.0 - tf.pow(_BETA_2, number))
            moved[name] = point - learning_rate * mean / (tf.sqrt(square) + _EPSILON)
            if name in uniform:
                moved[name] = tf.clip_by_value(moved[name], -1.0, 1.0)
            mask = tf.reshape(better, [-1] + [1] * (len(point.shape) - 1))
            bests[name] = tf.where(mask, point, best[name])
        return (moved, firsts, seconds, bests, tf.minimum(loss, best_loss)), loss

    return tf.function(step, autograph=False, reduce_retracing=True)


def squared_length(space: Space, inputs: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """|z|^2 of each row over the inputs of normal noise, `(rows,)`; 0 where there are none.

    Half of it is minus the log density of normal noise, up to a constant.
    """
    total: tf.Tensor = tf.constant(0.0)
    for spec in space.noise:
        if spec.kind == "normal":
            axes = list(range(1, len(spec.shape) + 1))
            total = total + tf.reduce_sum(tf.square(inputs[spec.name]), axes)
    return total


def repeat_rows(arrays: Inputs, rows: np.ndarray) -> Inputs:
    """Rows of inputs, by their indices."""
    return {name: array[rows] for name, array in arrays.items()}
