"""Images of what a game generates: image grids, scatter plots, animations."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfgan_suite.utils import files, foreign_files, image_endings, notices

# Side of a scatter plot in pixels, and the colours of real and generated points on white.
_PLOT = 256
_REAL, _FAKE = (190, 200, 215), (200, 40, 40)


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Maps [-1, 1] to 0..255, rounded and clipped; uint8 stays as it is.

    Args:
        images: float or uint8 array of any shape.

    Returns:
        uint8 array of the same shape.
    """
    if images.dtype == np.uint8:
        return images
    return np.clip(np.round((np.asarray(images, np.float32) + 1) * 127.5), 0, 255).astype(np.uint8)


def image_grid(images: np.ndarray, columns: int | None = None, min_width: int = 256) -> np.ndarray:
    """Arranges images in rows and columns.

    Args:
        images: float `(count, height, width, channels)` in [-1, 1]; see `as_colour`.
        columns: images in a row; default the square root of the count, rounded up.
        min_width: small images are enlarged by an integer factor until the grid is about this wide.

    Returns:
        uint8 `(height, width, 3)`.
    """
    pixels = as_colour(to_uint8(images))
    count, height, width, _ = pixels.shape
    columns = columns or int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    grid = np.full((rows * (height + 2) + 2, columns * (width + 2) + 2, 3), 255, np.uint8)
    for index, image in enumerate(pixels):
        top, left = 2 + index // columns * (height + 2), 2 + index % columns * (width + 2)
        grid[top : top + height, left : left + width] = image
    factor = max(1, min_width // grid.shape[1])
    return grid.repeat(factor, axis=0).repeat(factor, axis=1)


def as_colour(images: np.ndarray) -> np.ndarray:
    """What is shown of images of any number of channels; says so, if it is not all.

    Args:
        images: `(..., channels)`.

    Returns:
        `(..., 3)`: of more than three channels the first three, of two the first, as grey.
    """
    channels = images.shape[-1]
    if channels not in (1, 3):
        shown = "the first three, as colours" if channels > 3 else "the first, as grey"
        notices.say_once(f"images of {channels} channels: grids show {shown}")
    first = images[..., :3] if channels >= 3 else images[..., :1]
    return np.broadcast_to(first, (*images.shape[:-1], 3))


def scatter(points: np.ndarray, real: np.ndarray | None = None) -> np.ndarray:
    """Draws generated points over real ones.

    Args:
        points: `(count, 2)`.
        real: `(count, 2)`, drawn below and setting the frame; default the points themselves.

    Returns:
        uint8 `(256, 256, 3)`.
    """
    canvas = np.full((_PLOT, _PLOT, 3), 255, np.uint8)
    frame = np.asarray(points if real is None else real, np.float64)
    middle = (frame.max(0) + frame.min(0)) / 2
    reach = 0.62 * max(float(np.max(frame.max(0) - frame.min(0))), 1e-6)
    for group, colour in ((real, _REAL), (points, _FAKE)):
        if group is None:
            continue
        position = ((np.asarray(group, np.float64) - middle) / reach + 1) / 2 * (_PLOT - 1)
        position = position[np.isfinite(position).all(1)]
        column, row = np.round(position[:, 0]).astype(int), np.round(_PLOT - 1 - position[:, 1])
        row = row.astype(int)
        inside = (column > 0) & (column < _PLOT - 1) & (row > 0) & (row < _PLOT - 1)
        for down, across in np.ndindex(3, 3):  # dots of 3x3 pixels
            canvas[row[inside] + down - 1, column[inside] + across - 1] = colour
    return canvas


def draw(
    examples: np.ndarray, real: np.ndarray | None = None, columns: int | None = None
) -> np.ndarray:
    """An image grid of images, `columns` in a row, or a scatter plot of points."""
    return scatter(examples, real) if examples.ndim == 2 else image_grid(examples, columns)


def write_png(path: str | os.PathLike, pixels: np.ndarray) -> None:
    """Writes a PNG file; readers see either the old file or the complete new one.

    Args:
        path: the file.
        pixels: uint8 `(height, width, 1 or 3)`.
    """
    files.write_bytes(path, tf.io.encode_png(pixels).numpy())


def write_image(path: str | os.PathLike, pixels: np.ndarray) -> None:
    """Writes an image file atomically; its ending, one of `image_endings.WRITABLE`, is its format.

    Args:
        path: the file.
        pixels: uint8 `(height, width, 1 or 3)`.

    Raises:
        InputError: the image is larger than files of this ending can be.
    """
    image_endings.check_sides(path, *pixels.shape[:2])
    ending = os.path.splitext(path)[1].lower()
    if ending == ".png":
        write_png(path, pixels)
    elif ending == ".webp":
        from PIL import Image

        content = io.BytesIO()
        image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
        image.save(content, "WEBP", quality=95)
        files.write_bytes(path, content.getvalue())
    else:
        jpeg = tf.io.encode_jpeg(pixels, quality=95, chroma_downsampling=False)
        files.write_bytes(path, jpeg.numpy())


def read_png(path: str | os.PathLike) -> np.ndarray:
    """Reads a PNG file as uint8 `(height, width, 3)`."""
    return tf.io.decode_png(foreign_files.read_bytes(path), channels=3).numpy()


def write_animation(path: str | os.PathLike, paths: Sequence[str | os.PathLike]) -> None:
    """Writes an animated GIF of PNG files of one size; the last frame stays for two seconds.

    Args:
        path: the GIF file.
        paths: PNG files in order; of more than 60, 60 at even intervals are used.
    """
    from PIL import Image

    selected = np.linspace(0, len(paths) - 1, min(60, len(paths))).astype(int)
    frames = [Image.fromarray(read_png(paths[i])) for i in selected]
    content = io.BytesIO()
    frames[0].save(
        content,
        "GIF",
        save_all=True,
        append_images=frames[1:],
        duration=[200] * (len(frames) - 1) + [2000],
        loop=0,
    )
    files.write_bytes(path, content.getvalue())


def rows(columns: Sequence[np.ndarray]) -> np.ndarray | None:
    """Arranges columns of images side by side, one row per example.

    Args:
        columns: arrays `(count, height, width, channels)` in [-1, 1]; the channels may differ
            (see `as_colour`). Smaller images are enlarged by an integer factor to the height of
            the largest.

    Returns:
        uint8 image grid; None if there are no columns.
    """
    if not columns:
        return None
    height = max(images.shape[1] for images in columns)
    cells = []
    for images in columns:
        factor = max(1, height // images.shape[1])
        cells.append(np.repeat(np.repeat(as_colour(images), factor, axis=1), factor, axis=2))
    images = np.stack(cells, axis=1)
    return image_grid(images.reshape(-1, *images.shape[2:]), len(columns))
