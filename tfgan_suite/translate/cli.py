"""`python -m tfgan_suite translate`: the user's pictures through a trained translator."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfgan_suite.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from tfgan_suite.translate.files import Job
    from tfgan_suite.translate.gallery import Gallery
    from tfgan_suite.translate.opening import Translator


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
        "--direction",
        choices=["AtoB", "BtoA"],
        help="of a game of two directions [AtoB; of one direction the one it was trained for]",
    )
    add(
        "--size",
        type=int,
        default=0,
        metavar="N",
        help="scale every picture first until its shorter side has N pixels; a network knows"
        " things at the scale it was trained at [0: as they are]",
    )
    add(
        "--tile",
        type=int,
        default=0,
        metavar="N",
        help="side of overlapping tiles, rounded up to what the network takes [0: pictures up"
        " to 1024x1024 whole, larger ones in tiles of 512]",
    )
    add(
        "--overlap",
        type=int,
        default=0,
        metavar="M",
        help="pixels that neighbouring tiles share [0: a quarter of the tile]",
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
        help="true answers, found by name without the ending; for one picture also a file",
    )
    add("--signature", help="signature to translate with, such as varied [the direction's]")
    add("--seed", type=int, default=0, help="of a network that draws as it translates [0]")
    if "--json" not in parser._option_string_actions:
        add("--json", action="store_true", help="print JSON for a program to read")


def run(chosen: argparse.Namespace) -> int:
    """Runs the command.

    Returns:
        0, also where some pictures of a folder were skipped; what was skipped is said.

    Raises:
        InputError: bad input; no picture could be translated; a file cannot be written. What was
            written before is kept, and the gallery shows it.
    """
    _check(chosen)
    from tfgan_suite.translate import files
    from tfgan_suite.translate.gallery import Gallery
    from tfgan_suite.translate.opening import open_translator

    jobs = files.plan(
        Path(chosen.input), Path(chosen.output), Path(chosen.target) if chosen.target else None
    )
    translator = open_translator(
        chosen.source, chosen.direction, chosen.seed, chosen.signature
    )
    if translator.size and chosen.tile:
        height, width = translator.size
        raise InputError(
            f"{chosen.source} takes pictures of {width}x{height} pixels alone, so its tiles have"
            " that size; leave --tile out"
        )
    title = f"{Path(chosen.source).name}, {translator.direction}"
    page = Gallery(title, f"made by {chosen.source}") if chosen.gallery else None
    try:
        done = translate_all(
            translator,
            jobs,
            size=chosen.size,
            tile=chosen.tile,
            overlap=chosen.overlap,
            pairs=chosen.pairs,
            gallery=page,
            tell=(lambda text: None) if chosen.json else print,
        )
    finally:
        if page is not None and len(page):
            _write_gallery(page, Path(chosen.gallery))
    _report(chosen, done)
    if not done["files"]:
        name, reason = next(iter(done["skipped"].items()))
        raise InputError(f"no picture could be translated; {name}: {reason}")
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
    """Translates pictures one after the other; each is on the disk before the next begins.

    Args:
        translator: what translates.
        jobs: the pictures, as `files.plan` gives them.
        size: shorter side to which they are scaled; 0: as they are.
        tile, overlap: as for `Translator`.
        pairs: pictures show A at the left and B at the right.
        gallery: gets a row for each picture.
        tell: gets a line for each picture.

    Returns:
        `"files"` written, `"skipped"` names with reasons, and where there are true answers of the
        same size `"difference"`, the mean absolute difference from them in [-1, 1], and
        `"compared"`, of how many pictures.

    Raises:
        InputError: a file cannot be written, or an impossible tile.
    """
    import tensorflow as tf

    from tfgan_suite import pictures
    from tfgan_suite.data.images import Unreadable
    from tfgan_suite.runs import writing_to
    from tfgan_suite.translate import files

    written: list[str] = []
    skipped: dict[str, str] = {}
    differences: list[float] = []
    for number, job in enumerate(jobs, 1):
        try:
            given, truth = _sides(translator, job, size, pairs)
            made = translator(given.astype("float32") / 127.5 - 1.0, tile, overlap)
        except (Unreadable, tf.errors.ResourceExhaustedError) as error:
            large = "too large for the memory; use --tile"
            skipped[job.name] = str(error) if isinstance(error, Unreadable) else large
            tell(f"{number}/{len(jobs)} skipped {job.name}: {skipped[job.name]}")
            continue
        made = pictures.to_uint8(made)
        with writing_to(job.made.parent):
            files.write(job.made, made)
        written.append(str(job.made))
        about = f"{given.shape[1]}x{given.shape[0]}"
        if truth is not None and truth.shape == made.shape:
            differences.append(_difference(made, truth))
            about += f", differs from the target by {differences[-1]:.3f}"
        if gallery is not None:
            gallery.add(job.name, given, made, truth, about)
        tell(f"{number}/{len(jobs)} {job.made}  {about}")
    found: dict[str, Any] = {"files": written, "skipped": skipped}
    if differences:
        found["difference"] = sum(differences) / len(differences)
        found["compared"] = len(differences)
    return found


def _sides(
    translator: Translator, job: Job, size: int, pairs: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """What goes in, and the true answer where there is a readable one, uint8."""
    from tfgan_suite.data.images import Unreadable
    from tfgan_suite.translate import files

    # In colour first: the two halves of a pair may differ in it.
    channels = 3 if pairs else translator.channels
    given, truth = files.read(job.given, channels), None
    if pairs:
        given, truth = files.halves(given, translator.direction)
        given = files.in_channels(given, translator.channels)
    elif job.truth is not None:
        try:
            truth = files.read(job.truth, translator.made.shape[2])
        except Unreadable as error:
            raise Unreadable(f"target {job.truth.name}: {error}") from error
    if truth is not None:
        truth = files.scaled(files.in_channels(truth, translator.made.shape[2]), size)
    return files.scaled(given, size), truth


def _difference(made: np.ndarray, truth: np.ndarray) -> float:
    import numpy as np

    return float(np.mean(np.abs(made.astype(np.float32) - truth))) / 127.5


def _write_gallery(page: Gallery, path: Path) -> None:
    from tfgan_suite.runs import writing_to

    with writing_to(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        page.write(path)


def _report(chosen: argparse.Namespace, done: dict[str, Any]) -> None:
    if chosen.json:
        gallery = {"gallery": chosen.gallery} if chosen.gallery and done["files"] else {}
        print(json.dumps({**done, **gallery}))
        return
    if "difference" in done:
        print(
            f"mean absolute difference from {done['compared']} targets, in [-1, 1]:"
            f" {done['difference']:.4f}"
        )
    if done["skipped"] and done["files"]:
        listed = "; ".join(f"{name}: {reason}" for name, reason in done["skipped"].items())
        print(f"skipped {len(done['skipped'])}: {listed}", file=sys.stderr)
    if done["files"]:
        print(f"translated {len(done['files'])} to {chosen.output}")
        if chosen.gallery:
            print(f"gallery {chosen.gallery}")


def _check(chosen: argparse.Namespace) -> None:
    for name in ("size", "tile", "overlap"):
        if getattr(chosen, name) < 0:
            raise InputError(f"--{name} is {getattr(chosen, name)}; it must be 0 or more")
    if chosen.overlap and not chosen.tile:
        raise InputError("--overlap is given without --tile; give both")
    if chosen.pairs and chosen.target:
        raise InputError("--pairs takes the targets out of the inputs; leave --target out")
    if chosen.tile:
        from tfgan_suite.translate import tiles

        tiles.check(chosen.tile, chosen.overlap or chosen.tile // 4)
