"""Says in words what goes wrong in training, and stops before damage."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import compat


class Health(keras.callbacks.Callback):
    """Says in words what goes wrong, and stops before damage.

    Stops at a loss or a weight that is NaN or infinite, before a checkpoint can hold it. Warns
    when the generator has collapsed to (nearly) one image and when `game.diagnose` sees
    something in the losses.

    Args:
        every: steps between two looks at weights and samples; losses are looked at every step.
        tell: gets every message; default `print`.
        real_spread: spread of the real data (mean over all numbers of an example of their
            standard deviation over examples), to compare the samples' with.
        collapse: share of the real spread below which the generator counts as collapsed.

    Attributes:
        fatal: the reason for the stop, or None.
        warnings: all warnings so far.
    """

    CAUSES = (
        "likely causes: a learning rate too high, float16 without enough range (try bfloat16),"
        " or NaN in the data"
    )

    def __init__(
        self,
        every: int,
        tell: Callable[[str], None] = print,
        real_spread: float | None = None,
        collapse: float = 0.05,
    ):
        super().__init__()
        self.every, self.tell = every, tell
        self.real_spread, self.collapse = real_spread, collapse
        self.fatal: str | None = None
        self.warnings: list[str] = []
        self._widest = 0.0
        self._told: set[str] = set()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        step = int(self.model.steps.numpy())
        logs = {name: float(np.mean(value)) for name, value in (logs or {}).items()}
        broken = [name for name, value in logs.items() if not math.isfinite(value)]
        if broken:
            self._stop(step, f"the loss {', '.join(broken)} is not a finite number")
        elif step % self.every == 0:
            self._look(step, logs)

    def _look(self, step: int, logs: Mapping[str, float]) -> None:
        where = first_not_finite(self.model)
        if where:
            self._stop(step, f"{where} holds numbers that are not finite")
            return
        for message in self.model.diagnose(logs):
            self._warn(step, "losses", message)
        spread = spread_of(self.model.generate(32, seed=0))
        self._widest = max(self._widest, spread)
        # An untrained generator is grey and even too: it collapses only after having been wide.
        whole = self.real_spread or self._widest
        if spread < self.collapse * whole and self._widest > 2 * self.collapse * whole:
            self._warn(
                step,
                "collapse",
                f"the generator has collapsed: its samples spread {spread:.4f}, the real ones"
                f" {whole:.4f}; go back to an earlier checkpoint, lower the learning rates, or"
                " use a penalty on the discriminator",
            )

    def _warn(self, step: int, kind: str, message: str) -> None:
        self.warnings.append(f"step {step}: {message}")
        if kind not in self._told:
            self._told.add(kind)
            self.tell(f"\nstep {step}: warning: {message}")

    def _stop(self, step: int, message: str) -> None:
        self.fatal = f"step {step}: {message}; {self.CAUSES}"
        self.model.stop_training = True


def spread_of(examples: np.ndarray) -> float:
    """How much examples differ: the mean over their numbers of the deviation over examples."""
    return float(np.mean(np.std(np.asarray(examples, np.float32), axis=0)))


def first_not_finite(game: keras.Model) -> str | None:
    """Which variable of the players or their optimizers holds NaN or infinity, in words."""
    for player, networks in game.players().items():
        for network in networks:
            for variable in network.variables:
                if not _finite(variable):
                    return f"the weight {variable.name} of the {player}"
        for variable in compat.optimizer_variables(game.optimizer_of(player)):
            if not _finite(variable):
                return f"the state {variable.name} of the {player}'s optimizer"
    return None


def _finite(variable: tf.Variable) -> bool:
    value = tf.convert_to_tensor(compat.tensor_variable(variable))
    return not value.dtype.is_floating or bool(tf.reduce_all(tf.math.is_finite(value)))


class TranslationHealth(Health):
    """Health of a game that takes images: it collapses by one answer to all of them.

    Args:
        every: steps between two looks at weights and translations.
        tell: gets every message.
        examples: a batch; what it holds of the other side says how much answers should differ.
    """

    def __init__(self, every: int, tell: Callable[[str], None], examples: Mapping[str, Any]):
        super().__init__(every, tell)
        self.examples = examples
        self._widest_of: dict[str, float] = {}

    def _look(self, step: int, logs: Mapping[str, float]) -> None:
        where = first_not_finite(self.model)
        if where:
            self._stop(step, f"{where} holds numbers that are not finite")
            return
        for message in self.model.diagnose(logs):
            self._warn(step, "losses", message)
        for signature, key in self.model.translations().items():
            other = self.model.gives if key == self.model.takes else self.model.takes
            real = spread_of(self.examples.get(other, self.examples[key]))
            made = self.model.translate(self.examples[key], signature=signature)
            spread = spread_of(made)
            # An untrained generator is grey and even too: it collapses only after being wide.
            widest = self._widest_of[signature] = max(self._widest_of.get(signature, 0.0), spread)
            if spread < self.collapse * real and widest > 2 * self.collapse * real:
                self._warn(
                    step,
                    f"collapse {signature}",
                    f"the generator has collapsed: its answers to {len(made)} examples of {key}"
                    f" spread {spread:.4f}, real ones {real:.4f}; go back to an earlier checkpoint,"
                    " lower the learning rates, or give the reconstruction terms more weight",
                )
