"""The captions of all images as tensors: to draw one of an image's own, or one that does not fit.

A mismatched caption comes from an image of another group (class), drawn uniformly among those
images, and is never equal to any caption of the image itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfgan_suite.errors import InputError

TRIES = 8  # after which a caption that is known to differ is used


class CaptionTable:
    """Captions of images by index.

    Args:
        captions: sentences of each image, at least one.
    """

    def __init__(self, captions: Sequence[Sequence[str]]) -> None:
        numbers: dict[str, int] = {}
        rows = [[numbers.setdefault(text, len(numbers)) for text in texts] for texts in captions]
        self.texts = list(numbers)
        longest = max(map(len, rows))
        # Short rows are filled with their first caption, which `choose` does not reach.
        self.rows = np.array([row + row[:1] * (longest - len(row)) for row in rows], np.int32)
        self.lengths = np.array([len(row) for row in rows], np.int32)
        with tf.device("CPU:0"):
            self._rows, self._lengths = tf.constant(self.rows), tf.constant(self.lengths)

    def choose(self, images: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
        """Numbers of captions, int32, one of each image.

        Args:
            images: indices of images, of any shape.
            draws: float32 in [0, 1) of the same shape.
        """
        lengths = tf.gather(self._lengths, images)
        column = tf.cast(draws * tf.cast(lengths, tf.float32), tf.int32)
        column = tf.minimum(column, lengths - 1)
        return tf.gather(
            tf.reshape(self._rows, [-1]), tf.cast(images, tf.int32) * self.width + column
        )

    @property
    def width(self) -> int:
        """Captions of the image that has most."""
        return int(self.rows.shape[1])

    def captions_of(self, images: tf.Tensor) -> tf.Tensor:
        """Numbers of all captions of some images, `(n, width)`; some may come twice."""
        return tf.gather(self._rows, images)


class Mismatches:
    """Captions that do not fit an image.

    Args:
        table: the captions.
        groups: int `(n,)`; images of one group are never mixed up. `None`: each is its own.
        names: of the images, for messages.
        source: of the data, for messages.

    Raises:
        InputError: there is one group only, or an image that every caption would fit.
    """

    def __init__(
        self,
        table: CaptionTable,
        groups: np.ndarray | None,
        names: Sequence[object],
        source: str,
    ) -> None:
        self._table = table
        count = len(table.rows)
        groups = np.arange(count) if groups is None else np.unique(groups, return_inverse=True)[1]
        if groups.max() == 0:
            raise InputError(
                f"{source} has captions of one class only; expected two or more, because "
                "mismatched pairs need a caption of another class: add data, or pass "
                "mismatched=False"
            )
        order = np.argsort(groups, kind="stable")
        bounds = np.searchsorted(groups[order], np.arange(groups.max() + 2))
        fallback = _different_captions(table, groups, names, source)
        with tf.device("CPU:0"):
            self._order = tf.constant(order, tf.int32)
            self._first = tf.constant(bounds[groups], tf.int32)
            self._size = tf.constant((bounds[1:] - bounds[:-1])[groups], tf.int32)
            self._fallback = tf.constant(fallback, tf.int32)
            # An image that has each fallback.
            owner = {
                caption: row for row, captions in enumerate(table.rows) for caption in captions
            }
            self._owner = tf.constant([owner[caption] for caption in fallback], tf.int32)

    def draw(self, images: tf.Tensor, draws: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Other images, int32 `(n,)`, and the number of a caption of each that does not fit.

        It is equal to no caption of the image that it is drawn for.

        Args:
            images: int `(n,)`.
            draws: float32 `(n, TRIES, 2)` in [0, 1).
        """
        first, size = tf.gather(self._first, images), tf.gather(self._size, images)
        others = len(self._table.rows) - size
        offset = tf.cast(draws[..., 0] * tf.cast(others, tf.float32)[:, None], tf.int32)
        offset = tf.minimum(offset, others[:, None] - 1)
        offset += tf.where(offset < first[:, None], 0, size[:, None])  # leaves out the own group
        others = tf.gather(self._order, offset)
        captions = self._table.choose(others, draws[..., 1])
        own_captions = self._table.captions_of(images)
        fits = tf.reduce_any(captions[:, :, None] == own_captions[:, None, :], axis=2)
        first_other = tf.argmin(tf.cast(fits, tf.int32), axis=1)
        fallback = tf.reduce_all(fits, axis=1)
        numbers, owners = (
            tf.where(
                fallback, tf.gather(known, images), tf.gather(drawn, first_other, batch_dims=1)
            )
            for known, drawn in ((self._fallback, captions), (self._owner, others))
        )
        return owners, numbers


def _different_captions(table: CaptionTable, groups, names, source: str) -> list[int]:
    """For each image a caption of another group that it does not have."""
    # Of each caption one group, or -1 where several groups have it.
    group_of = np.full(len(table.texts), -2, np.int64)
    for column in range(table.width):
        for caption, group in zip(table.rows[:, column], groups):
            previous = group_of[caption]
            group_of[caption] = group if previous in (-2, group) else -1
    # In random order, so that a few tries suffice where captions are sorted by class.
    shuffled = np.random.default_rng(0).permutation(len(table.texts))
    fallback = []
    for index, (group, captions) in enumerate(zip(groups, table.rows)):
        candidates = (c for c in shuffled if group_of[c] != group and c not in captions)
        caption = next(candidates, None)
        if caption is None:
            raise InputError(
                f"{source}: all captions of other images fit {names[index]}, too, such as "
                f"{table.texts[captions[0]][:60]!r}; expected a caption that does not, because "
                "mismatched pairs need one: add data, or pass mismatched=False"
            )
        fallback.append(int(caption))
    return fallback
