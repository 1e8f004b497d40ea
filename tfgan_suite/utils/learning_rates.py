"""Learning rates that cannot train anything are refused where they come in."""

from __future__ import annotations

import math
from typing import Any

from tfgan_suite.errors import InputError


def check_learning_rate(rate: Any, name: str, *, may_freeze: bool = False) -> None:
    """Refuses a learning rate that is negative, not finite or 0.

    Args:
        rate: the learning rate; schedules, tensors and None pass.
        name: what it is, for the message.
        may_freeze: let 0 pass, with which a player stands still.

    Raises:
        InputError: it is out of range.
    """
    if isinstance(rate, bool) or not isinstance(rate, (int, float)):
        return
    if rate > 0 and math.isfinite(rate) or rate == 0 and may_freeze:
        return
    least = "0 (frozen) or above" if may_freeze else "above 0"
    raise InputError(f"{name} is {rate:g}; it must be {least}: Adam's are 0.0001 to 0.002 mostly")
