"""What `--measure-every` measures in training, and which of its numbers says how good a game is.

In an embedded world the oracle measures, as at the end of a run. For other data the outputs are
compared with a small fixed reference: by the features of a network (`--measure-extractor`), or by
patches of the images, which takes no network. Nothing that a training step reads changes.
"""

from __future__ import annotations

import contextlib
import math
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import data
from tfgan_suite.core.trained_game import single
from tfgan_suite.errors import InputError
from tfgan_suite.features import extractors
from tfgan_suite.features.distances import (
    PATCH,
    cubic_discrepancy,
    frechet_distance,
    patch_distances,
)
from tfgan_suite.features.scale import scale_of

# Samples that the oracle of an embedded world reads, and outputs for held-out examples.
ORACLE_SAMPLES, ORACLE_OUTPUTS = 1000, 256
PROTOCOL = ("samples", "translations", "seed", "split", "reference", "extractor", "weights")
# Samples and examples that are compared at most; fewer of large images.
SAMPLES, _SAMPLE_BYTES = 1000, 2**27
_PATCHES = 2**13  # of each side and level
_SEED = 1
HIGHER, LOWER = "higher", "lower"
# The first of these that a game has says how good it is; of several numbers the product, because a
# generator with a single clean kind is no good one.
_HEADLINES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("all_share",), HIGHER),
    (("clean_share", "classes_seen"), HIGHER),
    (("good_share", "modes_found"), HIGHER),
    (("text_to_image",), HIGHER),
    (("sync_bce",), LOWER),
    (("opening_error",), LOWER),
    (("accuracy",), HIGHER),
    (("right_l1",), LOWER),
    (("error",), LOWER),
    (("grain_gap",), LOWER),
    (("psnr_y",), HIGHER),
    (("l1",), LOWER),
    (("kid",), LOWER),
    (("swd",), LOWER),
)


class Headline(NamedTuple):
    """The number that says how good a game is.

    Args:
        name: of a measure, or of several whose product counts: `"clean_share x classes_seen"`.
        value: the number.
        direction: `"higher"` or `"lower"`, whichever is better.
    """

    name: str
    value: float
    direction: str

    def beats(self, value: float) -> bool:
        """Whether it is strictly better than another value of the same measure."""
        return self.value > value if self.direction == HIGHER else self.value < value


def headline(game: Any, values: Mapping[str, Any]) -> Headline | None:
    """The number that `best/` goes by.

    Args:
        game: its `headline_measure` comes first.
        values: what was measured.

    Returns:
        `None` where nothing that was measured says how good the game is.
    """
    own = game.headline_measure
    for names, direction in (*([((own[0],), own[1])] if own else []), *_HEADLINES):
        if all(isinstance(values.get(name), (int, float)) for name in names):
            value = math.prod(float(values[name]) for name in names)
            return Headline(" x ".join(names), value, direction)
    return None


def oracle_reading(game: Any, source: data.Source) -> dict[str, Any]:
    """What the oracle of an embedded world reports of samples; empty for other data."""
    if source.report is None:
        return {}
    if not game.takes_examples:
        report = source.report(game.generate(ORACLE_SAMPLES, seed=_SEED))
        return {"samples": ORACLE_SAMPLES, "seed": _SEED, **report}
    # The test split, in its fixed order: examples that training never showed.
    reading: dict[str, Any] = {"translations": 0, "split": "test"}
    splits = {"": source.held_out, **getattr(source, "further_splits", {})}
    for split, held_out in splits.items():
        examples = held_out(ORACLE_OUTPUTS)
        outputs = game.run_signature(game.example_inputs(examples))
        report = source.report(game.oracle_examples(examples), single(outputs))
        if not split:
            reading["translations"] = len(next(iter(outputs.values())))
            report = {**report, **game.further_measures(examples, source.report)}
        reading.update({f"{split}_{k}" if split else k: v for k, v in report.items()})
    return reading


def numbers_of(reading: Mapping[str, Any]) -> dict[str, Any]:
    """The protocol of a reading, then its numbers: what a line of `measures.jsonl` holds."""
    numbers = {k: v for k, v in reading.items() if isinstance(v, (int, float))}
    return {**{k: reading[k] for k in PROTOCOL if k in reading}, **numbers}


class TrainingMeasure:
    """Measures a game with the networks in the state that is exported, then puts them back.

    Args:
        source: the data that the game is trained on.
        extractor: name or file of a feature network for data without an oracle; `None`: patches.
        seed: of the reference.

    Raises:
        InputError: no such extractor.
    """

    def __init__(self, source: data.Source, extractor: str | None = None, seed: int = 0):
        self.source, self.seed = source, seed
        self.extractor = None if extractor is None else extractors.load(extractor)
        self._reference: tuple[np.ndarray, str] | None = None

    def __call__(self, game: Any) -> dict[str, Any]:
        """What was measured, by name; empty where nothing can be."""
        with exported_state(game):
            values = numbers_of(oracle_reading(game, self.source))
            values |= game.held_out_measures(self.source)
            best = headline(game, values)
            if best is None or game.headline_measure and best.name != game.headline_measure[0]:
                values |= self._distances(game)
        return values

    def _distances(self, game: Any) -> dict[str, Any]:
        """How far outputs are from real examples."""
        if game.takes_examples:
            examples, split = self._examples()
            real, outputs = next(iter(game.collapse_pairs(examples).values()))
        else:
            real, split = self._real()
            outputs = _samples(game, len(real))
        if real is None or not np.isfinite(outputs).all():
            return {}
        values: dict[str, Any] = {}
        if game.outputs_have_truth and real.shape == outputs.shape:
            values["l1"] = float(np.mean(np.abs(np.asarray(real, np.float32) - outputs)))
        values |= self._distribution(real, outputs)
        if not values:
            return {}
        return {"samples": len(outputs), "seed": _SEED, "reference": split, **values}

    def _distribution(self, real: np.ndarray, outputs: np.ndarray) -> dict[str, Any]:
        if real.shape[1:] != outputs.shape[1:] or min(len(real), len(outputs)) < 2:
            return {}
        if real.ndim == 2:
            return _feature_distances(real, outputs)
        if real.ndim != 4 or min(real.shape[1:3]) < PATCH:
            return {}
        if self.extractor is None:
            count = min(len(real), len(outputs))
            patches = max(min(128, _PATCHES // count), 1)
            levels = patch_distances(
                real[:count], outputs[:count], patches=patches, repeats=1, seed=self.seed
            )
            return {"swd": float(np.mean(list(levels.values())))}
        network = self.extractor
        features = [_features(network, images) for images in (real, outputs)]
        identity = {"extractor": network.name, "weights": network.weights_hash}
        return {**identity, **_feature_distances(*features)}

    def _real(self) -> tuple[np.ndarray, str]:
        """The reference of a generator from noise: always the same training examples."""
        if self._reference is None:
            size = 4 * math.prod(self.source.shape)
            count = min(SAMPLES, max(_SAMPLE_BYTES // size, 64), len(self.source))
            self._reference = (self.source.take(count, self.seed)[self.source.key], "train")
        return self._reference

    def _examples(self) -> tuple[dict[str, np.ndarray], str]:
        """Held-out examples, or training examples where the data have no test split."""
        if hasattr(self.source, "held_out"):
            with contextlib.suppress(InputError):
                return self.source.held_out(ORACLE_OUTPUTS), "test"
        return self.source.take(min(ORACLE_OUTPUTS, len(self.source)), self.seed), "train"


def create(
    source: data.Source, options: types.SimpleNamespace
) -> Callable[[keras.Model], Mapping[str, Any]] | None:
    """What is measured every `options.measure_every` steps; `None`: nothing was asked for.

    Raises:
        InputError: an extractor that cannot be opened, or that nothing would use.
    """
    every = getattr(options, "measure_every", None)
    extractor = getattr(options, "measure_extractor", None)
    if every is None:
        if extractor is not None:
            raise InputError(
                "--measure-extractor is used by --measure-every only; pass that too, or leave it"
                " out"
            )
        return None
    return TrainingMeasure(source, extractor, options.seed)


@contextlib.contextmanager
def exported_state(game: Any) -> Iterator[None]:
    """Within it batch norm has the statistics with which the game is exported.

    What training reads is as it was when the block ends. With several devices nothing changes.
    """
    strategy = game.distribute_strategy or tf.distribute.get_strategy()
    if strategy.num_replicas_in_sync > 1:
        yield
        return
    networks = {id(n): n for part in game.signatures().values() for n in part.networks}
    variables = [v for n in networks.values() for v in n.non_trainable_variables]
    before = [variable.numpy() for variable in variables]
    try:
        game.recalibrate_batch_norm()
        yield
    finally:
        for variable, value in zip(variables, before):
            variable.assign(value)


def _samples(game: Any, count: int, part: int = 64) -> np.ndarray:
    """Samples of a generator from noise, a few at once; of several outputs the first images."""
    parts = []
    for index, start in enumerate(range(0, count, part)):
        samples = game.generate(min(part, count - start), seed=_SEED + index)
        if isinstance(samples, Mapping):
            arrays = list(samples.values())
            samples = next((array for array in arrays if array.ndim == 4), arrays[0])
        parts.append(samples)
    return np.concatenate(parts)


def _features(extractor: extractors.Extractor, images: np.ndarray) -> np.ndarray:
    scale = scale_of(extractor)
    parts = [extractor.features(images[i : i + 64]) for i in range(0, len(images), 64)]
    return np.concatenate(parts).astype(np.float64) / scale


def _feature_distances(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    """KID, and FID where there are enough examples for a covariance of full rank."""
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    values = {"kid": cubic_discrepancy(real, fake)}
    if min(len(real), len(fake)) > real.shape[1]:
        moments = [(rows.mean(0), np.cov(rows, rowvar=False)) for rows in (real, fake)]
        values["fid"] = frechet_distance(*moments[0], *moments[1])
    return values
