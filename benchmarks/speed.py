"""How fast a game trains, where the time goes, and how that compares with PyTorch.

    python benchmarks/speed.py dcgan                        the suite alone
    python benchmarks/speed.py dcgan --against torch        in turn with PyTorch (extra "bench")
    python benchmarks/speed.py dcgan --against torch --peer-python other/bin/python --json

About two minutes for each precision. What every figure means: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from protocol import Worker, WorkerError, machine_seconds  # noqa: E402

# What each game is measured at by default.
GAMES = {
    "dcgan": {"size": 64, "width": 64, "kernel": 4, "batch": 64},
    "wgan_gp": {"size": 32, "width": 64, "kernel": 5, "batch": 64},
}
MATRIX = 2048
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}
# Column of the table, key of the result, format.
COLUMNS = (
    ("precision", "precision", "{}"),
    ("images/s", "images_per_s", "{:.0f}"),
    ("steps/s", "steps_per_s", "{:.2f}"),
    ("PyTorch images/s", "peer_images_per_s", "{:.0f}"),
    ("ratio", "ratio", "{:.2f}"),
    ("fit costs", "fit_overhead", "{:+.1%}"),
    ("input images/s", "input_images_per_s", "{:.0f}"),
    ("peak MiB", "peak_mib", "{:.0f}"),
    ("of it libraries", "loaded_mib", "{:.0f}"),
    ("PyTorch peak MiB", "peer_peak_mib", "{:.0f}"),
    ("of it libraries", "peer_loaded_mib", "{:.0f}"),
    ("share of peak", "peak_share", "{:.0%}"),
)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("game", choices=sorted(GAMES))
    parser.add_argument("--against", choices=["torch"], help="measure PyTorch in turn")
    parser.add_argument("--peer-python", default=sys.executable, help="a Python that has torch")
    parser.add_argument(
        "--peer-layout", choices=["channels_last", "contiguous"], default="channels_last"
    )
    parser.add_argument("--peer-adam", choices=["default", "fused"], default="default")
    parser.add_argument(
        "--precision", nargs="+", choices=["float32", "bfloat16"], default=["float32", "bfloat16"]
    )
    for name in ("size", "width", "kernel", "batch"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of one round of one side")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="one JSON line for each precision")
    options = parser.parse_args(arguments)
    for name, value in GAMES[options.game].items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    if options.game == "wgan_gp" and options.kernel != 5:
        parser.error("the convolutions of wgan_gp are 5x5; leave --kernel out")
    if options.size < 16 or options.size & (options.size - 1):
        parser.error(f"--size is {options.size}; it must be a power of 2, 16 or more")
    if options.game == "dcgan" and options.kernel not in (4, 5):
        parser.error(f"--kernel is {options.kernel}; it must be 4 or 5")
    return options


def measure(options: argparse.Namespace, precision: str) -> dict[str, Any]:
    """All figures of one precision, by the names in benchmarks/README.md."""
    network = {name: getattr(options, name) for name in GAMES[options.game]}
    shared = {"game": options.game, **network, "precision": precision, "threads": options.threads}
    with Worker([sys.executable, str(HERE / "tensorflow_side.py")], QUIET) as own:
        peer = None
        if options.against:
            peer = Worker([options.peer_python, str(HERE / "torch_side.py")])
        try:
            result = _in_turn(own, peer, shared, options)
        finally:
            if peer is not None:
                peer.close()
        result.update(_alone(own, options.seconds, options.rounds))
    peak = max(result.pop("_matmuls"))
    result["peak_share"] = result["steps_per_s"] * result.pop("_flops_per_step") / peak
    result["peak_flops"] = peak
    return {**shared, **result}


def _in_turn(
    own: Worker, peer: Worker | None, shared: dict[str, Any], options: argparse.Namespace
) -> dict[str, Any]:
    """The bare steps of both sides, round by round, and the peak of this machine."""
    sides = [own] if peer is None else [own, peer]
    ready = [own.ask("setup", **shared)]
    if peer is not None:
        peers = {"layout": options.peer_layout, "adam": options.peer_adam}
        ready.append(peer.ask("setup", **shared, **peers))
        if ready[0]["parameters"] != ready[1]["parameters"]:
            raise WorkerError(
                f"the two sides train different networks: {ready[0]['parameters']} parameters"
                f" here, {ready[1]['parameters']} in PyTorch"
            )
    found = _rounds(sides, ready, options)
    # Memory first: what comes later is not training.
    memory = [(side.ask("peak_mib"), side.ask("loaded_mib")) for side in sides]
    memory += [(None, None)]
    asked = {"side": MATRIX, "precision": shared["precision"], "seconds": options.seconds / 5}
    matmuls = [side.ask("matmul", **asked) for side in sides for _ in range(2)]
    return {
        **found,
        "steps_per_s": found["images_per_s"] / ready[0]["images_per_step"],
        "peak_mib": memory[0][0],
        "loaded_mib": memory[0][1],
        "peer_peak_mib": memory[1][0],
        "peer_loaded_mib": memory[1][1],
        "versions": "; ".join(facts["version"] for facts in ready),
        "parameters": ready[0]["parameters"],
        "_flops_per_step": ready[0]["flops_per_step"],
        "_matmuls": matmuls,
    }


def _rounds(
    sides: Sequence[Worker], ready: Sequence[dict[str, Any]], options: argparse.Namespace
) -> dict[str, Any]:
    """The sides' bare steps in turn, and whether anybody disturbed them."""
    speeds: list[list[float]] = [[] for _ in sides]
    idle = []
    start = _clocks(sides)
    for _ in range(options.rounds):
        for side, facts, found in zip(sides, ready, speeds):
            idle.append(side.ask("idle"))
            steps, seconds = side.ask("steps", seconds=options.seconds)
            found.append(facts["images_per_step"] * steps / seconds)
    passed, machine, ours = (after - before for before, after in zip(start, _clocks(sides)))
    others = max(0.0, machine - ours) / (passed * (os.cpu_count() or 1))
    return {
        **compare(speeds),
        # A worker that does not sleep while the other one works takes its processors.
        "idle_share": max(idle[len(sides) :], default=0.0),
        "others_share": others,
    }


def _clocks(sides: Sequence[Worker]) -> tuple[float, float, float]:
    """Seconds by the clock, of all processors, and of the workers."""
    ours = sum(side.ask("processor_seconds") for side in sides)
    machine = machine_seconds()
    return time.perf_counter(), ours if machine is None else machine, ours


def compare(speeds: Sequence[Sequence[float]]) -> dict[str, float | None]:
    """Medians of one or two sides' rounds; the ratio is the median of the pairs' ratios."""
    result: dict[str, float | None] = {
        "images_per_s": statistics.median(speeds[0]),
        "peer_images_per_s": None,
        "ratio": None,
    }
    if len(speeds) > 1:
        result["peer_images_per_s"] = statistics.median(speeds[1])
        result["ratio"] = statistics.median(a / b for a, b in zip(*speeds))
    return result


def _alone(own: Worker, seconds: float, rounds: int) -> dict[str, float]:
    """What is measured after the peer has gone: `fit` and the input pipeline."""
    own.ask("load")
    return {
        "fit_overhead": own.ask("fit_overhead", seconds=seconds, rounds=rounds),
        "input_images_per_s": own.ask("input_images", seconds=min(seconds, 3.0)),
    }


def table(results: Iterable[dict[str, Any]]) -> str:
    """The results as a Markdown table; columns that nothing filled are left out."""
    results = list(results)
    columns = [c for c in COLUMNS if any(result.get(c[1]) is not None for result in results)]
    rows = [[name for name, _, _ in columns], ["---"] * len(columns)]
    for result in results:
        values = ((result.get(key), form) for _, key, form in columns)
        rows.append(["-" if value is None else form.format(value) for value, form in values])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def warnings_about(result: dict[str, Any]) -> list[str]:
    """Why the figures are not to be trusted; empty where they are."""
    found = []
    if result["others_share"] > 0.05:
        found.append(
            f"other programs used {result['others_share']:.0%} of the processors meanwhile;"
            " PyTorch suffers most from that, so the ratio is too good: measure again alone"
        )
    if result["idle_share"] > 0.05:
        found.append(
            f"a side that should have slept used {result['idle_share']:.0%} of a core while the"
            " other one was measured"
        )
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; 0 where it could."""
    options = parse(arguments)
    results = []
    for precision in options.precision:
        try:
            results.append(measure(options, precision))
        except WorkerError as error:
            print(f"not measured: {error}", file=sys.stderr)
            return 2
        if options.json:
            print(json.dumps(results[-1]), flush=True)
        for warning in warnings_about(results[-1]):
            print(f"{precision}: {warning}", file=sys.stderr)
    if not options.json:
        first = results[0]
        print(
            f"{options.game}, {options.size}x{options.size}, width {options.width}, kernel"
            f" {options.kernel}, batch {options.batch}, {options.threads} threads;"
            f" {first['versions']}\n"
        )
        print(table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
