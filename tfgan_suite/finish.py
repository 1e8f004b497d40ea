"""What a run does after its last step: sheets, a measure by the oracle, exports, a summary."""

from __future__ import annotations

import json
import types
from pathlib import Path

import keras
import tensorflow as tf

from tfgan_suite import callbacks, data, pictures
from tfgan_suite.export import ExportResult, ParityError, export
from tfgan_suite.runs import DataInfo, Run, versions, writing_to

# Samples that the oracle of an embedded world reads.
MEASURED = 1000


def finish(
    run: Run,
    game: keras.Model,
    source: data.Source,
    chosen: types.SimpleNamespace,
    info: DataInfo,
    seconds: float,
) -> int:
    """Draws the last sheets, measures, exports and says where everything is.

    Nothing is measured or exported a second time for the same step of the same run.

    Args:
        run: the run.
        game: the trained game.
        source: its data.
        chosen: the recipe's constants.
        info: the data's description.
        seconds: time of this start so far, for the summary.

    Returns:
        Exit code: 0, or 4 where a TFLite format was left out of the export because it differs
        from the game by more than its bound.

    Raises:
        InputError: something cannot be written.
        ExportError: the game cannot be exported at all.
    """
    if _several_devices(game):
        # Exports are made of plain variables: the newest checkpoint in a game without replicas.
        game, _, _ = run.load()
    else:
        game.settle()
    step = int(game.steps.numpy())
    with writing_to(run.folder):
        points = None if len(info.shape) == 3 else source.take(min(256, len(source)))["point"]
        count = 64 if points is None else 1024
        drawn = game.generate(count, seed=0, **game.sheet_inputs(count, 0))
        page = pictures.draw(drawn, points, game.sheet_columns)
        pictures.write_png(run.folder / "samples" / "final.png", page)
        run.finish_sheets()
        measured = _measure(run, game, source, step)
    lines = [
        f"done: step {step}, {seconds:.0f} s",
        f"  samples      {run.folder / 'samples' / 'final.png'}"
        " (contact.png, training.gif beside it)",
        f"  losses       {run.folder / 'losses.jsonl'};"
        f" tensorboard --logdir {run.folder / 'logs'}",
    ]
    if measured:
        shown = ", ".join(f"{name} {value:.4g}" for name, value in measured.items())
        lines.append(f"  measured     {shown}")
    left_out = {}
    if chosen.export == "none":
        lines.append("  export       none")
    else:
        path = _earlier_export(run, chosen, step)
        if path is None:
            result, left_out = export_run(run, game, chosen, info, measured)
            path = result.path
        lines += _where(path)
    for kind, reason in left_out.items():
        lines.append(f"  left out     {kind}: {reason}")
    if left_out:
        lines.append(
            f"  to accept it: python -m tfgan_suite export {run.folder} --to {chosen.export}"
            " --float16-bound 0.02 --int8-bound 20"
        )
    print("\n".join(lines))
    return 4 if left_out else 0


def _measure(run: Run, game: keras.Model, source: data.Source, step: int) -> dict[str, float]:
    """Reads samples with the oracle of an embedded world; empty for other data."""
    if source.report is None:
        return {}
    found = source.report(game.generate(MEASURED, seed=1))
    found = {k: v for k, v in found.items() if isinstance(v, (int, float))}
    path = run.folder / "measures.jsonl"
    entry = {"step": step, "samples": MEASURED, "seed": 1, **found}
    if json.dumps(entry) not in (path.read_text().splitlines() if path.exists() else []):
        callbacks.append_json(path, entry)
    return found


def _where(path: Path) -> list[str]:
    """The lines that say where an export is and what can be done with it."""
    lines = [f"  SavedModel   {path}"]
    files = sorted(file.stem for file in (path / "tflite").glob("*.tflite"))
    if files:
        lines.append(f"  TFLite       {path / 'tflite'} ({', '.join(files)})")
    return lines + [
        f"  parity       {path / 'parity.json'}",
        f"  card         {path / 'card.json'}",
        f"  draw         python -m tfgan_suite sample {path}",
        f"  serve        docker run -p 8501:8501 -v {path.parent.parent.resolve()}:/models"
        f" -e MODEL_NAME={path.parent.name} tensorflow/serving",
    ]


def export_run(
    run: Run,
    game: keras.Model,
    chosen: types.SimpleNamespace,
    info: DataInfo,
    measured: dict[str, float] | None = None,
    **bounds: float | None,
) -> tuple[ExportResult, dict[str, str]]:
    """Exports a settled game as the next version of `<export>/<recipe>_<data>`.

    Args:
        run: the run, whose manifest names the recipe.
        game: the trained game, settled.
        chosen: the recipe's constants; `export` is the folder.
        info: the data's description.
        measured: measurements for the card.
        **bounds: `float16_bound` and `int8_bound` of `tfgan_suite.export.export`.

    Returns:
        The export, and the TFLite formats left out of it because they differ from the game by
        more than their bound, with the reasons.

    Raises:
        ExportError: the SavedModel itself differs, or the game cannot be exported.
    """
    recipe, step = run.manifest["recipe"], int(game.steps.numpy())
    card = {
        "game": recipe,
        "data": info.name,
        "classes": info.classes,
        "steps": step,
        "constants": vars(chosen),
        "measured": measured or {},
        "versions": versions(),
    }
    formats = ["saved_model"]
    if len(info.shape) == 3:
        formats += ["tflite_float32", "tflite_float16", "tflite_int8"]
    name = f"{recipe}_{info.name}"
    print("exporting and comparing with the trained networks ...", flush=True)
    left_out: dict[str, str] = {}
    try:
        result = export(game, chosen.export, name=name, card=card, formats=formats, **bounds)
    except ParityError as error:
        left_out = error.failed
        formats = [kind for kind in formats if kind not in left_out]
        if not left_out or "saved_model" not in formats:
            raise
        result = export(game, chosen.export, name=name, card=card, formats=formats, **bounds)
    with writing_to(run.folder):
        entry = {"step": step, "path": str(result.path)}
        callbacks.append_json(run.folder / "exports.jsonl", entry)
    return result, left_out


def _earlier_export(run: Run, chosen: types.SimpleNamespace, step: int) -> Path | None:
    path = run.folder / "exports.jsonl"
    for line in reversed(path.read_text().splitlines() if path.exists() else []):
        entry = json.loads(line)
        place = Path(entry["path"])
        if (
            entry["step"] == step
            and (place / "saved_model.pb").exists()
            and place.parent.parent.resolve() == Path(chosen.export).resolve()
        ):
            return place
    return None


def _several_devices(game: keras.Model) -> bool:
    strategy = game.distribute_strategy
    return strategy is not None and not isinstance(
        strategy, type(tf.distribute.get_strategy())
    )
