"""Whether a generator only repeats its training images.

Each sample's nearest training image is searched, by pixels (with shifts, because an image moved by
a pixel is far from itself) or by features. Test images show how near is too near: the ratio of the
medians of d(sample, training set) and d(test image, training set) is about 1 for a generator that
generalizes, and 0 for one that copies. The training set is streamed in blocks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.measures.result import MeasureResult
from tfgan_suite.utils import image_grids

BLOCK = 1024  # rows of a distance table on either side: 4 MiB
SHIFTS = 2


@dataclasses.dataclass(frozen=True)
class Nearest:
    """The nearest training example of each sample.

    Args:
        index: its index in the training set, int64 `(n,)`.
        distance: float64 `(n,)`. Pixels: root mean square difference in grey levels (0 to 255)
            of the compared windows. Features: Euclidean.
        example: the training examples themselves, `(n, ...)`.
        train_size: size of the training set.
    """

    index: np.ndarray
    distance: np.ndarray
    example: np.ndarray
    train_size: int


def nearest_by_pixels(
    samples: np.ndarray, train: np.ndarray | Iterable[np.ndarray], shifts: int = SHIFTS
) -> Nearest:
    """Nearest training images under any shift of up to +-`shifts` pixels.

    The central window of a sample, without `shifts` pixels on each side, is compared with every
    window of that size of a training image: all shifts compare the same number of pixels.

    Args:
        samples: `(n, height, width, channels)`, uint8 or float in [-1, 1].
        train: images of the same size, as one array or as blocks.
        shifts: largest shift in pixels; 0: none.

    Raises:
        InputError: no samples or training images, other shapes, NaN, images too small.
    """
    samples = _pixels(samples)
    height, width = samples.shape[1:3]
    if shifts < 0 or min(height, width) <= 2 * shifts:
        raise InputError(
            f"shifts of {shifts} pixels leave nothing of images of {height}x{width} pixels; "
            "expected 0 or more, and less than half a side"
        )
    size = (height - 2 * shifts, width - 2 * shifts)
    offsets = [(y, x) for y in range(2 * shifts + 1) for x in range(2 * shifts + 1)]

    def window(images: np.ndarray, offset: tuple[int, int]) -> np.ndarray:
        top, left = offset
        part = images[:, top : top + size[0], left : left + size[1]]
        return part.reshape(len(part), -1)

    centre = window(samples, (shifts, shifts))
    nearest = _search(centre, samples, train, _pixels, offsets, window)
    scale = 1.0 / np.sqrt(centre.shape[1])
    return dataclasses.replace(nearest, distance=nearest.distance * scale)


def nearest_by_features(samples: np.ndarray, train: np.ndarray | Iterable[np.ndarray]) -> Nearest:
    """Nearest training examples in a feature space.

    Args:
        samples: features `(n, d)`.
        train: features `(m, d)`, as one array or as blocks.

    Raises:
        InputError: none of either, other shapes, values that are not finite.
    """
    samples = _features(samples)
    return _search(samples, samples, train, _features, [None], lambda block, offset: block)


def compare(
    samples: np.ndarray,
    test: np.ndarray,
    train: np.ndarray | Iterable[np.ndarray],
    *,
    shifts: int = SHIFTS,
    extractor: str | None = None,
    seed: int = 0,
    **protocol: Any,
) -> tuple[MeasureResult, Nearest]:
    """Compares the samples' distances to the training set with those of test examples.

    Args:
        samples: images, or with `extractor` features `(n, d)`.
        test: examples that were not trained on, of the same kind.
        train: the training set, of the same kind, as one array or as blocks.
        shifts: for images, as for `nearest_by_pixels`.
        extractor: name of the network that computed the features; `None`: images.
        seed: of the random subset of the larger set; equally many of both are compared.
        **protocol: facts for the result.

    Returns:
        The ratio of the medians, with `"closer"` (share of samples nearer to the training set
        than 99% of the test examples are; .01 is expected by chance) and `"copies"` (samples at
        distance 0) in its protocol; and the nearest training example of each compared sample.

    Raises:
        InputError: as `nearest_by_pixels`; the median test example lies in the training set.
    """
    compared = _equal_counts(samples, test, seed)
    count = len(compared[0])
    prepare = _pixels if extractor is None else _features
    # One pass over the training set for both, as it may come from disk.
    both = np.concatenate([prepare(part) for part in compared])
    if extractor is None:
        nearest = nearest_by_pixels(both, train, shifts)
    else:
        nearest = nearest_by_features(both, train)
    of_samples, of_test = nearest.distance[:count], nearest.distance[count:]
    test_median = float(np.median(of_test))
    if test_median == 0.0:
        raise InputError(
            "half of the test examples lie in the training set; pass examples not trained on"
        )
    facts = {
        **protocol,
        "median_samples": float(np.median(of_samples)),
        "median_test": test_median,
        "closer": float(np.mean(of_samples < np.percentile(of_test, 1.0))),
        "copies": int(np.sum(of_samples == 0.0)),
        "n_fake": count,
        "n_test": count,
        "n_train": nearest.train_size,
        "space": "pixels" if extractor is None else "features",
        "shifts": shifts if extractor is None else 0,
        "choice_seed": seed,
    }
    if extractor is not None:
        facts["extractor"] = extractor
    space = "pixels" if extractor is None else extractor
    value = float(np.median(of_samples)) / test_median
    index, example = nearest.index[:count], nearest.example[:count]
    nearest = dataclasses.replace(nearest, index=index, distance=of_samples, example=example)
    return MeasureResult(f"memorisation-{space}", value, facts), nearest


def _equal_counts(samples: np.ndarray, test: np.ndarray, seed: int) -> list[np.ndarray]:
    """Samples and test examples, equally many: a random subset of the larger set."""
    count = min(len(samples), len(test))
    if not count:
        raise InputError(
            f"there are {len(samples)} samples and {len(test)} test examples; expected at least "
            "one of each"
        )
    draws = np.random.default_rng(seed)
    return [
        examples
        if len(examples) == count
        else np.asarray(examples)[np.sort(draws.permutation(len(examples))[:count])]
        for examples in (samples, test)
    ]


def neighbour_grid(samples: np.ndarray, nearest: np.ndarray, columns: int = 4) -> np.ndarray:
    """Pairs side by side: a sample, and to its right the nearest training image.

    Args:
        samples: `(n, height, width, channels)`, uint8 or float in [-1, 1]; drawn, not picked.
        nearest: as many training images, e.g. `Nearest.example`.
        columns: pairs in a row.

    Returns:
        uint8 `(height, width, 3)`.

    Raises:
        InputError: other shapes.
    """
    samples, nearest = _pixels(samples), _pixels(nearest)
    if samples.shape != nearest.shape:
        raise InputError(
            f"samples of shape {samples.shape} cannot be set beside training images of shape "
            f"{nearest.shape}; expected the same shape"
        )
    rim = np.full((*samples.shape[:2], 2, samples.shape[3]), 255, np.uint8)
    pairs = np.concatenate([rim, samples, nearest, rim], axis=2)
    return image_grids.image_grid(pairs, columns=columns)


def _search(queries, samples, train, prepare, offsets, window) -> Nearest:
    """Nearest rows over all blocks and offsets; candidates by |a|^2 - 2 a.b, then exactly."""
    n = len(queries)
    best, index = np.full(n, np.inf), np.full(n, -1, np.int64)
    example = np.empty_like(samples)
    squares = [np.square(part).sum(1) for part in _blocks(queries)]
    train_size = 0
    for block in _stream(train, prepare, samples.shape[1:]):
        for offset in offsets:
            rows = window(block, offset).astype(np.float32)
            norms = np.square(rows).sum(axis=1)
            for number, part in enumerate(_blocks(queries)):
                span = slice(number * BLOCK, number * BLOCK + len(part))
                table = norms - 2.0 * (part @ rows.T)
                nearest = table.argmin(axis=1)
                guess = table[np.arange(len(part)), nearest] + squares[number]
                # The sum has rounding errors; candidates for an improvement are computed exactly.
                slack = 1e-5 * (squares[number] + norms[nearest]) + 1e-6
                (close,) = np.nonzero(guess - slack < best[span])
                gap = part[close].astype(np.float64) - rows[nearest[close]]
                exact = np.square(gap).sum(axis=1)
                better = exact < best[span][close]
                to = close[better] + span.start
                best[to], index[to] = exact[better], nearest[close[better]] + train_size
                example[to] = block[nearest[close[better]]]
        train_size += len(block)
    if not train_size:
        raise InputError("the training set is empty; pass at least one training example")
    return Nearest(index, np.sqrt(best), example, train_size)


def _blocks(queries: np.ndarray) -> Iterator[np.ndarray]:
    """Blocks of the samples as float32."""
    for start in range(0, len(queries), BLOCK):
        yield queries[start : start + BLOCK].astype(np.float32)


def _stream(train, prepare, shape) -> Iterator[np.ndarray]:
    """Blocks of the training set, checked, of at most `BLOCK` examples."""
    for examples in [train] if isinstance(train, np.ndarray) else train:
        for start in range(0, len(examples), BLOCK):
            block = prepare(examples[start : start + BLOCK])
            if block.shape[1:] != shape:
                raise InputError(
                    f"training examples of shape {block.shape[1:]} cannot be compared with "
                    f"samples of shape {shape}; bring them to one size and channel count"
                )
            yield block


def _pixels(images) -> np.ndarray:
    """uint8 `(n, height, width, channels)`, as a file holds images."""
    images = np.asarray(images)
    if images.ndim != 4 or not len(images):
        raise InputError(
            f"images of shape {images.shape} cannot be compared; expected "
            "(n, height, width, channels)"
        )
    if images.dtype == np.uint8:
        return images
    if not (np.abs(images) <= 1.001).all():  # also for NaN
        raise InputError("float images must be finite and in [-1, 1]")
    return image_grids.to_uint8(images)


def _features(rows) -> np.ndarray:
    rows = np.asarray(rows)
    if rows.ndim != 2 or not len(rows) or not np.isfinite(rows).all():
        raise InputError(
            f"features of shape {rows.shape} cannot be compared; expected finite (n, d)"
        )
    return rows.astype(np.float32)
