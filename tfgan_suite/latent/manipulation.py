"""Edits of photos on the manifold of a generator's images (Zhu et al. 2016, arXiv 1609.03552).

A photo's z0 (`projection`) is moved until its image has the colours, edges or parts that a user
drew, stays close to what it was, and looks real:

    min_z  sum_g |f_g(G(z)) - v_g|^2  +  closeness * mean (z - z0)^2  +  realism * -log D(G(z))

The images on the way from z0 to z show the edit; `edit_transfer` carries it over to the photo.
Other than in the paper, uniform z is clipped to its box in place of a tanh, and the discriminator
takes part: without it images fall apart. Its logits are taken in standard deviations above the mean
of the generator's own samples: losses of pairs, the Wasserstein ones and gradient penalties leave
their level and their scale open.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfgan_suite.errors import InputError
from tfgan_suite.latent import descent, interpolation, optical_flow, oriented_gradients
from tfgan_suite.latent.realness import Realness
from tfgan_suite.latent.space import Inputs, Space

EDGE_WEIGHT = 0.2  # of edges beside colours, the official code's
ALTERNATIVES = 8
_EPSILON = 1e-5
_COMPARED = 256  # candidates that go through the networks at once


@dataclasses.dataclass(frozen=True)
class Constraint:
    """What a part of the image must show.

    Args:
        target: `(height, width, channels)` in [-1, 1].
        mask: `(height, width)` in [0, 1], how much each pixel counts.
        colours: whether the colours count.
        edges: whether the oriented gradients count.
    """

    target: np.ndarray
    mask: np.ndarray
    colours: bool = True
    edges: bool = False


@dataclasses.dataclass(frozen=True)
class Search:
    """How z is searched.

    Args:
        candidates: random z around z0 that are compared first.
        starts: z0 and the best of them, from which the search goes on.
        spread: of the candidates around z0, in standard deviations of the generator's noise.
        iterations: steps of Adam.
        learning_rate: of Adam.
        closeness: weight of `mean (z - z0)^2`.
        realism: weight of `-log D`, with D of standardized logits; without a discriminator there is
            none.

    Raises:
        InputError: a value out of range.
    """

    candidates: int = 1024
    starts: int = 32
    spread: float = 0.87  # 0.5 of uniform noise, the official code's
    iterations: int = 100
    learning_rate: float = 0.1
    closeness: float = 0.05
    realism: float = 1.0

    def __post_init__(self) -> None:
        for name, least in (("starts", 1), ("iterations", 0), ("candidates", 0), ("spread", 0)):
            if not getattr(self, name) >= least:
                raise InputError(f"{name} is {getattr(self, name)}; it must be at least {least}")
        for name in ("closeness", "realism"):
            if not 0 <= getattr(self, name) < np.inf:
                raise InputError(f"{name} is {getattr(self, name)}; it must be 0 or more")
        if not 0 < self.learning_rate < np.inf:
            raise InputError(f"learning_rate is {self.learning_rate}; it must be above 0")


@dataclasses.dataclass(frozen=True)
class Edited:
    """What an edit gives.

    Args:
        frames: float32 `(frames, height, width, channels)`, from G(z0) to the edited image.
        inputs: of the generator, `(frames, ...)` by name.
        alternatives: images of other starts that are nearly as good, the best first.
        start_loss: of z0.
        losses: after each step of the chosen start, float32 `(iterations + 1,)`.
        scores: of the discriminator for the first and the last frame; empty without one.
        percentiles: of the same frames: how many percent of the generator's samples score less.
    """

    frames: np.ndarray
    inputs: Inputs
    alternatives: np.ndarray
    start_loss: float
    losses: np.ndarray
    scores: list[float]
    percentiles: list[float]


# ---- constraints --------------------------------------------------------------------------------


def sketch(ink: np.ndarray, channels: int) -> Constraint:
    """Edges where lines are drawn.

    Args:
        ink: `(height, width)` in [0, 1].
        channels: of the images.
    """
    target = np.repeat(1.0 - 2.0 * ink[..., None], channels, axis=-1)
    return Constraint(target, (ink >= 0.5).astype(np.float32), colours=False, edges=True)


def move(image: np.ndarray, box: Sequence[float], by: Sequence[float]) -> Constraint:
    """A part of an image, wanted at another position, with its colours and edges.

    Args:
        image: G(z0), `(height, width, channels)`.
        box: left, top, right and bottom of the part in pixels.
        by: pixels to the right and down.

    Raises:
        InputError: the part, or its new position, does not lie in the image.
    """
    height, width, _ = image.shape
    left, top, right, bottom = box
    across, down = by
    moved = left + across, top + down, right + across, bottom + down
    for sides, role in (((left, top, right, bottom), "box"), (moved, "new position")):
        if not (0 <= sides[0] < sides[2] <= width and 0 <= sides[1] < sides[3] <= height):
            raise InputError(
                f"the {role} {','.join(f'{side:g}' for side in sides)} of a warp does not lie in an"
                f" image of {width}x{height}; expected left,top,right,bottom,right-shift,down-shift"
            )
    flow = np.broadcast_to([-down, -across], (1, height, width, 2))
    target = optical_flow.warp(image[None], flow)[0]
    rows, columns = np.indices((height, width)) + 0.5
    inside = (columns > moved[0]) & (columns < moved[2]) & (rows > moved[1]) & (rows < moved[3])
    if not inside.any():
        raise InputError(
            f"the box {','.join(f'{side:g}' for side in box)} of a warp is smaller than a pixel of"
            f" the image of {width}x{height}; drag a larger part"
        )
    mask = inside.astype(np.float32)
    # Around the part the image stays as it is, so that its edges are those of the part.
    target = np.where(inside[..., None], target, image)
    return Constraint(target.astype(np.float32), mask, colours=True, edges=True)


def colour_loss(images: tf.Tensor, target: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Mean square difference where a mask is, `(batch,)`; 0 where it is empty.

    Args:
        images: `(batch, height, width, channels)`.
        target: `(height, width, channels)`.
        mask: `(height, width)` in [0, 1].
    """
    square = tf.reduce_mean(tf.square(images - target), -1)
    return tf.reduce_mean(square * mask, [1, 2]) / (tf.reduce_mean(mask) + _EPSILON)


def edge_loss(images: tf.Tensor, target: tf.Tensor, mask: tf.Tensor, cell: int) -> tf.Tensor:
    """The same of histograms of oriented gradients.

    Args:
        images: `(batch, height, width, channels)`.
        target: histograms `(rows, columns, 8)`.
        mask: pooled, `(rows, columns)`.
        cell: of the histograms.
    """
    return colour_loss(oriented_gradients.histograms(images, cell), target, mask)


def constraint_loss(
    constraints: Sequence[Constraint], height: int, width: int
) -> Callable[[tf.Tensor], tf.Tensor]:
    """The sum of all constraints as a function of images `(batch, height, width, channels)`."""
    cell = oriented_gradients.cell_size(height, width)
    colours, edges = [], []
    for constraint in constraints:
        target = tf.constant(constraint.target, tf.float32)
        if constraint.colours:
            colours.append((target, tf.constant(constraint.mask, tf.float32)))
        if constraint.edges:
            bins = oriented_gradients.histograms(target[None], cell)[0]
            pooled = oriented_gradients.pooled_mask(constraint.mask, cell)
            edges.append((bins, tf.constant(pooled)))

    def loss(images: tf.Tensor) -> tf.Tensor:
        total = tf.zeros(tf.shape(images)[:1])
        for target, mask in colours:
            total += colour_loss(images, target, mask)
        for target, mask in edges:
            total += EDGE_WEIGHT * edge_loss(images, target, mask, cell)
        return total

    return loss


# ---- the search ---------------------------------------------------------------------------------


def edit(
    space: Space,
    start: Inputs,
    constraints: Sequence[Constraint],
    search: Search | None = None,
    *,
    frames: int = 16,
) -> Edited:
    """Moves z from z0 until its image meets constraints.

    Args:
        space: the latent space.
        start: z0 (and labels, which stay), `(1, ...)` by input name.
        constraints: one or more.
        search: how z is searched.
        frames: images from z0 to z, both among them.

    Raises:
        InputError: no constraint, one of another size, or fewer than 2 frames.
    """
    search = search or Search()
    height, width, _ = space.shape
    for constraint in constraints:
        if (
            constraint.target.shape != tuple(space.shape)
            or constraint.mask.shape != space.shape[:2]
        ):
            raise InputError(
                f"a constraint has the shape {constraint.target.shape} and a mask of"
                f" {constraint.mask.shape}; expected {tuple(space.shape)} and {space.shape[:2]}"
            )
    if not constraints or frames < 2:
        raise InputError(
            f"there are {len(constraints)} constraints and {frames} frames; expected at least 1"
            " and 2"
        )
    realness = None
    if space.has_discriminator:
        labels = None if space.label is None else start[space.label.name]
        realness = Realness(space, labels=labels)
    constraint = constraint_loss(constraints, height, width)
    objective = _objective(space, start, constraint, search, realness)
    rows = _starts(space, objective, start, search)
    inputs, losses = descent.adam(
        space,
        objective,
        rows,
        [],
        iterations=search.iterations,
        learning_rate=search.learning_rate,
    )
    final = losses.min(axis=0)
    order = np.argsort(final, kind="stable")
    good = order[final[order] <= 2.0 * final[order[: (len(order) + 1) // 2]].mean()]
    end = descent.repeat_rows(inputs, order[:1])
    way = _way(space, start, end, frames)
    images = space.generate(way)
    alternatives = space.generate(descent.repeat_rows(inputs, good[:ALTERNATIVES]))
    scores, percentiles = _scores(realness, images, way)
    return Edited(
        images,
        way,
        alternatives,
        float(losses[0, 0]),
        losses[:, order[0]],
        scores,
        percentiles,
    )


def _starts(space: Space, objective: Callable, start: Inputs, search: Search) -> Inputs:
    """z0, and the best of random z around it, `(starts, ...)` by input name."""
    count = max(search.candidates, search.starts - 1)
    rows = descent.repeat_rows(start, np.zeros(1 + count, int))
    random = np.random.default_rng(space.seed)
    for spec in space.noise:
        deviation = search.spread / np.sqrt(3.0) if spec.kind == "uniform" else search.spread
        noise = deviation * random.standard_normal((count, *spec.shape))
        moved = rows[spec.name][1:] + noise
        if spec.kind == "uniform":
            moved = moved.clip(-0.99, 0.99)
        rows[spec.name] = np.concatenate([rows[spec.name][:1], moved]).astype(np.float32)
    losses = []
    for first in range(1, 1 + count, _COMPARED):
        part = {name: tf.constant(a[first : first + _COMPARED]) for name, a in rows.items()}
        images = tf.constant(space.generate({name: a.numpy() for name, a in part.items()}))
        losses.append(objective(images, part).numpy())
    best = 1 + np.argsort(np.concatenate(losses), kind="stable")[: search.starts - 1]
    return descent.repeat_rows(rows, np.concatenate([[0], best]))


def _objective(
    space: Space,
    start: Inputs,
    constraint: Callable,
    search: Search,
    realness: Realness | None,
) -> Callable:
    origin = {spec.name: tf.constant(start[spec.name], tf.float32) for spec in space.noise}
    size = sum(int(np.prod(spec.shape)) for spec in space.noise)

    def objective(generated, inputs):
        loss = constraint(generated)
        for name, point in origin.items():
            axes = list(range(1, len(point.shape)))
            loss += search.closeness / size * tf.reduce_sum(tf.square(inputs[name] - point), axes)
        if search.realism and realness is not None:  # -log D = softplus(-logit)
            loss += search.realism * tf.nn.softplus(-realness(generated, inputs))
        return loss

    return objective


def _way(space: Space, start: Inputs, end: Inputs, frames: int) -> Inputs:
    """Inputs from z0 to z: straight for uniform z, along the sphere for normal z."""
    way = descent.repeat_rows(end, np.zeros(frames, int))
    shares = np.linspace(0.0, 1.0, frames)
    for spec in space.noise:
        between = interpolation.slerp if spec.kind == "normal" else interpolation.lerp
        ends = (np.reshape(inputs[spec.name], -1) for inputs in (start, end))
        points = between(*ends, shares).astype(np.float32)
        way[spec.name] = points.reshape(frames, *spec.shape)
    return way


def _scores(
    realness: Realness | None, images: np.ndarray, inputs: Inputs
) -> tuple[list[float], list[float]]:
    """Scores of the first and the last image, and their percentiles among samples."""
    if realness is None:
        return [], []
    ends = np.array([0, -1])
    scores = realness.scores(images[ends], {name: array[ends] for name, array in inputs.items()})
    return scores.tolist(), realness.percentiles(scores).tolist()
