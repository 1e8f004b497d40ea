"""The captions world: one shape of the shapes world, small or large, in one of nine positions.

Every image has several sentences, a bounding box and key points. Some combinations of colour and
shape are held out of training, so that it can be measured whether a generator that knows "green"
and "circle" draws a green circle. `read` extracts all of it from any image.

Key points, by the names in `PARTS`, as x, y and visibility 1; points that a shape does not have
are 0, 0, 0:

    every shape   its centre of mass
    circle        its extreme points: top, bottom, left, right
    square        its corners: top left, top right, bottom left, bottom right
    triangle      its corners: top, bottom left, bottom right
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from tfgan_suite.data.synthetic import caption_places, edges, sentences, shape_parts, shape_reader
from tfgan_suite.data.synthetic.sentences import POSITIONS, SIZES, Attributes
from tfgan_suite.data.synthetic.shape_parts import CLASSES, COLOURS, SHAPES
from tfgan_suite.data.synthetic.shapes import SMALLEST
from tfgan_suite.errors import InputError

# Colour and shape; every colour and every shape also occurs in training.
HELD_OUT = (("green", "circle"), ("magenta", "square"), ("cyan", "triangle"))
# Examples and seed of each split; "held_out" has only the combinations of `HELD_OUT`.
SPLITS = {"train": (6000, 0), "test": (1080, 1), "held_out": (540, 2)}
DEFAULT_SIZE = 32
CAPTIONS = 5  # of each image
PARTS = (
    *("centre", "top", "bottom", "left", "right"),
    *("top left", "top right", "bottom left", "bottom right"),
)
RADII = ((0.125, 0.145), (0.19, 0.215))  # of small and large shapes, see `shape_parts`
MARGIN = 0.03  # of the side, between a shape and the edge
JITTER = 0.1  # of the free space, by which positions vary
# Of each shape: half width and half height of a silhouette with standard deviation 1.
_HALF_SIDES = np.array([[2.0, 2.0], [3.0, 3.0], [6.0, 4.5]]) ** 0.5 * [[2**0.5] * 2, [1, 1], [1, 1]]


@dataclasses.dataclass(frozen=True)
class Examples:
    """Images with their ground truth.

    Args:
        images: uint8 `(n, size, size, 3)`.
        captions: `n` tuples of `CAPTIONS` different sentences.
        label: int32 `(n,)`, index into `CLASSES` = `shape * 6 + colour`.
        attributes: colour, shape, size and position.
        box: float32 `(n, 4)`: left, top, width, height as fractions of the side.
        keypoints: float32 `(n, len(PARTS), 3)`: x and y as fractions of the side, visibility.
    """

    images: np.ndarray
    captions: tuple[tuple[str, ...], ...]
    label: np.ndarray
    attributes: Attributes
    box: np.ndarray
    keypoints: np.ndarray

    @property
    def combination(self) -> np.ndarray:
        """int32 `(n,)`: equal for images of which the same can be said."""
        a = self.attributes
        return (self.label * len(SIZES) + a.size) * len(POSITIONS) + a.position


@dataclasses.dataclass(frozen=True)
class Reading:
    """The results of `read`, one entry per image.

    Args:
        clean: bool `(n,)`: one well-formed shape of the world and nothing else.
        attributes: colour, shape, size, position; -1 if there is no shape, as in noise.
        box: float32 `(n, 4)`, as in `Examples`; zeros if there is no shape.
        keypoints: float32 `(n, len(PARTS), 3)`, as in `Examples`; zeros if there is no shape.
    """

    clean: np.ndarray
    attributes: Attributes
    box: np.ndarray
    keypoints: np.ndarray


def generate(
    count: int | None = None,
    size: int = 32,
    seed: int | None = None,
    *,
    split: str = "train",
    first: int = 0,
) -> Examples:
    """Generates examples; each depends only on the split, the seed and its index.

    Each 270 examples (54 of the held-out ones) hold every combination of colour, shape, size and
    position once. The same seed gives the same scenes and sentences at every size.

    Args:
        count: number of examples. `None`: as many as the split has.
        size: side of the square images in pixels, at least 16.
        seed: seed of the scenes. `None`: that of the split.
        split: `"train"`, `"test"`, or `"held_out"`: only colours and shapes of `HELD_OUT`.
        first: index of the first example.

    Returns:
        `Examples`.

    Raises:
        InputError: `size` is below 16, `count` is below 1, or there is no such split.
    """
    if split not in SPLITS:
        raise InputError(f"the split is {split!r}; expected one of {', '.join(SPLITS)}: pass one")
    if size < SMALLEST:
        raise InputError(
            f"the captions world was requested at size {size}; expected {SMALLEST} or more, below "
            "which its shapes look alike: choose a larger size"
        )
    count = SPLITS[split][0] if count is None else count
    if count < 1:
        raise InputError(
            f"{count} examples of the captions world were requested; expected a positive number: "
            "ask for 1 or more"
        )
    seed = SPLITS[split][1] if seed is None else seed
    # Only `random()` is used: its values are the same in every NumPy version.
    columns = 5 + CAPTIONS * sentences.DRAWS
    draws = np.random.default_rng(seed).random((first + count, columns))[first:]
    attributes = _combinations(np.arange(first, first + count), seed, split == "held_out")
    radius, centre, box, keypoints = _geometry(attributes, draws)
    low, high = shape_parts.GREYS
    images = shape_parts.paint(
        attributes.shape,
        attributes.colour,
        centre * size,
        radius * size,
        np.zeros(count),
        low + (high - low) * draws[:, 3],
        size,
    )
    return Examples(
        images,
        tuple(_sentences(attributes, row, draws[row, 4:]) for row in range(count)),
        (attributes.shape * len(COLOURS) + attributes.colour).astype(np.int32),
        attributes,
        box.astype(np.float32),
        keypoints.astype(np.float32),
    )


def _combinations(index: np.ndarray, seed: int, held_out: bool) -> Attributes:
    """The attributes of the examples with some indices."""
    labels = [
        label for label, name in enumerate(CLASSES) if (tuple(name.split()) in HELD_OUT) == held_out
    ]
    each = len(SIZES) * len(POSITIONS)
    total = len(labels) * each
    orders = {
        cycle: np.argsort(np.random.default_rng([abs(seed), cycle]).random(total))
        for cycle in range(index[0] // total, index[-1] // total + 1)
    }
    number = np.array([orders[cycle][offset] for cycle, offset in zip(*np.divmod(index, total))])
    label, remainder = np.divmod(number, each)
    shape, colour = np.divmod(np.array(labels)[label], len(COLOURS))
    size, position = np.divmod(remainder, len(POSITIONS))
    return Attributes(*(column.astype(np.int32) for column in (colour, shape, size, position)))


def _geometry(attributes: Attributes, draws: np.ndarray) -> tuple[np.ndarray, ...]:
    """Radii `(n,)`, centres `(n, 2)`, boxes and key points, in units of the side."""
    low, high = np.array(RADII)[attributes.size].T
    radius = low + (high - low) * draws[:, 0]
    corners = [shape_parts.corners(shape, 1.0, 0.0) for shape in range(len(SHAPES))]
    edges = np.array([np.concatenate([c.min(axis=0), c.max(axis=0)]) for c in corners])
    edges = edges[attributes.shape] * radius[:, None]
    extent = edges[:, 2:] - edges[:, :2]
    step = np.stack([attributes.position % 3, attributes.position // 3], axis=1)
    # Of the free space 0 to .1 for left, .45 to .55 for middle, .9 to 1 for right.
    share = step * (1.0 - JITTER) / 2.0 + JITTER * draws[:, 1:3]
    corner = MARGIN + (1.0 - 2.0 * MARGIN - extent) * share
    box = np.concatenate([corner, extent], axis=1)
    centre = corner - edges[:, :2]
    return radius, centre, box, _keypoints(attributes.shape, centre, box)


def _keypoints(shape: np.ndarray, centre: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Key points from centres of mass and boxes: `(n, len(PARTS), 3)`."""
    left, top, right, bottom = (*box[:, :2].T, *(box[:, :2] + box[:, 2:]).T)
    across, down = centre.T
    points = {
        "centre": (across, down, (0, 1, 2)),
        "top": (across, top, (0, 2)),
        "bottom": (across, bottom, (0,)),
        "left": (left, down, (0,)),
        "right": (right, down, (0,)),
        "top left": (left, top, (1,)),
        "top right": (right, top, (1,)),
        "bottom left": (left, bottom, (1, 2)),
        "bottom right": (right, bottom, (1, 2)),
    }
    keypoints = np.zeros((len(shape), len(PARTS), 3))
    for index, part in enumerate(PARTS):
        x, y, shapes = points[part]
        visible = np.isin(shape, shapes)
        keypoints[:, index] = np.stack([x, y, np.ones(len(x))], axis=1) * visible[:, None]
    return keypoints


def _sentences(attributes: Attributes, row: int, draws: np.ndarray) -> tuple[str, ...]:
    """`CAPTIONS` sentences about one image, each with another template."""
    a = attributes
    words = [int(column[row]) for column in (a.colour, a.shape, a.size, a.position)]
    first, numbers = draws[0], draws[1:].reshape(CAPTIONS, sentences.DRAWS)
    texts = []
    for number in range(CAPTIONS):
        template = (first + number / len(sentences.TEMPLATES)) % 1.0
        texts.append(sentences.write(*words, draws=[template, *map(float, numbers[number, 1:])]))
    return tuple(texts)


def read(images: np.ndarray, shape: np.ndarray | None = None) -> Reading:
    """Reads images of any origin.

    Clean images of the world are read without an error in colour, shape, size and position;
    boxes and key points are right to 0.7 pixels at any size (usually 0.1).

    Args:
        images: as for `shapes.read`.
        shape: int `(n,)`, the shapes whose key points are located. `None`: those in the images.

    Returns:
        `Reading`.

    Raises:
        InputError: as for `shapes.read`.
    """
    reading, side = shape_reader.read(images), images.shape[1]
    radius = np.sqrt(reading.area / np.pi) / side
    # Noise has specks that fit a colour: a shape is most of what stands out, and of a fair size.
    exists = (reading.shape >= 0) & (reading.share >= 0.5)
    exists &= (radius > 0.5 * RADII[0][0]) & (radius < 1.5 * RADII[1][1])
    shape = np.where(exists, reading.shape, 0) if shape is None else np.asarray(shape)
    half = reading.deviation / side * _HALF_SIDES[shape]
    centre = reading.centre / side
    middle = centre - np.stack([np.zeros(len(half)), half[:, 1] / 3.0 * (shape == 2)], axis=1)
    box = np.concatenate([middle - half, 2.0 * half], axis=1)
    size = (radius >= (RADII[0][1] + RADII[1][0]) / 2.0).astype(np.int32)
    fields = (reading.colour, reading.shape, size, _positions(box))
    return Reading(
        reading.clean & exists,
        Attributes(*(np.where(exists, field, -1).astype(np.int32) for field in fields)),
        (box * exists[:, None]).astype(np.float32),
        (_keypoints(shape, centre, box) * exists[:, None, None]).astype(np.float32),
    )


def report(examples: Mapping[str, np.ndarray], outputs: np.ndarray) -> dict:
    """Compares images with what they were to show.

    Args:
        examples: `"text"`, one sentence for each image; also `"box"` and `"keypoints"`, as in
            `Examples`, where they were given, and `"completed"`, key points that were generated.
        outputs: images as for `read`.

    Returns:
        `{"images": n, "clean_share", "colour_share", "shape_share", "size_share",
        "position_share": shares of images where that is as the sentence says, "all_share": where
        all four are, "edge_sharpness": see `edges.sharpness`}`; of boxes `"box_iou"`, the mean
        intersection over union, and `"centroid_slope"`; of key points `"keypoint_distance"`, the
        mean distance in pixels. Without a shape the overlap is 0 and points are measured from the
        centre of the image. Of generated points see `report_points`.
    """
    texts = [text.decode() if isinstance(text, bytes) else str(text) for text in examples["text"]]
    expected = sentences.parse(texts)
    keypoints = examples.get("keypoints")
    shape = expected.shape if keypoints is None else _shape_of(keypoints)
    reading = read(outputs, shape)
    measures = {"images": len(outputs), "clean_share": float(reading.clean.mean())}
    everything = np.ones(len(outputs), bool)
    for field in dataclasses.fields(Attributes):
        right = getattr(reading.attributes, field.name) == getattr(expected, field.name)
        measures[f"{field.name}_share"] = float(right.mean())
        everything &= right
    measures["all_share"] = float(everything.mean())
    sharpness = edges.sharpness(outputs)
    measures["edge_sharpness"] = float(
        np.nan_to_num(sharpness).sum() / max(np.isfinite(sharpness).sum(), 1)
    )
    if "box" in examples:
        box = np.asarray(examples["box"])
        measures["box_iou"] = float(overlap(reading.box, box).mean())
        measures["centroid_slope"] = caption_places.centroid_slope(box, reading.box)
    if "completed" in examples:
        measures.update(report_points(np.asarray(examples["completed"]), expected))
    if keypoints is not None:
        points = reading.keypoints + 0.5 * (reading.attributes.shape < 0)[:, None, None]
        gap = np.linalg.norm(points[..., :2] - keypoints[..., :2], axis=2) * outputs.shape[1]
        measures["keypoint_distance"] = float(gap[np.asarray(keypoints)[..., 2] > 0.5].mean())
    return measures


def report_points(keypoints: np.ndarray, expected: Attributes) -> dict[str, float]:
    """Compares generated key points `(n, len(PARTS), 3)` with sentences.

    Returns:
        Shares of sets of points that are those of a shape, of the shape and at the position that
        the sentence says; and `"points_geometry"`, the mean distance in fractions of the image to
        where the shape with their box has them (`caption_places.geometry_gap`).
    """
    shape = caption_places.shape_of_points(keypoints)
    position = _positions(caption_places.box_of_points(keypoints))
    gap = caption_places.geometry_gap(keypoints)
    return {
        "points_of_a_shape": float((shape >= 0).mean()),
        "points_shape_share": float((shape == expected.shape).mean()),
        "points_position_share": float((position == expected.position).mean()),
        "points_geometry": float(np.nan_to_num(gap).sum() / max(np.isfinite(gap).sum(), 1)),
    }


def overlap(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes `(n, 4)` of left, top, width, height: `(n,)`."""
    low = np.maximum(first[:, :2], second[:, :2])
    high = np.minimum(first[:, :2] + first[:, 2:], second[:, :2] + second[:, 2:])
    shared = np.maximum(high - low, 0.0).prod(axis=1)
    return shared / np.maximum(
        first[:, 2:].prod(axis=1) + second[:, 2:].prod(axis=1) - shared, 1e-9
    )


def _shape_of(keypoints: np.ndarray) -> np.ndarray:
    """The shapes that have such key points."""
    visible = np.asarray(keypoints)[..., 2] > 0.5
    is_circle, is_square = (visible[:, PARTS.index(part)] for part in ("left", "top left"))
    return np.where(is_circle, 0, np.where(is_square, 1, 2))


def _positions(box: np.ndarray) -> np.ndarray:
    """Index into `POSITIONS`, from the share of the free space above and to the left."""
    free = np.maximum(1.0 - 2.0 * MARGIN - box[:, 2:], 1e-6)
    step = np.clip(np.floor((box[:, :2] - MARGIN) / free * 3.0), 0, 2)
    return (3 * step[:, 1] + step[:, 0]).astype(np.int32)
