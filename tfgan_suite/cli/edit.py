"""The command `edit`: changes a photo by a colour brush, a sketch or by dragging parts of it."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfgan_suite.cli import latent_arguments
from tfgan_suite.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from tfgan_suite.latent import edit_files, manipulation, projection
    from tfgan_suite.latent.space import Space

MOST_FRAMES = 256
_WARP = "left,top,right,bottom,right-shift,down-shift, such as 8,8,16,16,4,0"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of this command."""
    latent_arguments.add_source(parser)
    add = parser.add_argument
    add(
        "input",
        help="a photo of the size that the generator draws, or a larger one of the same ratio",
    )
    add("--colour", help="image of the photo's size: opaque are the colours that it is to have")
    add("--sketch", help="image of the photo's size with the lines that it is to have")
    add(
        "--warp",
        action="append",
        default=[],
        metavar="BOX,SHIFT",
        help="drag a part: left,top,right,bottom and how far right and down, in the photo's pixels;"
        " may be repeated",
    )
    add(
        "--candidates",
        type=int,
        default=1024,
        help="random z around the photo's that are compared first [1024]",
    )
    add("--starts", type=int, default=32, help="its z and the best of them, to go on from [32]")
    add("--iterations", type=int, default=100, help="steps of Adam from each [100]")
    add("--learning-rate", type=float, default=0.1, help="of Adam [0.1]")
    add("--closeness", type=float, default=0.05, help="weight of the distance to its z [0.05]")
    add(
        "--realism",
        type=float,
        default=1.0,
        help="weight of the discriminator's judgement, where there is one [1]",
    )
    add("--frames", type=int, default=16, help="images from the first to the edited one [16]")
    add("--encoder", type=Path, help="Keras file that `project --encoder` wrote: a better first z")
    latent_arguments.add_seed(parser)
    latent_arguments.add_output(parser, "edited")


def run(args: argparse.Namespace) -> int:
    """Runs the command; exit code 0.

    Raises:
        InputError: bad input.
    """
    folder = latent_arguments.check_folder(args.out)
    warps = [_parse_warp(text) for text in args.warp]
    if not (args.colour or args.sketch or warps):
        raise InputError("no edit is asked for; pass --colour, --sketch or --warp")
    if not 2 <= args.frames <= MOST_FRAMES:
        raise InputError(f"--frames is {args.frames}; it must be from 2 to {MOST_FRAMES}")
    from tfgan_suite.utils.optional_packages import require

    require("scipy.ndimage", "latent", "edit")
    from tfgan_suite.latent import edit_files, edit_transfer, manipulation
    from tfgan_suite.latent import space as spaces

    search = manipulation.Search(
        candidates=args.candidates,
        starts=args.starts,
        iterations=args.iterations,
        learning_rate=args.learning_rate,
        closeness=args.closeness,
        realism=args.realism,
    )
    space = spaces.open_space(args.source, "edit", args.seed)
    photo = edit_files.read_photo(args.input, space.shape)
    drawn = _drawings(args, photo)
    _check_warps(warps, photo)
    start = time.monotonic()
    projected = _project(args, space, photo)
    constraints = [*drawn, *_moves(warps, photo, projected.images[0])]
    edited = manipulation.edit(space, projected.inputs, constraints, search, frames=args.frames)
    pixels = edit_transfer.transfer(edited.frames, photo.pixels)
    numbers = {
        "projection_error": float(projected.errors[0]),
        "loss_at_start": edited.start_loss,
        "loss": float(edited.losses.min()),
        "realism": bool(args.realism) and space.has_discriminator,
        **_colour_errors(args, drawn, edited.frames, photo, pixels),
        **dict(zip(("score_before", "score_after"), edited.scores)),
        **dict(zip(("percentile_before", "percentile_after"), edited.percentiles)),
        "seconds": round(time.monotonic() - start, 2),
    }
    if args.realism and not space.has_discriminator:
        print(
            "nothing keeps the image real: that needs the discriminator, which"
            f" {args.source} does not {space.advice}",
            file=sys.stderr,
        )
    written = _write(folder, photo, edited, pixels, numbers)
    sentence = f"edited {photo.name}: loss {numbers['loss_at_start']:.3f} before and"
    sentence += f" {numbers['loss']:.3f} after, projected with a mean square error of"
    sentence += f" {numbers['projection_error']:.3f}"
    if edited.percentiles:
        before, after = edited.percentiles
        sentence += f"; the discriminator scores {after:.0f}% of the generator's samples lower"
        sentence += f" ({before:.0f}% before)"
    return latent_arguments.print_numbers(args, written, sentence)


def _parse_warp(text: str) -> list[float]:
    """Six numbers of `--warp`."""
    try:
        sides = [float(side) for side in text.split(",")]
    except ValueError:
        sides = []
    if len(sides) != 6 or not all(abs(side) < 1e6 for side in sides):
        raise InputError(f"--warp is {text!r}; expected {_WARP}")
    return sides


def _drawings(args: argparse.Namespace, photo: edit_files.Photo) -> list[manipulation.Constraint]:
    """The constraints of `--colour` and `--sketch`."""
    from tfgan_suite.latent import edit_files, manipulation

    constraints = []
    if args.colour:
        constraints.append(manipulation.Constraint(*edit_files.read_brush(args.colour, photo)))
    if args.sketch:
        ink = edit_files.read_sketch(args.sketch, photo)
        constraints.append(manipulation.sketch(ink, photo.small.shape[-1]))
    return constraints


def _check_warps(warps: list[list[float]], photo: edit_files.Photo) -> None:
    """Refuses warps outside the photo before the search begins."""
    _moves(warps, photo, photo.small)


def _moves(
    warps: list[list[float]], photo: edit_files.Photo, image: np.ndarray
) -> list[manipulation.Constraint]:
    """The constraints of `--warp`, whose numbers are the photo's pixels."""
    from tfgan_suite.latent import manipulation

    height, width, _ = image.shape
    rows, columns, _ = photo.pixels.shape
    scales = [width / columns, height / rows] * 3
    scaled = [[side * scale for side, scale in zip(warp, scales)] for warp in warps]
    return [manipulation.move(image, warp[:4], warp[4:]) for warp in scaled]


def _project(
    args: argparse.Namespace, space: Space, photo: edit_files.Photo
) -> projection.Projection:
    """The photo's z."""
    from tfgan_suite.latent import encoders, projection

    encoder = None
    if args.encoder is not None:
        if not args.encoder.is_file():
            raise InputError(
                f"--encoder {args.encoder} is no file; write one with `python -m tfgan_suite"
                f" project ... --encoder {args.encoder.name}`"
            )
        encoder = encoders.read(args.encoder)
    known = encoder is not None or encoders.has_encoder(space)
    method = "hybrid" if known else "lbfgs"
    return projection.project(space, photo.small[None], method, encoder=encoder)


def _colour_errors(
    args: argparse.Namespace,
    drawn: list[manipulation.Constraint],
    frames: np.ndarray,
    photo: edit_files.Photo,
    pixels: np.ndarray,
) -> dict[str, float]:
    """Mean absolute difference to the brush's colours in [-1, 1], where it painted."""
    if not args.colour:
        return {}
    import numpy as np

    from tfgan_suite.utils import bicubic

    brush = drawn[0]
    height, width, _ = photo.small.shape
    small = pixels if pixels.shape == photo.small.shape else bicubic.resize(pixels, height, width)
    images = {
        "colour_error_before": frames[0],
        "colour_error": frames[-1],
        "colour_error_of_photo": small,
    }
    weight = brush.mask / brush.mask.sum()
    return {
        name: float((np.abs(image - brush.target).mean(-1) * weight).sum())
        for name, image in images.items()
    }


def _write(
    folder: Path,
    photo: edit_files.Photo,
    edited: manipulation.Edited,
    pixels: np.ndarray,
    numbers: dict[str, Any],
) -> dict[str, Any]:
    """Writes the edited photo, the sequence as GIF and grid, z on its way, and the numbers."""
    import io

    import numpy as np

    from tfgan_suite.latent import figures
    from tfgan_suite.utils import files, image_grids

    frames = image_grids.to_uint8(edited.frames)
    factor = max(1, 128 // frames.shape[1])
    animation = image_grids.as_colour(frames).repeat(factor, axis=1).repeat(factor, axis=2)
    rows = {
        "the photo, before and after": np.stack([photo.pixels, pixels]),
        "its projection, and the edited image": frames[[0, -1]],
        "the way from one to the other": frames,
        "what other searches end with": edited.alternatives,
    }
    content = io.BytesIO()
    np.savez(content, **edited.inputs)
    image = image_grids.to_uint8(pixels)
    numbers = {**numbers, "edited": figures.write_png(folder, f"{photo.name}.png", image)}
    figure = figures.rows(list(rows), list(rows.values()))
    numbers["figure"] = figures.write_png(folder, "edit.png", figure)
    numbers["sequence"] = figures.write_gif(folder, "sequence.gif", animation, 80)
    with files.writing_to(folder):
        files.write_bytes(folder / "inputs.npz", content.getvalue())
    numbers["inputs"] = str(folder / "inputs.npz")
    figures.write_numbers(folder, numbers)
    return numbers
