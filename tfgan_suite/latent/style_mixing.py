"""Which layers of a style-based generator decide what: shares of the variance of attributes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tfgan_suite.data.synthetic import shape_reader
from tfgan_suite.data.synthetic.shape_parts import COLOURS, SHAPES
from tfgan_suite.inference import styles
from tfgan_suite.inference.generator import Generator

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
