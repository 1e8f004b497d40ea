"""The modes world: two domains of points in the plane, five Gaussians and ten.

The toy of Kim et al., "Learning to Discover Cross-Domain Relations with Generative Adversarial
Networks" (2017). Without a constraint to a one-to-one mapping, a translator of A sends several
modes to the same mode of B and misses others; `report` counts the modes it reaches.
"""

from __future__ import annotations

import numpy as np

from tfgan_suite.errors import InputError

DEVIATION = 0.1
RADIUS = 5.0  # a point within this many deviations of a centre belongs to its mode
SHARE = 0.02  # a mode is reached if at least this share of all points belongs to it


def _circle(count: int, radius: float) -> np.ndarray:
    angles = 2.0 * np.pi * np.arange(count) / count
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


CENTRES = {"a": _circle(5, 2.0), "b": _circle(10, 4.0)}


def generate(domain: str, count: int = 10_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Generates points.

    Args:
        domain: `"a"`: 5 modes at a distance of 2; `"b"`: 10 modes at a distance of 4.
        count: number of points; the modes come equally often (up to a remainder).
        seed: seed of the draw.

    Returns:
        Points float32 `(count, 2)` and the index of each one's mode, int32 `(count,)`.

    Raises:
        InputError: unknown domain, or `count` below 1.
    """
    if domain not in CENTRES or count < 1:
        raise InputError(
            f"{count} points of domain {domain!r} were requested; expected 1 or more points of a "
            "or b: correct the number or the domain"
        )
    # The Box-Muller transform of `random()`, whose values are the same in every NumPy version.
    draws = np.random.default_rng(seed).random((count, 3))
    label = np.argsort(np.argsort(draws[:, 0])) % len(CENTRES[domain])
    length = np.sqrt(-2.0 * np.log1p(-draws[:, 1]))
    angle = 2.0 * np.pi * draws[:, 2]
    normal = np.stack([length * np.cos(angle), length * np.sin(angle)], axis=1)
    points = CENTRES[domain][label] + DEVIATION * normal
    return points.astype(np.float32), label.astype(np.int32)


def report(examples: dict, outputs: np.ndarray) -> dict:
    """Which modes of B the translated points of A reach.

    Args:
        examples: `"domain_a"`, `(n, 2)`.
        outputs: their translations, `(n, 2)`.

    Returns:
        `{"points": n, "modes_found": number of modes that at least 2 % of the points belong to,
        "modes": 10, "good_share": share of points that belong to a mode, "counts": [points of
        each mode], "reached_from": [number of modes of A that send more than 2 % of their points
        to each mode of B], "kinds": names of the modes of B, "appear": which of them are found}`:
        a mode of B that is reached from two modes of A is shared by them.
    """
    outputs = np.asarray(outputs, np.float64)
    mode, good = _nearest(outputs, "b")
    origin, _ = _nearest(np.asarray(examples["domain_a"], np.float64), "a")
    modes, sources = len(CENTRES["b"]), len(CENTRES["a"])
    table = np.zeros((sources, modes), int)
    np.add.at(table, (origin[good], mode[good]), 1)
    counts = table.sum(axis=0)
    appear = counts >= max(1.0, SHARE * len(outputs))
    sent = table > SHARE * np.bincount(origin, minlength=sources)[:, None]
    return {
        "points": len(outputs),
        "modes_found": int(np.sum(appear)),
        "modes": modes,
        "good_share": float(np.mean(good)) if len(good) else 0.0,
        "counts": counts.tolist(),
        "reached_from": sent.sum(axis=0).tolist(),
        "kinds": [f"mode {index}" for index in range(modes)],
        "appear": appear.tolist(),
    }


def _nearest(points: np.ndarray, domain: str) -> tuple[np.ndarray, np.ndarray]:
    """The nearest mode of each point, and whether it belongs to it."""
    distance = np.linalg.norm(points[:, None] - CENTRES[domain], axis=2)
    distance = np.where(np.isfinite(distance), distance, np.inf)
    return distance.argmin(axis=1), distance.min(axis=1) <= RADIUS * DEVIATION
