"""One image file to one uint8 array: the single place where files are decoded and resized."""

from __future__ import annotations

import dataclasses
import io
import os
from typing import TYPE_CHECKING

import numpy as np

from tfgan_suite.data.pipeline.broken_files import Unreadable
from tfgan_suite.errors import InputError

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
        if os.path.getsize(path) == 0:
            raise Unreadable("empty file")
        with Image.open(path) as image:
            return image.mode in ("1", "L", "LA", "I", "F") or image.mode.startswith("I;")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Unreadable(_reason(error, path)) from error


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
    from PIL import Image

    grey = probe(path)
    try:
        with Image.open(path) as image:
            width, height = image.size
            # Pillow would decode all pixels of a PNG to find a rotation that is hardly ever there.
            has_exif = image.format != "PNG" or "exif" in image.info
            if has_exif and image.getexif().get(0x0112, 1) >= 5:  # rotated by a quarter turn
                width, height = height, width
    except (OSError, SyntaxError, ValueError) as error:
        raise Unreadable("broken image") from error
    return Header(grey, width, height)


def read(path: str | os.PathLike, size: int | None, channels: int) -> np.ndarray:
    """Reads, decodes and resizes an image file; see `decode`.

    Raises:
        Unreadable: the file is empty, cannot be opened, or is not a complete image.
    """
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise Unreadable(_reason(error, path)) from error
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
        with Image.open(io.BytesIO(content)) as image:
            orientation = _orientation(image, content)
            if size is not None and image.format in ("JPEG", "MPO"):
                # Lets the decoder scale huge photographs down by 2, 4 or 8, never below twice
                # the requested size.
                image.draft(None, (2 * size, 2 * size))
            plain = to_mode(_first_frame(image, content), channels)
            if orientation in _UPRIGHT:
                plain = plain.transpose(Image.Transpose[_UPRIGHT[orientation]])
            if size is not None:
                plain = fit(plain, size)
            pixels = np.asarray(plain, np.uint8)
    except Unreadable:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
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

    values = np.asarray(image).astype(np.float64)
    low, high = float(values.min()), float(values.max())
    white = 1.0 if image.mode == "F" else 65535.0
    if not (low >= 0.0 and high <= white):
        raise Unreadable(f"grey values from {low:g} to {high:g}, expected 0 to {white:g}")
    return Image.fromarray(np.round(values * (255.0 / white)).astype(np.uint8))


def _orientation(image: Image.Image, content: bytes) -> int:
    """EXIF orientation 1 to 8."""
    if content[:2] == b"\xff\xd8":
        from tfgan_suite import compat

        return compat.jpeg_orientation(content)
    return image.getexif().get(0x0112, 1)


def _first_frame(image: Image.Image, content: bytes) -> Image.Image:
    """The decoded image; WebP is decoded by `compat` unless it is animated."""
    from PIL import Image

    if image.format == "WEBP" and not getattr(image, "is_animated", False):
        from tfgan_suite import compat

        return Image.fromarray(compat.decode_webp(content))
    image.load()
    return image


def _reason(error: Exception, path: str | os.PathLike | None = None) -> str:
    """A few words without a path, for the list of skipped files."""
    name = type(error).__name__
    if name == "UnidentifiedImageError":
        return "not an image of a known kind"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split())
    return f"broken image ({text})" if text else f"broken image ({name})"
