"""Which files a command reads and writes, and how."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from tfgan_suite.data.readers import bit_depths, image_files, image_scaling, listing
from tfgan_suite.errors import InputError
from tfgan_suite.utils import image_endings, image_grids, large_images

# Most pixels of an image that `translate` reads and `upscale` writes: with the result, and while
# that is encoded, they take less than 2 GiB (measured in docs/robustness.md).
MAX_PIXELS = 2**27


@dataclasses.dataclass(frozen=True)
class Job:
    """One image to process.

    Args:
        name: its path relative to the input folder; for a single image, its file name.
        input: the file to read.
        output: the file to write.
        target: the file with the true answer, or None.
    """

    name: str
    input: Path
    output: Path
    target: Path | None = None


def plan(input_path: Path, output_path: Path, targets: Path | None = None) -> list[Job]:
    """The images to process, and the files that their outputs go to.

    A folder is read with its subfolders, and the output folder receives the same names with the
    suffix .png (after the old suffix where two names differ only in it).

    Args:
        input_path: an image or a folder.
        output_path: for a single image, a file (.png, .jpg or .webp) or a folder; for a folder, a
            folder.
        targets: a folder of true answers, matched by name without the suffix; for a single image
            also a file.

    Returns:
        Jobs, sorted by name.

    Raises:
        InputError: no images, an output that does not fit the input, or a file that would be
            overwritten.
    """
    if not input_path.exists():
        raise InputError(f"{input_path} does not exist; expected an image or a folder of images")
    if targets is not None and not targets.exists():
        raise InputError(f"--target {targets} does not exist; expected a folder of images")
    inputs, outputs = _paths(input_path, output_path)
    matches = _match_targets(targets, inputs) if targets is not None else {}
    jobs = [Job(name, inputs[name], outputs[name], matches.get(name)) for name in inputs]
    sources = {path.resolve() for job in jobs for path in (job.input, job.target) if path}
    for job in jobs:
        if job.output.resolve() in sources:
            raise InputError(
                f"the output of {job.input} would overwrite {job.output}; choose another output"
            )
    return jobs


def _paths(input_path: Path, output_path: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """The input and the output file of each image, by name."""
    if input_path.is_dir():
        if output_path.is_file() or image_endings.is_file_name(output_path):
            raise InputError(
                f"{output_path} is not a folder, but {input_path} is; pass a folder as the output"
            )
        names = listing.find_images(input_path, output_path)
        outputs = {name: output_path / png for name, png in _png_names(names).items()}
        return {name: input_path / name for name in names}, outputs
    name = input_path.name
    if not image_endings.names_image(output_path):
        return {name: input_path}, {name: output_path / f"{input_path.stem}.png"}
    return {name: input_path}, {name: output_path}


def decide_bit_depth(jobs: Iterable[Job], bit_depth: int | None = None) -> int | None:
    """The significant bits of all 16-bit inputs and targets (`bit_depths.decide`).

    Args:
        jobs: the jobs.
        bit_depth: what the user or the network's training says; `None`: look at the files.
    """
    paths = [path for job in jobs for path in (job.input, job.target) if path is not None]
    return bit_depths.decide(list(dict.fromkeys(paths)), bit_depth)


def check_pixels(
    path: Path, most: int, advice: str, *, size: int = 0, enlarge: bool = True, factor: int = 1
) -> None:
    """Checks from its header alone that an image is not too large to be processed.

    Args:
        path: the file.
        most: pixels that the image, or what becomes of it, may have.
        advice: what to do about an image that has more.
        size, enlarge: as for `read`.
        factor: sides of the result divided by those of the image.

    Raises:
        image_files.Unreadable: it has more pixels.
    """
    try:
        header = image_files.header(path)
    except image_files.Unreadable:  # `read` says why
        return
    sides = (header.width, header.height)
    shorter = min(sides)
    scale = size / shorter if size and (enlarge or shorter > size) else 1.0
    width, height = (round(side * scale) * factor for side in sides)
    if width * height <= most:
        return
    becomes = f", which would become {width}x{height}" if (width, height) != sides else ""
    raise image_files.Unreadable(
        f"{sides[0]}x{sides[1]} pixels{becomes}; expected at most {most} in all: {advice}"
    )


def read(
    path: Path,
    channels: int,
    size: int = 0,
    bit_depth: int | None = None,
    *,
    enlarge: bool = True,
) -> np.ndarray:
    """An image as a viewer shows it, with transparency over white.

    Args:
        path: the file.
        channels: 1 or 3.
        size: length in pixels that the shorter side is scaled to; 0 keeps the size.
        bit_depth: significant bits of a 16-bit image.
        enlarge: whether an image that is smaller is scaled too.

    Returns:
        uint8 `(height, width, channels)`.

    Raises:
        image_files.Unreadable: the file is broken or not an image; the message says why.
    """

    def scaled(pixels: np.ndarray) -> np.ndarray:
        if min(pixels.shape[:2]) < size and not enlarge:
            return pixels
        return image_scaling.resize_shorter_side(pixels, size)

    return image_files.read(path, None, channels, bit_depth, shorter_side=size, use=scaled)


def to_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """A uint8 image converted to colour (3) or grey (1)."""
    return (
        pixels if pixels.shape[2] == channels else image_scaling.fit_array(pixels, None, channels)
    )


def split_pair(pixels: np.ndarray, direction: str) -> tuple[np.ndarray, np.ndarray]:
    """The source and the target of an image that shows A on the left and B on the right.

    Raises:
        image_files.Unreadable: its width is odd.
    """
    width = pixels.shape[1]
    if width < 2 or width % 2:
        raise image_files.Unreadable(f"{width} pixels wide, which is not a pair of two halves")
    left, right = pixels[:, : width // 2], pixels[:, width // 2 :]
    return (left, right) if direction == "AtoB" else (right, left)


def write(path: Path, pixels: np.ndarray) -> None:
    """Writes a uint8 image atomically; the suffix selects the format.

    Raises:
        InputError: the image is larger than files of this suffix can be.
    """
    image_endings.check_sides(path, *pixels.shape[:2])
    path.parent.mkdir(parents=True, exist_ok=True)
    is_large = pixels.shape[0] * pixels.shape[1] > large_images.LARGE_PIXELS
    writer = large_images.WRITERS.get(path.suffix.lower()) if is_large else None
    (writer or image_grids.write_image)(path, pixels)


def _png_names(names: Sequence[str]) -> dict[str, str]:
    stems = {name: Path(name).with_suffix("").as_posix() for name in names}
    shared = Counter(stems.values())
    return {name: f"{stem if shared[stem] == 1 else name}.png" for name, stem in stems.items()}


def _match_targets(targets: Path, names: Iterable[str]) -> dict[str, Path]:
    """The target of each image that has one: by its path without the suffix, or by its stem."""
    names = list(names)
    if targets.is_file():
        if len(names) > 1:
            raise InputError(f"--target {targets} is a single image; pass a folder for a folder")
        return {name: targets for name in names}
    by_path = {}
    for name in listing.find_images(targets):
        by_path[Path(name).with_suffix("").as_posix()] = targets / name
    by_stem = {Path(name).stem: path for name, path in by_path.items()}
    matches = {}
    for name in names:
        path = Path(name)
        target = by_path.get(path.with_suffix("").as_posix(), by_stem.get(path.stem))
        if target is not None:
            matches[name] = target
    if not matches:
        raise InputError(
            f"--target {targets} has no image named like one of the input, such as {names[0]};"
            " names may differ only in the suffix"
        )
    return matches
