"""The gate between two stages: the second one starts from a first one that draws what it is told.

A second stage keeps the layout of the first one's images, and learns nothing from a first stage
that ignores its sentences. It is checked before the first step; a run that has started resumes
without it.
"""

from __future__ import annotations

import hashlib
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfgan_suite import compat, data
from tfgan_suite.errors import InputError
from tfgan_suite.training.callbacks import Frozen
from tfgan_suite.training.run_folder import Run
from tfgan_suite.utils.text import quote

JUDGED = 256  # images of the first stage


def constants(start: str | None, recipe: str, data_name: str) -> Mapping[str, Any]:
    """The constants of the run of stage 1 that a stage 2 starts from, and `"side"` of its images.

    Args:
        start: `--start`.
        recipe: the recipe of both stages.
        data_name: `--data`, for messages.

    Raises:
        InputError: there is no start, or it is not a run of stage 1 of the recipe.
    """
    if start is None:
        raise InputError(
            f"this is stage 2 and starts from a trained stage 1; train one (python"
            f" recipes/{recipe}.py --stage 1 --data {quote(data_name)}) and pass its run folder as"
            " --start"
        )
    manifest = Run(start).manifest
    values = manifest["constants"]
    if manifest["recipe"] != recipe or values.get("stage") != 1:
        stage = f" --stage {values['stage']}" if "stage" in values else ""
        raise InputError(
            f"--start {start} is a run of {manifest['recipe']}{stage}; expected a run of"
            f" recipes/{recipe}.py --stage 1"
        )
    return {**values, "side": manifest["data"]["shape"][0]}


def adopt(options: types.SimpleNamespace, names: Mapping[str, str], recipe: str) -> None:
    """Sets constants that shape the network of stage 1 to the values of the start.

    The run folder stores the adopted values, so that it opens without the run it started from.

    Args:
        options: the constants, changed in place.
        names: lower-case names of constants, and those that they have in stage 1.
        recipe: as for `constants`.

    Raises:
        InputError: as for `constants`; a value differs from that of the start.
    """
    missing = [name for name in names if getattr(options, name) is None]
    if not missing and (options.start is None or not Path(options.start).exists()):
        return
    values = constants(options.start, recipe, options.data)
    for name, first_name in names.items():
        if name in missing:
            setattr(options, name, values[first_name])
        elif getattr(options, name) != values[first_name]:
            raise InputError(
                f"--{name.replace('_', '-')} is {getattr(options, name)}, but {options.start} was"
                f" trained with {values[first_name]}; use the same value"
            )


def use_start(options: types.SimpleNamespace, recipe: str) -> None:
    """Sets the size of the images and the encoder of a stage 2 to those that go with its start.

    Args:
        options: the constants, changed in place: `size` to `scale` times that of stage 1 unless it
            is set, `encoder` to the start.
        recipe: as for `constants`.

    Raises:
        InputError: as for `constants`; a size that is not `scale` times that of the start.
    """
    resumed = options.run is not None and Run(options.run).trained_steps()
    if resumed and not (options.start and Path(options.start).exists()):
        # A trained run has all that it needs.
        options.size = options.size or Run(options.run).manifest["data"]["shape"][0]
        return
    side = constants(options.start, recipe, options.data)["side"]
    if options.size not in (None, side * options.scale):
        raise InputError(
            f"--size is {options.size}, but {options.start} draws {side} pixels and --scale is"
            f" {options.scale}; leave --size out, or pass {side * options.scale}"
        )
    options.size = side * options.scale
    options.encoder = str(options.start)


def callbacks(
    options: types.SimpleNamespace, source: data.Source, game: keras.Model
) -> list[keras.callbacks.Callback]:
    """Stage 1 put in before the first step, and checked to be unchanged after the last.

    Args:
        options: `run`, `start`, `least_accuracy` and `precision`.
        source: the data of stage 2.
        game: stage 2, whose `stage1` is the frozen network.
    """
    frozen = Frozen(lambda: checksum(game.stage1), "generator of stage 1")
    if Run(options.run).trained_steps():
        return [frozen]
    least, precision = options.least_accuracy, options.precision
    return [StartFromStage1(options.start, source, least, precision), frozen]


class StartFromStage1(keras.callbacks.Callback):
    """Puts a trained stage 1 into a stage 2 before its first step, and says how well it draws.

    Args:
        start: run folder of stage 1.
        source: the data of stage 2.
        least: least share of stage 1's images that are as told; 0: any.
        precision: that of this run, restored after the other one was opened.

    Raises:
        InputError: fewer are.
    """

    def __init__(self, start: str, source: data.Source, least: float, precision: str = "float32"):
        super().__init__()
        try:
            game, _, _ = Run(start).load()
        finally:
            compat.set_precision(precision)
        share, words = accuracy(game, source)
        sentence = f"of {start}'s images {100 * share:.0f}% {words}"
        if share < least:
            raise InputError(
                f"{sentence}; stage 2 expects {100 * least:.0f}%, because it keeps stage 1's layout"
                " and colours: train stage 1 longer, or, to go on anyway, pass --least-accuracy"
                f" {np.floor(100 * share) / 100:g}"
            )
        print(sentence)
        # The averaged weights, if it has them: they draw its samples.
        (generator,) = game.ema("generator")
        self.weights = generator.get_weights()

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        if not int(self.model.steps.numpy()):
            self.model.stage1.set_weights(self.weights)


def accuracy(game: keras.Model, source: data.Source) -> tuple[float, str]:
    """How often a trained stage 1 draws what its sentence says.

    Args:
        game: the trained stage 1.
        source: captioned images of any size, with vectors of the game's encoder.

    Returns:
        Of an embedded world the share of images of which the oracle reads the colour that the
        sentence names; of other data the share that the game's own discriminator scores higher with
        its sentence than with one that does not fit (1/2 where sentences are ignored). And the
        predicate, in words.
    """
    if source.report is not None:
        examples = source.held_out(JUDGED)
        images = game.run_signature(game.example_inputs(examples))["image"]
        share = source.report({"text": examples["text"]}, images)["colour_share"]
        return float(share), "have the colour that their sentence names"
    examples = source.take(min(JUDGED, len(source)), seed=0)
    images = game.run_signature(game.example_inputs(examples))["image"]
    scores = [
        np.concatenate(
            [
                np.asarray(game.discriminator([images[i : i + 32], vectors[i : i + 32]]))
                for i in range(0, len(images), 32)
            ]
        )
        for vectors in (examples["embedding"], examples["mismatched_embedding"])
    ]
    share = float((scores[0] > scores[1]).mean())
    return share, "fit their own sentence better than another, as its discriminator sees it"


def checksum(network: keras.Model) -> str:
    """A hash of all weights, moving statistics included."""
    digest = hashlib.sha256()
    for weights in network.get_weights():
        digest.update(np.ascontiguousarray(weights).tobytes())
    return digest.hexdigest()
