"""Mouths of generated faces blended into frames; every other pixel stays as it was, bit for bit."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from PIL import Image

from tfgan_suite.errors import InputError, must_be
from tfgan_suite.utils import poisson_blending

# Share of a box over which its mouth region fades in, on each side.
FEATHER = 0.15
SMOOTHED_FRAMES = 5
BLENDS = ("feather", "poisson")


@dataclasses.dataclass(frozen=True)
class Box:
    """A face in a frame, in pixels: left edge, upper edge, width, height."""

    x: int
    y: int
    width: int
    height: int

    def inside(self, height: int, width: int) -> Box:
        """The part of it that lies in a frame.

        Raises:
            InputError: fewer than 8 pixels of it do, in a direction.
        """
        left, top = max(0, self.x), max(0, self.y)
        right, bottom = min(width, self.x + self.width), min(height, self.y + self.height)
        if right - left < 8 or bottom - top < 8:
            raise InputError(
                f"the face at {self} does not lie in frames of {width}x{height} pixels; pass the"
                " box of the face as x,y,width,height"
            )
        return Box(left, top, right - left, bottom - top)

    def padded(self, top: int, bottom: int, left: int, right: int) -> Box:
        """A box that is larger by some pixels on each side."""
        return Box(
            self.x - left, self.y - top, self.width + left + right, self.height + top + bottom
        )

    def __str__(self) -> str:
        return f"{self.x},{self.y},{self.width},{self.height}"


def crop(frame: np.ndarray, box: Box, size: int) -> np.ndarray:
    """The face in a box, scaled to the size of the networks.

    Args:
        frame: uint8 `(height, width, 3)`.
        box: of the face, inside the frame.
        size: height and width of the result.

    Returns:
        float32 `(size, size, 3)` in [-1, 1].
    """
    pixels = frame[box.y : box.y + box.height, box.x : box.x + box.width]
    return _resized(pixels, size, size).astype(np.float32) / 127.5 - 1.0


def paste_mouth(
    frame: np.ndarray,
    face: np.ndarray,
    box: Box,
    feather: float = FEATHER,
    blend: str = "feather",
) -> np.ndarray:
    """A frame with the mouth of a generated face.

    The mouth region is the lower half of the box, whose edges are the frame's own.

    Args:
        frame: uint8 `(height, width, 3)`.
        face: float `(size, size, 3)` in [-1, 1], the whole generated face.
        box: where it belongs, inside the frame.
        feather: share of the box over which the generated face fades in; 0: a hard edge.
        blend: `"feather"`, or `"poisson"`: the region gets the differences between neighbouring
            pixels of the generated face, and with them colours that continue the frame's.

    Returns:
        uint8 `(height, width, 3)`, a new array; outside the mouth region the frame's own pixels.

    Raises:
        InputError: an unknown `blend`, or SciPy is missing, which `"poisson"` needs.
    """
    if blend not in BLENDS:
        raise InputError(f"the blend is {blend!r}; {must_be(blend, BLENDS)}")
    blended = frame.copy()
    half = box.height // 2
    rows = slice(box.y + half, box.y + box.height)
    columns = slice(box.x, box.x + box.width)
    pixels = np.clip(np.rint((np.asarray(face) + 1.0) * 127.5), 0, 255).astype(np.uint8)
    generated = _resized(pixels, box.width, box.height)[half:].astype(np.float32)
    region = frame[rows, columns].astype(np.float32)
    if blend == "poisson":
        mixed = _seamless(box.height - half, box.width)(region, generated)
    else:
        alpha = mouth_alpha(box.height - half, box.width, feather)[..., None]
        mixed = region + alpha * (generated - region)
    blended[rows, columns] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return blended


@functools.lru_cache(maxsize=16)
def _seamless(height: int, width: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Poisson blending within a frame of one pixel; boxes of one size share its linear system."""
    mask = np.ones((height, width))
    mask[1:-1, 1:-1] = 0.0
    return poisson_blending.poisson(mask)


@functools.lru_cache(maxsize=64)
def mouth_alpha(height: int, width: int, feather: float = FEATHER) -> np.ndarray:
    """How much of a mouth region is generated: 0 on its edges, 1 within.

    Args:
        height, width: of the region.
        feather: share of the region's width over which it rises.

    Returns:
        float32 `(height, width)` in [0, 1].
    """
    reach = feather * width
    rows, columns = (_ramp(length, min(reach, length / 3.0)) for length in (height, width))
    return (rows[:, None] * columns[None]).astype(np.float32)


def _ramp(length: int, reach: float) -> np.ndarray:
    """0 at both ends, rising smoothly to 1 within `reach` pixels."""
    if reach < 1.0:
        return np.ones(length)
    distance = np.minimum(np.arange(length), np.arange(length)[::-1])
    share = np.clip(distance / reach, 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)


def _resized(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    if pixels.shape[:2] == (height, width):
        return pixels
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))


def smoothed(
    items: Iterable[tuple[np.ndarray, Box | None]], frames: int = SMOOTHED_FRAMES
) -> Iterator[tuple[np.ndarray, Box | None]]:
    """Frames with boxes that move smoothly: each is the mean of its own and the next ones.

    Args:
        items: frames and their boxes, None where there is no face.
        frames: boxes of a mean; a frame without a face ends it. 1: none is smoothed.

    Yields:
        The same frames, in order; at most `frames` are in memory.
    """
    waiting: list[tuple[np.ndarray, Box | None]] = []
    for item in items:
        waiting.append(item)
        if len(waiting) == frames:
            yield waiting[0][0], _mean_box(waiting)
            waiting.pop(0)
    while waiting:
        yield waiting[0][0], _mean_box(waiting)
        waiting.pop(0)


def _mean_box(waiting: list[tuple[np.ndarray, Box | None]]) -> Box | None:
    boxes = []
    for _, box in waiting:
        if box is None:
            break
        boxes.append((box.x, box.y, box.width, box.height))
    return Box(*(int(round(v)) for v in np.mean(boxes, axis=0))) if boxes else None
