"""The textures world: flat maps in red and green, and the striped images that belong to them.

Every region of a map stands for a material: red for horizontal stripes, green for vertical ones.
The phase of the stripes is random in each region: deliberately, one map has many correct images.
The mean of all correct images is a grey blur, so a game that paints stripes must have learned
what the maps mean although they do not determine where the stripes lie. The oracle knows all
correct images.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tfgan_suite.errors import InputError

SIZE = 32
SMALLEST = 16
LABELS = np.array([[220, 40, 40], [40, 200, 60]], np.uint8)  # red, green
# The two stripe colours of each material. In [-1, 1] they are .57 apart, so that a blur between
# them is off by .29 everywhere, and so is, on average, a correct image with another phase.
STRIPES = np.array([[[230, 140, 90], [150, 50, 40]], [[140, 210, 100], [60, 120, 50]]], np.uint8)
CLEAN = 0.15  # a region this close to a correct image counts as having its texture


@dataclasses.dataclass(frozen=True)
class Examples:
    """Pairs of the textures world.

    Args:
        maps: uint8 `(n, size, size, 3)`: a plain background with a rectangle in each half.
        images: uint8 `(n, size, size, 3)`: the stripes.
        material: int32 `(n, 3)`: of the background, the left and the right rectangle; 0 is red.
        phase: int32 `(n, 3)`: the phase of the stripes of each region.
    """

    maps: np.ndarray
    images: np.ndarray
    material: np.ndarray
    phase: np.ndarray


def generate(count: int = 400, size: int = SIZE, seed: int = 0) -> Examples:
    """Generates pairs.

    Args:
        count: number of pairs.
        size: side of the images in pixels, at least 16; stripes repeat every `size // 8`.
        seed: seed of the scenes.

    Returns:
        `Examples`.

    Raises:
        InputError: `size` is below 16 or `count` below 1.
    """
    if size < SMALLEST or count < 1:
        raise InputError(
            f"{count} pairs of the textures world were requested at size {size}; expected 1 or "
            f"more pairs of size {SMALLEST} or more: choose larger numbers"
        )
    # Only `random()` is used: its values are the same in every NumPy version.
    draws = np.random.default_rng(seed).random((count, 12))
    back = (draws[:, 0] < 0.5).astype(np.int32)
    material = np.stack([back, 1 - back, 1 - back], axis=1)
    period = size // 8
    phase = np.minimum((draws[:, 1:4] * period).astype(np.int32), period - 1)
    region = np.zeros((count, size, size), np.int32)
    for index in range(count):
        for side in (0, 1):
            rows, across = _rectangle(draws[index, 4 + 4 * side : 8 + 4 * side], size, side)
            region[index, rows, across] = side + 1
    scene = np.arange(count)[:, None, None]
    kind, start = material[scene, region], phase[scene, region]
    position = np.arange(size)
    position = np.where(kind == 0, position[:, None], position[None])  # horizontal, vertical
    second = ((position + start) % period >= period // 2).astype(int)
    return Examples(LABELS[kind], STRIPES[kind, second], material, phase)


def _rectangle(draws: np.ndarray, size: int, side: int) -> tuple[slice, slice]:
    """Rows and columns of a rectangle that touches neither the edges nor the other half."""
    half = size // 2
    width = round((0.45 + 0.35 * draws[0]) * half)
    height = round((0.35 + 0.45 * draws[1]) * size)
    column = 1 + int(draws[2] * (half - 1 - width)) + half * side
    row = 1 + int(draws[3] * (size - 1 - height))
    return slice(row, row + height), slice(column, column + width)


def stripes(material: int, phase: int, size: int) -> np.ndarray:
    """An image of a single material: uint8 `(size, size, 3)`."""
    period = size // 8
    position = (np.arange(size) + phase) % period
    line = STRIPES[material][(position >= period // 2).astype(int)]
    line = line[:, None] if material == 0 else line[None]  # horizontal, vertical
    return np.broadcast_to(line, (size, size, 3))


def regions(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Reads maps: which region each pixel belongs to, and the regions' materials.

    Args:
        maps: `(n, size, size, 3)`, float in [-1, 1].

    Returns:
        int32 `(n, size, size)`: 0 background, 1 left rectangle, 2 right one; and the material of
        the background, int32 `(n,)`; the rectangles have the other one.
    """
    green = maps[..., 1] > maps[..., 0]
    back = green[:, 0, 0]
    region = (green != back[:, None, None]).astype(np.int32)
    region[:, :, region.shape[2] // 2 :] *= 2
    return region, back.astype(np.int32)


def report(examples: dict, outputs: np.ndarray, direction: str = "AtoB") -> dict:
    """Measures what a translator has learned.

    Args:
        examples: `"source"` and `"target"`, float `(n, size, size, 3)` in [-1, 1].
        outputs: the translations of the sources.
        direction: `"AtoB"`: sources are maps; `"BtoA"`: sources are striped images.

    Returns:
        `{"images": n, "l1": mean absolute difference from the targets, "sharpness": mean change
        from pixel to pixel, divided by that of the targets}`. From maps also `"right_l1"`, the mean
        absolute difference from the nearest correct image, and `"clean_share"`, the share of
        regions that show their own material and no other. To maps also `"accuracy"`, the share of
        pixels with the correct label.
    """
    target, outputs = np.asarray(examples["target"]), np.asarray(outputs, np.float32)
    measures = {
        "images": len(outputs),
        "l1": float(np.mean(np.abs(outputs - target))),
        "sharpness": _change(outputs) / _change(target),
    }
    if direction == "BtoA":
        labels = LABELS / np.float32(127.5) - 1.0
        distance = np.abs(outputs[..., None, :] - labels).sum(axis=-1)
        expected = target[..., 1] > target[..., 0]
        return {**measures, "accuracy": float(np.mean(distance.argmin(axis=-1) == expected))}
    region, back = regions(np.asarray(examples["source"]))
    nearest = _distances(outputs, region)  # (n, 3, materials)
    material = np.stack([back, 1 - back, 1 - back], axis=1)[..., None]
    right = np.take_along_axis(nearest, material, 2)[..., 0]
    wrong = np.take_along_axis(nearest, 1 - material, 2)[..., 0]
    area = np.stack([(region == number).mean(axis=(1, 2)) for number in range(3)], axis=1)
    measures["right_l1"] = float(np.mean(np.sum(right * area, axis=1)))
    measures["clean_share"] = float(np.mean((right < CLEAN) & (right < wrong)))
    return measures


def _distances(outputs: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Mean absolute difference of each region from each material at its best phase."""
    size = outputs.shape[1]
    best = np.full((len(outputs), 3, 2), np.inf)
    for kind in (0, 1):
        for start in range(size // 8):
            expected = stripes(kind, start, size) / np.float32(127.5) - 1.0
            error = np.abs(outputs - expected).mean(axis=3)
            for number in range(3):
                mask = region == number
                area = np.maximum(mask.sum(axis=(1, 2)), 1)
                mean = (error * mask).sum(axis=(1, 2)) / area
                best[:, number, kind] = np.minimum(best[:, number, kind], mean)
    return best


def _change(images: np.ndarray) -> float:
    """Mean absolute difference between neighbours along both axes."""
    across = np.abs(np.diff(images, axis=2)).mean()
    return float(across + np.abs(np.diff(images, axis=1)).mean())
