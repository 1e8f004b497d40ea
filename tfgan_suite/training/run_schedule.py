"""Learning-rate schedules that depend on a run's number of steps, when that number changes.

The schedule is a line through knots `(step, share of the initial rate)`, stored in `run.json`. More
or fewer steps replan what is to come from the share reached: rates never jump, and never rise.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from tfgan_suite.utils.rate_schedules import RateSchedule

Knots = Sequence[Sequence[float]]


def plan(
    manifest: Mapping[str, Any] | None, options: types.SimpleNamespace, step: int
) -> dict[str, Any]:
    """The schedule of a run from here on.

    Args:
        manifest: of the run; None if it has not trained a step.
        options: its constants now; without a `linear_decay` below 1, rates are constant.
        step: newest step that is saved.

    Returns:
        `{"steps": ..., "knots": [[step, share], ...]}`; without knots, rates are constant.
    """
    steps, start = options.steps, getattr(options, "linear_decay", 1.0)
    if manifest is None:
        return _fresh(start, steps)
    constants = manifest["constants"]
    earlier = manifest.get("schedule") or _fresh(
        constants.get("linear_decay", 1.0), constants.get("steps", steps)
    )
    if earlier["steps"] == steps or not earlier["knots"]:
        return {**earlier, "steps": steps}
    reached = share(earlier["knots"], step)
    if steps <= step or is_finished(earlier, step):
        return {**earlier, "steps": steps}
    if reached == 1.0:  # the decay has not begun
        return {"steps": steps, "knots": [[max(int(start * steps), step), 1.0], [steps, 0.0]]}
    past = [knot for knot in earlier["knots"] if knot[0] < step]
    return {"steps": steps, "knots": [*past, [step, reached], [steps, 0.0]]}


def is_finished(schedule: Mapping[str, Any], step: int) -> bool:
    """Whether the rates have decayed to the end."""
    return bool(schedule["knots"]) and step >= schedule["knots"][-1][0]


def share(knots: Knots, step: int) -> float:
    """The share of the initial rates that applies after `step` steps.

    After the last knot it stays what it was at the last step before: a rate of 0 trains nothing.

    Args:
        knots: steps and shares.
        step: number of steps.
    """
    step = min(step, int(knots[-1][0]) - 1)
    for (first, high), (last, low) in zip(knots, knots[1:]):
        if step < last:
            progress = max((step - first) / (last - first), 0.0)
            return high + (low - high) * progress
    return float(knots[-1][1])


def message(
    manifest: Mapping[str, Any] | None, schedule: Mapping[str, Any], step: int, run: str
) -> str:
    """What a user should know of a changed schedule; empty if nothing.

    Args:
        manifest: of the run, before it is opened.
        schedule: the one from `plan`.
        step: newest step that is saved.
        run: the run folder.
    """
    if manifest is None or not schedule["knots"] or schedule["steps"] <= step:
        return ""
    if is_finished(schedule, step):
        return (
            f"the learning rates of {run} have decayed: {schedule['steps'] - step} more steps train"
            f" at {share(schedule['knots'], step):.2g} of the initial rates; to train on at full"
            f" rates, start a new run with --warm-start {run} and another --run"
        )
    earlier = (manifest.get("schedule") or {}).get("steps", manifest["constants"].get("steps"))
    if earlier == schedule["steps"]:
        return ""
    return (
        f"the run now ends at step {schedule['steps']} instead of {earlier}: its learning rates"
        f" decay to 0 there, from {share(schedule['knots'], step):.2g} of the initial rates now"
    )


def callbacks(
    manifest: Mapping[str, Any] | None, options: types.SimpleNamespace, step: int
) -> list[keras.callbacks.Callback]:
    """The callback that follows `plan`; none if rates are constant."""
    knots = plan(manifest, options, step)["knots"]
    return [Decay(knots)] if knots else []


def keep_defaults(
    manifest: Mapping[str, Any],
    options: types.SimpleNamespace,
    recipe: Mapping[str, Any],
    typed: types.SimpleNamespace,
    data: Any,
) -> None:
    """Keeps defaults that the recipe derived from the run's earlier number of steps.

    Args:
        manifest: of the run.
        options: the constants, changed in place.
        recipe: the recipe's globals.
        typed: the constants before defaults were applied: `None` where the user set none.
        data: the description of the data.
    """
    constants = manifest["constants"]
    if "defaults" not in recipe or constants.get("steps") in (None, options.steps):
        return
    lengths = ("steps", "epochs")
    before = copy.copy(typed)
    before.steps = constants["steps"]
    for name, value in recipe["defaults"](before, data).items():
        if getattr(typed, name) is None and name not in lengths and constants.get(name) == value:
            setattr(options, name, value)


class Decay(RateSchedule):
    """Linear decay of all players' learning rates through knots, by the step counter alone.

    Args:
        knots: steps and shares of the initial rates.
    """

    def __init__(self, knots: Knots):
        super().__init__()
        self.knots = knots

    def rate(self, initial: float, step: int) -> float:
        return initial * share(self.knots, step)


def _fresh(start: float | None, steps: int) -> dict[str, Any]:
    decays = start is not None and start < 1
    return {"steps": steps, "knots": [[int(start * steps), 1.0], [steps, 0.0]] if decays else []}
