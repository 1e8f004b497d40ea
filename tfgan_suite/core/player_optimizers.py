"""The optimizers of a game: how `compile` takes them, and how Keras's callbacks see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from tfgan_suite import compat
from tfgan_suite.errors import InputError, must_be

# Arguments of Keras's own `compile` that a game has no use for.
_KERAS_ARGUMENTS = ("loss", "loss_weights", "metrics", "weighted_metrics", "auto_scale_loss")
_NAMES = ("adam", "adamw", "adamax", "nadam", "sgd", "rmsprop", "adagrad", "adadelta", "ftrl")


def resolve(
    players: Mapping[str, Any], optimizer: Any, named: Mapping[str, Any]
) -> dict[str, keras.optimizers.Optimizer]:
    """One optimizer object for each player from what a user passed to `compile`.

    Args:
        players: the players by name.
        optimizer: for all of them: a Keras name such as `"adam"` or an optimizer class, of which
            each player gets an object of its own; an object only where there is one player.
        named: by player: a name, a class or an object.

    Raises:
        InputError: a player without an optimizer, an optimizer without a player, an object for two
            players, anything that is no optimizer, or Keras's arguments for losses and metrics.
    """
    names = sorted(players)
    example = ", ".join(f"{name}='adam'" for name in names)
    for argument in _KERAS_ARGUMENTS:
        if argument in named and argument not in players:
            raise InputError(
                f"compile got {argument}=, but a game has losses of its own; pass one optimizer for"
                f" each player: compile({example})"
            )
    if optimizer is not None:
        if named:
            raise InputError(
                "compile got an optimizer for all players and others by name; pass one or the"
                f" other: compile('adam') or compile({example})"
            )
        if len(players) > 1 and _is_optimizer(optimizer):
            raise InputError(_shared(names))
        named = dict.fromkeys(players, optimizer)
    missing, unknown = set(players) - set(named), set(named) - set(players)
    if missing or unknown:
        raise InputError(
            f"compile needs one optimizer for each of {names}"
            + (f"; missing: {sorted(missing)}" if missing else "")
            + (f"; unknown: {sorted(unknown)}" if unknown else "")
        )
    optimizers = {player: _optimizer(player, named[player]) for player in players}
    if len({id(each) for each in optimizers.values()}) < len(optimizers):
        raise InputError(_shared(names))
    return optimizers


def _shared(names: list[str]) -> str:
    example = ", ".join(f"{name}=Adam(2e-4)" for name in names)
    return (
        f"two players share one optimizer object; make one for each: compile({example}), or pass"
        " a name or a class: compile('adam')"
    )


def _is_optimizer(value: Any) -> bool:
    return isinstance(value, keras.optimizers.Optimizer)


def _optimizer(player: str, value: Any) -> keras.optimizers.Optimizer:
    if isinstance(value, type) and issubclass(value, keras.optimizers.Optimizer):
        return value()
    if isinstance(value, str):
        if value.lower() not in _NAMES:
            raise InputError(f"{player}={value!r} is no optimizer; {must_be(value, _NAMES)}")
        return keras.optimizers.get(value)
    if not _is_optimizer(value):
        raise InputError(
            f"{player}={value!r:.60} is no optimizer of keras.optimizers (those of"
            " keras.optimizers.legacy and of other packages do not fit); pass an object such as"
            " keras.optimizers.Adam(2e-4), its class or its name"
        )
    return value


class OptimizerView:
    """What Keras's callbacks look for as `model.optimizer`: the learning rates of all players.

    `learning_rate` (Keras 2: also `lr`) is that of the first player. Setting it sets every
    player's rate, in the proportions in which `compile` got them.

    Args:
        game: a compiled game.
    """

    built = True  # `compile` builds every player's optimizer

    def __init__(self, game: Any):
        self._game = game

    @property
    def variables(self) -> list[Any]:
        """The state of all players' optimizers."""
        optimizers = [self._game.optimizer_of(player) for player in self._game.players()]
        return [each for optimizer in optimizers for each in optimizer.variables]

    @property
    def iterations(self) -> Any:
        """The step counter of the game."""
        return self._game.steps

    @property
    def learning_rate(self) -> Any:
        """The first player's learning rate."""
        player = next(iter(self._game.initial_learning_rates))
        return _LearningRate(compat.get_learning_rate(self._game.optimizer_of(player)), self)

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        rates = self._game.initial_learning_rates
        first, value = next(iter(rates.values())), float(value)
        for player, rate in rates.items():
            # Equal rates stay equal to the last bit.
            scaled = value if rate == first else value * (rate / first if first else 1.0)
            compat.set_learning_rate(self._game.optimizer_of(player), scaled)

    # Keras 2's callbacks read `lr` and call its `assign`.
    lr = learning_rate


class _LearningRate(float):
    """A number with the methods of the variable that Keras 2's callbacks expect."""

    dtype = np.dtype("float32")

    def __new__(cls, value: float, view: OptimizerView) -> _LearningRate:
        rate = super().__new__(cls, value)
        rate._view = view  # type: ignore[attr-defined]
        return rate

    def assign(self, value: Any) -> None:
        """Sets the learning rates of all players."""
        self._view.learning_rate = value  # type: ignore[attr-defined]
