"""What `python recipes/GAME.py` does, from the flags to the export."""

from __future__ import annotations

import contextlib
import sys
import time
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from tfgan_suite import compat, data
from tfgan_suite.errors import InputError
from tfgan_suite.export.errors import ExportError
from tfgan_suite.training import fit, strategies
from tfgan_suite.training import options as recipe_options
from tfgan_suite.training.run_folder import DataInfo, Run, load_recipe
from tfgan_suite.utils.files import writing_to


def main(recipe: Mapping[str, Any]) -> None:
    """Runs a recipe from the command line: read flags, train or go on, show, export.

    Exit code 2 with a one-line reason for bad input, 3 where training stopped at a NaN, 4 where
    an export differs from the game by more than its bound, 130 where the user asked to stop.

    Args:
        recipe: `globals()` of the recipe: its constants and `make_game(options, data)`;
            optionally `load_data(options)`, which gives the data's source, `defaults(data)`, the
            values of constants that depend on the data (`options.adapt`), and
            `make_callbacks(options, data, game)`. The last gets the data themselves, `make_game`
            and `defaults` their description, which a run keeps.
    """
    try:
        sys.exit(_main(recipe))
    except InputError as error:
        sys.exit(_say(f"{Path(recipe['__file__']).name}: {' '.join(str(error).split())}", 2))
    except ExportError as error:
        sys.exit(_say(f"{Path(recipe['__file__']).name}: {error}; the run itself is kept", 4))
    except KeyboardInterrupt as reason:
        sys.exit(_say(f"{reason}; run the same command again to go on", 130))


def load_data(recipe: Mapping[str, Any], options: types.SimpleNamespace) -> data.Source:
    """The data of a recipe: those of its own `load_data(options)`, else of `data.load`.

    Args:
        recipe: `globals()` of the recipe, or `vars()` of its module.
        options: its constants.

    Raises:
        InputError: they cannot be read.
    """
    if "load_data" in recipe:
        return recipe["load_data"](options)
    return data.load(options.data, size=options.size or None)


def data_of(run: Run, options: types.SimpleNamespace) -> data.Source:
    """The data that a run was trained on.

    Args:
        run: the run.
        options: its constants.

    Raises:
        InputError: they cannot be read any more.
    """
    return load_data(vars(load_recipe(run.folder / "recipe.py")), options)


def _say(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code


def _main(recipe: Mapping[str, Any]) -> int:
    began = time.monotonic()
    file = Path(recipe["__file__"])
    options = recipe_options.parse(recipe)
    strategy = strategies.get(options.strategy)  # before anything else wakes TensorFlow
    chief = strategies.is_chief(strategy)
    compat.set_precision(options.precision)
    keras.utils.set_random_seed(options.seed)
    source = load_data(recipe, options)
    if source.skipped and chief:
        print(f"skipped {len(source.skipped)} files: {_first_few(source.skipped)}")
    info = DataInfo(source.name, tuple(source.shape), source.classes, source.fingerprint)
    recipe_options.adapt(options, recipe, info)
    run = Run(options.run or f"runs/{file.stem}_{source.name}")
    if chief and options.export != "none":
        with writing_to(options.export):
            Path(options.export).mkdir(parents=True, exist_ok=True)
    with strategy.scope():
        game = recipe["make_game"](options, info)
    with run.lock() if chief else contextlib.nullcontext():
        if chief:
            run.open(file, options, info)
        extra = (
            recipe["make_callbacks"](options, source, game) if "make_callbacks" in recipe else ()
        )
        health = fit.train(run, game, source, options, extra)
        if health.fatal:
            return _say(f"{health.fatal}\nthe last good checkpoint is in {run.folder}", 3)
        if chief:
            from tfgan_suite.training import publish

            return publish.finish(run, game, source, options, info, time.monotonic() - began)
    return 0


def _first_few(skipped: list[tuple[str, str]]) -> str:
    shown = ", ".join(f"{name} ({reason})" for name, reason in skipped[:5])
    return shown + (f" and {len(skipped) - 5} more" if len(skipped) > 5 else "")
