"""Which files a translation reads and writes, and how."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfgan_suite.data.readers import image_files
from tfgan_suite.errors import InputError
from tfgan_suite.utils import image_grids
from tfgan_suite.utils.files import write_bytes

_WRITTEN = (".png", ".jpg", ".jpeg")


@dataclasses.dataclass(frozen=True)
class Job:
    """One image to translate.

    Args:
        name: its path below the input folder; its file name where one image is given.
        given: the file.
        made: the file that gets the translation.
        truth: the file with the true answer, or None.
    """

    name: str
    given: Path
    made: Path
    truth: Path | None = None


def plan(given: Path, output: Path, truths: Path | None = None) -> list[Job]:
    """The images to translate, and where the translations go.

    A folder is read with its sub-folders, and the output folder gets the same names, with the
    ending .png (after the old ending where two names differ by that alone).

    Args:
        given: an image or a folder.
        output: for one image a file (.png or .jpg) or a folder, for a folder a folder.
        truths: a folder with true answers, which are found by name without the ending; for one
            image also a file.

    Returns:
        Jobs in the order of their names.

    Raises:
        InputError: nothing to translate, no place for it, or a file that would be overwritten.
    """
    if not given.exists():
        raise InputError(f"{given} does not exist; give an image or a folder of images")
    if truths is not None and not truths.exists():
        raise InputError(f"--target {truths} does not exist; give a folder of images")
    as_file = output.suffix.lower() in image_files.SUFFIXES and not output.is_dir()
    if given.is_dir():
        if output.is_file() or as_file:
            raise InputError(f"{output} is no folder, but {given} is one; give a folder")
        names = _listed(given, output)
        places, made = {name: given / name for name in names}, _named(names)
    else:
        if as_file and output.suffix.lower() not in _WRITTEN:
            raise InputError(f"{output} cannot be written as {output.suffix}; give .png or .jpg")
        places, made = {given.name: given}, {given.name: f"{given.stem}.png"}
        if as_file:
            made, output = {given.name: output.name}, output.parent
    answers = _answers(truths, places) if truths is not None else {}
    jobs = [
        Job(name, place, output / made[name], answers.get(name)) for name, place in places.items()
    ]
    kept = {path.resolve() for job in jobs for path in (job.given, job.truth) if path}
    for job in jobs:
        if job.made.resolve() in kept:
            raise InputError(
                f"the translation of {job.given} would overwrite {job.made}; give another output"
            )
    return jobs


def read(path: Path, channels: int, size: int = 0) -> np.ndarray:
    """An image as a viewer shows it, transparency laid over white.

    Args:
        path: the file.
        channels: 1 or 3.
        size: pixels to which the shorter side is scaled; 0: as it is.

    Returns:
        uint8 `(height, width, channels)`.

    Raises:
        images.Unreadable: it is no whole image; the message says why.
    """
    return image_files.resize_shorter_side(image_files.read(path, None, channels), size)


def in_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """A uint8 image in colour (3) or grey (1)."""
    return pixels if pixels.shape[2] == channels else image_files.fit_array(pixels, None, channels)


def halves(pixels: np.ndarray, direction: str) -> tuple[np.ndarray, np.ndarray]:
    """The source and the target of an image that shows A at the left and B at the right.

    Raises:
        images.Unreadable: it cannot be halved.
    """
    width = pixels.shape[1]
    if width < 2 or width % 2:
        raise image_files.Unreadable(f"{width} pixels wide, which is not a pair of two halves")
    left, right = pixels[:, : width // 2], pixels[:, width // 2 :]
    return (left, right) if direction == "AtoB" else (right, left)


def write(path: Path, pixels: np.ndarray) -> None:
    """Writes a uint8 image whole or not at all; the ending says the kind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".png":
        image_grids.write_png(path, pixels)
    else:
        content = tf.io.encode_jpeg(pixels, quality=95, chroma_downsampling=False)
        write_bytes(path, content.numpy())


def _listed(folder: Path, output: Path | None = None) -> list[str]:
    """Names of the images below a folder, without those of an output folder inside it."""
    found, outside = [], output.resolve() if output is not None else None
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and (Path(place) / name).resolve() != outside
        )
        below = Path(place).relative_to(folder)
        found += [
            (below / file).as_posix()
            for file in files
            if file.lower().endswith(image_files.SUFFIXES) and not file.startswith(".")
        ]
    if not found:
        raise InputError(f"{folder} holds no images; expected PNG, JPEG, WebP, GIF, BMP or TIFF")
    return sorted(found)


def _named(names: Sequence[str]) -> dict[str, str]:
    stems = {name: Path(name).with_suffix("").as_posix() for name in names}
    shared = Counter(stems.values())
    return {name: f"{stem if shared[stem] == 1 else name}.png" for name, stem in stems.items()}


def _answers(truths: Path, places: dict[str, Path]) -> dict[str, Path]:
    """The true answer of each image that has one: by its path without the ending, or its stem."""
    if truths.is_file():
        if len(places) > 1:
            raise InputError(f"--target {truths} is one image; give a folder for a folder")
        return {name: truths for name in places}
    by_name = {}
    for name in _listed(truths):
        by_name[Path(name).with_suffix("").as_posix()] = truths / name
    by_stem = {Path(name).stem: path for name, path in by_name.items()}
    found = {}
    for name in places:
        path = Path(name)
        answer = by_name.get(path.with_suffix("").as_posix(), by_stem.get(path.stem))
        if answer is not None:
            found[name] = answer
    if not found:
        raise InputError(
            f"--target {truths} has no image named like one of the input, such as"
            f" {next(iter(places))}; names may differ in the ending alone"
        )
    return found
