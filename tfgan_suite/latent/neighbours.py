"""The training images nearest to samples, in pixels and in features.

A generator that copies shows its training images again. Pixels are fooled by a shift of one or two
pixels, so they are compared under shifts, and beside them the discriminator's features.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.inference.gallery import Gallery
from tfgan_suite.latent import figures, linear_probe
from tfgan_suite.latent.space import Space
from tfgan_suite.measures import memorisation
from tfgan_suite.utils import files, image_grids

BLOCK = 1024


@dataclasses.dataclass(frozen=True)
class Neighbours:
    """Samples and their nearest training images.

    Args:
        images: uint8 `(count, height, width, channels)`: the samples.
        numbers: of the samples.
        by_pixels: nearest by pixels; distances are root mean squares in grey levels, 0 to 255.
        by_features: nearest by features, whose `example` are images; None without a discriminator.
    """

    images: np.ndarray
    numbers: list[int]
    by_pixels: memorisation.Nearest
    by_features: memorisation.Nearest | None


def neighbours(
    space: Space, numbers: list[int], train: np.ndarray, *, shifts: int = memorisation.SHIFTS
) -> Neighbours:
    """The nearest training images of samples.

    Args:
        space: the latent space; features need a discriminator.
        numbers: of the samples, as `sample` counts them.
        train: training images `(n, height, width, channels)`, uint8 or float in [-1, 1].
        shifts: pixels by which a training image may be shifted.

    Raises:
        InputError: training images of another size, or none.
    """
    images = image_grids.to_uint8(space.generate(space.samples(numbers)))
    train = image_grids.to_uint8(train)
    by_pixels = memorisation.nearest_by_pixels(images, train, shifts)
    return Neighbours(images, list(numbers), by_pixels, _by_features(space, images, train))


def _by_features(
    space: Space, images: np.ndarray, train: np.ndarray
) -> memorisation.Nearest | None:
    if not space.has_features:
        return None
    rows = linear_probe.features(space, _to_float(images))
    first = linear_probe.features(space, _to_float(train[:BLOCK]))
    # Each feature counts by its spread: layers differ in scale by orders of magnitude.
    deviation = first.std(axis=0)
    scale = np.where(deviation > 1e-6, 1.0 / np.maximum(deviation, 1e-6), 0.0)

    def blocks() -> Iterator[np.ndarray]:
        yield first * scale
        for start in range(BLOCK, len(train), BLOCK):
            part = _to_float(train[start : start + BLOCK])
            yield linear_probe.features(space, part) * scale

    nearest = memorisation.nearest_by_features(rows * scale, blocks())
    return dataclasses.replace(nearest, example=train[nearest.index])


def _to_float(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32) / 127.5 - 1.0


def write(result: Neighbours, folder: Path, title: str) -> dict[str, Any]:
    """Writes the page `neighbours.html`, the figure `neighbours.png` and `numbers.json`.

    Args:
        result: samples and their neighbours.
        folder: for the files.
        title: of the page.

    Returns:
        The content of `numbers.json`: distances and indices, and `"copies"`, the samples that equal
        a training image.
    """
    pixels, features = result.by_pixels, result.by_features
    heads = ["sample", "nearest by pixels", *(["nearest by features"] if features else [])]
    gallery = Gallery(title, f"among {pixels.train_size} training images", heads)
    for index, number in enumerate(result.numbers):
        note = f"root mean square difference {pixels.distance[index]:.1f} grey levels"
        other = None if features is None else features.example[index]
        images = result.images[index], pixels.example[index], other
        gallery.add(f"sample {number}", *images, note=note)
    shown = slice(0, 12)
    rows = dict(zip(heads, [result.images[shown], pixels.example[shown]]))
    numbers: dict[str, Any] = {
        "samples": result.numbers,
        "train": pixels.train_size,
        "mean_distance": float(pixels.distance.mean()),
        "copies": int((pixels.distance == 0).sum()),
        "nearest_by_pixels": pixels.index.tolist(),
        "distances": [round(float(d), 3) for d in pixels.distance],
    }
    if features is not None:
        rows[heads[2]] = features.example[shown]
        numbers["nearest_by_features"] = features.index.tolist()
    numbers["figure"] = figures.write_png(
        folder, "neighbours.png", figures.rows(list(rows), list(rows.values()))
    )
    with files.writing_to(folder):
        gallery.write(folder / "neighbours.html")
    numbers["page"] = str(folder / "neighbours.html")
    figures.write_numbers(folder, numbers)
    return numbers
