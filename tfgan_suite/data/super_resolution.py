"""Images and their small versions, as random crops: data of games that make images larger."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfgan_suite.data import specs
from tfgan_suite.data.pipeline import columns, order
from tfgan_suite.data.pipeline.resolution_pairs import Images
from tfgan_suite.data.pipeline.source import MEMORY_LIMIT, WORKERS, Source, fingerprint_of
from tfgan_suite.data.readers import image_files
from tfgan_suite.data.readers import super_resolution_files as files
from tfgan_suite.data.synthetic import scenes
from tfgan_suite.errors import InputError

WORLDS = ("scenes",)
SMALLEST = 8  # pixels of a small image's side
# Examples and seed of the embedded set.
_SCENES = {"train": (400, 0), "test": (40, 1)}


def load_super_resolution(
    spec: str | os.PathLike,
    *,
    scale: int = 4,
    crop: int = 96,
    channels: int = 3,
    split: str = "train",
    downscale_factors: Sequence[float] | str = (),
    strict: bool = False,
    memory_limit: int = MEMORY_LIMIT,
    progress: columns.Progress | None = None,
) -> SuperResolutionSource:
    """Opens images for super-resolution.

    | `spec` | images |
    |---|---|
    | `"scenes"` | 400 scenes of textured shapes, 96x96, with an oracle |
    | a folder of images | of any size; small versions are made by antialiased bicubic |
    | a folder with `HR/` and `LR/` or `LRx4/` | with their small versions |
    | `"HIGH,LOW"` | the same in any two folders; names as in `super_resolution_files.find` |

    Splits are sub-folders `train` and `test` (or `val`). Small versions are made of whole
    images, as MATLAB's `imresize` makes them, and rounded to bytes, as the benchmarks' files
    are; then both are cropped at the same place.

    Args:
        spec: see above.
        scale: how many times smaller; a whole number from 2 on.
        crop: side of the high-resolution crops; paper 96.
        channels: 1 (grey) or 3 (colour).
        split: `"train"` or `"test"`.
        downscale_factors: factors below 1 by which the training images appear once more, as often as
            there are factors, e.g. `(0.9, 0.8, 0.7, 0.6)` or `"0.9,0.8,0.7,0.6"`: what was coarse
            is fine there, so that few images teach more. Not of images with small versions of
            their own.
        strict: a file that cannot be used is an error instead of being skipped.
        memory_limit: bytes of decoded images that may be held in memory; of a larger set every
            image is decoded anew when a crop of it is used.
        progress: called with (images done, images in all) while files are decoded.

    Returns:
        Source of batches `{"low", "high"}`, float32 `(batch, crop / scale, crop / scale,
        channels)` and `(batch, crop, crop, channels)` in [-1, 1].

    Raises:
        InputError: no such set; images smaller than the crop or pairs whose sizes do not divide
            (in half of the files or, with `strict`, in one); a bad scale, crop or factor.
    """
    downscale_factors = _factors(downscale_factors)
    _check(scale, crop, channels)
    text, split = os.fspath(spec), specs.check_split(split)
    options = {
        "scale": scale, "channels": channels, "strict": strict, "memory_limit": memory_limit
    }  # fmt: skip
    if text in WORLDS:
        if channels == 1:
            raise InputError("scenes are in colour: leave out channels=1")
        if crop > scenes.SIZE:
            raise InputError(f"the crop is {crop}; scenes have {scenes.SIZE}x{scenes.SIZE} pixels")
        if downscale_factors:
            raise InputError(
                "scenes are drawn as large as they should be: leave out downscale_factors"
            )
        count, seed = _SCENES[split]
        held = Images.of_arrays(scenes.generate(count, seed=seed), scale)
    else:
        pairs = files.find(text, scale, split, WORLDS)
        shown = downscale_factors if split == "train" else ()
        held = Images.of_files(pairs, crop, shown, progress=progress, **options)
    return SuperResolutionSource(
        specs.short(text),
        held,
        crop,
        test=functools.partial(load_super_resolution, text, split="test", crop=crop, **options)
        if split == "train"
        else None,
        report=scenes.report if text in WORLDS else None,
    )


class SuperResolutionSource(Source):
    """Random crops of images; made by `load_super_resolution`.

    An example is a crop, not an image: an image counts as often as crops fit into it side by
    side, so that large images are seen more often. Where a crop lies is drawn anew every time,
    from the seed, the step and the place in the batch. `horizontal_flip` shows crops in one of eight
    positions: mirrored or not, and turned by quarters.

    Attributes:
        scale: how many times smaller `low` is.
        shapes: of `low` and `high`; `shape` is that of `low`.
    """

    def __init__(
        self,
        name: str,
        images: Images,
        crop: int,
        *,
        test: Callable[[], SuperResolutionSource] | None = None,
        report: Callable[[dict, np.ndarray], dict] | None = None,
    ) -> None:
        small = crop // images.scale
        self.scale, self.crop = images.scale, crop
        self.shapes = {
            "low": (small, small, images.channels),
            "high": (crop, crop, images.channels),
        }
        super().__init__(
            name,
            self.shapes["low"],
            fingerprint_of(crop, images.fingerprint),
            skipped=images.skipped,
            key="low",
            report=report,
        )
        self.skipped = images.skipped  # the same list: it grows while files are read
        self._images = images
        self._test = test
        fitting = [max(1, (h // crop) * (w // crop)) for h, w in images.sizes]
        self._ends = np.cumsum(fitting)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.name}: {len(self._images.sizes)} images,"
            f" {len(self)} crops of {self.shapes['high']}, scale {self.scale}>"
        )

    def held_out(self, count: int) -> dict[str, np.ndarray]:
        """The middles of the first images of the test split.

        Args:
            count: at most so many; fewer where there are fewer images.

        Returns:
            `"low"` and `"high"` as in batches.

        Raises:
            InputError: there is no test split, or `count` is below 1.
        """
        if count < 1:
            raise InputError(f"{count} held-out examples of {self.name} were asked for: ask for 1")
        if self._test is not None:
            return self._test().held_out(count)
        count = min(count, len(self._images.sizes))
        middle = np.full((count, 2), 0.5, np.float32)
        found = zip(("high", "low"), self._cut(np.arange(count), middle))
        return {
            name: value.numpy()
            for name, value in self._scaled(
                {name: tf.constant(pixels) for name, pixels in found}
            ).items()
        }

    def _slices(self, deal: order.Share, seed: int, start: int) -> tf.data.Dataset:
        def gather(step, part):
            index = order.indices(step, part, deal, seed, len(self))
            places = tf.random.stateless_uniform(
                [deal.batch, 2], order.key(seed, "crop super-resolution", step), alg="philox"
            )
            return step, part, self._gathered(index, order.mine(places, part, deal))

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
        """Crops of images by their numbers; places are shares of the room there is."""
        high, low = (
            np.empty((len(numbers), *self.shapes[key]), np.uint8) for key in ("high", "low")
        )
        for row, (number, place) in enumerate(zip(numbers, places)):
            high[row], low[row] = self._images.crop(int(number), place, self.crop)
        return high, low

    def _finish(self, step, part, found, deal, seed, horizontal_flip) -> dict[str, tf.Tensor]:
        """Shapes, the eight positions, scaling."""
        done = {
            key: tf.ensure_shape(found[key], (deal.size, *shape))
            for key, shape in self.shapes.items()
        }
        if horizontal_flip:
            draws = tf.random.stateless_uniform(
                [deal.batch],
                order.key(seed, "turn super-resolution", step),
                0,
                8,
                tf.int32,
                alg="philox",
            )
            turn = order.mine(draws, part, deal)
            done = {key: positioned(pixels, turn) for key, pixels in done.items()}
        return self._scaled(done)


def positioned(images: tf.Tensor, turn: tf.Tensor) -> tf.Tensor:
    """Square images in one of eight positions each.

    Args:
        images: `(n, side, side, channels)`.
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
        images = tf.where(chosen[:, None, None, None], change(images), images)
    return images


def _factors(factors: Sequence[float] | str) -> tuple[float, ...]:
    if isinstance(factors, str):
        factors = [word for word in factors.split(",") if word.strip()]
    try:
        found = tuple(map(float, factors))
    except ValueError:
        found = (0.0,)
    if not all(0.0 < factor < 1.0 for factor in found):
        raise InputError(
            f"downscale_factors is {', '.join(map(str, factors))}; expected numbers above 0 and below 1, "
            "such as 0.9,0.8,0.7,0.6"
        )
    return found


def _check(scale: int, crop: int, channels: int) -> None:
    if channels not in (1, 3):
        image_files.check_channels(channels or 0)
    if isinstance(scale, bool) or int(scale) != scale or scale < 2:
        raise InputError(f"the scale is {scale!r}; expected a whole number from 2 on")
    if crop % scale or crop < SMALLEST * scale:
        raise InputError(
            f"the crop is {crop}; expected a multiple of the scale {scale}, at least"
            f" {SMALLEST * scale}"
        )
