"""Metropolis sampling compared with a GAN: what a classical chain can do, and where it gets stuck.

    python recipes/metropolis.py                     all targets, and a WGAN-GP on the ring of 8
    python recipes/metropolis.py --gan-steps 0       only the chains, seconds
    python recipes/metropolis.py --gan-steps 500     a GAN early in training

The chains know the density and need no training; the GAN knows only samples of it, needs training,
and then generates independent samples in a single pass. Expect: on N(0, 1) an acceptance rate of
.97 at step .1, where an independent sample takes hundreds of moves, and of .44 at step 2.4, where
it takes four or five; on the ring, short steps that are accepted often and never leave their mode
(R-hat far above 1), long steps that are hardly ever accepted.

Writes measures.jsonl, one_dimension.png and two_dimensions.png into the --out folder. Figures
need matplotlib: pip install -e '.[plots]'
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from tfgan_suite.cli.arguments import run_program
from tfgan_suite.data.synthetic import gaussians
from tfgan_suite.errors import InputError
from tfgan_suite.mcmc import diagnostics, metropolis, targets
from tfgan_suite.utils.command_line import Parser
from tfgan_suite.utils.files import replacing, write_bytes, writing_to
from tfgan_suite.utils.optional_packages import require

import numpy as np

# Standard deviations of the moves by target; the last one of each is a good choice.
WALKS = {
    "normal": (0.1, 25.0, 2.4),
    "mixture": (0.1, 3.0),
    "banana": (0.1, 1.2),
    "ring": (0.03, 0.8),
}
HEAD = ("target", "method", "acceptance", "tau", "ESS", "R-hat", "modes", "good", "seconds",
        "ms/independent")  # fmt: skip


def parser() -> Parser:
    """The flags."""
    parser = Parser(prog="metropolis.py", description=__doc__, plain=True)
    parser.add_argument("--samples", type=int, default=80_000, help="samples per row [80000]")
    parser.add_argument(
        "--chains", type=int, default=8, help="chains, from overdispersed starts [8]"
    )
    parser.add_argument(
        "--gan-steps", type=int, default=4000, help="training steps of the GAN, 0: no GAN [4000]"
    )
    parser.add_argument("--width", type=int, default=256, help="hidden units of the GAN [256]")
    parser.add_argument("--seed", type=int, default=0, help="seed of all random numbers [0]")
    parser.add_argument("--out", default="runs/metropolis", help="output folder [runs/metropolis]")
    return parser


def main(words: list[str] | None = None) -> int:
    """Runs the recipe: 0, or 2 with a one-line reason for bad input."""
    return run_program("metropolis.py", run, parser().parse_args(words))


def run(args: argparse.Namespace) -> int:
    """Samples, trains, writes and prints."""
    minima = {"samples": 8, "chains": 2, "gan_steps": 0, "width": 1}
    for name, low in minima.items():
        if getattr(args, name) < low:
            flag = "--" + name.replace("_", "-")
            raise InputError(f"{flag} is {getattr(args, name)}; it must be {low} or more")
    if args.samples < 4 * args.chains:
        raise InputError(
            f"--samples is {args.samples}; {args.chains} chains need at least four each"
        )
    # Fail before minutes of work.
    require("matplotlib", "plots", "Plotting")
    out = Path(args.out)
    with writing_to(out):
        out.mkdir(parents=True, exist_ok=True)
    rows, samples = [], {}
    for name, steps in WALKS.items():
        for step in steps:
            row, chain = walk(targets.targets()[name], step, args)
            rows.append(row)
            samples[name, row["method"]] = chain.samples
            print_row(row, first=len(rows) == 1)
    if args.gan_steps:
        row, points = train_gan(args)
        rows.append(row)
        samples["ring", row["method"]] = points[:, None]
        print_row(row)
    with writing_to(out):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        write_bytes(out / "measures.jsonl", lines.encode())
        draw_lines(out / "one_dimension.png", samples)
        draw_planes(out / "two_dimensions.png", samples, rows)
    print(f"wrote {out}/measures.jsonl, one_dimension.png, two_dimensions.png")
    return 0


def walk(target, step: float, args: argparse.Namespace):
    """One row of the table, and its chains, for one step size."""
    each = args.samples // args.chains
    start = targets.dispersed(target, args.chains, args.seed)
    began = time.perf_counter()
    chain = metropolis.sample(
        targets.in_numpy(target), start, each, step, seed=args.seed, burn_in=each // 5
    )
    seconds = time.perf_counter() - began
    effective = diagnostics.effective_samples(chain.samples)
    row = {
        "target": target.name,
        "method": f"Metropolis, step {step:g}",
        "samples": each * args.chains,
        "chains": args.chains,
        "acceptance": float(chain.acceptance.mean()),
        "autocorrelation_time": each * args.chains / effective,
        "effective_samples": effective,
        "r_hat": diagnostics.r_hat(chain.samples),
        "sampling_seconds": seconds,
        "training_seconds": 0.0,
        "seconds_per_independent_sample": seconds / effective,
        "mean": chain.samples.mean(axis=(0, 1)).tolist(),
        "standard_error": diagnostics.standard_error(chain.samples).tolist(),
        "seed": args.seed,
    }
    if target.name == "ring":
        row.update(coverage(chain.samples.reshape(-1, 2)))
    return row, chain


def train_gan(args: argparse.Namespace):
    """Trains a WGAN-GP on the ring, in the setting of recipes/wgan_gp.py."""
    from tfgan_suite import data
    from tfgan_suite.games import wgan_gp
    from tfgan_suite.training import callbacks
    from tfgan_suite.training.optimizers import FusedAdam

    import keras

    keras.utils.set_random_seed(args.seed)
    source = data.load("ring")
    game = wgan_gp.WGANGP(
        wgan_gp.build_generator((2,), "mlp", args.width, 2),
        wgan_gp.build_critic((2,), "mlp", args.width),
        gp_weight=1.0,
        ema_decay=0.999 if args.gan_steps >= 2000 else 0.0,
        seed=args.seed,
    )
    game.compile(generator=FusedAdam(1e-3, 0.5, 0.9), critic=FusedAdam(1e-3, 0.5, 0.9))
    batches = source.batches(64 * game.critic_steps, seed=args.seed)
    began = time.perf_counter()
    decay = callbacks.LinearDecay(0, args.gan_steps)
    game.fit(
        batches,
        steps_per_epoch=args.gan_steps,
        verbose=1 if sys.stdout.isatty() else 2,
        shuffle=False,
        callbacks=[decay],
    )
    training = time.perf_counter() - began
    game.recalibrate_batch_norm()
    count = args.samples
    game.generate(count, seed=args.seed)  # the first call traces the function
    began = time.perf_counter()
    points = game.generate(count, seed=args.seed + 1)
    seconds = time.perf_counter() - began
    row = {
        "target": "ring",
        "method": "WGAN-GP",
        "samples": count,
        "steps": args.gan_steps,
        # Each sample has its own noise: samples of the generator's density are independent.
        "effective_samples": float(count),
        "autocorrelation_time": 1.0,
        "sampling_seconds": seconds,
        "training_seconds": training,
        "seconds_per_independent_sample": seconds / count,
        "seed": args.seed,
        **coverage(points),
    }
    return row, points


def coverage(points: np.ndarray) -> dict[str, float]:
    """Number of modes that were found, and the fraction of points near a mode."""
    report = gaussians.report(points, "ring")
    return {name: report[name] for name in ("modes_found", "good_share")}


def print_row(row: dict, first: bool = False) -> None:
    """Prints a row of the table."""
    if first:
        print(line(HEAD))
    modes = f"{row['modes_found']}/8" if "modes_found" in row else ""
    good = f"{row['good_share']:.1%}" if "good_share" in row else ""
    seconds = f"{row['sampling_seconds']:.2f}"
    if row["training_seconds"]:
        seconds += f" (+{row['training_seconds']:.0f} training)"
    cells = (
        row["target"],
        row["method"],
        f"{row['acceptance']:.3f}" if "acceptance" in row else "",
        f"{row['autocorrelation_time']:.1f}",
        f"{row['effective_samples']:.0f}",
        f"{row['r_hat']:.2f}" if "r_hat" in row else "",
        modes,
        good,
        seconds,
        f"{1000 * row['seconds_per_independent_sample']:.4f}",
    )
    print(line(cells), flush=True)


def line(cells) -> str:
    widths = (8, 22, 10, 8, 7, 8, 5, 6, 22, 14)
    return "  ".join(str(cell).ljust(width) for cell, width in zip(cells, widths)).rstrip()


def figure(rows: int, columns: int):
    """An empty figure that needs no display, and its axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    page = Figure(figsize=(3.4 * columns, 2.6 * rows), layout="constrained")
    FigureCanvasAgg(page)
    return page, page.subplots(rows, columns, squeeze=False)


def draw_lines(path: Path, samples_of: dict) -> None:
    """One-dimensional targets: trace of a chain, histogram and density, autocorrelation."""
    walks = [(key, value) for key, value in samples_of.items() if value.shape[2] == 1]
    page, axes = figure(len(walks), 3)
    for (key, samples), (left, middle, right) in zip(walks, axes):
        left.plot(samples[:500, 0, 0], linewidth=0.7)
        left.set(ylabel=key[0], title=key[1], ylim=(-4.5, 4.5))
        grid = np.linspace(-4.5, 4.5, 300)
        density = np.exp(targets.in_numpy(targets.targets()[key[0]])(grid[:, None]))
        middle.hist(samples.ravel(), bins=60, range=(-4.5, 4.5), density=True, color="#9ec5e8")
        middle.plot(grid, density / (density.sum() * (grid[1] - grid[0])), color="#b03a2e")
        middle.set_title("all chains and the density")
        centred = samples[:, 0, 0] - samples[:, 0, 0].mean()
        power = np.abs(np.fft.rfft(centred, 2 * len(centred))) ** 2
        autocorrelation = np.fft.irfft(power)[:200]
        right.plot(autocorrelation / max(autocorrelation[0], 1e-300))
        right.set(title="autocorrelation", ylim=(-0.2, 1.05))
    with replacing(path) as part:
        page.savefig(part, dpi=110)


def draw_planes(path: Path, samples_of: dict, rows: list[dict]) -> None:
    """Two-dimensional targets: the samples, and the path of a single chain."""
    planes = [(key, value) for key, value in samples_of.items() if value.shape[2] == 2]
    page, axes = figure(-(-len(planes) // 2), 2)
    for axis in axes.ravel()[len(planes) :]:
        axis.set_axis_off()
    for (key, samples), axis in zip(planes, axes.ravel()):
        points = samples.reshape(-1, 2)
        # At random: a fixed stride would always hit the same chain.
        subset = np.random.default_rng(0).permutation(len(points))[:5000]
        axis.plot(*points[subset].T, ".", markersize=3, color="#6fa8dc")
        if key[0] == "ring":
            axis.set(xlim=(-1.9, 1.9), ylim=(-1.9, 1.9))
        if samples.shape[1] > 1:
            axis.plot(*samples[:500, 0].T, linewidth=0.6, color="#b03a2e")
        (row,) = (row for row in rows if (row["target"], row["method"]) == key)
        axis.set_title(f"{key[0]}: {key[1]}\n{row['effective_samples']:.0f} effective samples",
                       fontsize=9)  # fmt: skip
        axis.set_aspect("equal")
    with replacing(path) as part:
        page.savefig(part, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
