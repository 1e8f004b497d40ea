"""How far a game draws where it was told, by the oracle of an embedded world.

Each figure stands beside that of places in another order, which is what a game would reach that
ignores them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfgan_suite.core.signatures import TensorSpec
from tfgan_suite.core.trained_game import DEFAULT, Arrays

Report = Callable[[Arrays, np.ndarray], Mapping[str, Any]]
Run = Callable[[Arrays, str], Mapping[str, np.ndarray]]
COMPLETE = "complete"  # the signature from some key points to all of them
MOVES = 8  # places of each box that is moved across
_ROLLS = (1, 7, 50)  # shifts of the order, for shuffled places


def moved_across(box: np.ndarray, count: int) -> np.ndarray:
    """A box `(4,)` at `count` places from the left edge to the right one: `(count, 4)`."""
    boxes = np.repeat(np.asarray(box, np.float32)[None], count, 0)
    boxes[:, 0] = np.linspace(0.0, 1.0 - boxes[0, 2], count)
    return boxes


def shuffled(key: str, place: str, examples: Arrays, images: np.ndarray, report: Report) -> float:
    """A measure of the report against places of other examples, the mean of three orders."""
    values = [
        report({**examples, place: np.roll(examples[place], shift, axis=0)}, images)[key]
        for shift in _ROLLS
    ]
    return float(np.mean(values))


def of_places(
    run: Run,
    z: TensorSpec,
    place: str,
    examples: Arrays,
    images: np.ndarray,
    report: Report,
) -> dict[str, float]:
    """`of_boxes` or `of_points` of a game or of an export.

    Args:
        run: runs a signature: inputs and its name to outputs by name.
        z: the generator's noise, one draw of which all images share.
        place: `"box"` or `"keypoints"`; of key points there is a signature `complete`.
        examples: held-out ones: `"text"`, `"embedding"` and the place.
        images: their images.
        report: the oracle.
    """

    def draw(changed: Arrays) -> np.ndarray:
        noise = z.draw(1, [0, 0]).numpy().repeat(len(changed[place]), 0)
        inputs = {key: changed[key] for key in ("embedding", place)}
        return run({**inputs, "z": noise}, DEFAULT)["image"]

    if place == "box":
        return of_boxes(draw, examples, images, report)

    def complete(known: np.ndarray) -> np.ndarray:
        points = {key: examples[key] for key in ("embedding", "keypoints")}
        return run({**points, "known": known}, COMPLETE)["completed"]

    return of_points(complete, draw, examples, images, report)


def of_boxes(
    draw: Callable[[Arrays], np.ndarray], examples: Arrays, images: np.ndarray, report: Report
) -> dict[str, float]:
    """Measures of a game of boxes beside the report.

    Args:
        draw: images of `"embedding"` and `"box"`, of the same z for all.
        examples: held-out ones: `"text"`, `"embedding"` and `"box"`.
        images: their images.
        report: the oracle.

    Returns:
        `"box_iou_shuffled"`; and for boxes that move across while sentence and z stay
        `"moved_box_iou"` and `"moved_centroid_slope"`. Sentences of the world say where the shape
        is, so that boxes that move contradict them.
    """
    count = len(examples["box"]) // MOVES
    boxes = np.concatenate([moved_across(box, MOVES) for box in examples["box"][:count]])
    repeated = {
        key: np.repeat(examples[key][:count], MOVES, axis=0) for key in ("text", "embedding")
    }
    moved = report({**repeated, "box": boxes}, draw({**repeated, "box": boxes}))
    return {
        "box_iou_shuffled": shuffled("box_iou", "box", examples, images, report),
        "moved_box_iou": moved["box_iou"],
        "moved_centroid_slope": moved["centroid_slope"],
    }


def of_points(
    complete: Callable[[np.ndarray], np.ndarray],
    draw: Callable[[Arrays], np.ndarray],
    examples: Arrays,
    images: np.ndarray,
    report: Report,
) -> dict[str, float]:
    """Measures of a game of key points, and of its generator of points.

    Args:
        complete: from `known` `(n, K)` to all points of the examples.
        draw, examples, images, report: as for `of_boxes`, with `"keypoints"`.

    Returns:
        `"keypoint_distance_shuffled"`; the report of points generated from the sentence alone
        (`"points_.."`), of those completed from two (`"from_two_points_.."`), and shares of what
        the images drawn at the former show as the sentence says (`"text_only_.."`).
    """
    points = np.asarray(examples["keypoints"])
    visible = points[..., 2] > 0.5
    # The first point, the centre, and the last visible one.
    last = visible.shape[1] - 1 - visible[:, ::-1].argmax(axis=1)
    two = np.zeros(visible.shape, np.float32)
    two[np.arange(len(two)), visible.argmax(axis=1)] = 1.0
    two[np.arange(len(two)), last] = 1.0
    key = "keypoint_distance"
    measures = {f"{key}_shuffled": shuffled(key, "keypoints", examples, images, report)}
    for prefix, known in (("", np.zeros_like(two)), ("from_two_", two)):
        completed = complete(known)
        inputs = {**examples, "keypoints": completed}
        drawn = draw(inputs) if not prefix else images
        told = {"text": examples["text"], "completed": completed}
        readings = report(told, drawn)
        measures.update({f"{prefix}{k}": v for k, v in readings.items() if k.startswith("points_")})
        if not prefix:
            shares = {k: v for k, v in readings.items() if k.endswith("_share")}
            measures.update({f"text_only_{k}": v for k, v in shares.items() if "points" not in k})
    return measures


def in_words(measures: Mapping[str, Any]) -> list[str]:
    """Sentences about the measures of this module, beside those of the report."""
    sentences = []
    if "box_iou_shuffled" in measures:
        sentences.append(
            f"boxes overlap with what is drawn by {measures['box_iou']:.2f} in the mean, boxes of"
            f" other images by {measures['box_iou_shuffled']:.2f}; a box that moves on moves it"
            f" {measures['moved_centroid_slope']:.2f} times as far"
        )
    if "keypoint_distance_shuffled" in measures:
        sentences.append(
            f"key points are {measures['keypoint_distance']:.2f} pixels from what is drawn, those"
            f" of other images {measures['keypoint_distance_shuffled']:.2f};"
            f" {measures['points_of_a_shape']:.0%} of the generated sets of points are those of a"
            f" shape, each point {measures['points_geometry']:.3f} of the image from its place in"
            " it"
        )
    return sentences
