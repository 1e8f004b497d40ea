"""The command `neighbours`: a page of samples beside their nearest training images."""

from __future__ import annotations

import argparse
import sys

from tfgan_suite.cli import latent_arguments
from tfgan_suite.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of this command."""
    latent_arguments.add_source(parser)
    add = parser.add_argument
    add("--data", required=True, help="the training data, as recipes take it")
    add(
        "--numbers",
        default="0-15",
        help="samples, as the command sample counts them from 0: 3,8,12 or 0-15 [0-15]",
    )
    add("--train", type=int, default=60000, help="training images to search, at most [60000]")
    add("--shifts", type=int, default=2, help="pixels by which images may be shifted [2]")
    latent_arguments.add_seed(parser)
    latent_arguments.add_output(parser, "neighbours")


def run(args: argparse.Namespace) -> int:
    """Runs the command; exit code 0.

    Raises:
        InputError: bad input.
    """
    numbers = latent_arguments.parse_numbers(args.numbers, "--numbers")
    folder = latent_arguments.check_folder(args.out)
    if args.train < 1:
        raise InputError(f"--train is {args.train}; it must be at least 1")
    from tfgan_suite.latent import neighbours, pictures
    from tfgan_suite.latent import space as spaces

    space = spaces.open_space(args.source, "neighbours", args.seed)
    source = pictures.load_data(args.data, space.shape)
    train = pictures.take_pixels(source, args.train)
    if not space.has_features:
        print(
            "pixels alone are compared: features need the discriminator, which"
            f" {args.source} does not {space.advice}",
            file=sys.stderr,
        )
    result = neighbours.neighbours(space, numbers, train, shifts=args.shifts)
    written = neighbours.write(result, folder, f"{args.source} and {args.data}")
    sentence = (
        f"{len(numbers)} samples are on average {written['mean_distance']:.1f} grey levels from"
        f" their nearest of {written['train']} training images, {written['copies']} are copies"
    )
    return latent_arguments.print_numbers(args, written, sentence)
