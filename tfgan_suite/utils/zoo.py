"""Trained models that come with the suite and go by their name; known without TensorFlow.

`saved_models/zoo.json` states for each what it does, on which data and by which commands it was
trained. A wheel holds the folder as `tfgan_suite/saved_models`.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from tfgan_suite.errors import did_you_mean
from tfgan_suite.utils import export_names
from tfgan_suite.utils.json_files import Maybe, read_json

FILE = "zoo.json"
_ADVICE = "restore it from the repository"
_SCHEMA = {
    str: {
        "command": str,
        "about": str,
        "data": str,
        "licence": str,
        "rebuild": [str],
        "commit": Maybe(str),
        "default": Maybe(bool),
    }
}


@dataclasses.dataclass(frozen=True)
class Entry:
    """A model of the zoo.

    Args:
        name: what it is called by.
        command: the command of `python -m tfgan_suite` that uses it, such as `"upscale"`.
        about: what it does, in a line.
        data: what it was trained on.
        licence: of the data.
        rebuild: the commands that train it.
        path: its folder.
        commit: of the repository when it was trained; None: not recorded.
        default: whether the command uses it where none is named: True where several models serve,
            False for a model of a narrow use, which has to be named; None: if it is the only one.
    """

    name: str
    command: str
    about: str
    data: str
    licence: str
    rebuild: tuple[str, ...]
    path: Path
    commit: str | None = None
    default: bool | None = None


def entries() -> list[Entry]:
    """The models that this installation holds, sorted by name.

    Raises:
        InputError: a damaged `zoo.json`.
    """
    for home in export_names.shipped_folders():
        if (home / FILE).is_file():
            return [
                Entry(name, path=home / name, **{**fields, "rebuild": tuple(fields["rebuild"])})
                for name, fields in sorted(read_json(home / FILE, _SCHEMA, advice=_ADVICE).items())
                if (home / name).is_dir()
            ]
    return []


def names(command: str | None = None) -> list[str]:
    """Names of the models that a command uses; None: of all."""
    return [entry.name for entry in entries() if command in (None, entry.command)]


def default(command: str) -> str | None:
    """Name of the model that a command uses where none is named; None: there is no such model.

    Args:
        command: the command of `python -m tfgan_suite`.
    """
    models = [e for e in entries() if e.command == command and e.default is not False]
    chosen = [entry for entry in models if entry.default] or models
    return chosen[0].name if len(chosen) == 1 else None


def advice(source: str | os.PathLike) -> str:
    """The end of a message about a source that does not exist, where it may be a model's name."""
    text = os.fspath(source)
    if not export_names.can_be_name(text) or Path(text).suffix:
        return ""
    models = names()
    if not models:
        return (
            "; this installation holds no models: install the suite from its repository, whose"
            " saved_models/ has them"
        )
    return f", or one of the models {', '.join(models)}{did_you_mean(text, models)}"
