"""How fast a game trains, where the time goes, and how it compares with PyTorch.

    python benchmarks/speed.py dcgan                        the suite only
    python benchmarks/speed.py dcgan --against torch        alternating with PyTorch (extra "bench")
    python benchmarks/speed.py dcgan --against torch --peer-python other/bin/python --json
    python benchmarks/speed.py --games dcgan wgan_gp pix2pix cyclegan srresnet --against torch
    python benchmarks/speed.py --games dcgan pix2pix --against torch --output machine.json

This takes a few minutes per game and precision. benchmarks/README.md explains every figure.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import pathlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import records  # noqa: E402
from comparison import (  # noqa: E402
    check_alike,
    compare,
    markdown,
    memory,
    rate,
    spread,
    take_turns,
    versions,
    warnings_about,
)
from protocol import Worker, WorkerError  # noqa: E402

from tfgan_suite.errors import InputError  # noqa: E402

# The default setting of each game.
GAMES = {
    "dcgan": {"size": 64, "width": 64, "kernel": 4, "batch": 64},
    "wgan_gp": {"size": 32, "width": 64, "kernel": 5, "batch": 64},
    "sngan": {"size": 32, "width": 32, "batch": 64},
    "infogan": {"size": 32, "width": 24, "batch": 32},
    "pix2pix": {"size": 256, "width": 64, "batch": 1},
    "cyclegan": {"size": 128, "width": 64, "blocks": 6, "pool": 50, "batch": 1},
    "srresnet": {"size": 96, "width": 64, "blocks": 16, "batch": 16},
    "cgan": {"size": 32, "width": 16, "batch": 16},
    "gan_cls": {"size": 64, "width": 64, "batch": 64},
    "wav2lip": {"size": 96, "width": 32, "batch": 2},
    "stylegan2": {"size": 32, "width": 16, "batch": 32},
}
# The discriminator of translators needs 24 pixels for its patches.
SMALLEST = {
    "dcgan": 16, "wgan_gp": 16, "sngan": 32, "infogan": 16, "pix2pix": 32, "cyclegan": 32,
    "srresnet": 32, "cgan": 16, "gan_cls": 16, "wav2lip": 96, "stylegan2": 16,
}  # fmt: skip
CHOICES = {
    "size": "height and width of the images",
    "width": "channels of the first layer, as in tfgan_suite.games; of the largest maps of"
    " stylegan2's generator",
    "kernel": "kernel size of dcgan, 4 or 5",
    "blocks": "residual blocks of cyclegan's and srresnet's generators",
    "pool": "images in each of cyclegan's pools; 0: no pool",
    "batch": "real images of one update",
}
LAYOUTS = ("channels_last", "contiguous")
MATRIX = 2048
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}

# Column of the table, key of the result, format.
COLUMNS = (
    ("precision", "precision", "{}".format),
    ("images/s", "images_per_s", rate),
    ("steps/s", "steps_per_s", "{:.2f}".format),
    ("PyTorch images/s", "peer_images_per_s", rate),
    ("PyTorch layout", "peer_layout", "{}".format),
    ("ratio", "ratio", "{:.2f}".format),
    ("min to max", "ratio_range", "{0[0]:.2f} to {0[1]:.2f}".format),
    ("CPU s/step", "cpu_s_per_step", "{:.3g}".format),
    ("PyTorch CPU s/step", "peer_cpu_s_per_step", "{:.3g}".format),
    ("CPU ratio", "cpu_ratio", "{:.2f}".format),
    ("fit overhead", "fit_overhead", "{:+.1%}".format),
    ("from, to", "fit_overhead_range", "{0[0]:+.1%}, {0[1]:+.1%}".format),
    ("fit CPU overhead", "fit_cpu_overhead", "{:+.1%}".format),
    ("input images/s", "input_images_per_s", rate),
    ("peak MiB", "peak_mib", "{:.0f}".format),
    ("libraries MiB", "loaded_mib", "{:.0f}".format),
    ("PyTorch peak MiB", "peer_peak_mib", "{:.0f}".format),
    ("PyTorch libraries MiB", "peer_loaded_mib", "{:.0f}".format),
    ("memory ratio", "memory_ratio", "{:.2f}".format),
    ("share of peak", "peak_share", "{:.0%}".format),
)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("game", nargs="?", choices=sorted(GAMES))
    parser.add_argument(
        "--games", nargs="+", choices=sorted(GAMES), help="several games, one after the other"
    )
    parser.add_argument("--against", choices=["torch"], help="measure PyTorch, alternating")
    parser.add_argument(
        "--peer-python", default=sys.executable, help="a Python with torch installed"
    )
    parser.add_argument(
        "--peer-layout",
        choices=["best", *LAYOUTS],
        default="best",
        help="PyTorch's memory layout; best: both are measured and the faster one counts",
    )
    parser.add_argument("--peer-adam", choices=["default", "fused"], default="fused")
    parser.add_argument(
        "--precision", nargs="+", choices=["float32", "bfloat16"], default=["float32", "bfloat16"]
    )
    for name, meaning in CHOICES.items():
        parser.add_argument(f"--{name}", type=int, help=meaning)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="duration of a round per side")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="one JSON line per precision")
    parser.add_argument(
        "--output", metavar="FILE.json", help="adds the results to a file of this machine's"
    )
    # Intermixed: Pythons before 3.12 otherwise reject a game after an option.
    options = parser.parse_intermixed_args(arguments)
    if (options.game is None) == (options.games is None):
        parser.error("name one game, or several with --games")
    options.games = options.games or [options.game]
    for game in options.games:
        reason = _impossible(options, game)
        if reason:
            parser.error(reason)
    return options


def _impossible(options: argparse.Namespace, game: str) -> str | None:
    """Why a game cannot be measured with these options, or None."""
    for name in CHOICES:
        value = getattr(options, name)
        if value is not None and name not in GAMES[game]:
            return f"{game} has no --{name}"
        if value is not None and value < (0 if name == "pool" else 1):
            return f"--{name} is {value}; it must be {0 if name == 'pool' else 1} or more"
    network = network_of(options, game)
    size, smallest = network["size"], SMALLEST[game]
    if game in ("sngan", "wav2lip"):
        if size != smallest:
            return f"--size is {size}; the networks of {game} are measured at {smallest}"
    elif game == "srresnet":
        if size < smallest or size % 4:
            return f"--size is {size}; for {game} it must be a multiple of 4, {smallest} or more"
    elif size < smallest or size & (size - 1):
        return f"--size is {size}; for {game} it must be a power of 2, {smallest} or more"
    if game == "wgan_gp" and network["kernel"] != 5:
        return "the convolutions of wgan_gp are 5x5; leave --kernel out"
    if game == "dcgan" and network["kernel"] not in (4, 5):
        return f"--kernel is {network['kernel']}; it must be 4 or 5"
    return None


def network_of(options: argparse.Namespace, game: str) -> dict[str, int]:
    """The setting of a game: its defaults, overridden by the command line."""
    flags = {name: getattr(options, name) for name in GAMES[game]}
    return {name: GAMES[game][name] if v is None else v for name, v in flags.items()}


def measure(options: argparse.Namespace, game: str, precision: str) -> dict[str, Any]:
    """All figures of one game and precision, by the names in benchmarks/README.md."""
    shared = {"game": game, **network_of(options, game)}
    shared.update(precision=precision, threads=options.threads)
    turns = {"rounds": options.rounds, "seconds": options.seconds}
    peer = {"peer_adam": options.peer_adam if options.against else None}
    layouts = LAYOUTS if options.peer_layout == "best" else (options.peer_layout,)
    with contextlib.ExitStack() as running:
        peers = {
            layout: running.enter_context(
                Worker([options.peer_python, str(HERE / "torch_side.py")])
            )
            for layout in (layouts if options.against else ())
        }
        own = running.enter_context(
            Worker([sys.executable, str(HERE / "tensorflow_side.py")], QUIET)
        )
        result = _in_turn(own, peers, shared, options)
        for worker in peers.values():
            worker.close()
        result.update(_alone(own, options.seconds, options.rounds))
    peak = max(result.pop("_matmuls"))
    result["peak_share"] = result["steps_per_s"] * result.pop("_flops_per_step") / peak
    result["peak_flops"] = peak
    return {**shared, **turns, **peer, **result}


def _in_turn(
    own: Worker, peers: Mapping[str, Worker], shared: dict[str, Any], options: argparse.Namespace
) -> dict[str, Any]:
    """Measures the bare steps of all sides, round by round, and the peak of this machine.

    Args:
        own: the suite's worker.
        peers: PyTorch's workers by memory layout; empty: the suite only.
        shared: game, networks, precision and threads.
        options: the parsed command line.
    """
    sides, ready = [own, *peers.values()], [own.ask("setup", **shared)]
    for layout, peer in peers.items():
        ready.append(peer.ask("setup", **shared, layout=layout, adam=options.peer_adam))
        check_alike(ready[0], ready[-1])
    rounds, quiet = take_turns(sides, [facts["images_per_step"] for facts in ready], options)
    figures = compare(rounds[0], dict(zip(peers, rounds[1:])))
    # Memory first: what follows is not training.
    figures.update(memory(own, peers, figures))
    product = {"side": MATRIX, "precision": shared["precision"], "seconds": options.seconds / 5}
    return {
        **figures,
        **quiet,
        "steps_per_s": figures["images_per_s"] / ready[0]["images_per_step"],
        "versions": versions(*(facts["versions"] for facts in ready)),
        "parameters": ready[0]["parameters"],
        "_flops_per_step": ready[0]["flops_per_step"],
        "_matmuls": [side.ask("matmul", **product) for side in sides for _ in range(2)],
    }


def _alone(own: Worker, seconds: float, rounds: int) -> dict[str, Any]:
    """Measures what needs no peer: `fit` and the input pipeline."""
    own.ask("load")
    wall, cpu = zip(*own.ask("fit_overheads", seconds=seconds, rounds=rounds))
    return {
        **spread("fit_overhead", wall),
        **spread("fit_cpu_overhead", cpu),
        "input_images_per_s": own.ask("input_images", seconds=min(seconds, 3.0)),
    }


def table(results: Iterable[dict[str, Any]]) -> str:
    """The results as a Markdown table, without empty columns."""
    results = list(results)
    columns = [c for c in COLUMNS if any(result.get(c[1]) is not None for result in results)]
    rows = [[name for name, _, _ in columns]]
    for result in results:
        values = ((result.get(key), write) for _, key, write in columns)
        rows.append(["-" if value is None else write(value) for value, write in values])
    return markdown(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints, game by game: 0 if all could be measured, else 2."""
    options = parse(arguments)
    try:
        if options.output:  # before anything is measured
            records.check(options.output)
        return _main(options)
    except InputError as error:
        print(f"speed.py: {error}", file=sys.stderr)
        return 2


def _main(options: argparse.Namespace) -> int:
    missing = 0
    for game in options.games:
        results = []
        for precision in options.precision:
            try:
                result = measure(options, game, precision)
            except WorkerError as error:
                print(f"{game}, {precision}: not measured: {error}", file=sys.stderr)
                missing += 1
                continue
            results.append(result)
            if options.json:
                print(json.dumps(result), flush=True)
            if options.output:
                records.add(options.output, result)
            for warning in warnings_about(result):
                print(f"{game}, {precision}: {warning}", file=sys.stderr)
        if results and not options.json:
            print(f"{title(results[0])}\n\n{table(results)}\n", flush=True)
    return 2 if missing else 0


def title(result: Mapping[str, Any]) -> str:
    """What was measured, in one line."""
    args = ", ".join(f"{name} {result[name]}" for name in CHOICES if name in result)
    programs = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    return f"{result['game']}, {args}, {result['threads']} threads; {programs}"


if __name__ == "__main__":
    sys.exit(main())
