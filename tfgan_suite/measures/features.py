"""Features of streamed images, real and generated; those of the reference are cached on disk."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfgan_suite import data
from tfgan_suite.data.readers import npz_files
from tfgan_suite.errors import InputError
from tfgan_suite.features import extractors
from tfgan_suite.features.scale import scale_of
from tfgan_suite.measures.fid import Moments
from tfgan_suite.measures.result import warn
from tfgan_suite.utils import files, image_grids
from tfgan_suite.utils.memory_budget import format_bytes

_FORMAT = 1  # of the cache's files
MEMORY_LIMIT = 2**31  # bytes of features, predictions or examples that one side may keep


@dataclasses.dataclass
class Collected:
    """What was extracted from a stream of images.

    Args:
        moments: mean and covariance of the features; `None` if only examples are needed.
        features: float32 `(n, d)`, if requested.
        predictions: float32 `(n, classes)`, if requested.
        examples: the images `(n, height, width, channels)` or points `(n, d)`, if requested.
    """

    moments: Moments | None
    features: np.ndarray | None = None
    predictions: np.ndarray | None = None
    examples: np.ndarray | None = None

    @property
    def count(self) -> int:
        """Number of images."""
        return len(self.examples) if self.moments is None else self.moments.count


def stream(
    source: data.Source, count: int, seed: int = 0, batch: int = 250
) -> Iterator[np.ndarray]:
    """Distinct examples of a source in batches, the same ones as `source.take(count, seed)`.

    Args:
        source: the data.
        count: number of examples, at most the source's length.
        seed: of the order.
        batch: examples in a batch; the last may be smaller.

    Yields:
        uint8 images `(n, height, width, channels)`, or float32 points `(n, 2)`.

    Raises:
        InputError: the source has fewer examples, or the batch is below 1.
    """
    if not 0 < count <= len(source):
        raise InputError(
            f"{count} examples of {source.name} were requested; it has {len(source)}: request 1 "
            f"to {len(source)}"
        )
    if batch < 1:
        raise InputError(f"the batch size is {batch}; expected 1 or more")
    batch = min(batch, count)
    done = count - count % batch
    for examples in source.batches(batch, seed=seed).take(count // batch):
        yield _as_in_files(examples[source.key].numpy())
    if done < count:
        # The first epoch's order is the same for every batch size; the last ones come singly.
        last = source.batches(1, seed=seed, start=done).take(count - done)
        yield _as_in_files(np.concatenate([example[source.key].numpy() for example in last]))


def collect(
    batches: Iterable[np.ndarray],
    extractor: extractors.Extractor | None,
    *,
    keep_features: bool = False,
    keep_predictions: bool = False,
    keep_examples: bool = False,
    total: int | None = None,
    progress: str = "",
) -> Collected:
    """Extracts the features of a stream of images, divided by `scale_of(extractor)`.

    Only `keep_*` makes memory grow with the number of images.

    Args:
        batches: images `(n, height, width, channels)`, uint8 or float in [-1, 1]; or points
            `(n, d)` where there is no extractor.
        extractor: the feature network; `None`: the examples are features already.
        keep_features: whether to return every image's features.
        keep_predictions: whether to return every image's predictions.
        keep_examples: whether to return the images themselves.
        total: number of examples, for the progress bar.
        progress: its title; empty: no bar.

    Raises:
        InputError: no images, NaN, predictions that the extractor does not compute, features of
            the wrong rank, or more than `MEMORY_LIMIT` to keep.
    """
    moments: Moments | None = None
    parts: dict[str, list[np.ndarray]] = {"features": [], "predictions": [], "examples": []}
    bar = None
    if progress:
        print(progress)
        bar = keras.utils.Progbar(total, unit_name="image")
    for batch in batches:
        if extractor is None:
            extractors.check_finite(batch)
            features, predictions = batch, None
        else:
            features, predictions = extractor.describe(batch)
            if scale_of(extractor) != 1.0:
                features = features / np.float32(scale_of(extractor))
        if moments is None:
            moments = Moments(features.shape[1])
            # Kept as float32, and examples as they are.
            row = 4 * features.shape[1] * keep_features + batch[0].nbytes * keep_examples
            check_memory(total or 0, row)
        moments.add(features)
        if keep_features:
            parts["features"].append(np.asarray(features, np.float32))
        if keep_predictions:
            parts["predictions"].append(_check_predictions(predictions, extractor))
        if keep_examples:
            parts["examples"].append(batch)
        if bar is not None:
            bar.update(moments.count)
    if moments is None:
        raise InputError("there are no images to measure; pass one or more")
    return Collected(moments, **{key: np.concatenate(rows) for key, rows in parts.items() if rows})


def check_memory(count: int, row_bytes: int) -> None:
    """Checks that what is kept of every example fits into `MEMORY_LIMIT`.

    Args:
        count: number of examples.
        row_bytes: kept of one.

    Raises:
        InputError: it does not.
    """
    if count * row_bytes > MEMORY_LIMIT:
        raise InputError(
            f"{count} examples keep {format_bytes(count * row_bytes)}, {row_bytes} bytes each;"
            f" expected at most {format_bytes(MEMORY_LIMIT)}: pass at most"
            f" {MEMORY_LIMIT // row_bytes} --samples, or measures that keep less (fid)"
        )


def reference(
    source: data.Source,
    extractor: extractors.Extractor | None,
    *,
    count: int,
    seed: int = 0,
    split: str = "train",
    batch: int = 250,
    keep_features: bool = False,
    cache: str | os.PathLike | None = None,
    progress: str = "",
) -> Collected:
    """`collect` of a source's examples, read from the cache if it has them.

    Args:
        source: the data.
        extractor: the feature network.
        count: number of examples.
        seed: of their order.
        split: of the data, for the cache's key.
        batch: images in one call of the extractor.
        keep_features: whether features are needed beside the moments.
        cache: folder of the cache; `None`: no cache.
        progress: as for `collect`.

    Returns:
        The moments, and with `keep_features` the features.
    """
    path = None
    if cache is not None and (extractor is None or extractor.weights_hash is not None):
        path = Path(cache) / f"reference_{cache_key(source, extractor, count, seed, split)}.npz"
        cached = _read(path, keep_features)
        if cached is not None:
            return cached
    batches = stream(source, count, seed, batch)
    collected = collect(
        batches, extractor, keep_features=keep_features, total=count, progress=progress
    )
    if path is not None:
        _write(path, collected)
    return collected


def cache_key(
    source: data.Source,
    extractor: extractors.Extractor | None,
    count: int,
    seed: int,
    split: str,
) -> str:
    """16 hex digits of everything that a reference's features depend on."""
    facts: dict[str, Any] = {
        "format": _FORMAT,
        "data": source.fingerprint,
        "shape": source.shape,
        "split": split,
        "count": count,
        # All of a set is the same set in every order.
        "seed": None if count == len(source) else seed,
        "extractor": None if extractor is None else extractor.protocol(),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _read(path: Path, keep_features: bool) -> Collected | None:
    """A file of the cache; `None` if it is missing, damaged, or lacks features that are needed."""
    # A damaged file is computed again.
    names = ["mean", "scatter", "count", *(["features"] if keep_features else [])]
    with contextlib.suppress(OSError, ValueError):
        mean, scatter, count, *features = npz_files.read_arrays(path, names)
        if mean.ndim != 1 or any(array.dtype.kind not in "iuf" for array in (mean, scatter, count)):
            return None
        moments = Moments(len(mean))
        shapes = (moments.mean.shape, moments.scatter.shape, ())
        if (mean.shape, scatter.shape, count.shape) != shapes:
            return None
        moments.count, moments.mean, moments.scatter = int(count), mean, scatter
        return Collected(moments, features[0] if keep_features else None)
    return None


def _write(path: Path, collected: Collected) -> None:
    """Writes a file of the cache atomically; a cache that cannot be written is only a warning."""
    moments = collected.moments
    parts = {"mean": moments.mean, "scatter": moments.scatter, "count": np.array(moments.count)}
    if collected.features is not None:
        parts["features"] = collected.features
    content = io.BytesIO()
    np.savez(content, **parts)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_bytes(path, content.getvalue())
    except OSError as error:
        warn(
            f"the reference's features cannot be cached in {path.parent} ({error.strerror}); pass "
            "another --cache, or --cache none"
        )


def _as_in_files(examples: np.ndarray) -> np.ndarray:
    """Images as uint8, as files hold them; points as they are."""
    return image_grids.to_uint8(examples) if examples.ndim == 4 else examples


def _check_predictions(
    predictions: np.ndarray | None, extractor: extractors.Extractor | None
) -> np.ndarray:
    if predictions is None:
        name = "none" if extractor is None else extractor.name
        raise InputError(
            f"the extractor {name} gives no class predictions, which the Inception score needs; "
            "pass a classifier: a Keras application, or a file from recipes/classifier.py"
        )
    return predictions
