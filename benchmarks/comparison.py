"""Sides that are measured in turn: medians and ranges over the rounds, ratios to the peer."""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from protocol import Worker, WorkerError, machine_seconds


class Round(NamedTuple):
    """What a side did in a round.

    Args:
        images_per_s: real images per second of wall time.
        cpu_s_per_step: seconds per step of all threads of its process.
    """

    images_per_s: float
    cpu_s_per_step: float


def check_alike(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    """Raises an error if the sides train different networks.

    Args:
        ours, theirs: answers of `setup`: `parameters`, the number of trainable parameters by
            player, `tensors`, the sizes of each player's tensors, and `images_per_step`, if it
            trains.

    Raises:
        WorkerError: players, numbers of parameters, tensors or images per step, or sizes of
            tensors differ.
    """
    if ours["parameters"] != theirs["parameters"]:
        raise WorkerError(
            f"the two sides train different networks: {ours['parameters']} parameters here,"
            f" {theirs['parameters']} in PyTorch"
        )
    pairs = ((name, ours["tensors"][name], theirs["tensors"][name]) for name in ours["tensors"])
    different = [name for name, here, there in pairs if here != there]
    if different:
        raise WorkerError(
            f"the two sides train different networks: layers of {' and '.join(different)} have"
            " other sizes in PyTorch, although the total number of parameters is equal"
        )
    batches = [side.get("images_per_step") for side in (ours, theirs)]
    if batches[0] != batches[1]:
        raise WorkerError(f"a step takes {batches[0]} images here and {batches[1]} in PyTorch")


def take_turns(
    sides: Sequence[Worker], images: Sequence[int], options: argparse.Namespace
) -> tuple[list[list[Round]], dict[str, float]]:
    """Measures the bare steps of the sides in turn.

    Args:
        sides: the workers.
        images: real images per step of each side.
        options: the parsed command line.

    Returns:
        The rounds of each side and the disturbances (`idle_share`, `others_share`).
    """
    rounds: list[list[Round]] = [[] for _ in sides]
    idle = []
    start = _clocks(sides)
    for _ in range(options.rounds):
        for side, count, entries in zip(sides, images, rounds):
            idle.append(side.ask("idle"))
            steps, seconds, cpu_seconds = side.ask("steps", seconds=options.seconds)
            entries.append(Round(count * steps / seconds, cpu_seconds / steps))
    passed, machine, ours = (after - before for before, after in zip(start, _clocks(sides)))
    others = max(0.0, machine - ours) / (passed * (os.cpu_count() or 1))
    # A worker that does not sleep while another one works takes processors from it.
    idle_share = max(idle[len(sides) :], default=0.0)
    return rounds, {"idle_share": idle_share, "others_share": others}


def _clocks(sides: Sequence[Worker]) -> tuple[float, float, float]:
    """Elapsed seconds, busy seconds of all processors, and those of the workers."""
    ours = sum(side.ask("processor_seconds") for side in sides)
    machine = machine_seconds()
    return time.perf_counter(), ours if machine is None else machine, ours


def compare(own: Sequence[Round], peers: Mapping[str, Sequence[Round]]) -> dict[str, Any]:
    """Medians over the rounds; a ratio is the median of the ratios of the rounds.

    Args:
        own: rounds of the suite.
        peers: those of PyTorch, by memory layout; empty: nothing to compare with.

    Returns:
        The keys of benchmarks/README.md from `images_per_s` to `peer_layouts` that come from
        rounds, for the faster layout, and `peer_layouts` for each of them.
    """
    layouts = {}
    for layout, rounds in peers.items():
        pairs = list(zip(own, rounds))
        layouts[layout] = {
            **_medians(rounds),
            **spread("ratio", [ours.images_per_s / theirs.images_per_s for ours, theirs in pairs]),
            **spread("cpu_ratio", [_cpu_ratio(ours, theirs) for ours, theirs in pairs]),
        }
    best = max(layouts, key=lambda layout: layouts[layout]["images_per_s"], default=None)
    counts: dict[str, Any] = layouts[best] if best else {}
    return {
        **_medians(own),
        "peer_images_per_s": counts.get("images_per_s"),
        "peer_cpu_s_per_step": counts.get("cpu_s_per_step"),
        **{key: counts.get(key) for key in ("ratio", "ratio_range")},
        **{key: counts.get(key) for key in ("cpu_ratio", "cpu_ratio_range")},
        "peer_layout": best,
        "peer_layouts": layouts,
    }


def _medians(rounds: Sequence[Round]) -> dict[str, float]:
    columns = dict(zip(Round._fields, zip(*rounds)))
    return {name: statistics.median(values) for name, values in columns.items()}


def _cpu_ratio(ours: Round, theirs: Round) -> float:
    # Clocks of processors are coarse on some systems: a tiny pass may take none of it.
    return theirs.cpu_s_per_step / max(ours.cpu_s_per_step, 1e-9)


def spread(name: str, values: Sequence[float]) -> dict[str, Any]:
    """The median of some values as `name`, and `[min, max]` as `name_range`."""
    return {name: statistics.median(values), f"{name}_range": [min(values), max(values)]}


def memory(own: Worker, peers: Mapping[str, Worker], compared: dict[str, Any]) -> dict[str, Any]:
    """The peaks of the processes; `peer_..` are those of the layout that counts.

    Args:
        own: the suite's worker.
        peers: PyTorch's, by memory layout.
        compared: what `compare` returned.
    """
    result: dict[str, Any] = {"peer_layouts": {}, "peer_peak_mib": None, "peer_loaded_mib": None}
    for key in ("peak_mib", "loaded_mib"):
        result[key] = own.ask(key)
        for layout, peer in peers.items():
            entries = result["peer_layouts"]
            entry = entries.setdefault(layout, dict(compared["peer_layouts"][layout]))
            entry[key] = peer.ask(key)
            if layout == compared["peer_layout"]:
                result[f"peer_{key}"] = entry[key]
    peaks = result["peak_mib"], result["peer_peak_mib"]
    result["memory_ratio"] = None if None in peaks else peaks[0] / peaks[1]
    return result


def versions(ours: Mapping[str, str], *theirs: Mapping[str, str]) -> dict[str, str]:
    """The versions of all sides by program; `peer_python` is the Python of PyTorch.

    Args:
        ours: `versions` of the suite's workers.
        *theirs: those of PyTorch's.
    """
    merged = dict(ours)
    for side in theirs:
        merged.update({("peer_python" if k == "python" else k): v for k, v in side.items()})
    return merged


def warnings_about(result: dict[str, Any]) -> list[str]:
    """Reasons not to trust the figures; empty if there are none."""
    warnings = []
    if result["others_share"] > 0.05:
        warnings.append(
            f"other programs used {result['others_share']:.0%} of the processors in the meantime;"
            " PyTorch suffers most from that, so the ratio is too high: measure on an idle"
            " machine, or read the CPU ratio"
        )
    if result["idle_share"] > 0.05:
        warnings.append(
            f"a side that should have slept used {result['idle_share']:.0%} of a core while the"
            " other side was measured"
        )
    return warnings


def rate(value: float) -> str:
    """A rate, with decimals if it is small, as at batch 1."""
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table.

    Args:
        rows: the cells of each row; the first row is the header.
    """
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])
