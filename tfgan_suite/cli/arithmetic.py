"""The command `arithmetic`: adds and subtracts samples in the latent space."""

from __future__ import annotations

import argparse
from pathlib import Path

from tfgan_suite.cli import latent_arguments
from tfgan_suite.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of this command."""
    latent_arguments.add_source(parser)
    add = parser.add_argument
    operands = "samples as the command sample counts them from 0: 3,8,12; with --of label a class"
    add("--base", required=True, help=f"what to start from: {operands}, such as 'red circle'")
    add("--minus", help="what to subtract, likewise; the mean of all of them")
    add("--plus", help="what to add, likewise")
    add(
        "--of",
        choices=("number", "label"),
        default="number",
        help="operands are numbers of samples, or classes, of which samples are picked by the"
        " oracle of an embedded world or by --classifier [number]",
    )
    add("--average", type=int, default=24, help="samples of each class, with --of label [24]")
    add("--trials", type=int, default=1, help="repetitions with other samples, with --of label [1]")
    add("--expect", help="class that the result should have, with --of label [as the words say]")
    add("--classifier", type=Path, help="Keras file of recipes/classifier.py, for --of label")
    latent_arguments.add_seed(parser)
    latent_arguments.add_output(parser, "arithmetic")


def run(args: argparse.Namespace) -> int:
    """Runs the command; exit code 0.

    Raises:
        InputError: bad input.
    """
    texts = {"base": args.base, "minus": args.minus or "", "plus": args.plus or ""}
    if not args.minus and not args.plus:
        raise InputError("there is nothing to add or to subtract; pass --plus, --minus or both")
    folder = latent_arguments.check_folder(args.out)
    numbers = {}
    if args.of == "number":
        numbers = {
            key: latent_arguments.parse_numbers(text, f"--{key}")
            for key, text in texts.items()
            if text
        }
    from tfgan_suite.latent import arithmetic
    from tfgan_suite.latent import space as spaces

    space = spaces.open_space(args.source, "arithmetic", args.seed)
    if args.of == "number":
        result = arithmetic.arithmetic(space, **numbers, seed=args.seed)
        written = arithmetic.write(result, folder, dict(numbers))
        return latent_arguments.print_numbers(args, written, "calculated")
    read, names = arithmetic.reader(space, args.classifier)
    first, results, measured = arithmetic.by_class(
        space,
        read,
        names,
        texts,
        average=args.average,
        trials=args.trials,
        expected=args.expect,
    )
    written = arithmetic.write(first, folder, measured, results)
    sentence = f"{written['classes'][0] or 'no class'}"
    if written["share"] is not None:
        sentence = (
            f"{written['share']:.0%} of {args.trials} read as {written['expected']} (with pixels"
            f" {written['share_with_pixels']:.0%})"
        )
    return latent_arguments.print_numbers(args, written, sentence)
