"""The command line: `python -m tfgan_suite COMMAND`.

Commands: list, sample, translate, upscale, stylize, export, measure, measure sr, study, doctor.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tfgan_suite.cli import (
    doctor,
    export,
    list_games,
    measure,
    measure_super_resolution,
    sample,
    study,
    stylize,
    translate,
    upscale,
)
from tfgan_suite.errors import InputError

SR = "measure-sr"
COMMANDS = {
    "list": (list_games, "the games there are: name, paper, data, one line"),
    "sample": (sample, "draw images from a run folder or an export"),
    "translate": (translate, "translate images with a run or an export"),
    "upscale": (upscale, "enlarge images with a run or an export"),
    "stylize": (stylize, "paint images in the style of others"),
    "export": (export, "export a run's newest checkpoint again"),
    "measure": (measure, "measure a run, an export or a folder against real data"),
    SR: (measure_super_resolution, "as `measure sr`: super-resolution, PSNR and SSIM"),
    "study": (study, "a web page that asks people, and its analysis"),
    "doctor": (doctor, "versions, devices, missing extras, a training test"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        arguments: the words of the command line; default `sys.argv[1:]`.

    Returns:
        Exit code: 0, or 2 with a one-line reason for bad input. `doctor` gives 1 where training
        does not work on this machine, `export` 4 where a format is left out for its difference.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:2] == ["measure", "sr"]:  # a folder of this name is ./sr
        words[:2] = [SR]
    args = _parser().parse_args(words)
    try:
        return args.run(args)
    except InputError as error:
        print(f"tfgan_suite {args.command}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tfgan_suite",
        description="Games, runs and exports. Training itself is done by the recipes.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, summary) in COMMANDS.items():
        prog = f"{parser.prog} {'measure sr' if name == SR else name}"
        command = commands.add_parser(name, prog=prog, help=summary, description=summary)
        command.set_defaults(run=module.run)
        module.add_arguments(command)
    return parser
