"""The command `walk`: a GIF, a grid and a video of what lies between samples."""

from __future__ import annotations

import argparse
from pathlib import Path

from tfgan_suite.cli import latent_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of this command."""
    latent_arguments.add_source(parser)
    add = parser.add_argument
    add(
        "--numbers",
        default="0-7",
        help="samples to visit, as the grid of the command sample counts them from 0: 3,8,12 or"
        " 0-7 [0-7]",
    )
    add("--steps", type=int, default=16, help="frames from each sample to the next [16]")
    add(
        "--path",
        choices=("slerp", "lerp", "circle"),
        help="along the sphere, straight, or around the circle through the first two samples"
        " [slerp for normal noise, lerp for uniform]",
    )
    add(
        "--closed", action="store_true", help="return to the first sample, to repeat without a jump"
    )
    add("--labels", help="class of each sample, by name or index, for games with classes: 0,1,2")
    add(
        "--text",
        action="append",
        metavar="SENTENCE",
        help="walk from sentence to sentence in place of samples, with the z of the first of"
        " --numbers; two or more --text",
    )
    add("--vary", metavar="INPUT", help="walk this input alone, such as continuous of an InfoGAN")
    add("--mp4", action="store_true", help="write walk.mp4, too (needs PyAV: extra video)")
    latent_arguments.add_seed(parser)
    latent_arguments.add_output(parser, "walk")


def run(args: argparse.Namespace) -> int:
    """Runs the command; exit code 0.

    Raises:
        InputError: bad input.
    """
    numbers = latent_arguments.parse_numbers(args.numbers, "--numbers")
    folder = latent_arguments.check_folder(args.out)
    if args.mp4:
        from tfgan_suite.utils.optional_packages import require

        require("av", "video", "a video file")
    from tfgan_suite.latent import space as spaces
    from tfgan_suite.latent import walk

    if args.text:
        return _walk_sentences(args, folder)
    space = spaces.open_space(args.source, "walk", args.seed)
    result = walk.walk(
        space,
        numbers,
        args.steps,
        path=args.path,
        closed=args.closed,
        labels=latent_arguments.parse_labels(space, args.labels),
        vary=args.vary,
    )
    written = walk.write(result, folder, mp4=args.mp4)
    sentence = f"{written['frames']} frames, smoothness {written['smoothness']:.2f}"
    return latent_arguments.print_numbers(args, written, sentence)


def _walk_sentences(args: argparse.Namespace, folder: Path) -> int:
    """The walk of `--text`."""
    from tfgan_suite.inference.generator import open_generator
    from tfgan_suite.latent import sentence_walk, walk

    result = sentence_walk.walk(
        open_generator(args.source), args.text, args.steps, seed=args.seed, closed=args.closed
    )
    written = walk.write(result, folder, mp4=args.mp4)
    sentence = f"{written['frames']} frames, smoothness {written['smoothness']:.2f}"
    return latent_arguments.print_numbers(args, written, sentence)
