"""Says in words what goes wrong in training, and stops before damage."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.data.synthetic import kinds
from tfgan_suite.training import update_sizes
from tfgan_suite.training.callbacks import plain_logs

# Samples that an oracle reads at each look: of 18 kinds 14 each.
ORACLE_SAMPLES, SEVERAL = 256, 4
# What is normal at the start is said when two looks that are this many steps apart see it.
LASTING_STEPS = 100
# A generator ignores its input when its outputs spread by less than this share of the data's.
IGNORED = 0.01


class Health(keras.callbacks.Callback):
    """Watches losses, weights and outputs of any game.

    Stops at a loss or a weight that is NaN or infinite, before a checkpoint can hold it. Warns
    when the generator has collapsed to (nearly) one output or ignores its input, which
    `game.collapse_pairs` compares with the data, when kinds of examples disappear from its samples
    that an oracle saw there before, when a single step changes weights by a large share of their
    size, and when `game.diagnose` or, for a while, `game.diagnose_lasting` sees something in the
    losses.

    Args:
        every: steps between two looks at weights and outputs; losses are checked after every call
            of the compiled step.
        log: gets every message; default `print`.
        examples: a batch of `game.health_examples` examples of the data. None: a generator from
            noise is compared with its own widest samples so far, others are not compared.
        collapse: share of the real spread (mean over all numbers of an example of their standard
            deviation over examples) below which the generator counts as collapsed.
        oracle: reports which kinds appear among samples of a generator from noise, as the oracles
            of the synthetic worlds do. None: no one can tell.
        record: gets the step and the text of what is logged.

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
        record: Callable[[int, str], None] | None = None,
    ):
        super().__init__()
        self.oracle, self.record = oracle, record
        self.every, self.log = every, log
        self.examples, self.collapse = examples, collapse
        self.fatal: str | None = None
        self.warnings: list[str] = []
        self._widest: dict[str, float] = {}
        self._logged: set[str] = set()
        self._appeared: set[str] = set()
        self._since: dict[str, int] = {}
        self._sizes: update_sizes.UpdateSizes | None = None

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        step = self.model.steps_done
        if self._sizes is None:
            self._sizes = update_sizes.UpdateSizes(self.model)
        # Not the first steps: there, clipped weights jump into their range.
        if 0 < step <= self.model.steps_per_call or step and step % self.every == 0:
            self._sizes.remember(step)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        step = self.model.steps_done
        logs = plain_logs(logs)
        broken = [name for name, value in logs.items() if not math.isfinite(value)]
        if broken:
            self.stop(step, f"the loss {', '.join(broken)} is not a finite number")
            return
        self._look_at_update(step)
        if step % self.every == 0:
            self._look(step, logs)

    def _look_at_update(self, step: int) -> None:
        """Warns of a step that changed a large share of the weights."""
        shares = self._sizes.compare(step) if self._sizes else {}
        for player, share in shares.items():
            if share > update_sizes.TOO_LARGE:
                optimizer = self.model.optimizer_of(player)
                words = update_sizes.describe(player, share, optimizer)
                self._warn(step, f"update {player}", words)

    def _look(self, step: int, logs: Mapping[str, float]) -> None:
        variable = first_not_finite(self.model)
        if variable:
            self.stop(step, f"{variable} holds numbers that are not finite")
            return
        for message in self.model.diagnose(logs):
            self._warn(step, kind_of(message), message)
        lasting = self.model.diagnose_lasting(logs)
        self._look_for_kinds(step)
        if self.examples is not None or not self.model.takes_examples:
            pairs = self.model.collapse_pairs(self.examples or {})
            for outputs, (real, generated) in pairs.items():
                lasting += self._compare(step, outputs, real, generated)
        self._warn_if_lasting(step, {kind_of(message): message for message in lasting})

    def _warn_if_lasting(self, step: int, messages: Mapping[str, str]) -> None:
        """Warns of what this look and one at least `LASTING_STEPS` before it see."""
        self._since = {kind: self._since.get(kind, step) for kind in messages}
        for kind, message in messages.items():
            if step - self._since[kind] >= LASTING_STEPS:
                self._warn(step, kind, message)

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
    ) -> list[str]:
        """Warns of a collapse; what is wrong only if it lasts is returned in words."""
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
        elif real is not None and spread < IGNORED * expected:
            return [
                f"the generator ignores its input: {outputs} (spread {spread:.4f}, real examples"
                f" {expected:.4f}) are all alike and stay so; start again with lower learning"
                f" rates, {self.model.collapse_advice}"
            ]
        return []

    def _warn(self, step: int, kind: str, message: str) -> None:
        self.warnings.append(f"step {step}: {message}")
        if kind not in self._logged:
            self._logged.add(kind)
            self.log(f"\nstep {step}: warning: {message}")
            if self.record is not None:
                self.record(step, message)

    def stop(self, step: int, message: str) -> None:
        """Stops training for a reason; a game that is stopped so is not saved."""
        self.fatal = f"step {step}: {message}; {self.CAUSES}"
        self.model.stop_training = True


def kind_of(message: str) -> str:
    """What a message of a game says, without its numbers, which differ at each look.

    Args:
        message: of `diagnose` or `diagnose_lasting`.

    Returns:
        Its words up to the first bracket.
    """
    return re.sub(r"\d[\d.,]*", "#", message.partition("(")[0])


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
