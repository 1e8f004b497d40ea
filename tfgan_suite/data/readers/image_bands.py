"""Large images in bands of rows: what they cost, and conversions that never copy the whole.

A band is turned, converted and scaled across before the next one is touched. Pillow scales across
first, rounds to 8 bits, and then scales down, so the result has the same bits as for the whole
image at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.utils.memory_budget import MemoryBudget

if TYPE_CHECKING:
    from PIL import Image

# Of all threads that decode images. The largest RGB image that Pillow opens (179 million pixels)
# takes 1.17 GiB, 4 bytes a pixel in the decoder and 3 as the result.
BUDGET = MemoryBudget(5 * 2**28)
# JPEG files with more pixels than this are decoded at half, a quarter or an eighth of their size
# where only a smaller image is needed. Those with fewer always give the same pixels.
REDUCED_PIXELS = 2**25
BAND_PIXELS = 2**20
_BAND_BYTES = 32 * BAND_PIXELS  # of a band and its conversions

_BLOCK_BYTES = _LEAST_BYTES = 2**26
# Bytes of a pixel in Pillow's memory; 4 for all other modes, RGB included.
_STORED = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2, "I;16N": 2}
# What decoders hold besides: WebP's two canvases and a copy of the frame; planes of 16 bits, an
# RGBA image and its copy; JPEG 2000's four components of 32 bits; an unpacked TGA.
_DECODER_BYTES = {"WEBP": 12, "AVIF": 14, "HEIF": 14, "JPEG2000": 16, "TGA": 4}

Band = Callable[[int, int], "Image.Image"]


def set_image_memory(limit: int) -> None:
    """Sets the memory that all threads of this process may use together to decode images.

    Args:
        limit: bytes; 1.25 GiB unless it is set.

    Raises:
        InputError: less than 64 MiB.
    """
    if limit < _LEAST_BYTES:
        raise InputError(
            f"the memory for images is {limit} bytes; expected at least {_LEAST_BYTES}: pass more"
        )
    BUDGET.limit = int(limit)


def use_large_blocks() -> None:
    """Makes Pillow allocate large images in blocks of 64 MiB instead of 16.

    The C library returns those to the system as soon as they are freed. Of smaller ones each
    thread keeps its share, so four threads that decode one after the other would hold four images.
    """
    from PIL import Image

    if Image.core.get_block_size() < _BLOCK_BYTES:
        Image.core.set_block_size(_BLOCK_BYTES)


def decoding_bytes(image: Image.Image, full_size: tuple[int, int], file_bytes: int = 0) -> int:
    """The memory that `image.load()` takes, estimated from the header.

    Args:
        image: opened and not loaded, perhaps reduced by `draft`.
        full_size: width and height before the reduction.
        file_bytes: length of the file.
    """
    pixels, full_pixels = (width * height for width, height in (image.size, full_size))
    stored = pixels * _STORED.get(image.mode, 4)
    if image.format in _DECODER_BYTES:
        return stored + _DECODER_BYTES[image.format] * pixels + 2 * file_bytes
    if image.format == "TIFF":
        tags = getattr(image, "tag_v2", {})
        is_turned = tags.get(0x0112, 1) not in (0, 1)
        # A compressed strip is unpacked first, and it may be the whole image.
        is_packed = any(tile[0] != "raw" for tile in image.tile)
        return stored * (1 + is_turned + is_packed)
    if image.format in ("BMP", "DIB", "PPM"):  # some kinds are unpacked before they are stored
        return 2 * stored
    if image.format in ("JPEG", "MPO") and image.info.get("progressive"):
        # The coefficients of all components, 16 bits each, at full size.
        layers = [(down, across) for _, down, across, *_ in getattr(image, "layer", ())]
        most = max((down * across for down, across in layers), default=1)
        shares = sum(down * across / most for down, across in layers) if layers else 3
        return stored + int(2 * full_pixels * shares)
    return stored


def result_bytes(size: tuple[int, int], channels: int, side: int | None) -> int:
    """The memory of an image's conversion by `to_array` or `resize`.

    Args:
        size: width and height of the image.
        channels: of the result.
        side: of the square result; `None`: the image's own size.
    """
    if side is None:
        return _BAND_BYTES + size[0] * size[1] * channels
    return _BAND_BYTES + 4 * side * (max(size) + side)  # it may be shown lying on its side


def boxes(size: tuple[int, int]) -> list[tuple[int, int]]:
    """First row and row after the last one of each band of about a million pixels.

    Args:
        size: width and height.
    """
    width, height = size
    rows = max(1, BAND_PIXELS // max(1, width))
    return [(top, min(top + rows, height)) for top in range(0, height, rows)]


def upright_bands(
    image: Image.Image, convert: Callable[[Image.Image], Image.Image], turn: str | None
) -> tuple[tuple[int, int], Band]:
    """The size of an image as a viewer shows it, and a function that returns a band of its rows.

    Args:
        image: the decoded image.
        convert: converts a part of it, pixel by pixel.
        turn: name of one of `PIL.Image.Transpose` that turns it upright; `None`: it is upright.
    """
    from PIL import Image

    width, height = image.size
    if turn is None:
        return image.size, lambda top, bottom: convert(image.crop((0, top, width, bottom)))
    is_sideways = turn in ("TRANSPOSE", "TRANSVERSE", "ROTATE_90", "ROTATE_270")
    # Whether the first row that is shown is stored last.
    is_reversed = turn in ("FLIP_TOP_BOTTOM", "ROTATE_180", "TRANSVERSE", "ROTATE_90")
    shown = (height, width) if is_sideways else (width, height)

    def band(top: int, bottom: int) -> Image.Image:
        if is_reversed:
            top, bottom = shown[1] - bottom, shown[1] - top
        box = (top, 0, bottom, height) if is_sideways else (0, top, width, bottom)
        return convert(image.crop(box)).transpose(Image.Transpose[turn])

    return shown, band


def to_array(size: tuple[int, int], band: Band, channels: int) -> np.ndarray:
    """All bands as one array.

    Args:
        size: width and height.
        band: returns rows of 8-bit grey or RGB.
        channels: 1 or 3.

    Returns:
        uint8 `(height, width, channels)`.
    """
    pixels = np.empty((size[1], size[0], channels), np.uint8)
    for top, bottom in boxes(size):
        rows = np.asarray(band(top, bottom), np.uint8)
        pixels[top:bottom] = rows.reshape(bottom - top, size[0], channels)
    return pixels


def array_bands(pixels: np.ndarray) -> tuple[tuple[int, int], Band]:
    """As `upright_bands`, of an array uint8 `(height, width, 1, 3 or 4)`."""
    from PIL import Image

    def band(top: int, bottom: int) -> Image.Image:
        rows = pixels[top:bottom]
        return Image.fromarray(rows[..., 0] if rows.shape[2] == 1 else rows)

    return (pixels.shape[1], pixels.shape[0]), band


def resize(
    size: tuple[int, int],
    band: Band,
    new_size: tuple[int, int],
    kind: Image.Resampling,
    box: tuple[float, float, float, float] | None = None,
) -> Image.Image:
    """`PIL.Image.Image.resize` of an image that is never in memory as a whole.

    Args:
        size: width and height.
        band: returns rows of 8-bit grey or RGB.
        new_size: width and height of the result.
        kind, box: as for Pillow's `resize`.
    """
    from PIL import Image

    bands = boxes(size)
    left, upper, right, lower = box or (0, 0, *size)
    if len(bands) == 1:
        return band(0, size[1]).resize(new_size, kind, box=(left, upper, right, lower))
    narrow = None
    for top, bottom in bands:
        rows = band(top, bottom)
        height = bottom - top
        rows = rows.resize((new_size[0], height), kind, box=(left, 0, right, height))
        if narrow is None:
            narrow = Image.new(rows.mode, (new_size[0], size[1]))
        narrow.paste(rows, (0, top))
    return narrow.resize(new_size, kind, box=(0, upper, new_size[0], lower))
