"""What a user edits and draws: a photo, a brush and a sketch, and their small copies."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from tfgan_suite.data.readers import image_files
from tfgan_suite.errors import InputError
from tfgan_suite.inference import files
from tfgan_suite.latent import pictures
from tfgan_suite.utils import bicubic
from tfgan_suite.utils.files import user_path

MOST_PIXELS = 2**25  # 33 million, which take about 2 GiB
_OPAQUE = 128
_COVERED = 0.25  # share of a small pixel that a brush must cover
_GREY = np.array([0.299, 0.587, 0.114])


@dataclasses.dataclass(frozen=True)
class Photo:
    """A photo, and a copy of the size that the generator draws.

    Args:
        name: of the file, without its ending.
        pixels: float32 `(rows, columns, channels)` in [-1, 1].
        small: float32 `(height, width, channels)`; the photo itself, if it has this size.
    """

    name: str
    pixels: np.ndarray
    small: np.ndarray


def read_photo(source: str, shape: tuple[int, ...]) -> Photo:
    """A photo of the size that the generator draws, or a larger one of the same ratio.

    Args:
        source: an image file.
        shape: height, width and channels that the generator draws.

    Raises:
        InputError: it cannot be read, is smaller, or has another ratio.
    """
    path, (height, width, channels) = user_path(source), shape
    if channels not in (1, 3):
        raise InputError(
            f"the generator draws images of {channels} channels; edit takes those of 1 or 3, as"
            " image files have"
        )
    try:
        header = image_files.header(path)
        _check_sides(source, header.height, header.width, height, width)
        pixels = pictures.to_float(files.read(path, channels))
    except image_files.Unreadable as error:
        raise InputError(f"{source} cannot be read: {error}; pass an image file") from None
    small = _resize(pixels, height, width).clip(-1.0, 1.0).astype(np.float32)
    return Photo(Path(path).stem, pixels, small)


def _check_sides(source: str, rows: int, columns: int, height: int, width: int) -> None:
    """Refuses a photo that is smaller or of another ratio, or takes gigabytes to edit."""
    if (
        rows < height
        or columns < width
        or abs(rows * width - columns * height) > max(height, width)
    ):
        raise InputError(
            f"{source} has {columns}x{rows} pixels; the generator draws {width}x{height}: pass a"
            " photo of that size or a larger one of that ratio, cropped as in training"
        )
    if rows * columns > MOST_PIXELS:
        raise InputError(
            f"{source} has {columns}x{rows} pixels; expected at most {MOST_PIXELS} in all: scale"
            " it down"
        )


def read_brush(source: str, photo: Photo) -> tuple[np.ndarray, np.ndarray]:
    """The colours of a brush on a transparent ground.

    Args:
        source: an image file with transparency, of the photo's size.
        photo: the photo.

    Returns:
        Colours, float32 `(height, width, channels)` in [-1, 1] as the generator draws them, and how
        much of each pixel is painted, `(height, width)` in [0, 1].

    Raises:
        InputError: it cannot be read, has another size, or is transparent everywhere or nowhere.
    """
    layer = _read_layer(source, photo, "the brush")
    opaque = layer[..., 3] >= _OPAQUE
    if not opaque.any():
        raise InputError(
            f"the brush {source} is transparent everywhere; paint the colours that the photo is to"
            " have"
        )
    if opaque.all():
        raise InputError(
            f"the brush {source} has no transparent pixel; paint on a transparent ground, and save"
            " it as PNG or WebP"
        )
    colours = pictures.to_float(layer[..., :3])
    if photo.small.shape[-1] == 1:
        colours = colours @ _GREY.astype(np.float32)[:, None]
    height, width, _ = photo.small.shape
    weight = opaque[..., None].astype(np.float32)
    cover = _resize(weight, height, width)
    covered = cover >= min(_COVERED, 0.5 * float(cover.max()))
    small = _resize(colours * weight, height, width) / np.where(covered, cover, 1.0)
    mask = np.where(covered, cover, 0.0).clip(0.0, 1.0)[..., 0]
    return small.clip(-1.0, 1.0).astype(np.float32), mask.astype(np.float32)


def read_sketch(source: str, photo: Photo) -> np.ndarray:
    """The lines of a drawing: what is opaque, or what is dark if nothing is transparent.

    Args:
        source: an image file of the photo's size.
        photo: the photo.

    Returns:
        How much ink there is, float32 `(height, width)` in [0, 1], as the generator draws.

    Raises:
        InputError: it cannot be read, has another size, or shows no line.
    """
    layer = _read_layer(source, photo, "the sketch")
    opacity = layer[..., 3] / 255.0
    if (layer[..., 3] < _OPAQUE).any():
        ink = opacity
    else:
        ink = 1.0 - layer[..., :3] @ _GREY / 255.0
    if ink.max() < 0.5 or ink.min() >= 0.5:
        raise InputError(
            f"the sketch {source} shows no line; draw dark lines on white, or any on a transparent"
            " ground"
        )
    height, width, _ = photo.small.shape
    small = _resize(ink[..., None], height, width)[..., 0].clip(0.0, 1.0)
    return (small / small.max()).astype(np.float32)


def _read_layer(source: str, photo: Photo, role: str) -> np.ndarray:
    """RGBA, uint8 `(rows, columns, 4)`."""
    try:
        layer = image_files.read(user_path(source), None, 4)
    except image_files.Unreadable as error:
        raise InputError(f"{role} {source} cannot be read: {error}") from None
    rows, columns = photo.pixels.shape[:2]
    if layer.shape[:2] != (rows, columns):
        raise InputError(
            f"{role} {source} has {layer.shape[1]}x{layer.shape[0]} pixels, but the photo has"
            f" {columns}x{rows}; draw it on a copy of the photo"
        )
    return layer


def _resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    if image.shape[:2] == (height, width):
        return image
    return bicubic.resize(image, height, width)
