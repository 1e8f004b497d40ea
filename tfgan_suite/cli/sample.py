"""The command `sample`: draws images from a trained generator."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfgan_suite.cli.arguments import add_json
from tfgan_suite.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of this command."""
    parser.add_argument(
        "source", help="run folder, export (saved_models/NAME[/VERSION]) or .tflite file"
    )
    parser.add_argument("--count", type=int, default=64, help="number of images [64]")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same images [0]")
    parser.add_argument(
        "--label",
        help="class to draw, by name or index, where the game has classes; several, separated by"
        " commas, alternate",
    )
    parser.add_argument(
        "--out",
        default="samples.png",
        help="grid to write (.png), or folder for one PNG file each [samples.png]",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command; exit code 0.

    Raises:
        InputError: bad input.
    """
    if args.count < 1:
        raise InputError(f"--count is {args.count}; it must be at least 1")
    from tfgan_suite.utils import image_grids
    from tfgan_suite.utils.files import writing_to

    samples = _draw(args.source, args.count, args.seed, args.label)
    out = Path(args.out)
    with writing_to(out.parent):
        if out.suffix.lower() == ".png":
            out.parent.mkdir(parents=True, exist_ok=True)
            image_grids.write_png(out, image_grids.draw(samples))
            files = [out]
        elif samples.ndim == 2:
            raise InputError(f"--out is {out}, but points are drawn as one .png grid")
        else:
            out.mkdir(parents=True, exist_ok=True)
            files = [out / f"{args.seed}_{index:05d}.png" for index in range(len(samples))]
            for file, image in zip(files, samples):
                image_grids.write_png(file, image)
    if args.json:
        print(json.dumps({"files": [str(file) for file in files], "count": len(samples)}))
    else:
        print(f"wrote {len(samples)} examples to {out}")
    return 0


def _draw(source: str, count: int, seed: int, label: str | None = None) -> Any:
    """Images as uint8, or points, from whatever the user named."""
    from tfgan_suite.inference.generator import open_generator

    generator = open_generator(source)
    inputs = generator.signature().inputs
    if not generator.signature().drawable:
        generator.check_command("sample", "draws no images from noise")
    samples = generator.sample(count, seed, **_labels(inputs, label, count, generator.facts))
    if isinstance(samples, dict):  # the images are those of the first output that is one
        samples = next((array for array in samples.values() if array.ndim == 4), None)
    if samples is None or samples.ndim not in (2, 4):
        raise InputError(f"{source} draws neither images nor points; use it from a script")
    return samples


def _labels(
    inputs: Sequence[Any], label: str | None, count: int, facts: Mapping[str, Any]
) -> dict[str, list[int]]:
    """The label of each sample, under the name of the input that takes it."""
    if label is None:
        return {}
    from tfgan_suite.core.labels import parse_labels

    labels = [spec for spec in inputs if spec.kind == "label"]
    if not labels:
        raise InputError(
            f"--label is {label!r}, but this game does not draw by class; omit it, or train"
            " one that does, such as recipes/cgan.py"
        )
    # Codes that a game found for itself have no names.
    known = facts if labels[0].name == "label" else {}
    classes = parse_labels(
        label, labels[0].classes, known.get("classes"), known.get("class_counts")
    )
    return {labels[0].name: [classes[index % len(classes)] for index in range(count)]}
