"""How the cost of a training step grows with batch, image size, width and replicas.

    python benchmarks/growth.py                          all of them, about 5 minutes
    python benchmarks/growth.py --axes batch replicas    some

The game is DCGAN in float32. Each row is a process of its own: the median time of a step, its
processor seconds, the peak of its memory, and the exponent of the time between this row and the one
before it: 1 is linear, 2 quadratic, 0 a cost that does not grow. `replicas` keeps the batch of a
replica; its last row is a ruler, two independent processes at once, which share nothing but the
machine: no way of training on these cores together can be faster. Measure on an idle machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import pathlib
import statistics
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from comparison import markdown  # noqa: E402
from protocol import Worker, WorkerError  # noqa: E402

BASE = {"size": 64, "width": 64, "kernel": 4, "batch": 16}
AXES = {
    "batch": (1, 4, 16, 64, 128),
    "size": (32, 64, 128, 256),
    "width": (16, 32, 64, 128),
    "replicas": (1, 2),
}
RULER = "2 processes"
COMMAND = [sys.executable, str(HERE / "tensorflow_side.py")]
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--axes", nargs="+", choices=sorted(AXES), default=sorted(AXES))
    for name, value in BASE.items():
        parser.add_argument(f"--{name}", type=int, default=value, help=f"default: {value}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="duration of a round")
    parser.add_argument("--threads", type=int, default=2, help="of a process; replicas: 1 each")
    parser.add_argument("--json", action="store_true", help="one JSON line per row")
    options = parser.parse_args(arguments)
    for name in (*BASE, "rounds", "seconds", "threads"):
        if getattr(options, name) <= 0:
            parser.error(f"--{name} is {getattr(options, name)}; it must be above 0")
    return options


def settings(axis: str, value: int, options: argparse.Namespace) -> dict[str, Any]:
    """The arguments of `tensorflow_side.setup` of one row."""
    network = {name: getattr(options, name) for name in BASE}
    shared = {"game": "dcgan", "precision": "float32", "threads": options.threads}
    if axis != "replicas":
        return {**shared, **network, axis: value}
    # One thread and one core for each replica, and the batch grows with them.
    batch = network["batch"] * value
    return {
        **shared,
        **network,
        "batch": batch,
        "threads": value,
        "cores": value,
        "replicas": value,
    }


def row(axis: str, value: int | str, setups: Sequence[Mapping[str, Any]], options: Any) -> dict:
    """Measures processes at once, mostly a single one.

    Args:
        axis, value: what the row is called.
        setups: the arguments of `setup`, one process each.
        options: the parsed command line.
    """
    with contextlib.ExitStack() as running:
        workers = [running.enter_context(Worker(COMMAND, QUIET)) for _ in setups]
        images = sum(w.ask("setup", **s)["images_per_step"] for w, s in zip(workers, setups))
        seconds, processor = [], []
        for _ in range(options.rounds):
            rounds = _at_once(workers, options.seconds)
            # Of processes at once the slower one counts.
            seconds.append(max(passed / count for count, passed, _ in rounds))
            processor.append(sum(spent / count for count, _, spent in rounds))
        peak = sum(worker.ask("peak_mib") for worker in workers)
    step = statistics.median(seconds)
    return {
        "axis": axis,
        "value": value,
        "ms_per_step": 1e3 * step,
        "spread_ms": [1e3 * min(seconds), 1e3 * max(seconds)],
        "images_per_s": images / step,
        "processor_ms_per_image": 1e3 * statistics.median(processor) / images,
        "peak_mib": peak,
    }


def _at_once(workers: Sequence[Worker], seconds: float) -> list[tuple[int, float, float]]:
    """Steps, seconds and processor seconds of each worker, all running at the same time."""
    results: list[Any] = [None] * len(workers)

    def measure(index: int) -> None:
        results[index] = workers[index].ask("steps", seconds=seconds)

    threads = [threading.Thread(target=measure, args=(i,)) for i in range(len(workers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def exponents(rows: Sequence[Mapping[str, Any]]) -> list[float | None]:
    """Of the time of a step between each row and the one before it; None for the first.

    Args:
        rows: of one axis, with numbers as values, in ascending order.
    """
    pairs = zip(rows, rows[1:])
    return [None] + [
        math.log(after["ms_per_step"] / before["ms_per_step"])
        / math.log(after["value"] / before["value"])
        for before, after in pairs
    ]


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows of one axis as a Markdown table."""
    axis = rows[0]["axis"]
    last = "exponent" if axis != "replicas" else "images/s of one"
    heads = (axis, "ms a step", "images/s", "processor ms an image", "peak MiB", last)
    lines: list[Sequence[str]] = [heads]
    first = rows[0]["images_per_s"]
    grown = exponents(rows) if axis != "replicas" else [r["images_per_s"] / first for r in rows]
    for each, growth in zip(rows, grown):
        lines.append(
            [
                str(each["value"]),
                f"{each['ms_per_step']:.1f}",
                f"{each['images_per_s']:.0f}",
                f"{each['processor_ms_per_image']:.2f}",
                f"{each['peak_mib']:.0f}",
                "" if growth is None else f"{growth:.2f}",
            ]
        )
    return markdown(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; the exit code."""
    options = parse(arguments)
    try:
        _measure(options)
    except WorkerError as error:
        print(f"growth.py: {error}", file=sys.stderr)
        return 2
    return 0


def _measure(options: argparse.Namespace) -> None:
    """Measures the axes that were asked for and prints each as it is done."""
    for axis in (name for name in AXES if name in options.axes):
        rows = [row(axis, v, [settings(axis, v, options)], options) for v in AXES[axis]]
        if axis == "replicas":
            one = settings(axis, 1, options)
            rows.append(row(axis, RULER, [one, {**one, "first_core": 1}], options))
        for each in rows if options.json else ():
            print(json.dumps(each), flush=True)
        if not options.json:
            print(table(rows), end="\n\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
