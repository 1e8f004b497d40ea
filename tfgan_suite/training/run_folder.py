"""A run folder holds everything about a training run; the same command starts or resumes it."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import fcntl
import importlib.util
import json
import os
import platform
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.training.checkpoints import Checkpoints
from tfgan_suite.utils import files, image_grids

# What may differ when a run resumes: none of these changes what a step computes. (Data may move
# to another path; their contents are compared by the fingerprint.)
FREE = ("run", "data", "steps", "strategy", "export", "name", "checkpoint_every", "keep", "samples")


@dataclasses.dataclass(frozen=True)
class DataInfo:
    """What a recipe must know about the data to build its networks.

    Args:
        name: short name, e.g. `"shapes"`.
        shape: shape of one example.
        classes: names of the classes, or None.
        fingerprint: changes when the data changes.
        class_counts: examples of each class; `None`: no labels, or unknown.
    """

    name: str
    shape: tuple[int, ...]
    classes: tuple[str, ...] | None = None
    fingerprint: str = ""
    class_counts: tuple[int, ...] | None = None

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """`(height, width, channels)`.

        Raises:
            InputError: the examples are points.
        """
        if len(self.shape) != 3:
            raise InputError(
                f"{self.name} holds points, but this game generates images; pass a folder"
                " of images, or shapes"
            )
        if self.shape[0] != self.shape[1]:
            raise InputError(
                f"{self.name} holds images of {self.shape[1]}x{self.shape[0]} pixels, but this"
                " game generates square ones; pass --size"
            )
        return self.shape


class Run:
    """One run folder.

    ```
    recipe.py          the recipe as it was run
    run.json           its constants, the data, the stack: what a resumed run must agree with
    versions.jsonl     versions and devices of every start
    checkpoints/       the newest ones, for resuming
    losses.jsonl       mean losses of every logging interval
    measures.jsonl     measurements
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
        if not self.manifest_path.is_file():
            raise InputError(
                f"{self.folder} is not a run folder (it has no run.json); pass the --run of a"
                " recipe, e.g. runs/dcgan_shapes"
            )
        try:
            manifest = json.loads(self.manifest_path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{self.manifest_path} is damaged ({error})") from None
        refuse_old_run(manifest, self.folder)
        return manifest

    def open(self, recipe: Path, options: types.SimpleNamespace, info: DataInfo) -> None:
        """Starts the folder, or checks that it belongs to the same recipe, constants and data.

        Raises:
            InputError: it belongs to another recipe, constants or data, holds other files, or
                cannot be written.
        """
        from tfgan_suite import __version__

        manifest = {
            "version": __version__,
            "recipe": recipe.stem,
            "stack": "keras3" if compat.KERAS3 else "keras2",
            "constants": vars(options),
            "data": {**dataclasses.asdict(info), "shape": list(info.shape)},
        }
        if self.manifest_path.exists():
            self._check_same(manifest)
        elif self.folder.is_dir() and any(p.name != ".lock" for p in self.folder.iterdir()):
            raise InputError(
                f"the run folder {self.folder} holds other files and no run.json; pass an empty"
                " or new folder as --run"
            )
        with files.writing_to(self.folder):
            (self.folder / "samples").mkdir(parents=True, exist_ok=True)
            text = json.dumps(manifest, indent=2, default=list) + "\n"
            files.write_bytes(self.manifest_path, text.encode())
            files.write_bytes(self.folder / "recipe.py", recipe.read_bytes())
            files.append_json(self.folder / "versions.jsonl", versions())

    def _check_same(self, new: Mapping[str, Any]) -> None:
        old = self.manifest
        differences = []
        for key in ("recipe", "stack"):
            if old[key] != new[key]:
                differences.append(f"{key} {old[key]} (now {new[key]})")
        for name in sorted({*old["constants"], *new["constants"]} - set(FREE)):
            before, now = old["constants"].get(name), new["constants"].get(name)
            if before != now:
                differences.append(f"{name} {before} (now {now})")
        if not differences and old["data"]["fingerprint"] != new["data"]["fingerprint"]:
            differences.append(f"other data ({old['data']['name']}, now {new['data']['name']})")
        if differences:
            raise InputError(
                f"the run folder {self.folder} was made with {', '.join(differences)};"
                " use the same values to resume, or another --run to start a new run"
            )

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keeps other processes out of the folder while the block runs."""
        with files.writing_to(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            file = open(self.folder / ".lock", "w")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InputError(
                    f"another process is training in {self.folder}; wait for it, or pass"
                    " another --run"
                ) from None
            yield

    def drop_after(self, step: int) -> None:
        """Removes log lines and grids of steps that a resumed run will repeat."""
        for name in ("losses.jsonl", "measures.jsonl"):
            path = self.folder / name
            if path.exists():
                lines = [line for line in path.read_text().splitlines() if _step_of(line) <= step]
                files.write_bytes(path, "".join(line + "\n" for line in lines).encode())
        for path in self.folder.glob("*/step_*.png"):
            if int(path.stem.split("_")[1]) > step:
                path.unlink()

    def finish_grids(self) -> Path | None:
        """Writes a contact sheet and an animation of the sample grids; returns the newest one."""
        paths = sorted((self.folder / "samples").glob("step_*.png"))
        if not paths:
            return None
        selected = [paths[i] for i in np.unique(np.linspace(0, len(paths) - 1, 6).astype(int))]
        grids = [image_grids.read_png(path) for path in selected]
        if len({grid.shape for grid in grids}) == 1:
            image_grids.write_png(self.folder / "samples" / "contact.png", np.concatenate(grids, 1))
            image_grids.write_animation(self.folder / "samples" / "training.gif", paths)
        return paths[-1]

    def load(self) -> tuple[keras.Model, types.SimpleNamespace, DataInfo]:
        """Rebuilds the game of this folder and restores its newest checkpoint.

        Returns:
            The game with recalibrated batch norm; its constants; the description of its data.

        Raises:
            InputError: not a run folder, no checkpoint, or one that does not fit the game.
        """
        manifest = self.manifest
        options = types.SimpleNamespace(**manifest["constants"])
        entry = manifest["data"]
        classes = entry["classes"]
        info = DataInfo(
            entry["name"],
            tuple(entry["shape"]),
            tuple(classes) if classes else None,
            entry["fingerprint"],
            tuple(entry.get("class_counts") or ()) or None,
        )
        recipe = load_recipe(self.folder / "recipe.py")
        compat.set_precision(options.precision)
        game = recipe.make_game(options, info)
        if not Checkpoints(game, self.folder / "checkpoints").restore():
            raise InputError(f"{self.folder} has no checkpoint yet; train it first")
        game.recalibrate_batch_norm()
        return game, options, info


def refuse_old_run(manifest: Mapping[str, Any], path: Path) -> None:
    """Refuses a run of version 0.1, whose constants have other names.

    Args:
        manifest: the contents of its `run.json`; before version 0.2 they state no version.
        path: its folder, for the message.

    Raises:
        InputError: the run is of version 0.1.
    """
    if "version" not in manifest:
        raise InputError(
            f"{path} was made by tfgan_suite 0.1, whose runs this version can neither resume nor"
            " open; train again in a new folder, or use tfgan_suite 0.1"
        )


def load_recipe(path: Path) -> types.ModuleType:
    """Imports a recipe file without starting a training run.

    Raises:
        InputError: the file is missing or has no `make_game`.
    """
    if not path.is_file():
        raise InputError(
            f"{path} is missing; it should be the copy of the recipe that made the run"
        )
    spec = importlib.util.spec_from_file_location(f"recipe_{path.parent.name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, "make_game"):
        raise InputError(f"{path} has no function make_game(options, data)")
    return module


def versions() -> dict[str, Any]:
    """Versions, devices and time of this start."""
    from tfgan_suite import __version__

    return {
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "tfgan_suite": __version__,
        "python": platform.python_version(),
        **compat.RELEASES,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "devices": [device.name for device in tf.config.list_logical_devices()],
    }


def _step_of(line: str) -> int:
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return sys.maxsize  # a line cut short by a kill
