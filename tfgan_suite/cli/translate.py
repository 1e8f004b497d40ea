"""The command `translate`: translates images with a trained translator."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfgan_suite.cli import arguments
from tfgan_suite.errors import InputError
from tfgan_suite.utils import image_endings

if TYPE_CHECKING:
    import numpy as np

    from tfgan_suite.inference.files import Job
    from tfgan_suite.inference.gallery import Gallery
    from tfgan_suite.inference.translator import Translator


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to a parser."""
    arguments.add_paths(parser)
    parser.add_argument(
        "--direction",
        choices=["AtoB", "BtoA"],
        help="direction of a game with two [AtoB; of a game with one, the one it was trained for]",
    )
    parser.add_argument(
        "--size",
        type=int,
        default=0,
        metavar="N",
        help="first scale every image until its shorter side has N pixels; a network recognizes"
        " things at the scale it was trained at [0: keep the size]",
    )
    arguments.add_tiles(
        parser,
        "side of overlapping tiles, rounded up to what the network accepts [0: images up to"
        " 1024x1024, and larger ones whose feature maps take at most 1 GiB, whole; others in tiles"
        " of 512, or larger where the network looks farther]",
    )
    parser.add_argument(
        "--pairs",
        action="store_true",
        help="every input shows A on the left and B on the right: translate the half that the"
        " direction starts from; the other half is the target",
    )
    parser.add_argument(
        "--gallery", metavar="FILE", help="web page to write: input, output and target in one file"
    )
    parser.add_argument(
        "--target",
        metavar="FOLDER",
        help="true answers, matched by file name without the suffix; for a single image also a"
        " file",
    )
    parser.add_argument(
        "--signature", help="signature to translate with, e.g. varied [the direction's]"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed, for networks that draw noise [0]"
    )
    arguments.add_bit_depth(parser)
    arguments.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command.

    Returns:
        0, even if some images of a folder were skipped; skipped images are listed.

    Raises:
        InputError: bad input; no image could be translated; a file cannot be written. What was
            written before is kept, and the gallery shows it.
    """
    _check(args)
    from tfgan_suite.inference import files
    from tfgan_suite.inference.gallery import Gallery
    from tfgan_suite.inference.translator import open_translator

    jobs = files.plan(
        Path(args.input), Path(args.output), Path(args.target) if args.target else None
    )
    translator = open_translator(args.source, args.direction, args.seed, args.signature)
    if translator.size and args.tile:
        height, width = translator.size
        raise InputError(
            f"{args.source} accepts only images of {width}x{height} pixels, so its tiles have"
            " that size; leave --tile out"
        )
    title = f"{Path(args.source).name}, {translator.direction}"
    gallery = Gallery(title, f"made by {args.source}") if args.gallery else None
    try:
        summary = translate_all(
            translator,
            jobs,
            size=args.size,
            tile=args.tile,
            overlap=args.overlap,
            pairs=args.pairs,
            bit_depth=args.bit_depth,
            gallery=gallery,
            log=(lambda line: None) if args.json else print,
        )
    finally:
        if gallery is not None and len(gallery):
            _write_gallery(gallery, Path(args.gallery))
    _print_summary(args, summary)
    arguments.check_any_written(summary, "translated")
    return 0


def translate_all(
    translator: Translator,
    jobs: Sequence[Job],
    *,
    size: int = 0,
    tile: int = 0,
    overlap: int = 0,
    pairs: bool = False,
    bit_depth: int | None = None,
    gallery: Gallery | None = None,
    log: Callable[[str], Any] = print,
) -> dict[str, Any]:
    """Translates images one at a time; each is on disk before the next one starts.

    Args:
        translator: the translator.
        jobs: the images, from `files.plan`.
        size: length that their shorter sides are scaled to; 0 keeps the size.
        tile, overlap: as for `Translator`.
        pairs: whether images show A on the left and B on the right.
        bit_depth: significant bits of 16-bit images; `None`: those of the training, or of the jobs.
        gallery: receives a row for each image.
        log: receives a line for each image.

    Returns:
        `"files"` written, `"skipped"` names with reasons, and where there are targets of the same
        size `"difference"`, the mean absolute difference from them in [-1, 1], and `"compared"`,
        the number of images compared.

    Raises:
        InputError: a file cannot be written, or tiles that cannot be blended.
    """
    from tfgan_suite.inference import batch, files

    bit_depth = files.decide_bit_depth(jobs, bit_depth or translator.bit_depth)

    def translated(job: Job) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        image, target = _read_input_and_target(translator, job, size, pairs, bit_depth)
        return image, translator(image, tile, overlap), target

    written: list[str] = []
    skipped: dict[str, str] = {}
    differences: list[float] = []
    for progress, job, result in batch.process(jobs, translated, skipped, log, advice="use --tile"):
        image, output, target = result
        written.append(batch.write(job, output))
        note = f"{image.shape[1]}x{image.shape[0]}"
        if target is not None and target.shape == output.shape:
            differences.append(_difference(output, target))
            note += f", differs from the target by {differences[-1]:.3f}"
        if gallery is not None:
            gallery.add(job.name, image, output, target, note)
        log(f"{progress} {job.output}  {note}")
    summary: dict[str, Any] = {"files": written, "skipped": skipped}
    if differences:
        summary["difference"] = sum(differences) / len(differences)
        summary["compared"] = len(differences)
    return summary


def _read_input_and_target(
    translator: Translator, job: Job, size: int, pairs: bool, bit_depth: int | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """The input, and the target where there is a readable one, uint8."""
    from tfgan_suite.data.readers import image_files, image_scaling
    from tfgan_suite.inference import files

    advice = "pass --size, or cut it into parts"
    files.check_pixels(job.input, files.MAX_PIXELS, advice, size=0 if pairs else size)
    # In colour first: the two halves of a pair may differ in it.
    channels = 3 if pairs else translator.channels
    image = files.read(job.input, channels, 0 if pairs else size, bit_depth)
    target = None
    output_channels = translator.output.shape[2]
    if pairs:
        image, target = files.split_pair(image, translator.direction)
        image = files.to_channels(image, translator.channels)
    elif job.target is not None:
        try:
            files.check_pixels(job.target, files.MAX_PIXELS, advice, size=size)
            target = files.read(job.target, output_channels, size, bit_depth)
        except image_files.Unreadable as error:
            raise image_files.Unreadable(f"target {job.target.name}: {error}") from error
    if pairs:
        target = image_scaling.resize_shorter_side(files.to_channels(target, output_channels), size)
    return image_scaling.resize_shorter_side(image, size), target


def _difference(output: np.ndarray, target: np.ndarray) -> float:
    import numpy as np

    return float(np.mean(np.abs(output.astype(np.float32) - target))) / 127.5


def _write_gallery(gallery: Gallery, path: Path) -> None:
    from tfgan_suite.utils.files import writing_to

    with writing_to(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        gallery.write(path)


def _print_summary(args: argparse.Namespace, summary: dict[str, Any]) -> None:
    if args.json:
        gallery = {"gallery": args.gallery} if args.gallery and summary["files"] else {}
        print(json.dumps({**summary, **gallery}))
        return
    if "difference" in summary:
        print(
            f"mean absolute difference from {summary['compared']} targets, in [-1, 1]:"
            f" {summary['difference']:.4f}"
        )
    if summary["files"]:
        arguments.print_skipped(summary)
        print(f"translated {len(summary['files'])} to {args.output}")
        if args.gallery:
            print(f"gallery {args.gallery}")


def _check(args: argparse.Namespace) -> None:
    arguments.check_counts(size=args.size)
    arguments.check_tiles(args.tile, args.overlap)
    arguments.check_output(args.output, args.input)
    if args.gallery is not None:
        image_endings.check_page(args.gallery, "--gallery")
    if args.pairs and args.target:
        raise InputError("--pairs takes the targets from the inputs; leave --target out")
