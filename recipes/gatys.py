"""Paints a photo in the style of an image, by optimising its pixels (Gatys et al. 2016).

    python recipes/gatys.py PHOTO PAINTING --out painted.png
    python recipes/gatys.py PHOTO PAINTING OTHER --blend 2 1 --out both.png     two styles
    python recipes/gatys.py FOLDER PAINTING --out PAINTED                       every photo
    python recipes/gatys.py PHOTO PAINTING --network squeezenet.npz --out painted.png

The paper's network is VGG19 with weights of ImageNet, downloaded at the first use (or --weights
FILE). Without internet, the last command takes a file of SqueezeNet's weights. The printed total
starts at the weighted difference between the photo's and the painting's style and falls; "content"
rises from 0 as the photo takes on the style. Time and memory grow with the pixels: try --size 128
first.

The same command goes on where it was stopped, from the file beside the image that ends in
.state.npz, and with more --evaluations further; --fresh begins anew. Paper: 512 pixels, L-BFGS
(neural-style: 1000 iterations), white noise as the start (--start noise), losses as sums
(--convention paper --content-weight 1 --style-weight 1000).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.errors import InputError

PRESERVE = ("none", "luminance", "colours")


def parser() -> argparse.ArgumentParser:
    """The flags."""
    made = argparse.ArgumentParser(
        prog="gatys.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = made.add_argument
    add("content", help="a photo, or a folder of photos")
    add("styles", nargs="+", metavar="style", help="one or more images whose style to take")
    add("--out", required=True, help="image to write (.png, .jpg); for a folder a folder")
    add("--blend", type=float, nargs="+", help="how much each style counts [equally]")
    add("--size", type=int, default=256, help="longer side of the result in pixels [256]")
    add("--style-scale", type=float, default=1.0,
        help="longer side of the styles over --size; larger: larger motifs [1]")  # fmt: skip
    add("--evaluations", type=int, default=300, help="of loss and gradient, in all [300]")
    add("--optimizer", default="lbfgs", help="lbfgs or adam [lbfgs]")
    add(
        "--learning-rate",
        type=float,
        default=10 / 127.5,
        help="Adam's, in units of [-1, 1] [0.0784]",
    )
    add("--start", default="content", help="content, noise (paper) or style [content]")
    add("--network", default="vgg19",
        help="vgg19, vgg16, an .npz of weights, or a Keras model's file [vgg19]")  # fmt: skip
    add("--weights", default="imagenet", help="imagenet, a file, or none: random [imagenet]")
    add("--pooling", default="", help="max or average, of VGG alone [average, as in the paper]")
    add("--content-layers", nargs="+", help="[conv4_2]")
    add("--style-layers", nargs="+", help="[relu1_1 relu2_1 relu3_1 relu4_1 relu5_1]")
    add("--content-weight", type=float, default=1.0, help="alpha [1]")
    add("--style-weight", type=float, default=100.0, help="beta [100]")
    add("--variation-weight", type=float, default=0.0, help="of differences of neighbours [0]")
    add("--convention", default="mean", help="losses as mean, or as in the paper [mean]")
    add("--preserve", default="none",
        help="the photo's colours: luminance (the result gives lightness alone), colours (the"
        " style is recoloured before), or none [none]")  # fmt: skip
    add("--seed", type=int, default=0, help="of noise and random weights [0]")
    add("--log-every", type=int, default=25, help="evaluations between two lines of a log [25]")
    add(
        "--checkpoint-every",
        type=int,
        default=100,
        help="evaluations between two saved states [100]",
    )
    add("--fresh", action="store_true", help="begin anew where a state is there")
    return made


def check(args: argparse.Namespace) -> None:
    """Refuses what is impossible whatever the images.

    Raises:
        InputError: which flag, and what would be right.
    """
    least = {"size": 16, "evaluations": 1, "log_every": 1, "checkpoint_every": 1, "seed": 0}
    for name, low in least.items():
        if getattr(args, name) < low:
            raise InputError(f"--{name} is {getattr(args, name)}; it must be {low} or more")
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
        "pooling": ("", "max", "average"),
    }
    for name, words in choices.items():
        if getattr(args, name) not in words:
            raise InputError(
                f"--{name} is {getattr(args, name)!r}; it must be one of "
                f"{', '.join(word for word in words if word)}"
            )


def image(path: Path, longer: int) -> np.ndarray:
    """An image with a longer side of so many pixels: float32 `(height, width, 3)` in [-1, 1].

    Raises:
        images.Unreadable: it is no whole image.
    """
    from tfgan_suite.data.readers import image_files
    from tfgan_suite.inference import files

    pixels = files.read(path, 3)
    height, width = pixels.shape[:2]
    shorter = max(1, round(min(height, width) * longer / max(height, width)))
    return image_files.resize_shorter_side(pixels, shorter).astype(np.float32) / 127.5 - 1.0


def read_styles(args: argparse.Namespace) -> list[np.ndarray]:
    """The style images.

    Raises:
        InputError: one cannot be read.
    """
    from tfgan_suite.data.readers.image_files import Unreadable

    found = []
    for name in args.styles:
        try:
            found.append(image(Path(name), max(16, round(args.size * args.style_scale))))
        except Unreadable as error:
            raise InputError(f"the style image {name} cannot be read: {error}") from error
    return found


def open_features(args: argparse.Namespace) -> tuple[Any, list[str], list[str]]:
    """The network's taps, and the layers of content and of style."""
    from tfgan_suite.features import architectures, extractors
    from tfgan_suite.style import gatys

    contents, styles = args.content_layers, args.style_layers
    if not (contents and styles):
        usual = gatys.usual_layers(args.network)
        contents, styles = contents or list(usual[0]), styles or list(usual[1])
    known = architectures.NETWORKS.get(args.network)
    pooling = args.pooling or ("average" if known is not None and known.scales else "max")
    weights = None if args.weights == "none" else args.weights
    names = list(dict.fromkeys([*contents, *styles]))
    look = extractors.feature_network(args.network, names, weights, pooling=pooling, seed=args.seed)
    return look, contents, styles


class Progress:
    """A progress bar with the losses; in a file, a line now and then."""

    def __init__(self, args: argparse.Namespace, name: str):
        self.every, self.last, self.name = args.log_every, args.evaluations, name
        self.bar = None
        if sys.stdout.isatty():
            import keras

            shown = ["total", "content", "style"]
            self.bar = keras.utils.Progbar(self.last, stateful_metrics=shown)

    def __call__(self, state: Any, parts: Any) -> None:
        done = state.evaluations
        shown = [("total", state.totals[-1]), ("content", parts["content"]),
                 ("style", parts["style"])]  # fmt: skip
        if self.bar is not None:
            self.bar.update(done, shown)
        elif done == 1 or done % self.every == 0 or done == self.last:
            words = "  ".join(f"{name} {value:.4g}" for name, value in shown)
            print(f"{self.name} {done}/{self.last}  {words}", flush=True)


def settings_of(args: argparse.Namespace, look: Any, layers: Any, images: Any) -> dict[str, Any]:
    """What a state belongs to."""
    import hashlib

    free = ("content", "styles", "out", "evaluations", "log_every", "fresh", "content_layers",
            "style_layers", "network", "weights")  # fmt: skip
    found = {name: value for name, value in vars(args).items() if name not in free}
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(image).tobytes() for image in images))
    found |= {"network": look.name, "network_weights": look.checksum(), "layers": layers}
    return {**found, "images": digest.hexdigest()[:16]}


def paint(args: argparse.Namespace, job: Any, look: Any, layers: Any, styles: Any) -> None:
    """One image, from its start or its saved state to its file.

    Raises:
        images.Unreadable: the photo is no whole image.
        InputError: it is too small, its state is of other settings, or a file cannot be written.
    """
    from tfgan_suite.inference import files
    from tfgan_suite.style import colour, descent, gatys
    from tfgan_suite.utils import image_grids
    from tfgan_suite.utils.files import writing_to

    content = image(job.input, args.size)
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
        print(f"{job.name}: going on from evaluation {state.evaluations} of {args.evaluations}")
    else:
        state = descent.State(problem.start(args.start, args.seed))

    def keep(state: Any) -> None:
        made = problem.image(state.best)
        if args.preserve == "luminance":
            made = colour.with_luminance_of(content, made)
        with writing_to(job.output.parent):
            files.write(job.output, image_grids.to_uint8(made))
            state.save(saved, settings)

    settled = descent.descend(
        problem,
        state,
        args.evaluations,
        method=args.optimizer,
        rate=args.learning_rate,
        segment=args.checkpoint_every,
        watch=Progress(args, job.name),
        keep=keep,
    )
    if settled and sys.stdout.isatty():
        print()  # behind the unfinished bar
    first, lowest = state.totals[0], min(state.totals)
    fall = f"{100 * (1 - lowest / first):.1f}% below the start" if first > 0 else "0 at the start"
    early = f", nothing lower was found after {state.evaluations} evaluations" if settled else ""
    print(f"{job.output}: total {lowest:.4g}, {fall}{early}")


def play(args: argparse.Namespace) -> int:
    """Paints every image.

    Raises:
        InputError: bad input, or none of the images could be painted.
    """
    check(args)
    from tfgan_suite.data.readers.image_files import Unreadable
    from tfgan_suite.inference import files

    jobs = files.plan(Path(args.content), Path(args.out))
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
    """Runs the recipe: 0; 2 with a one-line reason for bad input; 130 where the user stops it."""
    args = parser().parse_args(words)
    try:
        return play(args)
    except InputError as error:
        print(f"gatys.py: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; run the same command again to go on", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
