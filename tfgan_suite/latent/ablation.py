"""Forgetting: filters of a generator that draw one thing are dropped (Radford et al. 2016, 6.3.2).

On the highest hidden maps of the generator, below its last convolution, a logistic regression
tells positions inside boxes from others. Filters with a positive weight are set to zero everywhere,
and the same z is generated again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfgan_suite.core.scoring_game import feature_layers
from tfgan_suite.data.synthetic import shapes
from tfgan_suite.errors import InputError
from tfgan_suite.features.layer_outputs import select_outputs
from tfgan_suite.latent import arithmetic, figures
from tfgan_suite.latent.space import Inputs, Space
from tfgan_suite.utils.optional_packages import require

SAMPLES = 150  # as in the paper


@dataclasses.dataclass(frozen=True)
class Ablation:
    """What was forgotten.

    Args:
        before, after: float32 `(count, height, width, channels)` in [-1, 1], of the same z.
        filters: indices of the dropped maps.
        total: number of maps in the layer.
        layer: its name.
        inside: bool `(count, height, width)`: pixels of the boxes.
    """

    before: np.ndarray
    after: np.ndarray
    filters: np.ndarray
    total: int
    layer: str
    inside: np.ndarray

    def change(self) -> tuple[float, float]:
        """Mean absolute difference of pixels inside the boxes and outside, in [-1, 1]."""
        difference = np.abs(self.after - self.before).mean(axis=-1)
        parts = difference[self.inside], difference[~self.inside]
        inside, outside = (float(part.mean()) if part.size else 0.0 for part in parts)
        return inside, outside


class SplitGenerator:
    """A generator in two parts, below and above one of its hidden layers.

    Args:
        space: opened from a run: an export offers no layers.

    Raises:
        InputError: opened from an export, or a generator without hidden maps.
    """

    def __init__(self, space: Space):
        game = space.generator.game
        if game is None:
            raise InputError(
                f"{space.generator.name} is an export, whose layers cannot be changed; ablate takes"
                " a run folder"
            )
        self.space = space
        self.generator: keras.Model = game.signatures()["serving_default"].networks[0]
        maps = [
            name
            for name in feature_layers(self.generator)
            if len(self.generator.get_layer(name).output.shape) == 4
        ]
        if not maps:
            raise InputError(f"{space.generator.name} has no hidden maps, which ablate changes")
        self.layer = maps[-1]
        output = self.generator.get_layer(self.layer).output
        self.total = int(output.shape[-1])
        self._below = select_outputs(self.generator, [self.layer])
        self._above, self._used = _above(self.generator, output)

    def latent_inputs(self, inputs: Inputs) -> list[np.ndarray]:
        """What the network itself takes, from the inputs of the generator's signature."""
        arrays = [inputs[spec.name] for spec in self.space.inputs]
        assemble = getattr(self.space.generator.game, "assemble", None)
        return [np.asarray(assemble(**inputs))] if assemble is not None else arrays

    def maps(self, inputs: Inputs) -> np.ndarray:
        """Maps of the layer, `(count, rows, columns, channels)`."""
        return np.asarray(self._below(self.latent_inputs(inputs), training=False))

    def images(self, maps: np.ndarray, inputs: Inputs) -> np.ndarray:
        """Images of maps, clipped to [-1, 1]; `inputs` are those behind the maps."""
        arrays = self.latent_inputs(inputs)
        arguments = [maps, *(arrays[index] for index in self._used)]
        return np.clip(np.asarray(self._above(arguments, training=False)), -1.0, 1.0)


def _above(generator: keras.Model, maps: Any) -> tuple[keras.Model, tuple[int, ...]]:
    """The part of a generator above some maps, and which of its inputs go in there, too.

    A label may enter above the maps. Keras 2 refuses inputs that do not, both refuse to be without
    those that do.
    """
    inputs = range(len(generator.inputs))
    for count in range(len(generator.inputs) + 1):
        for used in itertools.combinations(inputs, count):
            arguments = [maps, *(generator.inputs[index] for index in used)]
            with contextlib.suppress(ValueError):
                return keras.Model(arguments, generator.outputs), used
    raise InputError(f"{generator.name} cannot be divided at its last hidden maps")


def drop(maps: np.ndarray, filters: Sequence[int] | np.ndarray) -> np.ndarray:
    """Maps with some filters set to zero at all positions."""
    kept = maps.copy()
    kept[..., np.asarray(filters, int)] = 0.0
    return kept


def find_filters(
    maps: np.ndarray, inside: np.ndarray, *, most: int | None = None, seed: int = 0
) -> np.ndarray:
    """Filters with a positive weight in a logistic regression of "inside" on the maps.

    Args:
        maps: `(count, rows, columns, channels)`.
        inside: bool `(count, rows, columns)`: positions that are to be forgotten. As many others
            are drawn as negatives.
        most: filters, at most: those with the largest weights; None: all positive ones.
        seed: of the negatives.

    Returns:
        Indices of filters, the largest weight first.

    Raises:
        InputError: scikit-learn is not installed; no position inside, or none outside.
    """
    linear = require("sklearn.linear_model", "latent", "ablation")
    positive, negative = maps[inside], maps[~inside]
    if not len(positive) or not len(negative):
        raise InputError("there is nothing to tell apart: no position lies inside, or all do")
    draws = np.random.default_rng(seed)
    count = min(len(positive), len(negative), 20000)
    rows = np.concatenate(
        [part[draws.permutation(len(part))[:count]] for part in (positive, negative)]
    ).astype(np.float64)
    deviation = rows.std(axis=0)
    model = linear.LogisticRegression(C=1.0, max_iter=300)
    model.fit(rows / np.where(deviation > 1e-9, deviation, 1.0), np.arange(2 * count) < count)
    weights = np.where(deviation > 1e-9, model.coef_[0], 0.0)
    order = np.argsort(-weights, kind="stable")
    return order[weights[order] > 0][:most]


def ablate(
    space: Space,
    boxes: np.ndarray,
    numbers: Sequence[int],
    *,
    most: int | None = None,
    inputs: Inputs | None = None,
) -> Ablation:
    """Drops the filters that draw what lies in boxes.

    Args:
        space: opened from a run.
        boxes: left, top, right, bottom in pixels, `(4,)` for all samples or `(count, 4)`; a box of
            no area marks nothing in its sample.
        numbers: of the samples; a hundred or more, as in the paper.
        most: filters to drop, at most.
        inputs: of the samples, where they are known already.

    Raises:
        InputError: an export, a box outside the image, or scikit-learn is missing.
    """
    split = SplitGenerator(space)
    inputs = inputs or space.samples(numbers)
    height, width, _ = space.shape
    boxes = np.broadcast_to(np.asarray(boxes, float), (len(numbers), 4))
    check_boxes(boxes, height, width)
    inside = in_boxes(boxes, height, width, (height, width))
    maps = split.maps(inputs)
    at_positions = in_boxes(boxes, height, width, maps.shape[1:3])
    filters = find_filters(maps, at_positions, most=most)
    after = split.images(drop(maps, filters), inputs)
    return Ablation(split.images(maps, inputs), after, filters, split.total, split.layer, inside)


def check_boxes(boxes: np.ndarray, height: int, width: int) -> None:
    """Raises InputError if a box leaves the image or ends before it begins."""
    left, top, right, bottom = boxes.T
    wrong = (left < 0) | (top < 0) | (right > width) | (bottom > height)
    wrong |= (right < left) | (bottom < top)
    if wrong.any():
        box = ",".join(f"{side:g}" for side in boxes[wrong][0])
        raise InputError(
            f"the box {box} does not lie in an image of {width}x{height}; expected left, top, right"
            " and bottom in pixels"
        )


def in_boxes(boxes: np.ndarray, height: int, width: int, grid: tuple[int, ...]) -> np.ndarray:
    """Positions of maps whose middle lies in a box.

    Args:
        boxes: `(count, 4)`: left, top, right, bottom in pixels.
        height, width: of the images.
        grid: rows and columns of the maps.

    Returns:
        bool `(count, rows, columns)`.
    """
    y = ((np.arange(grid[0]) + 0.5) * height / grid[0])[None, :, None]
    x = ((np.arange(grid[1]) + 0.5) * width / grid[1])[None, None, :]
    left, top, right, bottom = (side[:, None, None] for side in boxes.T)
    return (x >= left) & (x < right) & (y >= top) & (y < bottom)


def ablate_class(
    space: Space,
    text: str,
    *,
    samples: int = 2 * SAMPLES,
    most: int | None = None,
) -> tuple[Ablation, dict[str, Any]]:
    """Drops the filters of a class of the shapes world, whose oracle draws the boxes.

    Args:
        space: opened from a run that was trained on shapes.
        text: a class or a part of its name: `"circle"`, `"red"`, `"red circle"`.
        samples: from which the filters are found and the shares are counted.
        most: filters to drop, at most.

    Returns:
        The ablation, and numbers: shares of the class and of well-formed others before and after.

    Raises:
        InputError: another world, an unknown class, or one that no sample shows.
    """
    _, names = arithmetic.reader(space)
    classes = arithmetic.matching(names, text)
    inputs = space.draw(-(-samples // 4) * 4)
    images = space.generate(inputs)
    reading = shapes.read(images)
    of_class = reading.clean & np.isin(reading.label, classes)
    if not of_class.any() or of_class.all():
        raise InputError(
            f"{int(of_class.sum())} of {len(images)} samples show {text}; it takes some that do"
            " and some that do not"
        )
    boxes = np.where(of_class[:, None], reading.box, 0.0)
    result = ablate(space, boxes, range(len(images)), most=most, inputs=inputs)
    read_after = arithmetic.read_shapes(result.after)
    is_class = np.isin(read_after, classes)
    other = reading.clean & ~of_class
    order = np.argsort(~of_class, kind="stable")
    shown = dataclasses.replace(
        result,
        before=result.before[order],
        after=result.after[order],
        inside=result.inside[order],
    )
    return shown, {
        "class": text,
        "share_before": float(of_class.mean()),
        "share_after": float(is_class.mean()),
        "forgotten": float(1.0 - is_class[of_class].mean()),
        "others_unchanged": float((read_after[other] == reading.label[other]).mean())
        if other.any()
        else None,
    }


def write(result: Ablation, folder: Path, numbers: dict[str, Any]) -> dict[str, Any]:
    """Writes `ablate.png` (before and after, in pairs of rows) and `numbers.json`."""
    captions: list[str] = []
    images = []
    for start in range(0, min(len(result.before), 36), 12):
        part = slice(start, start + 12)
        captions += ["before" if not start else "", "after" if not start else ""]
        images += [result.before[part], result.after[part]]
    inside, outside = result.change()
    numbers = {
        **numbers,
        "layer": result.layer,
        "dropped": len(result.filters),
        "filters": result.total,
        "change_inside": inside,
        "change_outside": outside,
        "figure": figures.write_png(folder, "ablate.png", figures.rows(captions, images)),
    }
    figures.write_numbers(folder, numbers)
    return numbers
