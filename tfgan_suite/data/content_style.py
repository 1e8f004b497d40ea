"""Contents and styles: two sets of images that are met in ever new combinations, for AdaIN."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import tensorflow as tf

from tfgan_suite.data import specs
from tfgan_suite.data.pipeline import columns, crops, order
from tfgan_suite.data.pipeline.source import MEMORY_LIMIT, WORKERS, fingerprint_of
from tfgan_suite.data.pipeline.streams import Stream, StreamSource, indices
from tfgan_suite.data.readers import image_files, listing
from tfgan_suite.data.synthetic import paintings
from tfgan_suite.errors import InputError

WORLDS = ("paintings",)
KEYS = ("content", "style")
_EXPECTED = "a folder with content and style, CONTENT,STYLE"
# Examples and seed of the embedded set, by split; the test split shows other scenes and patterns.
_PAINTINGS = {"train": {"content": 200, "style": 50}, "test": {"content": 20, "style": 5}}
_SEEDS = {"train": 0, "test": 1}


class ContentStyleSource(StreamSource):
    """Random windows of contents and of styles, each in an order of its own.

    Args:
        name: short name, fit for a folder's name.
        images: the two sets, by key.
        test: opens the test split; `None` where this source is it.
    """

    def __init__(
        self,
        name: str,
        images: Mapping[str, crops.Cropped],
        *,
        test: Callable[[], StreamSource] | None = None,
    ) -> None:
        # Shown and measured are the windows in the middle, which a stream fetches by itself.
        streams = [
            Stream(
                key,
                one.count,
                {key: (one.crop, one.crop, 3)},
                functools.partial(_middle, key, one),
                one.fingerprint,
                one.skipped,
            )
            for key, one in images.items()
        ]
        super().__init__(name, streams, key=KEYS[0], test=test)
        self._images = dict(images)

    def _slices(self, deal: order.Share, seed: int, start: int) -> tf.data.Dataset:
        def gather(step, part):
            found = {}
            for stream in self.streams:
                places = _places(step, part, deal, seed, stream.name)
                index = indices(step, part, deal, seed, stream)
                found[stream.name] = self._images[stream.name].cut(index, places)
            return step, part, found

        return order.numbered(start, deal).map(
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
    progress: columns.Progress | None = None,
) -> ContentStyleSource:
    """Opens contents and styles.

    | `spec` | sets |
    |---|---|
    | `"paintings"` | 200 scenes and 50 patterns, drawn here (`synthetic.paintings`) |
    | a folder | its sub-folders `content` and `style` |
    | `"CONTENT,STYLE"` | any two folders of images |

    Splits are sub-folders `train` and `test` (or `val`) of each set. The sets need not be equally
    long; an image is met with others in every epoch, by another window.

    Args:
        spec: see above.
        crop: side of the random windows; paper 256.
        side: images are scaled until their shorter side has so many pixels; paper 512. 0: they
            stay as they are. Those that are smaller than a quarter of it are skipped.
        split: `"train"` or `"test"`.
        strict: a file that cannot be used is an error instead of being skipped.
        memory_limit: bytes of decoded images that may be held in memory; more are decoded when
            they are used.
        progress: called with (files done, files in all) while a set is decoded.

    Returns:
        Source of batches `{"content", "style"}`, float32 `(batch, crop, crop, 3)` in [-1, 1];
        `key` is `"content"`.

    Raises:
        InputError: there is no such set, one is empty, or an option does not fit.
    """
    specs.check_split(split)
    image_files.check_size(crop)
    if specs.check_count(side, "the shorter side") and side < crop:
        raise InputError(
            f"images of shorter side {side} hold no windows of {crop}: give a larger side, a"
            " smaller crop, or 0 to leave the images as they are"
        )
    text = os.fspath(spec)
    if text in WORLDS:
        images = _world(split, crop, side)
    else:
        limits = {"memory_limit": memory_limit // 2, "strict": strict, "progress": progress}
        images = {
            key: crops.load(_files(folder, split), side=side, crop=crop, **limits)
            for key, folder in zip(KEYS, _folders(text))
        }
    open_test = functools.partial(
        load_content_style,
        text,
        crop=crop,
        side=side,
        split="test",
        strict=strict,
        memory_limit=memory_limit,
    )
    return ContentStyleSource(
        specs.short(text), images, test=open_test if split == "train" else None
    )


def _world(split: str, crop: int, side: int) -> dict[str, crops.Cropped]:
    """The embedded images, a little larger than their windows."""
    size = side or crop + crop // 4
    makers = {"content": paintings.scenes, "style": paintings.patterns}
    found = {}
    for key, make in makers.items():
        drawn = make(_PAINTINGS[split][key], size, _SEEDS[split])
        found[key] = crops.Held(list(drawn), crop, fingerprint_of(crop, drawn))
    return found


def _folders(text: str) -> tuple[Path, Path]:
    """The folders of contents and styles."""
    both = specs.two(text)
    if both is not None:
        return tuple(specs.folder(part, WORLDS, _EXPECTED) for part in both)
    folder = specs.folder(text, WORLDS, _EXPECTED)
    missing = [key for key in KEYS if not (folder / key).is_dir()]
    if missing:
        below = sorted(path.name for path in folder.iterdir() if path.is_dir())
        raise InputError(
            f"{folder} has no folder {' and '.join(missing)}: found the folders"
            f" {', '.join(below[:8]) or '(none)'}; expected {_EXPECTED}"
        )
    return tuple(folder / key for key in KEYS)


def _files(folder: Path, split: str) -> list[Path]:
    """The images of a set, with those of its sub-folders."""
    names, _, _ = listing.list_images(folder, split)
    return [folder / name for name in names]


def _middle(key: str, images: crops.Cropped, index: tf.Tensor) -> dict[str, tf.Tensor]:
    return {key: images.middle(index)}


def _places(step: tf.Tensor, part: tf.Tensor, deal: order.Share, seed: int, name: str) -> tf.Tensor:
    """Where the windows of one slice lie: float32 `(size, 2)` in [0, 1).

    They belong to the places of the global batch, however it is dealt out.
    """
    drawn = tf.random.stateless_uniform(
        [deal.batch, 2], order.key(seed, f"window {name}", step), alg="philox"
    )
    return order.mine(drawn, part, deal)
