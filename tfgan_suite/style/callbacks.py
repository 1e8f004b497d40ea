"""What happens beside the training of a decoder: the fall of its rate."""

from __future__ import annotations

from collections.abc import Mapping

import keras

from tfgan_suite import compat


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
        for player, rate in self.model.initial_learning_rates.items():
            compat.set_learning_rate(self.model.optimizer_of(player), rate * factor)
