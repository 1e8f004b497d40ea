"""Features of real and generated images, in a stream; those of the reference are kept on disk."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfgan_suite import data
from tfgan_suite.errors import InputError
from tfgan_suite.features import extractors
from tfgan_suite.measures.fid import Moments
from tfgan_suite.measures.result import warn
from tfgan_suite.utils import files, image_grids

_FORMAT = 1  # of the cache's files


@dataclasses.dataclass
class Collected:
    """What is left of a stream of images.

    Args:
        moments: mean and covariance of the features.
        features: float32 `(n, d)`, where they were kept.
        predictions: float32 `(n, classes)`, where they were asked for.
    """

    moments: Moments
    features: np.ndarray | None = None
    predictions: np.ndarray | None = None

    @property
    def count(self) -> int:
        """Number of images."""
        return self.moments.count


def stream(
    source: data.Source, count: int, seed: int = 0, batch: int = 250
) -> Iterator[np.ndarray]:
    """Different examples of a source, the same ones as `source.take(count, seed)`, in batches.

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
            f"{count} examples of {source.name} were asked for; it has {len(source)}: ask for 1 to "
            f"{len(source)}"
        )
    if batch < 1:
        raise InputError(f"the batch size is {batch}; expected 1 or more")
    batch = min(batch, count)
    done = count - count % batch
    for found in source.batches(batch, seed=seed).take(count // batch):
        yield _plain(found[source.key].numpy())
    if done < count:
        # The first epoch's order is the same for every batch size; the rest comes one by one.
        rest = source.batches(1, seed=seed, start=done).take(count - done)
        yield _plain(np.concatenate([found[source.key].numpy() for found in rest]))


def collect(
    batches: Iterable[np.ndarray],
    extractor: extractors.Extractor | None,
    *,
    keep: bool = False,
    predict: bool = False,
    total: int | None = None,
    progress: str = "",
) -> Collected:
    """Describes a stream of images; memory does not grow with their number unless `keep`.

    Args:
        batches: images `(n, height, width, channels)`, uint8 or float in [-1, 1]; or points
            `(n, d)` where there is no extractor.
        extractor: the feature network; `None`: the examples are features already.
        keep: whether to keep every image's features.
        predict: whether to keep every image's predictions.
        total: number of examples, for the progress bar.
        progress: its title; empty: no bar.

    Raises:
        InputError: no images, NaN, predictions that the extractor does not give, features of
            the wrong rank.
    """
    moments, features, predictions = None, [], []
    bar = None
    if progress:
        print(progress)
        bar = keras.utils.Progbar(total, unit_name="image")
    for batch in batches:
        if extractor is None:
            extractors.check_finite(batch)
            found, predicted = batch, None
        else:
            found, predicted = extractor.describe(batch)
        if moments is None:
            moments = Moments(found.shape[1])
        moments.add(found)
        if keep:
            features.append(np.asarray(found, np.float32))
        if predict:
            predictions.append(_asked(predicted, extractor))
        if bar is not None:
            bar.update(moments.count)
    if moments is None:
        raise InputError("there are no images to measure; give one or more")
    return Collected(
        moments,
        np.concatenate(features) if keep else None,
        np.concatenate(predictions) if predict else None,
    )


def reference(
    source: data.Source,
    extractor: extractors.Extractor | None,
    *,
    count: int,
    seed: int = 0,
    split: str = "train",
    batch: int = 250,
    keep: bool = False,
    cache: str | os.PathLike | None = None,
    progress: str = "",
) -> Collected:
    """`collect` of a source's examples, taken from the cache where they were described before.

    Args:
        source: the data.
        extractor: the feature network.
        count: number of examples.
        seed: of their order.
        split: of the data, for the cache's key.
        batch: images in one call of the extractor.
        keep: whether features are needed beside the moments.
        cache: folder of the cache; `None`: no cache.
        progress: as for `collect`.

    Returns:
        The moments, and the features where `keep`.
    """
    path = None
    if cache is not None and (extractor is None or extractor.weights_hash is not None):
        path = Path(cache) / f"reference_{cache_key(source, extractor, count, seed, split)}.npz"
        found = _read(path, keep)
        if found is not None:
            return found
    found = collect(
        stream(source, count, seed, batch), extractor, keep=keep, total=count, progress=progress
    )
    if path is not None:
        _write(path, found)
    return found


def cache_key(
    source: data.Source,
    extractor: extractors.Extractor | None,
    count: int,
    seed: int,
    split: str,
) -> str:
    """16 hex digits of everything that a reference's features hang on."""
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


def cache_folder(given: str | None = None) -> Path | None:
    """The cache's folder.

    Args:
        given: a folder, `"none"`, or `None`: `$TFGAN_SUITE_CACHE`, else `~/.cache/tfgan_suite`.

    Returns:
        The folder, `None` for no cache.
    """
    chosen = given or os.environ.get("TFGAN_SUITE_CACHE")
    if chosen == "none":
        return None
    if chosen:
        return Path(chosen).expanduser()
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "tfgan_suite"


def _read(path: Path, keep: bool) -> Collected | None:
    """A file of the cache; `None` where it is missing, damaged, or has no features but should."""
    # A damaged file is made anew.
    with contextlib.suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            moments = Moments(len(file["mean"]))
            moments.count = int(file["count"])
            moments.mean, moments.scatter = file["mean"], file["scatter"]
            return Collected(moments, file["features"] if keep else None)
    return None


def _write(path: Path, found: Collected) -> None:
    """Writes a file of the cache whole or not at all; without a cache things go on."""
    moments = found.moments
    parts = {"mean": moments.mean, "scatter": moments.scatter, "count": np.array(moments.count)}
    if found.features is not None:
        parts["features"] = found.features
    content = io.BytesIO()
    np.savez(content, **parts)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_bytes(path, content.getvalue())
    except OSError as error:
        warn(
            f"the reference's features cannot be kept in {path.parent} ({error.strerror}); give "
            "another --cache, or --cache none"
        )


def _plain(examples: np.ndarray) -> np.ndarray:
    """Images as uint8, as files hold them; points as they are."""
    return image_grids.to_uint8(examples) if examples.ndim == 4 else examples


def _asked(predicted: np.ndarray | None, extractor: extractors.Extractor | None) -> np.ndarray:
    if predicted is None:
        name = "none" if extractor is None else extractor.name
        raise InputError(
            f"the extractor {name} gives no class predictions; the Inception score needs a "
            "classifier: an application, or a file from recipes/classifier.py"
        )
    return predicted
