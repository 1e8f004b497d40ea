"""What keeps any game from noise steady: options that every one of them takes."""

from __future__ import annotations

import dataclasses
import types
from typing import Any

from tfgan_suite.core import diff_augment
from tfgan_suite.errors import InputError


@dataclasses.dataclass(frozen=True)
class Regularization:
    """Changes to what the discriminator sees, is asked, or is charged for. All are off by default.

    Args:
        label_smoothing: the real label is 1 minus this (one-sided, Salimans et al. 2016);
            cross-entropy losses only.
        instance_noise: deviation of the normal noise added to all that the discriminator sees
            (Sonderby et al. 2017), real and generated; images are in [-1, 1].
        instance_noise_steps: steps over which that noise falls in a line to nothing; 0: it stays.
        r1: weight of the penalty `r1 / 2 * E |grad D(x)|^2` on real examples (Mescheder et al.
            2018).
        r1_every: steps between two that compute the penalty, which then counts that many times;
            it costs about as much as all the rest of a step.
        augment: random changes of all that the discriminator sees, generated images with their
            gradients (DiffAugment, Zhao et al. 2020): any of `"color"`, `"translation"`,
            `"cutout"`, separated by commas.

    Raises:
        InputError: a value out of its range.
    """

    label_smoothing: float = 0.0
    instance_noise: float = 0.0
    instance_noise_steps: int = 0
    r1_weight: float = 0.0
    r1_every: int = 1
    augment: str = ""

    def __post_init__(self):
        for name in ("label_smoothing", "instance_noise", "instance_noise_steps", "r1_weight"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} is {getattr(self, name)}; it must be 0 (off) or more")
        if isinstance(self.r1_every, bool) or self.r1_every != int(self.r1_every):
            raise InputError(f"r1_every is {self.r1_every!r}; it must be a whole number")
        if self.r1_every < 1:
            raise InputError(f"r1_every is {self.r1_every}; it must be at least 1")
        diff_augment.parse(self.augment)


NAMES = tuple(field.name for field in dataclasses.fields(Regularization))


def make(options: dict[str, Any]) -> Regularization:
    """The regularization from keyword arguments.

    Raises:
        InputError: an unknown name.
    """
    unknown = sorted(set(options) - set(NAMES))
    if unknown:
        raise InputError(f"{unknown} are no arguments of this game; regularization: {list(NAMES)}")
    return Regularization(**options)


def chosen(options: types.SimpleNamespace) -> dict[str, Any]:
    """Those of a recipe's constants that are regularization, as keyword arguments for its game."""
    return {name: getattr(options, name) for name in NAMES if hasattr(options, name)}
