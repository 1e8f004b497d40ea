"""A run folder's recipe is a program: whoever opens a run executes it, and should know so."""

from __future__ import annotations

import sys
from pathlib import Path

from tfgan_suite.training import run_recipe

# Where recipes lie that came with the suite.
FOLDERS = [Path(__file__).resolve().parents[2] / "recipes"]
_announced: set[Path] = set()


def announce_foreign_recipe(path: Path, name: str) -> None:
    """Says on standard error, once for each file, that a recipe is executed that is not ours.

    Args:
        path: the recipe in the run folder.
        name: name of the recipe that made the run.
    """
    path = path.resolve()
    if path in _announced or not path.is_file():
        return
    _announced.add(path)
    # Modules that the recipe brings along are executed with it.
    programs = [path, *sorted((path.parent / run_recipe.HELPERS).rglob("*.py"))]
    # A name from a run folder may hold anything, such as ../.
    ours = [file for folder in FOLDERS for file in folder.glob("*.py") if file.stem == name]
    installed = {file.read_bytes() for folder in FOLDERS for file in folder.glob("*.py")}
    same = any(file.read_bytes() == path.read_bytes() for file in ours)
    if same and all(file.read_bytes() in installed for file in programs):
        return
    difference = (
        "differs, or a module beside it, from the installed one"
        if ours
        else "is none of the installed recipes"
    )
    print(f"executing {path}, which {difference}; open only runs that you trust", file=sys.stderr)
