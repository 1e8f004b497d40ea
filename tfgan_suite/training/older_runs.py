"""Runs that were started by an older form of their recipe."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any

from tfgan_suite.training import options as recipe_options

# What runs that are older than a constant did, where that is not what the constant's 0, False or ""
# stands for.
BEFORE: dict[str, Any] = {
    "bit_depth": 16,
    "upsampling": "transposed",
    "sync_term": "cross_entropy",
    "convolution_multiplier": 1.0,
    "discriminator_width": 1,
    "full_width_size": 32,
}


def keep_constants(
    manifest: Mapping[str, Any],
    options: types.SimpleNamespace,
    typed: types.SimpleNamespace,
    recipe: Mapping[str, Any],
) -> None:
    """Lets a run go on as it began, although the recipe's defaults have changed since.

    A run without `epochs` was started when recipes had fewer constants that depend on the data.
    Those that the user did not type keep the run's values; those that it lacks are what they were
    `BEFORE`; and its steps are not counted in epochs.

    Args:
        manifest: of the run.
        options: the constants, changed in place.
        typed: the constants before defaults were applied: `None` where the user set none.
        recipe: the recipe's globals.
    """
    earlier = manifest["constants"]
    if "epochs" in earlier:
        return
    for name in recipe_options.constants(recipe):
        if name in recipe_options.SHARED or name in recipe_options.REQUIRED and name != "BATCH":
            continue
        key = name.lower()
        if getattr(typed, key) is None and (key in earlier or key in BEFORE):
            setattr(options, key, earlier.get(key, BEFORE.get(key)))
    if options.epochs is not None and not recipe_options.is_typed("EPOCHS"):
        options.steps, options.epochs = earlier["steps"], None
