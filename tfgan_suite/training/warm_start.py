"""Runs that begin where another run ended: SRGAN starts from a trained SRResNet."""

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

# The word that asks for random weights in place of a run.
NOTHING = "none"


def adopt(options: types.SimpleNamespace, names: Sequence[str], first: str) -> None:
    """Gives constants that shape the generator the values of the run that it starts from.

    What a run keeps are the adopted values, so that it opens without the run it started from.

    Args:
        options: the constants, changed in place; `start` is the folder of the first stage's run,
            `"none"` for random weights. A constant of 0 or "" has no value yet.
        names: of the constants, in lower case; the first stage has them too.
        first: recipe of the first stage, for messages.

    Raises:
        InputError: no start is given, it is no run of that recipe, or a constant that was given
            differs from the start's.
    """
    missing = [name for name in names if getattr(options, name) in (0, "")]
    if not options.start:
        raise InputError(
            f"this is the second stage and starts from a trained {first}; train one (python"
            f" recipes/{first}.py --data {options.data}) and give its run folder as --start, or"
            f" --start {NOTHING} for random weights, with which the discriminator wins before there are"
            " images"
        )
    if options.start == NOTHING:
        if missing:
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in missing)
            raise InputError(f"--start {NOTHING} leaves open how the generator looks: give {flags}")
        return
    # A trained run opens again where its start is gone: it has all values.
    if not missing and not Path(options.start).exists():
        return
    constants = _constants(options.start, first)
    for name in names:
        if name in missing:
            setattr(options, name, constants[name])
        elif getattr(options, name) != constants[name]:
            raise InputError(
                f"--{name.replace('_', '-')} is {getattr(options, name)}, but {options.start} was"
                f" made with {constants[name]}; give this value"
            )


class StartFrom(keras.callbacks.Callback):
    """Gives a player the weights of another run's before the first step; later it does nothing.

    Args:
        source: folder of the other run.
        player: whose networks; both games have it.
        precision: of this run, which opening the other one may change.

    Raises:
        InputError: no such run, or one without a checkpoint.
    """

    def __init__(self, source: str | Path, player: str = "generator", precision: str = "float32"):
        super().__init__()
        self.source, self.player = Path(source), player
        try:
            game, _, _ = Run(self.source).load()
        finally:
            compat.set_precision(precision)
        # Averaged ones, where the other run keeps averages: those are what it draws with.
        self.weights: list[list[np.ndarray]] = [
            network.get_weights() for network in game.ema(player)
        ]

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        if int(self.model.steps.numpy()):
            return
        for networks in (self.model.players()[self.player], self.model.ema(self.player)):
            if len(networks) != len(self.weights):
                raise InputError(
                    f"{self.source} has {len(self.weights)} networks of the {self.player}, this"
                    f" game {len(networks)}"
                )
            for network, weights in zip(networks, self.weights):
                _set(network, weights, self.source)


def _set(network: keras.Model, weights: Sequence[np.ndarray], source: Path) -> None:
    found = [tuple(value.shape) for value in weights]
    expected = [tuple(variable.shape) for variable in network.weights]
    if found != expected:
        raise InputError(
            f"the network of {source} has {sum(map(np.prod, found))} weights in {len(found)}"
            f" arrays, this one {sum(map(np.prod, expected))} in {len(expected)}; start from a run"
            " of the same width, depth and upsampling"
        )
    network.set_weights(list(weights))


def _constants(source: str, first: str) -> Mapping[str, Any]:
    manifest = Run(source).manifest
    if manifest["recipe"] != first:
        raise InputError(f"--start {source} is a run of {manifest['recipe']}; expected {first}")
    return manifest["constants"]
