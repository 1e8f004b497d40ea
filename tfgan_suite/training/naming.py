"""The name under which a run is exported, and whose versions already bear it."""

from __future__ import annotations

import contextlib
import types
from pathlib import Path

from tfgan_suite.errors import InputError
from tfgan_suite.export import card as cards
from tfgan_suite.export import folders
from tfgan_suite.training.run_folder import DataInfo
from tfgan_suite.utils.json_files import Maybe, read_json


def export_name(options: types.SimpleNamespace, recipe: str, info: DataInfo) -> str:
    """The export's name: `--name`, else that of recipe and data in Latin letters."""
    return getattr(options, "name", None) or folders.model_name(recipe, info.name)


def default_run(recipe: str, data: str) -> str:
    """The run folder where none is named, `runs/RECIPE_DATA`; file systems take 255 bytes."""
    return f"runs/{folders.shorten(f'{recipe}_{data}', 200)}"


def _check_case(home: Path, by_name: bool) -> None:
    """A name that differs from another by case only is one with it on macOS and Windows."""
    with contextlib.suppress(OSError):
        names = {entry.name for entry in home.parent.iterdir()} if not home.exists() else ()
        others = [name for name in names if name.casefold() == home.name.casefold()]
        if others and by_name:
            print(
                f"{home.parent} holds {others[0]} too, which macOS and Windows cannot tell from"
                f" {home.name}"
            )
        elif others:
            raise InputError(
                f"{home.parent} holds {others[0]}, which macOS and Windows cannot tell from"
                f" {home.name}; pass --name with another name, or --name {home.name} to keep it"
            )


def check_export_name(options: types.SimpleNamespace, recipe: str, info: DataInfo) -> str:
    """Checks an export's name, before training and again before exporting.

    A model server loads the newest version of a name, so a model of other data becomes a version of
    an existing name only where the user names it.

    Args:
        options: the recipe's constants: `export` and `name`.
        recipe: name of the recipe.
        info: the description of the data.

    Returns:
        The name.

    Raises:
        InputError: the name cannot be used, or belongs to a model of other data and `--name` was
            not passed.
    """
    name = export_name(options, recipe, info)
    folders.check_name(name)
    home = Path(options.export) / name
    _check_case(home, getattr(options, "name", None) is not None)
    numbers = folders.versions(home)
    if not numbers or not info.fingerprint:
        return name
    card: dict = {}
    with contextlib.suppress(InputError):  # no card, or a damaged one: it says nothing of the data
        path = home / str(numbers[-1]) / cards.FILE
        card = read_json(path, {"fingerprint": Maybe(str)}, advice="export again")
    if card.get("fingerprint") in (None, info.fingerprint):
        return name
    if getattr(options, "name", None) is None:
        raise InputError(
            f"{home} holds a model of other data, or of another size of the images; pass --name"
            f" {name} to export this one as its version {numbers[-1] + 1}, or another name, such as"
            f" --name {name[:120]}-{info.fingerprint[:6]}"
        )
    print(f"{home} holds a model of other data: this one becomes version {numbers[-1] + 1} of it")
    return name
