"""The command `probe`: how well a discriminator's features separate classes."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from typing import Any

from tfgan_suite.cli import latent_arguments
from tfgan_suite.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of this command."""
    latent_arguments.add_source(parser)
    add = parser.add_argument
    add("--data", required=True, help="labelled data with a test split, as recipes take it")
    add("--labels", type=int, default=1000, help="labelled examples of the first column [1000]")
    add("--train", type=int, default=5000, help="examples that are all labels [5000]")
    add("--test", type=int, default=2000, help="examples that are tested [2000]")
    latent_arguments.add_seed(parser)
    latent_arguments.add_output(parser, "probe")


def run(args: argparse.Namespace) -> int:
    """Runs the command; exit code 0.

    Raises:
        InputError: bad input.
    """
    folder = latent_arguments.check_folder(args.out)
    for name in ("labels", "train", "test"):
        if getattr(args, name) < 1:
            raise InputError(f"--{name} is {getattr(args, name)}; it must be at least 1")
    from tfgan_suite.utils.optional_packages import require

    require("sklearn.svm", "latent", "a linear probe")
    from tfgan_suite.latent import linear_probe
    from tfgan_suite.latent import space as spaces

    space = spaces.open_space(args.source, "probe", args.seed)
    space.check_features("a linear probe")
    train, test = (_examples(args, space, split) for split in ("train", "test"))

    def progress(name: str) -> None:
        print(f"{name} ...", file=sys.stderr)

    results = linear_probe.probe(
        space, train, test, labels=args.labels, seed=args.seed, progress=progress
    )
    if "untrained" not in results:
        print(
            f"{args.source} is an export, whose initial weights are unknown; pass the run folder to"
            " compare with an untrained discriminator",
            file=sys.stderr,
        )
    numbers: dict[str, Any] = {
        "data": args.data,
        "train": len(train[0]),
        "test": len(test[0]),
        **{name: {k: dataclasses.asdict(a) for k, a in r.items()} for name, r in results.items()},
    }
    written = _write(folder, args, results, numbers)
    few = {name: result["few"] for name, result in results.items()}
    sentence = f"accuracy with {next(iter(few.values())).labels} labels: "
    sentence += ", ".join(f"{name} {result.mean:.3f}" for name, result in few.items())
    return latent_arguments.print_numbers(args, written, sentence)


def _examples(args: argparse.Namespace, space: Any, split: str) -> tuple[Any, Any]:
    from tfgan_suite.latent import pictures

    source = pictures.load_data(args.data, space.shape, split=split, labelled=True)
    examples = source.take(min(getattr(args, split), len(source)), seed=args.seed)
    return examples[source.key], examples["label"]


def _write(folder: Any, args: Any, results: Any, numbers: dict[str, Any]) -> dict[str, Any]:
    """Writes the bars `probe.png` and the numbers."""
    from tfgan_suite.latent import figures

    bars = [
        (f"{name}, {'all' if key == 'all' else result.labels} labels", result.mean)
        for key in ("few", "all")
        for name, result in ((name, r.get(key)) for name, r in results.items())
        if result is not None
    ]
    numbers = {**numbers, "figure": figures.write_png(folder, "probe.png", figures.bars(bars))}
    figures.write_numbers(folder, numbers)
    return numbers
