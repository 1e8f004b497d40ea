"""What the commands share that send images through a network: words, checks, going on."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from tfgan_suite.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from tfgan_suite.inference.files import Job

One = TypeVar("One")


def add_places(parser: argparse.ArgumentParser) -> None:
    """The words `source`, `input` and `output`."""
    parser.add_argument("source", help="run folder, or export: saved_models/NAME[/VERSION]")
    parser.add_argument("input", help="an image, or a folder of images with sub-folders")
    parser.add_argument(
        "output",
        help="for an image a .png or .jpg file or a folder; for a folder a folder, which gets"
        " .png files of the same names",
    )


def add_tiles(parser: argparse.ArgumentParser, about: str) -> None:
    """The flags `--tile`, with a help of its own, and `--overlap`."""
    parser.add_argument("--tile", type=int, default=0, metavar="N", help=about)
    parser.add_argument(
        "--overlap",
        type=int,
        default=0,
        metavar="M",
        help="pixels that neighbouring tiles share [0: a quarter of the tile]",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """The flag `--json`, where the caller has not added it."""
    if "--json" not in parser._option_string_actions:
        parser.add_argument("--json", action="store_true", help="print JSON for a program to read")


def check_counts(**flags: int) -> None:
    """Refuses negative numbers.

    Raises:
        InputError: the flag, by its name with underscores.
    """
    for name, value in flags.items():
        if value < 0:
            raise InputError(f"--{name.replace('_', '-')} is {value}; it must be 0 or more")


def check_tiles(tile: int, overlap: int) -> None:
    """Refuses impossible tiles before anything is loaded.

    Raises:
        InputError: a negative number, an overlap without a tile, or one that does not fit.
    """
    check_counts(tile=tile, overlap=overlap)
    if overlap and not tile:
        raise InputError("--overlap is given without --tile; give both")
    if tile:
        from tfgan_suite.inference import tiles

        tiles.check(tile, overlap or tile // 4)


def going_on(
    jobs: Sequence[One],
    make: Callable[[One], Any],
    skipped: dict[str, str],
    tell: Callable[[str], Any],
    *,
    advice: str,
    name: Callable[[One], str] = lambda job: job.name,
) -> Iterator[tuple[str, One, Any]]:
    """Does jobs one after the other, and goes on behind those that cannot be done.

    Args:
        jobs: what is to be done.
        make: does one.
        skipped: gets names and reasons of those whose file is unreadable, or too large.
        tell: gets a line for each of them.
        advice: against too little memory.
        name: of a job.

    Yields:
        Number and count as `"1/3"`, the job, and what was made of it.
    """
    import tensorflow as tf

    from tfgan_suite.data.readers.image_files import Unreadable

    for number, job in enumerate(jobs, 1):
        about = f"{number}/{len(jobs)}"
        try:
            made = make(job)
        except (Unreadable, MemoryError, tf.errors.ResourceExhaustedError) as error:
            large = f"too large for the memory; {advice}"
            skipped[name(job)] = str(error) if isinstance(error, Unreadable) else large
            tell(f"{about} skipped {name(job)}: {skipped[name(job)]}")
            continue
        yield about, job, made


def write(job: Job, pixels: np.ndarray) -> str:
    """Writes what was made of a job's image, uint8; the file's name.

    Raises:
        InputError: it cannot be written.
    """
    from tfgan_suite.inference import files
    from tfgan_suite.utils.files import writing_to

    with writing_to(job.made.parent):
        files.write(job.made, pixels)
    return str(job.made)


def check_any(done: Mapping[str, Any], verb: str) -> None:
    """Refuses to call it done when nothing was.

    Raises:
        InputError: no files; with the first reason.
    """
    if not done["files"]:
        name, reason = next(iter(done["skipped"].items()))
        raise InputError(f"no image could be {verb}; {name}: {reason}")


def say_skipped(done: Mapping[str, Any]) -> None:
    """Lists what was skipped on standard error."""
    if done["skipped"]:
        listed = "; ".join(f"{name}: {reason}" for name, reason in done["skipped"].items())
        print(f"skipped {len(done['skipped'])}: {listed}", file=sys.stderr)
