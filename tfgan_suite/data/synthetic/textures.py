"""The textures world: flat maps in red and green, and the striped images that belong to them.

Every region of a map stands for a material: red for level stripes, green for upright ones. Where
its stripes begin is left to chance, in each region anew: one map has many right images, on
purpose. So the mean of all right answers is a grey blur, and a game that paints stripes must have
learnt what the maps mean without being told where the stripes lie. The oracle knows all right
answers.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tfgan_suite.errors import InputError

SIZE = 32
SMALLEST = 16
LABELS = np.array([[220, 40, 40], [40, 200, 60]], np.uint8)  # red, green
# Each material's two stripes. In [-1, 1] they are .57 apart, so that a blur between them is .29
# off everywhere, and so is, on average, a right image whose stripes begin elsewhere.
STRIPES = np.array([[[230, 140, 90], [150, 50, 40]], [[140, 210, 100], [60, 120, 50]]], np.uint8)
CLEAN = 0.15  # a region this near to a right answer has its texture


@dataclasses.dataclass(frozen=True)
class Examples:
    """Pairs of the textures world.

    Args:
        maps: uint8 `(n, size, size, 3)`: a plain background with a rectangle in each half.
        images: uint8 `(n, size, size, 3)`: the stripes.
        material: int32 `(n, 3)`: of the background, the left and the right rectangle; 0 is red.
        phase: int32 `(n, 3)`: where the stripes of each region begin.
    """

    maps: np.ndarray
    images: np.ndarray
    material: np.ndarray
    phase: np.ndarray


def generate(count: int = 400, size: int = SIZE, seed: int = 0) -> Examples:
    """Draws pairs.

    Args:
        count: number of pairs.
        size: side of the images in pixels, at least 16; stripes are repeated every `size // 8`.
        seed: of the scenes.

    Returns:
        `Examples`.

    Raises:
        InputError: `size` is below 16 or `count` below 1.
    """
    if size < SMALLEST or count < 1:
        raise InputError(
            f"{count} pairs of the textures world were asked for at size {size}: ask for 1 or "
            f"more, at size {SMALLEST} or more"
        )
    # Only `random()` is drawn from: its values are the same in every NumPy.
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
    place = np.arange(size)
    place = np.where(kind == 0, place[:, None], place[None])  # level, upright
    second = ((place + start) % period >= period // 2).astype(int)
    return Examples(LABELS[kind], STRIPES[kind, second], material, phase)


def _rectangle(draws: np.ndarray, size: int, side: int) -> tuple[slice, slice]:
    """Rows and columns of a rectangle that keeps clear of the edges and of the other half."""
    half = size // 2
    width = round((0.45 + 0.35 * draws[0]) * half)
    height = round((0.35 + 0.45 * draws[1]) * size)
    left = 1 + int(draws[2] * (half - 1 - width))
    top = 1 + int(draws[3] * (size - 1 - height))
    left += half * side
    return slice(top, top + height), slice(left, left + width)


def stripes(material: int, phase: int, size: int) -> np.ndarray:
    """A material all over: uint8 `(size, size, 3)`."""
    period = size // 8
    place = (np.arange(size) + phase) % period
    line = STRIPES[material][(place >= period // 2).astype(int)]
    line = line[:, None] if material == 0 else line[None]  # level, upright
    return np.broadcast_to(line, (size, size, 3))


def regions(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Reads maps: which region each pixel belongs to, and the regions' materials.

    Args:
        maps: `(n, size, size, 3)`, float in [-1, 1].

    Returns:
        int32 `(n, size, size)`: 0 background, 1 left rectangle, 2 right one; and the background's
        material, int32 `(n,)`, which is not that of the rectangles.
    """
    green = maps[..., 1] > maps[..., 0]
    back = green[:, 0, 0]
    region = (green != back[:, None, None]).astype(np.int32)
    region[:, :, region.shape[2] // 2 :] *= 2
    return region, back.astype(np.int32)


def report(examples: dict, outputs: np.ndarray, direction: str = "AtoB") -> dict:
    """What a translator has learnt.

    Args:
        examples: `"source"` and `"target"`, float `(n, size, size, 3)` in [-1, 1].
        outputs: what it made of the sources.
        direction: `"AtoB"`: sources are maps; `"BtoA"`: sources are striped images.

    Returns:
        `{"images": n, "l1": mean absolute difference from the targets, "sharpness": mean change
        from pixel to pixel over that of the targets}`. From maps also `"right_l1"`, the mean
        absolute difference from the nearest right image, and `"clean_share"`, the share of
        regions that show their own material and no other. To maps also `"accuracy"`, the share of
        pixels with the right label.
    """
    target, outputs = np.asarray(examples["target"]), np.asarray(outputs, np.float32)
    found = {
        "images": len(outputs),
        "l1": float(np.mean(np.abs(outputs - target))),
        "sharpness": _change(outputs) / _change(target),
    }
    if direction == "BtoA":
        labels = LABELS / np.float32(127.5) - 1.0
        far = np.abs(outputs[..., None, :] - labels).sum(axis=-1)
        wanted = target[..., 1] > target[..., 0]
        return {**found, "accuracy": float(np.mean(far.argmin(axis=-1) == wanted))}
    region, back = regions(np.asarray(examples["source"]))
    nearest = _distances(outputs, region)  # (n, 3, materials)
    material = np.stack([back, 1 - back, 1 - back], axis=1)[..., None]
    right = np.take_along_axis(nearest, material, 2)[..., 0]
    wrong = np.take_along_axis(nearest, 1 - material, 2)[..., 0]
    area = np.stack([(region == number).mean(axis=(1, 2)) for number in range(3)], axis=1)
    found["right_l1"] = float(np.mean(np.sum(right * area, axis=1)))
    found["clean_share"] = float(np.mean((right < CLEAN) & (right < wrong)))
    return found


def _distances(outputs: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Mean absolute difference of each region from each material where it fits best."""
    size = outputs.shape[1]
    best = np.full((len(outputs), 3, 2), np.inf)
    for kind in (0, 1):
        for start in range(size // 8):
            wanted = stripes(kind, start, size) / np.float32(127.5) - 1.0
            off = np.abs(outputs - wanted).mean(axis=3)
            for number in range(3):
                mask = region == number
                area = np.maximum(mask.sum(axis=(1, 2)), 1)
                mean = (off * mask).sum(axis=(1, 2)) / area
                best[:, number, kind] = np.minimum(best[:, number, kind], mean)
    return best


def _change(images: np.ndarray) -> float:
    """Mean absolute difference between neighbours, across and down."""
    across = np.abs(np.diff(images, axis=2)).mean()
    return float(across + np.abs(np.diff(images, axis=1)).mean())
