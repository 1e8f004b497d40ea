"""The command `upscale`: enlarges images with a trained super-resolution network."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfgan_suite.cli import arguments

if TYPE_CHECKING:
    import numpy as np

    from tfgan_suite.inference.files import Job
    from tfgan_suite.inference.upscaler import Upscaler


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to a parser."""
    arguments.add_paths(parser)
    arguments.add_tiles(
        parser,
        "side of overlapping tiles in pixels of the small image; smaller tiles use less memory"
        " [0: images up to 192x192 whole, larger ones in tiles of 128]",
    )
    arguments.add_bit_depth(parser)
    arguments.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command.

    Returns:
        0, even if some images of a folder were skipped; skipped images are listed.

    Raises:
        InputError: bad input; no image could be upscaled; a file cannot be written. What was
            written before is kept.
    """
    arguments.check_tiles(args.tile, args.overlap)
    arguments.check_output(args.output, args.input)
    from tfgan_suite.inference import files
    from tfgan_suite.inference.upscaler import open_upscaler

    jobs = files.plan(Path(args.input), Path(args.output))
    upscaler = open_upscaler(args.source)
    log = (lambda line: None) if args.json else print
    options = {"tile": args.tile, "overlap": args.overlap, "bit_depth": args.bit_depth}
    summary = upscale_all(upscaler, jobs, log=log, **options)
    if args.json:
        print(json.dumps(summary))
    arguments.check_any_written(summary, "upscaled")
    if not args.json:
        arguments.print_skipped(summary)
        print(f"upscaled {len(summary['files'])} by a factor of {upscaler.factor} to {args.output}")
    return 0


def upscale_all(
    upscaler: Upscaler,
    jobs: Sequence[Job],
    *,
    tile: int = 0,
    overlap: int = 0,
    bit_depth: int | None = None,
    log: Callable[[str], Any] = print,
) -> dict[str, Any]:
    """Upscales images one at a time; each is on disk before the next one starts.

    Args:
        upscaler: the upscaler.
        jobs: the images, from `files.plan`.
        tile, overlap: as for `upscale_image`.
        bit_depth: significant bits of 16-bit images; `None`: those of the training, or of the jobs.
        log: receives a line for each image.

    Returns:
        `"factor"`, `"files"` written, `"skipped"` names with reasons.

    Raises:
        InputError: a file cannot be written, or tiles that cannot be blended.
    """
    from tfgan_suite.inference import batch, files

    bit_depth = files.decide_bit_depth(jobs, bit_depth or upscaler.bit_depth)

    def upscaled(job: Job) -> tuple[np.ndarray, np.ndarray]:
        too_large = "cut it into parts"
        files.check_pixels(job.input, files.MAX_PIXELS, too_large, factor=upscaler.factor)
        image = files.read(job.input, upscaler.channels, 0, bit_depth)
        return image, upscaler(image, tile, overlap)

    written: list[str] = []
    skipped: dict[str, str] = {}
    advice = "use a smaller --tile"
    for progress, job, images in batch.process(jobs, upscaled, skipped, log, advice=advice):
        written.append(batch.write(job, images[1]))
        sizes = [f"{image.shape[1]}x{image.shape[0]}" for image in images]
        log(f"{progress} {job.output}  {' to '.join(sizes)}")
    return {"factor": upscaler.factor, "files": written, "skipped": skipped}
