"""Runs that start from the weights of another run: SRGAN starts from a trained SRResNet."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.training.run_folder import Run

# The value of `--start` that selects random weights instead of a run.
RANDOM_WEIGHTS = "none"


def adopt(options: types.SimpleNamespace, names: Sequence[str], first: str) -> None:
    """Sets constants that shape the generator to the values of the run that it starts from.

    The run folder stores the adopted values, so that it opens without the run it started from.

    Args:
        options: the constants, changed in place; `start` is the run folder of the first stage, or
            `"none"` for random weights. A constant that is `None` gets the first stage's value.
        names: lower-case names of the constants, which the first stage has too.
        first: recipe of the first stage, for messages.

    Raises:
        InputError: there is no start, it is not a run of that recipe, or a value differs from
            that of the start.
    """
    missing = [name for name in names if getattr(options, name) is None]
    if options.start is None:
        raise InputError(
            f"this is the second stage and starts from a trained {first}; train one (python"
            f" recipes/{first}.py --data {options.data}) and pass its run folder as --start, or"
            f" --start {RANDOM_WEIGHTS} for random weights, with which the discriminator wins"
            " before there are images"
        )
    if options.start == RANDOM_WEIGHTS:
        if missing:
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in missing)
            raise InputError(
                f"--start {RANDOM_WEIGHTS} does not say how the generator is built; pass {flags}"
            )
        return
    # A trained run has all values and opens again after its start was deleted.
    if not missing and not Path(options.start).exists():
        return
    constants = _constants(options.start, first)
    for name in names:
        if name in missing:
            setattr(options, name, constants[name])
        elif getattr(options, name) != constants[name]:
            raise InputError(
                f"--{name.replace('_', '-')} is {getattr(options, name)}, but {options.start} was"
                f" trained with {constants[name]}; use the same value"
            )


class StartFrom(keras.callbacks.Callback):
    """Copies a player's weights from another run before the first step, not on resuming.

    Args:
        source: folder of the other run.
        player: player whose networks are copied; both games have it.
        precision: that of this run, restored after the other one was opened.

    Raises:
        InputError: there is no such run, or it has no checkpoint.
    """

    def __init__(self, source: str | Path, player: str = "generator", precision: str = "float32"):
        super().__init__()
        self.source, self.player = Path(source), player
        try:
            game, _, _ = Run(self.source).load()
        finally:
            compat.set_precision(precision)
        # The averaged weights, if the other run has them: they draw its samples.
        self.weights: list[list[np.ndarray]] = [
            network.get_weights() for network in game.ema(player)
        ]

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        if int(self.model.steps.numpy()):
            return
        for networks in (self.model.players()[self.player], self.model.ema(self.player)):
            if len(networks) != len(self.weights):
                raise InputError(
                    f"the {self.player} of {self.source} has {len(self.weights)} networks, this"
                    f" game's has {len(networks)}; start from a run of the matching recipe"
                )
            for network, weights in zip(networks, self.weights):
                _set(network, weights, self.source)


def copy_weights(source: str | Path, game: keras.Model, precision: str = "float32") -> None:
    """Starts a game from the weights of another run; its optimizers and its step stay fresh.

    Args:
        source: folder of the other run.
        game: the compiled game, not trained yet.
        precision: that of this run, restored after the other one was opened.

    Raises:
        InputError: there is no such run, it is of the other stack, or its networks differ.
    """
    try:
        other, _, _ = Run(source).load(recalibrate=False)
    finally:
        compat.set_precision(precision)
    players, others = game.players(), other.players()
    if players.keys() != others.keys():
        raise InputError(
            f"--warm-start {source} is a run of the players {', '.join(others)}, this game has"
            f" {', '.join(players)}; pass a run of the same recipe"
        )
    for player, networks in players.items():
        if len(networks) != len(others[player]):
            raise InputError(
                f"the {player} of {source} has {len(others[player])} networks, this game's has"
                f" {len(networks)}; pass a run of the same recipe"
            )
        for network, weights in zip(networks, others[player]):
            _set(network, weights.get_weights(), Path(source), player)
        # Averages go on from the other's averages, or begin at its weights.
        averages = game.ema(player)
        if averages[0] is not networks[0]:
            for network, weights in zip(averages, other.ema(player)):
                _set(network, weights.get_weights(), Path(source), player)


def _set(
    network: keras.Model, weights: Sequence[np.ndarray], source: Path, player: str = "generator"
) -> None:
    shapes = [tuple(value.shape) for value in weights]
    expected = [tuple(variable.shape) for variable in network.weights]
    if shapes != expected:
        raise InputError(
            f"the {player} of {source} has {sum(map(np.prod, shapes))} weights in {len(shapes)}"
            f" arrays, this one {sum(map(np.prod, expected))} in {len(expected)}; start from a run"
            " of the same width, depth and upsampling"
        )
    network.set_weights(list(weights))


def _constants(source: str, first: str) -> Mapping[str, Any]:
    manifest = Run(source).manifest
    if manifest["recipe"] != first:
        raise InputError(f"--start {source} is a run of {manifest['recipe']}; expected {first}")
    return manifest["constants"]
