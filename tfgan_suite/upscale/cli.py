"""`python -m tfgan_suite upscale`: the user's pictures, larger."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfgan_suite.errors import InputError

if TYPE_CHECKING:
    from tfgan_suite.translate.files import Job
    from tfgan_suite.upscale.opening import Upscaler


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words; `--json` comes from the caller or from here."""
    add = parser.add_argument
    add("source", help="run folder, or export: saved_models/NAME[/VERSION]")
    add("input", help="a picture, or a folder of pictures with sub-folders")
    add(
        "output",
        help="for a picture a .png or .jpg file or a folder; for a folder a folder, which gets"
        " .png files of the same names",
    )
    add(
        "--tile",
        type=int,
        default=0,
        metavar="N",
        help="side of overlapping tiles in pixels of the small picture; smaller ones take less"
        " memory [0: pictures up to 192x192 whole, larger ones in tiles of 128]",
    )
    add(
        "--overlap",
        type=int,
        default=0,
        metavar="M",
        help="pixels that neighbouring tiles share [0: a quarter of the tile]",
    )
    if "--json" not in parser._option_string_actions:
        add("--json", action="store_true", help="print JSON for a program to read")


def run(chosen: argparse.Namespace) -> int:
    """Runs the command.

    Returns:
        0, also where some pictures of a folder were skipped; what was skipped is said.

    Raises:
        InputError: bad input; no picture could be enlarged; a file cannot be written. What was
            written before is kept.
    """
    check_tiles(chosen.tile, chosen.overlap)
    from tfgan_suite.translate import files
    from tfgan_suite.upscale.opening import open_upscaler

    jobs = files.plan(Path(chosen.input), Path(chosen.output))
    upscaler = open_upscaler(chosen.source)
    tell = (lambda text: None) if chosen.json else print
    done = upscale_all(upscaler, jobs, tile=chosen.tile, overlap=chosen.overlap, tell=tell)
    if chosen.json:
        print(json.dumps(done))
    if not done["files"]:
        name, reason = next(iter(done["skipped"].items()))
        raise InputError(f"no picture could be enlarged; {name}: {reason}")
    if not chosen.json:
        if done["skipped"]:
            listed = "; ".join(f"{name}: {reason}" for name, reason in done["skipped"].items())
            print(f"skipped {len(done['skipped'])}: {listed}", file=sys.stderr)
        print(f"made {len(done['files'])} {upscaler.factor} times larger in {chosen.output}")
    return 0


def upscale_all(
    upscaler: Upscaler,
    jobs: Sequence[Job],
    *,
    tile: int = 0,
    overlap: int = 0,
    tell: Callable[[str], Any] = print,
) -> dict[str, Any]:
    """Enlarges pictures one after the other; each is on the disk before the next begins.

    Args:
        upscaler: what enlarges.
        jobs: the pictures, as `translate.files.plan` gives them.
        tile, overlap: as for `enlarge_picture`.
        tell: gets a line for each picture.

    Returns:
        `"factor"`, `"files"` written, `"skipped"` names with reasons.

    Raises:
        InputError: a file cannot be written, or an impossible tile.
    """
    import tensorflow as tf

    from tfgan_suite.data.images import Unreadable
    from tfgan_suite.runs import writing_to
    from tfgan_suite.translate import files

    written: list[str] = []
    skipped: dict[str, str] = {}
    for number, job in enumerate(jobs, 1):
        try:
            given = files.read(job.given, upscaler.channels)
            made = upscaler(given, tile, overlap)
        except (Unreadable, MemoryError, tf.errors.ResourceExhaustedError) as error:
            large = "too large for the memory; give a smaller --tile"
            skipped[job.name] = str(error) if isinstance(error, Unreadable) else large
            tell(f"{number}/{len(jobs)} skipped {job.name}: {skipped[job.name]}")
            continue
        with writing_to(job.made.parent):
            files.write(job.made, made)
        written.append(str(job.made))
        sizes = [f"{picture.shape[1]}x{picture.shape[0]}" for picture in (given, made)]
        tell(f"{number}/{len(jobs)} {job.made}  {' to '.join(sizes)}")
    return {"factor": upscaler.factor, "files": written, "skipped": skipped}


def check_tiles(tile: int, overlap: int) -> None:
    """Refuses impossible tiles before anything is loaded.

    Raises:
        InputError: a negative number, an overlap without a tile, or one that does not fit.
    """
    for name, value in (("tile", tile), ("overlap", overlap)):
        if value < 0:
            raise InputError(f"--{name} is {value}; it must be 0 or more")
    if overlap and not tile:
        raise InputError("--overlap is given without --tile; give both")
    if tile:
        from tfgan_suite.translate import tiles

        tiles.check(tile, overlap or tile // 4)
