"""Measures of games that draw sentences: whether images show what they say, where they were told.

The oracle of an embedded world reads the images; key points of other data are read by a regressor
that was trained on the data's own images. Beside each value stand that of the real images and that
of images of other sentences, boxes or key points, which is what a game gets that ignores them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite import data
from tfgan_suite.core import place_readings
from tfgan_suite.errors import InputError
from tfgan_suite.inference import sentences
from tfgan_suite.inference.generator import Generator, open_generator
from tfgan_suite.measures import point_regressor, r_precision
from tfgan_suite.measures.result import MeasureResult
from tfgan_suite.text.encoders import decode

FIELDS = ("colour", "shape", "size", "position", "all", "clean")
_ROLLS = (1, 7, 50)  # shifts of the order, for other sentences and places
Report = Callable[[Mapping[str, np.ndarray], np.ndarray], Mapping[str, Any]]


@dataclasses.dataclass(frozen=True)
class Drawings:
    """Images that a generator drew for the test split of captioned images.

    Args:
        generator: the generator.
        source: the data.
        examples: of the test split, with `"text"`, and `"embedding"`, the generator's own vectors.
        images: `(n, height, width, 3)` in [-1, 1].
        protocol: what all results share.
    """

    generator: Generator
    source: Any
    examples: dict[str, np.ndarray]
    images: np.ndarray
    protocol: dict[str, Any]

    @property
    def world(self) -> str:
        """The name of the data, for the names of results that its oracle reads."""
        return str(self.source.name)

    def report(self, measure: str) -> Report:
        """The oracle.

        Raises:
            InputError: the data have none.
        """
        if self.source.report is None:
            raise InputError(
                f"{measure} needs the oracle of an embedded world, and {self.world} has none;"
                " measure r_precision, or keypoints with --regressor"
            )
        return self.source.report

    def check_place(self, place: str, measure: str) -> None:
        """Raises InputError unless the generator takes such a place."""
        names = [spec.name for spec in self.generator.signature().inputs]
        if place not in names:
            raise InputError(
                f"{measure} measures games that draw at a {place}, but {self.generator.name} takes"
                f" {' and '.join(names)}; train recipes/gawwn.py --condition {place}"
            )


def measure(
    source: str | Path,
    against: str | Path,
    names: Sequence[str],
    *,
    samples: int = 1000,
    seed: int = 0,
    text_encoder: str | Path | None = None,
    regressor: str | Path | None = None,
) -> list[MeasureResult]:
    """Measures a game that draws sentences.

    Args:
        source: run or export.
        against: captioned images, as `data.load_captions` takes them; their test split is used.
        names: of `MEASURES`.
        samples: test examples, at most as many as there are.
        seed: of the images.
        text_encoder: a run of recipes/text_encoder.py, for `r_precision`.
        regressor: a `.keras` file, for `keypoints` of data without an oracle; where it does not
            exist it is trained on the training split and written.

    Returns:
        The results in the order of `names`.

    Raises:
        InputError: unknown names, a generator that takes no sentence or no such place, data without
            an oracle.
    """
    unknown = [name for name in names if name not in MEASURES]
    if unknown:
        raise InputError(
            f"{unknown[0]} cannot be measured beside {', '.join(MEASURES)}; measure it alone"
        )
    if r_precision.NAME in names:
        r_precision.check_reader(text_encoder)
    results: list[MeasureResult] = []
    drawings = None
    for name in names:
        if name == r_precision.NAME:
            results += r_precision.measure(
                source, against, text_encoder, samples=samples, seed=seed
            )
            continue
        drawings = drawings or open_drawings(source, against, samples, seed)
        results += MEASURES[name](drawings, regressor)
    return results


def open_drawings(source: str | Path, against: str | Path, samples: int, seed: int) -> Drawings:
    """Draws an image of each test sentence, at its place where the generator takes one.

    Raises:
        InputError: a generator without sentences, or data that it cannot be compared with.
    """
    generator = open_generator(source)
    sentences.check_text(generator)
    size = int(generator.signature().output.shape[0] or 0)
    fit = (generator.facts.get("constants") or {}).get("fit") or "crop"
    captions = data.load_captions(against, size=size, fit=fit, mismatched=False)
    examples, images = _drawn(generator, captions.held_out(samples), seed)
    protocol = {
        "samples_of": str(source),
        "n_fake": len(images),
        "against": str(against),
        "split": "test",
        "size": f"{size}x{size}",
        "seed": seed,
        "step": generator.facts.get("steps"),
        "ema": generator.facts.get("ema"),
    }
    return Drawings(generator, captions, examples, images, protocol)


def _drawn(
    generator: Generator, examples: Mapping[str, np.ndarray], seed: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Examples with the generator's vectors, and their images."""
    texts = decode(examples["text"])
    images = sentences.draw_examples(generator, texts, examples, seed)
    return {**examples, sentences.VECTOR: sentences.vectors(generator, texts)}, images


def captions(drawings: Drawings, regressor: Any = None) -> list[MeasureResult]:
    """Shares of images whose colour, shape, size and position are as the sentence says.

    `all`: all four at once; `clean`: one well-formed shape and nothing else. The protocol holds
    `"real"`, `"shuffled"` (images against other sentences) and `"unseen"`, images of combinations
    of colour and shape that training never showed.
    """
    report = drawings.report("captions")
    text = {"text": drawings.examples["text"]}
    shares = report(text, drawings.images)
    beside = {"real": report(text, drawings.examples["image"])}
    for split, held_out in drawings.source.further_splits.items():
        unseen = held_out(len(drawings.images))
        if all(spec.drawable or spec.name in unseen or spec.name == sentences.VECTOR
               for spec in drawings.generator.signature().inputs):  # fmt: skip
            unseen, images = _drawn(drawings.generator, unseen, drawings.protocol["seed"])
            beside[split] = report({"text": unseen["text"]}, images)
    others = [report({"text": np.roll(text["text"], shift)}, drawings.images) for shift in _ROLLS]
    count, results = len(drawings.images), []
    for field in FIELDS:
        key = f"{field}_share"
        facts = {**drawings.protocol, **{name: values[key] for name, values in beside.items()}}
        if field != "clean":  # which no sentence asks for
            facts["shuffled"] = float(np.mean([values[key] for values in others]))
        facts["spread"] = "standard error"
        error = float(np.sqrt(shares[key] * (1.0 - shares[key]) / count))
        name = f"caption_{field}-{drawings.world}"
        results.append(MeasureResult(name, shares[key], facts, error))
    return results


def boxes(drawings: Drawings, regressor: Any = None) -> list[MeasureResult]:
    """Overlap of boxes with what is drawn, and how far a shape moves with its box.

    The mean intersection over union; the slope of the drawn centroid against the box's, over all
    test examples; and both again for boxes that move across while sentence and z stay.
    """
    drawings.check_place("box", "boxes")
    report = drawings.report("boxes")
    own = report(drawings.examples, drawings.images)
    real = report(drawings.examples, drawings.examples["image"])
    further = _further(drawings, "box", report)
    slopes = place_readings.shuffled(
        "centroid_slope", "box", drawings.examples, drawings.images, report
    )
    values = {
        "box_iou": (own["box_iou"], real["box_iou"], further["box_iou_shuffled"]),
        "centroid_slope": (own["centroid_slope"], real["centroid_slope"], slopes),
        "moved_box_iou": (further["moved_box_iou"], None, None),
        "moved_centroid_slope": (further["moved_centroid_slope"], None, None),
    }
    return [_placed(drawings, name, *numbers) for name, numbers in values.items()]


def keypoints(drawings: Drawings, regressor: str | Path | None = None) -> list[MeasureResult]:
    """Mean distance in pixels between the key points drawn at and those read off the images."""
    drawings.check_place("keypoints", "keypoints")
    if regressor is not None or drawings.source.report is None:
        return [_regressed(drawings, regressor)]
    report = drawings.report("keypoints")
    key = "keypoint_distance"
    own, real = (
        report(drawings.examples, images)[key]
        for images in (drawings.images, drawings.examples["image"])
    )
    other = place_readings.shuffled(key, "keypoints", drawings.examples, drawings.images, report)
    results = [_placed(drawings, key, own, real, other)]
    if place_readings.COMPLETE in drawings.generator.signatures:
        further = _further(drawings, "keypoints", report)
        results += [
            _placed(drawings, name, value, None, None)
            for name, value in further.items()
            if not name.startswith(key)
        ]
    return results


def _further(drawings: Drawings, place: str, report: Report) -> dict[str, float]:
    generator = drawings.generator
    z = next(spec for spec in generator.signature().inputs if spec.drawable)
    return place_readings.of_places(
        generator.run_signature, z, place, drawings.examples, drawings.images, report
    )


def _placed(
    drawings: Drawings, name: str, value: float, real: float | None, shuffled: float | None
) -> MeasureResult:
    facts = {"real": real, "shuffled": shuffled}
    known = {key: number for key, number in facts.items() if number is not None}
    return MeasureResult(f"{name}-{drawings.world}", float(value), {**drawings.protocol, **known})


def _regressed(drawings: Drawings, path: str | Path | None) -> MeasureResult:
    """The distance by a regressor, named in the result and with its own error beside it."""
    if path is None:
        raise InputError(
            f"keypoints of {drawings.world}, which has no oracle, are read by a regressor; pass"
            " --regressor FILE.keras (it is trained on the training images if there is no such"
            " file)"
        )
    fit = (drawings.generator.facts.get("constants") or {}).get("fit") or "crop"
    judge = point_regressor.open_regressor(
        path, drawings.protocol["against"], drawings.images.shape[1], fit
    )
    points = drawings.examples["keypoints"]
    judge.check(points)
    located = judge.locate(drawings.images)
    size = drawings.images.shape[1]

    def distance(located: np.ndarray, keypoints: np.ndarray) -> float:
        return point_regressor.distance(located, keypoints, size)

    others = [distance(located, np.roll(points, shift, axis=0)) for shift in _ROLLS]
    facts = {
        **drawings.protocol,
        "real": distance(judge.locate(drawings.examples["image"]), points),
        "shuffled": float(np.mean(others)),
        "unit": "pixels",
        "regressor": judge.name,
        "weights": judge.weights_hash,
    }
    name = f"keypoint_distance-{judge.name}-{judge.weights_hash}"
    return MeasureResult(name, distance(located, points), facts)


MEASURES: dict[str, Any] = {
    "captions": captions,
    "boxes": boxes,
    "keypoints": keypoints,
    r_precision.NAME: None,
}
