"""The source of images with captions: one caption of each, drawn anew each time, and its box.

Captions, crops and flips are functions of the seed, the step and the position in the batch.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfgan_suite.data.pipeline import annotations, order
from tfgan_suite.data.pipeline import random_crop as cropping
from tfgan_suite.data.pipeline.caption_table import TRIES, CaptionTable, Mismatches
from tfgan_suite.data.pipeline.source import fingerprint_of
from tfgan_suite.data.pipeline.streams import Stream, StreamSource
from tfgan_suite.data.readers.caption_records import CaptionSet
from tfgan_suite.errors import InputError

_DIRECTIONS = re.compile(r"\b(left|right)(most)?\b", re.IGNORECASE)
_OPPOSITE = {"left": "right", "right": "left"}


class CaptionSource(StreamSource):
    """Batches of images, captions and what else is known of them.

    Args:
        name: short name.
        stream: `"image"` and `"row"`, the index of the image in `captions`.
        captions: of all images; boxes and key points in fractions of the stored images.
        random_crop: as for `StreamSource`.
        groups: int `(n,)`: a mismatched caption comes from another group. `None`: the classes,
            and without classes each image is its own group.
        mismatched: whether batches hold mismatched captions.
        embed: a function from sentences to vectors, float32 `(n, k)`; `None`: no vectors.
        num_captions: captions of an image, drawn with replacement, whose vectors are averaged.
        exchange_words: in captions of flipped images, exchange left and right; otherwise images
            whose captions hold these words are never flipped.
        mirror: for each key point the index of the one that it becomes in a flip; `None`: by the
            words left and right in their names.
        test, report: as for `StreamSource`.
        unseen: opens the split `"held_out"` of the world, with combinations that are not in
            training.

    Raises:
        InputError: mismatched captions are impossible, or `num_captions` is below 1.
    """

    def __init__(
        self,
        name: str,
        stream: Stream,
        captions: CaptionSet,
        *,
        random_crop: int = 0,
        groups: np.ndarray | None = None,
        mismatched: bool = True,
        embed: Callable[[Sequence[str]], np.ndarray] | None = None,
        num_captions: int = 1,
        exchange_words: bool = False,
        mirror: Sequence[int] | None = None,
        test: Callable[[], StreamSource] | None = None,
        unseen: Callable[[], StreamSource] | None = None,
        report: Callable[[dict, np.ndarray], dict] | None = None,
    ) -> None:
        super().__init__(
            name, [stream], key="image", random_crop=random_crop, test=test, report=report
        )
        if isinstance(num_captions, bool) or not isinstance(num_captions, int) or num_captions < 1:
            raise InputError(
                f"num_captions is {num_captions!r}; expected a whole number: pass 1 or more"
            )
        self.num_captions = num_captions
        self._unseen, self._embed = unseen, embed
        self.captions, self.classes = captions, captions.classes
        table = CaptionTable(captions.captions)
        self._table, self._mismatches = table, None
        if mismatched:
            groups = captions.labels if groups is None else groups
            names = captions.paths or tuple(f"image {i}" for i in range(len(captions)))
            self._mismatches = Mismatches(table, groups, names, name)
        if mirror is not None and captions.keypoints is not None:
            mirror = annotations.check_mirror(mirror, captions.keypoints.shape[1])
        self._mirror = mirror
        texts, opposite = _with_opposites(table.texts) if exchange_words else (table.texts, None)
        # An image whose captions name a direction stays as it is, unless the words are exchanged.
        fixed = [any(map(_DIRECTIONS.search, texts)) for texts in captions.captions]
        parts = {
            "label": captions.labels,
            "box": captions.boxes,
            "keypoints": captions.keypoints,
            "may_flip": np.ones(len(fixed), bool) if exchange_words else ~np.array(fixed),
        }
        vectors = None if embed is None else embed(texts)
        with tf.device("CPU:0"):
            self._parts = {key: tf.constant(v) for key, v in parts.items() if v is not None}
            self._opposite = None if opposite is None else tf.constant(opposite, tf.int32)
            self._texts = {"text": tf.constant(texts)}
            if vectors is not None:
                self._texts["embedding"] = tf.constant(vectors, tf.float32)
        self.shapes = self._shapes_of_batches()
        self.fingerprint = fingerprint_of(
            self.fingerprint, captions.captions, *(v for v in parts.values() if v is not None)
        )

    def use_embedding(self, embed: Callable[[Sequence[str]], np.ndarray]) -> None:
        """Adds vectors of the captions to batches, here and in the test split.

        Args:
            embed: a function from sentences to vectors, float32 `(n, k)`.
        """
        texts = [text.decode() for text in self._texts["text"].numpy()]
        with tf.device("CPU:0"):
            self._texts["embedding"] = tf.constant(embed(texts), tf.float32)
        self.shapes = self._shapes_of_batches()
        open_test = self._test
        if open_test is not None:

            def embedded_test() -> StreamSource:
                source = open_test()
                source.use_embedding(embed)
                return source

            self._test = embedded_test
        self._embed = embed

    @property
    def further_splits(self) -> dict[str, Callable[[int], dict[str, np.ndarray]]]:
        """Functions like `held_out` for splits beside train and test, by name."""
        if self._unseen is None:
            return {}

        def unseen(count: int) -> dict[str, np.ndarray]:
            source = self._unseen()
            if self._embed is not None:
                source.use_embedding(self._embed)
            return source.held_out(count)

        return {"unseen": unseen}

    @property
    def texts(self) -> list[str]:
        """All captions, each once."""
        return list(self._table.texts)

    def texts_of_other_splits(self) -> dict[str, list[str]]:
        """All captions of each split that a run is measured with, by the split's name.

        Opens them. A split that the data do not have is left out.
        """
        texts = {}
        for split, opening in (("test", self._test), ("held_out", self._unseen)):
            if opening is not None:
                with contextlib.suppress(InputError):
                    texts[split] = opening().texts
        return texts

    @property
    def lengths(self) -> dict[str, int]:
        return dict.fromkeys(self.shapes, len(self))

    @property
    def class_counts(self) -> tuple[int, ...] | None:
        if self.classes is None or self.captions.labels is None:
            return None
        return tuple(np.bincount(self.captions.labels, minlength=len(self.classes)).tolist())

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the key points; empty if they have none."""
        return self.captions.parts

    def batches(
        self,
        batch: int,
        *,
        seed: int,
        start: int = 0,
        horizontal_flip: bool = False,
        input_context: tf.distribute.InputContext | None = None,
    ) -> tf.data.Dataset:
        """As `Source.batches`; each image comes with one of its captions.

        Returns:
            Dataset of dicts: `"image"` float32 `(batch, size, size, channels)` in [-1, 1], `"text"`
            strings `(batch,)`; where the data have them `"label"` int32 `(batch,)`, `"box"` float32
            `(batch, 4)` (left, top, width, height) and `"keypoints"` float32 `(batch, k, 3)` (x,
            y, visibility), in fractions of the image; with mismatched captions
            `"mismatched_text"`; with vectors `"embedding"` and `"mismatched_embedding"` float32
            `(batch, k)`.

        Raises:
            InputError: as for `Source.batches`, or it is unknown how a flip exchanges key points.
        """
        if horizontal_flip and "keypoints" in self._parts and self._mirror is None:
            if not self.parts:
                raise InputError(
                    f"{self.name} has key points without names, so a flip cannot exchange left and "
                    "right ones; expected names in parts.txt, or mirror=[...]: add one of "
                    "them, or leave out the flip"
                )
            self._mirror = annotations.mirrored_parts(self.parts, self.name)
        return super().batches(
            batch,
            seed=seed,
            start=start,
            horizontal_flip=horizontal_flip,
            input_context=input_context,
        )

    def _shapes_of_batches(self) -> dict[str, tuple[int, ...]]:
        shapes = {"image": self.shape}
        for prefix in ("", "mismatched_") if self._mismatches is not None else ("",):
            shapes.update({prefix + k: tuple(v.shape[1:]) for k, v in self._texts.items()})
        annotated = {k: tuple(v.shape[1:]) for k, v in self._parts.items() if k != "may_flip"}
        return {**shapes, **annotated}

    def _finish(self, step, replica, examples, share, seed, horizontal_flip):
        """Crops, flips, draws captions, and scales to [-1, 1]."""

        def draw(purpose, *shape):
            seeds = order.stateless_seed(seed, purpose, step)
            values = order.draw_uniform([share.batch, *shape], seeds)
            return order.replica_slice(values, replica, share)

        window = cropping.sample_windows(
            step, replica, share, seed, "captions", self.random_crop, horizontal_flip
        )
        stored = self.streams[0].shapes
        examples = {k: tf.ensure_shape(v, (share.size, *stored[k])) for k, v in examples.items()}
        draws = draw("caption"), draw("mismatch", TRIES, 2), None
        if self.num_captions > 1:
            draws = (*draws[:2], draw("further captions", 2, self.num_captions - 1))
        return self._to_float(self._assemble(examples, window, draws, horizontal_flip))

    def _fetch_centered(self, stream: Stream, index: tf.Tensor) -> dict[str, tf.Tensor]:
        """Centre crops, first captions, and the same mismatches each time."""
        count = index.shape[0]
        first = tf.fill([count], self.random_crop // 2)
        window = cropping.CropWindow(first, first, tf.zeros([count], tf.bool))
        seeds = order.stateless_seed(0, "mismatch", 0)
        draws = tf.zeros([count]), order.draw_uniform([count, TRIES, 2], seeds), None
        return self._assemble(stream.fetch(index), window, draws, False)

    def _assemble(self, examples, window, draws, flips: bool) -> dict[str, tf.Tensor]:
        """A batch of stored images and their indices."""
        rows = tf.cast(examples["row"][:, 0], tf.int32)
        known = {key: tf.gather(values, rows) for key, values in self._parts.items()}
        window = window._replace(flipped=window.flipped & known.pop("may_flip"))
        if "box" in known:
            window = _hold_boxes(window, known["box"], self.shape[0], self.random_crop)
        image = examples["image"]
        if self.random_crop or flips:
            image = cropping.crop(image, window, self.random_crop)
        batch = {"image": tf.ensure_shape(image, (*rows.shape, *self.shape))}
        # Images whose captions are drawn, and the first of these.
        captions = {"": (rows, self._table.choose(rows, draws[0]))}
        if self._mismatches is not None:
            captions["mismatched_"] = self._mismatches.draw(rows, draws[1])
        for index, (prefix, (images, numbers)) in enumerate(captions.items()):
            texts = {"text": tf.gather(self._texts["text"], self._turned(numbers, window))}
            if "embedding" in self._texts:
                if draws[2] is not None:
                    numbers = self._several(numbers, images, rows, draws[2][:, index], index > 0)
                vectors = tf.gather(self._texts["embedding"], self._turned(numbers, window))
                several = len(vectors.shape) == 3
                texts["embedding"] = tf.reduce_mean(vectors, 1) if several else vectors
            batch.update({prefix + key: value for key, value in texts.items()})
        return {**batch, **self._move(known, window, flips)}

    def _several(self, first, images, rows, draws, mismatched: bool) -> tf.Tensor:
        """Numbers of `num_captions` captions of each image, the first one given: `(n, count)`."""
        others = self._table.choose(tf.repeat(images[:, None], draws.shape[1], 1), draws)
        if mismatched:  # one that fits the own image is replaced by one that does not
            own = self._table.captions_of(rows)
            fits = tf.reduce_any(others[:, :, None] == own[:, None], axis=2)
            others = tf.where(fits, first[:, None], others)
        return tf.concat([first[:, None], others], 1)

    def _turned(self, numbers: tf.Tensor, window: cropping.CropWindow) -> tf.Tensor:
        """Numbers of captions of flipped images with left and right exchanged, where that is on.

        Mismatched ones, too: they would fit the flipped image otherwise.
        """
        if self._opposite is None:
            return numbers
        flipped = tf.reshape(window.flipped, [-1] + [1] * (len(numbers.shape) - 1))
        return tf.where(flipped, tf.gather(self._opposite, numbers), numbers)

    def _move(self, known, window: cropping.CropWindow, flips: bool) -> dict[str, tf.Tensor]:
        """Boxes and key points as they lie in the window; labels as they are."""
        stored = float(self.shape[0] + self.random_crop)
        origin = tf.cast(tf.stack([window.left, window.top], axis=1), tf.float32) / stored
        extent = tf.ones_like(origin) * (self.shape[0] / stored)
        flipped = window.flipped
        if "box" in known:
            box = annotations.crop_boxes(known["box"], origin, extent, tf)
            if flips:
                box = tf.where(flipped[:, None], annotations.flip_boxes(box, tf), box)
            known["box"] = box
        if "keypoints" in known:
            points = annotations.crop_keypoints(known["keypoints"], origin, extent, tf)
            if flips:
                mirrored = annotations.flip_keypoints(points, self._mirror, tf)
                points = tf.where(flipped[:, None, None], mirrored, points)
            known["keypoints"] = points
        return known


def _hold_boxes(window, box: tf.Tensor, size: int, margin: int) -> cropping.CropWindow:
    """Moves windows as far as needed to hold the centre of each box, so that no box is lost."""
    centre = (box[:, :2] + box[:, 2:] / 2.0) * float(size + margin)
    high = tf.cast(tf.floor(centre), tf.int32)
    low = tf.cast(tf.math.ceil(centre), tf.int32) - size
    left, top = (
        tf.minimum(tf.maximum(corner, low[:, side]), tf.minimum(high[:, side], margin))
        for side, corner in enumerate((window.left, window.top))
    )
    return window._replace(left=left, top=top)


def exchange_directions(text: str) -> str:
    """A sentence with left and right exchanged, in upper or lower case."""

    def opposite(match: re.Match) -> str:
        word = match[1]
        other = _OPPOSITE[word.lower()]
        cases = (str.upper, str.capitalize)
        other = next((case(other) for case in cases if case(word) == word), other)
        return other + (match[2] or "")

    return _DIRECTIONS.sub(opposite, text)


def _with_opposites(texts: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Sentences and their opposites, and the index of the opposite of each."""
    numbers = {text: index for index, text in enumerate(texts)}
    opposites = [exchange_directions(text) for text in texts]
    for text in opposites:
        numbers.setdefault(text, len(numbers))
    every = list(numbers)
    return every, np.array([numbers[exchange_directions(text)] for text in every], np.int32)
