"""Which outputs are image files or pages, and which can be written; known without TensorFlow."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tfgan_suite.errors import InputError

WRITABLE = (".png", ".jpg", ".jpeg", ".webp")
# Pixels a side that these formats, as their libraries write them, can hold.
_LONGEST = {".webp": 16383, ".jpg": 65500, ".jpeg": 65500}
# `samples.v2` may be a folder, `samples.tiff` is none.
_FILE_ENDING = re.compile(r"\.([a-z]{2,5}|jp2|mp4)", re.IGNORECASE)


def names_image(output: str | os.PathLike) -> bool:
    """Whether an output is an image file, not a folder.

    Args:
        output: as the user wrote it; a folder whose name has an ending is written `samples.png/`.

    Raises:
        InputError: a file of a kind that cannot be written.
    """
    path = Path(output)
    if not is_file_name(output):
        return False
    if path.suffix.lower() not in WRITABLE:
        raise InputError(
            f"{path} cannot be written as {path.suffix}; use {', '.join(WRITABLE)}, or"
            f" {path.with_suffix('')} for a folder"
        )
    return True


def check_sides(output: str | os.PathLike, height: int, width: int) -> None:
    """Refuses an image that is larger than files of its ending can be.

    Args:
        output: the file.
        height, width: of the image, in pixels.

    Raises:
        InputError: says the limit, and which ending has none.
    """
    path = Path(output)
    longest = _LONGEST.get(path.suffix.lower())
    if longest is not None and max(height, width) > longest:
        raise InputError(
            f"{path} cannot be written: it has {width}x{height} pixels, and {path.suffix} files"
            f" have at most {longest} a side; pass {path.with_suffix('.png')}"
        )


def check_page(output: str | os.PathLike, flag: str) -> None:
    """Refuses an ending that is not a web page's.

    Raises:
        InputError: names the flag.
    """
    if Path(output).suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{flag} is {output}, a web page; pass a name that ends with .html")


def is_file_name(output: str | os.PathLike) -> bool:
    """Whether an output has an ending as files have, and is no folder."""
    path = Path(output)
    if os.fspath(output).endswith(("/", os.sep)) or path.is_dir():
        return False
    return _FILE_ENDING.fullmatch(path.suffix) is not None
