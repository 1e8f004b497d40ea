"""The command line: `python -m tfgan_suite COMMAND`.

Commands: list, sample, translate, upscale, stylize, export, measure, measure sr, study, doctor.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfgan_suite.errors import InputError
from tfgan_suite.measures import cli, sr_cli
from tfgan_suite.study import cli as study_cli
from tfgan_suite.style import cli as style_cli
from tfgan_suite.translate import cli as translate_cli
from tfgan_suite.upscale import cli as upscale_cli

SR = "measure-sr"


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
    chosen = _parser().parse_args(words)
    try:
        return chosen.run(chosen)
    except InputError as error:
        print(f"tfgan_suite {chosen.command}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tfgan_suite",
        description="Games, runs and exports. Training itself is done by the recipes.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: Any, text: str, shown: str = "") -> argparse.ArgumentParser:
        prog = f"{parser.prog} {shown or name}"
        sub = commands.add_parser(name, prog=prog, help=text, description=text)
        sub.set_defaults(run=run)
        sub.add_argument("--json", action="store_true", help="print JSON for a program to read")
        return sub

    command("list", _list, "the games there are: name, paper, data, one line")
    sample = command("sample", _sample, "draw pictures from a run folder or an export")
    sample.add_argument("source", help="run folder, or export: saved_models/NAME[/VERSION]")
    sample.add_argument("--count", type=int, default=64, help="how many [64]")
    sample.add_argument("--seed", type=int, default=0, help="same seed, same pictures [0]")
    sample.add_argument(
        "--label",
        help="class to draw, by name or index, where the game has classes; several, separated by"
        " commas, are taken in turn",
    )
    sample.add_argument(
        "--out",
        default="samples.png",
        help="sheet to write (.png), or folder for one PNG file each [samples.png]",
    )
    translate_cli.add_arguments(
        command("translate", translate_cli.run, "translate pictures with a run or an export")
    )
    upscale_cli.add_arguments(
        command("upscale", upscale_cli.run, "make pictures larger with a run or an export")
    )
    style_cli.add_arguments(
        command("stylize", style_cli.run, "paint pictures in the style of others")
    )
    export = command("export", _export, "export a run's newest checkpoint again")
    export.add_argument("source", metavar="run_folder", help="run folder, e.g. runs/dcgan_shapes")
    export.add_argument("--to", default="saved_models", help="folder of the exports [saved_models]")
    export.add_argument(
        "--float16-bound",
        type=float,
        default=5e-3,
        help="largest difference of the float16 file, in [-1, 1] [0.005]",
    )
    export.add_argument(
        "--int8-bound",
        type=float,
        help="least PSNR of the int8 file, in dB [30; 28 where pictures go in]",
    )
    export.add_argument(
        "--size",
        type=int,
        default=0,
        help="height and width of the TFLite files of a network that takes pictures of any size"
        " [0: as it was trained]",
    )
    cli.add_arguments(
        command("measure", cli.run, "measure a run, an export or a folder against real data")
    )
    sr_cli.add_arguments(
        command(SR, sr_cli.run, "as `measure sr`: super-resolution, PSNR and SSIM", "measure sr")
    )
    study_cli.add_arguments(
        command("study", study_cli.run, "a web page that asks people, and its analysis")
    )
    doctor = command("doctor", _doctor, "versions, devices, missing extras, a training test")
    doctor.add_argument("--no-train", action="store_true", help="leave the self-test out")
    return parser


def games() -> list[dict[str, str]]:
    """What the files of games and styles say of themselves, read without importing them.

    Returns:
        One dict a game: `name`, `paper`, `data`, `about`.
    """
    found = []
    home = Path(__file__).parent
    for path in [*sorted(home.glob("games/[a-z]*.py")), *sorted(home.glob("style/[a-z]*.py"))]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            node.targets[0].id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
        }
        if path.parent.name == "style" and "PAPER" not in constants:
            continue  # a helper
        found.append(
            {
                "name": path.stem,
                "paper": constants.get("PAPER", ""),
                "data": constants.get("DATA", ""),
                "about": (ast.get_docstring(tree) or "").splitlines()[0],
            }
        )
    return found


def _list(chosen: argparse.Namespace) -> int:
    rows = games()
    if chosen.json:
        print(json.dumps(rows, indent=2))
        return 0
    columns = ("name", "data", "about", "paper")
    widths = {c: max(len(c), *(len(row[c]) for row in rows)) for c in columns}
    for row in [{c: c.upper() for c in columns}, *rows]:
        print("  ".join(row[c].ljust(widths[c]) for c in columns).rstrip())
    return 0


def _sample(chosen: argparse.Namespace) -> int:
    if chosen.count < 1:
        raise InputError(f"--count is {chosen.count}; it must be at least 1")
    from tfgan_suite import pictures
    from tfgan_suite.runs import writing_to

    drawn = _draw(Path(chosen.source), chosen.count, chosen.seed, chosen.label)
    out = Path(chosen.out)
    with writing_to(out.parent):
        if out.suffix.lower() == ".png":
            out.parent.mkdir(parents=True, exist_ok=True)
            pictures.write_png(out, pictures.draw(drawn))
            files = [out]
        elif drawn.ndim == 2:
            raise InputError(f"--out is {out}, but points are drawn as one .png sheet")
        else:
            out.mkdir(parents=True, exist_ok=True)
            files = [out / f"{chosen.seed}_{index:05d}.png" for index in range(len(drawn))]
            for file, picture in zip(files, drawn):
                pictures.write_png(file, picture)
    if chosen.json:
        print(json.dumps({"files": [str(file) for file in files], "count": len(drawn)}))
    else:
        print(f"wrote {len(drawn)} examples to {out}")
    return 0


def _draw(source: Path, count: int, seed: int, label: str | None = None) -> Any:
    """Pictures as uint8, or points, from a run folder or an export."""
    from tfgan_suite import pictures

    if (source / "run.json").is_file():
        from tfgan_suite.runs import Run

        game, _, info = Run(source).load()
        _check_drawable(source, game.signatures()["serving_default"].inputs, game.usage)
        given = _labels(game.signatures()["serving_default"].inputs, label, count, info.classes)
        drawn = game.generate(count, seed=seed, **given)
        return drawn if drawn.ndim == 2 else pictures.to_uint8(drawn)
    if not source.exists():
        raise InputError(f"{source} does not exist; give a run folder or saved_models/NAME")
    from tfgan_suite.export import load

    exported = load(source)
    _check_drawable(source, exported.inputs(), exported.usage)
    return exported.sample(
        count, seed, **_labels(exported.inputs(), label, count, exported.card.get("classes"))
    )


def _check_drawable(source: Path, inputs: Sequence[Any], usage: str) -> None:
    if any(spec.kind in ("image", "point") for spec in inputs):
        raise InputError(
            f"{source} draws no pictures from noise; use"
            f" `python -m tfgan_suite {usage.format(source)}`"
        )


def _labels(
    inputs: Sequence[Any], label: str | None, count: int, names: Sequence[str] | None
) -> dict[str, list[int]]:
    """The label of each example, under the name of the input that takes it."""
    if label is None:
        return {}
    from tfgan_suite.conditional import parse_labels

    taking = [spec for spec in inputs if spec.kind == "label"]
    if not taking:
        raise InputError(
            f"--label is {label!r}, but this game does not draw by class; leave it out, or train"
            " one that does, such as recipes/cgan.py"
        )
    # Codes that a game found for itself have no names.
    names = names if taking[0].name == "label" else None
    wanted = parse_labels(label, taking[0].classes, names)
    return {taking[0].name: [wanted[index % len(wanted)] for index in range(count)]}


def _export(chosen: argparse.Namespace) -> int:
    from tfgan_suite import finish
    from tfgan_suite.export import ExportError
    from tfgan_suite.runs import Run
    from tfgan_suite.translation import TranslationGame

    if chosen.size < 0:
        raise InputError(f"--size is {chosen.size}; it must be 0 or more")
    run = Run(chosen.source)
    game, options, info = run.load()
    options.export = chosen.to
    source = _source(run, options) if isinstance(game, TranslationGame) else None
    try:
        result, left_out = finish.export_run(
            run,
            game,
            options,
            info,
            source=source,
            size=chosen.size,
            float16_bound=chosen.float16_bound,
            **({} if chosen.int8_bound is None else {"int8_bound": chosen.int8_bound}),
        )
    except ExportError as error:
        raise InputError(str(error)) from error
    if chosen.json:
        said = {"path": str(result.path), "version": result.version, "left_out": left_out}
        print(json.dumps(said))
    else:
        print(f"exported step {int(game.steps.numpy())} to {result.path}")
        for kind, reason in left_out.items():
            print(f"left out {kind}: {reason}")
    return 4 if left_out else 0


def _source(run: Any, options: Any) -> Any:
    """The data of a run, or None where they are no longer there; that is said."""
    from tfgan_suite import launch

    try:
        return launch.data_of(run, options)
    except InputError as error:
        print(
            f"the data cannot be read ({error}); formats are compared on random stand-ins, and"
            " int8 takes its ranges from them",
            file=sys.stderr,
        )
        return None


def _doctor(chosen: argparse.Namespace) -> int:
    from tfgan_suite import doctor

    report = doctor.examine(train=not chosen.no_train)
    print(json.dumps(report, indent=2) if chosen.json else doctor.in_words(report))
    return 0 if report["training"]["ok"] is not False else 1


if __name__ == "__main__":
    sys.exit(main())
