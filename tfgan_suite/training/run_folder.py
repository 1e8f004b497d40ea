"""A run folder holds everything about a training run; the same command starts or resumes it."""

from __future__ import annotations

import contextlib
import os
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.training import (
    checkpoint_files,
    older_runs,
    run_lock,
    run_manifest,
    run_recipe,
    run_schedule,
)
from tfgan_suite.training.checkpoints import Checkpoints
from tfgan_suite.training.foreign_recipes import announce_foreign_recipe
from tfgan_suite.training.run_manifest import DataInfo, refuse_old_run, versions
from tfgan_suite.training.run_recipe import load_recipe
from tfgan_suite.utils import files, foreign_files, image_grids
from tfgan_suite.utils.json_files import COUNT, parse_json, read_json
from tfgan_suite.utils.text import describe

__all__ = ["DataInfo", "Run", "load_recipe", "refuse_old_run", "versions"]


class Run:
    """One run folder.

    ```
    recipe.py          the recipe as it was run
    run.json           its constants, the data, the stack: what a resumed run must agree with
    versions.jsonl     versions and devices of every start
    checkpoints/       the newest ones, for resuming
    losses.jsonl       mean losses of every logging interval
    measures.jsonl     measurements
    health.jsonl       warnings of the health check
    index.html         all of it on a page for a browser
    best/              with --measure-every: the run at its best step, a run folder too
    samples/           grids of the same noise over training, a contact sheet and an animation
    logs/              TensorBoard
    ```

    Args:
        folder: the run folder.
    """

    def __init__(self, folder: str | os.PathLike):
        self.folder = Path(folder)
        self.manifest_path = self.folder / "run.json"

    @property
    def manifest(self) -> dict[str, Any]:
        """The contents of `run.json`.

        Raises:
            InputError: the folder is not a run folder.
        """
        if not self.manifest_path.exists():
            raise InputError(
                f"{self.folder} is not a run folder (it has no run.json); pass the --run of a"
                " recipe, e.g. runs/dcgan_shapes"
            )
        return run_manifest.read(self.manifest_path)

    def trained_steps(self) -> int:
        """Step of the newest checkpoint, intact or not; 0 if the run has not trained a step yet."""
        checkpoints = checkpoint_files.scan(self.folder / "checkpoints")
        return max((c.step for c in checkpoints if not c.unfinished), default=0)

    def bound_manifest(self) -> dict[str, Any] | None:
        """The manifest of a run that has trained a step; None: nothing binds the folder yet.

        Raises:
            InputError: `run.json` is damaged, or the run is of version 0.1.
        """
        trained = self.trained_steps() and os.path.lexists(self.manifest_path)
        return self.manifest if trained else None

    @property
    def has_checkpoints(self) -> bool:
        """Whether there is a folder of checkpoints."""
        return (self.folder / "checkpoints").is_dir()

    def open(self, recipe: Path, options: types.SimpleNamespace, info: DataInfo) -> None:
        """Starts the folder, or checks that it belongs to the same recipe, constants and data.

        Nothing binds a run that has not trained a step: it is started anew.

        Raises:
            InputError: it belongs to another recipe, constants or data, holds other files, or
                cannot be written.
        """
        bound = self.bound_manifest()
        schedule = run_schedule.plan(bound, options, self.trained_steps())
        manifest = run_manifest.create(recipe.stem, options, info, schedule)
        if bound is not None:
            run_manifest.refuse_other_stack(bound, self.folder)
            self._check_same(bound, manifest)
            # What the run started from, whatever this start says.
            manifest["constants"] = {
                **vars(options),
                **{k: bound["constants"].get(k) for k in ("warm_start",) if k in vars(options)},
            }
            if "epochs" not in bound["constants"]:  # still a run of an older recipe (`older_runs`)
                manifest["constants"].pop("epochs", None)
        elif not os.path.lexists(self.manifest_path) and self._has_other_files():
            raise InputError(
                f"the run folder {self.folder} holds other files and no run.json; pass an empty"
                " or new folder as --run"
            )
        else:
            self._refuse_old_start()
        with files.writing_to(self.folder):
            # The manifest first: it makes the folder a run's, also if a kill comes next.
            self.folder.mkdir(parents=True, exist_ok=True)
            run_manifest.write(self.manifest_path, manifest)
            (self.folder / "samples").mkdir(exist_ok=True)
            run_recipe.copy_recipe(recipe, self.folder)
            files.append_json(self.folder / "versions.jsonl", versions())

    def _has_other_files(self) -> bool:
        own = (*run_lock.NAMES, f"{self.manifest_path.name}{files.PART}")
        return self.folder.is_dir() and any(
            not path.name.startswith(own) for path in self.folder.iterdir()
        )

    def _refuse_old_start(self) -> None:
        """A run of version 0.1, or without its checkpoints, is not taken for one not begun."""
        try:
            manifest = read_json(self.manifest_path, {}, advice="")
        except InputError:
            return  # damaged, and nothing was trained: it is written anew
        refuse_old_run(manifest, self.folder)
        every = (manifest.get("constants") or {}).get("checkpoint_every")
        step = self._logged_step()
        if isinstance(every, int) and step > every:
            raise InputError(
                f"{self.folder} holds losses up to step {step}, but its checkpoints are gone;"
                " put them back to resume, or pass another --run to start again"
            )

    def _logged_step(self) -> int:
        """The last step with a line of losses; 0 if there is none."""
        try:
            lines = foreign_files.read_bytes(self.folder / "losses.jsonl").splitlines()
        except OSError:
            return 0
        return max((step for step in map(_step_of, lines) if step < sys.maxsize), default=0)

    def _check_same(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        changes = run_manifest.differences(old, new)
        if changes:
            raise InputError(
                f"the run folder {self.folder} was made with {', '.join(changes)};"
                " use the same values to resume, or another --run to start a new run"
            )
        before, now = old["constants"].get("warm_start"), new["constants"].get("warm_start")
        if now is not None and now != before:
            raise InputError(
                f"{self.folder} has trained {self.trained_steps()} steps already, and --warm-start"
                " sets the weights before the first; leave it out to resume, or pass another --run"
            )

    @contextlib.contextmanager
    def lock(self, log: Callable[[str], None] = print) -> Iterator[None]:
        """Keeps other processes out of the folder while the block runs."""
        with run_lock.lock(self.folder, log):
            yield

    def drop_after(self, step: int) -> None:
        """Removes log lines and grids of steps that a resumed run will repeat.

        Raises:
            InputError: a log cannot be read or written.
        """
        for name in ("losses.jsonl", "measures.jsonl", "health.jsonl"):
            path = self.folder / name
            if not path.exists():
                continue
            try:
                lines = foreign_files.read_bytes(path).splitlines(keepends=True)
            except OSError as error:
                raise InputError(
                    f"{path} cannot be read ({error.strerror or error}); remove it to resume"
                ) from None
            with files.writing_to(self.folder):
                files.write_bytes(path, b"".join(x for x in lines if _step_of(x) <= step))
        for path in self.folder.glob("*/step_*.png"):
            number = path.stem.split("_")[1]
            if number.isdecimal() and int(number) > step:
                with contextlib.suppress(OSError):
                    path.unlink()

    def finish_grids(self) -> Path | None:
        """Writes a contact sheet and an animation of the sample grids; returns the newest one.

        A grid that cannot be read is left out.
        """
        grids = {}
        for path in sorted((self.folder / "samples").glob("step_*.png")):
            # Pillow raises what its decoders raise: OSError, SyntaxError, ValueError, ...
            with contextlib.suppress(Exception):
                grids[path] = image_grids.read_png(path)
        if not grids:
            return None
        paths = list(grids)
        selected = [paths[i] for i in np.unique(np.linspace(0, len(paths) - 1, 6).astype(int))]
        if len({grids[path].shape for path in selected}) == 1:
            row = np.concatenate([grids[path] for path in selected], 1)
            image_grids.write_png(self.folder / "samples" / "contact.png", row)
            image_grids.write_animation(self.folder / "samples" / "training.gif", paths)
        return paths[-1]

    def load(self, recalibrate: bool = True) -> tuple[keras.Model, types.SimpleNamespace, DataInfo]:
        """Rebuilds the game of this folder and restores its newest checkpoint.

        Args:
            recalibrate: whether to recalibrate batch norm, as generating needs it.

        Returns:
            The game; its constants; the description of its data.

        Raises:
            InputError: not a run folder, a run of the other stack, a damaged file, no checkpoint,
                or one that does not fit the game.
        """
        manifest = self.manifest
        run_manifest.refuse_other_stack(manifest, self.folder)
        announce_foreign_recipe(self.folder / run_recipe.RECIPE, manifest["recipe"])
        recipe = load_recipe(self.folder / run_recipe.RECIPE)
        run_recipe.check_constants(recipe, manifest["constants"], self.manifest_path)
        before = {"bit_depth": older_runs.BEFORE["bit_depth"]}  # needed to read its data again
        options = types.SimpleNamespace(**{**before, **manifest["constants"]})
        options.run = str(self.folder)  # it may have moved
        info = run_manifest.info_of(manifest)
        compat.set_precision(options.precision)
        try:
            game = recipe.make_game(options, info)
        except InputError:
            raise
        except Exception as error:  # constants that were edited: whatever Keras makes of them
            raise InputError(
                f"{self.folder / run_recipe.RECIPE} cannot build the game from the constants in"
                f" {self.manifest_path} ({describe(error)}); restore both files"
            ) from error
        if not Checkpoints(game, self.folder / "checkpoints").restore():
            raise InputError(f"{self.folder} has no checkpoint yet; train it first")
        if recalibrate:
            game.recalibrate_batch_norm()
        return game, options, info


def _step_of(line: bytes) -> int:
    try:
        return parse_json(line.decode(), "", {"step": COUNT}, advice="")["step"]
    except (UnicodeDecodeError, InputError):
        return sys.maxsize  # a line cut short by a kill
