"""What Keras's `fit`, `evaluate` and callbacks expect of a model, for games of several players."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core import first_batch
from tfgan_suite.errors import InputError
from tfgan_suite.utils import replicas

# Callbacks of Keras that set the learning rate.
_RATE_CALLBACKS = (keras.callbacks.ReduceLROnPlateau, keras.callbacks.LearningRateScheduler)


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
        call = inspect.signature(super().fit).bind(*args, **kwargs)  # type: ignore[misc]
        arguments = call.arguments
        self._check_data(arguments, "train")
        validation = arguments.get("validation_data")
        if isinstance(validation, (tuple, list)):
            self._check_data(dict(zip(("x", "y", "sample_weight"), validation)), "test")
        elif validation is not None:
            self._check_data({"x": validation}, "test")
        callbacks = arguments.get("callbacks")
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            arguments["callbacks"] = self._with_total_loss(tf.nest.flatten(callbacks or []))
        return super().fit(*call.args, **call.kwargs)  # type: ignore[misc]

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
        # `ForPlayer` has the callback that it runs as an attribute.
        plain = [getattr(each, "callback", each) for each in callbacks]
        setters = [each for each in plain if isinstance(each, _RATE_CALLBACKS)]
        decays = [each for each in callbacks if getattr(each, "sets_learning_rates", False)]
        if setters and decays:
            raise InputError(
                f"{type(decays[0]).__name__} sets the learning rates at every step and would undo"
                f" {type(setters[0]).__name__}; pass one of them"
            )
        if any(TotalLoss.is_read_by(each) for each in plain):
            return [TotalLoss(), *callbacks]
        return callbacks

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
            unchecked = self.__dict__.get("_unchecked", set())
            if use in unchecked:
                unchecked.discard(use)
                if self._can_look(iterator):
                    iterator = first_batch.checked(iterator, self._check_batch)
            return function(iterator)

        return step

    def _can_look(self, iterator: Any) -> bool:
        options = self.__dict__.get("_compile_options", {})
        return options.get("steps_per_execution") == 1 and first_batch.can_be_checked(iterator)

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
        if self.__dict__.get("_in_evaluation"):
            totals = self.__dict__.get("_evaluated")
        elif self.__dict__.pop("_keep_totals", False):
            return
        else:
            totals = getattr(self, "_totals", None)
        if totals is not None:
            totals.assign(tf.zeros_like(totals))


class _Evaluation:
    """Within it `reset_metrics` resets the means of evaluation."""

    def __init__(self, game: Any):
        self._game = game

    def __enter__(self) -> None:
        self._game.__dict__["_in_evaluation"] = True

    def __exit__(self, *error: Any) -> None:
        self._game.__dict__["_in_evaluation"] = False
