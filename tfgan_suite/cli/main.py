"""Parses the command line, `python -m tfgan_suite COMMAND`, and runs the command."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from tfgan_suite.cli.arguments import run_program
from tfgan_suite.utils.text import print_any_name

MEASURE_SR = "measure-sr"
# Module in this folder, which has `add_arguments(parser)` and `run(args)`, and help text.
COMMANDS = {
    "list": ("list_games", "list the games: name, data, description, paper"),
    "sample": ("sample", "sample images from a run or an export"),
    "translate": ("translate", "translate images with a run or an export"),
    "upscale": ("upscale", "upscale images with a run or an export"),
    "stylize": ("stylize", "paint images in the style of others"),
    "export": ("export", "export a run's newest checkpoint again"),
    "measure": ("measure", "measure a run, an export or a folder against real data"),
    MEASURE_SR: ("measure_super_resolution", "as `measure sr`: PSNR and SSIM of super-resolution"),
    "study": ("study", "create a web page that asks people, or analyse their answers"),
    "doctor": ("doctor", "show versions, devices and missing extras, and test training"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        arguments: arguments of the command line; default `sys.argv[1:]`.

    Returns:
        Exit code: 0, or 2 with a one-line reason for bad input; 130 after Ctrl-C.
        `doctor` returns 1 if training does not work on this machine, `export` 4 if a format
        differs too much and is left out.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:2] == ["measure", "sr"]:  # a folder of this name is ./sr
        words[:2] = [MEASURE_SR]
    print_any_name()
    args = _parser(words[0] if words else "").parse_args(words)
    return run_program(f"tfgan_suite {args.command}", args.run, args)


def _parser(selected: str) -> argparse.ArgumentParser:
    """Knows all commands, and the arguments of the selected one: others need no import."""
    parser = argparse.ArgumentParser(
        prog="python -m tfgan_suite",
        description="Use games, runs and exports. Recipes train them.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module_name, summary) in COMMANDS.items():
        prog = f"{parser.prog} {'measure sr' if name == MEASURE_SR else name}"
        command = commands.add_parser(name, prog=prog, help=summary, description=summary)
        if name == selected:
            module = importlib.import_module(f"tfgan_suite.cli.{module_name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return parser
