"""Measures of where things are in the captions world: boxes, and points without an image."""

from __future__ import annotations

import numpy as np

# Visible points by shape (circle, square, triangle), in the order of `captions.PARTS`.
_VISIBLE = np.array(
    [
        [1, 1, 1, 1, 1, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 1, 1, 1, 1],
        [1, 1, 0, 0, 0, 0, 0, 1, 1],
    ],
    bool,
)
# Width by height of the box of each shape.
ASPECTS = (1.0, 1.0, (6.0 / 4.5) ** 0.5)


def centroid_slope(expected: np.ndarray, actual: np.ndarray) -> float:
    """Slope of the centres of boxes against those that were asked for; 1 where they follow.

    Args:
        expected, actual: boxes `(n, 4)`; those of `actual` without area are left out.

    Returns:
        Least-squares slope, x and y together, each about its mean; 0 where nothing varies.
    """
    exists = actual[:, 2:].prod(axis=1) > 0
    wanted_centre, centre = (
        (boxes[:, :2] + boxes[:, 2:] / 2.0)[exists] for boxes in (expected, actual)
    )
    if not exists.any():
        return 0.0
    deviation = wanted_centre - wanted_centre.mean(axis=0)
    variance = (deviation**2).sum()
    return float((deviation * centre).sum() / variance) if variance > 1e-9 else 0.0


def shape_of_points(keypoints: np.ndarray) -> np.ndarray:
    """The shapes whose points are visible, exactly; -1 where they are of none.

    Args:
        keypoints: `(n, 9, 3)`.
    """
    same = (keypoints[:, None, :, 2] > 0.5) == _VISIBLE
    matches = same.all(axis=2)
    return np.where(matches.any(axis=1), matches.argmax(axis=1), -1)


def box_of_points(keypoints: np.ndarray) -> np.ndarray:
    """The box around the visible points: `(n, 4)`; zeros without any."""
    visible = keypoints[..., 2:] > 0.5
    low = np.where(visible, keypoints[..., :2], np.inf).min(axis=1)
    high = np.where(visible, keypoints[..., :2], -np.inf).max(axis=1)
    box = np.concatenate([low, high - low], axis=1)
    return np.where(np.isfinite(box).all(axis=1, keepdims=True), box, 0.0)


def geometry_gap(keypoints: np.ndarray) -> np.ndarray:
    """Mean distance of points to where the shape with their box has them: `(n,)`, in fractions.

    The shape is upright, with its own ratio of width to height; its box has the centre and the
    area of that around the points. Not a number where points are of no shape.
    """
    shape, box = shape_of_points(keypoints), box_of_points(keypoints)
    aspect = np.array(ASPECTS)[shape]
    root = np.sqrt(np.maximum(box[:, 2:].prod(axis=1), 0.0))
    half = np.stack([root * np.sqrt(aspect), root / np.sqrt(aspect)], axis=1) / 2.0
    middle = box[:, :2] + box[:, 2:] / 2.0
    centre = middle + np.stack([np.zeros(len(box)), half[:, 1] / 3.0 * (shape == 2)], axis=1)
    (left, top), (right, bottom) = (middle - half).T, (middle + half).T
    across, down = centre.T
    ideal = [
        *((across, down), (across, top), (across, bottom), (left, down), (right, down)),
        *((left, top), (right, top), (left, bottom), (right, bottom)),
    ]
    gap = np.linalg.norm(keypoints[..., :2] - np.moveaxis(np.array(ideal), 2, 0), axis=2)
    visible = keypoints[..., 2] > 0.5
    mean = (gap * visible).sum(axis=1) / np.maximum(visible.sum(axis=1), 1)
    return np.where(shape >= 0, mean, np.nan)
