"""Checkerboard artefacts of upsampling layers: a figure and a score (Odena et al., Aitken et al.).

    python recipes/checkerboard.py                               newly initialized layers
    python recipes/checkerboard.py runs/srresnet_scenes ..       trained networks too

A constant input passes through each upsampling layer; whatever is not constant in the output is an
artefact of the layer. The score is the largest deviation of a position within a block from the
mean. Expect 0 for nearest neighbour with a convolution and for sub-pixel convolution with ICNR;
more for sub-pixel convolution with independent weights and for the transposed convolution with
kernel 3.

Writes checkerboard.jsonl and checkerboard.png into the --out folder. The figure needs matplotlib:
pip install -e '.[plots]'
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tfgan_suite.cli.arguments import run_program
from tfgan_suite.errors import InputError
from tfgan_suite.inference.upscaler import open_upscaler
from tfgan_suite.measures import checkerboard
from tfgan_suite.networks.super_resolution import UPSAMPLINGS, upsample
from tfgan_suite.utils.command_line import Parser
from tfgan_suite.utils.files import replacing, write_bytes, writing_to
from tfgan_suite.utils.optional_packages import require

import keras
import numpy as np

CHANNELS, SIDE = 16, 24  # of the constant input


def parser() -> Parser:
    """The flags."""
    parser = Parser(prog="checkerboard.py", description=__doc__, plain=True)
    parser.add_argument("runs", nargs="*", help="super-resolution runs or exports to score")
    parser.add_argument("--stages", type=int, default=2, help="number of consecutive doublings [2]")
    parser.add_argument("--seed", type=int, default=0, help="seed of the weights [0]")
    parser.add_argument(
        "--out", default="runs/checkerboard", help="output folder [runs/checkerboard]"
    )
    return parser


def fresh(kind: str, stages: int, seed: int) -> np.ndarray:
    """Output of newly initialized layers for a constant input: `(1, height, width, 3)`."""
    keras.utils.set_random_seed(seed)
    x = image = keras.Input((None, None, CHANNELS))
    for index in range(stages):
        x = upsample(x, CHANNELS if index < stages - 1 else 3, 2, kind, f"up_{index}")
    network = keras.Model(image, x)
    return np.asarray(network(np.ones((1, SIDE, SIDE, CHANNELS), np.float32), training=False))


def trained(source: str) -> tuple[np.ndarray, int]:
    """Output of a trained network for constant grey, and its factor."""
    upscaler = open_upscaler(source)
    grey = np.zeros((1, 2 * SIDE, 2 * SIDE, upscaler.channels), np.float32)
    return np.asarray(upscaler.call(grey)), upscaler.factor


def run(args: argparse.Namespace) -> int:
    """Scores, prints, writes."""
    if not 1 <= args.stages <= 3:
        raise InputError(f"--stages is {args.stages}; expected 1 to 3")
    factor, rows, outputs = 2**args.stages, [], []
    for kind in UPSAMPLINGS:
        if kind == "direct":  # a sub-pixel convolution, too
            continue
        output = fresh(kind, args.stages, args.seed)
        rows.append({"what": kind, "factor": factor, "score": checkerboard.score(output, factor)})
        outputs.append(output)
    for source in args.runs:
        output, own_factor = trained(source)
        score = checkerboard.score(output, own_factor, border=8)
        rows.append({"what": source, "factor": own_factor, "score": score})
        outputs.append(output)
    for row in rows:
        print(f"{row['what']:24} x{row['factor']}  {row['score']:.6f}")
    out = Path(args.out)
    with writing_to(out):
        out.mkdir(parents=True, exist_ok=True)
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        write_bytes(out / "checkerboard.jsonl", lines.encode())
        draw(rows, outputs, out / "checkerboard.png")
    print(f"wrote {out / 'checkerboard.png'} and {out / 'checkerboard.jsonl'}")
    return 0


def draw(rows: list[dict], outputs: list[np.ndarray], path: Path) -> None:
    """Plots the centres side by side, each around its mean, on a common scale."""
    figures = require("matplotlib.figure", "plots", "The figure")
    page = figures.Figure(figsize=(2.6 * len(rows), 3.0), layout="constrained")
    middles = []
    for row, output in zip(rows, outputs):
        first = output.shape[1] // 2 - 2 * row["factor"]
        side = slice(first, first + 4 * row["factor"])
        part = output[0, side, side, 0]
        middles.append(part - part.mean())
    reach = max(max(float(np.abs(part).max()) for part in middles), 1e-6)
    for axes, row, part in zip(page.subplots(1, len(rows), squeeze=False)[0], rows, middles):
        axes.imshow(part, cmap="gray", vmin=-reach, vmax=reach, interpolation="nearest")
        axes.set_title(f"{Path(row['what']).name}\n{row['score']:.4f}", fontsize=9)
        axes.set_axis_off()
    with replacing(path) as part:
        page.savefig(part, dpi=120)


def main(words: list[str] | None = None) -> int:
    """Runs everything; 0, or 2 with a one-line reason for bad input."""
    return run_program("checkerboard.py", run, parser().parse_args(words))


if __name__ == "__main__":
    sys.exit(main())
