"""The command `list`: lists the games."""

from __future__ import annotations

import argparse
import ast
import json
from pathlib import Path

from tfgan_suite.cli.arguments import add_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to a parser."""
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command; always returns 0."""
    rows = games()
    if args.json:
        print(json.dumps(rows, indent=2))
        return 0
    columns = ("name", "data", "about", "paper")
    widths = {c: max(len(c), *(len(row[c]) for row in rows)) for c in columns}
    for row in [{c: c.upper() for c in columns}, *rows]:
        print("  ".join(row[c].ljust(widths[c]) for c in columns).rstrip())
    return 0


def games() -> list[dict[str, str]]:
    """Describes the games and style methods, from their files, without importing them.

    Returns:
        One dict per game: `name`, `paper`, `data`, `about`.
    """
    rows = []
    package = Path(__file__).parents[1]
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
            }
        )
    return rows
