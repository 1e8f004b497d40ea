"""The command `measure dubbing`: how well a trained Wav2Lip's mouths follow a sound."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tfgan_suite.cli.arguments import add_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    add = parser.add_argument
    add("source", help="run folder, export, SavedModel folder or .tflite file of Wav2Lip")
    add(
        "--against",
        default="talking",
        metavar="DATA",
        help="talking, talking-hard, a video or a folder of clips [talking]",
    )
    add(
        "--expert",
        metavar="RUN",
        help="run or export of recipes/syncnet.py, for LSE-D, LSE-C and offset [the one that a run"
        " keeps; of an export none]",
    )
    add("--split", choices=["train", "test"], default="test", help="of the data [test]")
    add("--clips", type=int, metavar="N", help="measure at most N clips [all]")
    add(
        "--box",
        metavar="BOX",
        help="where the faces are: X,Y,W,H in every frame, a file of boxes, or faces (the frames"
        " are cut already) [a detector finds them]",
    )
    add("--out", help="file for the JSON lines [a run's measures.jsonl]")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command; returns 0.

    Raises:
        InputError: bad input.
    """
    from tfgan_suite.cli import arguments

    if args.clips is not None:
        arguments.check_counts(clips=args.clips)
    from tfgan_suite.measures import dubbing
    from tfgan_suite.measures.result import save_results

    results = dubbing.measure(
        args.source,
        args.against,
        expert=args.expert,
        split=args.split,
        clips=args.clips,
        box=args.box,
    )
    for result in results:
        print(result.to_json() if args.json else _line(result))
    if not args.json:
        facts = results[0].protocol
        print(
            f"of {facts['samples_of']}: {facts['n_fake']} frames of {facts['clips']} clips of"
            f" {facts['against']} ({facts['split']}), {facts['size']}; frame n hears frame n"
            f" {facts['mel_offset']:+d}"
        )
    save_results(results, Path(args.source), args.out)
    return 0


def _line(result: Any) -> str:
    """A result as text, with what it is compared with."""
    facts = result.protocol
    spread = "" if result.spread is None else f" +- {result.spread:.3g}"
    words = {"bar": "bar", "real": "real clips", "copied": "copied", "own": "own openings"}
    beside = [
        f"{word} {facts[key] if key == 'bar' else format(facts[key], '.4g')}"
        for key, word in words.items()
        if key in facts
    ]
    return f"{result.name:32} {result.value:9.4g}{spread}" + (
        f"  ({', '.join(beside)})" if beside else ""
    )
