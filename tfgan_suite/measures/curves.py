"""The two learning curves: estimates of the earth mover's distance and of the JS divergence.

While it is trained, a discriminator's loss says how far apart real and generated examples are: a
Wasserstein critic's as an earth mover's distance (up to a factor), that of a discriminator with
cross-entropy as a Jensen-Shannon divergence. Here the estimates are read from a run's log and
smoothed, or fitted to two fixed distributions.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core import adversarial_model
from tfgan_suite.errors import InputError, must_be
from tfgan_suite.losses import adversarial, penalties
from tfgan_suite.networks.blocks import check_positive_integers, mlp
from tfgan_suite.training.optimizers import FusedAdam
from tfgan_suite.utils.json_files import COUNT, mismatch, read_json_lines

KINDS = ("wasserstein", "jsd")
CROSS_ENTROPY = ("non_saturating", "minimax")
LOG_TWO = math.log(2.0)


# --- discrete distributions -----------------------------------------------------------------


def optimal_discriminator(real: np.ndarray, fake: np.ndarray) -> np.ndarray:
    """`D*(x) = p_data(x) / (p_data(x) + p_g(x))`: the best discriminator's probability of "real".

    Args:
        real, fake: densities or probabilities at the same points; not both 0 at any of them.
    """
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    return real / (real + fake)


def gan_value(real: np.ndarray, fake: np.ndarray, discriminator: np.ndarray) -> float:
    """The GAN's value `V = sum p_data log D + sum p_g log(1 - D)` of discrete distributions.

    Args:
        real, fake: probabilities `(n,)`, each summing to 1.
        discriminator: D at each of the points. For the best discriminator V is
            `-log 4 + 2 JSD(real, fake)`.
    """
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    discriminator = np.asarray(discriminator, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(real > 0, real * np.log(discriminator), 0.0)
        terms = terms + np.where(fake > 0, fake * np.log1p(-discriminator), 0.0)
    return float(np.sum(terms))


# --- curves ---------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Curve:
    """An estimate, or a loss, over training.

    Args:
        kind: `"wasserstein"` (earth mover's distance up to an unknown factor, which differs
            between critics), `"jsd"` (lower bound of the divergence in nats, at most log 2), or
            the name of a loss.
        name: of the run.
        steps: int64 `(n,)`, increasing.
        values: float64 `(n,)`.
    """

    kind: str
    name: str
    steps: np.ndarray
    values: np.ndarray

    def smoothed(self, window: int) -> Curve:
        """The same curve through `median_filter`."""
        return dataclasses.replace(self, values=median_filter(self.values, window))


def median_filter(values: np.ndarray, window: int = 101) -> np.ndarray:
    """Running median, as the official WGAN code smooths its curves (window 101).

    Towards the ends the window shrinks on both sides alike; the first and last value are unchanged.

    Args:
        values: `(n,)`.
        window: odd number of values in each median; 1 changes nothing.

    Returns:
        float64 `(n,)`.

    Raises:
        InputError: an even window or one below 1, or values of another shape.
    """
    if isinstance(window, bool) or int(window) != window or window < 1 or window % 2 == 0:
        raise InputError(f"the median window is {window}; it must be an odd number, 1 or more")
    values = np.asarray(values, np.float64)
    if values.ndim != 1:
        raise InputError(
            f"the curve has shape {values.shape}; expected (n,), one number for each step"
        )
    count, half = len(values), int(window) // 2
    reach = [min(half, index, count - 1 - index) for index in range(count)]
    return np.array([np.median(values[i - r : i + r + 1]) for i, r in enumerate(reach)])


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation; equal values get the mean of their ranks.

    Args:
        first, second: `(n,)`, at least two different values each.

    Raises:
        InputError: unequal lengths, fewer than two values, or values that are all equal.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if first.shape != second.shape or first.ndim != 1 or len(first) < 2:
        raise InputError(
            f"values of shapes {first.shape} and {second.shape} cannot be ranked; expected two"
            " lists of equal length, 2 or more"
        )
    ranks = [_ranks(values) for values in (first, second)]
    if any(np.ptp(rank) == 0 for rank in ranks):
        raise InputError(
            "the values are all equal and have no rank correlation; pass at least two different"
            " ones"
        )
    return float(np.corrcoef(ranks)[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2.0)[inverse]


def curve_of_run(folder: str | os.PathLike) -> Curve:
    """The curve in a run's `losses.jsonl`; each of its lines is a mean over `log_every` steps.

    Args:
        folder: run folder of a game with the Wasserstein loss, or with a cross-entropy loss and
            no label smoothing.

    Raises:
        InputError: not a run folder, no log, or a game whose losses estimate neither.
    """
    lines, constants = _log_of_run(Path(folder))
    kind, estimate = _estimate(lines[-1], constants, Path(folder))
    values = np.array([estimate(line) for line in lines], np.float64)
    return Curve(kind, Path(folder).name, _steps(lines), values)


def losses_of_run(folder: str | os.PathLike, names: Sequence[str]) -> list[Curve]:
    """Losses in a run's `losses.jsonl` over training, as they are logged.

    Args:
        folder: run folder of any game.
        names: of the losses, as the game logs them: `"discriminator/real"`.

    Returns:
        A curve for each name, whose kind is that name.

    Raises:
        InputError: not a run folder, no log, or losses that the game does not log.
    """
    folder = Path(folder)
    lines, _ = _log_of_run(folder)
    logged = sorted(lines[-1].keys() - {"step"})
    for name in names:
        if name not in logged:
            raise InputError(f"{folder} logs no {name!r}; {must_be(name, logged)}")
    return [
        Curve(name, folder.name, _steps(lines), np.array([line[name] for line in lines]))
        for name in names
    ]


def _log_of_run(folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Lines of a run's log, at least one and all with the same losses, and its constants."""
    from tfgan_suite.training.run_folder import Run

    constants = Run(folder).manifest["constants"]
    path = folder / "losses.jsonl"
    if not path.is_file() or not (lines := _lines(path)):
        raise InputError(f"{path} holds no losses yet; train the run for some steps first")
    if any(mismatch(line, {"step": COUNT}) or line.keys() != lines[-1].keys() for line in lines):
        raise InputError(f"{path} has lines without a step or of other losses; delete them")
    return lines, constants


def _steps(lines: list[dict[str, Any]]) -> np.ndarray:
    return np.array([int(line["step"]) for line in lines])


def _lines(path: Path) -> list[dict[str, Any]]:
    schema = {str: (float, int)}
    return read_json_lines(path, schema, advice="delete the damaged line", unfinished=True)


def _estimate(
    line: dict[str, Any], constants: dict[str, Any], folder: Path
) -> tuple[str, Callable[[dict[str, Any]], float]]:
    """Which estimate a line of the log holds, and how it is read."""
    if "critic/wasserstein" in line:
        return "wasserstein", lambda losses: -losses["critic/wasserstein"]
    if "discriminator/jsd" in line:
        return "jsd", lambda losses: losses["discriminator/jsd"]
    plain = constants.get("loss") in CROSS_ENTROPY and not constants.get("label_smoothing")
    if plain and {"discriminator/real", "discriminator/fake"} <= set(line):
        return "jsd", lambda losses: adversarial.jensen_shannon_estimate(
            losses["discriminator/real"] + losses["discriminator/fake"]
        )
    raise InputError(
        f"{folder} estimates neither distance: its log has {', '.join(sorted(line))}; expected"
        " critic/wasserstein, discriminator/jsd, or a cross-entropy loss without label smoothing"
    )


# --- fitted estimates -----------------------------------------------------------------------


def fitted_estimates(
    kind: str,
    draw: Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]],
    thetas: Sequence[float],
    *,
    steps: int = 500,
    width: int = 32,
    clip: float = 0.1,
    learning_rate: float = 0.01,
    seed: int = 0,
) -> list[float]:
    """Trains a discriminator between two fixed distributions, and reads its estimate.

    Args:
        kind: `"wasserstein"`: WGAN's critic, weights clipped to [-clip, clip]; the estimate is the
            distance up to a factor, roughly the same for all distances (if training finds the
            best critic). `"jsd"`: GAN's discriminator, cross-entropy, weights unbounded.
        draw: from theta and the step (int64), both scalars, to real and generated points
            `(batch, n)`; negative steps are drawn for the estimate.
        thetas: the distances; for each, the discriminator restarts from the same weights.
        steps: updates of the discriminator.
        width: units of its two hidden layers with ReLU.
        clip: bound of the weights.
        learning_rate: of Adam, with linear decay to 0.
        seed: of the initial weights.

    Returns:
        For each theta the estimate on 10 fresh batches.

    Raises:
        InputError: an unknown kind, or numbers out of range.
    """
    if kind not in KINDS:
        raise InputError(f"unknown estimate {kind!r}; {must_be(kind, KINDS)}")
    check_positive_integers(steps=steps, width=width)
    keras.utils.set_random_seed(seed)
    size = draw(tf.constant(1.0), tf.constant(0, tf.int64))[0].shape[-1]
    point = keras.Input((size,))
    discriminator = keras.Model(point, mlp(point, width, 1, layers=2))
    optimizer = FusedAdam(learning_rate, 0.5, 0.9)
    fit = _fit(kind, discriminator, optimizer, draw, steps, clip)
    variables = [*discriminator.trainable_variables, *compat.optimizer_variables(optimizer)]
    variables = [compat.tensor_variable(variable) for variable in variables]
    initial = [variable.numpy() for variable in variables]
    estimates = []
    for theta in thetas:
        for variable, value in zip(variables, initial):
            variable.assign(value)
        loss = float(fit(tf.constant(theta, tf.float32)))
        estimates.append(-loss if kind == KINDS[0] else adversarial.jensen_shannon_estimate(loss))
    return estimates


def _fit(
    kind: str, discriminator: Any, optimizer: Any, draw: Callable, steps: int, clip: float
) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function that trains the discriminator for a theta and returns its loss on fresh points."""
    loss = adversarial.get("wasserstein" if kind == "wasserstein" else "non_saturating")
    weights = discriminator.trainable_variables
    compat.build_optimizer(optimizer, weights)
    learning_rate = compat.get_learning_rate(optimizer)

    def total(theta: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        real, fake = draw(theta, step)
        return loss.real(discriminator(real)) + loss.fake(discriminator(fake))

    # Autograph is for the loop alone: to rewrite all that a step calls takes seconds.
    @tf.autograph.experimental.do_not_convert
    def learn(theta: tf.Tensor, step: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            value = total(theta, step)
        gradients = tape.gradient(value, adversarial_model.variables_of(weights))
        remaining = 1.0 - tf.cast(step, tf.float32) / steps
        compat.tensor_variable(optimizer.learning_rate).assign(learning_rate * remaining)
        compat.apply_gradients(optimizer, gradients, weights)
        if kind == "wasserstein":
            penalties.clip_weights(weights, clip)

    @tf.autograph.experimental.do_not_convert
    def judge(theta: tf.Tensor) -> tf.Tensor:
        fresh = [total(theta, tf.constant(-1 - index, tf.int64)) for index in range(10)]
        return tf.reduce_mean(tf.stack(fresh))

    @tf.function
    def fit(theta: tf.Tensor) -> tf.Tensor:
        for step in tf.range(steps, dtype=tf.int64):
            learn(theta, step)
        return judge(theta)

    return fit


def parallel_lines(theta: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Points `(128, 2)` of the lines (0, Z) and (theta, Z), Z ~ U[0, 1], whose W is |theta|.

    Their Jensen-Shannon divergence is log 2 for every theta except 0.
    """
    heights = tf.random.stateless_uniform((2, 128, 1), tf.stack([tf.zeros_like(step), step]))
    across = tf.ones((128, 1)) * tf.cast(theta, tf.float32)
    return tf.concat([0.0 * across, heights[0]], 1), tf.concat([across, heights[1]], 1)


def two_points(theta: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Two point masses `(16, 1)`, at 0 and at theta: W is |theta|, the divergence log 2."""
    fake = tf.ones((16, 1)) * tf.cast(theta, tf.float32)
    return 0.0 * fake, fake


EXAMPLES = {"parallel lines": parallel_lines, "two points": two_points}
