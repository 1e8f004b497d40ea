"""IDX files, the format of MNIST and similar data sets."""

from __future__ import annotations

import gzip
import math
import os
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfgan_suite.data.pipeline.source import ArraySource
from tfgan_suite.data.readers import arrays
from tfgan_suite.errors import InputError
from tfgan_suite.utils import foreign_files, memory_budget

# How the file names of a split start; some mirrors use the second spelling.
_STARTS = {"train": ("train-images",), "test": ("t10k-images", "test-images")}

_GZIP_RATIO = 1040  # deflate packs no tighter
_ALWAYS_READ = 2**28  # bytes; larger files are compared with the free memory


def find_images(folder: Path, split: str) -> Path | None:
    """The image file of a split in a folder, or `None` if the folder has no IDX files.

    Raises:
        InputError: the folder has IDX files, but not for this split.
    """
    files = sorted(file for file in folder.iterdir() if is_idx(file) and "images" in file.name)
    for file in files:
        if file.name.startswith(_STARTS[split]):
            return file
    if files:
        raise InputError(
            f"{folder} has no IDX images for split {split!r}: found "
            f"{', '.join(file.name for file in files)}; expected {_STARTS[split][0]}-idx3-ubyte"
            " or the same with .gz: add the file"
        )
    return None


def is_idx(path: Path) -> bool:
    """Whether a file is named like an IDX file: `..idx3-ubyte` or `..idx3-ubyte.gz`."""
    name = path.name[:-3] if path.name.endswith(".gz") else path.name
    return name.endswith("-ubyte") and "idx" in name and not name.startswith(".")


def load_idx(
    path: Path, name: str, size: int | None, channels: int | None, square: bool = False
) -> ArraySource:
    """Reads an IDX file of images (MNIST's format), and the label file beside it if there is one.

    Raises:
        InputError: a file is damaged or not an IDX file, or the lengths differ.
    """
    images = read_idx(path, (3, 4))
    labels_path, train_path = _labels_beside(path), None
    if path.name.startswith(_STARTS["test"]):
        train = [path.with_name(path.name.replace(s, "train", 1)) for s in ("t10k", "test")]
        train_path = next(filter(None, (_labels_beside(p) for p in train if p != path)), None)
    labels, train_labels = (
        None if file is None else read_idx(file, (1,)) for file in (labels_path, train_path)
    )
    return arrays.from_arrays(
        images,
        labels,
        name=name,
        origin=str(path),
        size=size,
        channels=channels,
        square=square,
        train_labels=train_labels,
    )


def read_idx(path: str | os.PathLike, ranks: Sequence[int]) -> np.ndarray:
    """Reads one IDX file of unsigned bytes, gzipped or not.

    Args:
        path: the file.
        ranks: accepted numbers of axes.

    Returns:
        uint8 array.

    Raises:
        InputError: wrong magic number, wrong length, or a damaged gzip file.
    """
    try:
        with foreign_files.open_file(path) as stored:
            packed_size = os.fstat(stored.fileno()).st_size
            packed = stored.read(2) == b"\x1f\x8b"
            stored.seek(0)
            file = gzip.open(stored, "rb") if packed else stored
            sides = _header(file, path, ranks)
            size = math.prod(sides)  # of Python's integers: it cannot overflow
            if size > packed_size * (_GZIP_RATIO if packed else 1):
                raise InputError(_truncated(path, sides, size, f"at most {packed_size} bytes"))
            free = memory_budget.available_bytes()
            if size > _ALWAYS_READ and free is not None and size > free:
                raise InputError(
                    f"{path} would take {size / 2**30:.1f} GiB; expected images that fit into "
                    f"memory, of which {free / 2**30:.1f} GiB are free: use a folder of images, "
                    "which is streamed"
                )
            content = file.read(size + 1)
    except (OSError, EOFError, zlib.error, MemoryError) as error:
        raise InputError(
            f"{path} cannot be read ({error}); expected an IDX file: copy it again"
        ) from error
    if len(content) != size:
        total = 4 + 4 * len(sides) + len(content)
        found = f"{total} bytes" if len(content) < size else f"{total} bytes or more"
        raise InputError(_truncated(path, sides, size, found))
    return np.frombuffer(content, np.uint8).reshape(sides)


def _header(file, path: str | os.PathLike, ranks: Sequence[int]) -> tuple[int, ...]:
    """The sides that an IDX file states."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:3] != b"\0\0\x08" or magic[3] not in ranks:
        expected = " or ".join(f"0x{0x800 + rank:08x}" for rank in ranks)
        raise InputError(
            f"{path} starts with 0x{magic.hex() or '(nothing)'}; expected the IDX number "
            f"{expected} (unsigned bytes with {' or '.join(map(str, ranks))} axes): choose another "
            "file, or copy this one again if it is damaged"
        )
    content = file.read(4 * magic[3])
    if len(content) != 4 * magic[3]:
        raise InputError(f"{path} ends within its header: it is truncated, copy it again")
    return tuple(int(side) for side in np.frombuffer(content, ">u4"))


def _truncated(path: str | os.PathLike, sides: tuple[int, ...], size: int, found: str) -> str:
    return (
        f"{path} holds {found}; its header {sides} needs {4 + 4 * len(sides) + size}: the file "
        "is truncated or damaged, copy it again"
    )


def _labels_beside(path: Path) -> Path | None:
    """`..-images..idx3..` -> `..-labels..idx1..`, gzipped or not."""
    stem = path.name[:-3] if path.name.endswith(".gz") else path.name
    stem = stem.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1")
    if stem == path.name or stem + ".gz" == path.name:
        return None
    for name in (stem, f"{stem}.gz"):
        if (path.parent / name).is_file():
            return path.parent / name
    return None
