"""What `python recipes/GAME.py` does, from flags to export."""

from __future__ import annotations

import contextlib
import copy
import sys
import time
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from tfgan_suite import compat, data
from tfgan_suite.core.labels import format_counts
from tfgan_suite.data.pipeline import decoded_cache, decoding
from tfgan_suite.errors import InputError
from tfgan_suite.export.errors import ExportError
from tfgan_suite.training import (
    fit,
    naming,
    older_runs,
    run_length,
    run_schedule,
    strategies,
    warm_start,
)
from tfgan_suite.training import options as recipe_options
from tfgan_suite.training.run_folder import DataInfo, Run, load_recipe
from tfgan_suite.training.run_manifest import refuse_other_stack
from tfgan_suite.utils import stderr_filter
from tfgan_suite.utils.cache_folders import cache_folder
from tfgan_suite.utils.command_line import exit_code
from tfgan_suite.utils.files import writing_to
from tfgan_suite.utils.plain_errors import plain_errors
from tfgan_suite.utils.text import print_any_name


def main(recipe: Mapping[str, Any]) -> None:
    """Runs a recipe from the command line: reads flags, trains or resumes, measures, exports.

    Exit code 2 with a one-line reason for bad input, 3 if training stopped at a NaN, 4 if an
    export differs from the game by more than its bound, 130 if the user interrupted.

    Args:
        recipe: `globals()` of the recipe: its constants (`options.constants`) and
            `make_game(options, data)`, which returns a compiled game; optionally

            * `load_data(options)`, which returns the data source (see `load_data`);
            * `defaults(options, data)`, which returns values by lower-case name for constants
              that are `None`;
            * `batches_per_step(options)`, the number of batches in a step where it is not 1;
            * `make_callbacks(options, data, game)`, in place of `make_callbacks` of this module.

            The last one gets the data source; `make_game` and `defaults` get its description
            (`DataInfo`), which the run folder stores.
    """
    print_any_name()
    name = Path(recipe["__file__"]).name

    def run() -> int:
        try:
            with plain_errors("choose a smaller --batch, --size or network"):
                return _main(recipe)
        except ExportError as error:
            return _say(f"{name}: {error}; the run itself is intact", 4)
        except BrokenPipeError:
            raise InputError("nobody reads the output any more; send it elsewhere") from None
        except KeyboardInterrupt as error:
            reason = str(error) or "interrupted"
            return _say(f"{reason}; run the same command again to resume", 130)

    sys.exit(exit_code(name, run))


def load_data(recipe: Mapping[str, Any], options: types.SimpleNamespace) -> data.Source:
    """The data source of a recipe: from its own `load_data(options)`, else from `data.load`.

    Args:
        recipe: `globals()` of the recipe, or `vars()` of its module.
        options: its constants.

    Raises:
        InputError: the data cannot be read.
    """
    # A run may be older than a flag.
    home = None if getattr(options, "no_cache", False) else cache_folder()
    with decoded_cache.using(home and home / "decoded"):
        if "load_data" in recipe:
            return recipe["load_data"](options)
        bit_depth = getattr(options, "bit_depth", None)
        return data.load(options.data, size=options.size, square=True, bit_depth=bit_depth)


def data_of(run: Run, options: types.SimpleNamespace) -> data.Source:
    """The data that a run was trained on.

    Args:
        run: the run.
        options: its constants.

    Raises:
        InputError: the data can no longer be read.
    """
    return load_data(vars(load_recipe(run.folder / "recipe.py")), options)


def make_callbacks(
    options: types.SimpleNamespace, data: data.Source, game: keras.Model
) -> list[keras.callbacks.Callback]:
    """The callbacks of a recipe that has no `make_callbacks` of its own: learning-rate decay.

    Args:
        options: the recipe's constants. Where there is a `linear_decay`, learning rates decay
            linearly to 0 after this fraction of the run.
        data: the data source.
        game: the compiled game.
    """
    if options.run is None:
        return run_schedule.callbacks(None, options, 0)
    run = Run(options.run)
    return run_schedule.callbacks(run.bound_manifest(), options, run.trained_steps())


def _say(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code


def _main(recipe: Mapping[str, Any]) -> int:
    start = time.monotonic()
    file = Path(recipe["__file__"])
    options = recipe_options.parse(recipe)
    strategy = strategies.get(options.strategy)  # before anything else initializes TensorFlow
    chief = strategies.is_chief(strategy)
    compat.set_precision(options.precision)
    keras.utils.set_random_seed(options.seed)
    with decoding.reporting():  # elsewhere standard output is for results
        source = load_data(recipe, options)
    if options.run is None:
        options.run = naming.default_run(file.stem, source.name)
    run = Run(options.run)
    source = _keep_bit_depth(run, recipe, options, source)
    _keep_classes(run, source)
    info = DataInfo(
        source.name,
        tuple(source.shape),
        source.classes,
        source.fingerprint,
        source.class_counts,
        data.is_embedded(options.data),
    )
    if chief:
        _describe(source, info)
    typed, bound = options, run.bound_manifest()
    if bound is not None:
        refuse_other_stack(bound, run.folder)
    options, text = _with_defaults(recipe, typed, info, source, bound)
    if chief and options.export != "none":
        naming.check_export_name(options, file.stem, info)
    with strategy.scope():
        game = recipe["make_game"](options, info)
    replicas = strategy.num_replicas_in_sync
    largest = recipe_options.largest_batch(game.batches_per_step, len(source), replicas)
    if 0 < largest < options.batch and not recipe_options.is_typed("BATCH"):
        if chief:
            print(f"batch {largest}, not {options.batch}: the data have {len(source)} examples")
        typed.batch = largest
        options, text = _with_defaults(recipe, typed, info, source, bound)
        with strategy.scope():
            game = recipe["make_game"](options, info)
    for batch in dict.fromkeys([options.batch, *game.batch_sizes(options.batch)]):
        recipe_options.check_batch(batch, game.batches_per_step, len(source), replicas)
    if options.warm_start is not None and bound is None:
        warm_start.copy_weights(options.warm_start, game, options.precision)
    if chief and options.export != "none":
        with writing_to(options.export):  # where that fails, it fails before training
            Path(options.export).mkdir(parents=True, exist_ok=True)
    if chief and text:
        print(text)
    with run.lock() if chief else contextlib.nullcontext():
        if chief:
            run.open(file, options, info)
            stderr_filter.log_to(run.folder / "tensorflow.log")
            step, schedule = run.trained_steps(), run.manifest.get("schedule")
            if schedule and (text := run_schedule.message(bound, schedule, step, options.run)):
                print(text)
        callbacks = recipe.get("make_callbacks", make_callbacks)(options, source, game)
        if chief:
            callbacks.append(run_length.Estimate(options.steps))
        health = fit.train(run, game, source, options, callbacks)
        if health.fatal:
            return _say(health.fatal, 3)
        if chief:
            from tfgan_suite.training import publish

            return publish.finish(run, game, source, options, info, time.monotonic() - start)
    return 0


def _with_defaults(
    recipe: Mapping[str, Any],
    typed: types.SimpleNamespace,
    info: DataInfo,
    source: data.Source,
    bound: Mapping[str, Any] | None,
) -> tuple[types.SimpleNamespace, str]:
    """The constants with the recipe's values for the data, and what to say of the run's length."""
    options = copy.copy(typed)
    length = run_length.choose(recipe, options, info, source)
    options.steps = length.steps
    recipe_options.apply_defaults(options, recipe, info)
    options.epochs = length.epochs
    if bound is not None:
        older_runs.keep_constants(bound, options, typed, recipe)
        run_schedule.keep_defaults(bound, options, recipe, typed, info)
    return options, length.text if options.steps == length.steps else ""


def _keep_bit_depth(
    run: Run, recipe: Mapping[str, Any], options: types.SimpleNamespace, source: data.Source
) -> data.Source:
    """Reads 16-bit images as an earlier start of the run did, and records how they were read."""
    manifest = run.bound_manifest()
    if options.bit_depth is None and manifest is not None and source.bit_depth is not None:
        # Runs that are older than the flag have read all 16 bits.
        options.bit_depth = manifest["constants"].get("bit_depth", 16)
        if options.bit_depth not in (None, source.bit_depth):
            source = load_data(recipe, options)
    if options.bit_depth is None:
        options.bit_depth = source.bit_depth
    return source


def _keep_classes(run: Run, source: data.Source) -> None:
    """Numbers the classes of the data as an earlier start of the run did.

    The order of the classes has changed (numbers sort as numbers, classes without examples are
    gone); a run goes on with the labels that it learned.
    """
    manifest = run.bound_manifest()
    if manifest is None or not source.classes:
        return
    recorded = manifest["data"].get("classes") or ()
    if set(source.classes) <= set(recorded):
        source.use_classes(recorded)


def _describe(source: data.Source, info: DataInfo) -> None:
    """Prints what was skipped, cropped and counted."""
    if source.skipped:
        print(f"skipped {len(source.skipped)} files: {_first_few(source.skipped)}")
    native = source.native_size
    if native and len(info.shape) == 3 and native[0] != native[1]:
        height, width = info.shape[:2]
        print(
            f"images of {native[1]}x{native[0]} pixels are scaled and cropped to {width}x{height};"
            " --size sets another size"
        )
    if info.classes and info.class_counts:
        print(format_counts(info.classes, info.class_counts))
    elif info.classes:
        print(
            f"{len(info.classes)} classes; the data are streamed, so nobody has counted the"
            " examples of each: samples for measures are drawn in equal shares"
        )


def _first_few(skipped: list[tuple[str, str]]) -> str:
    listed = ", ".join(f"{name} ({reason})" for name, reason in skipped[:5])
    return listed + (f" and {len(skipped) - 5} more" if len(skipped) > 5 else "")
