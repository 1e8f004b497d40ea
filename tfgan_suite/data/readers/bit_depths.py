"""How many bits of 16-bit images count: one answer for a data set, so that brightness compares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from tfgan_suite.data.pipeline.broken_files import Unreadable
from tfgan_suite.data.pipeline.decoding import read_in_parallel
from tfgan_suite.data.readers import image_files
from tfgan_suite.errors import InputError
from tfgan_suite.utils import foreign_files, notices

BIT_DEPTHS = (8, 10, 12, 14, 16)
SAMPLE = 64  # files that are decoded to find the largest value
# Endings of formats that hold 8 bits, or whose values Pillow stretches to 16 bits itself.
_SHALLOW = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".dib", ".webp", ".tga", ".heic", ".heif",
    ".hif", ".avif", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".jpf", ".jpx", ".jpc",
)  # fmt: skip
T = TypeVar("T")


def check_bit_depth(bit_depth: int | None) -> int | None:
    """Returns `bit_depth` if it is a number of bits from 8 to 16 (or `None`).

    Raises:
        InputError: it is not.
    """
    if bit_depth is None or (isinstance(bit_depth, (int, np.integer)) and 8 <= bit_depth <= 16):
        return None if bit_depth is None else int(bit_depth)
    raise InputError(
        f"the bit depth is {bit_depth!r}; expected a whole number from 8 to 16: pass the number of "
        "significant bits of 16-bit images"
    )


def decide(paths: Sequence[Path], bit_depth: int | None = None) -> int | None:
    """The significant bits of the 16-bit images of a data set.

    The number that the files state (`sBIT` of PNG, the tags of TIFF), if their largest value fits
    it; else the smallest of 8, 10, 12, 14 and 16 that holds the largest value. It is that of up
    to 64 of the 16-bit files, spread over the list. Says so, if it is not 16.

    Args:
        paths: all images of the set.
        bit_depth: what the user says; `None`: look at the files.

    Returns:
        `bit_depth`, if it is not `None`; `None` where no file has 16 bits.
    """
    if bit_depth is not None:
        return check_bit_depth(bit_depth)
    deep = [path for path, answer in zip(paths, _map(_is_deep, paths)) if answer]
    if not deep:
        return None
    sample = [deep[i] for i in np.linspace(0, len(deep) - 1, min(SAMPLE, len(deep))).astype(int)]
    values = [answer for answer in _map(_values, sample) if answer is not None]
    if not values:
        return None
    stated = [bits for _, bits in values if bits is not None]
    largest = max(value for value, _ in values)
    home = deep[0].parent if len(deep) > 1 else deep[0]
    part = "" if len(deep) == len(sample) else f" ({len(sample)} of {len(deep)} were looked at)"
    stated_by_all = max(stated) if len(stated) == len(values) else None
    return from_maximum(largest, f"{home}: 16-bit images{part}", stated_by_all)


def from_maximum(largest: float, where: str, stated: int | None = None) -> int:
    """The significant bits of values up to a maximum; says so, if they are not 16.

    Args:
        largest: the maximum.
        where: what holds the values, for the message.
        stated: the number that the files state.
    """
    if stated is not None and 8 <= stated <= 16 and largest < 2**stated:
        bits = stated
    else:
        bits = next((bits for bits in BIT_DEPTHS if largest < 2**bits), 16)
    if bits < 16:
        notices.say_once(
            f"{where} hold at most {largest:.0f}: read as {bits} bits; --bit-depth 16 to change"
        )
    return bits


def _is_deep(path: Path) -> bool:
    """Whether a file may hold 16-bit values, by its first bytes."""
    if str(path).lower().endswith(_SHALLOW):
        return False
    try:
        with foreign_files.open_file(path) as file:
            head = file.read(25)
    except OSError:
        return False
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return head[24:] == b"\x10"
    return head[:4] in (b"II*\0", b"MM\0*") and image_files.stores_deep(path)


def _values(path: Path) -> tuple[float, int | None] | None:
    try:
        return image_files.deep_values(path)
    except Unreadable:  # it is named when it is read
        return None


def _map(function: Callable[[Path], T], paths: Sequence[Path]) -> list[T]:
    return list(read_in_parallel(function, paths, "reading bit depths"))
