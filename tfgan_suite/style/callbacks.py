"""Learning-rate decay of AdaIN's decoder."""

from __future__ import annotations

from collections.abc import Mapping

import keras

from tfgan_suite import compat
from tfgan_suite.errors import InputError


class InverseDecay(keras.callbacks.Callback):
    """Inverse-time decay: every player's learning rate becomes `rate / (1 + decay * steps)`.

    The learning rate depends only on the step counter, so a resumed run follows the same curve.

    Args:
        decay: paper and default 5e-5; 0: a constant learning rate.

    Raises:
        InputError: a negative decay, with which the rates would become negative.
    """

    sets_learning_rates = True

    def __init__(self, decay: float = 5e-5):
        super().__init__()
        if decay < 0:
            raise InputError(f"the inverse decay is {decay}; it must be 0 or more")
        self.decay = decay

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        factor = 1.0 / (1.0 + self.decay * int(self.model.steps.numpy()))
        for player, learning_rate in self.model.initial_learning_rates.items():
            compat.set_learning_rate(self.model.optimizer_of(player), learning_rate * factor)
