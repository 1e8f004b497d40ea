"""A training step on many devices, on paper: what it computes, what it sends, how long it takes.

    python benchmarks/interconnect.py                                       8 GPUs
    python benchmarks/interconnect.py --devices 32 --tflops 60 --link 70    a slice of a TPU pod
    python benchmarks/interconnect.py --games dcgan pix2pix --batch 16

Nothing is measured: parameters and arithmetic are counted from the networks of `speed.py`, and the
flags say what a device computes and what its links carry. The batch is that of one device, as each
adds its own. The sum of the gradients over n devices (a ring: every device sends and receives
2 (n - 1) / n of them) comes after the backward pass and is not hidden behind it, so that the share
is a lower bound.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from comparison import markdown  # noqa: E402
from speed import GAMES  # noqa: E402

BYTES = 4  # gradients are summed in float32, whatever the precision of the layers
# Updates in a step, where they are several.
UPDATES = {"wgan_gp": {"critic": 5}, "sngan": {"discriminator": 5}}


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--games", nargs="+", choices=sorted(GAMES), default=list(GAMES))
    parser.add_argument("--devices", type=int, default=8)
    parser.add_argument("--batch", type=int, help="of a device; default: as in speed.py")
    parser.add_argument(
        "--tflops",
        type=float,
        default=40.0,
        help="10^12 operations a second that a device sustains",
    )
    parser.add_argument(
        "--link", type=float, default=200.0, help="10^9 bytes a second out of a device"
    )
    options = parser.parse_args(arguments)
    for name in ("devices", "tflops", "link"):
        if getattr(options, name) <= 0:
            parser.error(f"--{name} is {getattr(options, name)}; it must be above 0")
    if options.batch is not None and options.batch < 1:
        parser.error(f"--batch is {options.batch}; it must be 1 or more")
    return options


def gradient_bytes(game: str, parameters: Mapping[str, int]) -> int:
    """Bytes of the gradients that the devices sum in one step.

    Args:
        game: a key of `speed.GAMES`.
        parameters: trainable ones of each player.
    """
    times = UPDATES.get(game, {})
    return BYTES * sum(count * times.get(player, 1) for player, count in parameters.items())


def on_paper(
    flops: float, gradients: int, devices: int, tflops: float, link: float
) -> dict[str, float]:
    """The time of a step on several devices.

    Args:
        flops: operations of a step of one device.
        gradients: bytes of all gradients of a step.
        devices: how many.
        tflops: 10^12 operations a second that a device sustains.
        link: 10^9 bytes a second out of a device.

    Returns:
        `compute_ms`; `sent_mb`, 10^6 bytes that each device sends; `sum_ms`; `step_ms`; and
        `efficiency`, the share of a device's time in which it computes.
    """
    compute = flops / (tflops * 1e12)
    sent = 2.0 * (devices - 1) / devices * gradients
    summing = sent / (link * 1e9)
    return {
        "compute_ms": 1e3 * compute,
        "sent_mb": sent / 1e6,
        "sum_ms": 1e3 * summing,
        "step_ms": 1e3 * (compute + summing),
        "efficiency": compute / (compute + summing),
    }


def counted(game: str, batch: int | None) -> dict[str, Any]:
    """Parameters of each player, batch and operations of a step of one device."""
    import tensorflow_side
    from work import step_flops

    network = dict(GAMES[game])
    batch = batch or network["batch"]
    del network["batch"]
    made = tensorflow_side.make_game(game, **network)
    players = {player: nets[0] for player, nets in made.players().items()}
    parameters = {player: sum(sizes) for player, sizes in tensorflow_side.tensors(made).items()}
    scale = tensorflow_side.SCALE if game == "srresnet" else 1
    flops = step_flops(game, *[*players.values(), None][:2], batch, network["size"] // scale, made)
    return {"parameters": parameters, "batch": batch, "flops": flops}


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; the exit code."""
    options = parse(arguments)
    heads = ("game", "batch of a device", "parameters", "Gflop a step", "MB sent", "ms computing")
    heads += ("ms summing", "images/s of all", "efficiency")
    lines: list[Sequence[str]] = [heads]
    for game in options.games:
        each = counted(game, options.batch)
        gradients = gradient_bytes(game, each["parameters"])
        paper = on_paper(each["flops"], gradients, options.devices, options.tflops, options.link)
        rounds = max(UPDATES.get(game, {"generator": 1}).values())
        images = each["batch"] * rounds * options.devices / paper["step_ms"] * 1e3
        lines.append(
            [
                game,
                str(each["batch"]),
                f"{sum(each['parameters'].values()):,}",
                f"{each['flops'] / 1e9:,.1f}",
                f"{paper['sent_mb']:,.0f}",
                f"{paper['compute_ms']:.2f}",
                f"{paper['sum_ms']:.2f}",
                f"{images:,.0f}",
                f"{paper['efficiency']:.0%}",
            ]
        )
    print(markdown(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
