"""A run folder's recipe is a program: whoever opens a run executes it, and should know so."""

from __future__ import annotations

import sys
from pathlib import Path

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
    content = path.read_bytes()
    # A name from a run folder may hold anything, such as ../.
    ours = [file for folder in FOLDERS for file in folder.glob("*.py") if file.stem == name]
    if any(file.read_bytes() == content for file in ours):
        return
    difference = "differs from the installed one" if ours else "is none of the installed recipes"
    print(f"executing {path}, which {difference}; open only runs that you trust", file=sys.stderr)
