"""GAM: two trained games fight, each discriminator judging the other's samples (Im et al. 2016).

    r_test = e(D1, x_test) / e(D2, x_test),      r_sample = e(D1, G2(z)) / e(D2, G1(z))

where e is a discriminator's error rate. With r_test near 1 the discriminators are equally good on unseen real
examples, and the pair whose discriminator errs less on the other's samples wins: the first where
r_sample < 1. Otherwise the battle is void. The order need not be transitive: `round_robin`.

Two conventions are about. The paper's, used here, has error rates. The authors' script has
accuracies, 1 - e, and calls the first the winner where the ratio is above 1; both are reported.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_suite.errors import InputError

VERDICTS = ("first", "second", "tie", "void", "undetermined")
CONVENTIONS = {
    "errors": "ratio of error rates (errors + 0.5) / (n + 1); below 1 the first is better",
    "accuracies": "ratio of accuracies (hits + 0.5) / (n + 1), as in the authors' script; above 1"
    " the first is better",
}
TOLERANCE = 0.3


@dataclasses.dataclass(frozen=True)
class Outcomes:
    """Which answers of two discriminators were wrong, bool arrays.

    Args:
        first_test, second_test: of each discriminator on the same unseen real examples, `(n,)`.
        first_sample: of the first discriminator on the second's samples, `(m,)`.
        second_sample: of the second discriminator on the first's samples, `(m,)`.
    """

    first_test: np.ndarray
    second_test: np.ndarray
    first_sample: np.ndarray
    second_sample: np.ndarray

    def __post_init__(self):
        sizes = [np.shape(array) for array in vars(self).values()]
        if any(len(size) != 1 or not size[0] for size in sizes):
            raise InputError(f"outcomes have shapes {sizes}; expected four lists, none empty")
        if sizes[0] != sizes[1]:
            raise InputError(
                f"the discriminators judged {sizes[0][0]} and {sizes[1][0]} real examples; expected the"
                " same examples for both"
            )


@dataclasses.dataclass(frozen=True)
class Battle:
    """The result of a battle.

    Args:
        verdict: `"first"`, `"second"`, `"tie"` (r_sample is 1), `"void"` (the discriminators are not
            equally good on real examples) or `"undetermined"` (no discriminator was ever fooled).
        r_test, r_sample: ratios of the smoothed error rates, first by second.
        r_test_interval, r_sample_interval: 95% bootstrap intervals.
        accuracy_ratios: `"r_test"` and `"r_sample"` in the script's convention.
        errors: plain error rates of both discriminators on real examples and on samples.
        protocol: counts, seed, tolerance, conventions.
    """

    verdict: str
    r_test: float
    r_sample: float
    r_test_interval: tuple[float, float]
    r_sample_interval: tuple[float, float]
    accuracy_ratios: Mapping[str, float]
    errors: Mapping[str, float]
    protocol: Mapping[str, Any]

    @property
    def certain(self) -> bool:
        """Whether a winner is named and r_sample's interval leaves out 1."""
        low, high = self.r_sample_interval
        return self.verdict in ("first", "second") and not low <= 1.0 <= high

    def to_dict(self) -> dict[str, Any]:
        """All of it, fit for JSON, with `"certain"`."""
        return {"name": "GAM", **dataclasses.asdict(self), "certain": self.certain}


def smoothed(wrong: np.ndarray) -> float:
    """An error rate that is never 0 or 1: `(errors + 0.5) / (n + 1)`."""
    return (float(np.sum(wrong)) + 0.5) / (len(wrong) + 1.0)


def judge(
    outcomes: Outcomes,
    *,
    tolerance: float = TOLERANCE,
    resamples: int = 1000,
    seed: int = 0,
    **protocol: Any,
) -> Battle:
    """The verdict on given answers.

    Args:
        outcomes: which answers were wrong.
        tolerance: largest `|log r_test|` with which the discriminators count as equally good.
        resamples: of the bootstrap; real examples are drawn for both discriminators together.
        seed: of the bootstrap.
        **protocol: further facts for the result.

    Raises:
        InputError: a tolerance that is not above 0, fewer than one resample.
    """
    if not tolerance > 0 or resamples < 1:
        raise InputError(
            f"tolerance {tolerance}, {resamples} resamples; expected a tolerance above 0, such as"
            f" {TOLERANCE}, and at least 1 resample"
        )
    tests = np.asarray(outcomes.first_test, bool), np.asarray(outcomes.second_test, bool)
    samples = np.asarray(outcomes.first_sample, bool), np.asarray(outcomes.second_sample, bool)
    r_test, r_sample = (smoothed(a) / smoothed(b) for a, b in (tests, samples))
    draws = np.random.default_rng(seed)
    test_ratios, sample_ratios = [], []
    for _ in range(resamples):
        chosen = draws.integers(0, len(tests[0]), len(tests[0]))
        test_ratios.append(smoothed(tests[0][chosen]) / smoothed(tests[1][chosen]))
        rates = [smoothed(a[draws.integers(0, len(a), len(a))]) for a in samples]
        sample_ratios.append(rates[0] / rates[1])
    return Battle(
        _verdict(r_test, r_sample, tolerance, bool(samples[0].any() or samples[1].any())),
        r_test,
        r_sample,
        _interval(test_ratios),
        _interval(sample_ratios),
        {
            "r_test": smoothed(~tests[0]) / smoothed(~tests[1]),
            "r_sample": smoothed(~samples[0]) / smoothed(~samples[1]),
        },
        {
            "first on test": float(tests[0].mean()),
            "second on test": float(tests[1].mean()),
            "first on second's samples": float(samples[0].mean()),
            "second on first's samples": float(samples[1].mean()),
        },
        {
            **protocol,
            "n_real": len(tests[0]),
            "n_fake": len(samples[0]),
            "seed": seed,
            "tolerance": tolerance,
            "resamples": resamples,
            "conventions": CONVENTIONS,
        },
    )


def _verdict(r_test: float, r_sample: float, tolerance: float, fooled: bool) -> str:
    if abs(math.log(r_test)) > tolerance:
        return "void"
    if not fooled:
        return "undetermined"
    if r_sample == 1.0:
        return "tie"
    return "first" if r_sample < 1.0 else "second"


def _interval(ratios: list[float]) -> tuple[float, float]:
    low, high = np.percentile(ratios, [2.5, 97.5])
    return float(low), float(high)


def battle(
    first: Any,
    second: Any,
    real: np.ndarray,
    *,
    count: int = 1000,
    seed: int = 0,
    batch: int = 100,
    **how: Any,
) -> Battle:
    """Lets two trained games fight.

    Args:
        first, second: games with `discriminator`, `generate(count, seed)` and `adversarial.threshold`,
            trained on the same data in the same form. Discriminators run in inference mode; samples
            come from averaged weights where a game keeps them.
        real: unseen real examples `(n, ...)`, of a test split.
        count: samples of each game, both from one seed.
        seed: of samples and bootstrap.
        batch: examples that a discriminator sees at once.
        **how: `tolerance` and `resamples` of `judge`.

    Raises:
        InputError: a game whose discriminator has no threshold between real and generated (such as a
            Wasserstein discriminator), games of examples of different shapes.
    """
    samples = [game.generate(count, seed=seed) for game in (first, second)]
    shapes = {tuple(array.shape[1:]) for array in (*samples, real)}
    if len(shapes) > 1:
        raise InputError(f"the battle is about examples of shapes {sorted(shapes)}; expected one")
    outcomes = Outcomes(
        ~called_real(first, real, batch),
        ~called_real(second, real, batch),
        called_real(first, samples[1], batch),
        called_real(second, samples[0], batch),
    )
    names = [getattr(game, "name", type(game).__name__) for game in (first, second)]
    return judge(outcomes, seed=seed, first=names[0], second=names[1], **how)


def called_real(game: Any, examples: np.ndarray, batch: int = 100) -> np.ndarray:
    """Which examples a game's discriminator calls real, bool `(n,)`: answers above its threshold.

    Raises:
        InputError: its loss has no threshold.
    """
    threshold = game.adversarial.threshold
    if threshold is None:
        raise InputError(
            f"the discriminator of {game.name!r} with the {game.adversarial.name} loss gives numbers that"
            " tell no single example real or generated; GAM needs a classifier"
        )
    discriminator: Callable[[tf.Tensor], tf.Tensor] = lambda x: game.discriminator(
        x, training=False
    )  # noqa: E731
    parts = [
        np.asarray(discriminator(tf.constant(examples[i : i + batch], tf.float32)), np.float32)
        for i in range(0, len(examples), batch)
    ]
    return np.concatenate(parts).reshape(len(examples), -1)[:, 0] > threshold


def round_robin(games: Mapping[str, Any], real: np.ndarray, **how: Any) -> dict[str, Any]:
    """Lets every two of several games fight.

    Args:
        games: trained games by name.
        real: unseen real examples.
        **how: arguments of `battle`.

    Returns:
        `"battles"`: a `Battle` for each pair of names, `"wins"`: number of wins by name. There
        need not be a best: GAM is not transitive.
    """
    battles, wins = {}, dict.fromkeys(games, 0)
    for pair in itertools.combinations(games, 2):
        battles[pair] = battle(games[pair[0]], games[pair[1]], real, **how)
        if battles[pair].verdict in ("first", "second"):
            wins[pair[0 if battles[pair].verdict == "first" else 1]] += 1
    return {"battles": battles, "wins": wins}
