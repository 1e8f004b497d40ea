"""Minimizes a function of an image by L-BFGS or Adam; can be stopped and resumed."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.data.readers import npz_files
from tfgan_suite.errors import InputError, must_be
from tfgan_suite.utils import files
from tfgan_suite.utils.json_files import parse_json
from tfgan_suite.utils.optional_packages import require
from tfgan_suite.utils.text import message_of

METHODS = ("lbfgs", "adam")
# From a float64 vector to a loss, its gradient, and the loss's parts.
Function = Callable[[np.ndarray], tuple[float, np.ndarray, Mapping[str, float]]]


@dataclasses.dataclass
class State:
    """The state of a descent.

    Args:
        x: float64 vector, the current point.
        best: the point of the lowest loss so far.
        totals: the loss at every evaluation.
        slots: Adam's moments.
    """

    x: np.ndarray
    best: np.ndarray | None = None
    totals: list[float] = dataclasses.field(default_factory=list)
    slots: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        self.x = np.array(self.x, np.float64).ravel()
        self.best = self.x.copy() if self.best is None else self.best

    @property
    def evaluations(self) -> int:
        """How often the function was evaluated."""
        return len(self.totals)

    def record(self, x: np.ndarray, total: float) -> None:
        """Records an evaluation.

        Raises:
            InputError: a loss that is not finite.
        """
        if not np.isfinite(total):
            raise InputError(
                f"the loss is {total} at evaluation {self.evaluations + 1}; lower the weights or "
                "the learning rate"
            )
        if not self.totals or total < min(self.totals):
            self.best = np.array(x, np.float64)
        self.totals.append(float(total))

    def save(self, path: str | Path, settings: Mapping[str, Any]) -> None:
        """Writes the state atomically, with the settings that it belongs to."""
        content = io.BytesIO()
        np.savez(
            content,
            x=self.x,
            best=self.best,
            totals=np.array(self.totals, np.float64),
            settings=np.array(json.dumps(settings, sort_keys=True)),
            **{f"slot_{name}": value for name, value in self.slots.items()},
        )
        files.write_bytes(path, content.getvalue())

    @classmethod
    def load(cls, path: str | Path, settings: Mapping[str, Any]) -> State:
        """Reads a state.

        Raises:
            InputError: not a state's file, or one of other settings.
        """
        try:
            names = npz_files.array_names(Path(path))
            arrays = dict(zip(names, npz_files.read_arrays(Path(path), names)))
            before = _parse_settings(str(arrays["settings"]), path)
            slots = {k[5:]: v for k, v in arrays.items() if k.startswith("slot_")}
            x, best, totals = (_vector(arrays[name]) for name in ("x", "best", "totals"))
            if any(value.shape != x.shape for value in (best, *map(_vector, slots.values()))):
                raise ValueError("its vectors differ in length")
            state = cls(x, best, totals.tolist(), slots)
        except (TypeError, ValueError, KeyError) as error:
            raise InputError(
                f"{path} cannot be read as a descent's state ({message_of(error)}); remove it to"
                " start again"
            ) from error
        now = _parse_settings(json.dumps(settings), path)
        differ = [
            f"{name} {before.get(name)} (now {now.get(name)})"
            for name in sorted({*before, *now})
            if before.get(name) != now.get(name)
        ]
        if differ:
            raise InputError(
                f"{path} was written with {', '.join(differ)}; use the same values to resume, or "
                "remove it to start again"
            )
        return state


def _parse_settings(text: str, path: str | Path) -> dict[str, Any]:
    return parse_json(text, str(path), {}, advice="remove it to start again")


def _vector(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError(f"it holds an array of shape {values.shape}, or one that is not finite")
    return values


def descend(
    function: Function,
    state: State,
    until: int,
    *,
    method: str = "lbfgs",
    learning_rate: float = 10 / 127.5,
    segment: int = 100,
    limits: tuple[float, float] = (-1.0, 1.0),
    on_evaluation: Callable[[State, Mapping[str, float]], None] = lambda state, parts: None,
    on_segment: Callable[[State], None] = lambda state: None,
) -> bool:
    """Minimizes a function until its total number of evaluations is reached.

    The descent is divided into segments, after each of which the state is complete: L-BFGS begins
    every segment with an empty memory. So a descent that is killed and resumed from the last
    segment ends bit for bit like one that never stopped, if `segment` is the same.

    Args:
        function: to minimize.
        state: where to start; changed in place.
        until: evaluations in total, including those of the state.
        method: `"lbfgs"` (SciPy's) or `"adam"`.
        learning_rate: of Adam; 10 of 255 grey levels (neural-style) for images in [-1, 1].
        segment: evaluations between two calls of `on_segment`.
        limits: what Adam clips to after every step. L-BFGS is not clipped: its line search needs
            a smooth function.
        on_evaluation: called after each evaluation.
        on_segment: called after each segment.

    Returns:
        Whether it converged: it ended early because nothing lowers the function any further.

    Raises:
        InputError: an unknown method, a loss that is not finite, or SciPy is missing.
    """
    if method not in METHODS:
        raise InputError(f"the optimizer is {method!r}; {must_be(method, METHODS)}")
    if segment < 1:
        raise InputError(f"a segment has {segment} evaluations; it must have at least 1")
    converged = False
    while state.evaluations < until and not converged:
        end = min(until, (state.evaluations // segment + 1) * segment)
        if method == "lbfgs":
            converged = _lbfgs(function, state, end, on_evaluation)
        else:
            _adam(function, state, end, learning_rate, limits, on_evaluation)
        on_segment(state)
    return converged


class _SegmentEnd(Exception):
    """The evaluations of a segment are used up."""


def _lbfgs(function: Function, state: State, end: int, on_evaluation) -> bool:
    """Whether it converged before the end of the segment."""
    minimize = require("scipy.optimize", "measures", "L-BFGS").minimize

    def counted(x: np.ndarray) -> tuple[float, np.ndarray]:
        if state.evaluations >= end:
            raise _SegmentEnd
        total, gradient, parts = function(x)
        state.record(x, total)
        on_evaluation(state, parts)
        return total, np.asarray(gradient, np.float64)

    # SciPy's own limits are off: evaluations are counted above, and a tolerance relative to 1
    # would end a small loss at once.
    options = {"maxcor": 10, "ftol": 0.0, "gtol": 0.0, "maxfun": 10**6, "maxiter": 10**6}
    while True:
        lowest = min(state.totals, default=np.inf)
        try:
            minimize(counted, state.best.copy(), jac=True, method="L-BFGS-B", options=options)
        except _SegmentEnd:
            return False
        finally:
            state.x = state.best.copy()
        # It gives up where float32 hides the gradient. An empty memory may still make progress.
        if not min(state.totals) < lowest:
            return True


def _adam(
    function: Function, state: State, end: int, learning_rate: float, limits, on_evaluation
) -> None:
    """Kingma, Ba 2015, with betas .9 and .999."""
    for name in ("first", "second"):
        state.slots.setdefault(name, np.zeros_like(state.x))
    first, second = state.slots["first"], state.slots["second"]
    while state.evaluations < end:
        total, gradient, parts = function(state.x)
        state.record(state.x, total)
        on_evaluation(state, parts)
        step = state.evaluations
        first += 0.1 * (gradient - first)
        second += 0.001 * (gradient**2 - second)
        mean = first / (1.0 - 0.9**step)
        size = np.sqrt(second / (1.0 - 0.999**step)) + 1e-8
        state.x = np.clip(state.x - learning_rate * mean / size, *limits)
