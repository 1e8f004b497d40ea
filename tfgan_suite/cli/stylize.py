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

# Of a content or a style after it was shrunk: with the paper's networks 3.1 GiB are needed then,
# and 2.3 GiB for half as many pixels.
MAX_PIXELS = 2**22


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to a parser."""
    add = parser.add_argument
    add("source", help="run folder of recipes/adain.py, or export: saved_models/NAME[/VERSION]")
    add("content", help="an image, or a folder of images with subfolders")
    add(
        "style",
        help="an image; several images separated by commas, to mix them; or a folder, to use"
        " each of its images in turn",
    )
    add(
        "output",
        help="a folder; for a single image in a single style also a .png, .jpg or .webp file",
    )
    add("--alpha", type=float, default=1.0, metavar="A", help="strength of the style, 0 to 1 [1]")
    add("--weights", metavar="W,W,..", help="of the styles to mix [equal]")
    add(
        "--mask",
        metavar="FILE",
        help="image that is light where the first style goes; dark areas get the second style, or"
        " stay as they are if there is only one",
    )
    add(
        "--preserve-color",
        nargs="?",
        const="coral",
        default="style",
        choices=["coral", "luma"],
        help="keep the content's colours: coral recolours the style to match the content, luma"
        " uses only the luminance of the result [coral]; write it last, or with =",
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
        help="the same for styles; larger images give larger strokes; 0: never [512]",
    )
    arguments.add_bit_depth(parser)
    arguments.add_json(parser)


@dataclasses.dataclass(frozen=True)
class Style:
    """One style, or several that are mixed.

    Args:
        name: for files and messages.
        files: their images.
        weights: of the images; `None`: equal weights.
    """

    name: str
    files: tuple[Path, ...]
    weights: tuple[float, ...] | None = None


def run(args: argparse.Namespace) -> int:
    """Runs the command.

    Returns:
        0, even if some images were skipped; those are named.

    Raises:
        InputError: bad input; nothing could be painted; a file cannot be written. Files that
            were written before remain.
    """
    _check(args)
    from tfgan_suite.inference import files
    from tfgan_suite.inference.painter import open_painter

    requested = styles(args.style, args.weights, masked=args.mask is not None)
    jobs = files.plan(Path(args.content), Path(args.output))
    pairs = plan(jobs, requested, Path(args.output))
    mask = None if args.mask is None else _mask(Path(args.mask))
    done = stylize_all(
        open_painter(args.source),
        pairs,
        alpha=args.alpha,
        mask=mask,
        colours=args.preserve_color,
        size=args.size,
        style_size=args.style_size,
        bit_depth=args.bit_depth,
        log=(lambda text: None) if args.json else print,
    )
    arguments.check_any_written(done, "painted")
    if args.json:
        print(json.dumps(done))
    else:
        arguments.print_skipped(done)
        print(f"painted {len(done['files'])} to {args.output}")
    return 0


def styles(text: str, weights: str | None = None, masked: bool = False) -> list[Style]:
    """The styles of a command-line argument.

    Args:
        text: an image, a folder, or images separated by commas.
        weights: numbers separated by commas, one for each image of a mixture.
        masked: whether a mask divides the image among them.

    Returns:
        One style for an image or a mixture, one for each image of a folder.

    Raises:
        InputError: a file that does not exist, a folder without images, or weights that do not
            fit.
    """
    from tfgan_suite.inference import files

    path = Path(text)
    if path.is_dir():
        if weights is not None or masked:
            raise InputError(
                f"{path} is a folder, whose images are used in turn, without --weights and"
                " --mask; name the images: ONE,OTHER"
            )
        # The plan of a translation lists a folder's images and gives each a unique name.
        output = path / ".painted"  # never written
        names = {job: job.output.relative_to(output) for job in files.plan(path, output)}
        return [
            Style(name.with_suffix("").as_posix().replace("/", "_"), (job.input,))
            for job, name in names.items()
        ]
    paths = (path,) if path.exists() else tuple(Path(part.strip()) for part in text.split(","))
    for path in paths:
        if not path.is_file():
            raise InputError(f"the style {path} does not exist; pass an image or a folder")
    if masked and (len(paths) > 2 or weights is not None):
        raise InputError(
            f"--mask with {len(paths)} styles{' and --weights' if weights else ''}; pass a single"
            " style for the inside, or two for inside and outside"
        )
    return [Style("-".join(path.stem for path in paths), paths, _weights(weights, len(paths)))]


def plan(jobs: Sequence[Job], requested: Sequence[Style], output: Path) -> list[tuple[Job, Style]]:
    """Every content in every style, with the files to write.

    Args:
        jobs: the contents, as `inference.files.plan` returns them for a single style.
        requested: the styles.
        output: as the user named it.

    Returns:
        Pairs; with several styles, the files' names end with the style's.

    Raises:
        InputError: a single file for several styles, or a style that would be overwritten.
    """
    style_files = {path.resolve() for style in requested for path in style.files}
    pairs = []
    for job in jobs:
        for style in requested:
            path = job.output
            if len(requested) > 1:
                if path == output:
                    raise InputError(
                        f"{output} is one file for {len(requested)} styles; pass a folder"
                    )
                path = path.with_name(f"{path.stem}_{style.name}{path.suffix}")
            if path.resolve() in style_files:
                raise InputError(f"{path} is a style and would be overwritten; pass another output")
            pairs.append((dataclasses.replace(job, output=path), style))
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
    bit_depth: int | None = None,
    log: Callable[[str], Any] = print,
) -> dict[str, Any]:
    """Paints one image after the other; each is on disk before the next begins.

    Args:
        painter: the opened run or export.
        pairs: contents and styles, as `plan` returns them.
        alpha, colours: as for `Painter`.
        mask: bool `(height, width)` of any size; it is scaled to the content's.
        size, style_size: largest shorter side; 0: any.
        bit_depth: significant bits of 16-bit images; `None`: as in training, or those of the files.
        log: called with a line for each image.

    Returns:
        `"files"` written, and `"skipped"` names with reasons.

    Raises:
        InputError: a file cannot be written.
    """
    from tfgan_suite.data.readers import bit_depths
    from tfgan_suite.inference import batch
    from tfgan_suite.utils import image_grids

    paths = {path: None for job, style in pairs for path in (job.input, *style.files)}
    bit_depth = bit_depths.decide(list(paths), bit_depth or painter.bit_depth)

    def paint(pair: tuple[Job, Style]) -> np.ndarray:
        job, style = pair
        images = [_read(path, style_size, bit_depth, f"style {path.name}") for path in style.files]
        content = _read(job.input, size, bit_depth)
        region = None if mask is None else _scaled_mask(mask, content.shape[:2])
        return painter(content, images, style.weights, alpha, region, colours)

    def name(pair: tuple[Job, Style]) -> str:
        return f"{pair[0].name} in {pair[1].name}"

    done: dict[str, Any] = {"files": [], "skipped": {}}
    advice = "use a smaller --size"
    for progress, (job, _), image in batch.process(
        pairs, paint, done["skipped"], log, advice=advice, name=name
    ):
        done["files"].append(batch.write(job, image_grids.to_uint8(image)))
        log(f"{progress} {job.output}  {image.shape[1]}x{image.shape[0]}")
    return done


def _read(path: Path, size: int, bit_depth: int | None, role: str = "") -> np.ndarray:
    """An image in [-1, 1], shrunk until its shorter side has `size` pixels."""
    import numpy as np

    from tfgan_suite.data.readers import image_files
    from tfgan_suite.inference import files

    flag = "--style-size" if role else "--size"
    try:
        files.check_pixels(
            path, MAX_PIXELS, f"pass {flag}, or a smaller one", size=size, enlarge=False
        )
        pixels = files.read(path, 3, size, bit_depth, enlarge=False)
    except image_files.Unreadable as error:
        raise image_files.Unreadable(f"{role}: {error}" if role else str(error)) from error
    return pixels.astype(np.float32) / 127.5 - 1.0


def _mask(path: Path) -> np.ndarray:
    """True where an image is light."""
    from tfgan_suite.data.readers.image_files import Unreadable
    from tfgan_suite.inference import files

    try:
        return files.read(path, 1)[..., 0] >= 128
    except Unreadable as error:
        raise InputError(f"the mask {path} cannot be read ({error}); pass an image") from error


def _scaled_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A mask at another height and width, by the nearest pixel."""
    import numpy as np

    rows, columns = (np.arange(new) * old // new for new, old in zip(size, mask.shape))
    return mask[np.ix_(rows, columns)]


def _weights(text: str | None, count: int) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        weights = tuple(float(word) for word in text.split(","))
    except ValueError:
        raise InputError(f"--weights is {text!r}; expected numbers separated by commas") from None
    if len(weights) != count or min(weights) < 0 or not 0 < sum(weights) < float("inf"):
        raise InputError(
            f"--weights is {text!r} for {count} styles; pass a number of 0 or more for each, not"
            " all of them 0"
        )
    return weights


def _check(args: argparse.Namespace) -> None:
    if not 0.0 <= args.alpha <= 1.0:
        raise InputError(f"--alpha is {args.alpha}; it must be in [0, 1]")
    arguments.check_output(args.output, args.content)
    arguments.check_counts(size=args.size, style_size=args.style_size)
