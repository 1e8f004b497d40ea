"""Checkerboards of upsampling layers, a figure and a number (Odena et al., Aitken et al.).

    python recipes/checkerboard.py                               freshly drawn layers
    python recipes/checkerboard.py runs/srresnet_scenes ..       trained networks too

An even input goes through each way of enlarging; what is not even in the result is the layer's
own. The score is the largest difference of one place of a block from the mean. Expect 0 for
nearest neighbour with a convolution and for sub-pixel convolution with ICNR; more for sub-pixel
convolution with independent weights and for the transposed convolution with kernel 3.

Writes checkerboard.jsonl and checkerboard.png into the --out folder. The figure needs matplotlib:
pip install -e '.[plots]'
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import keras
import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.inference.upscaler import open_upscaler
from tfgan_suite.measures import checkerboard
from tfgan_suite.networks.super_resolution import UPSAMPLINGS, upsample
from tfgan_suite.utils.files import writing_to
from tfgan_suite.utils.optional_packages import require

CHANNELS, SIDE = 16, 24  # of the even input


def parser() -> argparse.ArgumentParser:
    """The flags."""
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("runs", nargs="*", help="runs or exports of super-resolution to score")
    made.add_argument("--stages", type=int, default=2, help="doublings, one after the other [2]")
    made.add_argument("--seed", type=int, default=0, help="of the weights [0]")
    made.add_argument("--out", default="runs/checkerboard", help="folder [runs/checkerboard]")
    return made


def fresh(kind: str, stages: int, seed: int) -> np.ndarray:
    """What freshly drawn layers make of an even input: `(1, height, width, 3)`."""
    keras.utils.set_random_seed(seed)
    x = image = keras.Input((None, None, CHANNELS))
    for index in range(stages):
        x = upsample(x, CHANNELS if index < stages - 1 else 3, 2, kind, f"up_{index}")
    network = keras.Model(image, x)
    return np.asarray(network(np.ones((1, SIDE, SIDE, CHANNELS), np.float32), training=False))


def trained(source: str) -> tuple[np.ndarray, int]:
    """What a trained network makes of even grey, and its factor."""
    upscaler = open_upscaler(source)
    grey = np.zeros((1, 2 * SIDE, 2 * SIDE, upscaler.channels), np.float32)
    return np.asarray(upscaler.call(grey)), upscaler.factor


def play(args: argparse.Namespace) -> int:
    """Scores, prints, writes."""
    if not 1 <= args.stages <= 3:
        raise InputError(f"--stages is {args.stages}; expected 1 to 3")
    factor, rows, shown = 2**args.stages, [], []
    for kind in UPSAMPLINGS:
        if kind == "direct":  # a sub-pixel convolution, too
            continue
        made = fresh(kind, args.stages, args.seed)
        rows.append({"what": kind, "factor": factor, "score": checkerboard.score(made, factor)})
        shown.append(made)
    for source in args.runs:
        made, its = trained(source)
        found = checkerboard.score(made, its, border=8)
        rows.append({"what": source, "factor": its, "score": found})
        shown.append(made)
    for row in rows:
        print(f"{row['what']:24} x{row['factor']}  {row['score']:.6f}")
    out = Path(args.out)
    with writing_to(out):
        out.mkdir(parents=True, exist_ok=True)
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (out / "checkerboard.jsonl").write_text(lines, encoding="utf-8")
        draw(rows, shown, out / "checkerboard.png")
    print(f"wrote {out / 'checkerboard.png'} and {out / 'checkerboard.jsonl'}")
    return 0


def draw(rows: list[dict], shown: list[np.ndarray], path: Path) -> None:
    """The middles, one beside the other, each around its mean and in one scale."""
    figures = require("matplotlib.figure", "plots", "The figure")
    page = figures.Figure(figsize=(2.6 * len(rows), 3.0), layout="constrained")
    middles = []
    for row, made in zip(rows, shown):
        first = made.shape[1] // 2 - 2 * row["factor"]
        side = slice(first, first + 4 * row["factor"])
        part = made[0, side, side, 0]
        middles.append(part - part.mean())
    reach = max(max(float(np.abs(part).max()) for part in middles), 1e-6)
    for axes, row, part in zip(page.subplots(1, len(rows), squeeze=False)[0], rows, middles):
        axes.imshow(part, cmap="gray", vmin=-reach, vmax=reach, interpolation="nearest")
        axes.set_title(f"{Path(row['what']).name}\n{row['score']:.4f}", fontsize=9)
        axes.set_axis_off()
    page.savefig(path, dpi=120)


def main(words: list[str] | None = None) -> int:
    """Runs everything; 0, or 2 with a one-line reason for bad input."""
    args = parser().parse_args(words)
    try:
        return play(args)
    except InputError as error:
        print(f"checkerboard.py: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
