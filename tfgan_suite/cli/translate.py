"""`python -m tfgan_suite translate`: the user's images through a trained translator."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfgan_suite.errors import InputError
from tfgan_suite.inference import batch

if TYPE_CHECKING:
    import numpy as np

    from tfgan_suite.inference.files import Job
    from tfgan_suite.inference.gallery import Gallery
    from tfgan_suite.inference.translator import Translator


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words; `--json` comes from the caller or from here."""
    add = parser.add_argument
    batch.add_places(parser)
    add(
        "--direction",
        choices=["AtoB", "BtoA"],
        help="of a game of two directions [AtoB; of one direction the one it was trained for]",
    )
    add(
        "--size",
        type=int,
        default=0,
        metavar="N",
        help="scale every image first until its shorter side has N pixels; a network knows"
        " things at the scale it was trained at [0: as they are]",
    )
    batch.add_tiles(
        parser,
        "side of overlapping tiles, rounded up to what the network takes [0: images up"
        " to 1024x1024 whole, larger ones in tiles of 512]",
    )
    add(
        "--pairs",
        action="store_true",
        help="every input shows A at the left and B at the right: translate the half that the"
        " direction says; the other is the target",
    )
    add("--gallery", metavar="FILE", help="web page to write: input, output, target in one file")
    add(
        "--target",
        metavar="FOLDER",
        help="true answers, found by name without the ending; for one image also a file",
    )
    add("--signature", help="signature to translate with, such as varied [the direction's]")
    add("--seed", type=int, default=0, help="of a network that draws as it translates [0]")
    batch.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command.

    Returns:
        0, also where some images of a folder were skipped; what was skipped is said.

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
            f"{args.source} takes images of {width}x{height} pixels alone, so its tiles have"
            " that size; leave --tile out"
        )
    title = f"{Path(args.source).name}, {translator.direction}"
    page = Gallery(title, f"made by {args.source}") if args.gallery else None
    try:
        done = translate_all(
            translator,
            jobs,
            size=args.size,
            tile=args.tile,
            overlap=args.overlap,
            pairs=args.pairs,
            gallery=page,
            tell=(lambda text: None) if args.json else print,
        )
    finally:
        if page is not None and len(page):
            _write_gallery(page, Path(args.gallery))
    _report(args, done)
    batch.check_any(done, "translated")
    return 0


def translate_all(
    translator: Translator,
    jobs: Sequence[Job],
    *,
    size: int = 0,
    tile: int = 0,
    overlap: int = 0,
    pairs: bool = False,
    gallery: Gallery | None = None,
    tell: Callable[[str], Any] = print,
) -> dict[str, Any]:
    """Translates images one after the other; each is on the disk before the next begins.

    Args:
        translator: what translates.
        jobs: the images, as `files.plan` gives them.
        size: shorter side to which they are scaled; 0: as they are.
        tile, overlap: as for `Translator`.
        pairs: images show A at the left and B at the right.
        gallery: gets a row for each image.
        tell: gets a line for each image.

    Returns:
        `"files"` written, `"skipped"` names with reasons, and where there are true answers of the
        same size `"difference"`, the mean absolute difference from them in [-1, 1], and
        `"compared"`, of how many images.

    Raises:
        InputError: a file cannot be written, or an impossible tile.
    """
    from tfgan_suite.utils import image_grids

    def translated(job: Job) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
        given, truth = _sides(translator, job, size, pairs)
        made = translator(given.astype("float32") / 127.5 - 1.0, tile, overlap)
        return given, truth, image_grids.to_uint8(made)

    written: list[str] = []
    skipped: dict[str, str] = {}
    differences: list[float] = []
    for place, job, found in batch.going_on(jobs, translated, skipped, tell, advice="use --tile"):
        given, truth, made = found
        written.append(batch.write(job, made))
        about = f"{given.shape[1]}x{given.shape[0]}"
        if truth is not None and truth.shape == made.shape:
            differences.append(_difference(made, truth))
            about += f", differs from the target by {differences[-1]:.3f}"
        if gallery is not None:
            gallery.add(job.name, given, made, truth, about)
        tell(f"{place} {job.made}  {about}")
    done: dict[str, Any] = {"files": written, "skipped": skipped}
    if differences:
        done["difference"] = sum(differences) / len(differences)
        done["compared"] = len(differences)
    return done


def _sides(
    translator: Translator, job: Job, size: int, pairs: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """What goes in, and the true answer where there is a readable one, uint8."""
    from tfgan_suite.data.readers import image_files
    from tfgan_suite.inference import files

    # In colour first: the two halves of a pair may differ in it.
    channels = 3 if pairs else translator.channels
    given, truth = files.read(job.given, channels), None
    if pairs:
        given, truth = files.halves(given, translator.direction)
        given = files.in_channels(given, translator.channels)
    elif job.truth is not None:
        try:
            truth = files.read(job.truth, translator.made.shape[2])
        except image_files.Unreadable as error:
            raise image_files.Unreadable(f"target {job.truth.name}: {error}") from error
    if truth is not None:
        truth = image_files.resize_shorter_side(
            files.in_channels(truth, translator.made.shape[2]), size
        )
    return image_files.resize_shorter_side(given, size), truth


def _difference(made: np.ndarray, truth: np.ndarray) -> float:
    import numpy as np

    return float(np.mean(np.abs(made.astype(np.float32) - truth))) / 127.5


def _write_gallery(page: Gallery, path: Path) -> None:
    from tfgan_suite.utils.files import writing_to

    with writing_to(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        page.write(path)


def _report(args: argparse.Namespace, done: dict[str, Any]) -> None:
    if args.json:
        gallery = {"gallery": args.gallery} if args.gallery and done["files"] else {}
        print(json.dumps({**done, **gallery}))
        return
    if "difference" in done:
        print(
            f"mean absolute difference from {done['compared']} targets, in [-1, 1]:"
            f" {done['difference']:.4f}"
        )
    if done["files"]:
        batch.say_skipped(done)
        print(f"translated {len(done['files'])} to {args.output}")
        if args.gallery:
            print(f"gallery {args.gallery}")


def _check(args: argparse.Namespace) -> None:
    batch.check_counts(size=args.size)
    batch.check_tiles(args.tile, args.overlap)
    if args.pairs and args.target:
        raise InputError("--pairs takes the targets out of the inputs; leave --target out")
