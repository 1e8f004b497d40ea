"""Paired images: a source and its target, for pix2pix and similar models."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tfgan_suite.data.pipeline import file_sources
from tfgan_suite.data.pipeline.random_crop import check_margin
from tfgan_suite.data.pipeline.source import MEMORY_LIMIT
from tfgan_suite.data.pipeline.streams import Stream, StreamSource
from tfgan_suite.data.readers import arrays, bit_depths, image_files, npz_files, pair_files, specs
from tfgan_suite.data.synthetic import domains, textures
from tfgan_suite.errors import InputError
from tfgan_suite.utils.files import user_path

WORLDS = ("textures", "outlines")
DIRECTIONS = ("AtoB", "BtoA")
DEFAULT_SIZE = 64
_EXPECTED = (
    "a folder of images side by side, a folder with A and B, FOLDER,FOLDER, an .npz file, tfds:NAME"
)
# Number of examples and seed of the embedded sets.
_EMBEDDED = {
    "textures": {"train": (400, 0), "test": (200, 1)},
    "outlines": {"train": (2000, 0), "test": (200, 1)},
}
# Keys of A and of B in an .npz file.
_KEYS = {
    "train": (("source", "target"), ("a", "b"), ("A", "B")),
    "test": (("source_test", "target_test"), ("a_test", "b_test"), ("A_test", "B_test")),
}


def load_pairs(
    spec: str | os.PathLike,
    *,
    size: int | None = None,
    direction: str = "AtoB",
    channels: int | None = None,
    target_channels: int | None = None,
    random_crop: int = 0,
    split: str = "train",
    strict: bool = False,
    hold_out: int = 0,
    memory_limit: int = MEMORY_LIMIT,
    progress: file_sources.Progress | None = None,
    bit_depth: int | None = None,
) -> StreamSource:
    """Opens a set of pairs.

    | `spec` | A and B |
    |---|---|
    | `"textures"` | flat map and striped image, 400 pairs, with an oracle |
    | `"outlines"` | a shape's outline in a colour and the shape filled, 2,000 pairs |
    | a folder of images side by side | left half and right half |
    | a folder with `A/` and `B/` | files of equal names, ignoring endings |
    | `"FOLDER,FOLDER"` | the same in any two folders |
    | an `.npz` file | keys `source` and `target`, or `a` and `b`; `.._test` for the test split |
    | `"tfds:NAME"` | features `input_image` and `target` or similar, or the halves of one image |

    Splits are sub-folders: `train/` and `test/` (or `val/`), at the top or within `A/` and `B/`;
    `train/A`, `trainA` and the like also work. Both images of a pair must have the same size;
    both are cropped to the square in the centre. Everything else is as in
    `tfgan_suite.data.load`.

    Args:
        spec: see above.
        size: side of the square images. `None`: 64, or 32 of embedded sets; the images of an
            `.npz` file keep their height and width if there is no random crop.
        direction: `"AtoB"`: A is the source and B the target; `"BtoA"`: the other way round.
        channels: of the source, 1 or 3, or of arrays their own number. `None`: the arrays' own; of
            files 3, or 1 if all sources are grey.
        target_channels: of the target, likewise.
        random_crop: images are stored this many pixels larger and cropped at random each time
            they are used (paper: 30 at size 256). Both images of a pair are cropped alike, and
            with `batches(.., horizontal_flip=True)` flipped alike.
        split: `"train"` or `"test"`.
        strict: a file that cannot be read is an error instead of being skipped.
        hold_out: number of pairs held out as a test split if the folder has none.
        memory_limit: bytes of decoded images that may be kept in memory.
        progress: called with (pairs done, total pairs) while files are decoded.
        bit_depth: significant bits of 16-bit images, as for `data.load`.

    Returns:
        Source of batches `{"source", "target"}`, float32 `(batch, size, size, channels)` in
        [-1, 1]; `key` is `"source"`.

    Raises:
        InputError: there is no such set, it cannot be read, images have no partner, the images
            of a pair differ in size, or an option does not suit the set.
    """
    if direction not in DIRECTIONS:
        raise InputError(f"the direction is {direction!r}; expected AtoB or BtoA: pass one of them")
    text, size = os.fspath(spec), image_files.check_size(size)
    if not _is_npz(text):  # arrays may have any number
        image_files.check_channels(channels)
        image_files.check_channels(target_channels)
    specs.check_count(hold_out, "hold_out")
    margin = check_margin(random_crop)
    if margin and size is None:
        size = textures.SIZE if text in WORLDS else DEFAULT_SIZE
    pair_format = pair_files.PairFormat(
        None if size is None else size + margin,
        _in_direction(("source", "target"), direction),
        _in_direction((channels, target_channels), direction),
        bit_depths.check_bit_depth(bit_depth),
    )
    limits = {"hold_out": hold_out, "strict": strict, "memory_limit": memory_limit}
    stream = _open(text, specs.check_split(split), pair_format, progress=progress, **limits)
    depths = [stream.shapes[key][2] for key in ("source", "target")]
    open_test = functools.partial(
        load_pairs,
        text,
        size=size,
        direction=direction,
        channels=depths[0],
        target_channels=depths[1],
        split="test",
        bit_depth=stream.bit_depth,
        **limits,
    )
    return StreamSource(
        specs.short_name(text),
        [stream],
        key="source",
        random_crop=margin,
        test=open_test if split == "train" else None,
        report=_report_of(text, direction),
    )


def _report_of(world: str, direction: str) -> Callable[[dict, np.ndarray], dict] | None:
    """The oracle of an embedded set; None: data of the user's own."""
    if world == "textures":
        return functools.partial(textures.report, direction=direction)
    return domains.report_pairs if world == "outlines" else None


def _in_direction(pair: tuple, direction: str) -> tuple:
    """Converts (source, target) to (A, B), and back."""
    return pair if direction == "AtoB" else pair[::-1]


def _open(
    text: str, split: str, pair_format: pair_files.PairFormat, *, hold_out: int, **limits
) -> Stream:
    """The stream of any kind of data."""
    if text in WORLDS:
        return _embedded(text, pair_format, split)
    if text.startswith("tfds:"):
        from tfgan_suite.data.readers import tfds_pairs  # here, because it is slow to import

        return tfds_pairs.open_pairs(text, split, pair_format, limits["memory_limit"])
    if _is_npz(text):
        return _npz(user_path(text), pair_format, split)
    pair_format = dataclasses.replace(pair_format, size=pair_format.size or DEFAULT_SIZE)
    parts = specs.split_two(text)
    if parts is None:
        folder = specs.find_folder(text, WORLDS, _EXPECTED)
        files, skipped = pair_files.open_pair_folder(folder, split, hold_out, pair_format)
    else:
        folders = [specs.find_folder(part, WORLDS, _EXPECTED) for part in parts]
        files, skipped = pair_files.open_two_folders(*folders, split, hold_out, pair_format)
    return file_sources.file_stream("pairs", files, skipped=skipped, **limits)


def _is_npz(text: str) -> bool:
    path = user_path(text)
    return path.suffix == ".npz" and path.is_file()


def _embedded(world: str, pair_format: pair_files.PairFormat, split: str) -> Stream:
    """The embedded pairs."""
    if 1 in pair_format.channels:
        raise InputError(
            f"1 channel was requested, but both images of {world} are in colour; expected 3: leave"
            " the channels out"
        )
    count, seed = _EMBEDDED[world][split]
    size = pair_format.size or textures.SIZE
    if world == "textures":
        examples = textures.generate(count, size, seed)
        pairs = (examples.maps, examples.images)
    else:
        shapes = domains.generate(world, "a", count, size, seed)
        pairs = (shapes.images, shapes.truth)
    return file_sources.array_stream("pairs", dict(zip(pair_format.keys, pairs)))


def _npz(path: Path, pair_format: pair_files.PairFormat, split: str) -> Stream:
    """Pairs from a file of arrays."""
    names = npz_files.array_names(path)
    keys = next((k for k in _KEYS[split] if set(k) <= set(names)), None)
    if keys is None:
        raise InputError(
            f"{path} has no pairs for split {split!r}: found the keys "
            f"{', '.join(names) or '(none)'}; expected "
            f"{' or '.join(' and '.join(pair) for pair in _KEYS[split])}: save them with "
            "np.savez(file, source=images, target=images)"
        )
    images = npz_files.read_arrays(path, keys)
    if images[0].shape[:3] != images[1].shape[:3]:
        raise InputError(
            f"{path}: {keys[0]} has the shape {images[0].shape}, {keys[1]} {images[1].shape}; "
            "expected the same number of images, height and width: make them equal"
        )
    sides = zip(pair_format.keys, pair_format.channels, keys, images)
    bit_depth = pair_format.bit_depth or arrays.shared_bit_depth(images, str(path))
    return file_sources.zip_sources(
        "pairs",
        {
            key: arrays.from_arrays(
                side,
                None,
                name=key,
                origin=f"{path} ({name})",
                size=pair_format.size,
                channels=depth,
                bit_depth=bit_depth,
            )
            for key, depth, name, side in sides
        },
    )
