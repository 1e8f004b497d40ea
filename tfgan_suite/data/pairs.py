"""Paired images: a source and the target that belongs to it, for pix2pix and its kind."""

from __future__ import annotations

import dataclasses
import functools
import os
import zipfile
import zlib
from pathlib import Path

import numpy as np

from tfgan_suite.data import specs
from tfgan_suite.data.pipeline import columns
from tfgan_suite.data.pipeline import random_crop as jitters
from tfgan_suite.data.pipeline.source import MEMORY_LIMIT
from tfgan_suite.data.pipeline.streams import Stream, StreamSource
from tfgan_suite.data.readers import arrays, image_files, pair_files
from tfgan_suite.data.synthetic import textures
from tfgan_suite.errors import InputError

WORLDS = ("textures",)
DIRECTIONS = ("AtoB", "BtoA")
DEFAULT_SIZE = 64
_EXPECTED = (
    "a folder of images side by side, a folder with A and B, FOLDER,FOLDER, an .npz file, tfds:NAME"
)
# Examples and seed of the embedded set.
_TEXTURES = {"train": (400, 0), "test": (200, 1)}
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
    progress: columns.Progress | None = None,
) -> StreamSource:
    """Opens a set of pairs.

    | `spec` | A and B |
    |---|---|
    | `"textures"` | flat map and striped image, 400 pairs, with an oracle |
    | a folder of images side by side | left half and right half |
    | a folder with `A/` and `B/` | files of equal names, endings left out |
    | `"FOLDER,FOLDER"` | the same in any two folders |
    | an `.npz` file | keys `source` and `target`, or `a` and `b`; `.._test` for the test split |
    | `"tfds:NAME"` | features `input_image` and `target` or the like, or one image's halves |

    Splits are sub-folders: `train/` and `test/` (or `val/`), at the top or within `A/` and `B/`;
    `train/A`, `trainA` and their like will do, too. Both images of a pair must have one size;
    the middle square is taken of both. All else is as in `tfgan_suite.data.load`.

    Args:
        spec: see above.
        size: side of the square images. `None`: 64, or 32 for textures; the images of an
            `.npz` file keep their height and width if there is no jitter.
        direction: `"AtoB"`: A is the source and B the target; `"BtoA"`: the other way round.
        channels: of the source, 1 or 3. `None`: 3, or 1 if all sources are grey.
        target_channels: of the target, likewise.
        random_crop: images are kept this many pixels larger, and cropped at random when they are
            used (the paper: 30 at size 256). Both images of a pair are cropped, and with
            `batches(.., horizontal_flip=True)` mirrored, in the same way.
        split: `"train"` or `"test"`.
        strict: a file that cannot be read is an error instead of being skipped.
        hold_out: in folders without a test split, so many pairs are set aside as one.
        memory_limit: bytes of decoded images that may be held in memory.
        progress: called with (pairs done, pairs in all) while files are decoded.

    Returns:
        Source of batches `{"source", "target"}`, float32 `(batch, size, size, channels)` in
        [-1, 1]; `key` is `"source"`.

    Raises:
        InputError: there is no such set, it cannot be read, images without a partner, pairs of
            different size, or an option does not fit.
    """
    if direction not in DIRECTIONS:
        raise InputError(f"the direction is {direction!r}; expected AtoB or BtoA")
    image_files.check_channels(channels)
    image_files.check_channels(target_channels)
    specs.check_count(hold_out, "hold_out")
    room = jitters.check(random_crop)
    text, size = os.fspath(spec), image_files.check_size(size)
    if room and size is None:
        size = textures.SIZE if text in WORLDS else DEFAULT_SIZE
    form = pair_files.Form(
        None if size is None else size + room,
        _turned(("source", "target"), direction),
        _turned((channels, target_channels), direction),
    )
    limits = {"hold_out": hold_out, "strict": strict, "memory_limit": memory_limit}
    stream = _open(text, specs.check_split(split), form, progress=progress, **limits)
    depths = [stream.shapes[key][2] for key in ("source", "target")]
    open_test = functools.partial(
        load_pairs,
        text,
        size=size,
        direction=direction,
        channels=depths[0],
        target_channels=depths[1],
        split="test",
        **limits,
    )
    return StreamSource(
        specs.short(text),
        [stream],
        key="source",
        random_crop=room,
        test=open_test if split == "train" else None,
        report=functools.partial(textures.report, direction=direction) if text in WORLDS else None,
    )


def _turned(pair: tuple, direction: str) -> tuple:
    """(source, target) as (A, B), and back."""
    return pair if direction == "AtoB" else pair[::-1]


def _open(text: str, split: str, form: pair_files.Form, *, hold_out: int, **limits) -> Stream:
    """The stream of any kind of data."""
    if text in WORLDS:
        return _textures(form, split)
    if text.startswith("tfds:"):
        from tfgan_suite.data.readers import tfds_pairs  # only here: it is slow to import

        return tfds_pairs.open_pairs(text, split, form, limits["memory_limit"])
    file = Path(text).expanduser()
    if file.suffix == ".npz" and file.is_file():
        return _npz(file, form, split)
    form = dataclasses.replace(form, size=form.size or DEFAULT_SIZE)
    both = specs.two(text)
    if both is None:
        folder = specs.folder(text, WORLDS, _EXPECTED)
        files, skipped = pair_files.open_files(folder, split, hold_out, form)
    else:
        folders = [specs.folder(part, WORLDS, _EXPECTED) for part in both]
        files, skipped = pair_files.open_two(*folders, split, hold_out, form)
    return columns.from_files("pairs", files, skipped=skipped, **limits)


def _textures(form: pair_files.Form, split: str) -> Stream:
    """The embedded pairs."""
    if 1 in form.channels:
        raise InputError("textures are in colour, for colour is what its maps say: leave out 1")
    count, seed = _TEXTURES[split]
    found = textures.generate(count, form.size or textures.SIZE, seed)
    return columns.in_memory("pairs", dict(zip(form.keys, (found.maps, found.images))))


def _npz(path: Path, form: pair_files.Form, split: str) -> Stream:
    """Pairs from a file of arrays."""
    try:
        # Object arrays could run code when they are read, so they stay shut.
        with np.load(path, allow_pickle=False) as file:
            keys = next((k for k in _KEYS[split] if set(k) <= set(file.files)), None)
            if keys is None:
                raise InputError(
                    f"{path} has no pairs for split {split!r}: found the keys "
                    f"{', '.join(file.files) or '(none)'}; expected "
                    f"{' or '.join(' and '.join(pair) for pair in _KEYS[split])}"
                )
            found = [file[key] for key in keys]
    except InputError:
        raise
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(
            f"{path} cannot be read as .npz ({' '.join(str(error).split())}): expected arrays of "
            "numbers written by np.savez(file, source=images, target=images)"
        ) from error
    if found[0].shape[:3] != found[1].shape[:3]:
        raise InputError(
            f"{path}: {keys[0]} has the shape {found[0].shape}, {keys[1]} {found[1].shape}; "
            "expected equally many images of one height and width"
        )
    sides = zip(form.keys, form.channels, keys, found)
    return columns.joined(
        "pairs",
        {
            key: arrays.from_arrays(
                images, None, name=key, origin=f"{path} ({name})", size=form.size, channels=depth
            )
            for key, depth, name, images in sides
        },
    )
