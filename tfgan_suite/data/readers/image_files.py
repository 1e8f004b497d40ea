"""One image file to one uint8 array: the single place where files are decoded and resized."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import functools
import io
import os
import re
import struct
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from tfgan_suite.data.pipeline.broken_files import Unreadable
from tfgan_suite.data.readers import deep_images, image_bands, image_kinds, image_scaling
from tfgan_suite.errors import InputError
from tfgan_suite.utils import foreign_files
from tfgan_suite.utils.memory_budget import OverBudget, format_bytes

if TYPE_CHECKING:
    from PIL import Image

MAX_SIDE = 4096
_PILLOW = re.compile(r"PIL\.")
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
        with foreign_files.open_file(path) as file, _open_image(file, path) as image:
            return image.mode in ("1", "L", "LA", "I", "F") or image.mode.startswith("I;")
    except _BROKEN as error:
        raise Unreadable(_reason(error)) from error
    except Image.DecompressionBombError as error:
        raise Unreadable(_too_many_pixels(error)) from error


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
        with foreign_files.open_file(path) as file, _open_image(file, path) as image:
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


def stores_deep(path: str | os.PathLike) -> bool:
    """Whether an image stores integers of more than 8 bits, by its header; `False` if broken."""
    try:
        with foreign_files.open_file(path) as file, _open_image(file, path) as image:
            return deep_images.uses_unknown_bits(image, file)
    except (*_BROKEN, Unreadable):
        return False


def deep_values(path: str | os.PathLike) -> tuple[float, int | None] | None:
    """The largest value of an image that stores more than 8 bits, perhaps without using them.

    Returns:
        The value, and the number of bits that the file states; `None` for other images.

    Raises:
        Unreadable: as for `read`.
    """
    from PIL import Image

    try:
        with foreign_files.open_file(path) as file, _open_image(file, path) as image:
            if not deep_images.uses_unknown_bits(image, file):
                return None
            needed = image_bands.decoding_bytes(image, image.size)
            needed += deep_images.full_colour_bytes(image)
            with image_bands.BUDGET.reserve(needed):
                image_bands.use_large_blocks()
                image.load()
                return deep_images.extrema(image, file)[1], deep_images.stated_bits(image, file)
    except OverBudget as error:
        raise Unreadable(_too_large(image, error)) from error
    except _BROKEN as error:
        raise Unreadable(_reason(error)) from error
    except Image.DecompressionBombError as error:
        raise Unreadable(_too_many_pixels(error)) from error


def read(
    path: str | os.PathLike,
    size: int | None,
    channels: int,
    bit_depth: int | None = None,
    *,
    shorter_side: int = 0,
    use: Callable[[np.ndarray], Any] | None = None,
) -> Any:
    """Reads, decodes and resizes an image file; see `decode`.

    Raises:
        Unreadable: the file is empty, cannot be opened, is not a complete image, or takes more
            memory than all readers together may use.
    """
    try:
        file = foreign_files.open_file(path)
    except OSError as error:
        raise Unreadable(_reason(error)) from error
    with file:
        return _decode(file, path, size, channels, bit_depth, shorter_side, use)


def decode(
    content: bytes,
    size: int | None,
    channels: int,
    bit_depth: int | None = None,
    *,
    shorter_side: int = 0,
    use: Callable[[np.ndarray], Any] | None = None,
) -> Any:
    """Decodes an image as a viewer would show it, and fits it into a square.

    The EXIF rotation is applied, 16-bit values are scaled down, the first frame of an animation
    is used, and transparent images are composited onto white. The memory for it is reserved from
    `image_bands.BUDGET`, so that many threads that decode large images wait for each other.

    Args:
        content: the bytes of a file that Pillow reads (PNG, JPEG, WebP, GIF, BMP, TIFF, ..).
        size: side of the result in pixels; `None` keeps the image's own height and width.
        channels: 1 (grey), 3, or 4: RGB and opacity, not composited.
        bit_depth: significant bits of images that store 16 (`bit_depths.decide`); `None`: those
            that the file's format states, else all 16.
        shorter_side: pixels of the shorter side that the caller will scale the image to: a JPEG
            file of more than 33 million pixels is decoded at half, a quarter or an eighth of its
            size, not below twice this length; 0: never.
        use: called with the result while its memory is reserved, for callers that need only a
            part of a large image, or a smaller one. It must return no view of it.

    Returns:
        uint8 `(size, size, channels)`, or `(height, width, channels)`; with `use`, what it
        returns.

    Raises:
        Unreadable: not a complete image of a known kind, or one that takes more memory than all
            readers together may use.
    """
    return _decode(io.BytesIO(content), "", size, channels, bit_depth, shorter_side, use)


def _decode(
    file: BinaryIO,
    path: str | os.PathLike,
    size: int | None,
    channels: int,
    bit_depth: int | None,
    shorter_side: int,
    use: Callable[[np.ndarray], Any] | None,
) -> Any:
    from PIL import Image

    with contextlib.ExitStack() as reserved:
        try:
            with _open_image(file, path) as image:
                needed = _reduce(image, size, channels, shorter_side, file)
                is_cut = deep_images.is_cut_colour(image, file, bit_depth)
                if is_cut:
                    needed += deep_images.full_colour_bytes(image)
                reserved.enter_context(image_bands.BUDGET.reserve(needed))
                image_bands.use_large_blocks()
                image.load()
                # Only now: Pillow has turned a TIFF itself, and a PNG's EXIF may follow its pixels.
                turn = _UPRIGHT.get(_orientation(image))
                scale = deep_images.grey_scale(image, bit_depth)
                if is_cut:
                    image = deep_images.full_colour(image, file, bit_depth)
                pixels = _pixels(image, turn, scale, size, channels)
        except Unreadable:
            raise
        except OverBudget as error:
            raise Unreadable(_too_large(image, error)) from error
        except _BROKEN as error:
            raise Unreadable(_reason(error)) from error
        except Image.DecompressionBombError as error:
            raise Unreadable(_too_many_pixels(error)) from error
        del image  # and its memory
        return pixels if use is None else use(pixels)


def _reduce(
    image: Image.Image, size: int | None, channels: int, shorter_side: int, file: BinaryIO
) -> int:
    """Lets the decoder scale a photograph down where that is allowed.

    Returns:
        The memory that its decoding and its conversion will take.
    """
    full_size = image.size
    if image.format in ("JPEG", "MPO"):
        is_large = full_size[0] * full_size[1] > image_bands.REDUCED_PIXELS
        side = size if size is not None else shorter_side if is_large else 0
        if side:  # by 2, 4 or 8, never below twice the requested side
            image.draft(None, (2 * side, 2 * side))
    # Pillow has read these files as a whole when it opened them.
    file_bytes = file.seek(0, io.SEEK_END) if image.format in ("WEBP", "AVIF", "HEIF") else 0
    decoding = image_bands.decoding_bytes(image, full_size, file_bytes)
    return decoding + image_bands.result_bytes(image.size, channels, size)


def _pixels(
    image: Image.Image,
    turn: str | None,
    scale: deep_images.Scale | None,
    size: int | None,
    channels: int,
) -> np.ndarray:
    """The pixels of a decoded image, upright, uint8."""
    shown, band = image_bands.upright_bands(
        image,
        lambda part: image_scaling.to_mode(part if scale is None else scale(part), channels),
        turn,
    )
    if size is None or shown == (size, size):
        return image_bands.to_array(shown, band, channels)
    pixels = np.asarray(image_scaling.fit_bands(shown, band, size), np.uint8)
    return pixels.reshape(size, size, channels)


def _open_image(file: BinaryIO, path: str | os.PathLike = "") -> Image.Image:
    """Opens an image of the known kinds; Pillow would run Ghostscript on others.

    Args:
        file: the file.
        path: its name, whose ending is the only mark of a TGA image.

    Raises:
        Unreadable: the file is empty, or of a kind that a missing package reads.
    """
    from PIL import Image

    _silence_pillow()
    _silence_libtiff()
    head = file.read(32)
    if not head:
        raise Unreadable("empty file")
    file.seek(0)
    return Image.open(file, formats=image_kinds.formats(head, os.path.splitext(path)[1]))


def _silence_pillow() -> None:
    """Keeps what Pillow says of broken metadata from the users; the pixels are whole."""
    if not any(entry[3] == _PILLOW for entry in warnings.filters):
        # Not `catch_warnings`, which is not safe in threads.
        warnings.filterwarnings("ignore", module=_PILLOW.pattern)


@functools.cache
def _silence_libtiff() -> None:
    """Keeps what libtiff prints of broken files from the users: Pillow raises, and says it once.

    Redirecting the standard error output of the process would swallow what other threads print,
    so libtiff's own handler of errors is removed, in the copy that Pillow's module is linked to.
    Where that is not found (a static library), its lines appear.
    """
    from PIL import Image

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(Image.core.__file__).TIFFSetErrorHandler(None)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 if there is none, or none that means something."""
    try:
        orientation = image.getexif().get(0x0112, 1)
    except Exception:  # broken EXIF raises all kinds of errors; the pixels are whole
        return 1
    return orientation if orientation in _UPRIGHT else 1


def _too_large(image: Image.Image, error: OverBudget) -> str:
    width, height = image.size
    return (
        f"{width}x{height} pixels, which take {format_bytes(error.needed)} to decode as"
        f" {image.format}; expected at most {format_bytes(error.limit)}: scale it down, cut it"
        " into parts, or raise the limit with tfgan_suite.data.set_image_memory"
    )


def _too_many_pixels(error: Exception) -> str:
    """The reason of Pillow's `DecompressionBombError`, whose message states both numbers."""
    count, *limit = re.findall(r"\d+", str(error)) or ["too many"]
    expected = f"; expected at most {limit[0]}" if limit else ""
    return f"{count} pixels, more than Pillow opens{expected}: scale it down or cut it into parts"


def _reason(error: Exception) -> str:
    """A few words without a path, for the list of skipped files."""
    if isinstance(error, MemoryError):
        return "not enough memory to decode it"
    name = type(error).__name__
    if name == "UnidentifiedImageError":
        return "not an image of a known kind"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split())
    return f"broken image ({text})" if text else f"broken image ({name})"
