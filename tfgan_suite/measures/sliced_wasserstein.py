"""Sliced Wasserstein distance of image patches, scale by scale (Karras et al. 2018).

Patches of 7x7 pixels of a Laplacian pyramid hold what the images show at one scale: the finest
level noise and texture, the coarsest the layout. Their distance is the mean over random directions
of the distance of their projections, which in one dimension is that of the sorted values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.features.distances import PATCH, patch_distances
from tfgan_suite.measures.result import MeasureResult


def sliced_wasserstein(
    real: np.ndarray,
    fake: np.ndarray,
    *,
    patches: int = 128,
    repeats: int = 4,
    directions: int = 128,
    smallest: int = 16,
    seed: int = 0,
    **protocol: Any,
) -> list[MeasureResult]:
    """Distance of real and generated images at each scale, times 1000.

    Args:
        real: images `(n, height, width, channels)`, uint8 or float, any range: patches are
            normalized per channel.
        fake: images `(m, height, width, channels)`; of the larger set the first ones count.
        patches: random patches of an image and scale; paper 128.
        repeats: sets of directions; paper 4.
        directions: random directions in a set; paper 128.
        smallest: shorter side at which the pyramid ends; paper 16. Sides stay even, and images
            that are smaller already have one level.
        seed: of patches and directions.
        **protocol: facts for the results.

    Returns:
        A result for each level, finest first, named by the shorter side (`SWD-32`), whose
        `spread` is the standard deviation over the sets of directions; and their mean, `SWD`.

    Raises:
        InputError: sets of different shapes, no images, images smaller than a patch.
    """
    _check(real, fake, patches, repeats, directions)
    count = min(len(real), len(fake))
    facts = {
        **protocol,
        "n_real": count,
        "n_fake": count,
        "patches": patches,
        "directions": repeats * directions,
        "swd_seed": seed,
        "scale": "times 1000",
    }
    spread = "standard deviation over sets of directions"
    distances = patch_distances(
        real[:count],
        fake[:count],
        patches=patches,
        repeats=repeats,
        directions=directions,
        smallest=smallest,
        seed=seed,
    )
    results = [
        MeasureResult(
            f"SWD-{side}",
            float(np.mean(values)),
            {**facts, "spread": spread},
            float(np.std(values)),
        )
        for side, values in distances.items()
    ]
    mean = float(np.mean([result.value for result in results]))
    return [*results, MeasureResult("SWD", mean, {**facts, "levels": list(distances)})]


def _check(real: np.ndarray, fake: np.ndarray, *numbers: int) -> None:
    if real.ndim != 4 or real.shape[1:] != fake.shape[1:] or not len(real) or not len(fake):
        raise InputError(
            f"real examples of shape {real.shape} and generated ones of {fake.shape}; SWD compares"
            " images of one shape, (n, height, width, channels), one or more of each"
        )
    if min(real.shape[1:3]) < PATCH:
        raise InputError(
            f"images of {real.shape[1]}x{real.shape[2]} pixels; SWD takes patches of {PATCH}x"
            f"{PATCH}, so it needs images of at least that size"
        )
    if min(numbers) < 1:
        raise InputError(f"patches, repeats, directions are {numbers}; each must be 1 or more")
