"""Boxes and key points when their image is cropped or flipped.

Boxes are left, top, width, height, key points x, y, visibility, all in fractions of the image.
Every function works on NumPy arrays and on tensors: `ops` is `numpy` or `tensorflow`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfgan_suite.errors import InputError

_SIDES = {"left": "right", "right": "left", "l": "r", "r": "l"}
FITS = ("crop", "stretch", "object")
# With "object", the square is this many times the longer side of the box, as in StackGAN.
OBJECT_SCALE = 1.5


def crop_boxes(boxes: Any, origin: Any, extent: Any, ops: Any = np) -> Any:
    """Boxes `(n, 4)` in windows: the part inside, in fractions of the window.

    Args:
        boxes: in fractions of the image.
        origin: `(n, 2)`, left and top of the windows in fractions of the image.
        extent: `(n, 2)`, their width and height, likewise.
        ops: `numpy` or `tensorflow`.
    """
    low = (boxes[:, :2] - origin) / extent
    high = (boxes[:, :2] + boxes[:, 2:] - origin) / extent
    low, high = (ops.minimum(ops.maximum(corner, 0.0), 1.0) for corner in (low, high))
    sides = [low[:, 0], low[:, 1], high[:, 0] - low[:, 0], high[:, 1] - low[:, 1]]
    return ops.stack(sides, axis=1)


def crop_keypoints(keypoints: Any, origin: Any, extent: Any, ops: Any = np) -> Any:
    """Key points `(n, k, 3)` in windows; those outside are not visible: 0, 0, 0.

    Args:
        keypoints: in fractions of the image.
        origin, extent, ops: as for `crop_boxes`.
    """
    x, y = (
        (keypoints[..., side] - origin[:, None, side]) / extent[:, None, side] for side in (0, 1)
    )
    visible = (keypoints[..., 2] > 0.5) & (x >= 0.0) & (x <= 1.0) & (y >= 0.0) & (y <= 1.0)
    return _points(x, y, visible, ops)


def flip_boxes(boxes: Any, ops: Any = np) -> Any:
    """Boxes `(n, 4)` of images that are flipped left to right."""
    left = 1.0 - boxes[:, 0] - boxes[:, 2]
    return ops.stack([left, boxes[:, 1], boxes[:, 2], boxes[:, 3]], axis=1)


def flip_keypoints(keypoints: Any, mirror: Sequence[int], ops: Any = np) -> Any:
    """Key points `(n, k, 3)` of images that are flipped left to right.

    Args:
        keypoints: in fractions of the image.
        mirror: for each point the index of the one that it becomes, as `mirrored_parts` returns.
        ops: `numpy` or `tensorflow`.
    """
    gather = ops.take if ops is np else ops.gather
    points = gather(keypoints, np.asarray(mirror), axis=1)
    return _points(1.0 - points[..., 0], points[..., 1], points[..., 2] > 0.5, ops)


def _points(x: Any, y: Any, visible: Any, ops: Any) -> Any:
    zero = ops.zeros_like(x)
    x, y, flag = (ops.where(visible, v, zero) for v in (x, y, ops.ones_like(x)))
    return ops.stack([x, y, flag], axis=2)


def mirrored_parts(parts: Sequence[str], origin: str) -> list[int]:
    """Which part each part becomes when an image is flipped, by the words left and right (l, r).

    Args:
        parts: names such as "left eye", "right-wing", "nose", "mouth_l".
        origin: of the names, for messages.

    Raises:
        InputError: a part has no counterpart.
    """
    indices = {tuple(_words(part)): index for index, part in enumerate(parts)}
    mirror = []
    for part in parts:
        words = tuple(_SIDES.get(word, word) for word in _words(part))
        if words not in indices:
            raise InputError(
                f"{origin} has a part {part!r} but no {' '.join(words)!r}; expected both, as "
                "a flip exchanges them: add the part, pass mirror=[...], or leave out the flip"
            )
        mirror.append(indices[words])
    return mirror


def _words(part: str) -> list[str]:
    return re.findall(r"[^\W_]+", part.lower())


def check_mirror(mirror: Sequence[int], count: int) -> list[int]:
    """Returns a permutation of parts that is its own inverse, as a flip is.

    Raises:
        InputError: it is none, or not of `count` parts.
    """
    order = [int(index) for index in mirror]
    if sorted(order) != list(range(count)) or any(
        order[other] != i for i, other in enumerate(order)
    ):
        raise InputError(
            f"mirror is {order[:20]}; expected for each of {count} key points the index of the one "
            "that it becomes in a flip, so that two flips change nothing: correct it"
        )
    return order


def fit_windows(
    sizes: np.ndarray, boxes: np.ndarray | None, fit: str
) -> tuple[np.ndarray, np.ndarray]:
    """The part of each image that becomes the square image of a batch.

    Args:
        sizes: `(n, 2)`, widths and heights in pixels.
        boxes: `(n, 4)` in fractions, or `None`.
        fit: `"crop"`: the largest square, in the centre, moved as far as needed to hold the box;
            `"stretch"`: the entire image, whatever its shape (GAN-CLS); `"object"`: a square
            around the box of 1.5 times its longer side (StackGAN), moved and shrunk to lie inside.

    Returns:
        Left and top `(n, 2)`, width and height `(n, 2)`, in fractions.

    Raises:
        InputError: no such fit, or it needs boxes.
    """
    if fit not in FITS or (fit == "object" and boxes is None):
        reason = "the data have no boxes" if fit in FITS else f"it is none of {', '.join(FITS)}"
        raise InputError(
            f"fit is {fit!r}, but {reason}; expected crop or stretch, or with boxes object: pass "
            "one of them"
        )
    sizes = np.asarray(sizes, np.float64)
    if fit == "stretch":
        return np.zeros_like(sizes), np.ones_like(sizes)
    side = sizes.min(axis=1, keepdims=True)
    if boxes is None:
        return (sizes - side) / 2.0 / sizes, side / sizes
    low, extent = (part.astype(np.float64) * sizes for part in (boxes[:, :2], boxes[:, 2:]))
    if fit == "object":
        side = np.minimum(side, OBJECT_SCALE * extent.max(axis=1, keepdims=True))
        corner = low + extent / 2.0 - side / 2.0
    else:
        corner, spare = (sizes - side) / 2.0, np.maximum(extent - side, 0.0) / 2.0
        corner = np.clip(corner, np.minimum(low + extent - side, low + spare), low + spare)
    return np.clip(corner, 0.0, sizes - side) / sizes, np.broadcast_to(side, sizes.shape) / sizes
