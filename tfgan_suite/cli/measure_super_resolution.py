"""The command `measure sr`: a run or an export on a super-resolution benchmark."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tfgan_suite.cli.arguments import add_bit_depth, add_json, check_tiles
from tfgan_suite.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words; `--json` comes from the caller or from here."""
    add = parser.add_argument
    add("source", help="run folder, or export (saved_models/NAME), or bicubic")
    add(
        "data",
        help="a folder of images, or one with HR/ and LR/ or LRx4/, or HIGH,LOW, or scenes",
    )
    add("--split", choices=["train", "test"], help="of the data [test where there is one]")
    add("--scale", type=int, default=4, help="of bicubic only; a run has its own [4]")
    add("--border", type=int, help="pixels ignored on each side [the scale]")
    add(
        "--features",
        metavar="NETWORK:LAYER",
        help="also measure the distance in a network's features, e.g. vgg19:phi_5,4 or"
        " FILE.npz:fire4",
    )
    add(
        "--feature-weights",
        default="imagenet",
        metavar="FILE",
        help="weights of that network, unless it is a file itself [imagenet]",
    )
    add_bit_depth(parser)
    add("--tile", type=int, default=0, help="side of tiles [0: above 192x192 pixels 128]")
    add("--out", help="file for the JSON lines [a run's measures.jsonl]")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command.

    Returns:
        0, also where some images were skipped; they are named.

    Raises:
        InputError: bad input, as `benchmark`.
    """
    from tfgan_suite.measures import super_resolution
    from tfgan_suite.measures.result import save_results

    check_tiles(args.tile, 0)
    path, options = Path(args.source), {"scale": args.scale, "channels": 3}
    if args.scale < 2:
        raise InputError(f"--scale is {args.scale}; it must be at least 2")
    upscale, step, bit_depth = None, None, args.bit_depth
    if args.source != "bicubic" or path.exists():
        from tfgan_suite.inference.upscaler import open_upscaler

        upscaler = open_upscaler(path)
        options, step = {"scale": upscaler.factor, "channels": upscaler.channels}, upscaler.step
        bit_depth = bit_depth or upscaler.bit_depth

        def upscale(image: Any) -> Any:
            return upscaler(image, args.tile)

    name = path.name if upscale is not None else "bicubic"
    table = super_resolution.benchmark(
        upscale,
        args.data,
        split=args.split,
        border=args.border,
        name=name,
        bit_depth=bit_depth,
        log=lambda text: print(text, file=sys.stderr),
        **options,
        **_features(args),
    )
    results = table.results(name)
    if step is not None:
        for result in results:
            result.protocol["step"] = step
    if args.json:
        for result in results:
            print(result.to_json())
        if table.skipped:
            print(json.dumps({"skipped": table.skipped}))
    else:
        print("\n".join(lines(table)))
    save_results(results, path, args.out)
    return 0


def lines(table: Any) -> list[str]:
    """A table as text: a row for each image and the mean, a column for each method's measure."""
    columns = [(m, measure) for m, by_measure in table.values.items() for measure in by_measure]
    heads = [f"{method} {measure}" for method, measure in columns]
    names = [*table.images, "mean"]
    width = max(map(len, names))
    rows = [" " * width + "  " + "  ".join(heads)]
    for row, name in enumerate(names):
        numbers = [
            table.mean(*column)
            if name == "mean" and row == len(table.images)
            else table.values[column[0]][column[1]][row]
            for column in columns
        ]
        cells = [f"{number:{len(head)}.4f}" for number, head in zip(numbers, heads)]
        rows.append(f"{name:{width}}  " + "  ".join(cells))
    facts = table.protocol
    rows.append(
        f"x{facts['scale']}, {facts['channel']}, border {facts['border']}; SSIM of {facts['ssim']}"
        " (papers that used daala's report higher values)"
    )
    return rows


def _features(args: argparse.Namespace) -> dict[str, Any]:
    """The feature network, if one is requested."""
    if args.features is None:
        return {}
    network, _, layer = args.features.rpartition(":")
    if not network or not layer:
        raise InputError(
            f"--features is {args.features!r}; expected NETWORK:LAYER, such as vgg19:phi_5,4"
        )
    from tfgan_suite.features import extractors

    title = f"{Path(network).stem}:{layer}"
    if args.feature_weights != "imagenet":
        title += f"({Path(args.feature_weights).stem})"
    return {
        "features": extractors.feature_network(network, [layer], weights=args.feature_weights),
        "features_name": title,
    }
