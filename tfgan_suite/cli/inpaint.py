"""The command `inpaint`: fills holes in images with what a generator would draw there."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from tfgan_suite.cli import latent_arguments
from tfgan_suite.errors import InputError

KINDS = ("centre", "random", "half", "lowres")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of this command."""
    latent_arguments.add_source(parser)
    latent_arguments.add_images(parser, 64)
    add = parser.add_argument
    add(
        "--mask",
        default="centre",
        help="image, white where pixels are known and black in the hole, or centre, random (80%%"
        " are missing), half, lowres (every fourth pixel is known) [centre]",
    )
    add(
        "--paste", action="store_true", help="fill the hole as generated, without blending the seam"
    )
    add("--candidates", type=int, default=2048, help="random z that are compared first [2048]")
    add("--restarts", type=int, default=4, help="the best of them, to go on from [4]")
    add("--iterations", type=int, default=40, help="steps of Adam from each [40]")
    add("--learning-rate", type=float, default=0.03, help="of Adam [0.03]")
    add(
        "--prior",
        type=float,
        default=0.3,
        help="weight of the discriminator's judgement, where there is one [0.3]",
    )
    add(
        "--weighting",
        choices=("mixed", "paper", "binary"),
        default="mixed",
        help="known pixels count by the holes around them and others a little, or not at all as in"
        " the paper, or all equally [mixed]",
    )
    add("--labels", help="classes to draw, by name or index, for games with classes [all]")
    add("--data", help="training data, to compare with its mean and its nearest image")
    latent_arguments.add_seed(parser)
    latent_arguments.add_output(parser, "inpainted")


def run(args: argparse.Namespace) -> int:
    """Runs the command; exit code 0.

    Raises:
        InputError: bad input.
    """
    folder = latent_arguments.check_folder(args.out)
    latent_arguments.check_count(args.count)
    from tfgan_suite.latent import inpainting, pictures
    from tfgan_suite.latent import space as spaces

    search = inpainting.Search(
        args.candidates,
        args.restarts,
        args.iterations,
        args.learning_rate,
        args.prior,
        weighting=args.weighting,
    )
    space = spaces.open_space(args.source, "inpaint", args.seed)
    mask = _mask(args, space)
    names, images = pictures.read(args.input, space.shape, split=args.split, count=args.count)
    if args.prior and not space.has_discriminator:
        print(
            "the known pixels alone decide: the prior needs the discriminator, which"
            f" {args.source} does not {space.advice}",
            file=sys.stderr,
        )
    labels = latent_arguments.parse_labels(space, args.labels)
    start = time.monotonic()
    completed = inpainting.inpaint(space, images, mask, search, paste=args.paste, labels=labels)
    seconds = (time.monotonic() - start) / len(images)
    fillings = _baselines(args.data, space, images, mask) if args.data else {}
    numbers = {
        "images": len(images),
        "mask": args.mask,
        "missing": float(1.0 - mask.mean()),
        "prior": completed.used_prior,
        "loss_at_start": float(completed.losses[0].mean()),
        "loss": float(completed.losses.min(axis=0).mean()),
        "seconds_per_image": round(seconds, 4),
        **_errors(args, images, mask, completed, fillings),
    }
    written = _write(folder, names, images, mask, completed, fillings, numbers)
    sentence = f"filled {len(images)}"
    if "hole_error" in numbers:
        sentence += f", mean absolute error in the hole {numbers['hole_error']:.3f} in [-1, 1]"
    return latent_arguments.print_numbers(args, written, sentence)


def _errors(args: Any, images: Any, mask: Any, completed: Any, fillings: Any) -> dict[str, float]:
    """Errors in the hole, of what was drawn and of other fillings."""
    from tfgan_suite.latent import inpainting

    if args.mask not in KINDS:  # whose mask is a file shows something else in the hole, or nothing
        return {}
    errors = {"hole_error": completed.images}
    errors.update({f"hole_error_of_{name}": filled for name, filled in fillings.items()})
    return {
        name: float(inpainting.hole_error(filled, images, mask).mean())
        for name, filled in errors.items()
    }


def _mask(args: argparse.Namespace, space: Any) -> Any:
    """The mask of `--mask`, of the generator's size."""
    from tfgan_suite.latent import masks, pictures

    height, width, _ = space.shape
    if args.mask in KINDS:
        return masks.make(args.mask, height, width, args.seed)
    if not Path(args.mask).is_file():
        raise InputError(f"--mask is {args.mask!r}; expected {', '.join(KINDS)} or an image file")
    mask = pictures.read_mask(args.mask)
    return masks.check(mask, height, width, f"the mask {args.mask}")


def _baselines(source: str, space: Any, images: Any, mask: Any) -> dict[str, Any]:
    """Images filled with the mean of the training data, and with its nearest image."""
    import numpy as np

    from tfgan_suite.latent import inpainting, pictures

    train = pictures.load_data(source, space.shape)
    count = min(len(train), 60000, 2**29 // int(np.prod(space.shape)))
    examples = train.take(count)[train.key]
    mean = np.broadcast_to(examples.mean(axis=0), images.shape)
    return {
        "mean": np.where(mask[..., None] > 0, images, mean),
        "nearest": inpainting.nearest_filling(images, mask, examples),
    }


def _write(
    folder: Path,
    names: list[str],
    images: Any,
    mask: Any,
    completed: Any,
    fillings: dict[str, Any],
    numbers: dict[str, Any],
) -> dict[str, Any]:
    """Writes each completed image, `inpaint.png` and the numbers."""
    import numpy as np

    from tfgan_suite.latent import figures
    from tfgan_suite.utils import image_grids

    paths = []
    known = mask[..., None] > 0
    for name, image, filled in zip(names, images, completed.images):
        pixels = np.where(known, image_grids.to_uint8(image), image_grids.to_uint8(filled))
        paths.append(figures.write_png(folder / "completed", f"{Path(name).stem}.png", pixels))
    shown = slice(0, 12)
    rows = {
        "what is known": np.where(known, images, 0.0)[shown],
        "completed": completed.images[shown],
        "generated": completed.generated[shown],
        **{f"filled with the {name} of the data": a[shown] for name, a in fillings.items()},
        "the image": images[shown],
    }
    figure = figures.rows(list(rows), list(rows.values()))
    numbers = {**numbers, "figure": figures.write_png(folder, "inpaint.png", figure)}
    numbers["files"] = paths
    figures.write_numbers(folder, numbers)
    return numbers
