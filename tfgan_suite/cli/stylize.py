"""`python -m tfgan_suite stylize`: the user's images in the style of others."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfgan_suite.cli import arguments
from tfgan_suite.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from tfgan_suite.inference.files import Job
    from tfgan_suite.inference.painter import Painter


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words; `--json` comes from the caller or from here."""
    add = parser.add_argument
    add("source", help="run folder of recipes/adain.py, or export: saved_models/NAME[/VERSION]")
    add("content", help="an image, or a folder of images with sub-folders")
    add(
        "style",
        help="an image; several separated by commas, which are mixed; or a folder, whose"
        " images are taken one after the other",
    )
    add(
        "output",
        help="for one image in one style a .png or .jpg file or a folder, else a folder",
    )
    add("--alpha", type=float, default=1.0, metavar="A", help="how much style, 0 to 1 [1]")
    add("--weights", metavar="W,W,..", help="of the styles that are mixed [all alike]")
    add(
        "--mask",
        metavar="FILE",
        help="image that is light where the first style goes; the rest gets the second style,"
        " of one style none",
    )
    add(
        "--preserve-color",
        nargs="?",
        const="coral",
        default="style",
        choices=["coral", "luma"],
        help="keep the content's colours: coral paints in its range of colours, luma takes the"
        " brightness alone from what is painted [coral]; write it last, or with =",
    )
    add(
        "--size",
        type=int,
        default=512,
        metavar="N",
        help="shrink contents until the shorter side has N pixels; 0: never [512]",
    )
    add(
        "--style-size",
        type=int,
        default=512,
        metavar="N",
        help="the same for styles: the larger, the larger their strokes; 0: never [512]",
    )
    arguments.add_json(parser)


@dataclasses.dataclass(frozen=True)
class Style:
    """One style, or several that are mixed.

    Args:
        name: for files and messages.
        files: their images.
        weights: of the images; None: all alike.
    """

    name: str
    files: tuple[Path, ...]
    weights: tuple[float, ...] | None = None


def run(args: argparse.Namespace) -> int:
    """Runs the command.

    Returns:
        0, also where some images were skipped; what was skipped is said.

    Raises:
        InputError: bad input; nothing could be painted; a file cannot be written. What was
            written before is kept.
    """
    _check(args)
    from tfgan_suite.inference import files
    from tfgan_suite.inference.painter import open_painter

    found = styles(args.style, args.weights, masked=bool(args.mask))
    jobs = files.plan(Path(args.content), Path(args.output))
    pairs = plan(jobs, found, Path(args.output))
    mask = None if args.mask is None else _mask(Path(args.mask))
    done = stylize_all(
        open_painter(args.source),
        pairs,
        alpha=args.alpha,
        mask=mask,
        colours=args.preserve_color,
        size=args.size,
        style_size=args.style_size,
        tell=(lambda text: None) if args.json else print,
    )
    arguments.check_any_written(done, "painted")
    if args.json:
        print(json.dumps(done))
    else:
        arguments.print_skipped(done)
        print(f"painted {len(done['files'])} to {args.output}")
    return 0


def styles(text: str, weights: str | None = None, masked: bool = False) -> list[Style]:
    """The styles that a word names.

    Args:
        text: an image, a folder, or images separated by commas.
        weights: numbers separated by commas, one for each image of a mixture.
        masked: whether a mask divides the image among them.

    Returns:
        One style for an image or a mixture, one for each image of a folder.

    Raises:
        InputError: a file that is not there, a folder without images, or weights that do not
            fit.
    """
    from tfgan_suite.inference import files

    place = Path(text)
    if place.is_dir():
        if weights is not None or masked:
            raise InputError(
                f"{place} is a folder, whose images are taken one after the other, without"
                " --weights and --mask; name the images: ONE,OTHER"
            )
        # The plan of a translation lists a folder's images and gives each a name of its own.
        nowhere = place / ".painted"
        names = {job: job.output.relative_to(nowhere) for job in files.plan(place, nowhere)}
        return [
            Style(name.with_suffix("").as_posix().replace("/", "_"), (job.input,))
            for job, name in names.items()
        ]
    paths = (place,) if place.exists() else tuple(Path(part.strip()) for part in text.split(","))
    for path in paths:
        if not path.is_file():
            raise InputError(f"the style {path} does not exist; give an image or a folder")
    if masked and (len(paths) > 2 or weights is not None):
        raise InputError(
            f"--mask with {len(paths)} styles{' and --weights' if weights else ''}; give one style"
            " for the inside, or two for inside and outside"
        )
    return [Style("-".join(path.stem for path in paths), paths, _weights(weights, len(paths)))]


def plan(jobs: Sequence[Job], found: Sequence[Style], output: Path) -> list[tuple[Job, Style]]:
    """Every content in every style, and the files that get them.

    Args:
        jobs: the contents, as `translate.files.plan` gives them for one style.
        found: the styles.
        output: as the user named it.

    Returns:
        Pairs; of several styles the files' names end with the style's.

    Raises:
        InputError: one file for several styles, or a style that would be overwritten.
    """
    kept = {path.resolve() for style in found for path in style.files}
    pairs = []
    for job in jobs:
        for style in found:
            made = job.output
            if len(found) > 1:
                if made == output:
                    raise InputError(f"{output} is one file for {len(found)} styles; give a folder")
                made = made.with_name(f"{made.stem}_{style.name}{made.suffix}")
            if made.resolve() in kept:
                raise InputError(f"{made} is a style and would be overwritten; give another output")
            pairs.append((dataclasses.replace(job, output=made), style))
    return pairs


def stylize_all(
    painter: Painter,
    pairs: Sequence[tuple[Job, Style]],
    *,
    alpha: float = 1.0,
    mask: np.ndarray | None = None,
    colours: str = "style",
    size: int = 512,
    style_size: int = 512,
    tell: Callable[[str], Any] = print,
) -> dict[str, Any]:
    """Paints one after the other; each is on the disk before the next begins.

    Args:
        painter: what paints.
        pairs: contents and styles, as `plan` gives them.
        alpha, colours: as for `Painter`.
        mask: bool `(height, width)` of any size; it is brought to the content's.
        size, style_size: longest shorter side; 0: any.
        tell: gets a line for each image.

    Returns:
        `"files"` written, and `"skipped"` names with reasons.

    Raises:
        InputError: a file cannot be written.
    """
    from tfgan_suite.inference import batch
    from tfgan_suite.utils import image_grids

    def painted(pair: tuple[Job, Style]) -> np.ndarray:
        job, style = pair
        shown = [_read(path, style_size, f"style {path.name}") for path in style.files]
        content = _read(job.input, size)
        region = None if mask is None else _scaled_mask(mask, content.shape[:2])
        return painter(content, shown, style.weights, alpha, region, colours)

    def name(pair: tuple[Job, Style]) -> str:
        return f"{pair[0].name} in {pair[1].name}"

    done: dict[str, Any] = {"files": [], "skipped": {}}
    advice = "use a smaller --size"
    for about, (job, _), made in batch.process(
        pairs, painted, done["skipped"], tell, advice=advice, name=name
    ):
        done["files"].append(batch.write(job, image_grids.to_uint8(made)))
        tell(f"{about} {job.output}  {made.shape[1]}x{made.shape[0]}")
    return done


def _read(path: Path, size: int, what: str = "") -> np.ndarray:
    """An image in [-1, 1], shrunk until its shorter side has `size` pixels."""
    import numpy as np

    from tfgan_suite.data.readers import image_files
    from tfgan_suite.inference import files

    try:
        pixels = files.read(path, 3)
    except image_files.Unreadable as error:
        raise image_files.Unreadable(f"{what}: {error}" if what else str(error)) from error
    if size and min(pixels.shape[:2]) > size:
        pixels = image_files.resize_shorter_side(pixels, size)
    return pixels.astype(np.float32) / 127.5 - 1.0


def _mask(path: Path) -> np.ndarray:
    """True where an image is light."""
    from tfgan_suite.data.readers.image_files import Unreadable
    from tfgan_suite.inference import files

    try:
        return files.read(path, 1)[..., 0] >= 128
    except Unreadable as error:
        raise InputError(f"the mask {path} cannot be read: {error}") from error


def _scaled_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A mask at another height and width, by the nearest pixel."""
    import numpy as np

    rows, columns = (np.arange(new) * old // new for new, old in zip(size, mask.shape))
    return mask[np.ix_(rows, columns)]


def _weights(text: str | None, count: int) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        found = tuple(float(word) for word in text.split(","))
    except ValueError:
        raise InputError(f"--weights is {text!r}; expected numbers separated by commas") from None
    if len(found) != count or min(found) < 0 or not 0 < sum(found) < float("inf"):
        raise InputError(
            f"--weights is {text!r} for {count} styles; give a number of 0 or more for each, not"
            " all of them 0"
        )
    return found


def _check(args: argparse.Namespace) -> None:
    if not 0.0 <= args.alpha <= 1.0:
        raise InputError(f"--alpha is {args.alpha}; it must be from 0 to 1")
    arguments.check_counts(size=args.size, style_size=args.style_size)
