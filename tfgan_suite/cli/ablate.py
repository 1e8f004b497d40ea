"""The command `ablate`: makes a generator forget what lies in a box, or a class."""

from __future__ import annotations

import argparse

from tfgan_suite.cli import latent_arguments
from tfgan_suite.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of this command."""
    parser.add_argument("source", help="run folder: the layers of an export cannot be changed")
    add = parser.add_argument
    add("--box", help="left,top,right,bottom in pixels: what is drawn there is forgotten")
    add("--of-class", help="class of the shapes world, or a part of its name: circle, 'red circle'")
    add("--samples", type=int, default=300, help="samples from which filters are found [300]")
    add("--most", type=int, help="filters to drop, at most [all with a positive weight]")
    latent_arguments.add_seed(parser)
    latent_arguments.add_output(parser, "ablated")


def run(args: argparse.Namespace) -> int:
    """Runs the command; exit code 0.

    Raises:
        InputError: bad input.
    """
    folder = latent_arguments.check_folder(args.out)
    if (args.box is None) == (args.of_class is None):
        raise InputError("pass either --box or --of-class: what is to be forgotten")
    for name in ("samples", "most"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise InputError(f"--{name} is {value}; it must be at least 1")
    box = None if args.box is None else _box(args.box)
    from tfgan_suite.utils.optional_packages import require

    require("sklearn.linear_model", "latent", "ablation")
    from tfgan_suite.latent import ablation
    from tfgan_suite.latent import space as spaces

    space = spaces.open_space(args.source, "ablate", args.seed)
    if box is not None:
        result = ablation.ablate(space, box, range(args.samples), most=args.most)
        numbers = {"box": box}
    else:
        result, numbers = ablation.ablate_class(
            space, args.of_class, samples=args.samples, most=args.most
        )
    written = ablation.write(result, folder, numbers)
    sentence = f"dropped {written['dropped']} of {written['filters']} filters: change inside"
    sentence += f" {written['change_inside']:.3f}, outside {written['change_outside']:.3f}"
    if args.of_class is not None:
        sentence += f"; {args.of_class} {written['share_before']:.0%} before and"
        sentence += f" {written['share_after']:.0%} after"
    return latent_arguments.print_numbers(args, written, sentence)


def _box(text: str) -> list[float]:
    try:
        box = [float(side) for side in text.split(",")]
    except ValueError:
        box = []
    if len(box) != 4:
        raise InputError(f"--box is {text!r}; expected left,top,right,bottom, such as 8,8,24,24")
    return box
