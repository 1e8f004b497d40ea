"""The file in which `speed.py --output` collects a machine's results; `tables.py` reads it.

    {"machine": {"processor": "...", "cores": 2, "system": "..."}, "results": [{...}, ...]}

A result has what `speed.py --json` prints, its date and the cores that it could use. Measuring the
same game again, with the same setting and versions, replaces the older result.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfgan_suite.errors import InputError
from tfgan_suite.utils.files import failure_reason, user_path, write_bytes
from tfgan_suite.utils.json_files import POSITIVE, Maybe, Number, read_json

# What tells results from each other; games have different options.
SETTING = (
    "game", "precision", "size", "width", "kernel", "blocks", "pool", "batch", "threads",
    "usable_cores", "peer_adam", "versions",
)  # fmt: skip
_RANGE = Maybe([Number()])
SCHEMA = {
    "machine": {"processor": str, "cores": POSITIVE, "system": str},
    "results": [
        {
            "game": str,
            "precision": str,
            "date": str,
            "versions": {"tensorflow": str, "keras": str},
            "peer_adam": Maybe(str),
            "images_per_s": Number(),
            "peer_images_per_s": Maybe(Number()),
            "ratio": Maybe(Number()),
            "ratio_range": _RANGE,
            "cpu_ratio": Maybe(Number()),
            "fit_overhead": Number(),
            "fit_overhead_range": _RANGE,
        }
    ],
}


def machine() -> dict[str, Any]:
    """Processor, number of cores and operating system."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = (line.partition(":")[2] for line in lines if line.startswith("model name"))
            return next(names, "").strip() or platform.processor()
    except OSError:  # not Linux
        return platform.processor()


def read(path: str | os.PathLike) -> dict[str, Any]:
    """The content of a file.

    Raises:
        InputError: it is missing, or no such file.
    """
    return read_json(user_path(path), SCHEMA, advice="measure again with speed.py --output")


def check(path: str | os.PathLike) -> None:
    """Checks, before anything is measured, that results of this machine can be added to a file.

    Args:
        path: of the file; it may be missing, its folder may not.

    Raises:
        InputError: it holds something else or another machine's results, or has no folder.
    """
    _content(user_path(path))


def _content(path: Path) -> dict[str, Any]:
    if not path.parent.is_dir():
        raise InputError(f"{path.parent} is no folder; create it, or name another --output")
    here = machine()
    if not path.exists():
        return {"machine": here, "results": []}
    content = read(path)
    if content["machine"] != here:
        raise InputError(
            f"{path} has the results of {content['machine']}, and this machine is {here}; name"
            " another --output"
        )
    return content


def add(path: str | os.PathLike, result: Mapping[str, Any]) -> None:
    """Adds a result of this machine to a file, or replaces its older one.

    Args:
        path: of the file; it is created if it is missing.
        result: of `speed.measure`.

    Raises:
        InputError: as `check`, or the file cannot be written.
    """
    path = user_path(path)
    content = _content(path)
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    dated = {**result, "date": now, "usable_cores": _usable_cores()}
    content["results"] = [r for r in content["results"] if setting(r) != setting(dated)] + [dated]
    try:
        write_bytes(path, f"{json.dumps(content, indent=1)}\n".encode())
    except OSError as error:
        raise InputError(f"{path} cannot be written: {failure_reason(error)}") from None


def setting(result: Mapping[str, Any]) -> str:
    """What a result was measured with, as text; equal for two measurements of the same thing."""
    return json.dumps([result.get(name) for name in SETTING], sort_keys=True)


def _usable_cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1
