"""What happens beside the training of a decoder: the fall of its rate, and a look at the frozen."""

from __future__ import annotations

from collections.abc import Mapping

import keras

from tfgan_suite import compat, feature_taps


class InverseDecay(keras.callbacks.Callback):
    """Lowers every player's learning rate to `rate / (1 + decay * steps)`.

    The rate is a function of the step counter alone, so that a resumed run follows the same curve.

    Args:
        decay: paper 5e-5; 0: never.
    """

    def __init__(self, decay: float = 5e-5):
        super().__init__()
        if decay < 0:
            raise ValueError(f"a decay of {decay}; it must be 0 or more")
        self.decay = decay

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        factor = 1.0 / (1.0 + self.decay * int(self.model.steps.numpy()))
        for player, rate in self.model.first_rates.items():
            compat.set_learning_rate(self.model.optimizer_of(player), rate * factor)


class Unchanged(keras.callbacks.Callback):
    """Checks after training that the game's frozen encoder has the weights it began with."""

    def __init__(self) -> None:
        super().__init__()
        self._before = ""

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        self._before = feature_taps.checksum(self.model.encoder.network)

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        if feature_taps.checksum(self.model.encoder.network) != self._before:
            raise RuntimeError("the encoder changed in training although it is frozen")
