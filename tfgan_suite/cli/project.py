"""The command `project`: searches the z whose image is nearest to a photo."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from tfgan_suite.cli import latent_arguments
from tfgan_suite.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of this command."""
    latent_arguments.add_source(parser)
    latent_arguments.add_images(parser, 16)
    add = parser.add_argument
    add(
        "--method",
        choices=("lbfgs", "adam", "encoder", "hybrid"),
        help="a search from random z, an encoder, or a search from the encoder's z [hybrid where"
        " there is an encoder, else lbfgs]",
    )
    add(
        "--space",
        choices=("z", "w", "w+"),
        default="z",
        help="what is searched; of style-based generators also w, or w+ with a style for each"
        " layer, which comes nearer to photos [z]",
    )
    add("--starts", type=int, default=4, help="z from which the search begins [4]")
    add("--iterations", type=int, default=200, help="steps of the search [200]")
    add(
        "--alpha",
        type=float,
        default=0.002,
        help="weight of the discriminator's features, where there is one [0.002]",
    )
    add(
        "--encoder",
        type=Path,
        help="Keras file of an encoder; trained and written there if it does not exist",
    )
    add("--encoder-steps", type=int, default=1500, help="updates of its training [1500]")
    add("--data", help="images that the encoder is trained on [the generator's samples]")
    latent_arguments.add_seed(parser)
    latent_arguments.add_output(parser, "projected")


def run(args: argparse.Namespace) -> int:
    """Runs the command; exit code 0.

    Raises:
        InputError: bad input.
    """
    folder = latent_arguments.check_folder(args.out)
    latent_arguments.check_count(args.count)
    if args.encoder is not None and args.encoder.suffix != ".keras":
        raise InputError(f"--encoder is {args.encoder}; pass a file that ends with .keras")
    if args.space != "z" and (args.encoder or args.method in ("encoder", "hybrid")):
        raise InputError(
            f"an encoder finds z, but --space is {args.space}; use --method lbfgs or adam"
        )
    from tfgan_suite.latent import encoders, pictures, projection, style_space
    from tfgan_suite.latent import space as spaces

    space = spaces.open_space(args.source, "project", args.seed)
    space = style_space.space_of(space, args.space)
    names, images = pictures.read(args.input, space.shape, split=args.split, count=args.count)
    encoder = None
    if args.encoder is not None and args.method in (None, "encoder", "hybrid"):
        encoder = _encoder(args, space)
    known = encoder is not None or (args.space == "z" and encoders.has_encoder(space))
    method = args.method or ("hybrid" if known else "lbfgs")
    start = time.monotonic()
    result = projection.project(
        space,
        images,
        method,
        starts=args.starts,
        iterations=args.iterations,
        alpha=args.alpha,
        encoder=encoder,
    )
    seconds = (time.monotonic() - start) / len(images)
    random = space.generate(space.samples(range(len(images))))
    numbers = {
        "images": len(images),
        "method": method,
        "space": args.space,
        "starts": args.starts,
        "features": bool(args.alpha) and projection.describes_images(space),
        "error": float(result.errors.mean()),
        "error_at_start": float(result.start_errors.mean()),
        "error_of_random_z": float(projection.mean_square(random, images).mean()),
        "seconds_per_image": round(seconds, 4),
        "errors": dict(zip(names, map(float, result.errors))),
    }
    if encoder is not None:
        encoded = projection.project(space, images, "encoder", encoder=encoder)
        numbers["error_of_encoder"] = float(encoded.errors.mean())
    written = _write(folder, names, images, result, numbers)
    sentence = (
        f"projected {len(images)} by {method} in {args.space}: mean square error"
        f" {written['error']:.4f}"
    )
    return latent_arguments.print_numbers(args, written, sentence)


def _encoder(args: argparse.Namespace, space: Any) -> Any:
    """The encoder of `--encoder`, trained if the file does not exist."""
    from tfgan_suite.latent import encoders, pictures

    if args.encoder.exists():
        return encoders.read(args.encoder)
    images = None
    if args.data:
        source = pictures.load_data(args.data, space.shape)
        images = source.take(min(len(source), 20000))[source.key]

    def progress(done: int, loss: float) -> None:
        print(f"encoder: step {done} of {args.encoder_steps}, loss {loss:.4f}", file=sys.stderr)

    encoder = encoders.train_encoder(
        space, images, steps=args.encoder_steps, seed=args.seed, progress=progress
    )
    encoders.write(encoder, args.encoder)
    return encoder


def _write(
    folder: Path, names: list[str], images: Any, result: Any, numbers: dict[str, Any]
) -> dict[str, Any]:
    """Writes `project.png`, each image and z, the loss curve and the numbers."""
    import io

    import numpy as np

    from tfgan_suite.latent import figures, projection
    from tfgan_suite.utils import files, image_grids

    paths = []
    for name, image in zip(names, result.images):
        pixels = image_grids.to_uint8(image)
        paths.append(figures.write_png(folder / "images", f"{Path(name).stem}.png", pixels))
    shown = slice(0, 12)
    difference = np.abs(result.images - images) - 1.0
    rows = {
        "the image": images[shown],
        "its projection": result.images[shown],
        "difference": difference[shown],
    }
    figure = figures.rows(list(rows), list(rows.values()))
    content = io.BytesIO()
    np.savez(content, **result.inputs)
    curve = projection.loss_curve(result.losses)
    numbers = {**numbers, "figure": figures.write_png(folder, "project.png", figure)}
    numbers["curve"] = figures.write_png(folder, "losses.png", curve)
    with files.writing_to(folder):
        files.write_bytes(folder / "inputs.npz", content.getvalue())
    numbers["inputs"] = str(folder / "inputs.npz")
    numbers["files"] = paths
    figures.write_numbers(folder, numbers)
    return numbers
