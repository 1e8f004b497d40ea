"""GAM: a battle of two trained games, each discriminator on the other's samples (Im et al. 2016).

    r_test = e(D1, x_test) / e(D2, x_test),      r_sample = e(D1, G2(z)) / e(D2, G1(z))

where e is a discriminator's error rate. If r_test is near 1, the discriminators are equally good on
unseen real examples, and the game whose discriminator errs less on the other's samples wins: the
first if r_sample < 1. Otherwise the battle is void. The order need not be transitive:
`round_robin`.

There are two conventions. The paper, and this module, use error rates. The authors' script uses
accuracies, 1 - e, and names the first the winner if the ratio is above 1; both are reported.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping
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
            raise InputError(f"the outcomes have shapes {sizes}; expected four lists, none empty")
        if sizes[0] != sizes[1]:
            raise InputError(
                f"the discriminators classified {sizes[0][0]} and {sizes[1][0]} real examples;"
                " expected the same examples for both"
            )


@dataclasses.dataclass(frozen=True)
class Battle:
    """The result of a battle.

    Args:
        verdict: `"first"`, `"second"`, `"tie"` (r_sample is 1), `"void"` (the discriminators are
            not equally good on real examples) or `"undetermined"` (neither was ever fooled).
        r_test, r_sample: ratios of the smoothed error rates, first by second.
        r_test_interval, r_sample_interval: 95% bootstrap intervals.
        accuracy_ratios: `"r_test"` and `"r_sample"` in the script's convention.
        errors: error rates of both discriminators on real examples and on samples, not smoothed.
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
        """Whether there is a winner and r_sample's interval excludes 1."""
        low, high = self.r_sample_interval
        return self.verdict in ("first", "second") and not low <= 1.0 <= high

    def to_dict(self) -> dict[str, Any]:
        """All fields and `"certain"`, ready for JSON."""
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
    """The verdict on recorded answers.

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
            f" {TOLERANCE}, and 1 resample or more"
        )
    tests = np.asarray(outcomes.first_test, bool), np.asarray(outcomes.second_test, bool)
    samples = np.asarray(outcomes.first_sample, bool), np.asarray(outcomes.second_sample, bool)
    r_test, r_sample = (smoothed(a) / smoothed(b) for a, b in (tests, samples))
    draws = np.random.default_rng(seed)
    test_ratios, sample_ratios = [], []
    for _ in range(resamples):
        rows = draws.integers(0, len(tests[0]), len(tests[0]))
        test_ratios.append(smoothed(tests[0][rows]) / smoothed(tests[1][rows]))
        rates = [smoothed(a[draws.integers(0, len(a), len(a))]) for a in samples]
        sample_ratios.append(rates[0] / rates[1])
    accuracy_ratios = {
        "r_test": smoothed(~tests[0]) / smoothed(~tests[1]),
        "r_sample": smoothed(~samples[0]) / smoothed(~samples[1]),
    }
    errors = {
        "first on test": float(tests[0].mean()),
        "second on test": float(tests[1].mean()),
        "first on second's samples": float(samples[0].mean()),
        "second on first's samples": float(samples[1].mean()),
    }
    return Battle(
        _verdict(r_test, r_sample, tolerance, bool(samples[0].any() or samples[1].any())),
        r_test,
        r_sample,
        _interval(test_ratios),
        _interval(sample_ratios),
        accuracy_ratios,
        errors,
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
    **options: Any,
) -> Battle:
    """Evaluates two trained games against each other.

    Args:
        first, second: games with `discriminator`, `generate(count, seed)` and
            `adversarial.threshold`, trained on the same data in the same form. Discriminators run
            in inference mode; samples come from averaged weights if a game has them.
        real: unseen real examples `(n, ...)`, of a test split.
        count: samples of each game, both from one seed.
        seed: of samples and bootstrap.
        batch: examples that a discriminator classifies at once.
        **options: `tolerance` and `resamples` of `judge`.

    Raises:
        InputError: a game whose discriminator has no threshold between real and generated (such as
            a Wasserstein critic), games of examples of different shapes.
    """
    samples = [game.generate(count, seed=seed) for game in (first, second)]
    shapes = {tuple(array.shape[1:]) for array in (*samples, real)}
    if len(shapes) > 1:
        raise InputError(
            f"the games' samples and the real examples have shapes {sorted(shapes)}; expected a"
            " single shape"
        )
    outcomes = Outcomes(
        ~classified_real(first, real, batch),
        ~classified_real(second, real, batch),
        classified_real(first, samples[1], batch),
        classified_real(second, samples[0], batch),
    )
    names = [getattr(game, "name", type(game).__name__) for game in (first, second)]
    return judge(outcomes, seed=seed, first=names[0], second=names[1], **options)


def classified_real(game: Any, examples: np.ndarray, batch: int = 100) -> np.ndarray:
    """Which examples a game's discriminator classifies as real: outputs above its threshold.

    Args:
        game: as for `battle`.
        examples: `(n, ...)`.
        batch: examples at once.

    Returns:
        bool `(n,)`.

    Raises:
        InputError: its loss has no threshold.
    """
    threshold = game.adversarial.threshold
    if threshold is None:
        raise InputError(
            f"the {game.adversarial.name} loss of {game.name!r} has no threshold between real and"
            " generated examples; GAM needs a classifier: use a game with cross-entropy"
        )
    parts = []
    for start in range(0, len(examples), batch):
        block = tf.constant(examples[start : start + batch], tf.float32)
        parts.append(np.asarray(game.discriminator(block, training=False), np.float32))
    return np.concatenate(parts).reshape(len(examples), -1)[:, 0] > threshold


def round_robin(games: Mapping[str, Any], real: np.ndarray, **options: Any) -> dict[str, Any]:
    """Evaluates every pair of several games.

    Args:
        games: trained games by name.
        real: unseen real examples.
        **options: arguments of `battle`.

    Returns:
        `"battles"`: a `Battle` for each pair of names, `"wins"`: number of wins by name. There
        need not be a best game: GAM is not transitive.
    """
    battles, wins = {}, dict.fromkeys(games, 0)
    for pair in itertools.combinations(games, 2):
        battles[pair] = battle(games[pair[0]], games[pair[1]], real, **options)
        if battles[pair].verdict in ("first", "second"):
            wins[pair[0 if battles[pair].verdict == "first" else 1]] += 1
    return {"battles": battles, "wins": wins}
