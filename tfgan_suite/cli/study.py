"""`python -m tfgan_suite study`: makes a study, or analyses its result files."""

from __future__ import annotations

import argparse
import json
from typing import Any

from tfgan_suite.cli.arguments import add_json
from tfgan_suite.errors import InputError
from tfgan_suite.study.analyse import analyse
from tfgan_suite.study.make import PAIRINGS, QUESTIONS, make


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words; `--json` comes from the caller or from here."""
    add = parser.add_argument
    add(
        "folders",
        nargs="*",
        metavar="FOLDER",
        help="two folders of images (turing: real ones first)",
    )
    add("--kind", choices=sorted(QUESTIONS), default="preference", help="[preference]")
    add("--out", default="study.html", help="page to write, key beside it [study.html]")
    add("--trials", type=int, default=40, help="questions, without catch trials [40]")
    add("--catch", type=int, help="catch trials [one for ten questions, at least 2]")
    add("--seed", type=int, default=0, help="of the choice and order of images [0]")
    add("--size", type=int, help="scale and cut all images to this many pixels")
    add("--pairing", choices=PAIRINGS, default="auto", help="what belongs together [auto]")
    add("--title", default="Image study", help="headline of the page [Image study]")
    add("--question", default="", help="what is asked [by kind]")
    add("--analyse", nargs="+", metavar="FILE", help="result files that raters saved")
    add("--key", help="key of the study [the one beside the result files]")
    add("--misses", type=int, default=0, help="catch trials a rater may miss [0]")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Does what the words say.

    Returns:
        0.

    Raises:
        InputError: as `make` and `analyse`; folders and result files together, or neither.
    """
    if args.analyse:
        if args.folders:
            raise InputError("give either two folders, to make a study, or --analyse FILES")
        found = analyse(args.analyse, args.key, misses=args.misses)
        print(json.dumps(found) if args.json else in_words(found))
        return 0
    if len(args.folders) != 2:
        raise InputError(
            f"{len(args.folders)} folders were given; a study is made of two, and analysed with "
            "--analyse FILES"
        )
    made = make(
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
        said = {"page": str(made.page), "key": str(made.key), "study": made.id}
        print(json.dumps({**said, "trials": made.trials, "skipped": made.skipped}))
        return 0
    if made.skipped:
        listed = "; ".join(f"{file}: {reason}" for file, reason in made.skipped[:3])
        print(f"skipped {len(made.skipped)} files: {listed}")
    pairs = "by name" if made.paired else "at random"
    print(f"wrote {made.page}: {made.trials} questions, {made.catch} of them catch trials")
    print(f"wrote {made.key}: which image is which (paired {pairs}); raters must not have it")
    print("hand out the page alone, collect the files that raters save, then:")
    print(f"  python -m tfgan_suite study --key {made.key} --analyse answers_{made.id}_*.json")
    return 0


def in_words(found: dict[str, Any]) -> str:
    """An analysis for a person to read."""
    lines = [f"{found['kind']} study {found['study']}: {found['question']}"]
    lines.append(
        f"{found['raters']} raters, {found['trials']} questions each, median "
        f"{found['median_seconds']:.1f} s an answer"
    )
    for one in found["excluded"]:
        lines.append(
            f"excluded {one['rater']}: missed {one['missed']} of {one['catch']} catch trials"
        )
    if found["automated"]:
        lines.append(f"NO HUMAN JUDGEMENT: a program answered as {', '.join(found['automated'])}")
    results = found["results"]
    says = _grades if found["kind"] == "mos" else _shares
    return "\n".join([*lines, *says(results, found)])


def _shares(results: dict[str, Any], found: dict[str, Any]) -> list[str]:
    names = {
        "first_preferred": f"{found['first']} preferred to {found['second']}",
        "left_chosen": "left image chosen",
        "correct": "told apart correctly",
        "real_judged_real": f"real ({found['first']}) judged real",
        "generated_judged_real": f"generated ({found['second']}) judged real",
    }
    lines = []
    for name, words in names.items():
        if name not in results:
            continue
        one = results[name]
        lines.append(
            f"{words}: {one['count']} of {one['of']} = {one['share']:.1%}, 95% "
            f"{_percent(one['interval'])} (Wilson), {_percent(one['by_rater'])} (by rater); "
            f"against one half p = {one['two_sided']:.3g} two-sided, {one['greater']:.3g} "
            "one-sided (more)"
        )
    for rater, one in results["each"].items():
        lines.append(
            f"  {rater}: {one['count']} of {one['of']} = {one['share']:.1%} "
            f"{_percent(one['interval'])}"
        )
    return lines


def _grades(results: dict[str, Any], found: dict[str, Any]) -> list[str]:
    lines = []
    for side in ("first", "second"):
        one = results[side]
        lines.append(
            f"{found[side]}: mean opinion score {one['mean']:.2f}, 95% {_range(one['interval'])} "
            f"(t), {_range(one['by_rater'])} (by rater), deviation {one['deviation']:.2f}, "
            f"{one['ratings']} ratings, of grades 1 to 5: {one['counts']}"
        )
    test = results["wilcoxon"]
    lines.append(
        f"difference {results['difference']:+.2f} {_range(results['difference_by_rater'])} "
        f"(by rater); Wilcoxon's signed ranks over {test['pairs']} {test['unit']}: "
        f"W = {test['statistic']:g}, p = {test['p']:.3g} two-sided"
    )
    for rater, (one, two) in results["each"].items():
        lines.append(f"  {rater}: {one:.2f} and {two:.2f}")
    return lines


def _percent(interval: Any) -> str:
    return f"[{interval[0]:.1%}, {interval[1]:.1%}]" if interval else "[needs two raters]"


def _range(interval: Any) -> str:
    return f"[{interval[0]:.2f}, {interval[1]:.2f}]" if interval else "[needs more]"
