"""Says in words what goes wrong in training, and stops before damage."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.data.synthetic import kinds

# Samples that an oracle reads at each look: of 18 kinds 14 each.
ORACLE_SAMPLES, SEVERAL = 256, 4


class Health(keras.callbacks.Callback):
    """Watches losses, weights and outputs of any game.

    Stops at a loss or a weight that is NaN or infinite, before a checkpoint can hold it. Warns
    when the generator has collapsed to (nearly) one output, which `game.collapse_pairs` compares
    with the data, when kinds of examples disappear from its samples that an oracle saw there
    before, and when `game.diagnose` sees something in the losses.

    Args:
        every: steps between two looks at weights and outputs; losses are checked at every step.
        log: gets every message; default `print`.
        examples: a batch of `game.health_examples` examples of the data. None: a generator from
            noise is compared with its own widest samples so far, others are not compared.
        collapse: share of the real spread (mean over all numbers of an example of their standard
            deviation over examples) below which the generator counts as collapsed.
        oracle: reports which kinds appear among samples of a generator from noise, as the oracles
            of the synthetic worlds do. None: no one can tell.

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
        log: Callable[[str], None] = print,
        examples: Mapping[str, np.ndarray] | None = None,
        collapse: float = 0.05,
        oracle: Callable[[np.ndarray], Mapping[str, Any]] | None = None,
    ):
        super().__init__()
        self.oracle = oracle
        self.every, self.log = every, log
        self.examples, self.collapse = examples, collapse
        self.fatal: str | None = None
        self.warnings: list[str] = []
        self._widest: dict[str, float] = {}
        self._logged: set[str] = set()
        self._appeared: set[str] = set()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        step = int(self.model.steps.numpy())
        logs = {name: float(np.mean(value)) for name, value in (logs or {}).items()}
        broken = [name for name, value in logs.items() if not math.isfinite(value)]
        if broken:
            self.stop(step, f"the loss {', '.join(broken)} is not a finite number")
        elif step % self.every == 0:
            self._look(step, logs)

    def _look(self, step: int, logs: Mapping[str, float]) -> None:
        variable = first_not_finite(self.model)
        if variable:
            self.stop(step, f"{variable} holds numbers that are not finite")
            return
        for message in self.model.diagnose(logs):
            self._warn(step, "losses", message)
        self._look_for_kinds(step)
        if self.examples is None and self.model.takes_examples:
            return
        for outputs, (real, generated) in self.model.collapse_pairs(self.examples or {}).items():
            self._compare(step, outputs, real, generated)

    def _look_for_kinds(self, step: int) -> None:
        """Warns of kinds that were among the samples and no longer are."""
        if self.oracle is None or self.model.takes_examples:
            return
        report = self.oracle(self.model.generate(ORACLE_SAMPLES, seed=0))
        absent = kinds.missing(report)
        if absent is None:
            return
        gone = [kind for kind in absent if kind in self._appeared]
        # A kind that only a stray sample showed has not been there.
        counts = report["counts"]
        counts = counts.values() if isinstance(counts, Mapping) else counts
        self._appeared |= {k for k, count in zip(report["kinds"], counts) if count >= SEVERAL}
        if gone:
            self._warn(
                step,
                f"kinds {gone}",
                f"kinds disappear: {kinds.listed(gone)}, which appeared before, are not among"
                f" {ORACLE_SAMPLES} samples ({kinds.in_words(report)}); they may come back; if"
                " they do not, try the pairing loss with r1_weight and r2_weight, or lower the"
                " learning rates",
            )

    def _compare(
        self, step: int, outputs: str, real: np.ndarray | None, generated: np.ndarray
    ) -> None:
        spread = spread_of(generated)
        # An untrained generator is grey and even too: it collapses only after having been wide.
        widest = self._widest[outputs] = max(self._widest.get(outputs, 0.0), spread)
        expected = widest if real is None else spread_of(real)
        if spread < self.collapse * expected and widest > 2 * self.collapse * expected:
            self._warn(
                step,
                f"collapse {outputs}",
                f"the generator has collapsed: its {outputs} spread {spread:.4f}, real ones"
                f" {expected:.4f}; go back to an earlier checkpoint, lower the learning rates,"
                f" {self.model.collapse_advice}",
            )

    def _warn(self, step: int, kind: str, message: str) -> None:
        self.warnings.append(f"step {step}: {message}")
        if kind not in self._logged:
            self._logged.add(kind)
            self.log(f"\nstep {step}: warning: {message}")

    def stop(self, step: int, message: str) -> None:
        """Stops training for a reason; a game that is stopped so is not saved."""
        self.fatal = f"step {step}: {message}; {self.CAUSES}"
        self.model.stop_training = True


def spread_of(examples: np.ndarray) -> float:
    """How much examples differ: the mean over their numbers of the deviation over examples."""
    return float(np.mean(np.std(np.asarray(examples, np.float32), axis=0)))


def first_not_finite(game: keras.Model) -> str | None:
    """Which variable of a game holds NaN or infinity, in words; None if all are finite.

    Everything that a checkpoint saves is looked at: networks, their averages, optimizers, mean
    losses, image pools.

    Args:
        game: a compiled game.
    """
    for variable in compat.saved_variables(game):
        if not _finite(variable):
            return _describe(game, variable)
    return None


def _finite(variable: tf.Variable) -> bool:
    if not variable.dtype.is_floating:
        return True
    try:
        # One pass without a copy; it raises where a number is not finite.
        tf.raw_ops.CheckNumerics(tensor=tf.convert_to_tensor(variable), message="")
    except tf.errors.InvalidArgumentError:
        return False
    return True


def _describe(game: keras.Model, variable: tf.Variable) -> str:
    """What a variable of a game is, in words."""
    if variable is getattr(game, "_totals", None):
        return "the mean of the losses"
    for player, networks in game.players().items():
        kinds = {
            f"the weight {{}} of the {player}": [v for net in networks for v in net.variables],
            f"the averaged weight {{}} of the {player}": [
                v for net in game.ema(player) for v in net.variables
            ],
            f"the state {{}} of the {player}'s optimizer": compat.optimizer_variables(
                game.optimizer_of(player)
            ),
        }
        for words, candidates in kinds.items():
            if any(compat.tensor_variable(candidate) is variable for candidate in candidates):
                return words.format(variable.name)
    return f"the variable {variable.name}"
