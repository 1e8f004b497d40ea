"""What Keras's `fit`, `evaluate` and callbacks expect of a model, for games of several players."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core import first_batch
from tfgan_suite.errors import InputError
from tfgan_suite.utils import rate_schedules, replicas

# Callbacks of Keras that set the learning rate.
_RATE_CALLBACKS = (keras.callbacks.ReduceLROnPlateau, keras.callbacks.LearningRateScheduler)


def _fit_of_keras(
    self: Any,
    x: Any = None,
    y: Any = None,
    batch_size: Any = None,
    epochs: Any = 1,
    verbose: Any = "auto",
    callbacks: Any = None,
    validation_split: Any = 0.0,
    validation_data: Any = None,
    shuffle: Any = True,
    class_weight: Any = None,
    sample_weight: Any = None,
    *others: Any,
    **named: Any,
) -> None:
    """Names the positions of `fit`'s first arguments.

    They are not read off `keras.Model.fit`: what loggers put in its place, perhaps before this
    module is imported, may take any arguments.
    """


_FIT = inspect.signature(_fit_of_keras)


class TotalLoss(keras.callbacks.Callback):
    """Adds `loss`, the sum of all players' loss terms, to the logs of the callbacks after it.

    No single number says how a game goes; `loss` is for callbacks that look for it, such as
    `TerminateOnNaN`. It is not a number where any log is not.
    """

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._add(logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._add(logs)
        self._add(logs, "val_")

    def _add(self, logs: dict[str, Any] | None, prefix: str = "") -> None:
        names = [f"{prefix}{name}" for name in self.model.loss_names]
        if not logs or any(name not in logs for name in names):
            return
        values = {name: float(np.mean(logs[name])) for name in names}
        total = sum(values[f"{prefix}{name}"] for name in self.model.minimised_terms)
        logs[f"{prefix}loss"] = total if np.isfinite(list(values.values())).all() else float("nan")

    @staticmethod
    def is_read_by(callback: Any) -> bool:
        """Whether a callback looks for `loss` or `val_loss`."""
        if isinstance(callback, keras.callbacks.TerminateOnNaN):
            return True
        if getattr(callback, "monitor", None) not in ("loss", "val_loss"):
            return False
        path = getattr(callback, "filepath", None)  # of a ModelCheckpoint, which always has both
        in_path = path is not None and re.search(r"\{(val_)?loss\b", str(path))
        return path is None or callback.save_best_only or bool(in_path)


class KerasTraining:
    """The part of `AdversarialModel` that Keras's training loops call."""

    # False: the examples are known to be in [-1, 1], as those of the suite's own sources.
    checks_examples: bool = True
    # What the entries of a batch that is a tuple are to the game; None: not known.
    tuple_keys: tuple[str, ...] | None = None

    train_function: Any  # Keras's
    test_function: Any  # Keras's
    batches_per_step: int
    evaluating: bool

    # ---- fit ---------------------------------------------------------------------------------

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Keras's `fit`, with a look at the first batch.

        Images from 0 to 255 are refused, labels and weights that no loss reads are named, and a
        callback that looks for `loss` gets it: the sum of all players' terms.

        Raises:
            InputError: examples that the game does not take, or callbacks that undo each other.
        """
        call = _FIT.bind(self, *args, **kwargs)
        arguments = call.arguments
        self._check_data(arguments, "train")
        validation = arguments.get("validation_data")
        if isinstance(validation, (tuple, list)):
            self._check_data(dict(zip(("x", "y", "sample_weight"), validation)), "test")
        elif validation is not None:
            self._check_data({"x": validation}, "test")
        callbacks = arguments.get("callbacks")
        if isinstance(callbacks, keras.callbacks.CallbackList):
            self._prepare_schedule(callbacks.callbacks)
        else:
            callbacks = tf.nest.flatten(callbacks or [])
            self._prepare_schedule(callbacks)
            arguments["callbacks"] = self._with_total_loss(callbacks)
        self._check_execution_ends(arguments)
        self.__dict__.update(_fitting=True, _steps_done=None)
        try:
            return super().fit(*call.args[1:], **call.kwargs)  # type: ignore[misc]
        finally:
            self.__dict__["_fitting"] = False
            if self.rate_table is not None:  # type: ignore[attr-defined]
                self.rate_table.release()  # type: ignore[attr-defined]

    def train_on_batch(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Keras's `train_on_batch`; the first batch is looked at as `fit` does."""
        self._check_batch_call(super().train_on_batch, x, *args, **kwargs)  # type: ignore[misc]
        return super().train_on_batch(x, *args, **kwargs)  # type: ignore[misc]

    def _check_batch_call(self, method: Callable, *args: Any, **kwargs: Any) -> None:
        arguments = inspect.signature(method).bind(*args, **kwargs).arguments
        self._check_data(arguments, "", ranges=not self.__dict__.get("_checked_a_batch"))
        self.__dict__["_checked_a_batch"] = True

    def _check_data(self, arguments: Mapping[str, Any], use: str, ranges: bool = True) -> None:
        """Looks at data; `use` names the step function that has to look at its first batch."""
        name = type(self).__name__
        for key in ("sample_weight", "class_weight"):
            if arguments.get(key) is not None:
                first_batch.refuse_weights(f"{key}=", name)
        x, y = arguments.get("x"), arguments.get("y")
        if not self.checks_examples or x is None:
            return
        spec = getattr(x, "element_spec", None)
        if spec is not None:
            first_batch.check_types(spec, self.tuple_keys, name)
        elif first_batch.is_arrays(x):
            batch = x if y is None else (x, y)
            first_batch.check_types(batch, self.tuple_keys, name)
            if ranges:
                first_batch.check_range(batch, self.tuple_keys, name)
            for count in first_batch.batch_sizes(batch, arguments, single=not use):
                first_batch.check_count(count, self.batches_per_step, name)
        if spec is not None:
            self.__dict__.setdefault("_unchecked", set()).add(use)

    def _check_batch(self, batch: Any) -> None:
        name = type(self).__name__
        first_batch.check_range(batch, self.tuple_keys, name)
        count = next((len(part) for part in tf.nest.flatten(batch) if part.shape.rank), None)
        first_batch.check_count(count, self.batches_per_step, name)

    def _with_total_loss(self, callbacks: list[Any]) -> list[Any]:
        if any(TotalLoss.is_read_by(each) for each in map(_plain, callbacks)):
            return [TotalLoss(), *callbacks]
        return callbacks

    def _prepare_schedule(self, callbacks: list[Any]) -> None:
        """Gives the step a table of learning rates where a callback has a schedule of them."""
        setters = [each for each in map(_plain, callbacks) if isinstance(each, _RATE_CALLBACKS)]
        schedules = rate_schedules.check_setters(callbacks, setters)
        table, steps = self.rate_table, self.steps_per_call  # type: ignore[attr-defined]
        fits = table is None if not schedules else table and table.execution_steps == steps
        if not fits:
            self.__dict__["rate_table"] = (
                rate_schedules.RateTable(self, steps) if schedules else None
            )
            self.train_function = None  # its graph has another table, or none

    # ---- steps -------------------------------------------------------------------------------

    @property
    def steps_done(self) -> int:
        """`steps` as a number; while `fit` runs, it is read once after each call of the step."""
        if not self.__dict__.get("_fitting"):
            return int(self.steps.numpy())  # type: ignore[attr-defined]
        if self.__dict__.get("_steps_done") is None:
            self.__dict__["_steps_done"] = int(self.steps.numpy())  # type: ignore[attr-defined]
        return self.__dict__["_steps_done"]

    @property
    def steps_per_call(self) -> int:
        """How many steps one call of the compiled function does: `steps_per_execution`."""
        return self.__dict__.get("_compile_options", {}).get("steps_per_execution", 1)

    @property
    def single_step_calls(self) -> bool:
        """Whether a call can do one step alone.

        So it is on several replicas with Keras 3: TensorFlow refuses the graph of its loop.
        """
        replica_count = self.distribute_strategy.num_replicas_in_sync  # type: ignore[attr-defined]
        return compat.KERAS3 and replica_count > 1

    def set_steps_per_call(self, count: int) -> None:
        """Changes the `steps_per_execution` that `compile` got."""
        if count != self.steps_per_call:
            self.__dict__["_compile_options"]["steps_per_execution"] = count
            self.steps_per_execution = count  # Keras's
            self.train_function = None

    def execution_ends(self) -> tuple[int, ...]:
        """Steps at which a call of the compiled function has to end, 1 for all; mostly none."""
        return ()

    def _check_execution_ends(self, arguments: Mapping[str, Any]) -> None:
        """Refuses calls of several steps that would go on over the end of a phase."""
        count, start, limit = self.steps_per_call, int(self.steps.numpy()), math.inf  # type: ignore[attr-defined]
        if arguments.get("steps_per_epoch"):
            epochs = arguments.get("epochs", 1) - arguments.get("initial_epoch", 0)
            limit = start + arguments["steps_per_epoch"] * epochs
        if count > 1 and self.single_step_calls:
            raise InputError(
                f"steps_per_execution is {count}, but on several replicas Keras 3 does one step in"
                " a call; compile with 1"
            )
        if count > 1 and 1 in self.execution_ends():
            raise InputError(
                f"steps_per_execution is {count}, but a phase of this training may end at every"
                " step; compile with 1"
            )
        for end in self.execution_ends():
            if start < end < limit and (end - start) % count:
                raise InputError(
                    f"steps_per_execution is {count}, and a phase of this training ends"
                    f" {end - start} steps from here; compile with a divisor of {end - start}"
                )

    def make_train_function(self, force: bool = False) -> Callable[..., Any]:
        """Keras's step function; the first batch of a data set is looked at on its way."""
        if self.train_function is not None and not force:
            return self.train_function
        super().make_train_function(force=True)  # type: ignore[misc]
        self.train_function = self._looking("train", self.train_function)
        return self.train_function

    def make_test_function(self, force: bool = False) -> Callable[..., Any]:
        """Keras's step function of `evaluate`, as `make_train_function`."""
        if self.test_function is not None and not force:
            return self.test_function
        super().make_test_function(force=True)  # type: ignore[misc]
        self.test_function = self._looking("test", self.test_function)
        return self.test_function

    def _looking(self, use: str, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """A step function that has its first batch looked at."""

        def step(iterator: Any) -> Any:
            self.__dict__["_steps_done"] = None
            unchecked = self.__dict__.get("_unchecked", set())
            if use in unchecked:
                unchecked.discard(use)
                if self._can_look(iterator):
                    iterator = first_batch.checked(iterator, self._check_batch)
            return function(iterator)

        return step

    def _can_look(self, iterator: Any) -> bool:
        return self.steps_per_call == 1 and first_batch.can_be_checked(iterator)

    # ---- evaluate ----------------------------------------------------------------------------

    def test_step(self, batch: Any) -> dict[str, tf.Tensor]:
        """The losses of a training step on a batch, with every variable as it was before.

        Batch norms use the batch's statistics and dropout drops, as in training, so that the
        values compare with those of training. Noise is a function of the seed and the number of
        the batch: evaluating twice gives the same.

        Args:
            batch: as for `train_step`.

        Returns:
            Means since the evaluation began, by `loss_names`.
        """
        variables = self._evaluation_state()
        before = [tf.identity(variable) for variable in variables]
        reported = self._reported  # type: ignore[attr-defined]
        reported.evaluating = True
        try:
            logs = self.train_step(batch)  # type: ignore[attr-defined]
        finally:
            reported.evaluating = False
            reported.__dict__.pop("terms", None)
        replicas.assign(variables, before)
        return logs

    def _evaluation_state(self) -> list[tf.Variable]:
        """The variables that a step may change without an optimizer: norms' statistics, pools."""
        unchanged = {id(self.steps), id(self._totals)}  # type: ignore[attr-defined]
        for player in self.players():  # type: ignore[attr-defined]
            optimizer = self.optimizer_of(player)  # type: ignore[attr-defined]
            unchanged |= {
                id(compat.tensor_variable(each)) for each in compat.optimizer_variables(optimizer)
            }
        return [each for each in compat.saved_variables(self) if id(each) not in unchanged]

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Keras's `evaluate`: the losses of training on other examples, without updates.

        Raises:
            InputError: examples that the game does not take.
        """
        if not kwargs.get("_use_cached_eval_dataset"):
            call = inspect.signature(super().evaluate).bind(*args, **kwargs)  # type: ignore[misc]
            self._check_data(call.arguments, "test")
        with _Evaluation(self):
            return super().evaluate(*args, **kwargs)  # type: ignore[misc]

    def test_on_batch(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Keras's `test_on_batch`: the losses of one batch, without updates."""
        self._check_batch_call(super().test_on_batch, x, *args, **kwargs)  # type: ignore[misc]
        with _Evaluation(self):
            return super().test_on_batch(x, *args, **kwargs)  # type: ignore[misc]

    def reset_metrics(self) -> None:
        """Starts the means of a new epoch or evaluation; Keras calls it at the beginning of each.

        An evaluation leaves the means of training as they are.
        """
        self.__dict__["_steps_done"] = None  # a callback may have restored a checkpoint
        if self.__dict__.get("_in_evaluation"):
            totals = self.__dict__.get("_evaluated")
        elif self.__dict__.pop("_keep_totals", False):
            return
        else:
            totals = getattr(self, "_totals", None)
        if totals is not None:
            totals.assign(tf.zeros_like(totals))


def _plain(callback: Any) -> Any:
    """A callback, or the one that a `ForPlayer` runs."""
    return getattr(callback, "callback", callback)


class _Evaluation:
    """Within it `reset_metrics` resets the means of evaluation."""

    def __init__(self, game: Any):
        self._game = game

    def __enter__(self) -> None:
        self._game.__dict__["_in_evaluation"] = True

    def __exit__(self, *error: Any) -> None:
        self._game.__dict__["_in_evaluation"] = False
