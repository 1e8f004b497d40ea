"""How long a run trains: so many steps, or so many epochs of the user's own data.

Embedded worlds have a fixed size, and recipes state the steps that suit it (`STEPS`). What suits a
folder depends on how many images it holds: recipes state epochs for it (`EPOCHS`), in proportion to
their papers', and `STEPS` are the least. `--steps` and `--epochs` decide otherwise.
"""

from __future__ import annotations

import copy
import math
import re
import time
import types
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras

from tfgan_suite.training import options as recipe_options

# The first steps trace and warm up; the speed is that of the steps from the first number on.
_WARM, _MEASURED = 10, 50
_WORTH_SAYING = 60.0  # seconds


class Length(NamedTuple):
    """How long a run trains.

    Args:
        steps: training steps; `None`: what the recipe's `defaults` return.
        epochs: the constant from which they were counted; `None`: they were not.
        text: for the user; empty for embedded worlds.
    """

    steps: int | None
    epochs: int | None
    text: str


def choose(
    recipe: Mapping[str, Any], options: types.SimpleNamespace, data: Any, source: Any
) -> Length:
    """The length of a run.

    Args:
        recipe: the recipe's globals. Where a step takes several batches, its
            `batches_per_step(options)` returns their number.
        options: the constants, before `options.apply_defaults`.
        data: the description of the data.
        source: the data.
    """
    typed_steps, typed_epochs = map(recipe_options.is_typed, ("STEPS", "EPOCHS"))
    filled = copy.copy(options)
    for name, value in recipe.get("defaults", lambda options, data: {})(options, data).items():
        if getattr(filled, name) is None:
            setattr(filled, name, value)
    batches = recipe.get("batches_per_step", lambda options: 1)(filled)
    if not filled.batch or filled.batch < 1 or batches < 1:
        # Refused where constants are checked, or by the game.
        return Length(options.steps, None, "")
    epoch = len(source) / (filled.batch * batches)
    steps, epochs = filled.steps, None
    if typed_epochs or (filled.epochs is not None and not typed_steps and not data.embedded):
        counted = max(math.ceil(filled.epochs * epoch), 1)
        if typed_epochs or counted >= (steps or 0):
            steps, epochs = counted, filled.epochs
    if steps is None or (data.embedded and not typed_epochs):
        return Length(options.steps, None, "")
    number = epochs or steps / epoch
    words = f"{number:,.0f} epochs" if number >= 1.5 else f"{number:.2g} epochs"
    nouns = {"source": "pairs", "point": "points", "frames": "windows", "target": "windows"}
    noun = nouns.get(source.key, "images")
    text = f"{len(source):,} {noun}: {words}, {steps:,} steps{_paper(recipe)}"
    return Length(steps, epochs, text)


def _paper(recipe: Mapping[str, Any]) -> str:
    """What the recipe's comments say of the paper's length, such as "; the paper has 200"."""
    stated = recipe_options.constants(recipe)
    for name, unit in (("EPOCHS", ""), ("STEPS", " steps")):
        match = re.search(r"paper (\d+)", stated[name].help)
        if match:
            return f"; the paper has {int(match[1]):,}{unit}"
    return ""


class Estimate(keras.callbacks.Callback):
    """Says how long the rest of a run takes, from the speed of its first steps.

    Args:
        steps: of the run.
        log: receives the message.
        clock: returns seconds.
    """

    def __init__(
        self,
        steps: int,
        log: Callable[[str], None] = print,
        clock: Callable[[], float] = time.monotonic,
    ):
        super().__init__()
        self.steps, self.log, self.clock = steps, log, clock
        self._first: int | None = None
        self._warm: tuple[int, float] | None = None  # the step from which it measures, and when
        self._finished = False

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        if self._first is None:
            self._first = self.model.steps_done

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        if self._finished:
            return
        step = self.model.steps_done
        if self._warm is None:
            if step - self._first >= _WARM:
                self._warm = step, self.clock()
            return
        measured = step - self._warm[0]
        if measured < _MEASURED - _WARM:
            return
        self._finished = True
        more = self.steps - step
        seconds = more * (self.clock() - self._warm[1]) / measured
        if seconds >= _WORTH_SAYING:
            self.log(f"the other {more:,} steps take about {duration(seconds)} here")


def duration(seconds: float) -> str:
    """Seconds in words, such as "3 h 20 min"."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours / 24:.0f} days"
    words = [f"{hours} h"] if hours else []
    return " ".join(words + ([f"{minutes} min"] if minutes else []))
