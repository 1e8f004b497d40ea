"""`best/` in a run folder: the run as it was at the step with the best measure so far.

It is a run folder itself, so every command takes it: `python -m tfgan_suite sample RUN/best`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras

from tfgan_suite.errors import InputError
from tfgan_suite.training import checkpoint_files, measuring, run_lock, run_recipe
from tfgan_suite.training.checkpoints import Checkpoints
from tfgan_suite.utils import files
from tfgan_suite.utils.json_files import COUNT, Number, read_json

FOLDER, RECORD = "best", "best.json"
_SCHEMA = {"step": COUNT, "measure": str, "value": Number(), "better": str}
# Logs and pages of the run say nothing of its best step.
_LOGS = (".jsonl", ".log", ".html", files.PART)


def read(run: Path) -> dict[str, Any] | None:
    """Step, measure, value and direction of the best checkpoint; `None`: there is none."""
    path = run / FOLDER / RECORD
    try:
        return read_json(path, _SCHEMA, advice="remove it") if path.is_file() else None
    except InputError:  # another program's, or damaged: the next measurement starts anew
        return None


def describe(record: Mapping[str, Any]) -> str:
    """A record in words: "step 500, by kid (0.012, lower is better)"."""
    return (
        f"step {record['step']}, by {record['measure']} ({record['value']:.4g},"
        f" {record['better']} is better)"
    )


class Best:
    """Keeps the checkpoint with the best measure.

    A resumed run that measures the same steps again finds the same best one: only what is strictly
    better replaces it.

    Args:
        run: the run folder.
        game: the game that is trained in it.
        log: receives a line where a best checkpoint cannot be written; training goes on.
    """

    def __init__(self, run: Path, game: keras.Model, log: Callable[[str], None] = print):
        self.run, self.game, self.log = run, game, log
        self.folder = run / FOLDER
        self.record = read(run)

    def offer(self, step: int, values: Mapping[str, Any]) -> None:
        """Keeps the game if no step before was as good.

        Args:
            step: at which it was measured.
            values: what was measured.
        """
        result = measuring.headline(self.game, values)
        if result is None:
            return
        record = self.record
        if record and record["measure"] == result.name and not result.beats(record["value"]):
            return
        try:
            self._write(step, result)
        except (InputError, OSError) as error:
            self.log(f"\nstep {step}: the best checkpoint so far could not be kept: {error}")

    def _write(self, step: int, result: measuring.Headline) -> None:
        self.folder.mkdir(exist_ok=True)
        self._copy_run()
        # The best one before stays until the record names its successor.
        checkpoints = Checkpoints(self.game, self.folder / "checkpoints", keep=2)
        checkpoints.tidy()
        checkpoints.save()
        self.record = {
            "step": step,
            "measure": result.name,
            "value": result.value,
            "better": result.direction,
        }
        files.write_bytes(self.folder / RECORD, (json.dumps(self.record) + "\n").encode())
        for checkpoint in checkpoint_files.scan(self.folder / "checkpoints"):
            if checkpoint.step != step:
                for path in checkpoint.files:
                    path.unlink(missing_ok=True)

    def _copy_run(self) -> None:
        """The recipe, the manifest and whatever else the run keeps for opening it."""
        for path in self.run.iterdir():
            if path.is_file() and not path.name.endswith(_LOGS) and path.name not in run_lock.NAMES:
                files.write_bytes(self.folder / path.name, path.read_bytes())
        modules = self.run / run_recipe.HELPERS
        if modules.is_dir():
            shutil.copytree(modules, self.folder / run_recipe.HELPERS, dirs_exist_ok=True)
