"""Measures a run, an export or a folder of images against data."""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.features import extractors
from tfgan_suite.measures import conditioning, features
from tfgan_suite.measures.evaluation import (
    NO_EXTRACTOR,
    Evaluation,
    Settings,
    open_extractor,
    open_generator,
    open_reference,
)
from tfgan_suite.measures.fid import fid, fid_infinity
from tfgan_suite.measures.inception_score import inception_score
from tfgan_suite.measures.kid import kid
from tfgan_suite.measures.memorisation import compare
from tfgan_suite.measures.parzen import parzen
from tfgan_suite.measures.path_length import path_lengths, separabilities
from tfgan_suite.measures.precision_recall import precision_recall
from tfgan_suite.measures.result import MeasureResult
from tfgan_suite.measures.ruler import ruler
from tfgan_suite.measures.sliced_wasserstein import sliced_wasserstein
from tfgan_suite.measures.style_variance import psi_sweep, style_variances

_MOST_PATCHES = 2**18  # of each side and level, for SWD
_SHIFTED = 250  # images of each side whose 25 shifts are compared with the whole training set


def _fid(evaluation: Evaluation) -> list[MeasureResult]:
    real, fake = evaluation.real.moments, evaluation.fake.moments
    return [fid(real, fake, extractor=evaluation.extractor)]


def _fid_infinity(evaluation: Evaluation) -> list[MeasureResult]:
    real, fake = evaluation.real.features, evaluation.fake.features
    seed = evaluation.settings.seed
    return [fid_infinity(real, fake, seed=seed, extractor=evaluation.extractor)]


def _kid(evaluation: Evaluation) -> list[MeasureResult]:
    real, fake = evaluation.real.features, evaluation.fake.features
    return [kid(real, fake, seed=evaluation.settings.seed, extractor=evaluation.extractor)]


def _precision_recall(evaluation: Evaluation) -> list[MeasureResult]:
    real, fake = evaluation.real.features, evaluation.fake.features
    return precision_recall(real, fake, extractor=evaluation.extractor)


def _inception_score(evaluation: Evaluation) -> list[MeasureResult]:
    predictions, network = evaluation.fake.predictions, evaluation.network
    count, classes = predictions.shape
    splits = 10 if count >= 100 * classes else 1
    logits = network is not None and network.gives_logits
    extractor = evaluation.extractor
    return [inception_score(predictions, logits=logits, splits=splits, extractor=extractor)]


def _parzen(evaluation: Evaluation) -> list[MeasureResult]:
    real, fake = _flat(evaluation.real.examples), _flat(evaluation.fake.examples)
    validation = min(1000, len(real) // 10)
    if validation < 1:
        raise InputError(
            f"{len(real)} real examples are too few for Parzen windows, as a tenth of them is "
            "used to choose sigma; pass at least 10 (11,000 for the papers' counts)"
        )
    # No extractor takes part; images are in [0, 1] as in the papers.
    facts = {**NO_EXTRACTOR, "scale": "[0, 1]"}
    return [parzen(fake, real[:validation], real[validation:], **facts)]


def _swd(evaluation: Evaluation) -> list[MeasureResult]:
    real, fake = evaluation.real.examples, evaluation.fake.examples
    if real.ndim != 4:
        raise InputError("swd compares patches of images, but these are points; measure fid")
    # All patches of a level are sorted at once: of many images fewer each.
    patches = max(min(128, _MOST_PATCHES // len(real)), 1)
    seed = evaluation.settings.seed
    return sliced_wasserstein(real, fake, patches=patches, seed=seed, **NO_EXTRACTOR)


def _memorisation(evaluation: Evaluation) -> list[MeasureResult]:
    real, fake = evaluation.real.features, evaluation.fake.features
    train, seed = evaluation.training_features(), evaluation.settings.seed
    result, _ = compare(fake, real, train, extractor=evaluation.extractor, seed=seed)
    return [result]


def _memorisation_pixels(evaluation: Evaluation) -> list[MeasureResult]:
    real, fake = evaluation.real.examples, evaluation.fake.examples
    if real.ndim != 4:
        raise InputError(
            "memorisation_pixels compares images, but these are points; measure memorisation"
        )
    train = evaluation.training_split()
    blocks = features.stream(train, len(train))
    seed = evaluation.settings.seed
    result, _ = compare(fake[:_SHIFTED], real[:_SHIFTED], blocks, seed=seed)
    return [dataclasses.replace(result, protocol={**result.protocol, **NO_EXTRACTOR})]


def _classes(evaluation: Evaluation) -> list[MeasureResult]:
    game, network = evaluation.generator.game, evaluation.network
    count, settings = evaluation.n_fake, evaluation.settings
    return conditioning.classes(game, network, count, settings.seed, settings.batch)


def _codes(evaluation: Evaluation) -> list[MeasureResult]:
    game, network, reference = evaluation.generator.game, evaluation.network, evaluation.reference
    count, settings = evaluation.n_fake, evaluation.settings
    return conditioning.codes(game, network, reference, count, settings.seed, settings.batch)


def _path_lengths(evaluation: Evaluation) -> list[MeasureResult]:
    opened, network, settings = evaluation.generator.opened, evaluation.network, evaluation.settings
    count, batch = evaluation.n_fake, min(settings.batch, 50)
    return path_lengths(opened, network, count, settings.seed, batch)


def _separabilities(evaluation: Evaluation) -> list[MeasureResult]:
    opened, network, settings = evaluation.generator.opened, evaluation.network, evaluation.settings
    return separabilities(opened, network, evaluation.n_fake, settings.seed, settings.batch)


def _style_variances(evaluation: Evaluation) -> list[MeasureResult]:
    opened, count, seed = evaluation.generator.opened, evaluation.n_fake, evaluation.settings.seed
    return style_variances(opened, count, seed, of_shapes=evaluation.reference.name == "shapes")


def _psi_sweep(evaluation: Evaluation) -> list[MeasureResult]:
    opened, settings = evaluation.generator.opened, evaluation.settings
    return psi_sweep(opened, evaluation.n_fake, settings.seed)


def _reconstructions(evaluation: Evaluation) -> list[MeasureResult]:
    game, reference = evaluation.generator.game, evaluation.reference
    count, settings = evaluation.n_fake, evaluation.settings
    return conditioning.reconstructions(game, reference, count, settings.seed, settings.batch)


@dataclasses.dataclass(frozen=True)
class Entry:
    """One entry of `MEASURES`.

    Args:
        compute: returns the results of an evaluation; `measure` adds the common protocol.
        needs: what `compute` reads. Of both sides: `"moments"`, `"features"`, `"pixels"`; of the
            generated examples `"predictions"`; `"train"`: the training split; `"game"`: a run;
            `"generator"`: a run or an export;
            `"extractor"`: a feature network; `"classifier"`: one with predictions.
        ruled: whether the ruler has it, as it compares two sets of images.
    """

    compute: Callable[[Evaluation], list[MeasureResult]]
    needs: tuple[str, ...]
    ruled: bool = False


MEASURES = {
    "fid": Entry(_fid, ("moments",), ruled=True),
    "fid_inf": Entry(_fid_infinity, ("features",), ruled=True),
    "kid": Entry(_kid, ("features",), ruled=True),
    "prdc": Entry(_precision_recall, ("features",), ruled=True),
    "is": Entry(_inception_score, ("predictions",)),
    "swd": Entry(_swd, ("pixels",), ruled=True),
    "parzen": Entry(_parzen, ("pixels",)),
    "memorisation": Entry(_memorisation, ("features", "train")),
    "memorisation_pixels": Entry(_memorisation_pixels, ("pixels", "train")),
    "classes": Entry(_classes, ("game", "classifier")),
    "codes": Entry(_codes, ("game", "classifier")),
    "ppl": Entry(_path_lengths, ("generator", "extractor")),
    "separability": Entry(_separabilities, ("generator", "classifier")),
    "style_variance": Entry(_style_variances, ("generator",)),
    "psi_sweep": Entry(_psi_sweep, ("generator",)),
    "copies": Entry(_reconstructions, ("game",)),
}
DEFAULT = ("fid", "kid", "prdc")
# Measures of games that draw sentences: `sentence_readings.measure`.
OF_SENTENCES = ("captions", "boxes", "keypoints", "r_precision")


def measure(
    source: str | Path,
    against: str | Path,
    *,
    measures: Sequence[str] = DEFAULT,
    split: str = "test",
    samples: int = 10_000,
    extractor: str | extractors.Extractor = "inception_v3",
    seed: int = 0,
    batch: int = 250,
    size: int | None = None,
    cache: str | os.PathLike | None = None,
    progress: bool = False,
    bit_depth: int | None = None,
    with_ruler: bool = False,
) -> list[MeasureResult]:
    """Measures generated examples against a split of data.

    Images of both sides are rounded to bytes, as files would hold them. They are read in batches,
    of which only moments are stored; for some measures also features, for Parzen also pixels.

    Args:
        source: run folder, export, or images as `data.load` takes them.
        against: data as `data.load` takes them.
        measures: names of `MEASURES`.
        split: of the data, `"test"` or `"train"`.
        samples: examples of each side; fewer where a side has fewer.
        extractor: the feature network, or its name or file. Points are their own features.
        seed: of samples, reference and subsets.
        batch: images at once.
        size: side of the images of both sides; `None`: for runs and exports what they were
            trained with, for files their own.
        cache: folder for the reference's features; `None`: no cache.
        progress: whether to show progress bars.
        bit_depth: significant bits of 16-bit images; `None`: for runs and exports as they were
            trained, for files as `data.load` decides.
        with_ruler: whether to add what one half of the reference would get against the other, as
            it is and blurred (`ruler.ruler`), for those of `measures` that compare two sets of
            images.

    Returns:
        The results, in the order of `measures`, and those of the ruler.

    Raises:
        InputError: unknown measures, sides of different shapes, an extractor that does not fit.

    Example:
        >>> measure("runs/dcgan_shapes", "shapes", extractor="classifiers/shapes.keras")
    """
    entries = check(measures, samples, batch, seed)
    ruled_entries = [entry for entry in entries if entry.ruled]
    if with_ruler and not ruled_entries:
        ruled = ", ".join(name for name, entry in MEASURES.items() if entry.ruled)
        raise InputError(f"the ruler was requested without a measure that has it; add {ruled}")
    needs = frozenset(need for entry in entries for need in entry.needs)
    if "train" in needs and split != "test":
        raise InputError(
            f"memorisation was requested with the split {split!r}, but it needs examples that "
            "were not trained on; pass --split test"
        )
    settings = Settings(against, split, samples, seed, batch, size, cache, progress, bit_depth)
    generator = open_generator(source, size, needs, bit_depth)
    reference = open_reference(generator, settings, split)
    network = open_extractor(extractor, generator.shape, needs)
    evaluation = Evaluation(generator, reference, network, settings)
    evaluation.collect(needs, title=str(source))
    results = [result for entry in entries for result in entry.compute(evaluation)]
    protocol = evaluation.protocol()
    results = [
        dataclasses.replace(result, protocol={**protocol, **result.protocol}) for result in results
    ]
    if with_ruler:
        needs = frozenset(need for entry in ruled_entries for need in entry.needs)
        results += ruler(evaluation, [entry.compute for entry in ruled_entries], needs)
    return results


def check(measures: Sequence[str], samples: int, batch: int, seed: int) -> list[Entry]:
    """The entries of `MEASURES` with these names.

    Raises:
        InputError: an unknown name, or a number out of range.
    """
    for name in measures:
        if name in OF_SENTENCES:
            raise InputError(
                f"{name} reads images of sentences: measure it with"
                " measures.sentence_readings.measure, or by the command measure"
            )
        if name not in MEASURES:
            near = difflib.get_close_matches(name, [*MEASURES, *OF_SENTENCES], 1, 0.5)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise InputError(
                f"unknown measure {name!r}; {hint}The measures are {', '.join(MEASURES)}"
            )
    if not measures:
        raise InputError(f"no measure was requested; pass some of {', '.join(MEASURES)}")
    if samples < 2 or batch < 1 or not 0 <= seed < 2**31:
        raise InputError(
            f"samples {samples}, batch {batch}, seed {seed}; expected at least 2 samples, a batch "
            "of 1 or more and a seed from 0 to 2147483647"
        )
    return [MEASURES[name] for name in measures]


def _flat(examples: np.ndarray) -> np.ndarray:
    """Images as float32 `(n, d)` in [0, 1]; points as they are."""
    rows = examples.reshape(len(examples), -1).astype(np.float32)
    return rows / np.float32(255.0) if examples.dtype == np.uint8 else rows
