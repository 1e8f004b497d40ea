"""How fast SRResNet upscales an image by 4: SavedModel, TFLite and PyTorch, in turn.

    python benchmarks/enlarging.py                                  the suite only
    python benchmarks/enlarging.py --against torch [--peer-python other/bin/python] [--json]

All in float32, one image at a time. The networks are those of the paper (`--width 64 --blocks
16`) with random weights, which do not change the cost. Rounds, PyTorch's two memory layouts and the
warning about other programs are those of speed.py (benchmarks/README.md).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import pathlib
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import comparison  # noqa: E402
import speed  # noqa: E402
from protocol import Worker, WorkerError  # noqa: E402

NETWORK = {"size": 128, "width": 64, "blocks": 16}
FIGURES = ("images_per_s", "cpu_s_per_step", "ratio", "ratio_range", "cpu_ratio", "cpu_ratio_range")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--against", choices=["torch"], help="measure PyTorch, alternating")
    parser.add_argument(
        "--peer-python", default=sys.executable, help="a Python with torch installed"
    )
    add = parser.add_argument
    add("--size", type=int, default=128, help="height and width of the input [128]")
    add("--width", type=int, default=64, help="channels of the hidden layers [64]")
    add("--blocks", type=int, default=16, help="residual blocks [16]")
    add("--rounds", type=int, default=5)
    add("--seconds", type=float, default=5.0, help="duration of a round per side")
    add("--threads", type=int, default=2)
    add("--json", action="store_true", help="one JSON line")
    options = parser.parse_args(arguments)
    for name in ("size", "width", "blocks", "rounds", "threads"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} is {getattr(options, name)}; it must be 1 or more")
    return options


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measures all figures.

    Returns:
        `"sides"`: of `"saved_model"`, `"tflite"` and PyTorch's layouts `images_per_s` and
        `cpu_s_per_step` (medians of the rounds), `peak_mib`, and `ratio` and `cpu_ratio` to the
        faster layout (medians of the rounds' pairs, with `.._range`; None without PyTorch);
        `"peer_layout"`, `"others_share"`, `"idle_share"`, the network.
    """
    network = {name: getattr(options, name) for name in NETWORK}
    shared = {**network, "threads": options.threads}
    layouts = speed.LAYOUTS if options.against else ()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())

        def started(python: str, script: str) -> Worker:
            return stack.enter_context(Worker([python, str(HERE / script)], speed.QUIET))

        # Before the export, which takes a while: a peer that cannot start is reported at once.
        peers = {layout: started(options.peer_python, "torch_side.py") for layout in layouts}
        # In a process of its own, so that its memory does not count.
        with Worker([sys.executable, str(HERE / "tensorflow_side.py")], speed.QUIET) as exporter:
            ready = exporter.ask("export_enlarging", **network, folder=folder)
        own = {
            "saved_model": started(sys.executable, "tensorflow_side.py"),
            "tflite": started(sys.executable, "lite_side.py"),
        }
        threads = {"threads": options.threads}
        served = {"path": ready["saved_model"], "size": options.size, **threads}
        lite = {"path": ready["tflite"], **threads}
        requests = ((own["saved_model"], served), (own["tflite"], lite))
        versions = [side.ask("enlarging", **settings)["versions"] for side, settings in requests]
        versions = [{**versions[1], **versions[0]}]
        for layout, peer in peers.items():
            theirs = peer.ask("enlarging", **shared, layout=layout)
            comparison.check_alike(ready, theirs)
            versions.append(theirs["versions"])
        sides = {**own, **peers}
        turns, quiet = comparison.take_turns(list(sides.values()), [1] * len(sides), options)
        peaks = [side.ask("peak_mib") for side in sides.values()]
    figures, rounds = {}, dict(zip(sides, turns))
    theirs = {layout: rounds[layout] for layout in layouts}
    for name, peak in zip(sides, peaks):
        compared = comparison.compare(rounds[name], theirs)
        figures[name] = {**{key: compared[key] for key in FIGURES}, "peak_mib": peak}
    return {
        **shared,
        "sides": figures,
        "peer_layout": compared["peer_layout"],
        "parameters": ready["parameters"],
        "versions": comparison.versions(*versions),
        **quiet,
    }


def table(sides: Mapping[str, Mapping[str, Any]]) -> str:
    """The sides as a Markdown table.

    Args:
        sides: `"sides"` of `measure`.
    """
    rows = [["side", "images/s", "ratio", "min to max", "CPU s/image", "CPU ratio", "peak MiB"]]
    for name, side in sides.items():
        written = [
            "-" if side[key] is None else write(side[key])
            for key, write in (
                ("images_per_s", "{:.2f}".format),
                ("ratio", "{:.2f}".format),
                ("ratio_range", "{0[0]:.2f} to {0[1]:.2f}".format),
                ("cpu_s_per_step", "{:.3g}".format),
                ("cpu_ratio", "{:.2f}".format),
                ("peak_mib", "{:.0f}".format),
            )
        ]
        rows.append([name, *written])
    return comparison.markdown(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints: 0, or 2 if measuring failed."""
    options = parse(arguments)
    try:
        result = measure(options)
    except WorkerError as error:
        print(f"not measured: {error}", file=sys.stderr)
        return 2
    for warning in comparison.warnings_about(result):
        print(warning, file=sys.stderr)
    if options.json:
        print(json.dumps(result))
        return 0
    setting = ", ".join(f"{name} {result[name]}" for name in NETWORK)
    programs = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    print(f"SRResNet x4, {setting}, {result['threads']} threads; {programs}\n")
    print(table(result["sides"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
