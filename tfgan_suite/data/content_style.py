"""Content and style images: two sets that are combined anew in every batch, for AdaIN."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import tensorflow as tf

from tfgan_suite.data.pipeline import crops, file_sources, order
from tfgan_suite.data.pipeline.source import MEMORY_LIMIT, WORKERS, fingerprint_of
from tfgan_suite.data.pipeline.streams import Stream, StreamSource, stream_indices
from tfgan_suite.data.readers import bit_depths, image_files, listing, specs
from tfgan_suite.data.readers.cropped_files import load_cropped
from tfgan_suite.data.synthetic import paintings
from tfgan_suite.errors import InputError

WORLDS = ("paintings",)
KEYS = ("content", "style")
_EXPECTED = "a folder with content and style, CONTENT,STYLE"
# Number of examples and seed of the embedded set by split; the test split has other scenes and
# patterns.
_PAINTINGS = {"train": {"content": 200, "style": 50}, "test": {"content": 20, "style": 5}}
_SEEDS = {"train": 0, "test": 1}


class ContentStyleSource(StreamSource):
    """Random crops of content and style images, each set in its own order.

    Args:
        name: short name, usable as a folder name.
        images: the two sets, by key.
        test: opens the test split; `None` where this source is it.
        bit_depth: significant bits of the 16-bit images.
    """

    def __init__(
        self,
        name: str,
        images: Mapping[str, crops.CroppedImages],
        *,
        test: Callable[[], StreamSource] | None = None,
        bit_depth: int | None = None,
    ) -> None:
        # Sample grids and measures use centre crops, which are what a stream fetches.
        streams = [
            Stream(
                key,
                cropped.count,
                {key: (cropped.crop, cropped.crop, 3)},
                functools.partial(_center_windows, key, cropped),
                cropped.fingerprint,
                cropped.skipped,
                bit_depth,
            )
            for key, cropped in images.items()
        ]
        super().__init__(name, streams, key=KEYS[0], test=test)
        self._images = dict(images)

    def _slices(self, share: order.BatchShare, seed: int, start: int) -> tf.data.Dataset:
        @order.as_written
        def gather(step, replica):
            examples = {}
            for stream in self.streams:
                positions = _window_positions(step, replica, share, seed, stream.name)
                index = stream_indices(step, replica, share, seed, stream)
                examples[stream.name] = self._images[stream.name].windows(index, positions)
            return step, replica, examples

        return order.replica_steps(start, share).map(
            gather, num_parallel_calls=WORKERS, deterministic=True
        )


def load_content_style(
    spec: str | os.PathLike = "paintings",
    *,
    crop: int = 256,
    side: int = 512,
    split: str = "train",
    strict: bool = False,
    memory_limit: int = MEMORY_LIMIT,
    progress: file_sources.Progress | None = None,
    bit_depth: int | None = None,
) -> ContentStyleSource:
    """Opens content and style images.

    | `spec` | sets |
    |---|---|
    | `"paintings"` | 200 scenes and 50 patterns of `synthetic.paintings` |
    | a folder | its sub-folders `content` and `style` |
    | `"CONTENT,STYLE"` | any two folders of images |

    Splits are sub-folders `train` and `test` (or `val`) of each set. The sets may differ in length;
    in every epoch an image meets different images of the other set, and is cropped differently.

    Args:
        spec: see above.
        crop: side of the random crops; paper 256.
        side: images are scaled so that their shorter side has this many pixels; paper 512. 0: not
            scaled. Images whose shorter side is below a quarter of it are skipped.
        split: `"train"` or `"test"`.
        strict: a file that cannot be used is an error instead of being skipped.
        memory_limit: bytes of decoded images that may be kept in memory; images of a larger set
            are decoded each time they are used.
        progress: called with (files done, total files) while a set is decoded.
        bit_depth: significant bits of 16-bit images, as for `data.load`.

    Returns:
        Source of batches `{"content", "style"}`, float32 `(batch, crop, crop, 3)` in [-1, 1];
        `key` is `"content"`.

    Raises:
        InputError: there is no such set, one is empty, or an option does not suit the sets.
    """
    specs.check_split(split)
    image_files.check_size(crop)
    if specs.check_count(side, "the shorter side") and side < crop:
        raise InputError(
            f"images of shorter side {side} cannot hold windows of {crop}; expected a side of at"
            " least the crop: pass a larger side, a smaller crop, or side 0 to leave the images"
            " unscaled"
        )
    text = os.fspath(spec)
    if text in WORLDS:
        images = _world(split, crop, side)
    else:
        limits = {"memory_limit": memory_limit // 2, "strict": strict, "progress": progress}
        files = [_list_files(folder, split) for folder in _find_folders(text)]
        bit_depth = bit_depths.decide([path for paths in files for path in paths], bit_depth)
        images = {
            key: load_cropped(paths, side=side, crop=crop, bit_depth=bit_depth, **limits)
            for key, paths in zip(KEYS, files)
        }
    open_test = functools.partial(
        load_content_style,
        text,
        crop=crop,
        side=side,
        split="test",
        strict=strict,
        memory_limit=memory_limit,
        bit_depth=bit_depth,
    )
    return ContentStyleSource(
        specs.short_name(text),
        images,
        test=open_test if split == "train" else None,
        bit_depth=bit_depth,
    )


def _world(split: str, crop: int, side: int) -> dict[str, crops.CroppedImages]:
    """The embedded images, a little larger than their windows."""
    size = side or crop + crop // 4
    makers = {"content": paintings.scenes, "style": paintings.patterns}
    sets = {}
    for key, make in makers.items():
        images = make(_PAINTINGS[split][key], size, _SEEDS[split])
        sets[key] = crops.InMemoryImages(list(images), crop, fingerprint_of(crop, images))
    return sets


def _find_folders(text: str) -> tuple[Path, Path]:
    """The folders of content and style images."""
    parts = specs.split_two(text)
    if parts is not None:
        return tuple(specs.find_folder(part, WORLDS, _EXPECTED) for part in parts)
    folder = specs.find_folder(text, WORLDS, _EXPECTED)
    missing = [key for key in KEYS if not (folder / key).is_dir()]
    if missing:
        below = sorted(path.name for path in folder.iterdir() if path.is_dir())
        raise InputError(
            f"{folder} has no folder {' and '.join(missing)}: found the folders"
            f" {', '.join(below[:8]) or '(none)'}; expected {_EXPECTED}: add the missing"
            " ones"
        )
    return tuple(folder / key for key in KEYS)


def _list_files(folder: Path, split: str) -> list[Path]:
    """The images of a set, including its sub-folders."""
    names, _, _ = listing.list_images(folder, split)
    return [folder / name for name in names]


def _center_windows(
    key: str, images: crops.CroppedImages, index: tf.Tensor
) -> dict[str, tf.Tensor]:
    return {key: images.center_windows(index)}


def _window_positions(
    step: tf.Tensor, replica: tf.Tensor, share: order.BatchShare, seed: int, name: str
) -> tf.Tensor:
    """Where the windows of one slice lie: float32 `(size, 2)` in [0, 1).

    Drawn for the global batch, so the result does not depend on how it is split.
    """
    positions = order.draw_uniform(
        [share.batch, 2], order.stateless_seed(seed, f"window {name}", step)
    )
    return order.replica_slice(positions, replica, share)
