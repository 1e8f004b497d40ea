"""Ways between latent vectors: straight, spherical, and around a circle."""

from __future__ import annotations

import numpy as np

from tfgan_suite.errors import InputError

PATHS = ("slerp", "lerp", "circle")


def lerp(start: np.ndarray, end: np.ndarray, share: np.ndarray | float) -> np.ndarray:
    """Straight interpolation, the papers' for uniform z.

    Args:
        start, end: vectors `(dim,)`.
        share: 0 is `start`, 1 is `end`; a number or `(steps,)`.

    Returns:
        float64 `(dim,)` or `(steps, dim)`.
    """
    start, end, share = _ends(start, end, share)
    return start + share * (end - start)


def slerp(start: np.ndarray, end: np.ndarray, share: np.ndarray | float) -> np.ndarray:
    """Spherical interpolation (White 2016), for normal z, whose length hardly varies.

    The direction moves along the great circle at an even speed, and the length from one to the
    other. Vectors of one direction or of opposite ones, and zero, are interpolated straight.

    Args:
        start, end, share: as for `lerp`.

    Returns:
        float64 `(dim,)` or `(steps, dim)`.
    """
    start, end, share = _ends(start, end, share)
    lengths = np.linalg.norm(start), np.linalg.norm(end)
    if not all(lengths):
        return lerp(start, end, share)
    first, last = start / lengths[0], end / lengths[1]
    angle = np.arccos(np.clip(first @ last, -1.0, 1.0))
    if np.sin(angle) < 1e-6:
        return start + share * (end - start)
    direction = (np.sin((1.0 - share) * angle) * first + np.sin(share * angle) * last) / np.sin(
        angle
    )
    return direction * (lengths[0] + share * (lengths[1] - lengths[0]))


def circle(start: np.ndarray, towards: np.ndarray, share: np.ndarray | float) -> np.ndarray:
    """The great circle that begins at one vector and turns first towards another.

    Args:
        start: vector `(dim,)`; all points of the circle have its length.
        towards: vector `(dim,)` of another direction.
        share: of the whole turn; 0 and 1 are `start`.

    Returns:
        float64 `(dim,)` or `(steps, dim)`.

    Raises:
        InputError: the two vectors span no plane.
    """
    start, towards, share = _ends(start, towards, share)
    length = np.linalg.norm(start)
    across = towards - start * (start @ towards) / max(length**2, 1e-30)
    if length < 1e-6 or np.linalg.norm(across) < 1e-6 * max(1.0, length):
        raise InputError("a circle needs two different directions; pass two other samples")
    across *= length / np.linalg.norm(across)
    turn = 2.0 * np.pi * share
    return np.cos(turn) * start + np.sin(turn) * across


def through(points: np.ndarray, steps: int, path: str = "slerp", closed: bool = False):
    """A way through several vectors.

    Args:
        points: `(count, dim)`, at least two.
        steps: frames from each vector to the next; of a circle all frames.
        path: `"slerp"`, `"lerp"`, or `"circle"`: the great circle through the first two.
        closed: whether the way returns to the first vector; a circle always does.

    Returns:
        float64 `(frames, dim)`. An open way ends with the last vector; a closed one ends a step
        before the first, so that it can be repeated.

    Raises:
        InputError: too few vectors or steps, or an unknown path.
    """
    points = np.asarray(points, np.float64)
    if path not in PATHS:
        raise InputError(f"path is {path!r}; it must be {', '.join(PATHS)}")
    if len(points) < 2 or steps < 1:
        raise InputError(
            f"a walk goes through {len(points)} samples in {steps} steps; pass two samples or more"
            " and one step or more"
        )
    if path == "circle":
        return circle(points[0], points[1], np.arange(steps) / steps)
    between = slerp if path == "slerp" else lerp
    ends = np.concatenate([points, points[:1]]) if closed else points
    shares = np.arange(steps) / steps
    parts = [between(start, end, shares) for start, end in zip(ends[:-1], ends[1:])]
    return np.concatenate(parts if closed else [*parts, points[-1:]])


def _ends(start, end, share) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    share = np.asarray(share, np.float64)
    return (
        np.asarray(start, np.float64),
        np.asarray(end, np.float64),
        share[:, None] if share.ndim else share,
    )
