"""The copy of the recipe in a run folder, with the modules beside it that it imports."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path

from tfgan_suite.errors import InputError
from tfgan_suite.training import options
from tfgan_suite.utils import files
from tfgan_suite.utils.json_files import Maybe, mismatch
from tfgan_suite.utils.text import describe

RECIPE, HELPERS = "recipe.py", "recipe_modules"


def copy_recipe(recipe: Path, folder: Path) -> None:
    """Copies a recipe, and the modules beside it that it imports, into a run folder.

    Args:
        recipe: the recipe.
        folder: the run folder; the copy is its `recipe.py`, modules go into `recipe_modules`.

    Raises:
        OSError: a file cannot be read or written.
    """
    files.write_bytes(folder / RECIPE, recipe.read_bytes())
    modules = helper_modules(recipe)
    for name, path in modules.items():
        target = folder / HELPERS / name
        target.parent.mkdir(parents=True, exist_ok=True)
        files.write_bytes(target, path.read_bytes())
    if (folder / HELPERS).is_dir():
        for path in (folder / HELPERS).rglob("*.py"):
            if path.relative_to(folder / HELPERS).as_posix() not in modules:
                path.unlink()


def helper_modules(recipe: Path) -> dict[str, Path]:
    """The modules in a recipe's own folder that it imports, directly or through each other.

    Args:
        recipe: the recipe.

    Returns:
        Files by their path relative to the folder that Python has to search.
    """
    home, modules = recipe.resolve().parent, {}
    waiting = [recipe]
    while waiting:
        path = waiting.pop()
        for name in _imported_names(path, home):
            for relative, file in _files_of(name, home):
                if relative not in modules and file.resolve() != recipe.resolve():
                    modules[relative] = file
                    waiting.append(file)
    return modules


def _imported_names(path: Path, home: Path) -> list[str]:
    """Dotted names that a file imports, anywhere in it; empty if it cannot be parsed."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError):
        return []
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:  # relative to the package that the file is in
                folder = path.resolve().parents[node.level - 1]
                if folder != home and home not in folder.parents:
                    continue
                package = ".".join(folder.relative_to(home).parts)
                base = ".".join(filter(None, (package, base)))
            names += [base, *(f"{base}.{alias.name}" if base else alias.name
                              for alias in node.names)]  # fmt: skip
    return [name for name in names if name]


def _files_of(name: str, home: Path) -> list[tuple[str, Path]]:
    """The files that importing a dotted name runs, if they lie in or below `home`.

    `home` itself may be named as a package: `recipes.helper` in a recipe of the folder `recipes`.
    """
    parts = name.split(".")
    root = home.parent if parts[0] == home.name and not _is_module(home / parts[0]) else home
    located = []
    for depth in range(1, len(parts) + 1):
        base = root.joinpath(*parts[:depth])
        for file in (base / "__init__.py", base.with_name(f"{base.name}.py")):
            if file.is_file() and home in file.resolve().parents:
                located.append((file.relative_to(root).as_posix(), file))
    return located


def _is_module(path: Path) -> bool:
    return path.is_dir() or path.with_name(f"{path.name}.py").is_file()


def load_recipe(path: Path) -> types.ModuleType:
    """Imports a recipe file without starting a training run.

    Args:
        path: the recipe; modules in the folder `recipe_modules` beside it come before others.

    Raises:
        InputError: the file is missing, cannot be imported, or has no `make_game`.
    """
    if not path.is_file():
        raise InputError(
            f"{path} is missing; it should be the copy of the recipe that made the run: copy the"
            " recipe there"
        )
    spec = importlib.util.spec_from_file_location(f"recipe_{path.parent.name}", path)
    module = importlib.util.module_from_spec(spec)
    try:
        with _helpers_first(path.parent / HELPERS):
            spec.loader.exec_module(module)
    except Exception as error:  # a recipe is a program: it raises whatever it likes
        raise InputError(
            f"{path} cannot be imported ({describe(error)}); copy the recipe there that made the"
            " run"
        ) from error
    if not callable(getattr(module, "make_game", None)):
        raise InputError(f"{path} has no function make_game(options, data); copy the recipe there")
    return module


@contextlib.contextmanager
def _helpers_first(folder: Path) -> Iterator[None]:
    """Imports find the modules of a folder first, not those of another run or the same name."""
    if not folder.is_dir():
        yield
        return
    names = {path.stem if path.is_file() else path.name for path in folder.iterdir()}
    others = {key: sys.modules.pop(key) for key in list(sys.modules) if key.split(".")[0] in names}
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        # A function of the recipe may import them later; the names of other programs come first.
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
        sys.modules.update(others)


def check_constants(recipe: types.ModuleType, constants: Mapping[str, object], path: Path) -> None:
    """Checks the constants of a run against those of its recipe.

    Args:
        recipe: the module.
        constants: values by lower-case name.
        path: the file that they are from, for the message.

    Raises:
        InputError: one is missing or of another type.
    """
    advice = "restore the file, or train again with another --run"
    try:
        types_of = options.constants(vars(recipe))
    except (InputError, SyntaxError, ValueError) as error:
        raise InputError(
            f"{recipe.__file__} cannot be read ({describe(error)}); copy the recipe there that"
            " made the run"
        ) from None
    # A run may be older than a shared constant, but not than one of its recipe's.
    schema = {
        name.lower(): Maybe((kind, int) if kind is float else kind)
        for name, (kind, _, _) in types_of.items()
    }
    missing = [
        name
        for name in map(str.lower, types_of)
        if name not in constants and (name.upper() not in options.SHARED or name == "precision")
    ]
    problem = (
        f"constants.{missing[0]} is missing"
        if missing
        else mismatch(constants, schema, "constants")
    )
    for name, value in constants.items():
        if not problem and isinstance(value, (int, float)) and not isinstance(value, bool):
            problem = mismatch(value, options.limit_of(name), f"constants.{name}")
    if problem:
        raise InputError(f"{path} is damaged: {problem}; {advice}")
