"""One image file to one uint8 array: the single place where files are decoded and resized."""

from __future__ import annotations

import dataclasses
import io
import os
import struct
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from tfgan_suite.data.pipeline.broken_files import Unreadable
from tfgan_suite.errors import InputError
from tfgan_suite.utils import foreign_files

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (
    ".png",
    ".apng",
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".webp",
    ".gif",
    ".bmp",
    ".tif",
    ".tiff",
    ".ppm",
    ".pgm",
)
MAX_SIDE = 4096
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM")
# What Pillow raises for damaged files of these formats.
_BROKEN = (
    *(OSError, SyntaxError, ValueError, EOFError, MemoryError, struct.error),
    *(KeyError, IndexError, TypeError, AttributeError, OverflowError, ZeroDivisionError),
    RuntimeError,
)
# What turns the EXIF orientations 2 to 8 upright (names of `PIL.Image.Transpose`).
_UPRIGHT = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}


def check_size(size: int | None) -> int | None:
    """Returns `size` if it is a side length in pixels (or `None`).

    Raises:
        InputError: it is not.
    """
    if size is None or (isinstance(size, (int, np.integer)) and 1 <= size <= MAX_SIDE):
        return None if size is None else int(size)
    raise InputError(
        f"the image size is {size!r}; expected a whole number from 1 to {MAX_SIDE}: pass the side "
        "in pixels"
    )


def check_channels(channels: int | None) -> int | None:
    """Returns `channels` if it is 1, 3 or `None`.

    Raises:
        InputError: it is not.
    """
    if channels in (None, 1, 3):
        return channels
    raise InputError(
        f"{channels!r} channels were requested; expected 1 (grey) or 3 (colour): pass one of them "
        "(transparent images are composited onto white)"
    )


def probe(path: str | os.PathLike) -> bool:
    """Reads only a file's header.

    Returns:
        Whether the image is grey.

    Raises:
        Unreadable: the file is empty, cannot be opened, or is not an image.
    """
    from PIL import Image

    try:
        with foreign_files.open_file(path) as file, _open_image(file) as image:
            return image.mode in ("1", "L", "LA", "I", "F") or image.mode.startswith("I;")
    except _BROKEN as error:
        raise Unreadable(_reason(error)) from error
    except Image.DecompressionBombError as error:
        raise Unreadable("more pixels than Pillow allows") from error


@dataclasses.dataclass(frozen=True)
class Header:
    """Whether an image is grey, and its size as a viewer shows it."""

    grey: bool
    width: int
    height: int


def header(path: str | os.PathLike) -> Header:
    """Reads only a file's header, as `probe` does, including its size.

    Raises:
        Unreadable: as for `probe`, or the header is broken.
    """

    grey = probe(path)
    try:
        with foreign_files.open_file(path) as file, _open_image(file) as image:
            width, height = image.size
            # Pillow would decode all pixels of a PNG to find a rotation that is hardly ever there.
            has_exif = image.format != "PNG" or "exif" in image.info
            stored = (
                (image.tag_v2.get(256), image.tag_v2.get(257)) if image.format == "TIFF" else None
            )
            # Newer versions of Pillow state the size of a turned TIFF as it is shown.
            if has_exif and stored in (None, image.size) and _orientation(image) >= 5:
                width, height = height, width
    except _BROKEN as error:
        raise Unreadable("broken image") from error
    return Header(grey, width, height)


def read(path: str | os.PathLike, size: int | None, channels: int) -> np.ndarray:
    """Reads, decodes and resizes an image file; see `decode`.

    Raises:
        Unreadable: the file is empty, cannot be opened, or is not a complete image.
    """
    try:
        content = foreign_files.read_bytes(path)
    except (OSError, MemoryError) as error:
        raise Unreadable(_reason(error)) from error
    return decode(content, size, channels)


def decode(content: bytes, size: int | None, channels: int) -> np.ndarray:
    """Decodes an image as a viewer would show it, and fits it into a square.

    The EXIF rotation is applied, 16-bit values are scaled down, the first frame of an animation
    is used, and transparent images are composited onto white.

    Args:
        content: the bytes of a file that Pillow reads (PNG, JPEG, WebP, GIF, BMP, TIFF, ..).
        size: side of the result in pixels; `None` keeps the image's own height and width.
        channels: 1 (grey) or 3.

    Returns:
        uint8 `(size, size, channels)`, or `(height, width, channels)`.

    Raises:
        Unreadable: not a complete image of a known kind.
    """
    from PIL import Image

    if not content:
        raise Unreadable("empty file")
    try:
        with _open_image(io.BytesIO(content)) as image:
            if size is not None and image.format in ("JPEG", "MPO"):
                # Lets the decoder scale huge photographs down by 2, 4 or 8, never below twice
                # the requested size.
                image.draft(None, (2 * size, 2 * size))
            image.load()
            # Only now: Pillow has turned a TIFF itself, and a PNG's EXIF may follow its pixels.
            orientation = _orientation(image)
            plain = to_mode(image, channels)
            if orientation in _UPRIGHT:
                plain = plain.transpose(Image.Transpose[_UPRIGHT[orientation]])
            if size is not None:
                plain = fit(plain, size)
            pixels = np.asarray(plain, np.uint8)
    except Unreadable:
        raise
    except _BROKEN as error:
        raise Unreadable(_reason(error)) from error
    except Image.DecompressionBombError as error:
        raise Unreadable("more pixels than Pillow allows") from error
    return pixels.reshape(pixels.shape[0], pixels.shape[1], channels)


def fit(image: Image.Image, size: int) -> Image.Image:
    """Scales an image so that its shorter side is `size`, and crops the square in the centre.

    Both happen in one resampling step, so the crop is exact to a fraction of a pixel. An
    antialiased Lanczos filter downscales, a bicubic one upscales.
    """
    from PIL import Image

    width, height = image.size
    side = min(width, height)
    if (width, height) == (size, size):
        return image
    left, top = (width - side) / 2.0, (height - side) / 2.0
    kind = Image.Resampling.LANCZOS if side > size else Image.Resampling.BICUBIC
    return image.resize((size, size), kind, box=(left, top, left + side, top + side))


def fit_array(pixels: np.ndarray, size: int | None, channels: int) -> np.ndarray:
    """As `decode`, for an image that is already an array.

    Args:
        pixels: uint8 `(height, width, 1, 3 or 4)`.
        size: as for `decode`.
        channels: 1 or 3.

    Returns:
        uint8 `(size, size, channels)`, or `(height, width, channels)`.
    """
    from PIL import Image

    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    image = to_mode(image, channels)
    image = image if size is None else fit(image, size)
    return np.asarray(image, np.uint8).reshape(image.size[1], image.size[0], channels)


def resize_shorter_side(pixels: np.ndarray, size: int) -> np.ndarray:
    """Scales a uint8 image so that its shorter side has `size` pixels; 0: returns it as it is."""
    height, width = pixels.shape[:2]
    if not size or min(height, width) == size:
        return pixels
    from PIL import Image

    factor = size / min(height, width)
    sides = max(1, round(width * factor)), max(1, round(height * factor))
    kind = Image.Resampling.LANCZOS if factor < 1 else Image.Resampling.BICUBIC
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    return np.asarray(image.resize(sides, kind), np.uint8).reshape(sides[1], sides[0], -1)


def to_mode(image: Image.Image, channels: int) -> Image.Image:
    """To 8-bit grey (`channels` 1) or RGB (3); transparent images are composited onto white."""
    from PIL import Image

    mode = "L" if channels == 1 else "RGB"
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        image = _to_eight_bits(image)
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        clear = image.convert("RGBA")
        white = Image.new("RGBA", clear.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, clear).convert("RGB")
    elif image.mode not in ("1", "L", "RGB"):
        image = image.convert("RGB")
    return image if image.mode == mode else image.convert(mode)


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Scales 16-bit grey values (white is 65535) or floats (white is 1) to 8 bits."""
    from PIL import Image

    white = 1.0 if image.mode == "F" else 65535.0
    bands = [np.asarray(image.crop(box)) for box in _bands(image.size)]
    low, high = (float(limit([limit(band) for band in bands])) for limit in (np.min, np.max))
    if not (low >= 0.0 and high <= white):
        raise Unreadable(f"grey values from {low:g} to {high:g}, expected 0 to {white:g}")
    grey = np.empty((image.size[1], image.size[0]), np.uint8)
    for (_, top, _, bottom), band in zip(_bands(image.size), bands):
        grey[top:bottom] = np.round(band.astype(np.float64) * (255.0 / white))
    return Image.fromarray(grey)


def _bands(size: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    """Boxes of whole rows, of about a million pixels, that cover an image."""
    width, height = size
    rows = max(1, 2**20 // width)
    return [(0, top, width, min(top + rows, height)) for top in range(0, height, rows)]


def _open_image(file: BinaryIO) -> Image.Image:
    """Opens an image of the known kinds; Pillow would run Ghostscript on others.

    Raises:
        Unreadable: the file is empty.
    """
    from PIL import Image

    if not file.read(1):
        raise Unreadable("empty file")
    file.seek(0)
    return Image.open(file, formats=_FORMATS)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 if there is none, or none that means something."""
    try:
        orientation = image.getexif().get(0x0112, 1)
    except Exception:  # broken EXIF raises all kinds of errors; the pixels are whole
        return 1
    return orientation if orientation in _UPRIGHT else 1


def _reason(error: Exception) -> str:
    """A few words without a path, for the list of skipped files."""
    name = type(error).__name__
    if name == "UnidentifiedImageError":
        return "not an image of a known kind"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split())
    return f"broken image ({text})" if text else f"broken image ({name})"
