"""Arguments that several commands share, their checks, and the report of skipped images."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tfgan_suite.errors import InputError
from tfgan_suite.utils import image_endings
from tfgan_suite.utils.command_line import INTERRUPTED, exit_code
from tfgan_suite.utils.plain_errors import plain_errors


def add_json(parser: argparse.ArgumentParser) -> None:
    """Adds the flag `--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON for a program to read")


def add_paths(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments `source`, `input` and `output`."""
    parser.add_argument(
        "source",
        help="run folder, export (saved_models/NAME[/VERSION]), SavedModel folder, .tflite file, or"
        " a name that `list` shows; may be omitted where a single shipped model serves",
    )
    parser.add_argument("input", help="an image, or a folder of images with subfolders")
    parser.add_argument(
        "output",
        help="for a single image, a .png, .jpg or .webp file or a folder; for a folder, a folder,"
        " which receives .png files of the same names",
    )


def add_bit_depth(parser: argparse.ArgumentParser) -> None:
    """Adds the flag `--bit-depth`."""
    parser.add_argument(
        "--bit-depth",
        type=int,
        metavar="N",
        help="significant bits of 16-bit images, 8 to 16 [as in training; else those that the files"
        " state, or the fewest of 8, 10, 12, 14 and 16 that hold the largest value]",
    )


def add_tiles(parser: argparse.ArgumentParser, tile_help: str) -> None:
    """Adds the flags `--tile`, with the help text given, and `--overlap`."""
    parser.add_argument("--tile", type=int, default=0, metavar="N", help=tile_help)
    parser.add_argument(
        "--overlap",
        type=int,
        default=0,
        metavar="M",
        help="pixels that neighbouring tiles share [0: as many as give the result of the whole"
        " image, or a quarter of the tile where none do]",
    )


def check_output(output: str, input_path: str) -> None:
    """Refuses a file of a kind that cannot be written, before anything is loaded.

    Args:
        output: the output of an image or a folder of images.
        input_path: the image or the folder.

    Raises:
        InputError: names the kinds that can.
    """
    if not Path(input_path).is_dir():  # of a folder, `files.plan` expects a folder
        image_endings.names_image(output)


def check_counts(**flags: int) -> None:
    """Checks that no number is negative.

    Args:
        **flags: values by flag name, with underscores.

    Raises:
        InputError: a value is negative; the message names the flag.
    """
    for name, value in flags.items():
        if value < 0:
            raise InputError(f"--{name.replace('_', '-')} is {value}; it must be 0 or more")


def run_program(
    name: str,
    run: Callable[[Any], int],
    args: argparse.Namespace,
    interrupted: str = INTERRUPTED,
) -> int:
    """Runs a program on its parsed arguments.

    Args:
        name: of the program, for the message.
        run: takes the arguments and returns the exit code.
        args: the arguments.
        interrupted: what Ctrl-C means.

    Returns:
        Its exit code; 2 with a one-line reason for bad input, or where the memory is used up; 130
        after Ctrl-C.
    """

    def command() -> int:
        check_values(args)
        with plain_errors("use smaller images or counts, or a smaller --size, --tile or --batch"):
            return run(args)

    return exit_code(name, command, interrupted)


def check_values(args: argparse.Namespace) -> None:
    """Refuses what no argument of any command may be: an empty text, NaN or an infinity.

    An empty path would be the current folder.

    Raises:
        InputError: names the argument.
    """
    for name, value in vars(args).items():
        for entry in value if isinstance(value, list) else [value]:
            if entry == "":
                raise InputError(f"{name.replace('_', '-')} is empty; pass a value")
            if isinstance(entry, float) and not math.isfinite(entry):
                raise InputError(f"{name.replace('_', '-')} is {entry}; it must be a finite number")


def check_tiles(tile: int, overlap: int) -> None:
    """Checks `--tile` and `--overlap` before anything is loaded.

    Raises:
        InputError: a negative number, an overlap without a tile, or one that does not fit.
    """
    check_counts(tile=tile, overlap=overlap)
    if overlap and not tile:
        raise InputError("--overlap is set without --tile; pass both")
    if tile:
        from tfgan_suite.inference import tiles

        tiles.check(tile, overlap or tile // 4)


def check_any_written(summary: Mapping[str, Any], verb: str) -> None:
    """Checks that at least one image was written.

    Args:
        summary: `"files"` written, and `"skipped"` names with reasons.
        verb: what was to be done, as a participle.

    Raises:
        InputError: no file was written; the message holds the first reason.
    """
    if not summary["files"]:
        name, reason = next(iter(summary["skipped"].items()))
        raise InputError(f"no image could be {verb}; {name}: {reason}")


def print_skipped(summary: Mapping[str, Any]) -> None:
    """Prints the skipped images, with reasons, on standard error."""
    if summary["skipped"]:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in summary["skipped"].items())
        print(f"skipped {len(summary['skipped'])}: {reasons}", file=sys.stderr)
