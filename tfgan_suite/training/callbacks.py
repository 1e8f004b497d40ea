"""What happens between training steps: loss logs, measures, learning rates.

Callbacks act at the end of a step, counted by `game.steps`, so that a resumed run does at every
step what an uninterrupted run does. With several workers each one runs every callback, because
reading batch norm statistics takes all of them; only the chief writes files.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.training import strategies
from tfgan_suite.utils import files
from tfgan_suite.utils.rate_schedules import RateSchedule


class EverySteps(keras.callbacks.Callback):
    """Calls `act` whenever the step counter passes a multiple of `every`.

    Args:
        every: number of steps.
    """

    def __init__(self, every: int):
        super().__init__()
        self.every = every
        self._last_step = 0

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        self._last_step = self.model.steps_done

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        step = self.model.steps_done
        if step // self.every > self._last_step // self.every:
            self.act(step, plain_logs(logs))
        self._last_step = step

    def act(self, step: int, logs: Mapping[str, float]) -> None:
        """Called at such a step; `logs` are the means since the epoch began."""

    @property
    def chief(self) -> bool:
        """Whether this process writes files."""
        return strategies.is_chief(self.model.distribute_strategy or tf.distribute.get_strategy())


class LossLog(EverySteps):
    """Appends the mean losses to a file of JSON lines and to TensorBoard.

    Args:
        path: the file; each line is `{"step": ..., "player/term": ...}`.
        every: steps between two lines.
        writer: TensorBoard writer, or None.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        every: int,
        writer: tf.summary.SummaryWriter | None = None,
    ):
        super().__init__(every)
        self.path, self.writer = Path(path), writer

    def act(self, step: int, logs: Mapping[str, float]) -> None:
        if not self.chief:
            return
        files.append_json(self.path, {"step": step, **{name: logs[name] for name in sorted(logs)}})
        if self.writer is None:
            return
        with self.writer.as_default(step=step):
            for name, value in logs.items():
                tf.summary.scalar(name, value)
            for player in self.model.players():
                rate = compat.get_learning_rate(self.model.optimizer_of(player))
                tf.summary.scalar(f"{player}/learning_rate", rate)


class MeasureEvery(EverySteps):
    """Measures the game at regular steps.

    Args:
        measure: takes the game, returns names and values.
        every: steps between two measurements.
        path: file of JSON lines that receives the values.
        writer: TensorBoard writer that receives the numbers too, as `measures/NAME`.
        offer: gets the step and the values, such as `Best.offer`.
        log: gets the values in words.
    """

    def __init__(
        self,
        measure: Callable[[keras.Model], Mapping[str, Any]],
        every: int,
        path: str | os.PathLike,
        *,
        writer: tf.summary.SummaryWriter | None = None,
        offer: Callable[[int, Mapping[str, Any]], None] | None = None,
        log: Callable[[str], None] | None = None,
    ):
        super().__init__(every)
        self.measure, self.path = measure, Path(path)
        self.writer, self.offer, self.log = writer, offer, log

    def act(self, step: int, logs: Mapping[str, float]) -> None:
        values = self.measure(self.model)
        if self.chief:
            files.append_json(self.path, {"step": step, **values})
            self._show(step, values)
        if self.offer is not None:
            self.offer(step, values)

    def _show(self, step: int, values: Mapping[str, Any]) -> None:
        numbers = {k: v for k, v in values.items() if isinstance(v, (int, float))}
        if self.writer is not None:
            with self.writer.as_default(step=step):
                for name, value in numbers.items():
                    tf.summary.scalar(f"measures/{name}", value)
        if self.log is not None:
            words = ", ".join(f"{name} {value:.4g}" for name, value in numbers.items())
            self.log(f"\nstep {step}: measured {words or 'nothing: no measure fits these data'}")


class StepTime(EverySteps):
    """Writes the time of a step to TensorBoard: the median, and with all that happens around it.

    The first call of the compiled step traces it, and does not count.

    Args:
        every: steps between two entries.
        writer: TensorBoard writer.
    """

    def __init__(self, every: int, writer: tf.summary.SummaryWriter):
        super().__init__(every)
        self.writer = writer
        self._seconds: list[float] = []
        self._start: float | None = None
        self._since: tuple[int, float] | None = None

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        self._start = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        now = time.perf_counter()
        if self._since is None:
            self._since = self.model.steps_done, now
        elif self._start is not None:
            self._seconds.append((now - self._start) / self.model.steps_per_call)
        super().on_train_batch_end(batch, logs)

    def act(self, step: int, logs: Mapping[str, float]) -> None:
        if not self._seconds or self._since is None:
            return
        before, then = self._since
        now = time.perf_counter()
        with self.writer.as_default(step=step):
            tf.summary.scalar("time/step_seconds", float(np.median(self._seconds)))
            tf.summary.scalar("time/seconds_with_logs", (now - then) / max(step - before, 1))
        self._seconds, self._since = [], (step, now)


class LinearDecay(RateSchedule):
    """Linear learning-rate decay of all players, from the initial rate to a fraction of it.

    Args:
        start: step at which the decay begins.
        end: step at which it ends.
        fraction: final rate as a fraction of the initial one; default 0.
    """

    def __init__(self, start: int, end: int, fraction: float = 0.0):
        super().__init__()
        if not 0 <= start < end:
            raise ValueError(
                f"linear decay from step {start} to {end}: it must end after it starts"
            )
        self.start, self.end, self.fraction = start, end, fraction

    def factor(self, step: int) -> float:
        """The fraction of the initial rate that applies after `step` steps."""
        progress = min(max((step - self.start) / (self.end - self.start), 0.0), 1.0)
        return 1.0 + (self.fraction - 1.0) * progress

    def rate(self, initial: float, step: int) -> float:
        return initial * self.factor(step)


class WarmUp(RateSchedule):
    """Linear warm-up of all players' learning rates, before and within another schedule.

    Args:
        steps: of the warm-up; in step n the rate is (n + 1) / steps of what it would be.
        schedule: what follows; `None`: constant rates.
    """

    def __init__(self, steps: int, schedule: RateSchedule | None = None):
        super().__init__()
        self.steps, self.schedule = steps, schedule

    def rate(self, initial: float, step: int) -> float:
        share = min((step + 1) / self.steps, 1.0) if self.steps > 0 else 1.0
        return share * (initial if self.schedule is None else self.schedule.rate(initial, step))


class ForPlayer(keras.callbacks.Callback):
    """Runs a callback of Keras that sets the learning rate on one player instead of all.

    Args:
        player: name of the player.
        callback: such as `keras.callbacks.ReduceLROnPlateau`.

    Raises:
        InputError: at the start of training, a player that the game has not.
    """

    def __init__(self, player: str, callback: keras.callbacks.Callback):
        super().__init__()
        self.player, self.callback = player, callback

    def set_params(self, params: Mapping[str, object]) -> None:
        super().set_params(params)
        self.callback.set_params(params)

    def set_model(self, model: keras.Model) -> None:
        if self.player not in model.players():
            raise InputError(
                f"there is no player {self.player!r}; the game has {sorted(model.players())}"
            )
        super().set_model(model)
        self.callback.set_model(_OnePlayer(model, self.player))

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        self.callback.on_train_begin(logs)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.callback.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.callback.on_epoch_end(epoch, logs)


class _OnePlayer:
    """A game whose `optimizer` is that of one player."""

    def __init__(self, game: keras.Model, player: str):
        self._game, self.optimizer = game, game.optimizer_of(player)

    def __getattr__(self, name: str) -> object:
        return getattr(self._game, name)


class Frozen(keras.callbacks.Callback):
    """Checks after training that the weights of a frozen network have not changed.

    Args:
        checksum: returns a checksum of the network, such as `FeatureNetwork.checksum`.
        name: of the network, for the message.
    """

    def __init__(self, checksum: Callable[[], str], name: str):
        super().__init__()
        self.checksum, self.name = checksum, name
        self._before = ""

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        self._before = self.checksum()

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        if self.checksum() != self._before:
            raise RuntimeError(f"the {self.name} changed in training although it is frozen")


def plain_logs(logs: Mapping[str, Any] | None) -> dict[str, float]:
    """Logs as numbers; several workers report arrays of one."""
    return {
        name: value if isinstance(value, float) else float(np.mean(value))
        for name, value in (logs or {}).items()
    }


def linear_decay_callbacks(start: float, steps: int) -> list[keras.callbacks.Callback]:
    """Linear decay of all learning rates to 0 at the end of a run.

    Args:
        start: fraction of the run after which the decay begins; 1 or more: no decay.
        steps: training steps of the run.

    Returns:
        A list of one `LinearDecay`, or an empty one.
    """
    return [LinearDecay(int(start * steps), steps)] if start < 1 else []
