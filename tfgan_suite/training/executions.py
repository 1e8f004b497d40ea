"""How many training steps one call of the compiled step does (Keras: `steps_per_execution`).

Callbacks act between calls. So a call ends wherever one of them has something to do: at multiples
of the steps between log lines and between checkpoints, and where a phase of training ends.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras

# A step on points takes less time than its call.
POINTS = 50
_BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")


def choose(
    game: keras.Model,
    options: types.SimpleNamespace,
    shape: Sequence[int],
    callbacks: Iterable[keras.callbacks.Callback],
    log: Callable[[str], None] = print,
) -> None:
    """Sets the steps in a call, so that all callbacks act at their steps.

    Args:
        game: the compiled game.
        options: constants: `log_every`, and `steps_per_execution`; where that is None, the number
            is the one that `compile` got, else `POINTS` for points if no callback of other
            packages acts after every step, else 1.
        shape: shape of an example.
        callbacks: those that have an `every` act at its multiples.
        log: is told of a number that a user chose and that cannot be.
    """
    callbacks = list(callbacks)
    chosen = getattr(options, "steps_per_execution", 1)
    if chosen is None and game.steps_per_call > 1:
        chosen = game.steps_per_call
    if game.single_step_calls:
        if chosen is not None and chosen > 1:
            log(f"a call does 1 step, not {chosen}: Keras 3 does no more on several devices")
        game.set_steps_per_call(1)
        return
    wish = chosen
    if wish is None:
        wish = 1 if len(shape) > 1 or any(map(acts_every_step, callbacks)) else POINTS
    ends = [options.log_every, *game.execution_ends()]
    ends += [each.every for each in callbacks if hasattr(each, "every")]
    count = largest_divisor(wish, ends)
    if chosen is not None and count != chosen:
        steps = ", ".join(map(str, sorted({end for end in ends if end})))
        log(
            f"a call does {count} steps, not {chosen}: the largest number up to {chosen} with which"
            f" calls end where something is to do, at (multiples of) steps {steps}"
        )
    game.set_steps_per_call(count)


def largest_divisor(limit: int, numbers: Iterable[int]) -> int:
    """The largest number up to a limit that divides all numbers."""
    common = math.gcd(*numbers)
    if not common:
        return limit
    return next(n for n in range(min(limit, common), 0, -1) if common % n == 0)


def acts_every_step(callback: Any) -> bool:
    """Whether a callback that this package does not know acts after every step."""
    hooks = [getattr(type(callback), name) for name in _BATCH_HOOKS if hasattr(callback, name)]
    packages = {getattr(hook, "__module__", "").partition(".")[0] for hook in hooks}
    return not packages <= {"keras", "tfgan_suite"}
