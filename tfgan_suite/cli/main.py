"""Parses the command line, `python -m tfgan_suite COMMAND`, and runs the command."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence

from tfgan_suite import __version__
from tfgan_suite.cli import default_model
from tfgan_suite.cli.arguments import run_program
from tfgan_suite.utils.command_line import Parser
from tfgan_suite.utils.text import print_any_name

PROGRAM = "python -m tfgan_suite"
MEASURE_SR, MEASURE_LIPSYNC = "measure-sr", "measure-lipsync"
MEASURE_DUBBING = "measure-dubbing"
# Commands that are typed as `measure WORD`.
_MEASURES = {"sr": MEASURE_SR, "lipsync": MEASURE_LIPSYNC, "dubbing": MEASURE_DUBBING}
# Module in this folder, which has `add_arguments(parser)` and `run(args)`, and help text.
COMMANDS = {
    "list": ("list_games", "list the games and the trained models that come with the suite"),
    "sample": ("sample", "sample images from a run or an export"),
    "translate": ("translate", "translate images with a run or an export"),
    "upscale": ("upscale", "upscale images with a run or an export"),
    "lipsync": ("lipsync", "redraw the mouth of a face in a video to fit a sound"),
    "stylize": ("stylize", "paint images in the style of others"),
    "export": ("export", "export a run's newest checkpoint again"),
    "measure": ("measure", "measure a run, an export or a folder against real data"),
    MEASURE_SR: ("measure_super_resolution", "as `measure sr`: PSNR and SSIM of super-resolution"),
    MEASURE_LIPSYNC: ("measure_lip_sync", "as `measure lipsync`: lip sync by a trained expert"),
    MEASURE_DUBBING: ("measure_dubbing", "as `measure dubbing`: mouths of a trained Wav2Lip"),
    "study": ("study", "create a web page that asks people, or analyse their answers"),
    "walk": ("walk", "animate what lies between samples"),
    "arithmetic": ("arithmetic", "add and subtract samples in the latent space"),
    "inpaint": ("inpaint", "fill holes in images with what a generator would draw"),
    "project": ("project", "search the z whose image is nearest to a photo"),
    "edit": ("edit", "change a photo by a colour brush, a sketch or by dragging parts of it"),
    "neighbours": ("neighbours", "show samples beside their nearest training images"),
    "probe": ("probe", "judge the features of a discriminator by a linear classifier"),
    "ablate": ("ablate", "make a generator forget what lies in a box, or a class"),
    "demo": ("demo", "write a web page that runs exports in the browser"),
    "doctor": ("doctor", "show versions, devices and missing extras, and test training"),
}


def main(
    arguments: Sequence[str] | None = None, before_run: Callable[[], object] | None = None
) -> int:
    """Runs a command.

    Args:
        arguments: arguments of the command line; default `sys.argv[1:]`.
        before_run: called when the arguments are known to be right, before TensorFlow is imported.

    Returns:
        Exit code: 0, or 2 with a one-line reason for bad input; 130 after Ctrl-C.
        `doctor` returns 1 if training does not work on this machine, `export` 4 if a format
        differs too much and is left out.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["measure"] and words[1:2] and words[1] in _MEASURES:
        words[:2] = [_MEASURES[words[1]]]  # a folder of this name is ./sr
    print_any_name()
    if not words or words[0] not in COMMANDS:
        overview = _overview()
        overview.parse_args(words)
        overview.error(f"the following arguments are required: COMMAND, {', '.join(COMMANDS)}")
    module = importlib.import_module(f"tfgan_suite.cli.{COMMANDS[words[0]][0]}")
    args = parse(words[0], words[1:])
    if before_run is not None:
        before_run()
    return run_program(f"tfgan_suite {words[0]}", module.run, args)


def parse(name: str, words: Sequence[str]) -> argparse.Namespace:
    """Reads a command's words; a single model of the zoo that serves is the one left out."""
    command = parser(name)
    return command.parse_args(default_model.complete(command, name, words))


def parser(name: str) -> Parser:
    """The parser of a command's arguments; imports the command, but not TensorFlow."""
    module_name, summary = COMMANDS[name]
    words = name.replace("measure-", "measure ")
    command = Parser(prog=f"{PROGRAM} {words}", description=summary)
    importlib.import_module(f"tfgan_suite.cli.{module_name}").add_arguments(command)
    return command


def _overview() -> Parser:
    """What reads a command line without a command: `--help`, `--version` and typos."""
    commands = "\n".join(f"  {name:<11} {summary}" for name, (_, summary) in COMMANDS.items())
    overview = Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} COMMAND ... [--help]",
        description=f"Use games, runs and exports. Recipes train them.\n\ncommands:\n{commands}",
        plain=True,
    )
    overview.add_argument("--version", action="version", version=f"tfgan_suite {__version__}")
    overview.add_argument(
        "command", nargs="?", choices=list(COMMANDS), metavar="COMMAND", help=argparse.SUPPRESS
    )
    return overview
