"""The command `sample`: draws images from a run folder or an export."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfgan_suite.cli.arguments import add_json
from tfgan_suite.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to a parser."""
    parser.add_argument("source", help="run folder, or export: saved_models/NAME[/VERSION]")
    parser.add_argument("--count", type=int, default=64, help="how many [64]")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same images [0]")
    parser.add_argument(
        "--label",
        help="class to draw, by name or index, where the game has classes; several, separated by"
        " commas, are taken in turn",
    )
    parser.add_argument(
        "--out",
        default="samples.png",
        help="grid to write (.png), or folder for one PNG file each [samples.png]",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    if args.count < 1:
        raise InputError(f"--count is {args.count}; it must be at least 1")
    from tfgan_suite.utils import image_grids
    from tfgan_suite.utils.files import writing_to

    drawn = _draw(Path(args.source), args.count, args.seed, args.label)
    out = Path(args.out)
    with writing_to(out.parent):
        if out.suffix.lower() == ".png":
            out.parent.mkdir(parents=True, exist_ok=True)
            image_grids.write_png(out, image_grids.draw(drawn))
            files = [out]
        elif drawn.ndim == 2:
            raise InputError(f"--out is {out}, but points are drawn as one .png grid")
        else:
            out.mkdir(parents=True, exist_ok=True)
            files = [out / f"{args.seed}_{index:05d}.png" for index in range(len(drawn))]
            for file, image in zip(files, drawn):
                image_grids.write_png(file, image)
    if args.json:
        print(json.dumps({"files": [str(file) for file in files], "count": len(drawn)}))
    else:
        print(f"wrote {len(drawn)} examples to {out}")
    return 0


def _draw(source: Path, count: int, seed: int, label: str | None = None) -> Any:
    """Images as uint8, or points, from a run folder or an export."""
    from tfgan_suite.utils import image_grids

    if (source / "run.json").is_file():
        from tfgan_suite.training.run_folder import Run

        game, _, info = Run(source).load()
        _check_drawable(source, game.signatures()["serving_default"].inputs, game.usage)
        given = _labels(game.signatures()["serving_default"].inputs, label, count, info.classes)
        drawn = game.generate(count, seed=seed, **given)
        return drawn if drawn.ndim == 2 else image_grids.to_uint8(drawn)
    if not source.exists():
        raise InputError(f"{source} does not exist; give a run folder or saved_models/NAME")
    from tfgan_suite.export import load

    exported = load(source)
    _check_drawable(source, exported.inputs(), exported.usage)
    return exported.sample(
        count, seed, **_labels(exported.inputs(), label, count, exported.card.get("classes"))
    )


def _check_drawable(source: Path, inputs: Sequence[Any], usage: str) -> None:
    if not all(spec.drawable for spec in inputs):
        raise InputError(
            f"{source} draws no images from noise; use"
            f" `python -m tfgan_suite {usage.format(source)}`"
        )


def _labels(
    inputs: Sequence[Any], label: str | None, count: int, names: Sequence[str] | None
) -> dict[str, list[int]]:
    """The label of each example, under the name of the input that takes it."""
    if label is None:
        return {}
    from tfgan_suite.core.labels import parse_labels

    taking = [spec for spec in inputs if spec.kind == "label"]
    if not taking:
        raise InputError(
            f"--label is {label!r}, but this game does not draw by class; leave it out, or train"
            " one that does, such as recipes/cgan.py"
        )
    # Codes that a game found for itself have no names.
    names = names if taking[0].name == "label" else None
    wanted = parse_labels(label, taking[0].classes, names)
    return {taking[0].name: [wanted[index % len(wanted)] for index in range(count)]}
