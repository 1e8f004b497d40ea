"""A test split for folders of images that have none."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfgan_suite import data
from tfgan_suite.data.pipeline.source import IndexedSource, fingerprint_of
from tfgan_suite.data.readers import listing
from tfgan_suite.errors import InputError
from tfgan_suite.measures.result import MeasureWarning

_LEAST, _SHARE = 50, 10


class Part(IndexedSource):
    """Some examples of a source.

    Args:
        source: the source.
        positions: int64 `(n,)`, of the examples in the source.
        split: what the part is, in words.
    """

    def __init__(self, source: IndexedSource, positions: np.ndarray, split: str) -> None:
        super().__init__(
            source.name,
            source.shape,
            fingerprint_of(source.fingerprint, positions),
            classes=source.classes,
            key=source.key,
            bit_depth=source.bit_depth,
        )
        self.skipped = source.skipped
        self.split = split
        self._source = source
        with tf.device("CPU:0"):
            self._positions = tf.convert_to_tensor(positions)

    def __len__(self) -> int:
        return int(self._positions.shape[0])

    def fetch(self, index: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._source.fetch(tf.gather(self._positions, index))


def has_no_splits(spec: str | os.PathLike) -> bool:
    """Whether data, as `data.load` takes them, are a folder of images without splits."""
    path = Path(spec)
    if os.fspath(spec) in data.SYNTHETIC or not path.is_dir():
        return False
    try:
        listing.list_images(path, "test")
    except listing.NoSplits:
        return True
    except InputError:  # no images, which `data.load` puts into words
        pass
    return False


def part_of(source: IndexedSource, split: str) -> Part:
    """The held-out images of a folder, or its others.

    A tenth is held out, evenly spread over the files in their order; 50 at least, or half of fewer
    than 100.

    Args:
        source: all images.
        split: `"test"`: those that are held out; `"train"`: the others.

    Raises:
        InputError: there are fewer than two images.
    """
    total = len(source)
    if total < 2:
        raise InputError(f"{source.name} has {total} images; a hold-out needs at least 2: add some")
    count = min(total // 2, max(_LEAST, total // _SHARE))
    held_out = np.linspace(0, total - 1, count).astype(np.int64)
    if split == "train":
        others = np.setdiff1d(np.arange(total), held_out)
        return Part(source, others, f"{total - count} of {total} that are not held out")
    warnings.warn(
        f"{source.name} has no test split: {count} of its {total} images are held out as the"
        " reference, evenly spread; a run that was trained on the folder has seen them too"
        " (--split train: measure against all of them)",
        MeasureWarning,
        stacklevel=2,
    )
    return Part(source, held_out, f"{count} of {total}, held out")
