"""Unpaired domains: two sets of images that no one has matched, for CycleGAN and DiscoGAN."""

from __future__ import annotations

import functools
import os

import numpy as np

from tfgan_suite.data import loading, specs
from tfgan_suite.data.pipeline import columns
from tfgan_suite.data.pipeline import random_crop as jitters
from tfgan_suite.data.pipeline.source import MEMORY_LIMIT, IndexedSource
from tfgan_suite.data.pipeline.streams import Stream, StreamSource
from tfgan_suite.data.readers import image_files, pair_files
from tfgan_suite.data.synthetic import domains, modes
from tfgan_suite.errors import InputError

WORLDS = (*domains.WORLDS, "modes")
DEFAULT_SIZE = 64
_KEYS = {"a": "domain_a", "b": "domain_b"}
# Examples, and seeds of A and of B: no scene of one domain is in the other, none of the training
# split in the test split.
_IMAGES = {"train": (500, {"a": 0, "b": 1}), "test": (400, {"a": 2, "b": 3})}
_POINTS = {"train": (10_000, {"a": 0, "b": 1}), "test": (5_000, {"a": 2, "b": 3})}


def load_unpaired(
    spec: str | os.PathLike,
    *,
    size: int | None = None,
    channels: int | None = None,
    random_crop: int = 0,
    split: str = "train",
    strict: bool = False,
    memory_limit: int = MEMORY_LIMIT,
    progress: columns.Progress | None = None,
) -> StreamSource:
    """Opens two domains.

    | `spec` | domains |
    |---|---|
    | `"colours"`, `"outlines"`, `"hues"` | worlds of `synthetic.domains`, with an oracle |
    | `"modes"` | five and ten Gaussians in the plane (`synthetic.modes`), with an oracle |
    | a folder | `trainA trainB testA testB`, or `A` and `B` |
    | `"ONE,OTHER"` | any two sets that `tfgan_suite.data.load` opens: folders, .npz, `tfds:NAME` |
    | `"tfds:NAME"` | its splits `trainA trainB testA testB` |

    Each domain has an order of its own and its own length; an image is met with other images
    of the other domain in every epoch. Images become squares as in `tfgan_suite.data.load`.

    Args:
        spec: see above.
        size: side of the square images. `None`: 64 for folders, 32 for the worlds, and for
            arrays the size they have, if there is no jitter.
        channels: 1 or 3. `None`: what the domains have; 3 where only one of them is grey.
        random_crop: images are kept this many pixels larger, and cropped at random when they are
            used (the paper: 30 at size 256), each domain for itself.
        split: `"train"` or `"test"`.
        strict: a file that cannot be read is an error instead of being skipped.
        memory_limit: bytes of decoded images that may be held in memory.
        progress: called with (images done, images in all) while a folder is decoded.

    Returns:
        Source of batches `{"domain_a", "domain_b"}`, float32 `(batch, size, size, channels)` in
        [-1, 1], or `(batch, 2)` for points; `key` is `"domain_a"`. The test split of the worlds
        holds `"truth_a"`, the true translation of `"domain_a"`, and `"truth_b"` beside them.

    Raises:
        InputError: there is no such set, a domain is empty, or an option does not fit.
    """
    image_files.check_size(size)
    image_files.check_channels(channels)
    specs.check_split(split)
    text, room = os.fspath(spec), jitters.check(random_crop)
    report = None
    if text == "modes":
        streams, report = _points(split, size, channels, room), modes.report
    elif text in domains.WORLDS:
        size = size or domains.SIZE
        streams = _world(text, split, size + room, channels)
        report = domains.report
    else:
        if room:
            size = size or DEFAULT_SIZE
        held = None if size is None else size + room
        streams = _any(
            text,
            split,
            size=held,
            channels=channels,
            memory_limit=memory_limit // 2,
            strict=strict,
            progress=progress,
        )
    shape = streams[0].shapes["domain_a"]
    open_test = functools.partial(
        load_unpaired,
        text,
        size=size,
        channels=shape[2] if len(shape) == 3 else None,
        split="test",
        strict=strict,
        memory_limit=memory_limit,
    )
    return StreamSource(
        specs.short(text),
        streams,
        key="domain_a",
        random_crop=room,
        report=report,
        test=open_test if split == "train" else None,
    )


def _world(world: str, split: str, size: int, channels: int | None) -> list[Stream]:
    """The embedded images."""
    if channels == 1:
        raise InputError(f"{world} is in colour, for colour is what its oracle reads: leave out 1")
    count, seeds = _IMAGES[split]
    bright = world == "colours" and split == "test"
    streams = []
    for side, key in _KEYS.items():
        found = domains.generate(world, side, count, size, seeds[side], bright)
        held = {key: found.images}
        if split == "test":
            held[f"truth_{side}"] = found.truth
            if bright and side == "a":
                held["beyond"] = found.beyond[:, None].astype(np.float32)
        streams.append(columns.in_memory(key, held))
    return streams


def _points(split: str, size: int | None, channels: int | None, room: int) -> list[Stream]:
    """The embedded points."""
    if size is not None or channels is not None or room:
        raise InputError(
            "modes holds points of the plane, which have neither size nor channels nor random_crop: "
            "leave them out, or choose images"
        )
    count, seeds = _POINTS[split]
    return [
        columns.in_memory(key, {key: modes.generate(side, count, seeds[side])[0]})
        for side, key in _KEYS.items()
    ]


def _any(text: str, split: str, **options) -> list[Stream]:
    """Two sets of images, with equal numbers of channels."""
    words = _two_words(text, split)
    found = [_open(word, part, **options) for word, part in words]
    shapes = [one.shape for one in found]
    if shapes[0][:2] != shapes[1][:2]:
        raise InputError(
            f"the images of {words[0][0]} are {shapes[0][0]} x {shapes[0][1]}, those of "
            f"{words[1][0]} {shapes[1][0]} x {shapes[1][1]}; give the size that both should have"
        )
    if shapes[0][2] != shapes[1][2]:
        grey = 0 if shapes[0][2] == 1 else 1
        word, part = words[grey]
        found[grey] = _open(word, part, **{**options, "channels": 3})
    return [columns.joined(key, {key: one}) for key, one in zip(_KEYS.values(), found)]


def _two_words(text: str, split: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """What `sources.load` is to open for A and for B, each with its split."""
    both = specs.two(text)
    if both is not None:
        return tuple((_word(word, split), split) for word in both)
    if text.startswith("tfds:"):
        return tuple((_word(text, split, side), split) for side in "AB")
    folder = specs.folder(
        text, WORLDS, "a folder with trainA and trainB, two sets ONE,OTHER, tfds:NAME"
    )
    found = pair_files.sides(folder, split)
    if found is None:
        below = sorted(path.name for path in folder.iterdir() if path.is_dir())
        raise InputError(
            f"{folder} has not both domains for split {split!r}: found the folders "
            f"{', '.join(below[:8]) or '(none)'}; expected {split}A and {split}B, or A and B"
        )
    return tuple((str(side), part) for side, part in found)


def _word(word: str, split: str, side: str = "") -> str:
    """The word for a set of TensorFlow Datasets with its split; others as they are."""
    return f"tfds:{':'.join(specs.tfds(word, split, side))}" if word.startswith("tfds:") else word


def _open(word: str, split: str, **options) -> IndexedSource:
    """One domain as `sources.load` opens it."""
    found = loading.load(word, split=split, **options)
    if found.key != "image":
        raise InputError(f"{word} holds points, not images: choose sets of images")
    if not isinstance(found, IndexedSource):
        raise InputError(
            f"{word} is too large to be held in memory ({len(found)} of {found.shape}): take a "
            "part of it, tfds:NAME:train[:10%], or a smaller size"
        )
    return found
