"""`run.json`: what a run was started with, and what binds it when it goes on."""

from __future__ import annotations

import dataclasses
import datetime
import json
import platform
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.training import older_runs
from tfgan_suite.utils import files
from tfgan_suite.utils.json_files import COUNT, POSITIVE, Maybe, Number, read_json, read_json_lines

FILE = "run.json"
# What may differ when a run resumes: none of these changes what a step computes, or what its first
# step started from is in its weights. (Data may move to another path; their contents are compared
# by the fingerprint.)
FREE = (
    "run", "data", "steps", "epochs", "strategy", "export", "name", "log_every", "checkpoint_every",
    "measure_every", "measure_extractor", "no_cache", "steps_per_execution", "keep", "samples",
    "start", "warm_start",
)  # fmt: skip
STACK = "keras3" if compat.KERAS3 else "keras2"
_STACKS = {
    "keras2": "Python 3.9 to 3.11 with TensorFlow 2.15 and Keras 2",
    "keras3": "Python 3.12 or newer with TensorFlow 2.20 or newer and Keras 3",
}
# How names of files enter the fingerprints of data. Form 1 (no entry) had the name of the folder
# that holds the data, which says nothing about the data.
FINGERPRINT_FORM = 2

_SCHEMA = {
    "version": str,
    "recipe": str,
    "stack": str,
    "constants": {str: (bool, int, float, str, type(None))},
    "data": {
        "name": str,
        "shape": [Number(int, 1, 2**24)],
        "classes": Maybe([str]),
        "fingerprint": str,
        "class_counts": Maybe([COUNT]),
        "embedded": Maybe(bool),
        "fingerprint_form": Maybe(COUNT),
    },
    "versions": Maybe({str: str}),
    "schedule": Maybe({"steps": POSITIVE, "knots": [[Number(float, 0, 2**53)]]}),
}
_ADVICE = (
    "restore the file, or pass another --run to start a new run (the recipe beside it, recipe.py,"
    " and the exports of the run are intact)"
)


@dataclasses.dataclass(frozen=True)
class DataInfo:
    """What a recipe must know about the data to build its networks.

    Args:
        name: short name, e.g. `"shapes"`.
        shape: shape of one example.
        classes: names of the classes, or None.
        fingerprint: changes when the data changes.
        class_counts: examples of each class; `None`: no labels, or unknown.
        embedded: whether it is one of this suite's own worlds, for which recipes have defaults.
    """

    name: str
    shape: tuple[int, ...]
    classes: tuple[str, ...] | None = None
    fingerprint: str = ""
    class_counts: tuple[int, ...] | None = None
    embedded: bool = False

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
        return self.shape

    @property
    def square_image_shape(self) -> tuple[int, int, int]:
        """`image_shape` for games that generate square images.

        Raises:
            InputError: the examples are points, or images that are not square.
        """
        height, width, channels = self.image_shape
        if height != width:
            raise InputError(
                f"{self.name} holds images of {width}x{height} pixels, but this game generates"
                " square ones; pass --size"
            )
        return height, width, channels


def create(
    recipe: str, options: types.SimpleNamespace, info: DataInfo, schedule: Mapping[str, Any]
) -> dict[str, Any]:
    """The manifest of a run.

    Args:
        recipe: name of the recipe.
        options: its constants.
        info: the description of the data.
        schedule: the learning-rate schedule, from `run_schedule.plan`.
    """
    from tfgan_suite import __version__

    return {
        "version": __version__,
        "recipe": recipe,
        "stack": STACK,
        "versions": {"python": platform.python_version(), **compat.RELEASES},
        "constants": vars(options),
        "data": {
            **dataclasses.asdict(info),
            "shape": list(info.shape),
            "fingerprint_form": FINGERPRINT_FORM,
        },
        "schedule": schedule,
    }


def write(path: Path, manifest: Mapping[str, Any]) -> None:
    """Writes a manifest atomically."""
    files.write_bytes(path, (json.dumps(manifest, indent=2, default=list) + "\n").encode())


def read(path: Path) -> dict[str, Any]:
    """Reads a manifest.

    Args:
        path: the file.

    Raises:
        InputError: the file is damaged, or of version 0.1; one line that names it.
    """
    manifest = read_json(path, {}, advice=_ADVICE)
    refuse_old_run(manifest, path.parent)
    return read_json(path, _SCHEMA, advice=_ADVICE)


def info_of(manifest: Mapping[str, Any]) -> DataInfo:
    """The description of the data in a manifest."""
    entry = manifest["data"]
    classes = entry.get("classes")
    shape, fingerprint = tuple(entry["shape"]), entry["fingerprint"]
    counts = tuple(entry.get("class_counts") or ()) or None
    names = tuple(classes) if classes else None
    embedded = bool(entry.get("embedded"))
    return DataInfo(entry["name"], shape, names, fingerprint, counts, embedded)


def refuse_old_run(manifest: Mapping[str, Any], path: Path) -> None:
    """Refuses a run of version 0.1, whose constants have other names.

    Args:
        manifest: the contents of its `run.json`; before version 0.2 they state no version.
        path: its folder, for the message.

    Raises:
        InputError: the run is of version 0.1.
    """
    if "version" not in manifest and "constants" in manifest:
        raise InputError(
            f"{path} was made by tfgan_suite 0.1, whose runs this version can neither resume nor"
            " open; train again in a new folder, or use tfgan_suite 0.1"
        )


def refuse_other_stack(manifest: Mapping[str, Any], folder: Path) -> None:
    """Refuses a run of the other stack, whose checkpoints name their variables differently.

    Args:
        manifest: of the run.
        folder: of the run, for the message.

    Raises:
        InputError: says which stack and Python made the run, and what to do.
    """
    if manifest["stack"] == STACK:
        return
    needed = _STACKS.get(manifest["stack"])
    if needed is None:
        raise InputError(
            f"{folder / FILE} is damaged: stack is {manifest['stack']!r}, expected"
            f" {' or '.join(_STACKS)}; {_ADVICE}"
        )
    releases = _releases(manifest, folder)
    this = f"Python {platform.python_version()} with Keras {compat.RELEASES['keras']}"
    raise InputError(
        f"{folder} was trained by {releases or needed}; this is {this}, which cannot read its"
        f" checkpoints: sample, export or resume it in an environment of {needed}, or train again"
        " with another --run; exports of the run work on both"
    )


def _releases(manifest: Mapping[str, Any], folder: Path) -> str:
    """Python and libraries of a run in words; of an older one from its `versions.jsonl`."""
    releases = manifest.get("versions") or {}
    if not releases:
        try:
            releases = read_json_lines(folder / "versions.jsonl", advice=_ADVICE)[-1]
        except (InputError, IndexError):
            return ""
    try:
        return (
            f"Python {releases['python']} with TensorFlow {releases['tensorflow']} and Keras"
            f" {releases['keras']}"
        )
    except (KeyError, TypeError):
        return ""


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What binds a run and differs at this start, such as "width 2 (now 3)".

    Args:
        old: the manifest of the run.
        new: that of this start.
    """
    changes = []
    if old["recipe"] != new["recipe"]:
        changes.append(f"recipe {old['recipe']} (now {new['recipe']})")
    for name in sorted({*old["constants"], *new["constants"]} - set(FREE)):
        before, now = old["constants"].get(name), new["constants"].get(name)
        if name not in old["constants"]:
            before = older_runs.BEFORE.get(name, None if now else now)
        if name == "bit_depth":  # sets of TensorFlow Datasets state none and read all bits
            before, now = before or 16, now or 16
        if name == "discriminator_learning_rate":  # None: that of the generator
            before = old["constants"].get("learning_rate") if before is None else before
            now = new["constants"].get("learning_rate") if now is None else now
        if before != now:
            changes.append(f"{name} {before} (now {now})")
    if not changes and old["data"]["fingerprint"] != new["data"]["fingerprint"]:
        if old["data"].get("fingerprint_form") == FINGERPRINT_FORM or (
            old["data"]["shape"] != new["data"]["shape"]
        ):
            changes.append(f"other data ({old['data']['name']}, now {new['data']['name']})")
    return changes


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
