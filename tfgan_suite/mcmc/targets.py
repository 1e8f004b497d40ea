"""Densities to sample from, known up to a constant."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow.experimental.numpy as tnp

from tfgan_suite.data.synthetic import gaussians
from tfgan_suite.mcmc.metropolis import LogDensity


@dataclasses.dataclass(frozen=True)
class Target:
    """A density to sample from.

    Args:
        name: short name.
        dimensions: d.
        log_density: `(x, xp) -> (...)` for x `(..., d)`, up to a constant; `xp` is `numpy` or
            `tensorflow.experimental.numpy`.
        start: `(low, high)`: chains start uniformly at random in this box.
        step: a good standard deviation of the moves.
    """

    name: str
    dimensions: int
    log_density: Callable[[Any, Any], Any]
    start: tuple[float, float]
    step: float


def targets() -> dict[str, Target]:
    """N(0, 1), a mixture of two, the banana, and the ring of 8 that the games learn."""
    ring = gaussians.WORLDS["ring"]
    centres, deviation = ring.centres, ring.deviation
    mixture = functools.partial(
        _mixture, centres=np.array([[-2.0], [2.0]]), deviation=0.5, shares=np.array([0.3, 0.7])
    )
    circle = functools.partial(
        _mixture, centres=centres, deviation=deviation, shares=np.full(8, 1 / 8)
    )
    densities = (
        Target("normal", 1, lambda x, xp: -0.5 * xp.sum(x * x, axis=-1), (-3, 3), 2.4),
        Target("mixture", 1, mixture, (-3, 3), 3.0),
        Target("banana", 2, _banana, (-2, 2), 1.2),
        Target("ring", 2, circle, (-1.5, 1.5), 0.8),
    )
    return {target.name: target for target in densities}


def _banana(x: Any, xp: Any) -> Any:
    """x ~ N(0, 1) and y ~ N(x^2, .5): a curved ridge."""
    gap = (x[..., 1] - x[..., 0] ** 2) / 0.5
    return -0.5 * (x[..., 0] ** 2 + gap**2)


def _mixture(x: Any, xp: Any, *, centres, deviation, shares) -> Any:
    """Logarithm of a sum of isotropic Gaussians, without underflow far from all of them."""
    square = xp.sum((x[..., None, :] - centres) ** 2, axis=-1)
    logs = np.log(shares) - square / (2.0 * deviation**2)
    top = xp.max(logs, axis=-1)
    return top + xp.log(xp.sum(xp.exp(logs - top[..., None]), axis=-1))


def in_numpy(target: Target) -> LogDensity:
    """The target's log density for `sample`."""
    return lambda x: target.log_density(x, np)


def in_tensorflow(target: Target) -> LogDensity:
    """The target's log density for `sample_tensorflow`."""
    return lambda x: tf.convert_to_tensor(target.log_density(x, tnp))


def dispersed(target: Target, chains: int, seed: int = 0) -> np.ndarray:
    """Starts of chains, uniform in the target's box: `(chains, d)`."""
    low, high = target.start
    draws = np.random.default_rng([seed, 7])
    return low + (high - low) * draws.random((chains, target.dimensions))
