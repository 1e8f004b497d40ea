"""Metropolis sampling, the classical way to draw from a density known up to a constant.

It is here as a contrast to GANs: it needs no training, only the density; but it draws one sample at
a time, each similar to the one before, and rarely crosses from one mode to the next. A NumPy
reference and a TensorFlow version compute the same chain from the same random numbers, in float64
and with logarithms throughout.

References: Metropolis, Rosenbluth, Rosenbluth, Teller, Teller 1953; Hastings 1970.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_suite.errors import InputError

LogDensity = Callable[[Any], Any]  # (chains, d) -> (chains,), up to a constant


@dataclasses.dataclass(frozen=True)
class Chain:
    """The result of `sample`.

    Args:
        samples: `(steps, chains, d)`; a rejected move repeats the sample before it.
        log_density: `(steps, chains)`.
        acceptance: share of accepted moves of each chain, `(chains,)`.
        step: standard deviation of the moves, after burn-in.
    """

    samples: np.ndarray
    log_density: np.ndarray
    acceptance: np.ndarray
    step: float


def sample(
    log_density: LogDensity,
    start: np.ndarray,
    steps: int,
    step: float = 1.0,
    *,
    seed: int = 0,
    burn_in: int = 0,
    adapt: float | None = None,
    propose: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
    correction: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
) -> Chain:
    """Metropolis' algorithm, the NumPy reference.

    A move x' ~ g(.|x) is accepted if log u < log f(x') - log f(x) + correction(x, x'), u ~
    U(0, 1); else x stays and is recorded again.

    Args:
        log_density: log f, up to a constant; `(chains, d)` to `(chains,)`. -inf where f is 0.
        start: `(chains, d)`, where f is above 0.
        steps: moves of each chain that are recorded.
        step: standard deviation of the Gaussian moves; default 1.
        seed: of the random numbers; moves and acceptance have separate streams.
        burn_in: moves before the recorded ones; default 0.
        adapt: acceptance that `step` is tuned to, during burn-in only (later tuning would change
            the density); .44 in one dimension, .234 in many. `None`: `step` is constant.
        propose: `(x, normal)` to x', in place of x + step * normal.
        correction: `log g(x|x') - log g(x'|x)` for a `propose` that is not symmetric (Hastings).

    Raises:
        InputError: shapes, numbers or a start outside the density.
    """
    x = np.array(start, np.float64)
    _check(x, steps, step, burn_in, adapt)
    moves, coins = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    current = _initial(log_density, x)
    samples = np.empty((steps, *x.shape))
    log_densities = np.empty((steps, len(x)))
    accepted = np.zeros(len(x))
    for number in range(-burn_in, steps):
        normal = moves.standard_normal(x.shape)
        proposal = propose(x, normal) if propose else x + step * normal
        proposed = _no_nan(np.asarray(log_density(proposal), np.float64))
        gain = proposed - current + (correction(x, proposal) if correction else 0.0)
        accept = np.log1p(-coins.random(len(x))) < gain
        x, current = np.where(accept[:, None], proposal, x), np.where(accept, proposed, current)
        if number >= 0:
            samples[number], log_densities[number] = x, current
            accepted += accept
        elif adapt is not None:
            step *= math.exp((accept.mean() - adapt) / math.sqrt(number + burn_in + 1))
    return Chain(samples, log_densities, accepted / steps, step)


def sample_tensorflow(
    log_density: LogDensity,
    start: np.ndarray,
    steps: int,
    step: float = 1.0,
    *,
    seed: int = 0,
    draws: tuple[np.ndarray, np.ndarray] | None = None,
) -> Chain:
    """The same algorithm as one `tf.function`, with Gaussian moves.

    Args:
        log_density: of TensorFlow operations; float64 `(chains, d)` to `(chains,)`.
        start: `(chains, d)`.
        steps: recorded moves.
        step: standard deviation of the moves; default 1.
        seed: of stateless random numbers, which are a function of (seed, step).
        draws: normals `(steps, chains, d)` and uniforms `(steps, chains)` to use instead, for
            comparisons.

    Raises:
        InputError: as `sample`.
    """
    x = np.array(start, np.float64)
    _check(x, steps, step, 0, None)
    _initial(lambda value: np.asarray(log_density(tf.constant(value))), x)
    if draws is None:
        shape = x.shape

        def random_numbers(number):
            seeds = tf.random.split([seed, number], 2)
            return (
                tf.random.stateless_normal(shape, seeds[0], dtype=tf.float64),
                tf.random.stateless_uniform(shape[:1], seeds[1], dtype=tf.float64),
            )
    else:
        normals, uniforms = (tf.constant(value, tf.float64) for value in draws)

        def random_numbers(number):
            return normals[number], uniforms[number]

    samples, log_densities, accepted = _loop(log_density, random_numbers, steps)(
        tf.constant(x), tf.constant(step, tf.float64)
    )
    return Chain(samples.numpy(), log_densities.numpy(), accepted.numpy() / steps, float(step))


def _loop(log_density, random_numbers, steps: int):
    """The chain as a `tf.function` of start and step."""

    @tf.function
    def run(x, step):
        samples = tf.TensorArray(tf.float64, steps, element_shape=x.shape)
        log_densities = tf.TensorArray(tf.float64, steps, element_shape=x.shape[:1])
        current, accepted = log_density(x), tf.zeros(x.shape[:1], tf.float64)
        for number in tf.range(steps):
            normal, uniform = random_numbers(number)
            proposal = x + step * normal
            proposed = log_density(proposal)
            impossible = tf.constant(-math.inf, tf.float64)
            proposed = tf.where(tf.math.is_nan(proposed), impossible, proposed)
            accept = tf.math.log1p(-uniform) < proposed - current
            x = tf.where(accept[:, None], proposal, x)
            current = tf.where(accept, proposed, current)
            samples = samples.write(number, x)
            log_densities = log_densities.write(number, current)
            accepted += tf.cast(accept, tf.float64)
        return samples.stack(), log_densities.stack(), accepted

    return run


# ---- a discrete chain with a known transition matrix ------------------------------------------


def transition_matrix(shares: np.ndarray) -> np.ndarray:
    """Metropolis' chain on a ring of states: a step to either side with probability one half.

    Args:
        shares: target probabilities `(n,)`, n >= 3.

    Returns:
        `(n, n)`, rows sum to 1; detailed balance: p_i P_ij = p_j P_ji.
    """
    shares = np.asarray(shares, np.float64)
    n = len(shares)
    matrix = np.zeros((n, n))
    for state in range(n):
        for side in (-1, 1):
            to = (state + side) % n
            matrix[state, to] += 0.5 * min(1.0, shares[to] / shares[state])
        matrix[state, state] = 1.0 - matrix[state].sum()
    return matrix


def sample_ring(shares: np.ndarray, steps: int, *, seed: int = 0, start: int = 0) -> np.ndarray:
    """Draws the chain of `transition_matrix`: states, int64 `(steps,)`."""
    logs = np.log(np.asarray(shares, np.float64))
    moves, coins = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    sides = moves.integers(0, 2, steps) * 2 - 1
    limits = np.log1p(-coins.random(steps))
    state, states = start, np.empty(steps, np.int64)
    for number in range(steps):
        to = (state + sides[number]) % len(logs)
        state = to if limits[number] < logs[to] - logs[state] else state
        states[number] = state
    return states


def _check(x, steps, step, burn_in, adapt) -> None:
    if x.ndim != 2 or 0 in x.shape or not np.isfinite(x).all():
        raise InputError(f"the start has shape {x.shape}; expected finite (chains, d)")
    if steps < 1 or burn_in < 0 or not (math.isfinite(step) and step > 0):
        raise InputError(
            f"{steps} steps of size {step} after a burn-in of {burn_in}; expected 1 step or more, "
            "a size above 0 and a burn-in of 0 or more"
        )
    if adapt is not None and not (0.0 < adapt < 1.0 and burn_in):
        raise InputError(
            f"adapt is {adapt} with a burn-in of {burn_in}; expected an acceptance between 0 and "
            "1, and a burn-in to tune in"
        )


def _initial(log_density, x) -> np.ndarray:
    """The log density at the start."""
    values = np.asarray(log_density(x), np.float64)
    if values.shape != (len(x),):
        raise InputError(
            f"the log density has shape {values.shape} for {len(x)} chains; expected ({len(x)},)"
        )
    if not np.isfinite(values).all():
        raise InputError(
            "the density is 0 or NaN at a start; start every chain where it is above 0"
        )
    return values


def _no_nan(values: np.ndarray) -> np.ndarray:
    """NaN counts as density 0."""
    return np.where(np.isnan(values), -np.inf, values)
