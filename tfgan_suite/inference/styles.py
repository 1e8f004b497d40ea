"""Uses of a style-based generator: truncated samples, and images that mix the styles of two others.

Both work from the signatures `mapping` and `synthesis`, so from runs and exports alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.export import repeat_input
from tfgan_suite.inference.generator import Generator

MAPPING, SYNTHESIS = "mapping", "synthesis"
BATCH = 16
MIX_COLUMNS, MIX_ROWS = 5, 2


def layer_count(generator: Generator) -> int:
    """How many layers of a generator take a style.

    Raises:
        InputError: it is not style-based, or is a TFLite file that holds one signature only.
    """
    if not {MAPPING, SYNTHESIS} <= set(generator.signatures):
        raise InputError(
            f"{generator.name} has no signatures 'mapping' and 'synthesis'; pass the run or export"
            " of a style-based generator, such as one of recipes/stylegan.py"
        )
    layers = generator.signature(SYNTHESIS).inputs[0].shape[0]
    assert layers is not None
    return layers


def layer_psi(generator: Generator, psi: float, cutoff: int | None = None) -> np.ndarray:
    """Psi of each layer: `psi` below the cutoff, 1 from there on.

    Raises:
        InputError: psi outside [-1, 1], or a cutoff that is no number of layers.
    """
    layers = layer_count(generator)
    if not -1.0 <= psi <= 1.0:
        raise InputError(
            f"psi is {psi}; it must be in [-1, 1]: 0 is the average image, 1 no change"
        )
    if cutoff is not None and not 1 <= cutoff <= layers:
        raise InputError(
            f"the cutoff of psi is {cutoff}; {generator.name} has {layers} layers with a style, so"
            f" it must be in [1, {layers}]"
        )
    return np.where(np.arange(layers) < (cutoff or layers), psi, 1.0).astype("float32")


def truncated(
    generator: Generator,
    count: int,
    psi: np.ndarray,
    seed: int = 0,
    labels: Mapping[str, Any] | None = None,
) -> Iterator[np.ndarray]:
    """Samples whose styles are moved towards their average: `average + psi (w - average)`.

    Args:
        generator: a style-based one.
        count, seed: as for `Generator.generate`; with psi 1 the samples are the same.
        psi: one number for each layer, from `layer_psi`.
        labels: inputs of the mapping beside z, one value for all or `count` values.

    Yields:
        Images in [-1, 1], of up to 16 samples each.
    """
    w = styles(generator, count, psi, seed, labels)
    for start in range(0, count, BATCH):
        yield images(generator, w[start : start + BATCH])


def styles(
    generator: Generator,
    count: int,
    psi: np.ndarray,
    seed: int = 0,
    labels: Mapping[str, Any] | None = None,
) -> np.ndarray:
    """w `(count, layers, features)` of z that are drawn from a seed; arguments as `truncated`."""
    specs = {spec.name: spec for spec in generator.signature(MAPPING).inputs}
    inputs = {k: repeat_input(specs[k], value, count) for k, value in (labels or {}).items()}
    inputs["psi"] = np.repeat(psi[None], count, 0)
    return generator.run_signature(inputs, MAPPING, batch=64, seed=seed)["w"]


def images(generator: Generator, w: np.ndarray) -> np.ndarray:
    """Images in [-1, 1] of styles `(count, layers, features)`."""
    return generator.run_signature({"w": w}, SYNTHESIS, batch=BATCH)["image"]


def layer_groups(layers: int) -> dict[str, range]:
    """Coarse, middle and fine layers: up to 8 pixels, 16 and 32, and above, as in the paper.

    Generators of fewer than 12 layers are divided into thirds: their finest layers draw the
    details of small images.
    """
    ends = (4, 8) if layers >= 12 else (max(1, layers // 3), max(2, 2 * layers // 3))
    return {
        "coarse": range(ends[0]),
        "middle": range(*ends),
        "fine": range(ends[1], layers),
    }


def mixed_styles(first: np.ndarray, second: np.ndarray, layers: range) -> np.ndarray:
    """Styles of `first`, but in some layers those of `second`; `(layers, features)` each."""
    mixed = np.array(first)
    mixed[layers.start : layers.stop] = second[layers.start : layers.stop]
    return mixed


def mixing_grid(
    generator: Generator,
    seeds: tuple[int, int],
    psi: np.ndarray,
    layers: range | None = None,
    labels: Mapping[str, Any] | None = None,
) -> tuple[np.ndarray, int]:
    """The paper's figure: images of one source with some styles of another.

    Args:
        generator: a style-based one.
        seeds: of the source A, in the first column, and of B, in the first row. The images between
            have the styles of A, but in some layers those of B.
        psi: one number for each layer, from `layer_psi`.
        layers: the layers that come from B in all rows; None: two rows each of coarse, middle and
            fine ones.
        labels: inputs of the mapping beside z, one value for all.

    Returns:
        Images in [-1, 1], row by row, and the number of columns. The corner is white.

    Raises:
        InputError: layers that the generator does not have.
    """
    total = layer_count(generator)
    if layers is not None and not 0 <= layers.start < layers.stop <= total:
        raise InputError(
            f"layers {layers.start} to {layers.stop - 1} are to be mixed; {generator.name} has"
            f" layers 0 to {total - 1}"
        )
    groups = list(layer_groups(total).values()) if layers is None else [layers]
    rows = [group for group in groups for _ in range(MIX_ROWS)]
    first = styles(generator, len(rows), psi, seeds[0], labels)
    second = styles(generator, MIX_COLUMNS, psi, seeds[1], labels)
    mixed = [mixed_styles(w, other, group) for w, group in zip(first, rows) for other in second]
    drawn = images(generator, np.concatenate([second, first, mixed]))
    top, side, inner = np.split(drawn, [MIX_COLUMNS, MIX_COLUMNS + len(rows)])
    grid = [np.ones_like(top[:1]), top]
    for row in range(len(rows)):
        grid += [side[row : row + 1], inner[row * MIX_COLUMNS : (row + 1) * MIX_COLUMNS]]
    return np.concatenate(grid), MIX_COLUMNS + 1
