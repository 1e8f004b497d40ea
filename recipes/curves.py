"""The two learning curves of the lecture (Arjovsky, Chintala, Bottou 2017, figures 1 and 3).

    python recipes/curves.py                                       both examples, about a minute
    python recipes/curves.py --run-folder runs/wgan_ring runs/gan_ring     the curves of two runs
    python recipes/curves.py --run-folder runs/gan_ring --losses discriminator/real --draw-value .69

Two parallel lines, (0, Z) and (theta, Z), and two single points, at 0 and theta: at any distance,
they do not overlap. The first command fits a Wasserstein critic and an ordinary discriminator for
each theta: the Wasserstein estimate grows with the distance, the JSD estimate stays at log 2, so
that its gradient tells a generator nothing. The second command plots the same estimates over the
training of runs. Both write an image and JSON lines. The third plots losses of any game as its run
logs them, a panel for each run, with a dashed line where real and fake cannot be told apart.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfgan_suite.cli.arguments import check_values
from tfgan_suite.errors import InputError
from tfgan_suite.utils import svg_charts
from tfgan_suite.utils.command_line import Parser, exit_code
from tfgan_suite.utils.files import replacing
from tfgan_suite.utils.optional_packages import require

from PIL import Image


def parser() -> Parser:
    """The flags."""
    parser = Parser(prog="curves.py", description=__doc__, plain=True)
    parser.add_argument("--out", default="curves", help="folder for image and JSON lines [curves]")
    parser.add_argument(
        "--theta", type=float, nargs="+", default=[0.0, 0.2, 0.4, 0.6, 0.8, 1.0],
        help="distances to fit [0 .2 .4 .6 .8 1]",
    )  # fmt: skip
    parser.add_argument(
        "--steps", type=int, default=500, help="updates of each critic or discriminator [500]"
    )
    parser.add_argument("--width", type=int, default=32, help="units of its hidden layers [32]")
    parser.add_argument(
        "--clip", type=float, default=0.1, help="WGAN's weights are clipped to [-clip, clip] [0.1]"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and samples [0]")
    parser.add_argument(
        "--run-folder", nargs="+", default=[], help="plot the curves of these runs instead"
    )
    parser.add_argument(
        "--losses", nargs="+", default=[],
        help="with --run-folder: plot these losses, by their names in losses.jsonl",
    )  # fmt: skip
    parser.add_argument(
        "--draw-value", type=float,
        help="with --losses: a dashed line at this value; default: no line",
    )  # fmt: skip
    parser.add_argument(
        "--median", type=int, default=5,
        help="window of the median filter, in lines of a run's log, odd; 1: no filter [5]",
    )  # fmt: skip
    return parser


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the flags.

    Raises:
        InputError: a value is out of range.
    """
    args = parser().parse_args(arguments)
    check_values(args)
    if not args.clip > 0:
        raise InputError(f"--clip is {args.clip}; it must be above 0")
    if args.median < 1 or args.median % 2 == 0:
        raise InputError(f"--median is {args.median}; it must be an odd number of at least 1")
    if args.losses and not args.run_folder:
        raise InputError("--losses is given without --run-folder; name the runs that logged them")
    if args.draw_value is not None and not args.losses:
        raise InputError("--draw-value is given without --losses; name the losses to plot")
    if len({*args.theta}) < 2 or min(args.theta) < 0:
        raise InputError(f"--theta is {args.theta}; give two or more distances, 0 or more")
    return args


def plots() -> Any:
    """matplotlib.pyplot, drawing to files.

    Raises:
        InputError: matplotlib is not installed.
    """
    require("matplotlib", "plots", "Drawing the curves").use("Agg")
    from matplotlib import pyplot

    return pyplot


def fit_examples(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Both estimates of both examples at every distance, one dict each."""
    from tfgan_suite.measures import curves

    rows, thetas = [], sorted({*args.theta})
    for name, example in curves.EXAMPLES.items():
        estimates = {
            kind: curves.fitted_estimates(
                kind,
                example,
                thetas,
                steps=args.steps,
                width=args.width,
                clip=args.clip,
                seed=args.seed,
            )
            for kind in curves.KINDS
        }
        for index, theta in enumerate(thetas):
            row = {"example": name, "theta": theta, "seed": args.seed, "steps": args.steps}
            row |= {kind: values[index] for kind, values in estimates.items()}
            print(
                f"{name}, theta {theta:g}: Wasserstein estimate {row['wasserstein']:.5f},"
                f" JSD estimate {row['jsd']:.4f}"
            )
            rows.append(row)
    return rows


def sum_up(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """For each example: how well the estimates rank the distances, and the range of the JSD."""
    from tfgan_suite.measures import curves

    summary = []
    for name in curves.EXAMPLES:
        apart = [row for row in rows if row["example"] == name and row["theta"] > 0]
        row = {"example": name, "smallest_jsd": min(pair["jsd"] for pair in apart)}
        row["largest_jsd"] = max(pair["jsd"] for pair in apart)
        if len(apart) > 1:
            row["rank_correlation"] = curves.rank_correlation(
                [pair["theta"] for pair in apart], [pair["wasserstein"] for pair in apart]
            )
        summary.append(row)
    return summary


def draw_examples(rows: list[dict[str, Any]], path: Path) -> None:
    """Plots the Wasserstein estimates over theta on the left, those of the JSD on the right."""
    from tfgan_suite.measures import curves

    pyplot = plots()
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6), constrained_layout=True)
    for name in curves.EXAMPLES:
        own_rows = [row for row in rows if row["example"] == name]
        largest = max(row["wasserstein"] for row in own_rows)
        thetas = [row["theta"] for row in own_rows]
        scaled = [max(thetas) * row["wasserstein"] / largest for row in own_rows]
        axes[0].plot(thetas, scaled, "o-", label=name)
        axes[1].plot(thetas, [row["jsd"] for row in own_rows], "o-", label=name)
    axes[0].plot(thetas, thetas, "k--", linewidth=1, label="true distance")
    axes[0].set(title="WGAN", ylabel="estimated distance, scaled to the last true one")
    axes[1].axhline(curves.LOG_TWO, color="k", linestyle="--", linewidth=1, label="log 2")
    axes[1].set(title="GAN", ylabel="JSD estimate (nats)", ylim=(-0.05, 0.8))
    _finish(figure, axes, "theta", path)


def draw_runs(raw_curves: list[Any], smooth: list[Any], path: Path) -> None:
    """Plots one panel for each kind of estimate, one line for each run."""
    from tfgan_suite.measures import curves

    pyplot = plots()
    kinds = [kind for kind in curves.KINDS if any(curve.kind == kind for curve in raw_curves)]
    figure, axes = pyplot.subplots(
        1, len(kinds), figsize=(4.5 * len(kinds), 3.6), constrained_layout=True, squeeze=False
    )
    for axis, kind in zip(axes[0], kinds):
        for raw, curve in zip(raw_curves, smooth):
            if curve.kind == kind:
                (line,) = axis.plot(curve.steps, curve.values, label=curve.name)
                axis.plot(raw.steps, raw.values, color=line.get_color(), alpha=0.25)
        if kind == "jsd":
            axis.axhline(curves.LOG_TWO, color="k", linestyle="--", linewidth=1, label="log 2")
        names = {"wasserstein": "Wasserstein estimate", "jsd": "JSD estimate (nats)"}
        axis.set(ylabel=names[kind])
    _finish(figure, axes[0], "step", path)


def draw_losses(
    runs: Sequence[list[Any]], median: int, draw_value: float | None, path: Path
) -> None:
    """Plots one panel for each run, one line for each loss: its median over its pale values.

    Each panel has its own range, which a few extreme values do not widen.
    """
    pyplot = plots()
    figure, axes = pyplot.subplots(
        1, len(runs), figsize=(max(4.0, 3.5 * len(runs)), 2.9),
        constrained_layout=True, squeeze=False,
    )  # fmt: skip
    for axis, losses in zip(axes[0], runs):
        for raw in losses:
            curve = raw.smoothed(median)
            (line,) = axis.plot(curve.steps, curve.values, label=raw.kind)
            axis.plot(raw.steps, raw.values, color=line.get_color(), alpha=0.25)
        if draw_value is not None:
            axis.axhline(draw_value, color="k", linestyle="--", linewidth=1, label="draw")
        values = [value for curve in losses for value in curve.values.tolist()]
        low, high = svg_charts.value_range(values)
        if draw_value is not None:
            low, high = min(low, draw_value), max(high, draw_value)
        margin = 0.05 * (high - low) or 0.5
        axis.set(ylim=(low - margin, high + margin))
        axis.set_title(losses[0].name, fontsize=10)
    axes[0, 0].set_ylabel("loss")
    _finish(figure, axes[0], "step", path, dpi=100)


def _finish(figure: Any, axes: Any, label: str, path: Path, dpi: int = 120) -> None:
    for axis in axes:
        axis.set_xlabel(label)
        axis.legend(fontsize=8 if dpi < 120 else None)
    canvas = io.BytesIO()
    figure.savefig(canvas, dpi=dpi, format="png")
    # A few flat colours: as a palette, the file has a third of the size.
    picture = Image.open(canvas).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    with replacing(path) as part:
        picture.save(part, format="PNG", optimize=True)
    plots().close(figure)


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    """Writes JSON lines atomically."""
    from tfgan_suite.utils.files import write_bytes

    write_bytes(path, "".join(json.dumps(row) + "\n" for row in rows).encode())


def run(args: argparse.Namespace) -> None:
    """Plots what the flags ask for."""
    plots()  # fail before the long part
    from tfgan_suite.measures import curves
    from tfgan_suite.utils.files import writing_to

    out = Path(args.out)
    with writing_to(out):
        out.mkdir(parents=True, exist_ok=True)
    if args.losses:
        runs = [curves.losses_of_run(folder, args.losses) for folder in args.run_folder]
        with writing_to(out):
            draw_losses(runs, args.median, args.draw_value, out / "losses.png")
        print(f"wrote {out / 'losses.png'}")
        return
    if args.run_folder:
        raw_curves = [curves.curve_of_run(folder) for folder in args.run_folder]
        smooth = [curve.smoothed(args.median) for curve in raw_curves]
        rows = [
            {"run": raw.name, "kind": raw.kind, "step": int(step), "value": value, "median": mid}
            for raw, curve in zip(raw_curves, smooth)
            for step, value, mid in zip(raw.steps, raw.values.tolist(), curve.values.tolist())
        ]
        with writing_to(out):
            write_lines(out / "runs.jsonl", rows)
            draw_runs(raw_curves, smooth, out / "runs.png")
        print(f"wrote {out / 'runs.png'} and {out / 'runs.jsonl'}")
        return
    rows = fit_examples(args)
    summary = sum_up(rows)
    with writing_to(out):
        write_lines(out / "curves.jsonl", rows + summary)
        draw_examples(rows, out / "curves.png")
    for row in summary:
        print(json.dumps(row))
    print(f"wrote {out / 'curves.png'} and {out / 'curves.jsonl'}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the recipe; its exit code: 0, or 2 with a one-line reason for bad input."""
    return exit_code("curves.py", lambda: run(parse(arguments)))


if __name__ == "__main__":
    sys.exit(main())
