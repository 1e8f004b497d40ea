"""What a run leaves after its last step: grids, the oracle's measure, exports, a summary."""

from __future__ import annotations

import contextlib
import json
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import data
from tfgan_suite.data.synthetic import kinds
from tfgan_suite.errors import InputError
from tfgan_suite.export import ExportResult, examples, export, folders
from tfgan_suite.training import best, fit, measuring, naming, next_steps, run_page
from tfgan_suite.training.run_folder import DataInfo, Run, versions
from tfgan_suite.utils import image_grids
from tfgan_suite.utils.files import append_json, writing_to
from tfgan_suite.utils.json_files import COUNT, read_json, read_json_lines
from tfgan_suite.utils.text import quote

# The run's lists of its exports and of its starts.
EXPORTS, VERSIONS = "exports.jsonl", "versions.jsonl"


def finish(
    run: Run,
    game: keras.Model,
    source: data.Source,
    options: types.SimpleNamespace,
    info: DataInfo,
    seconds: float,
) -> int:
    """Writes the last grids, measures, exports and prints where everything is.

    Nothing is measured or exported twice for the same step of the same run.

    Args:
        run: the run.
        game: the trained game.
        source: the data it was trained on.
        options: the recipe's constants.
        info: the description of the data.
        seconds: duration so far, for the summary.

    Returns:
        Exit code: 0, or 4 if a TFLite format was left out of the export because it differs from
        the game by more than its bound.

    Raises:
        InputError: a file cannot be written.
        ExportError: the game cannot be exported at all.
    """
    if _several_devices(game):
        # Exports hold plain variables: restore the newest checkpoint in a game without replicas.
        game, _, _ = run.load()
    else:
        game.recalibrate_batch_norm()
    step, skipped = int(game.steps.numpy()), {}
    with writing_to(run.folder):
        for name, grid in _grids(game, source, options).items():
            if grid is not None:
                image_grids.write_png(run.folder / "samples" / f"{name}.png", grid)
        run.finish_grids()
        readings = measuring.oracle_reading(game, source)
        measured = _measure(run, readings, step)
    lines = [f"done: step {step}, {seconds:.0f} s", *_run_lines(run.folder, measured)]
    if words := kinds.in_words(readings):
        lines.append(f"  kinds        {words}")
    lines += [f"  in words     {sentence}" for sentence in game.measures_in_words(readings)]
    if options.export == "none":
        lines += [
            "  export       none",
            f"  use          {next_steps.use(game.usage, options.run)}",
        ]
    else:
        path = _earlier_export(run, options, step, info)
        if path is None:
            result, skipped = export_run(run, game, options, info, measured, source)
            path = result.path
        lines += _export_lines(path, game.usage)
    lines += [f"  left out     {kind}: {reason}" for kind, reason in skipped.items()]
    if skipped:
        lines.append(
            f"  to accept it: python -m tfgan_suite export {quote(str(run.folder))}"
            f" --to {quote(str(options.export))}"
            " --float16-bound 0.02 --int8-bound 20"
        )
    page = [] if run_page.write(run.folder, game, step) else [run.folder / run_page.FILE]
    lines += [f"  page         {path}" for path in page]
    print("\n".join([*lines, *_next_lines(game, options, step)]))
    return 4 if skipped else 0


def _grids(
    game: keras.Model, source: data.Source, options: types.SimpleNamespace
) -> dict[str, np.ndarray | None]:
    """The last sample grids by file name; of games that take examples one of the test split too."""
    examples = fit.preview_examples(game, source, options.seed)
    grids = {"final": game.preview(examples)}
    if game.takes_examples and hasattr(source, "held_out"):
        with contextlib.suppress(InputError):  # the data have no test split
            grids["held_out"] = game.preview(source.held_out(len(next(iter(examples.values())))))
    return grids


def _measure(run: Run, readings: dict[str, Any], step: int) -> dict[str, float]:
    """Logs what the oracle reports, once for a step; returns its numbers."""
    if not readings:
        return {}
    numbers = measuring.numbers_of(readings)
    path = run.folder / "measures.jsonl"
    entry = {"step": step, **numbers}
    if json.dumps(entry) not in (
        path.read_text("utf-8", "replace").splitlines() if path.is_file() else []
    ):
        append_json(path, entry)
    return {k: v for k, v in numbers.items() if k not in measuring.PROTOCOL}


def measured_at(run: Run, step: int) -> dict[str, float]:
    """The numbers that were last read of the game of a step, for the card; empty if none were."""
    path, schema = run.folder / "measures.jsonl", {"step": COUNT}
    if not path.is_file():
        return {}
    try:
        entries = read_json_lines(path, schema, advice="remove it", unfinished=True)
    except InputError as error:
        print(f"{error}; the card says nothing of measures")
        return {}
    last = next((entry for entry in reversed(entries) if entry["step"] == step), {})
    return {k: v for k, v in last.items() if k not in ("step", *measuring.PROTOCOL)}


def _run_lines(folder: Path, measured: dict[str, float]) -> list[str]:
    """Lines that say what is in a run folder, and what the oracle read."""
    lines = [
        f"  samples      {folder / 'samples' / 'final.png'} (contact.png, training.gif beside it)",
        f"  losses       {folder / 'losses.jsonl'}; {next_steps.curves(str(folder))}",
    ]
    record = best.read(folder)
    if record:
        lines.append(f"  best         {folder / best.FOLDER}: {best.describe(record)}")
    if measured:
        values = ", ".join(f"{name} {value:.4g}" for name, value in measured.items())
        lines.append(f"  measured     {values}")
    return lines


def _next_lines(game: keras.Model, options: types.SimpleNamespace, step: int) -> list[str]:
    """Lines with commands that measure the run and train it longer."""
    command = next_steps.measure(game.usage, options.run, options.data)
    measure = [] if command is None else [f"  measure      {command}"]
    return [*measure, f"  train longer {next_steps.train_longer(sys.argv, options.run, step)}"]


def _export_lines(path: Path, usage: str) -> list[str]:
    """Lines that say where an export is and how to use it."""
    lines = [f"  SavedModel   {path}"]
    models = quote(str(path.parent.parent.resolve()))
    files = sorted(file.stem for file in (path / "tflite").glob("*.tflite"))
    if files:
        lines.append(f"  TFLite       {path / 'tflite'} ({', '.join(files)})")
    return lines + [
        f"  parity       {path / 'parity.json'}",
        f"  card         {path / 'card.json'}",
        f"  use          {next_steps.use(usage, str(path))}",
        f"  serve        docker run -p 8501:8501 -v {models}:/models"
        f" -e MODEL_NAME={path.parent.name} tensorflow/serving",
    ]


def export_run(
    run: Run,
    game: keras.Model,
    options: types.SimpleNamespace,
    info: DataInfo,
    measured: dict[str, float] | None = None,
    source: data.Source | None = None,
    size: int | None = None,
    with_discriminator: bool = False,
    formats: Sequence[str] | None = None,
    **bounds: float | None,
) -> tuple[ExportResult, dict[str, str]]:
    """Exports a game as the next version of `<export>/<recipe>_<data>`.

    Args:
        run: the run, whose manifest names the recipe.
        game: the trained game, its batch norm recalibrated.
        options: the recipe's constants; `export` is the folder.
        info: the description of the data.
        measured: measurements for the card.
        source: the data, for games whose inputs come from it: formats are compared on real
            inputs, and int8 is calibrated on them. None: random stand-ins.
        size: height and width of the TFLite files of networks that take images of any size;
            None: those of the training data.
        with_discriminator: whether the SavedModel also holds the discriminator's signatures,
            `score` and `features`.
        formats: as for `tfgan_suite.export.export`; None: those of the game, of points the
            SavedModel alone.
        **bounds: `float16_bound` and `int8_bound` of `tfgan_suite.export.export`; the game's own
            by default.

    Returns:
        The export, and the TFLite formats left out of it because they differ from the game by
        more than their bound, with reasons.

    Raises:
        InputError: a size for a network that takes a single size; a game whose discriminator has
            no signatures.
        ExportError: the SavedModel itself differs, or the game cannot be exported.
    """
    step = int(game.steps.numpy())
    if formats is None:
        # Points are for seeing how a game learns; no phone draws them.
        outputs = game.signatures()["serving_default"].outputs
        points = all(spec.kind == "point" for spec in outputs)
        formats = ["saved_model"] if points else game.export_formats
    bounds.setdefault("float16_bound", game.float16_bound)
    bounds.setdefault("int8_bound", game.int8_bound)
    card = _card(run, game, options, info, measured)
    inputs = _example_inputs(game, source, info, size)
    name = naming.check_export_name(options, card["game"], info)

    if with_discriminator and not game.discriminator_signatures():
        raise InputError(
            f"{run.folder} is of a game whose discriminator cannot be exported;"
            " --with-discriminator is for games from noise, such as recipes/dcgan.py"
        )
    print("exporting and comparing with the trained networks ...", flush=True)
    result = export(
        _JoinedSignatures(game) if with_discriminator else game,
        options.export,
        name=name,
        card=card,
        formats=formats,
        leave_out=True,
        **inputs,
        **bounds,
    )
    _record_export(run, step, result.path)
    return result, result.left_out


class _JoinedSignatures:
    """A game as `export` sees it, with the signatures of its discriminator.

    Args:
        game: the game.
    """

    def __init__(self, game: keras.Model):
        self.game = game

    def signatures(self) -> dict[str, Any]:
        return {**self.game.signatures(), **self.game.discriminator_signatures()}


def _card(
    run: Run,
    game: keras.Model,
    options: types.SimpleNamespace,
    info: DataInfo,
    measured: dict[str, float] | None,
) -> dict[str, Any]:
    """What an export's card says about the training."""
    return {
        "game": run.manifest["recipe"],
        "data": info.name,
        "classes": info.classes,
        "class_counts": info.class_counts,
        "fingerprint": info.fingerprint,
        "shape": info.shape,
        "steps": int(game.steps.numpy()),
        "usage": game.usage,
        **({"notice": game.notice} if game.notice else {}),
        "constants": vars(options),
        "measured": measured or {},
        "versions": versions(),
        **game.card_facts(),
    }


def _example_inputs(
    game: keras.Model, source: data.Source | None, info: DataInfo, size: int | None
) -> dict[str, Any]:
    """`size` and `representative` of an export, where inputs come from the data."""
    signatures = game.signatures()
    shapes = [spec.shape for spec in signatures["serving_default"].inputs]
    if size and not any(None in shape for shape in shapes):
        raise InputError(
            f"--size is {size}, but this game's network takes inputs of shape"
            f" {', '.join(map(str, shapes))} only; leave --size out"
        )
    if all(signature.drawable for signature in signatures.values()):
        return {}
    sides = ((size, size) if size else tuple(info.shape[:2])) if len(info.shape) == 3 else ()
    arguments: dict[str, Any] = {"size": sides} if sides else {}
    if source is not None:
        count = min(examples.required_count(sides), len(source))
        batch = source.take(count, seed=1)
        arguments["representative"] = game.representative(batch, sides or None)
    return arguments


def _earlier_export(
    run: Run, options: types.SimpleNamespace, step: int, info: DataInfo
) -> Path | None:
    """The run's export of a step, if it is in the folder for exports."""
    home = Path(options.export) / naming.export_name(options, run.manifest["recipe"], info)
    for entry in reversed(_recorded_exports(run)):
        folder = Path(entry["path"])
        if (
            entry["step"] == step
            and (folder / "saved_model.pb").exists()
            and folder.parent.resolve() == home.resolve()
        ):
            return folder
    path = _unrecorded_export(run, options, step, home)
    if path is not None:
        _record_export(run, step, path)
    return path


def _recorded_exports(run: Run) -> list[dict[str, Any]]:
    path = run.folder / EXPORTS
    schema = {"step": COUNT, "path": str}
    try:
        return read_json_lines(path, schema, advice="remove it") if path.exists() else []
    except InputError as error:  # the run is whole: its export is made again
        print(f"{error}; exporting again")
        return []


def _unrecorded_export(
    run: Run, options: types.SimpleNamespace, step: int, home: Path
) -> Path | None:
    """An export that was published just before a kill or a full disk, so that no list has it."""
    try:
        start = read_json_lines(run.folder / VERSIONS, {"time": str}, advice="", unfinished=True)[0]
    except (InputError, IndexError):
        return None
    constants = json.dumps(vars(options), sort_keys=True)
    for number in reversed(folders.versions(home)):
        path = home / str(number)
        try:
            card = read_json(path / "card.json", {"versions": {"time": str}}, advice="")
        except InputError:
            continue  # another program's
        same = json.dumps(card.get("constants"), sort_keys=True) == constants
        # One that is older than the run is of a run of this name that was deleted.
        if same and card.get("steps") == step and card["versions"]["time"] >= start["time"]:
            return path
    return None


def _record_export(run: Run, step: int, path: Path) -> None:
    with writing_to(run.folder):
        append_json(run.folder / EXPORTS, {"step": step, "path": str(path)})


def _several_devices(game: keras.Model) -> bool:
    strategy = game.distribute_strategy
    return strategy is not None and not isinstance(strategy, type(tf.distribute.get_strategy()))
