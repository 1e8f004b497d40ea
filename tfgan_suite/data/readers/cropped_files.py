"""Image files of any size as `CroppedImages`: decoded into memory, or each time they are used."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tfgan_suite.data.pipeline import file_sources
from tfgan_suite.data.pipeline.crops import CroppedImages, InMemoryImages, StreamedImages
from tfgan_suite.data.pipeline.decoding import read_in_parallel
from tfgan_suite.data.pipeline.source import bit_depth_mark, file_fingerprint, fingerprint_of
from tfgan_suite.data.readers import image_files, image_scaling

MAX_UPSCALE = 4  # an image that would have to be enlarged more than this has no detail to offer


def load_cropped(
    paths: Sequence[Path],
    *,
    side: int,
    crop: int,
    memory_limit: int,
    strict: bool = False,
    progress: file_sources.Progress | None = None,
    bit_depth: int | None = None,
) -> CroppedImages:
    """Opens image files: decodes them into memory, or streams them if they are too large for it.

    Args:
        paths: the files.
        side: images are scaled so that their shorter side has this many pixels; 0: not scaled.
        crop: side of the windows.
        memory_limit: bytes of decoded images that may be kept in memory.
        strict: a file that cannot be used is an error.
        progress: called with (files done, total files) while they are decoded.
        bit_depth: significant bits of 16-bit images.

    Raises:
        InputError: more than half of the files cannot be used, or with `strict` one of them.
    """
    fingerprint = fingerprint_of(side, crop, *file_fingerprint(paths), *bit_depth_mark(bit_depth))
    read = functools.partial(read_image, side=side, crop=crop, bit_depth=bit_depth)
    streams = _decoded_bytes(paths, side) > memory_limit
    if streams and not strict:
        return StreamedImages(paths, read, crop, fingerprint)
    images: list[np.ndarray] = []
    skipped: list[tuple[str, str]] = []

    def attempt(path: Path) -> np.ndarray | image_files.Unreadable:
        try:
            return read(path)
        except image_files.Unreadable as error:
            return error

    results = read_in_parallel(attempt, paths, "decoding")
    for number, (path, result) in enumerate(zip(paths, results), 1):
        if isinstance(result, image_files.Unreadable):
            skipped.append((str(path), str(result)))
        elif not streams:
            images.append(result)
        if progress is not None:
            progress(number, len(paths))
    file_sources.check_skipped(skipped, len(paths), strict)
    if streams:
        return StreamedImages(paths, read, crop, fingerprint)
    return InMemoryImages(images, crop, fingerprint, skipped)


def read_image(
    path: Path,
    side: int,
    crop: int,
    bit_depth: int | None = None,
    use: Callable[[np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """An image whose shorter side has a certain length.

    Args:
        path: the file.
        side: pixels of the shorter side; 0: as it is.
        crop: the smallest acceptable side where `side` is 0.
        bit_depth: significant bits of 16-bit images.
        use: called with the image, for callers that need only a part of it; see
            `image_files.decode`.

    Returns:
        uint8 `(height, width, 3)`; with `use`, what it returns.

    Raises:
        Unreadable: the image is broken or too small.
    """

    def scaled(pixels: np.ndarray) -> np.ndarray:
        height, width = pixels.shape[:2]
        smallest = -(-side // MAX_UPSCALE) if side else crop
        if min(height, width) < smallest:
            raise image_files.Unreadable(
                f"{width}x{height} pixels; its shorter side must have at least {smallest}"
            )
        pixels = image_scaling.resize_shorter_side(pixels, side)
        return pixels if use is None else use(pixels)

    return image_files.read(path, None, 3, bit_depth, shorter_side=side, use=scaled)


def _decoded_bytes(paths: Sequence[Path], side: int) -> float:
    """Estimates the size of the decoded images from the headers of up to 64 of them."""
    sizes = []
    for index in np.linspace(0, len(paths) - 1, min(64, len(paths))).astype(int):
        try:
            header = image_files.header(paths[index])
        except image_files.Unreadable:  # it is handled when it is read
            continue
        width, height = header.width, header.height
        factor = side / min(width, height) if side else 1.0
        sizes.append(3.0 * width * height * factor**2)
    return len(paths) * float(np.mean(sizes)) if sizes else 0.0
