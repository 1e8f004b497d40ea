"""Pairs of unpaired domains whose true mapping is known.

| world | domain A | domain B | the truth |
|---|---|---|---|
| `colours` | a red shape on black | a blue shape on black | red and blue swapped |
| `hues` | a small red shape on black | a small blue shape on black | the same |
| `outlines` | a shape's outline in a colour | the shape filled | filling it, tracing it |

Position, size, brightness or colour vary, with the same distribution in both domains. No image
of one domain has its counterpart in the other. The test split of `colours` alternates between
images in the training range of brightness and brighter ones, which tells learning from
memorizing.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tfgan_suite.data.synthetic import shape_parts
from tfgan_suite.errors import InputError

SIZE = 32
SMALLEST = 16
WORLDS = ("colours", "outlines", "hues")
TINT = np.array([1.0, 0.2, 0.1], np.float32)  # red, of brightness 1; reversed it is blue
# Radius of the disc of the same area (as a share of the image's side), and brightness. Backgrounds
# are black: instance norm removes the mean of each map, and networks need far more steps to carry
# across a background whose level varies independently of the shape's (CycleGAN, 600 steps: error
# .067 to .073 instead of .02).
RADII = {"colours": (0.22, 0.33), "hues": (0.13, 0.2), "outlines": (0.24, 0.33)}
TRAINED = (0.45, 0.8)
BEYOND = (0.8, 1.0)


@dataclasses.dataclass(frozen=True)
class Examples:
    """Images of one domain.

    Args:
        images: uint8 `(n, size, size, 3)`.
        truth: uint8 `(n, size, size, 3)`: the counterpart of each in the other domain.
        centre: float32 `(n, 2)`: x and y of the shape's centre of mass in pixels.
        beyond: bool `(n,)`: brighter than any image in training.
    """

    images: np.ndarray
    truth: np.ndarray
    centre: np.ndarray
    beyond: np.ndarray


def generate(
    world: str, domain: str, count: int = 500, size: int = SIZE, seed: int = 0, beyond: bool = False
) -> Examples:
    """Generates images of one domain.

    Args:
        world: one of `WORLDS`.
        domain: `"a"` or `"b"`; the same seed gives the same scenes in both.
        count: number of images.
        size: side of the images in pixels, at least 16.
        seed: seed of the scenes.
        beyond: whether every second image is brighter than those in training.

    Returns:
        `Examples`.

    Raises:
        InputError: unknown world or domain, `size` below 16, or `count` below 1.
    """
    if world not in WORLDS or domain not in ("a", "b"):
        raise InputError(
            f"there is no domain {domain!r} of a world {world!r}; expected a or b of "
            f"{', '.join(WORLDS)}: choose one of them"
        )
    if size < SMALLEST or count < 1:
        raise InputError(
            f"{count} images of the world {world} were requested at size {size}; expected 1 or "
            f"more images of size {SMALLEST} or more: choose larger numbers"
        )
    # Only `random()` is used: its values are the same in every NumPy version.
    draws = np.random.default_rng(seed).random((count, 5))
    shape = (draws[:, 0] * len(shape_parts.SHAPES)).astype(int)
    radius = _between(RADII[world], draws[:, 1])
    centre = _centres(shape, radius, draws[:, 2:4])
    bright = np.zeros(count, bool)
    if beyond:
        bright[1::2] = True
    level = np.where(bright, _between(BEYOND, draws[:, 4]), _between(TRAINED, draws[:, 4]))
    upright = np.zeros(count)
    cover = shape_parts.coverage(shape, centre * size, radius * size, upright, size)
    if world == "outlines":
        front = shape_parts.PALETTE[(draws[:, 4] * len(shape_parts.PALETTE)).astype(int)]
        hole = shape_parts.coverage(shape, centre * size, radius * size - size / 13, upright, size)
        sides = [_paint(cover - hole, front), _paint(cover, front)]
    else:
        front = level[:, None] * TINT
        sides = [_paint(cover, front), _paint(cover, front[:, ::-1])]
    images, truth = sides if domain == "a" else sides[::-1]
    return Examples(images, truth, (centre * size).astype(np.float32), bright)


def _between(limits: tuple[float, float], draws: np.ndarray) -> np.ndarray:
    return limits[0] + (limits[1] - limits[0]) * draws


def _centres(shape: np.ndarray, radius: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Centres `(n, 2)` that keep every shape inside an image of side 1."""
    centre = np.empty((len(shape), 2))
    for index in range(len(shape)):
        points = shape_parts.corners(shape[index], radius[index], 0.0)
        low, high = points.min(axis=0) - 0.03, points.max(axis=0) + 0.03
        centre[index] = -low + (1.0 - (high - low)) * draws[index]
    return centre


def _paint(cover: np.ndarray, front: np.ndarray) -> np.ndarray:
    """Shapes of colours `(n, 3)` on black: uint8 `(n, size, size, 3)`."""
    pixels = cover[..., None] * front[:, None, None].astype(np.float32)
    return np.round(255.0 * pixels).astype(np.uint8)


def report(examples: dict, outputs: np.ndarray) -> dict:
    """Measures what a translator from A to B has learned.

    Args:
        examples: `"domain_a"` and `"truth_a"`, float `(n, size, size, 3)` in [-1, 1], and
            optionally `"beyond"`, `(n, 1)`.
        outputs: the translations of `domain_a`.

    Returns:
        `{"images": n, "error": mean absolute difference from the truth, "unchanged": that of
        the untranslated images, "centroid_correlation": correlation of the shapes' positions
        before and after, averaged over both axes, "blue_share": share of outputs whose shape is
        more blue than red}`; images brighter than those in training, if there are any, are
        excluded from `"error"` and measured by `"error_beyond"`.
    """
    before = np.asarray(examples["domain_a"], np.float32)
    truth, outputs = np.asarray(examples["truth_a"]), np.asarray(outputs, np.float32)
    error = np.abs(outputs - truth).mean(axis=(1, 2, 3))
    beyond = np.asarray(examples.get("beyond", np.zeros((len(error), 1)))).reshape(-1) > 0.5
    centres, colours = zip(*(centroids(images) for images in (before, outputs)))
    measures = {
        "images": len(outputs),
        "error": float(error[~beyond].mean()),
        "unchanged": float(np.abs(before - truth).mean(axis=(1, 2, 3))[~beyond].mean()),
        "centroid_correlation": float(
            np.mean([_correlation(centres[0][:, axis], centres[1][:, axis]) for axis in (0, 1)])
        ),
        "blue_share": float(np.mean(colours[1][:, 2] > colours[1][:, 0])),
    }
    if beyond.any():
        measures["error_beyond"] = float(error[beyond].mean())
    return measures


def report_pairs(examples: dict, outputs: np.ndarray) -> dict:
    """Measures a translator that was trained on pairs.

    Args:
        examples: `"source"` and `"target"`, float `(n, size, size, 3)` in [-1, 1].
        outputs: the translations of the sources.

    Returns:
        `{"images": n, "l1": mean absolute difference from the targets, "unchanged": that of the
        sources, "colour_share": share of outputs whose shape has the target's mean colour up to
        0.1 in [0, 1]}`.
    """
    source, target = (np.asarray(examples[key], np.float32) for key in ("source", "target"))
    outputs = np.asarray(outputs, np.float32)
    difference = np.abs(centroids(outputs)[1] - centroids(target)[1]).max(axis=1)
    return {
        "images": len(outputs),
        "l1": float(np.abs(outputs - target).mean()),
        "unchanged": float(np.abs(source - target).mean()),
        "colour_share": float(np.mean(difference < 0.1)),
    }


def centroids(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions and colours of shapes.

    Args:
        images: `(n, size, size, 3)`, float in [-1, 1], of any origin.

    Returns:
        x and y of the centre of everything that stands out from the background, in pixels,
        float64 `(n, 2)`; the image's centre if nothing does. And its mean colour, `(n, 3)` in
        [0, 1].
    """
    pixels = np.clip(np.nan_to_num(np.asarray(images, np.float64)) * 0.5 + 0.5, 0.0, 1.0)
    rim = np.concatenate([pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]], axis=1)
    contrast = np.abs(pixels - np.median(rim, axis=1)[:, None, None]).max(axis=3)
    weight = np.maximum(contrast - 0.1, 0.0)  # slight noise still counts as background
    total = weight.sum(axis=(1, 2))
    empty = total < 1e-6
    total = np.where(empty, 1.0, total)
    height, width = contrast.shape[1:]
    x = weight.sum(axis=1) @ (np.arange(width) + 0.5) / total
    y = weight.sum(axis=2) @ (np.arange(height) + 0.5) / total
    colour = np.einsum("nhw,nhwc->nc", weight, pixels) / total[:, None]
    x, y = np.where(empty, width / 2.0, x), np.where(empty, height / 2.0, y)
    return np.stack([x, y], axis=1), colour


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's correlation; 0 if one of the two is constant."""
    x, y = x - x.mean(), y - y.mean()
    norm = np.sqrt(np.sum(x**2) * np.sum(y**2))
    return float(np.sum(x * y) / norm) if norm > 1e-9 else 0.0
