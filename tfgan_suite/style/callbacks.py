"""Learning-rate decay of AdaIN's decoder."""

from __future__ import annotations

from tfgan_suite.errors import InputError
from tfgan_suite.utils.rate_schedules import RateSchedule


class InverseDecay(RateSchedule):
    """Inverse-time decay: every player's learning rate becomes `rate / (1 + decay * steps)`.

    The learning rate depends only on the step counter, so a resumed run follows the same curve.

    Args:
        decay: paper and default 5e-5; 0: a constant learning rate.

    Raises:
        InputError: a negative decay, with which the rates would become negative.
    """

    def __init__(self, decay: float = 5e-5):
        super().__init__()
        if decay < 0:
            raise InputError(f"the inverse decay is {decay}; it must be 0 or more")
        self.decay = decay

    def rate(self, initial: float, step: int) -> float:
        return initial * (1.0 / (1.0 + self.decay * step))
