"""The command `list`: lists the games, and the models of the zoo."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import json
from pathlib import Path
from typing import Any

from tfgan_suite.cli.arguments import add_json
from tfgan_suite.utils import zoo


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to a parser."""
    parser.add_argument("--models", action="store_true", help="only the trained models")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command; always returns 0."""
    if args.json:
        print(json.dumps(models() if args.models else games(), indent=2))
        return 0
    if not args.models:
        _print_games(games())
        print()
    _print_models()
    return 0


def models() -> list[dict[str, Any]]:
    """Describes the trained models that come with the suite."""
    return [{**dataclasses.asdict(entry), "path": str(entry.path)} for entry in zoo.entries()]


def _print_models() -> None:
    entries = zoo.entries()
    width = max([len("MODEL"), *(len(entry.name) for entry in entries)])
    print(f"{'MODEL':{width}}  ABOUT")
    for entry in entries:
        print(f"{entry.name:{width}}  {entry.about}")


def _print_games(rows: list[dict[str, Any]]) -> None:
    lines = [
        ("NAME", "RECIPE", "DATA", "ABOUT"),
        *((row["name"], ", ".join(row["recipes"]), row["data"], row["about"]) for row in rows),
    ]
    widths = [max(len(line[column]) for line in lines) for column in (0, 1)]
    for name, recipe, kind, about in lines:
        print(f"{name:{widths[0]}}  {recipe:{widths[1]}}  {kind}\n    {about}")


def games() -> list[dict[str, Any]]:
    """Describes the games and style methods, from their files, without importing them.

    Returns:
        One dict per game: `name`, `paper`, `data`, `about`, and `recipes`: the paths of those that
        train it, none where the suite was installed without recipes.
    """
    rows = []
    package = Path(__file__).parents[1]
    recipes = _recipes(package.parent / "recipes")
    for path in [
        *sorted(package.glob("games/[a-z]*.py")),
        *sorted(package.glob("style/[a-z]*.py")),
    ]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            node.targets[0].id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
        }
        if path.parent.name == "style" and "PAPER" not in constants:
            continue  # a helper module
        rows.append(
            {
                "name": path.stem,
                "paper": constants.get("PAPER", ""),
                "data": constants.get("DATA", ""),
                "about": (ast.get_docstring(tree) or "").splitlines()[0],
                "recipes": recipes.get(path.stem, []),
            }
        )
    return rows


def _recipes(folder: Path) -> dict[str, list[str]]:
    """Recipes of each game: those that are named after it, and those that import and train it."""
    recipes: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.py")):
        source = path.read_text(encoding="utf-8")
        games = {path.stem}
        if "launch.main(" in source:
            for node in ast.parse(source).body:
                if isinstance(node, ast.ImportFrom) and node.module == "tfgan_suite.games":
                    games |= {alias.name for alias in node.names}
        for game in games:
            recipes.setdefault(game, []).append(f"recipes/{path.name}")
    return recipes
