"""Images of more than 8 bits to 8 bits: 16-bit grey and colour, 32-bit integers, floats."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from tfgan_suite.data.pipeline.broken_files import Unreadable
from tfgan_suite.data.readers import image_bands

if TYPE_CHECKING:
    from PIL import Image

Scale = Callable[["Image.Image"], "Image.Image"]

_TIFF_BITS, _TIFF_MEANING, _TIFF_MAXIMA = 258, 262, (341, 281)  # SMaxSampleValue, MaxSampleValue
# Readers of these formats have stretched the values to 16 bits themselves.
_STRETCHED = ("PPM", "JPEG2000")


def uses_unknown_bits(image: Image.Image, file: BinaryIO) -> bool:
    """Whether an image stores integers of more than 8 bits, perhaps without using all of them."""
    is_open = image.format not in _STRETCHED
    return is_open and (_is_integer(image) or _is_deep_colour(image, file))


def extrema(image: Image.Image, file: BinaryIO) -> tuple[float, float]:
    """The smallest and the largest value of an image of more than 8 bits."""
    if _is_deep_colour(image, file):
        values = _colour_values(image, file)
        colours = values[..., : values.shape[-1] - 1 + values.shape[-1] % 2]  # without opacity
        return float(colours.min()), float(colours.max())
    ends = [(band.min(), band.max()) for band in _grey_bands(image)]
    return float(min(low for low, _ in ends)), float(max(high for _, high in ends))


def stated_bits(image: Image.Image, file: BinaryIO) -> int | None:
    """How many bits the file says are used: PNG's `sBIT`, TIFF's tags; `None`: it does not."""
    if image.format == "PNG":
        head = _head(file, 4096)
        start = head.find(b"sBIT")
        length = int.from_bytes(head[start - 4 : start], "big") if start >= 8 else 0
        return max(head[start + 4 : start + 4 + min(length, 4)], default=0) or None
    if image.format != "TIFF":
        return None
    bits = _stored_bits(image)
    for tag in _TIFF_MAXIMA:
        value = image.tag_v2.get(tag)
        value = max(value, default=0) if isinstance(value, tuple) else value
        if isinstance(value, int) and value > 0:
            bits = min(bits, value.bit_length())
    return bits if bits < 16 else None


def grey_scale(image: Image.Image, bit_depth: int | None) -> Scale | None:
    """Scales parts of a grey image of more than 8 bits to 8.

    White is 1 for floats, the largest value of `bit_depth` bits for integers.

    Args:
        image: as Pillow loaded it.
        bit_depth: significant bits; `None`: those that the format states.

    Returns:
        A function of such parts; `None` for other images.

    Raises:
        Unreadable: the image has values that are not between black and white.
    """
    from PIL import Image

    if image.mode != "F" and not _is_integer(image):
        return None
    bits = _bits(image, bit_depth)
    white = 1.0 if image.mode == "F" else float(2**bits - 1)
    ends = [(band.min(), band.max()) for band in _grey_bands(image)]
    _check_range(np.min(ends), np.max(ends), white)
    is_inverted = (
        image.format == "TIFF" and _is_integer(image) and image.tag_v2.get(_TIFF_MEANING) == 0
    )

    def scale(part: Image.Image) -> Image.Image:
        grey = np.round(np.asarray(part).astype(np.float64) * (255.0 / white))
        return Image.fromarray((255.0 - grey if is_inverted else grey).astype(np.uint8))

    return scale


def is_cut_colour(image: Image.Image, file: BinaryIO, bit_depth: int | None) -> bool:
    """Whether Pillow would lose bits that count: it keeps the upper 8 of 16-bit colour."""
    return _bits(image, bit_depth) < 16 and _is_deep_colour(image, file)


def full_colour_bytes(image: Image.Image) -> int:
    """The memory that `full_colour` takes."""
    return 24 * image.size[0] * image.size[1]


def full_colour(image: Image.Image, file: BinaryIO, bit_depth: int | None) -> Image.Image:
    """A 16-bit colour image scaled to 8 bits, from all of its bits.

    Args:
        image: as Pillow loaded it.
        file: its file.
        bit_depth: significant bits.

    Raises:
        Unreadable: values of more bits, or a TIFF that cannot be read in full.
    """
    from PIL import Image

    values = _colour_values(image, file)
    white = float(2 ** _bits(image, bit_depth) - 1)
    colours = values.shape[-1] - 1 + values.shape[-1] % 2
    _check_range(0.0, values[..., :colours].max(), white)
    scaled = np.empty(values.shape, np.uint8)
    for top, bottom in image_bands.boxes(image.size):
        rows = values[top:bottom].astype(np.float64)
        scaled[top:bottom] = np.minimum(np.round(rows * (255.0 / white)), 255.0)
    return Image.fromarray(scaled)


def _check_range(low: float, high: float, white: float) -> None:
    if not (low >= 0.0 and high <= white):
        advice = ": pass a larger --bit-depth" if 1.0 < white < high <= 65535.0 else ""
        raise Unreadable(f"values from {low:g} to {high:g}, expected 0 to {white:g}{advice}")


def _bits(image: Image.Image, bit_depth: int | None) -> int:
    """How many of 16 bits count."""
    if image.format in _STRETCHED:
        return 16
    stored = _stored_bits(image) if image.format == "TIFF" else 16
    return min(bit_depth or max(stored, 9), 16)


def _grey_bands(image: Image.Image) -> Iterator[np.ndarray]:
    for top, bottom in image_bands.boxes(image.size):
        yield np.asarray(image.crop((0, top, image.width, bottom)))


def _is_integer(image: Image.Image) -> bool:
    return image.mode == "I" or image.mode.startswith("I;")


def _is_deep_colour(image: Image.Image, file: BinaryIO) -> bool:
    """Whether Pillow keeps only the upper 8 of an image's 16 bits."""
    if image.mode not in ("RGB", "RGBA", "LA"):
        return False
    if image.format == "PNG":
        return _head(file, 25)[24:] == b"\x10"
    return image.format == "TIFF" and _stored_bits(image) == 16


def _head(file: BinaryIO, count: int) -> bytes:
    position = file.tell()
    file.seek(0)
    head = file.read(count)
    file.seek(position)
    return head


def _stored_bits(image: Image.Image) -> int:
    """TIFF's BitsPerSample."""
    bits = image.tag_v2.get(_TIFF_BITS, 1)
    return max(bits, default=1) if isinstance(bits, tuple) else bits


def _colour_values(image: Image.Image, file: BinaryIO) -> np.ndarray:
    """All bits of a 16-bit colour image: `(height, width, 2, 3 or 4)`, with opacity last."""
    file.seek(0)
    content = file.read()
    if image.format == "TIFF":
        return _tiff_values(content)
    import tensorflow as tf

    try:
        with tf.device("CPU:0"):
            return tf.io.decode_png(content, dtype=tf.uint16).numpy()
    except tf.errors.OpError as error:
        raise Unreadable("broken image (a 16-bit PNG that libpng refuses)") from error


def _tiff_values(content: bytes) -> np.ndarray:
    """Both bytes of a 16-bit TIFF: Pillow keeps the upper one, or in swapped order the lower."""
    from PIL import Image

    halves = []
    for is_lower in (False, True):
        with Image.open(io.BytesIO(content), formats=("TIFF",)) as image:
            if is_lower:
                image.tile = [_swapped(tile) for tile in image.tile]
            halves.append(np.asarray(image, np.uint16))
    return halves[0] * np.uint16(256) + halves[1]


def _swapped(tile):
    """A tile of 16-bit samples, to be read in the other order of bytes.

    Raises:
        Unreadable: its samples are stored in another way.
    """
    codec, box, offset, options = tile
    options = (options,) if isinstance(options, str) else tuple(options)
    native = "B" if sys.byteorder == "little" else "L"
    order = {";16L": ";16B", ";16B": ";16L", ";16N": f";16{native}"}.get(options[0][-4:])
    if order is None or options[0][:-4] not in ("RGB", "RGBA", "RGBX"):
        raise Unreadable("16-bit colour of a kind that cannot be read in full: convert it to PNG")
    return type(tile)(codec, box, offset, (options[0][:-4] + order, *options[1:]))
