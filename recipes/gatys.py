"""Paints a photo in the style of an image, by optimizing its pixels (Gatys et al. 2016).

    python recipes/gatys.py PHOTO PAINTING --out painted.png
    python recipes/gatys.py PHOTO PAINTING OTHER --blend 2 1 --out both.png     two styles
    python recipes/gatys.py FOLDER PAINTING --out PAINTED                       every photo
    python recipes/gatys.py PHOTO PAINTING --network squeezenet.npz --out painted.png

The paper's network is VGG19 with ImageNet weights, downloaded on first use (or --weights FILE).
Without internet, the last command takes a file of SqueezeNet's weights. The printed total starts at
the weighted difference between the photo's and the painting's style and falls; "content" rises from
0 as the photo takes on the style. Time and memory grow with the number of pixels: try --size 128
first.

The same command resumes from the file beside the image that ends in .state.npz, and continues
further with more --evaluations; --fresh starts over. Paper: 512 pixels, L-BFGS (neural-style: 1000
iterations), white noise as the start (--start noise), losses as sums (--convention paper
--content-weight 1 --style-weight 1000).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfgan_suite.cli.arguments import run_program
from tfgan_suite.errors import InputError, did_you_mean
from tfgan_suite.utils.command_line import Parser

import numpy as np

PRESERVE = ("none", "luminance", "colours")


def parser() -> Parser:
    """The flags."""
    parser = Parser(prog="gatys.py", description=__doc__, plain=True)
    add = parser.add_argument
    add("content", help="a photo, or a folder of photos")
    add("styles", nargs="+", metavar="style", help="one or more images whose style to take")
    add("--out", required=True, help="image to write (.png, .jpg or .webp); for a folder a folder")
    add("--blend", type=float, nargs="+", help="weight of each style [equal]")
    add("--size", type=int, default=256, help="longer side of the result in pixels [256]")
    add("--bit-depth", type=int, help="significant bits of 16-bit images [those they use]")
    add("--style-scale", type=float, default=1.0,
        help="longer side of the styles relative to --size; larger: larger motifs [1]")  # fmt: skip
    add(
        "--evaluations",
        type=int,
        default=300,
        help="total number of evaluations of loss and gradient [300]",
    )
    add("--optimizer", default="lbfgs", help="lbfgs or adam [lbfgs]")
    add(
        "--learning-rate",
        type=float,
        default=10 / 127.5,
        help="Adam's learning rate, for images in [-1, 1] [0.0784]",
    )
    add("--start", default="content", help="content, noise (paper) or style [content]")
    add("--network", default="vgg19",
        help="vgg19, vgg16, an .npz of weights, or a Keras model's file [vgg19]")  # fmt: skip
    add("--weights", default="imagenet", help="imagenet, a file, or none: random [imagenet]")
    add("--pooling", help="max or average, VGG only [average, as in the paper]")
    add("--content-layers", nargs="+", help="[conv4_2]")
    add("--style-layers", nargs="+", help="[relu1_1 relu2_1 relu3_1 relu4_1 relu5_1]")
    add("--content-weight", type=float, default=1.0, help="alpha [1]")
    add("--style-weight", type=float, default=100.0, help="beta [100]")
    add(
        "--variation-weight",
        type=float,
        default=0.0,
        help="of the differences of neighbouring pixels [0]",
    )
    add("--convention", default="mean", help="scale of the losses: mean, or paper [mean]")
    add("--preserve", default="none",
        help="how to keep the photo's colours: luminance (the result gives only the lightness),"
        " colours (the style is recoloured first), or none [none]")  # fmt: skip
    add("--seed", type=int, default=0, help="seed of noise and random weights [0]")
    add("--log-every", type=int, default=25, help="evaluations between log lines [25]")
    add(
        "--checkpoint-every",
        type=int,
        default=100,
        help="evaluations between saved states [100]",
    )
    add("--fresh", action="store_true", help="start over, ignoring a saved state")
    return parser


def check(args: argparse.Namespace) -> None:
    """Refuses what is impossible whatever the images.

    Raises:
        InputError: which flag, and what would be right.
    """
    minima = {"size": 16, "evaluations": 1, "log_every": 1, "checkpoint_every": 1, "seed": 0}
    for name, low in minima.items():
        if getattr(args, name) < low:
            flag = name.replace("_", "-")
            raise InputError(f"--{flag} is {getattr(args, name)}; it must be {low} or more")
    for name in ("style_scale", "learning_rate"):
        if not 0 < getattr(args, name) < np.inf:
            flag = name.replace("_", "-")
            raise InputError(f"--{flag} is {getattr(args, name)}; it must be above 0")
    from tfgan_suite.style import descent, gatys

    choices = {
        "preserve": PRESERVE,
        "optimizer": descent.METHODS,
        "start": gatys.STARTS,
        "convention": gatys.CONVENTIONS,
        "pooling": (None, "max", "average"),
    }
    for name, words in choices.items():
        if getattr(args, name) not in words:
            raise InputError(
                f"--{name} is {getattr(args, name)!r}; it must be one of "
                f"{', '.join(word for word in words if word)}"
                f"{did_you_mean(getattr(args, name), (word for word in words if word))}"
            )


def image(path: Path, longer: int, bit_depth: int | None = None) -> np.ndarray:
    """Reads and resizes an image: float32 `(height, width, 3)` in [-1, 1].

    Args:
        path: the file.
        longer: its longer side in pixels.
        bit_depth: significant bits of a 16-bit image; default: all.

    Raises:
        image_files.Unreadable: the file is not a complete image.
    """
    from tfgan_suite.data.readers import image_scaling
    from tfgan_suite.inference import files

    pixels = files.read(path, 3, 0, bit_depth)
    height, width = pixels.shape[:2]
    shorter = max(1, round(min(height, width) * longer / max(height, width)))
    return image_scaling.resize_shorter_side(pixels, shorter).astype(np.float32) / 127.5 - 1.0


def read_styles(args: argparse.Namespace) -> list[np.ndarray]:
    """The style images.

    Raises:
        InputError: one cannot be read.
    """
    from tfgan_suite.data.readers.image_files import Unreadable

    images = []
    for name in args.styles:
        try:
            longer = max(16, round(args.size * args.style_scale))
            images.append(image(Path(name), longer, args.bit_depth))
        except Unreadable as error:
            raise InputError(f"the style image {name} cannot be read: {error}") from error
    return images


def open_features(args: argparse.Namespace) -> tuple[Any, list[str], list[str]]:
    """The feature network, and the names of its content and style layers."""
    from tfgan_suite.features import architectures, extractors
    from tfgan_suite.style import gatys

    contents, styles = args.content_layers, args.style_layers
    if not (contents and styles):
        defaults = gatys.default_layers(args.network)
        contents, styles = contents or list(defaults[0]), styles or list(defaults[1])
    pooling = args.pooling
    if pooling is None:
        architecture = architectures.NETWORKS.get(args.network)
        pooling = "average" if architecture is not None and architecture.scales else "max"
    weights = None if args.weights == "none" else args.weights
    names = list(dict.fromkeys([*contents, *styles]))
    look = extractors.feature_network(args.network, names, weights, pooling=pooling, seed=args.seed)
    return look, contents, styles


class Progress:
    """A progress bar with the losses, or log lines if the output is not a terminal."""

    def __init__(self, args: argparse.Namespace, name: str):
        self.every, self.last, self.name = args.log_every, args.evaluations, name
        self.bar = None
        if sys.stdout.isatty():
            import keras

            losses = ["total", "content", "style"]
            self.bar = keras.utils.Progbar(self.last, stateful_metrics=losses)

    def __call__(self, state: Any, parts: Any) -> None:
        done = state.evaluations
        losses = [("total", state.totals[-1]), ("content", parts["content"]),
                  ("style", parts["style"])]  # fmt: skip
        if self.bar is not None:
            self.bar.update(done, losses)
        elif done == 1 or done % self.every == 0 or done == self.last:
            words = "  ".join(f"{name} {value:.4g}" for name, value in losses)
            print(f"{self.name} {done}/{self.last}  {words}", flush=True)


def settings_of(args: argparse.Namespace, look: Any, layers: Any, images: Any) -> dict[str, Any]:
    """The settings that a saved state depends on."""
    import hashlib

    free = ("content", "styles", "out", "evaluations", "log_every", "fresh", "content_layers",
            "style_layers", "network", "weights", "bit_depth")  # fmt: skip
    settings = {name: value for name, value in vars(args).items() if name not in free}
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(image).tobytes() for image in images))
    settings |= {"network": look.name, "network_weights": look.checksum(), "layers": layers}
    return {**settings, "images": digest.hexdigest()[:16]}


def paint(args: argparse.Namespace, job: Any, look: Any, layers: Any, styles: Any) -> None:
    """Paints one image, from its start or its saved state, and writes it.

    Raises:
        image_files.Unreadable: the photo is not a complete image.
        InputError: it is too small, its state has other settings, or a file cannot be written.
    """
    from tfgan_suite.inference import files
    from tfgan_suite.style import colour, descent, gatys
    from tfgan_suite.utils import image_grids
    from tfgan_suite.utils.files import writing_to

    content = image(job.input, args.size, args.bit_depth)
    if args.preserve == "colours":
        styles = [colour.with_colours_of(content, style) for style in styles]
    problem = gatys.Gatys(
        look,
        content,
        styles,
        content_layers=layers[0],
        style_layers=layers[1],
        content_weight=args.content_weight,
        style_weight=args.style_weight,
        blend=args.blend,
        variation_weight=args.variation_weight,
        convention=args.convention,
    )
    settings = settings_of(args, look, layers, (content, *styles))
    saved = job.output.with_name(job.output.name + ".state.npz")
    if saved.exists() and not args.fresh:
        state = descent.State.load(saved, settings)
        print(f"{job.name}: resuming at evaluation {state.evaluations} of {args.evaluations}")
    else:
        state = descent.State(problem.start(args.start, args.seed))

    def keep(state: Any) -> None:
        painted = problem.image(state.best)
        if args.preserve == "luminance":
            painted = colour.with_luminance_of(content, painted)
        with writing_to(job.output.parent):
            files.write(job.output, image_grids.to_uint8(painted))
            state.save(saved, settings)

    settled = descent.descend(
        problem,
        state,
        args.evaluations,
        method=args.optimizer,
        learning_rate=args.learning_rate,
        segment=args.checkpoint_every,
        on_evaluation=Progress(args, job.name),
        on_segment=keep,
    )
    if settled and sys.stdout.isatty():
        print()  # after the unfinished bar
    first, lowest = state.totals[0], min(state.totals)
    fall = f"{100 * (1 - lowest / first):.1f}% below the start" if first > 0 else "0 at the start"
    early = f", converged after {state.evaluations} evaluations" if settled else ""
    print(f"{job.output}: total {lowest:.4g}, {fall}{early}")


def run(args: argparse.Namespace) -> int:
    """Paints every image.

    Raises:
        InputError: the input is invalid, or no image could be painted.
    """
    check(args)
    from tfgan_suite.data.readers import bit_depths
    from tfgan_suite.data.readers.image_files import Unreadable
    from tfgan_suite.inference import files

    jobs = files.plan(Path(args.content), Path(args.out))
    paths = [job.input for job in jobs] + [Path(style) for style in args.styles]
    args.bit_depth = bit_depths.decide(paths, args.bit_depth)
    styles = read_styles(args)
    look, *layers = open_features(args)
    skipped = {}
    for job in jobs:
        try:
            paint(args, job, look, layers, styles)
        except (Unreadable, InputError) as error:
            skipped[job.name] = " ".join(str(error).split())
            if len(jobs) > 1:
                print(f"skipped {job.name}: {skipped[job.name]}")
    if len(skipped) == len(jobs):
        name, reason = next(iter(skipped.items()))
        raise InputError(f"{name} could not be painted: {reason}")
    return 0


def main(words: Sequence[str] | None = None) -> int:
    """Runs the recipe: 0; 2 with a one-line reason for bad input; 130 if the user stops it."""
    args = parser().parse_args(words)
    stopped = "stopped; run the same command again to resume"
    return run_program("gatys.py", run, args, stopped)


if __name__ == "__main__":
    sys.exit(main())
