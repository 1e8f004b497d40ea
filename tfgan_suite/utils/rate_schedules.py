"""Learning rates that change at every step, set inside the graph of the step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.utils import replicas

# Steps for which rates are computed at once.
_AHEAD = 1024


class RateSchedule(keras.callbacks.Callback):
    """Sets the learning rates of all players at every step, as functions of the step alone.

    A subclass gives `rate`. It is called ahead, for many steps at once (some of which a run may
    never reach), and the step reads its results from a table. So the rates are the same numbers
    however many steps one call of the compiled function does, and a resumed run follows the same
    schedule. `fit` refuses Keras's callbacks that set rates beside it.
    """

    def rate(self, initial: float, step: int) -> float:
        """A player's learning rate in step number `step`, counted from 0.

        Args:
            initial: its rate as given to `compile`.
            step: training steps done.
        """
        raise TypeError(f"{type(self).__name__} does not define rate(initial, step)")

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        self.model.rate_table.cover(self.rate, self.model.steps_done)

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        self.model.rate_table.release()


class RateTable:
    """The learning rates of the next steps, and the part of a step that sets them.

    Args:
        game: a compiled game.
        execution_steps: steps in one call of the compiled function.

    Raises:
        InputError: an optimizer whose learning rate cannot be set.
    """

    def __init__(self, game: Any, execution_steps: int = 1):
        self._initial = game.initial_learning_rates
        self._variables = {
            player: compat.learning_rate_variable(game.optimizer_of(player))
            for player in self._initial
        }
        self.execution_steps = execution_steps
        self._length = max(_AHEAD, execution_steps)
        self._covered = range(0)
        with game.distribute_strategy.scope():
            shape = (len(self._initial), self._length)
            self._rates = tf.Variable(tf.zeros(shape), trainable=False, name="rates")
            # Below 0: no schedule is in force, and rates stay as they are.
            self._first = tf.Variable(-1, trainable=False, dtype=tf.int64, name="first_rate")

    def cover(self, rate: Callable[[float, int], float], step: int) -> None:
        """Holds the rates of the next call of the compiled function.

        Args:
            rate: from a player's initial rate and a step to its rate.
            step: training steps done.
        """
        if step in self._covered and step + self.execution_steps - 1 in self._covered:
            return
        steps = range(step, step + self._length)
        rates = [[rate(initial, each) for each in steps] for initial in self._initial.values()]
        self._rates.assign(np.asarray(rates, np.float32))
        self._first.assign(step)
        self._covered = steps

    def release(self) -> None:
        """Leaves the rates as they are from now on."""
        self._first.assign(-1)
        self._covered = range(0)

    def apply(self, step: tf.Variable, players: Sequence[str]) -> None:
        """Sets the rates of players; a part of the step.

        Args:
            step: the step counter.
            players: whose rates.
        """
        first = tf.convert_to_tensor(self._first)
        active = first >= 0
        index = tf.where(active, tf.convert_to_tensor(step) - first, 0)
        column = tf.convert_to_tensor(self._rates)[:, index]
        order = list(self._variables)
        variables = [self._variables[player] for player in players]
        rates = [
            tf.where(active, tf.cast(column[order.index(player)], variable.dtype), variable)
            for player, variable in zip(players, variables)
        ]
        replicas.assign(variables, rates)


def check_setters(callbacks: Sequence[Any], keras_setters: Sequence[Any]) -> list[RateSchedule]:
    """The schedules among callbacks.

    Args:
        callbacks: of one `fit`.
        keras_setters: those among them that set learning rates now and then.

    Raises:
        InputError: two of them would undo each other.
    """
    schedules = [each for each in callbacks if isinstance(each, RateSchedule)]
    others = [*schedules[1:], *keras_setters]
    if schedules and others:
        raise InputError(
            f"{type(schedules[0]).__name__} sets the learning rates at every step and would undo"
            f" {type(others[0]).__name__}; pass one of them"
        )
    return schedules
