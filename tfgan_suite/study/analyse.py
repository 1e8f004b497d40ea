"""From result files to shares, grades, intervals and tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.study import answers as reading
from tfgan_suite.study.answers import Answers
from tfgan_suite.study.inference import binomial, bootstrap, mean_interval, signed_rank, wilson


def analyse(
    files: Sequence[str | Path], key: str | Path | None = None, *, misses: int = 0
) -> dict[str, Any]:
    """Analyses a study.

    Args:
        files: result files of different raters.
        key: the study's key; default the one beside the files.
        misses: catch trials that a rater may miss; who misses more is excluded, and named.

    Returns:
        `{"study", "kind", "question", "first", "second": names of the folders, "raters": counted,
        "excluded": [{"rater", "missed", "catch"}], "automated": raters whose browser was held by
        a program, "trials", "catch", "median_seconds", "results"}`; the results are those of
        the kind of study, see `of_preference`, `of_turing`, `of_grades`.

    Raises:
        InputError: a file that is missing, incomplete, edited or of another study; one rater
            twice; nobody passes the catch trials; SciPy is missing.
    """
    if not files:
        raise InputError("there are no result files to analyse; give those that raters saved")
    if misses < 0:
        raise InputError(f"{misses} missed catch trials cannot be allowed; expected 0 or more")
    found = reading.read_key(key or reading.find_key(files))
    everyone = [reading.read(path, found) for path in files]
    names = [one.rater for one in everyone]
    for path, name in zip(files, names):
        if names.count(name) > 1:
            raise InputError(
                f"{path}: the rater {name} has answered twice; give one file for each rater"
            )
    missed = {one.rater: _missed(one) for one in everyone}
    catch = sum(trial["sure"] is not None for trial in found["trials"])
    kept = [one for one in everyone if missed[one.rater] <= misses]
    if not kept:
        raise InputError(
            f"none of {len(everyone)} raters passes the catch trials (more than {misses} of "
            f"{catch} missed); there is nothing to analyse"
        )
    kinds = {"preference": of_preference, "turing": of_turing, "mos": of_grades}
    times = [ms for one in kept for *_, ms in _asked(one)]
    return {
        **{name: found[name] for name in ("study", "kind", "question", "first", "second")},
        "raters": len(kept),
        "excluded": [
            {"rater": name, "missed": count, "catch": catch}
            for name, count in missed.items()
            if count > misses
        ],
        "automated": [one.rater for one in kept if one.automated],
        "trials": len(found["trials"]) - catch,
        "catch": catch,
        "median_seconds": float(np.median(times)) / 1000,
        "results": kinds[found["kind"]](kept, found),
    }


def of_preference(raters: Sequence[Answers], key: dict[str, Any]) -> dict[str, Any]:
    """How often the first folder's image was preferred, and how often the left one.

    Returns:
        `{"first_preferred": share, "left_chosen": share, "each": {rater: share}}`; see `share`.
    """
    first = [[key["images"][a]["side"] == "first" for _, _, a, _ in _asked(r)] for r in raters]
    left = [[a == shown[0] for _, shown, a, _ in _asked(one)] for one in raters]
    return {
        "first_preferred": share(first),
        "left_chosen": share(left),
        "each": _each(raters, first),
    }


def of_turing(raters: Sequence[Answers], key: dict[str, Any]) -> dict[str, Any]:
    """How often real and generated images were told apart.

    Returns:
        `{"correct": share, "real_judged_real": share, "generated_judged_real": share,
        "each": {rater: share correct}}`; see `share`. In `correct`, `greater` is the one-sided
        test of being better than chance.
    """
    told: dict[str, list[list[bool]]] = {"first": [], "second": []}
    right = []
    for one in raters:
        seen = [(key["images"][shown[0]]["side"], a == "real") for _, shown, a, _ in _asked(one)]
        right.append([(side == "first") == real for side, real in seen])
        for side, lists in told.items():
            lists.append([real for s, real in seen if s == side])
    return {
        "correct": share(right),
        "real_judged_real": share(told["first"]),
        "generated_judged_real": share(told["second"]),
        "each": _each(raters, right),
    }


def of_grades(raters: Sequence[Answers], key: dict[str, Any]) -> dict[str, Any]:
    """Mean opinion scores of both folders and the test of their difference.

    Wilcoxon's test pairs images of one name, each with its mean grade, where the study pairs
    by names; else it pairs each rater's two means.

    Returns:
        `{"first", "second": {"mean", "deviation", "interval": Student's t over ratings,
        "by_rater": bootstrap, "ratings", "counts": of grades 1 to 5}, "difference": first -
        second, "difference_by_rater": bootstrap, "wilcoxon": {"pairs", "ties", "statistic", "p",
        "unit"}, "each": {rater: [mean of first, mean of second]}}`.
    """
    grades = [
        [(key["images"][shown[0]], grade) for _, shown, grade, _ in _asked(one)] for one in raters
    ]

    def of(side: str) -> list[list[int]]:
        return [[grade for what, grade in row if what["side"] == side] for row in grades]

    sides = {side: of(side) for side in ("first", "second")}
    each = {
        one.rater: [float(np.mean(sides[side][i])) for side in sides]
        for i, one in enumerate(raters)
    }
    pairs = list(each.values())
    if key["paired"]:
        pairs = _means_by_image(grades)
    rows = list(zip(sides["first"], sides["second"]))
    return {
        **{side: _opinion(lists) for side, lists in sides.items()},
        "difference": _mean(sides["first"]) - _mean(sides["second"]),
        "difference_by_rater": bootstrap(
            rows, lambda some: _mean([a for a, _ in some]) - _mean([b for _, b in some])
        ),
        "wilcoxon": {
            **signed_rank(*zip(*pairs)),
            "unit": "images of one name" if key["paired"] else "raters",
        },
        "each": each,
    }


def share(by_rater: Sequence[Sequence[bool]]) -> dict[str, Any]:
    """A share of answers with its intervals and tests against one half.

    Returns:
        `{"share", "count", "of", "interval": Wilson's 95%, "by_rater": bootstrap 95% or None,
        "greater", "two_sided": exact binomial p}`. Wilson's interval and the binomial test take
        answers as independent; the bootstrap does not.
    """
    count, of = sum(map(sum, by_rater)), sum(map(len, by_rater))

    def pooled(rows: Sequence[Sequence[bool]]) -> float:
        return sum(map(sum, rows)) / sum(map(len, rows))

    return {
        "share": count / of,
        "count": int(count),
        "of": of,
        "interval": wilson(count, of),
        "by_rater": bootstrap(by_rater, pooled),
        **binomial(count, of),
    }


def _asked(one: Answers) -> list[tuple[dict[str, Any], list[str], Any, int]]:
    """The answers to questions, without catch trials."""
    return [given for given in one.given if given[0]["sure"] is None]


def _missed(one: Answers) -> int:
    return sum(
        trial["sure"] is not None and answer not in trial["sure"]
        for trial, _, answer, _ in one.given
    )


def _each(raters: Sequence[Answers], lists: Sequence[Sequence[bool]]) -> dict[str, Any]:
    return {
        one.rater: {
            "share": sum(row) / len(row),
            "count": sum(row),
            "of": len(row),
            "interval": wilson(sum(row), len(row)),
        }
        for one, row in zip(raters, lists)
    }


def _mean(lists: Sequence[Sequence[float]]) -> float:
    return float(np.mean(np.concatenate([np.asarray(row, np.float64) for row in lists])))


def _opinion(lists: Sequence[Sequence[int]]) -> dict[str, Any]:
    grades = np.concatenate([np.asarray(row, np.int64) for row in lists])
    return {
        "mean": float(grades.mean()),
        "deviation": float(grades.std(ddof=1)) if len(grades) > 1 else 0.0,
        "interval": mean_interval(grades),
        "by_rater": bootstrap(lists, _mean),
        "ratings": len(grades),
        "counts": np.bincount(grades, minlength=6)[1:].tolist(),
    }


def _means_by_image(grades) -> list[tuple[float, float]]:
    """Mean grades of the images of each name, first and second side."""
    found: dict[str, dict[str, list[int]]] = {}
    for row in grades:
        for what, grade in row:
            stem = Path(what["file"]).with_suffix("").as_posix()
            found.setdefault(stem, {}).setdefault(what["side"], []).append(grade)
    return [
        (float(np.mean(sides["first"])), float(np.mean(sides["second"])))
        for sides in found.values()
        if len(sides) == 2
    ]
