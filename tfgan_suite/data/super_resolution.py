"""Random crops of images and their low-resolution versions, for super-resolution."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfgan_suite.data.pipeline import file_sources, order
from tfgan_suite.data.pipeline.source import MEMORY_LIMIT, WORKERS, Source, fingerprint_of
from tfgan_suite.data.pipeline.streams import check_held_out
from tfgan_suite.data.readers import image_files, specs
from tfgan_suite.data.readers import super_resolution_files as files
from tfgan_suite.data.readers.resolution_pairs import ResolutionPairs
from tfgan_suite.data.synthetic import scenes
from tfgan_suite.errors import InputError

WORLDS = ("scenes",)
MIN_LOW_SIDE = 8  # pixels of a low-resolution crop's side
# Number of examples and seed of the embedded set.
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
    progress: file_sources.Progress | None = None,
    bit_depth: int | None = None,
) -> SuperResolutionSource:
    """Opens images for super-resolution.

    | `spec` | images |
    |---|---|
    | `"scenes"` | 400 scenes of textured shapes, 96x96, with an oracle |
    | a folder of images | of any size; downscaled by antialiased bicubic resampling |
    | a folder with `HR/` and `LR/` or `LRx4/` | with their low-resolution versions |
    | `"HIGH,LOW"` | the same in any two folders; names as in `super_resolution_files.find` |

    Splits are sub-folders `train` and `test` (or `val`). Images are downscaled before cropping, as
    MATLAB's `imresize` does it, and rounded to bytes like the files of the benchmarks; then both
    versions are cropped at the same position.

    Args:
        spec: see above.
        scale: downscaling factor, a whole number of 2 or more.
        crop: side of the high-resolution crops; paper 96.
        channels: 1 (grey) or 3 (colour).
        split: `"train"` or `"test"`.
        downscale_factors: factors below 1 at which the training images are repeated, for example
            `(0.9, 0.8, 0.7, 0.6)` or `"0.9,0.8,0.7,0.6"`: coarse detail becomes fine, so that a
            small set teaches more. Not for images with low-resolution files.
        strict: a file that cannot be used is an error instead of being skipped.
        memory_limit: bytes of decoded images that may be kept in memory; images of a larger set
            are decoded each time a crop of them is used.
        progress: called with (images done, total images) while files are decoded.
        bit_depth: significant bits of 16-bit images, as for `data.load`.

    Returns:
        Source of batches `{"low", "high"}`, float32 `(batch, crop / scale, crop / scale,
        channels)` and `(batch, crop, crop, channels)` in [-1, 1].

    Raises:
        InputError: no such set; images smaller than the crop, or pairs whose sizes do not match
            (more than half of the files, or with `strict` one); a bad scale, crop or factor.
    """
    downscale_factors = _factors(downscale_factors)
    _check(scale, crop, channels)
    text, split = os.fspath(spec), specs.check_split(split)
    options = {
        "scale": scale, "channels": channels, "strict": strict, "memory_limit": memory_limit
    }  # fmt: skip
    if text in WORLDS:
        if channels == 1:
            raise InputError(
                "1 channel was requested, but scenes are in colour; expected 3: leave out "
                "channels=1"
            )
        if crop > scenes.SIZE:
            raise InputError(
                f"the crop is {crop}; expected at most {scenes.SIZE}, since scenes have "
                f"{scenes.SIZE}x{scenes.SIZE} pixels: choose a smaller crop"
            )
        if downscale_factors:
            raise InputError(
                "downscale_factors were passed, but they apply only to image files; expected none: "
                "leave out downscale_factors"
            )
        count, seed = _SCENES[split]
        images = ResolutionPairs.from_arrays(scenes.generate(count, seed=seed), scale)
    else:
        pairs = files.find(text, scale, split, WORLDS)
        factors = downscale_factors if split == "train" else ()
        images = ResolutionPairs.from_files(
            pairs, crop, factors, progress=progress, bit_depth=bit_depth, **options
        )
        options["bit_depth"] = images.bit_depth
    return SuperResolutionSource(
        specs.short_name(text),
        images,
        crop,
        test=functools.partial(load_super_resolution, text, split="test", crop=crop, **options)
        if split == "train"
        else None,
        report=scenes.report if text in WORLDS else None,
    )


class SuperResolutionSource(Source):
    """Random crops of images; returned by `load_super_resolution`.

    An example is a crop, not an image: an image counts as often as crops fit into it side by
    side, so that large images are used more often. The position of a crop is random each time; it
    depends on the seed, the step and the position in the batch. `horizontal_flip` uses all eight
    positions of a square: flips and quarter turns.

    Attributes:
        scale: downscaling factor from `high` to `low`.
        shapes: of `low` and `high`; `shape` is that of `low`.
    """

    def __init__(
        self,
        name: str,
        images: ResolutionPairs,
        crop: int,
        *,
        test: Callable[[], SuperResolutionSource] | None = None,
        report: Callable[[dict, np.ndarray], dict] | None = None,
    ) -> None:
        low_crop = crop // images.scale
        self.scale, self.crop = images.scale, crop
        self.shapes = {
            "low": (low_crop, low_crop, images.channels),
            "high": (crop, crop, images.channels),
        }
        super().__init__(
            name,
            self.shapes["low"],
            fingerprint_of(crop, images.fingerprint),
            skipped=images.skipped,
            key="low",
            report=report,
            bit_depth=images.bit_depth,
        )
        self.skipped = images.skipped  # the same list: it grows while files are read
        self._images = images
        self._test = test
        crops_per_image = [max(1, (h // crop) * (w // crop)) for h, w in images.sizes]
        self._ends = np.cumsum(crops_per_image)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.name}: {len(self._images.sizes)} images,"
            f" {len(self)} crops of {self.shapes['high']}, scale {self.scale}>"
        )

    def held_out(self, count: int) -> dict[str, np.ndarray]:
        """Centre crops of the first images of the test split.

        Args:
            count: at most this many; fewer if there are fewer images.

        Returns:
            `"low"` and `"high"` as in batches.

        Raises:
            InputError: there is no test split, or `count` is below 1.
        """
        check_held_out(count, self.name)
        if self._test is not None:
            return self._test().held_out(count)
        count = min(count, len(self._images.sizes))
        high, low = self._crop(np.arange(count), np.full((count, 2), 0.5, np.float32))
        batch = self._to_float({"high": tf.constant(high), "low": tf.constant(low)})
        return {key: value.numpy() for key, value in batch.items()}

    def _slices(self, share: order.BatchShare, seed: int, start: int) -> tf.data.Dataset:
        @order.as_written
        def gather(step, replica):
            index = order.batch_indices(step, replica, share, seed, len(self))
            positions = order.draw_uniform(
                [share.batch, 2], order.stateless_seed(seed, "crop super-resolution", step)
            )
            return step, replica, self._fetch(index, order.replica_slice(positions, replica, share))

        return order.replica_steps(start, share).map(
            gather, num_parallel_calls=WORKERS, deterministic=True
        )

    def _sample(self, count: int, seed: int) -> dict[str, tf.Tensor]:
        index = order.shuffled_indices(tf.range(count, dtype=tf.int64), seed, 0, len(self))
        positions = order.draw_uniform([count, 2], order.stateless_seed(seed, "crop sample", 0))
        return self._fetch(index, positions)

    def _fetch(self, index: tf.Tensor, positions: tf.Tensor) -> dict[str, tf.Tensor]:
        """uint8 crops of the examples with some indices."""
        high, low = tf.numpy_function(self._crop_examples, [index, positions], [tf.uint8, tf.uint8])
        return {"low": low, "high": high}

    def _crop_examples(
        self, index: np.ndarray, positions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        return self._crop(np.searchsorted(self._ends, index, side="right"), positions)

    def _crop(self, numbers: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """High- and low-resolution crops of images by number, at positions in [0, 1)."""
        high, low = (
            np.empty((len(numbers), *self.shapes[key]), np.uint8) for key in ("high", "low")
        )
        for row, (number, position) in enumerate(zip(numbers, positions)):
            high[row], low[row] = self._images.crop(int(number), position, self.crop)
        return high, low

    def _finish(self, step, replica, examples, share, seed, horizontal_flip):
        """Sets static shapes, applies one of the eight positions, and scales to [-1, 1]."""
        batch = {
            key: tf.ensure_shape(examples[key], (share.size, *shape))
            for key, shape in self.shapes.items()
        }
        if horizontal_flip:
            draws = order.draw_uniform(
                [share.batch],
                order.stateless_seed(seed, "turn super-resolution", step),
                tf.int32,
                limit=8,
            )
            turn = order.replica_slice(draws, replica, share)
            batch = {key: flip_and_rotate(pixels, turn) for key, pixels in batch.items()}
        return self._to_float(batch)


def flip_and_rotate(images: tf.Tensor, turn: tf.Tensor) -> tf.Tensor:
    """Puts each of some square images in one of the eight positions of a square.

    Args:
        images: `(n, side, side, channels)`.
        turn: int32 `(n,)` in [0, 8): bit 1 flips left to right, 2 upside down, 4 swaps rows and
            columns, in this order.

    Returns:
        Tensor of the same shape.
    """
    for bit, change in (
        (1, lambda x: tf.reverse(x, [2])),
        (2, lambda x: tf.reverse(x, [1])),
        (4, lambda x: tf.transpose(x, (0, 2, 1, 3))),
    ):
        applies = tf.bitwise.bitwise_and(turn, bit) > 0
        images = tf.where(applies[:, None, None, None], change(images), images)
    return images


def _factors(factors: Sequence[float] | str) -> tuple[float, ...]:
    if isinstance(factors, str):
        factors = [word for word in factors.split(",") if word.strip()]
    try:
        numbers = tuple(map(float, factors))
    except ValueError:
        numbers = (0.0,)
    if not all(0.0 < factor < 1.0 for factor in numbers):
        raise InputError(
            f"downscale_factors is {', '.join(map(str, factors))}; expected numbers above 0 and "
            "below 1: pass for example 0.9,0.8,0.7,0.6"
        )
    return numbers


def _check(scale: int, crop: int, channels: int) -> None:
    if channels not in (1, 3):
        image_files.check_channels(channels or 0)
    if isinstance(scale, bool) or int(scale) != scale or scale < 2:
        raise InputError(
            f"the scale is {scale!r}; expected a whole number, 2 or more: pass for example 4"
        )
    if crop % scale or crop < MIN_LOW_SIDE * scale:
        raise InputError(
            f"the crop is {crop}; expected a multiple of the scale {scale}, at least"
            f" {MIN_LOW_SIDE * scale}: choose another crop"
        )
