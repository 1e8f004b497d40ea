"""What a run does after its last step: sheets, a measure by the oracle, exports, a summary."""

from __future__ import annotations

import json
import types
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import callbacks, data, pictures
from tfgan_suite.export import export
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
) -> None:
    """Draws the last sheets, measures, exports and says where everything is.

    Nothing is measured or exported a second time for the same step of the same run.

    Args:
        run: the run.
        game: the trained game.
        source: its data.
        chosen: the recipe's constants.
        info: the data's description.
        seconds: time of this start so far, for the summary.

    Raises:
        InputError: something cannot be written.
        ExportError: an export differs from the game by more than its bound.
    """
    if _several_devices(game):
        # Exports are made of plain variables: the newest checkpoint in a game without replicas.
        game, _, _ = run.load()
    else:
        game.settle()
    step = int(game.steps.numpy())
    with writing_to(run.folder):
        page = pictures.draw(game.generate(64, seed=0))
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
    if chosen.export == "none":
        lines.append("  export       none")
    else:
        lines += _exported(run, game, chosen, info, step, measured)
    print("\n".join(lines))


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


def _exported(
    run: Run,
    game: keras.Model,
    chosen: types.SimpleNamespace,
    info: DataInfo,
    step: int,
    measured: dict[str, float],
) -> list[str]:
    """Exports unless this step is exported already; the lines that say where it is."""
    path = _earlier_export(run, chosen, step)
    if path is None:
        path = export_run(run, game, chosen, info, measured).path
    model = path.parent.name
    return [
        f"  SavedModel   {path}",
        f"  TFLite       {path / 'tflite'} (float32, float16, int8)",
        f"  parity       {path / 'parity.json'}",
        f"  card         {path / 'card.json'}",
        f"  draw         python -m tfgan_suite sample {path}",
        f"  serve        docker run -p 8501:8501 -v {path.parent.parent.resolve()}:/models"
        f" -e MODEL_NAME={model} tensorflow/serving",
    ]


def export_run(
    run: Run,
    game: keras.Model,
    chosen: types.SimpleNamespace,
    info: DataInfo,
    measured: dict[str, float] | None = None,
) -> Any:
    """Exports a settled game as the next version of `<export>/<recipe>_<data>`.

    Returns:
        `tfgan_suite.export.ExportResult`.
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
    is_point = len(info.shape) == 1
    print("exporting and comparing with the trained networks ...", flush=True)
    result = export(
        game,
        chosen.export,
        name=f"{recipe}_{info.name}",
        card=card,
        formats=("saved_model",) if is_point else ("saved_model", "tflite"),
    )
    with writing_to(run.folder):
        entry = {"step": step, "path": str(result.path)}
        callbacks.append_json(run.folder / "exports.jsonl", entry)
    return result


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
