"""Which layers of a style-based generator decide what, and how psi bounds the spread of samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tfgan_suite.data.synthetic import shape_reader
from tfgan_suite.data.synthetic.shape_parts import COLOURS, SHAPES
from tfgan_suite.inference import styles
from tfgan_suite.inference.generator import Generator
from tfgan_suite.measures.result import MeasureResult

PSIS = (0.0, 0.25, 0.5, 0.75, 1.0)
BLOCKS = 4  # rows and columns of the layout

# Numbers (count, n) by attribute that are read from images (count, height, width, channels).
Attributes = Mapping[str, np.ndarray]


def explained_variance(
    generator: Generator,
    read: Callable[[np.ndarray], Attributes],
    count: int = 512,
    seed: int = 0,
) -> dict[str, dict[str, float]]:
    """The share of each attribute's variance that the styles of some layers explain.

    Args:
        generator: a style-based one.
        read: reads attributes from images in [-1, 1]; one-hot codes of what is no number.
        count: pairs of images.
        seed: of their z.

    Returns:
        `share_of_variance` by group of layers, `"coarse"`, `"middle"` and `"fine"`, and attribute.
        Shares of groups that act on their own add up to 1.
    """
    psi = styles.layer_psi(generator, 1.0)
    first = styles.styles(generator, count, psi, seed)
    second = styles.styles(generator, count, psi, seed + 1)
    source = read(styles.images(generator, second))
    shares = {}
    for name, layers in styles.layer_groups(styles.layer_count(generator)).items():
        mixed = np.array(first)
        mixed[:, layers.start : layers.stop] = second[:, layers.start : layers.stop]
        values = read(styles.images(generator, mixed))
        shares[name] = {key: share_of_variance(source[key], values[key]) for key in source}
    return shares


def share_of_variance(source: np.ndarray, mixed: np.ndarray) -> float:
    """Sobol's first-order index: the covariance of attributes of pairs, over their variance.

    Args:
        source: attributes `(count, n)` of images.
        mixed: those of images that share some inputs with them, and have new ones otherwise.

    Returns:
        1 where the shared inputs decide everything, about 0 where they decide nothing; 0 where
        nothing varies.
    """
    source, mixed = np.asarray(source, "f8"), np.asarray(mixed, "f8")
    centre = (source.mean(0) + mixed.mean(0)) / 2
    source, mixed = source - centre, mixed - centre
    variance = (np.square(source) + np.square(mixed)).sum() / 2
    return float((source * mixed).sum() / variance) if variance else 0.0


def shape_attributes(images: np.ndarray) -> dict[str, np.ndarray]:
    """Colour, shape, place and size of what the oracle of the shapes world sees."""
    reading = shape_reader.read(images)
    return {
        # Where it sees no shape, the code is all zeros.
        "colour": np.eye(len(COLOURS) + 1)[reading.colour][:, :-1],
        "shape": np.eye(len(SHAPES) + 1)[reading.shape][:, :-1],
        "place": reading.centre,
        "size": reading.area[:, None],
    }


def image_attributes(images: np.ndarray) -> dict[str, np.ndarray]:
    """What is read from images of any kind: the mean colour, and the layout.

    Args:
        images: `(count, height, width, channels)` in [-1, 1], sides of 4 pixels or more.

    Returns:
        `colour` `(count, channels)`, and `layout` `(count, 16)`: the brightness of 4x4 parts less
        that of the image.
    """
    grey = images.mean(3)
    rows = np.array_split(grey, BLOCKS, axis=1)
    parts = [part.mean((1, 2)) for row in rows for part in np.array_split(row, BLOCKS, axis=2)]
    layout = np.stack(parts, 1)
    return {"colour": images.mean((1, 2)), "layout": layout - layout.mean(1, keepdims=True)}


def style_variances(
    generator: Generator, count: int, seed: int, of_shapes: bool = False
) -> list[MeasureResult]:
    """The shares of `explained_variance` as results, `style-variance-ATTRIBUTE-GROUP`.

    Args:
        generator: a style-based one.
        count: pairs of images.
        seed: of their z.
        of_shapes: whether it draws the shapes world, whose oracle reads colour, shape, place and
            size; of other images `image_attributes` counts.

    Raises:
        InputError: no style-based generator.
    """
    read = shape_attributes if of_shapes else image_attributes
    shares = explained_variance(generator, read, count, seed)
    groups = styles.layer_groups(styles.layer_count(generator))
    facts = {
        "pairs": count,
        "attributes": "oracle of the shapes world" if of_shapes else "mean colour, 4x4 brightness",
        "layers": {name: [group.start, group.stop - 1] for name, group in groups.items()},
        "index": "Sobol, first order",
        "psi": 1.0,
    }
    return [
        MeasureResult(f"style-variance-{attribute}-{group}", share, facts)
        for group, by_attribute in shares.items()
        for attribute, share in by_attribute.items()
    ]


def psi_sweep(
    generator: Generator, count: int, seed: int, psis: Sequence[float] = PSIS
) -> list[MeasureResult]:
    """The spread of samples for each psi, `spread-psi-PSI`: it should fall to 0 with psi.

    The spread is the mean distance of two samples, the root of the mean square over their pixels,
    of samples n and n + 1 of the same z for every psi.

    Args:
        generator: a style-based one.
        count: samples.
        seed: of their z.
        psis: in [-1, 1].

    Raises:
        InputError: no style-based generator, or psi out of range.
    """
    results = []
    for psi in psis:
        w = styles.styles(generator, count, styles.layer_psi(generator, psi), seed)
        images = styles.images(generator, w)
        distances = np.sqrt(np.square(images[1:] - images[:-1]).mean((1, 2, 3)))
        facts = {"psi": psi, "pairs": count - 1, "distance": "root mean square of pixels"}
        error = float(distances.std() / np.sqrt(len(distances)))
        facts["spread"] = "standard error"
        results.append(MeasureResult(f"spread-psi-{psi:g}", float(distances.mean()), facts, error))
    return results
