"""Writes large images as they are encoded, so that no encoded copy is held in memory."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from typing import IO, Any

import numpy as np

from tfgan_suite.utils import files

# An image with more pixels than this is large.
LARGE_PIXELS = 2**24
_BAND_PIXELS = 2**20
_COLOUR_TYPES = {1: 0, 3: 2}
_FILTER_UP = 2


def write_png(path: str | os.PathLike, pixels: np.ndarray) -> None:
    """Writes a PNG file atomically; beside the image it takes a few MiB.

    Args:
        path: the file.
        pixels: uint8 `(height, width, 1 or 3)`.

    Raises:
        OSError: it cannot be written; no part stays.
    """
    files.write_parts(path, png_parts(pixels))


def png_parts(pixels: np.ndarray) -> Iterator[bytes]:
    """A PNG file in parts, a band of rows each.

    Every row is stored as its difference from the row above (filter "Up"), which suits photographs
    and costs one subtraction.

    Args:
        pixels: uint8 `(height, width, 1 or 3)`.
    """
    height, width, channels = pixels.shape
    yield b"\x89PNG\r\n\x1a\n"
    yield _chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0))
    packer = zlib.compressobj(6)
    above = np.zeros((1, width, channels), np.uint8)
    step = max(1, _BAND_PIXELS // width)
    for top in range(0, height, step):
        band = pixels[top : top + step]
        lines = np.empty((len(band), 1 + width * channels), np.uint8)
        lines[:, 0] = _FILTER_UP
        differences = band - np.concatenate([above, band[:-1]])  # modulo 256, as the filter is
        lines[:, 1:] = differences.reshape(len(band), -1)
        above = band[-1:]
        yield _chunk(b"IDAT", packer.compress(lines.data))
    yield _chunk(b"IDAT", packer.flush())
    yield _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(content, zlib.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def write_jpeg(path: str | os.PathLike, pixels: np.ndarray, quality: int = 95) -> None:
    """Writes a JPEG file atomically, with colours at full resolution.

    Args:
        path: the file.
        pixels: uint8 `(height, width, 1 or 3)`.
        quality: 1 to 95.

    Raises:
        OSError: it cannot be written; no part stays.
    """
    from PIL import Image

    height, width, channels = pixels.shape
    image = Image.new({1: "L", 3: "RGB"}[channels], (width, height))
    # In bands: of an image that is a part of another, Pillow would first copy all of it.
    step = max(1, _BAND_PIXELS // width)
    for top in range(0, height, step):
        band = pixels[top : top + step]
        image.paste(Image.fromarray(band[..., 0] if channels == 1 else band), (0, top))
    with files.replacing(path) as part, open(part, "wb") as file:
        image.save(_Writer(file), "JPEG", quality=quality, subsampling=0)


class _Writer:
    """A file without a descriptor: to one, Pillow writes itself and loses an error's reason."""

    def __init__(self, file: IO[bytes]):
        self.write: Any = file.write


WRITERS = {".png": write_png, ".jpg": write_jpeg, ".jpeg": write_jpeg}
