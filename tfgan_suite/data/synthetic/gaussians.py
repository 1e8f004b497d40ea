"""Two worlds of points in the plane with known modes: a ring of 8 and a grid of 25 Gaussians.

They are the toy sets of Gulrajani et al., "Improved Training of Wasserstein GANs" (2017), at the
scale of its official code. `report` reveals a generator that drops modes or puts points between
them.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tfgan_suite.errors import InputError


@dataclasses.dataclass(frozen=True)
class World:
    """A mixture of equally likely isotropic Gaussians.

    Args:
        name: its name for `load` and `read`.
        centres: float64 `(modes, 2)`.
        deviation: standard deviation along each axis, the same for every mode.
    """

    name: str
    centres: np.ndarray
    deviation: float

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the modes, in the order of `centres`."""
        return tuple(f"mode {index}" for index in range(len(self.centres)))


def _ring() -> World:
    """8 modes on a circle of radius 2, deviation .02, all divided by 1.414."""
    angles = 2.0 * np.pi * np.arange(8) / 8.0
    centres = 2.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return World("ring", centres / 1.414, 0.02 / 1.414)


def _grid() -> World:
    """25 modes at 2 * {-2, ..., 2} squared, deviation .05, all divided by 2.828."""
    steps = 2.0 * np.arange(-2, 3)
    centres = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    return World("grid", centres / 2.828, 0.05 / 2.828)


WORLDS = {world.name: world for world in (_ring(), _grid())}


def generate(world: str, count: int = 100_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Generates points.

    Args:
        world: `"ring"` or `"grid"`.
        count: number of points; the modes come equally often (up to a remainder).
        seed: seed of the draw.

    Returns:
        Points float32 `(count, 2)` and the index of each one's mode, int32 `(count,)`.

    Raises:
        InputError: unknown world, or `count` below 1.
    """
    mixture = _world(world)
    if count < 1:
        raise InputError(
            f"{count} points of {world!r} were requested; expected 1 or more: ask for more"
        )
    # The Box-Muller transform of `random()`, whose values are the same in every NumPy version.
    draws = np.random.default_rng(seed).random((count, 3))
    label = np.argsort(np.argsort(draws[:, 0])) % len(mixture.centres)
    length = np.sqrt(-2.0 * np.log1p(-draws[:, 1]))
    angle = 2.0 * np.pi * draws[:, 2]
    normal = np.stack([length * np.cos(angle), length * np.sin(angle)], axis=1)
    points = mixture.centres[label] + mixture.deviation * normal
    return points.astype(np.float32), label.astype(np.int32)


def read(points: np.ndarray, world: str) -> tuple[np.ndarray, np.ndarray]:
    """Finds the mode that each point belongs to.

    Args:
        points: `(n, 2)`, of any origin.
        world: `"ring"` or `"grid"`.

    Returns:
        Index of the nearest mode, int32 `(n,)`, and the Euclidean distance to its centre in the
        mode's standard deviations, float64 `(n,)` (infinite for a point that is not a number).

    Raises:
        InputError: unknown world, or points of another shape.
    """
    mixture = _world(world)
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError(
            f"points of shape {points.shape} cannot be read; expected (n, 2): reshape them"
        )
    distance = np.linalg.norm(points[:, None] - mixture.centres[None], axis=2)
    distance = np.where(np.isfinite(distance), distance, np.inf)
    mode = distance.argmin(axis=1).astype(np.int32)
    return mode, distance.min(axis=1) / mixture.deviation


def report(points: np.ndarray, world: str, sigmas: float = 3.0) -> dict:
    """Summarizes `read`: which modes are covered, and how many points are good.

    A point is good if it lies within `sigmas` standard deviations of its mode (98.9 % of the
    world's own points do, for 3). A mode is found if at least 1 % of all points are good points
    of it.

    Args:
        points: `(n, 2)`.
        world: `"ring"` or `"grid"`.
        sigmas: the radius, in standard deviations.

    Returns:
        `{"points": n, "modes_found": .., "modes": .., "good_share": .., "counts": [good points of
        each mode], "kinds": names of the modes, "appear": which of them are found}`.

    Raises:
        InputError: as for `read`.
    """
    mode, distance = read(points, world)
    good = distance <= sigmas
    modes = len(_world(world).centres)
    counts = np.bincount(mode[good], minlength=modes)
    appear = counts >= max(1.0, 0.01 * len(mode))
    return {
        "points": len(mode),
        "modes_found": int(np.sum(appear)),
        "modes": modes,
        "good_share": float(np.mean(good)) if len(mode) else 0.0,
        "counts": [int(count) for count in counts],
        "kinds": list(_world(world).classes),
        "appear": appear.tolist(),
    }


def _world(name: str) -> World:
    if name not in WORLDS:
        raise InputError(
            f"there is no world of points {name!r}; expected {' or '.join(WORLDS)}: choose one of "
            "them"
        )
    return WORLDS[name]
