"""Pictures and their small versions, as random crops: data of games that make pictures larger."""

from __future__ import annotations

import dataclasses
import functools
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from tfgan_suite.data import bicubic, columns, images, order, specs
from tfgan_suite.data import super_resolution_files as files
from tfgan_suite.data.base import MEMORY_LIMIT, WORKERS, Source, fingerprint_of
from tfgan_suite.data.synthetic import scenes
from tfgan_suite.errors import InputError

WORLDS = ("scenes",)
SMALLEST = 8  # pixels of a small picture's side
# Examples and seed of the embedded set.
_SCENES = {"train": (400, 0), "test": (40, 1)}


def load_super_resolution(
    spec: str | os.PathLike,
    *,
    scale: int = 4,
    crop: int = 96,
    channels: int = 3,
    split: str = "train",
    smaller: Sequence[float] | str = (),
    strict: bool = False,
    memory_limit: int = MEMORY_LIMIT,
    progress: columns.Progress | None = None,
) -> SuperResolutionSource:
    """Opens pictures for super-resolution.

    | `spec` | pictures |
    |---|---|
    | `"scenes"` | 400 scenes of textured shapes, 96x96, with an oracle |
    | a folder of pictures | of any size; small versions are made by antialiased bicubic |
    | a folder with `HR/` and `LR/` or `LRx4/` | with their small versions |
    | `"HIGH,LOW"` | the same in any two folders; names as in `super_resolution_files.find` |

    Splits are sub-folders `train` and `test` (or `val`). Small versions are made of whole
    pictures, as MATLAB's `imresize` makes them, and rounded to bytes, as the benchmarks' files
    are; then both are cropped at the same place.

    Args:
        spec: see above.
        scale: how many times smaller; a whole number from 2 on.
        crop: side of the high-resolution crops; paper 96.
        channels: 1 (grey) or 3 (colour).
        split: `"train"` or `"test"`.
        smaller: factors below 1 by which the training pictures appear once more, as often as
            there are factors, e.g. `(0.9, 0.8, 0.7, 0.6)` or `"0.9,0.8,0.7,0.6"`: what was coarse
            is fine there, so that few pictures teach more. Not of pictures with small versions of
            their own.
        strict: a file that cannot be used is an error instead of being skipped.
        memory_limit: bytes of decoded pictures that may be held in memory; of a larger set every
            picture is decoded anew when a crop of it is used.
        progress: called with (pictures done, pictures in all) while files are decoded.

    Returns:
        Source of batches `{"low", "high"}`, float32 `(batch, crop / scale, crop / scale,
        channels)` and `(batch, crop, crop, channels)` in [-1, 1].

    Raises:
        InputError: no such set; pictures smaller than the crop or pairs whose sizes do not divide
            (in half of the files or, with `strict`, in one); a bad scale, crop or factor.
    """
    smaller = _factors(smaller)
    _check(scale, crop, channels)
    text, split = os.fspath(spec), specs.check_split(split)
    options = {"scale": scale, "crop": crop, "channels": channels, "strict": strict,
               "memory_limit": memory_limit}  # fmt: skip
    if text in WORLDS:
        if channels == 1:
            raise InputError("scenes are in colour: leave out channels=1")
        if crop > scenes.SIZE:
            raise InputError(f"the crop is {crop}; scenes have {scenes.SIZE}x{scenes.SIZE} pixels")
        if smaller:
            raise InputError("scenes are drawn as large as they should be: leave out smaller")
        count, seed = _SCENES[split]
        held = _Pictures.of_arrays(scenes.generate(count, seed=seed), scale)
    else:
        pairs = files.find(text, scale, split, WORLDS)
        if split == "train":
            pairs = _with_smaller(pairs, smaller)
        held = _Pictures.of_files(pairs, crop, progress=progress, **{
            name: options[name] for name in ("scale", "channels", "strict", "memory_limit")
        })
    return SuperResolutionSource(
        specs.short(text),
        held,
        crop,
        test=functools.partial(load_super_resolution, text, split="test", **options)
        if split == "train" else None,
        report=scenes.report if text in WORLDS else None,
    )


class SuperResolutionSource(Source):
    """Random crops of pictures; made by `load_super_resolution`.

    An example is a crop, not a picture: a picture counts as often as crops fit into it side by
    side, so that large pictures are seen more often. Where a crop lies is drawn anew every time,
    from the seed, the step and the place in the batch. `mirror` shows crops in one of eight
    positions: mirrored or not, and turned by quarters.

    Attributes:
        scale: how many times smaller `low` is.
        shapes: of `low` and `high`; `shape` is that of `low`.
    """

    def __init__(
        self,
        name: str,
        pictures: _Pictures,
        crop: int,
        *,
        test: Callable[[], SuperResolutionSource] | None = None,
        report: Callable[[dict, np.ndarray], dict] | None = None,
    ) -> None:
        small = crop // pictures.scale
        self.scale, self.crop = pictures.scale, crop
        self.shapes = {
            "low": (small, small, pictures.channels), "high": (crop, crop, pictures.channels)
        }
        super().__init__(
            name,
            self.shapes["low"],
            fingerprint_of(crop, pictures.fingerprint),
            skipped=pictures.skipped,
            key="low",
            report=report,
        )
        self.skipped = pictures.skipped  # the same list: it grows while files are read
        self._pictures = pictures
        self._test = test
        fitting = [max(1, (h // crop) * (w // crop)) for h, w in pictures.sizes]
        self._ends = np.cumsum(fitting)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.name}: {len(self._pictures.sizes)} pictures,"
            f" {len(self)} crops of {self.shapes['high']}, scale {self.scale}>"
        )

    def held_out(self, count: int) -> dict[str, np.ndarray]:
        """The middles of the first pictures of the test split.

        Args:
            count: at most so many; fewer where there are fewer pictures.

        Returns:
            `"low"` and `"high"` as in batches.

        Raises:
            InputError: there is no test split, or `count` is below 1.
        """
        if count < 1:
            raise InputError(f"{count} held-out examples of {self.name} were asked for: ask for 1")
        if self._test is not None:
            return self._test().held_out(count)
        count = min(count, len(self._pictures.sizes))
        middle = np.full((count, 2), 0.5, np.float32)
        found = zip(("high", "low"), self._cut(np.arange(count), middle))
        return {name: value.numpy() for name, value in self._scaled(
            {name: tf.constant(pixels) for name, pixels in found}
        ).items()}

    def _slices(self, deal: order.Share, seed: int, start: int) -> tf.data.Dataset:
        def gather(step, part):
            index = order.indices(step, part, deal, seed, len(self))
            places = tf.random.stateless_uniform(
                [deal.batch, 2], order.key(seed, "crop super-resolution", step), alg="philox"
            )
            return step, part, self._gathered(index, _mine(places, part, deal))

        return order.numbered(start, deal).map(
            gather, num_parallel_calls=WORKERS, deterministic=True
        )

    def _sample(self, count: int, seed: int) -> dict[str, tf.Tensor]:
        index = order.shuffled(tf.range(count, dtype=tf.int64), seed, 0, len(self))
        places = tf.random.stateless_uniform(
            [count, 2], order.key(seed, "crop sample", 0), alg="philox"
        )
        return self._gathered(index, places)

    def _gathered(self, index: tf.Tensor, places: tf.Tensor) -> dict[str, tf.Tensor]:
        """uint8 crops of the examples with some indices."""
        high, low = tf.numpy_function(self._crops, [index, places], [tf.uint8, tf.uint8])
        return {"low": low, "high": high}

    def _crops(self, index: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self._cut(np.searchsorted(self._ends, index, side="right"), places)

    def _cut(self, numbers: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Crops of pictures by their numbers; places are shares of the room there is."""
        high, low = (
            np.empty((len(numbers), *self.shapes[key]), np.uint8) for key in ("high", "low")
        )
        for row, (number, place) in enumerate(zip(numbers, places)):
            high[row], low[row] = self._pictures.crop(int(number), place, self.crop)
        return high, low

    def _finish(self, step, part, found, deal, seed, mirror) -> dict[str, tf.Tensor]:
        """Shapes, the eight positions, scaling."""
        done = {
            key: tf.ensure_shape(found[key], (deal.size, *shape))
            for key, shape in self.shapes.items()
        }
        if mirror:
            draws = tf.random.stateless_uniform(
                [deal.batch], order.key(seed, "turn super-resolution", step), 0, 8, tf.int32,
                alg="philox",
            )
            turn = _mine(draws, part, deal)
            done = {key: positioned(pixels, turn) for key, pixels in done.items()}
        return self._scaled(done)


def positioned(pictures: tf.Tensor, turn: tf.Tensor) -> tf.Tensor:
    """Square pictures in one of eight positions each.

    Args:
        pictures: `(n, side, side, channels)`.
        turn: int32 `(n,)` in [0, 8): 1 mirrors left to right, 2 upside down, 4 swaps rows and
            columns; sums do it in this order.

    Returns:
        Tensor of the same shape.
    """
    for bit, change in (
        (1, lambda x: tf.reverse(x, [2])),
        (2, lambda x: tf.reverse(x, [1])),
        (4, lambda x: tf.transpose(x, (0, 2, 1, 3))),
    ):
        chosen = tf.bitwise.bitwise_and(turn, bit) > 0
        pictures = tf.where(chosen[:, None, None, None], change(pictures), pictures)
    return pictures


class _Pictures:
    """Pictures of both resolutions, in memory or read when they are used.

    Args:
        sizes: heights and widths of the high-resolution pictures, multiples of the scale.
        scale, channels: of the pictures.
        fingerprint: changes when the data change.
        skipped: `(file, reason)` of what was left out.
        held: the pictures, high and low; None: they are read from `pairs`.
        pairs: the files.
    """

    def __init__(
        self,
        sizes: Sequence[tuple[int, int]],
        scale: int,
        channels: int,
        fingerprint: str,
        skipped: list[tuple[str, str]],
        held: Sequence[tuple[np.ndarray, np.ndarray]] | None,
        pairs: Sequence[files.Pair] = (),
    ) -> None:
        self.sizes, self.scale, self.channels = list(sizes), scale, channels
        self.fingerprint, self.skipped = fingerprint, skipped
        self._held, self._pairs = held, pairs
        self._broken: set[int] = set()
        self._lock = threading.Lock()

    @classmethod
    def of_arrays(cls, high: np.ndarray, scale: int) -> _Pictures:
        """Of pictures uint8 `(n, height, width, channels)`."""
        whole = [bicubic.whole(one, scale) for one in high]
        held = [(one, bicubic.shrink(one, scale)) for one in whole]
        sizes = [files.size_of(one) for one, _ in held]
        return cls(sizes, scale, high.shape[-1], fingerprint_of(scale, high), [], held)

    @classmethod
    def of_files(
        cls,
        pairs: Sequence[files.Pair],
        crop: int,
        *,
        scale: int,
        channels: int,
        strict: bool,
        memory_limit: int,
        progress: columns.Progress | None,
    ) -> _Pictures:
        """Of files; those that are broken or too small are left out.

        Raises:
            InputError: more than half are, or `strict` and one is.
        """
        with ThreadPoolExecutor(columns.threads()) as pool:
            heads = list(pool.map(lambda pair: _usable(pair, crop, scale), pairs))
        wrong = {pair.name: said for pair, said in zip(pairs, heads) if isinstance(said, str)}
        skipped = list(wrong.items())
        count = sum(pair.factor == 1.0 for pair in pairs)
        columns.check_skipped(skipped, count, strict)
        kept = [
            (pair, size)
            for pair, size in zip(pairs, heads)
            if not isinstance(size, str) and min(size) >= crop
        ]
        good, sizes = [pair for pair, _ in kept], [size for _, size in kept]
        factors = [pair.factor for pair in good if pair.factor != 1.0]
        mark = fingerprint_of(scale, channels, *_sample(good), *factors)
        found = cls(sizes, scale, channels, mark, skipped, None, good)
        if sum(h * w for h, w in sizes) * channels * (1 + 1 / scale**2) <= memory_limit:
            found._hold(progress)
            columns.check_skipped(skipped, count, strict)
        return found

    def _hold(self, progress: columns.Progress | None) -> None:
        """Reads all files into memory."""
        held, sizes, count = [], [], len(self._pairs)
        with ThreadPoolExecutor(columns.threads()) as pool:
            read = functools.partial(self._read, shrunk=True)
            for done, found in enumerate(pool.map(read, range(count)), 1):
                if found is not None:
                    held.append(found)
                    sizes.append(files.size_of(found[0]))
                if progress is not None:
                    progress(done, count)
        self._held, self.sizes = held, sizes

    def crop(self, number: int, place: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
        """A crop of both resolutions; the next whole picture stands in for a broken one."""
        for further in range(len(self.sizes)):
            index = (number + further) % len(self.sizes)
            found = self._held[index] if self._held is not None else self._read(index)
            if found is None:
                continue
            high, low = found
            small, sides = side // self.scale, [length // self.scale for length in high.shape[:2]]
            room = [length - small + 1 for length in sides]
            starts = [min(int(u * free), free - 1) for u, free in zip(place, room)]
            inside = tuple(slice(first, first + small) for first in starts)
            part = low[inside] if low is not None else bicubic.resize(high, *sides, *inside)
            top, left = (first * self.scale for first in starts)
            return high[top : top + side, left : left + side], part
        raise InputError("none of the pictures can be read any more: check their folder")

    def _read(
        self, index: int, shrunk: bool = False
    ) -> tuple[np.ndarray, np.ndarray | None] | None:
        """Both pictures, or None (and a note in `skipped`) where a file is broken.

        Of one without a file of its own the small version is made where `shrunk` asks for it.
        """
        if index in self._broken:
            return None
        pair = self._pairs[index]
        try:
            return files.read(pair, self.scale, self.channels, shrunk)
        except images.Unreadable as error:
            with self._lock:
                if index not in self._broken:
                    # With it all other sizes of the same file.
                    self._broken.update(
                        other for other, one in enumerate(self._pairs) if one.name == pair.name
                    )
                    self.skipped.append((pair.name, str(error)))
            return None


def _with_smaller(pairs: Sequence[files.Pair], factors: Sequence[float]) -> list[files.Pair]:
    """The pairs, and those without files of small versions once more for each factor."""
    alone = [pair for pair in pairs if pair.low is None]
    if factors and not alone:
        raise InputError(
            f"smaller is {tuple(factors)}, but these pictures have small versions of their own, "
            "which fit them at their full size alone: leave it out"
        )
    more = (dataclasses.replace(pair, factor=factor) for factor in factors for pair in alone)
    return [*pairs, *more]


def _usable(pair: files.Pair, crop: int, scale: int) -> tuple[int, int] | str:
    """The size of a pair's whole high-resolution picture, or why it cannot be used.

    That a picture is too small is said once: not of what was made smaller still.
    """
    try:
        size = files.header(pair.high)
        if pair.low is not None:
            files.check_sizes(pair, size, files.header(pair.low), scale)
    except images.Unreadable as error:
        return str(error)
    size = tuple(side // scale * scale for side in pair.size(*size))
    if min(size) < crop and pair.factor == 1.0:
        return f"{size[1]}x{size[0]} pixels, smaller than the crop of {crop}"
    return size


def _sample(pairs: Sequence[files.Pair]) -> tuple[list, list]:
    """Names and sizes of all files, and the first 4 KiB of up to 64 of them."""
    flat = [path for pair in pairs for path in pair.paths]
    content = []
    for index in np.linspace(0, len(flat) - 1, min(64, len(flat))).astype(int):
        with open(flat[index], "rb") as file:
            content.append(file.read(4096))
    return [(path.name, os.path.getsize(path)) for path in flat], content


def _mine(draws: tf.Tensor, part: tf.Tensor, deal: order.Share) -> tf.Tensor:
    """A slice's share of what was drawn for the global batch."""
    first = tf.cast(part, tf.int32) * deal.size
    return tf.ensure_shape(draws[first : first + deal.size], [deal.size, *draws.shape[1:]])


def _factors(smaller: Sequence[float] | str) -> tuple[float, ...]:
    if isinstance(smaller, str):
        smaller = [word for word in smaller.split(",") if word.strip()]
    try:
        found = tuple(map(float, smaller))
    except ValueError:
        found = (0.0,)
    if not all(0.0 < factor < 1.0 for factor in found):
        raise InputError(
            f"smaller is {', '.join(map(str, smaller))}; expected numbers above 0 and below 1, "
            "such as 0.9,0.8,0.7,0.6"
        )
    return found


def _check(scale: int, crop: int, channels: int) -> None:
    if channels not in (1, 3):
        images.check_channels(channels or 0)
    if isinstance(scale, bool) or int(scale) != scale or scale < 2:
        raise InputError(f"the scale is {scale!r}; expected a whole number from 2 on")
    if crop % scale or crop < SMALLEST * scale:
        raise InputError(
            f"the crop is {crop}; expected a multiple of the scale {scale}, at least"
            f" {SMALLEST * scale}"
        )

