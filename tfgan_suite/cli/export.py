"""The command `export`: exports a run's newest checkpoint again."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from tfgan_suite.cli.arguments import add_json
from tfgan_suite.errors import InputError, must_be


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of this command."""
    parser.add_argument("source", metavar="run_folder", help="run folder, e.g. runs/dcgan_shapes")
    parser.add_argument(
        "--to", default="saved_models", help="folder for the exports [saved_models]"
    )
    parser.add_argument("--name", help="name of the export [the run's, RECIPE_DATA]")
    parser.add_argument(
        "--tflite",
        metavar="KINDS",
        help="TFLite files: any of float32,float16,int8, or none [those of the game]",
    )
    parser.add_argument(
        "--float16-bound",
        type=float,
        help="largest difference of the float16 file, in [-1, 1] [0.005; 0.02 of ProGAN]",
    )
    parser.add_argument(
        "--int8-bound",
        type=float,
        help="least PSNR of the int8 file, in dB [30; 28 where images go in]",
    )
    parser.add_argument(
        "--size",
        type=int,
        help="height and width of the TFLite files of a network that takes images of any size"
        " [those of the training images]",
    )
    parser.add_argument(
        "--with-discriminator",
        action="store_true",
        help="add the discriminator to the SavedModel, as the signatures score and features, for"
        " inpaint, project, edit, neighbours and probe",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command.

    Returns:
        Exit code: 0, or 4 if a TFLite format is left out.

    Raises:
        InputError: not a run folder, or a game that cannot be exported.
    """
    from tfgan_suite.export import ExportError, folders
    from tfgan_suite.training import publish
    from tfgan_suite.training.run_folder import Run

    if args.size is not None and args.size < 1:
        raise InputError(f"--size is {args.size}; it must be at least 1")
    if args.name is not None:
        folders.check_name(args.name)
    formats = None if args.tflite is None else _formats(args.tflite)
    run = Run(args.source)
    game, options, info = run.load()
    options.export = args.to
    if args.name is not None:
        options.name = args.name
    bounds = {"float16_bound": args.float16_bound, "int8_bound": args.int8_bound}
    source = _source(run, options) if game.takes_examples else None
    try:
        result, skipped = publish.export_run(
            run,
            game,
            options,
            info,
            measured=publish.measured_at(run, int(game.steps.numpy())),
            source=source,
            size=args.size,
            with_discriminator=args.with_discriminator,
            formats=formats,
            **{name: bound for name, bound in bounds.items() if bound is not None},
        )
    except ExportError as error:
        raise InputError(str(error)) from error
    if args.json:
        print(
            json.dumps({"path": str(result.path), "version": result.version, "left_out": skipped})
        )
    else:
        print(f"exported step {int(game.steps.numpy())} to {result.path}")
        for kind, reason in skipped.items():
            print(f"left out {kind}: {reason}")
    return 4 if skipped else 0


def _formats(kinds: str) -> list[str]:
    """Formats of an export, by the words of `--tflite`.

    Raises:
        InputError: a word that is no kind of TFLite file.
    """
    from tfgan_suite.export.tflite_files import KINDS

    words = [] if kinds == "none" else kinds.split(",")
    for word in words:
        if word not in KINDS:
            raise InputError(f"--tflite is {kinds!r}; {must_be(word, (*KINDS, 'none'))}")
    return ["saved_model", *(f"tflite_{word}" for word in words)]


def _source(run: Any, options: Any) -> Any:
    """The data of a run, or None with a warning if it can no longer be read."""
    from tfgan_suite.training import launch

    try:
        return launch.data_of(run, options)
    except InputError as error:
        print(
            f"the data cannot be read ({error}); formats are compared on random stand-ins, and"
            " int8 is calibrated on them",
            file=sys.stderr,
        )
        return None
