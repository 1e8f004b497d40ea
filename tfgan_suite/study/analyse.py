"""From result files to shares, grades, intervals and tests."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.study import answers as result_files
from tfgan_suite.study.answers import Answers
from tfgan_suite.study.inference import binomial, bootstrap, mean_interval, signed_rank, wilson


def analyse(
    files: Sequence[str | Path], key: str | Path | None = None, *, misses: int = 0
) -> dict[str, Any]:
    """Analyses a study.

    Args:
        files: result files of different raters.
        key: the study's key; default the one beside the files.
        misses: catch trials that a rater may miss; raters who miss more are excluded and named.

    Returns:
        `{"study", "kind", "question", "first", "second": names of the folders, "raters": number,
        "excluded": [{"rater", "missed", "catch"}], "automated": raters whose browser a program
        controlled, "trials", "catch", "median_seconds", "results"}`; the results depend on the
        kind of study, see `analyse_preference`, `analyse_turing`, `analyse_grades`.

    Raises:
        InputError: a file that is missing, incomplete, edited or of another study; a rater twice;
            no rater passes the catch trials; SciPy is missing.
    """
    if not files:
        raise InputError("there are no result files to analyse; pass those that raters saved")
    if misses < 0:
        raise InputError(f"the number of allowed misses is {misses}; expected 0 or more")
    key = result_files.read_key(key or result_files.find_key(files))
    everyone = [result_files.read(path, key) for path in files]
    names = [rater.rater for rater in everyone]
    for path, name in zip(files, names):
        if names.count(name) > 1:
            raise InputError(
                f"{path}: the rater {name} has answered twice; pass one file for each rater"
            )
    missed = {rater.rater: _count_missed(rater) for rater in everyone}
    catch = sum(trial["sure"] is not None for trial in key["trials"])
    raters = [rater for rater in everyone if missed[rater.rater] <= misses]
    if not raters:
        raise InputError(
            f"none of {len(everyone)} raters passes the catch trials (more than {misses} of "
            f"{catch} missed); collect more answers, or allow more with --misses"
        )
    kinds = {"preference": analyse_preference, "turing": analyse_turing, "mos": analyse_grades}
    times = [ms for rater in raters for *_, ms in _questions(rater)]
    return {
        **{name: key[name] for name in ("study", "kind", "question", "first", "second")},
        "raters": len(raters),
        "excluded": [
            {"rater": name, "missed": count, "catch": catch}
            for name, count in missed.items()
            if count > misses
        ],
        "automated": [rater.rater for rater in raters if rater.automated],
        "trials": len(key["trials"]) - catch,
        "catch": catch,
        "median_seconds": float(np.median(times)) / 1000,
        "results": kinds[key["kind"]](raters, key),
    }


def analyse_preference(raters: Sequence[Answers], key: dict[str, Any]) -> dict[str, Any]:
    """How often the first folder's image was preferred, and how often the left one.

    Returns:
        `{"first_preferred": share, "left_chosen": share, "each": {rater: share}}`; see `share`.
    """
    first = [[key["images"][a]["side"] == "first" for _, _, a, _ in _questions(r)] for r in raters]
    left = [[a == images[0] for _, images, a, _ in _questions(rater)] for rater in raters]
    return {
        "first_preferred": share(first),
        "left_chosen": share(left),
        "each": _by_rater(raters, first),
    }


def analyse_turing(raters: Sequence[Answers], key: dict[str, Any]) -> dict[str, Any]:
    """How often real and generated images were told apart.

    Returns:
        `{"correct": share, "real_judged_real": share, "generated_judged_real": share,
        "each": {rater: share correct}}`; see `share`. In `correct`, `greater` is the one-sided
        test of being better than chance.
    """
    called_real: dict[str, list[list[bool]]] = {"first": [], "second": []}
    correct = []
    for rater in raters:
        answers = [
            (key["images"][images[0]]["side"], answer == "real")
            for _, images, answer, _ in _questions(rater)
        ]
        correct.append([(side == "first") == real for side, real in answers])
        for side, lists in called_real.items():
            lists.append([real for s, real in answers if s == side])
    return {
        "correct": share(correct),
        "real_judged_real": share(called_real["first"]),
        "generated_judged_real": share(called_real["second"]),
        "each": _by_rater(raters, correct),
    }


def analyse_grades(raters: Sequence[Answers], key: dict[str, Any]) -> dict[str, Any]:
    """Mean opinion scores of both folders and the test of their difference.

    Wilcoxon's test pairs images of the same name, each with its mean grade, if the study pairs by
    names; else it pairs each rater's two means.

    Returns:
        `{"first", "second": {"mean", "deviation", "interval": Student's t over ratings,
        "by_rater": bootstrap, "ratings", "counts": of grades 1 to 5}, "difference": first -
        second, "difference_by_rater": bootstrap, "wilcoxon": {"pairs", "ties", "statistic", "p",
        "unit"}, "each": {rater: [mean of first, mean of second]}}`.
    """
    grades = [
        [(key["images"][images[0]], grade) for _, images, grade, _ in _questions(rater)]
        for rater in raters
    ]

    def grades_of(side: str) -> list[list[int]]:
        return [[grade for image, grade in row if image["side"] == side] for row in grades]

    sides = {side: grades_of(side) for side in ("first", "second")}
    each = {
        rater.rater: [float(np.mean(sides[side][i])) for side in sides]
        for i, rater in enumerate(raters)
    }
    pairs = list(each.values())
    if key["paired"]:
        pairs = _means_by_image(grades)
    rows = list(zip(sides["first"], sides["second"]))
    return {
        **{side: _summary(lists) for side, lists in sides.items()},
        "difference": _mean(sides["first"]) - _mean(sides["second"]),
        "difference_by_rater": bootstrap(
            rows, lambda sample: _mean([a for a, _ in sample]) - _mean([b for _, b in sample])
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
        "greater", "two_sided": exact binomial p}`. Wilson's interval and the binomial test assume
        independent answers; the bootstrap does not.
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


def _questions(rater: Answers) -> list[tuple[dict[str, Any], list[str], Any, int]]:
    """The answers to questions, without catch trials."""
    return [answer for answer in rater.answers if answer[0]["sure"] is None]


def _count_missed(rater: Answers) -> int:
    return sum(
        trial["sure"] is not None and answer not in trial["sure"]
        for trial, _, answer, _ in rater.answers
    )


def _by_rater(raters: Sequence[Answers], lists: Sequence[Sequence[bool]]) -> dict[str, Any]:
    return {
        rater.rater: {
            "share": sum(row) / len(row),
            "count": sum(row),
            "of": len(row),
            "interval": wilson(sum(row), len(row)),
        }
        for rater, row in zip(raters, lists)
    }


def _mean(lists: Sequence[Sequence[float]]) -> float:
    return float(np.mean(np.concatenate([np.asarray(row, np.float64) for row in lists])))


def _summary(lists: Sequence[Sequence[int]]) -> dict[str, Any]:
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
    by_name: dict[str, dict[str, list[int]]] = {}
    for row in grades:
        for image, grade in row:
            stem = os.path.splitext(image["file"])[0]
            by_name.setdefault(stem, {}).setdefault(image["side"], []).append(grade)
    return [
        (float(np.mean(sides["first"])), float(np.mean(sides["second"])))
        for sides in by_name.values()
        if len(sides) == 2
    ]
