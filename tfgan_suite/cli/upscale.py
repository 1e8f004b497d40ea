"""`python -m tfgan_suite upscale`: the user's images, larger."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfgan_suite.inference import batch

if TYPE_CHECKING:
    import numpy as np

    from tfgan_suite.inference.files import Job
    from tfgan_suite.inference.upscaler import Upscaler


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words; `--json` comes from the caller or from here."""
    batch.add_places(parser)
    batch.add_tiles(
        parser,
        "side of overlapping tiles in pixels of the small image; smaller ones take less"
        " memory [0: images up to 192x192 whole, larger ones in tiles of 128]",
    )
    batch.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command.

    Returns:
        0, also where some images of a folder were skipped; what was skipped is said.

    Raises:
        InputError: bad input; no image could be enlarged; a file cannot be written. What was
            written before is kept.
    """
    batch.check_tiles(args.tile, args.overlap)
    from tfgan_suite.inference import files
    from tfgan_suite.inference.upscaler import open_upscaler

    jobs = files.plan(Path(args.input), Path(args.output))
    upscaler = open_upscaler(args.source)
    tell = (lambda text: None) if args.json else print
    done = upscale_all(upscaler, jobs, tile=args.tile, overlap=args.overlap, tell=tell)
    if args.json:
        print(json.dumps(done))
    batch.check_any(done, "enlarged")
    if not args.json:
        batch.say_skipped(done)
        print(f"made {len(done['files'])} {upscaler.factor} times larger in {args.output}")
    return 0


def upscale_all(
    upscaler: Upscaler,
    jobs: Sequence[Job],
    *,
    tile: int = 0,
    overlap: int = 0,
    tell: Callable[[str], Any] = print,
) -> dict[str, Any]:
    """Enlarges images one after the other; each is on the disk before the next begins.

    Args:
        upscaler: what enlarges.
        jobs: the images, as `translate.files.plan` gives them.
        tile, overlap: as for `enlarge_image`.
        tell: gets a line for each image.

    Returns:
        `"factor"`, `"files"` written, `"skipped"` names with reasons.

    Raises:
        InputError: a file cannot be written, or an impossible tile.
    """
    from tfgan_suite.inference import files

    def enlarged(job: Job) -> tuple[np.ndarray, np.ndarray]:
        given = files.read(job.given, upscaler.channels)
        return given, upscaler(given, tile, overlap)

    written: list[str] = []
    skipped: dict[str, str] = {}
    advice = "give a smaller --tile"
    for about, job, both in batch.going_on(jobs, enlarged, skipped, tell, advice=advice):
        written.append(batch.write(job, both[1]))
        sizes = [f"{image.shape[1]}x{image.shape[0]}" for image in both]
        tell(f"{about} {job.made}  {' to '.join(sizes)}")
    return {"factor": upscaler.factor, "files": written, "skipped": skipped}
