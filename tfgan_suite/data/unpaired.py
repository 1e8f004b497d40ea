"""Unpaired domains: two sets of images without correspondence, for CycleGAN and DiscoGAN."""

from __future__ import annotations

import functools
import os

import numpy as np

from tfgan_suite.data import loading
from tfgan_suite.data.pipeline import file_sources
from tfgan_suite.data.pipeline.random_crop import check_margin
from tfgan_suite.data.pipeline.source import MEMORY_LIMIT, IndexedSource
from tfgan_suite.data.pipeline.streams import Stream, StreamSource
from tfgan_suite.data.readers import image_files, pair_files, specs
from tfgan_suite.data.synthetic import domains, modes
from tfgan_suite.errors import InputError

WORLDS = (*domains.WORLDS, "modes")
DEFAULT_SIZE = 64
_KEYS = {"a": "domain_a", "b": "domain_b"}
# Number of examples, and seeds of A and of B: the domains share no scene, and neither do the
# training and test splits.
_IMAGES = {"train": (500, {"a": 0, "b": 1}), "test": (400, {"a": 2, "b": 3})}
_POINTS = {"train": (10_000, {"a": 0, "b": 1}), "test": (5_000, {"a": 2, "b": 3})}


def load_unpaired(
    spec: str | os.PathLike,
    *,
    size: int | None = None,
    channels: int | None = None,
    random_crop: int = 0,
    test_crops: bool = False,
    split: str = "train",
    strict: bool = False,
    memory_limit: int = MEMORY_LIMIT,
    progress: file_sources.Progress | None = None,
    bit_depth: int | None = None,
) -> StreamSource:
    """Opens two domains.

    | `spec` | domains |
    |---|---|
    | `"colours"`, `"outlines"`, `"hues"` | worlds of `synthetic.domains`, with an oracle |
    | `"modes"` | five and ten Gaussians in the plane (`synthetic.modes`), with an oracle |
    | a folder | `trainA trainB testA testB`, or `A` and `B` |
    | `"A,B"` | any two sets that `tfgan_suite.data.load` opens: folders, .npz, `tfds:NAME` |
    | `"tfds:NAME"` | its splits `trainA trainB testA testB` |

    Each domain has its own order and length; in every epoch an image meets different images of
    the other domain. Images are cropped to squares as in `tfgan_suite.data.load`.

    Args:
        spec: see above.
        size: side of the square images. `None`: 64 for folders, 32 for the worlds, and the arrays'
            own size for arrays, if there is no random crop.
        channels: 1 or 3. `None`: the domains' own; 3 if only one of them is grey.
        random_crop: images are stored this many pixels larger and cropped at random each time
            they are used (paper: 30 at size 256), each domain independently.
        test_crops: the test split holds crops from the centre, at the scale of the random crops;
            by default it holds entire images at `size`, which differs little at the paper's 30.
        split: `"train"` or `"test"`.
        strict: a file that cannot be read is an error instead of being skipped.
        memory_limit: bytes of decoded images that may be kept in memory.
        progress: called with (images done, total images) while a folder is decoded.
        bit_depth: significant bits of 16-bit images, as for `data.load`.

    Returns:
        Source of batches `{"domain_a", "domain_b"}`, float32 `(batch, size, size, channels)` in
        [-1, 1], or `(batch, 2)` for points; `key` is `"domain_a"`. The test split of the worlds
        also holds `"truth_a"`, the true translation of `"domain_a"`, and `"truth_b"`.

    Raises:
        InputError: there is no such set, a domain is empty, or an option does not suit the set.
    """
    image_files.check_size(size)
    specs.check_split(split)
    text, margin = os.fspath(spec), check_margin(random_crop)
    if text in WORLDS:
        image_files.check_channels(channels)  # else the readers do it
    report = None
    if text == "modes":
        streams, report = _points(split, size, channels, margin), modes.report
    elif text in domains.WORLDS:
        size = size or domains.SIZE
        streams = _world(text, split, size + margin, channels)
        report = domains.report
    else:
        if margin:
            size = size or DEFAULT_SIZE
        streams = _open_two(
            text,
            split,
            size=None if size is None else size + margin,
            channels=channels,
            memory_limit=memory_limit // 2,
            strict=strict,
            progress=progress,
            bit_depth=bit_depth,
        )
    shape = streams[0].shapes["domain_a"]
    open_test = functools.partial(
        load_unpaired,
        text,
        size=size,
        channels=shape[2] if len(shape) == 3 else None,
        split="test",
        random_crop=margin if test_crops else 0,
        strict=strict,
        memory_limit=memory_limit,
        bit_depth=streams[0].bit_depth or streams[1].bit_depth,
    )
    return StreamSource(
        specs.short_name(text),
        streams,
        key="domain_a",
        random_crop=margin,
        report=report,
        test=open_test if split == "train" else None,
    )


def _world(world: str, split: str, size: int, channels: int | None) -> list[Stream]:
    """The embedded images."""
    if channels == 1:
        raise InputError(
            f"1 channel was requested, but the oracle of {world} reads colours; expected 3: leave "
            "the channels out"
        )
    count, seeds = _IMAGES[split]
    bright = world == "colours" and split == "test"
    streams = []
    for side, key in _KEYS.items():
        examples = domains.generate(world, side, count, size, seeds[side], bright)
        arrays = {key: examples.images}
        if split == "test":
            arrays[f"truth_{side}"] = examples.truth
            if bright and side == "a":
                arrays["beyond"] = examples.beyond[:, None].astype(np.float32)
        streams.append(file_sources.array_stream(key, arrays))
    return streams


def _points(split: str, size: int | None, channels: int | None, margin: int) -> list[Stream]:
    """The embedded points."""
    if size is not None or channels is not None or margin:
        raise InputError(
            "modes holds points in the plane, which have no size or channels and cannot be "
            "cropped; expected none of these options: leave them out, or choose images"
        )
    count, seeds = _POINTS[split]
    return [
        file_sources.array_stream(key, {key: modes.generate(side, count, seeds[side])[0]})
        for side, key in _KEYS.items()
    ]


def _open_two(text: str, split: str, **options) -> list[Stream]:
    """Two sets of images, with equal numbers of channels."""
    sets = _domain_specs(text, split)
    sources = [_open(spec, part, **options) for spec, part in sets]
    depths = [source.bit_depth for source in sources]
    if None not in depths and depths[0] != depths[1]:  # brightness has to compare
        options["bit_depth"] = max(depths)
        sources = [_open(spec, part, **options) for spec, part in sets]
    shapes = [source.shape for source in sources]
    if shapes[0][:2] != shapes[1][:2]:
        raise InputError(
            f"the images of {sets[0][0]} are {shapes[0][0]} x {shapes[0][1]}, those of "
            f"{sets[1][0]} {shapes[1][0]} x {shapes[1][1]}; expected the same size: pass the size "
            "that both should have"
        )
    if shapes[0][2] != shapes[1][2]:
        if {shapes[0][2], shapes[1][2]} != {1, 3}:
            raise InputError(
                f"the images of {sets[0][0]} have {shapes[0][2]} channels, those of {sets[1][0]}"
                f" {shapes[1][2]}; expected the same number, or 1 and 3: convert one of the sets"
            )
        grey = 0 if shapes[0][2] == 1 else 1
        spec, part = sets[grey]
        sources[grey] = _open(spec, part, **{**options, "channels": 3})
    return [
        file_sources.zip_sources(key, {key: source}) for key, source in zip(_KEYS.values(), sources)
    ]


def _domain_specs(text: str, split: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """What `loading.load` is to open for A and for B, each with its split."""
    parts = specs.split_two(text)
    if parts is not None:
        return tuple((_with_split(part, split), split) for part in parts)
    if text.startswith("tfds:"):
        return tuple((_with_split(text, split, side), split) for side in "AB")
    folder = specs.find_folder(
        text, WORLDS, "a folder with trainA and trainB, two sets A,B, tfds:NAME"
    )
    sides = pair_files.find_sides(folder, split)
    if sides is None:
        below = sorted(path.name for path in folder.iterdir() if path.is_dir())
        raise InputError(
            f"{folder} does not have both domains for split {split!r}: found the folders "
            f"{', '.join(below[:8]) or '(none)'}; expected {split}A and {split}B, or A and B: add "
            "the missing one"
        )
    return tuple((str(side), part) for side, part in sides)


def _with_split(spec: str, split: str, side: str = "") -> str:
    """A set of TensorFlow Datasets with its split; other sets unchanged."""
    if not spec.startswith("tfds:"):
        return spec
    return f"tfds:{':'.join(specs.parse_tfds(spec, split, side))}"


def _open(spec: str, split: str, **options) -> IndexedSource:
    """One domain, as `loading.load` opens it."""
    source = loading.load(spec, split=split, **options)
    if source.key != "image":
        raise InputError(f"{spec} holds points; expected images: choose sets of images")
    if not isinstance(source, IndexedSource):
        raise InputError(
            f"{spec} is too large for memory ({len(source)} of {source.shape}); expected a set "
            "within the memory limit: use a part of it, tfds:NAME:train[:10%], or a smaller size"
        )
    return source
