"""`python -m tfgan_suite study`: makes a study, or analyses its result files."""

from __future__ import annotations

import argparse
import json
from typing import Any

from tfgan_suite.cli.arguments import add_json
from tfgan_suite.errors import InputError
from tfgan_suite.study.questions import PAIRINGS, QUESTIONS
from tfgan_suite.utils import image_endings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words; `--json` comes from the caller or from here."""
    add = parser.add_argument
    add(
        "folders",
        nargs="*",
        metavar="FOLDER",
        help="two folders of images (turing: the real ones first)",
    )
    add("--kind", choices=sorted(QUESTIONS), default="preference", help="[preference]")
    add("--out", default="study.html", help="page to write, with the key beside it [study.html]")
    add("--trials", type=int, default=40, help="number of questions, without catch trials [40]")
    add("--catch", type=int, help="number of catch trials [one per ten questions, at least 2]")
    add("--seed", type=int, default=0, help="of the selection and order of images [0]")
    add("--size", type=int, help="scale and crop all images to this many pixels")
    add("--pairing", choices=PAIRINGS, default="auto", help="which images form a pair [auto]")
    add("--title", default="Image study", help="headline of the page [Image study]")
    add("--question", help="text of every question [depends on the kind]")
    add("--analyse", nargs="+", metavar="FILE", help="result files that raters saved")
    add("--key", help="key of the study [the one beside the result files]")
    add("--misses", type=int, default=0, help="catch trials a rater may miss [0]")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command.

    Returns:
        0.

    Raises:
        InputError: as `make` and `analyse`; folders and result files together, or neither.
    """
    from tfgan_suite.study.analyse import analyse
    from tfgan_suite.study.make import make

    if args.analyse:
        if args.folders:
            raise InputError(
                "folders and --analyse were passed together; pass either two folders, to make a "
                "study, or --analyse FILES"
            )
        analysis = analyse(args.analyse, args.key, misses=args.misses)
        print(json.dumps(analysis) if args.json else describe(analysis))
        return 0
    if len(args.folders) != 2:
        raise InputError(
            f"{len(args.folders)} folders were passed; expected two to make a study, or --analyse "
            "FILES to analyse one"
        )
    image_endings.check_page(args.out, "--out")
    study = make(
        *args.folders,
        args.out,
        args.kind,
        trials=args.trials,
        catch=args.catch,
        seed=args.seed,
        size=args.size,
        pairing=args.pairing,
        title=args.title,
        question=args.question,
    )
    if args.json:
        fields = {"page": str(study.page), "key": str(study.key), "study": study.id}
        print(json.dumps({**fields, "trials": study.trials, "skipped": study.skipped}))
        return 0
    if study.skipped:
        listed = "; ".join(f"{file}: {reason}" for file, reason in study.skipped[:3])
        print(f"skipped {len(study.skipped)} files: {listed}")
    pairs = "by name" if study.paired else "at random"
    print(f"wrote {study.page}: {study.trials} questions, {study.catch} of them catch trials")
    print(f"wrote {study.key}: which image is which (paired {pairs}); raters must not have it")
    print("hand out only the page, collect the files that raters save, then run:")
    print(f"  python -m tfgan_suite study --key {study.key} --analyse answers_{study.id}_*.json")
    return 0


def describe(analysis: dict[str, Any]) -> str:
    """An analysis as text."""
    lines = [f"{analysis['kind']} study {analysis['study']}: {analysis['question']}"]
    lines.append(
        f"{analysis['raters']} raters, {analysis['trials']} questions each, median "
        f"{analysis['median_seconds']:.1f} s per answer"
    )
    for rater in analysis["excluded"]:
        lines.append(
            f"excluded {rater['rater']}: missed {rater['missed']} of {rater['catch']} catch trials"
        )
    if analysis["automated"]:
        raters = ", ".join(analysis["automated"])
        lines.append(f"NO HUMAN JUDGEMENT: a program answered as {raters}")
    details = _grade_lines if analysis["kind"] == "mos" else _share_lines
    return "\n".join([*lines, *details(analysis["results"], analysis)])


def _share_lines(results: dict[str, Any], analysis: dict[str, Any]) -> list[str]:
    titles = {
        "first_preferred": f"{analysis['first']} preferred to {analysis['second']}",
        "left_chosen": "left image chosen",
        "correct": "told apart correctly",
        "real_judged_real": f"real ({analysis['first']}) judged real",
        "generated_judged_real": f"generated ({analysis['second']}) judged real",
    }
    lines = []
    for name, title in titles.items():
        if name not in results:
            continue
        share = results[name]
        lines.append(
            f"{title}: {share['count']} of {share['of']} = {share['share']:.1%}, 95% "
            f"{_percent(share['interval'])} (Wilson), {_percent(share['by_rater'])} (by rater); "
            f"against one half p = {share['two_sided']:.3g} two-sided, {share['greater']:.3g} "
            "one-sided (greater)"
        )
    for rater, share in results["each"].items():
        lines.append(
            f"  {rater}: {share['count']} of {share['of']} = {share['share']:.1%} "
            f"{_percent(share['interval'])}"
        )
    return lines


def _grade_lines(results: dict[str, Any], analysis: dict[str, Any]) -> list[str]:
    lines = []
    for side in ("first", "second"):
        grades = results[side]
        lines.append(
            f"{analysis[side]}: mean opinion score {grades['mean']:.2f}, 95% "
            f"{_range(grades['interval'])} (t), {_range(grades['by_rater'])} (by rater), standard "
            f"deviation {grades['deviation']:.2f}, {grades['ratings']} ratings, counts of grades 1 "
            f"to 5: {grades['counts']}"
        )
    test = results["wilcoxon"]
    lines.append(
        f"difference {results['difference']:+.2f} {_range(results['difference_by_rater'])} "
        f"(by rater); Wilcoxon's signed-rank test over {test['pairs']} {test['unit']}: "
        f"W = {test['statistic']:g}, p = {test['p']:.3g} two-sided"
    )
    for rater, (first, second) in results["each"].items():
        lines.append(f"  {rater}: {first:.2f} and {second:.2f}")
    return lines


def _percent(interval: Any) -> str:
    return f"[{interval[0]:.1%}, {interval[1]:.1%}]" if interval else "[needs two raters]"


def _range(interval: Any) -> str:
    return f"[{interval[0]:.2f}, {interval[1]:.2f}]" if interval else "[needs more]"
