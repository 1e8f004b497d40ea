"""Images that a page offers where an image goes in."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from tfgan_suite.data.readers import image_files, image_scaling
from tfgan_suite.errors import InputError
from tfgan_suite.utils.files import user_path

MAX_SIDE = 1024


def read(images: Sequence[str | Path]) -> dict[str, bytes]:
    """PNG files by path below the site's folder: upright, in RGB, at most 1024 pixels a side.

    Raises:
        InputError: a file is no image.
    """
    from PIL import Image

    files = {}
    for number, image in enumerate(images, 1):
        try:
            pixels = image_files.read(user_path(image), None, 3)
        except image_files.Unreadable as error:
            raise InputError(f"--picture {image} cannot be read: {error}; pass an image") from error
        longest = max(pixels.shape[:2])
        if longest > MAX_SIDE:
            height, width = (max(1, round(n * MAX_SIDE / longest)) for n in pixels.shape[:2])
            pixels = image_scaling.resize_array(pixels, (width, height), is_smaller=True)
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, "PNG")
        files[f"pictures/{number}.png"] = content.getvalue()
    return files
