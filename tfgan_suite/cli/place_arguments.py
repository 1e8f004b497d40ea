"""The arguments of `sample` that say where to draw: a box or key points."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from tfgan_suite.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from tfgan_suite.inference.generator import Generator

COMPLETE = "complete"  # the signature that generates key points


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--box`, `--box-to` and `--keypoints`."""
    parser.add_argument(
        "--box",
        metavar="X,Y,W,H",
        help="box to draw in, where the game takes one: left, top, width and height as fractions of"
        " the image",
    )
    parser.add_argument(
        "--box-to",
        metavar="X,Y,W,H",
        help="move from --box to this box over the images of a sentence, which then share a seed",
    )
    parser.add_argument(
        "--keypoints",
        metavar="FILE",
        help="key points to draw at, where the game takes them: a line 'x y' for each in fractions"
        " of the image, '?' for one to generate; without it all are generated",
    )


def check(args: argparse.Namespace) -> None:
    """Checks what can be checked before TensorFlow is imported.

    Raises:
        InputError: boxes that are none.
    """
    from tfgan_suite.utils.place_files import parse_box

    if args.box_to is not None and args.box is None:
        raise InputError("--box-to is set without --box; pass the first box, too")
    for flag, text in (("--box", args.box), ("--box-to", args.box_to)):
        if text is not None:
            parse_box(text, flag)


def check_generator(generator: Generator, args: argparse.Namespace) -> None:
    """Refuses boxes and key points that a generator does not take, and the lack of a box it needs.

    Raises:
        InputError: says what it takes.
    """
    names = [spec.name for spec in generator.signature().inputs]
    for flag, value, name in (
        ("--box", args.box, "box"),
        ("--keypoints", args.keypoints, "keypoints"),
    ):
        if value is not None and name not in names:
            raise InputError(
                f"{flag} is {value}, but {generator.name} takes {' and '.join(names)}; omit it, or"
                f" train recipes/gawwn.py --condition {name}"
            )
    if "box" in names and args.box is None and args.text:
        raise InputError(
            f"{generator.name} draws inside a box; pass one, such as --box 0.1,0.2,0.4,0.4"
        )


def conditions(generator: Generator, args: argparse.Namespace) -> dict[str, np.ndarray]:
    """The place of each image, `len(args.text) * args.count` of them, by input name.

    Raises:
        InputError: a file of points that is broken, or points to generate and nothing that does.
    """
    specs = {spec.name: spec for spec in generator.signature().inputs}
    if "box" in specs:
        return {"box": _boxes(args)}
    if "keypoints" in specs:
        return {"keypoints": _keypoints(generator, args, specs["keypoints"].shape[0])}
    return {}


def _boxes(args: argparse.Namespace) -> np.ndarray:
    import numpy as np

    from tfgan_suite.utils.place_files import boxes_between, parse_box

    first = parse_box(args.box)
    last = first if args.box_to is None else parse_box(args.box_to, "--box-to")
    return np.tile(boxes_between(first, last, args.count), (len(args.text), 1))


def _keypoints(generator: Generator, args: argparse.Namespace, count: Any) -> np.ndarray:
    """Key points of the file, and generated ones in place of those that are not known."""
    import numpy as np

    from tfgan_suite.inference import sentences
    from tfgan_suite.utils.place_files import read_points

    points, known = np.zeros((count, 3), np.float32), np.zeros(count, np.float32)
    if args.keypoints is not None:
        points, known = read_points(args.keypoints, count)
    images = len(args.text) * args.count
    points = np.tile(points, (images, 1, 1))
    if known.all():
        return points
    if COMPLETE not in generator.signatures:
        raise InputError(
            f"{generator.name} generates no key points; pass all {count} with --keypoints FILE, or"
            " the run or SavedModel that it belongs to"
        )
    vectors = np.repeat(sentences.vectors(generator, args.text), args.count, axis=0)
    inputs = {"embedding": vectors, "keypoints": points, "known": np.tile(known, (images, 1))}
    return generator.run_signature(inputs, COMPLETE, seed=args.seed)["completed"]
