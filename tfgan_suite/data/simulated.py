"""Simulated images with labels and real images without, for SimGAN."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfgan_suite.data.pipeline import file_sources
from tfgan_suite.data.pipeline.source import MEMORY_LIMIT
from tfgan_suite.data.pipeline.streams import Stream, StreamSource
from tfgan_suite.data.readers import (
    bit_depths,
    image_files,
    image_scaling,
    label_files,
    listing,
    specs,
)
from tfgan_suite.data.synthetic import eyes
from tfgan_suite.errors import InputError

WORLDS = ("eyes",)
DEFAULT_SIZE = (35, 55)
# Number of examples, and seeds of the simulated and the real eyes.
_EYES = {"train": (4000, (0, 1)), "test": (1000, (2, 3))}
_EXPECTED = "a folder with synthetic and real, or SYNTHETIC_FOLDER,REAL_FOLDER"


def load_simulated(
    spec: str | os.PathLike,
    *,
    size: int | Sequence[int] | None = None,
    channels: int | None = None,
    split: str = "train",
    strict: bool = False,
    memory_limit: int = MEMORY_LIMIT,
    progress: file_sources.Progress | None = None,
    bit_depth: int | None = None,
) -> StreamSource:
    """Opens a set of simulated and real images.

    | `spec` | what it is |
    |---|---|
    | `"eyes"` | 4,000 clean and 4,000 "real" eyes, label = position of the pupil, with an oracle |
    | a folder | `synthetic/` and `real/`; for testing also `real_test/` with labels |
    | `"SYNTHETIC_FOLDER,REAL_FOLDER"` | any two folders |

    Labels are numbers by file name, in `labels.csv` or `labels.json` in the folder, or in
    `synthetic.csv` (`.json`) or `labels.csv` beside it. CSV: file name, numbers; JSON: `{file
    name: numbers}`. Without such a file, numbers with a decimal point at the end of every file
    name are the label (`eye_-0.1963_0.3927.png`); without those there are no labels, and only
    refining is possible.

    Simulated and real images have their own orders and lengths. They are scaled to cover the
    requested size and cropped in the centre.

    Args:
        spec: see above.
        size: height and width in pixels, or the side of a square. `None`: 35 high, 55 wide.
        channels: 1 or 3. `None`: 1.
        split: `"train"` or `"test"`: simulated images with labels (`synthetic_test/` if there is
            one) and labelled real images.
        strict: a file that cannot be read is an error instead of being skipped.
        memory_limit: bytes of decoded images that may be kept in memory.
        progress: called with (images done, total images) while a folder is decoded.
        bit_depth: significant bits of 16-bit images, as for `data.load`.

    Returns:
        Source of batches `{"simulated", "label", "real"}`: images float32 `(batch, height,
        width, channels)` in [-1, 1], labels float32 `(batch, k)`, whose columns are called
        `label_names`; `key` is `"simulated"`. The test split also holds `"real_label"`.

    Raises:
        InputError: there is no such set, one part is empty, labels are missing, or an option does
            not suit the set.
    """
    specs.check_split(split)
    text, shape = os.fspath(spec), (*_check_size(size), image_files.check_channels(channels) or 1)
    options = {"strict": strict, "memory_limit": memory_limit}
    if text in WORLDS:
        if shape[2] != 1:
            raise InputError(
                f"{shape[2]} channels were requested, but eyes are grey images; expected 1: leave "
                "the channels out"
            )
        streams, names = _eyes(split, shape[:2]), eyes.LABELS
    else:
        streams, names = _folders(text, split, shape, bit_depth, progress=progress, **options)
        options["bit_depth"] = streams[0].bit_depth
    open_test = functools.partial(
        load_simulated, text, size=shape[:2], channels=shape[2], split="test", **options
    )
    return StreamSource(
        specs.short_name(text),
        streams,
        key="simulated",
        label_names=names,
        test=open_test if split == "train" else None,
        report=eyes.report if text in WORLDS else None,
    )


def _check_size(size: int | Sequence[int] | None) -> tuple[int, int]:
    """Height and width."""
    if size is None:
        return DEFAULT_SIZE
    sides = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    if len(sides) != 2 or None in sides:
        raise InputError(
            f"the size is {size!r}; expected (height, width) or the side of a square: pass one of "
            "these"
        )
    return image_files.check_size(sides[0]), image_files.check_size(sides[1])


def _eyes(split: str, size: tuple[int, int]) -> list[Stream]:
    """The embedded world."""
    count, seeds = _EYES[split]
    clean, real = (
        eyes.generate(count, size, seed, real=is_real)
        for seed, is_real in zip(seeds, (False, True))
    )
    photographs = {"real": real.images}
    if split == "test":
        photographs["real_label"] = real.pupil
    return [
        file_sources.array_stream("simulated", {"simulated": clean.images, "label": clean.pupil}),
        file_sources.array_stream("real", photographs),
    ]


def _folders(
    text: str, split: str, shape, bit_depth: int | None, **options
) -> tuple[list[Stream], tuple[str, ...]]:
    """Both streams, and the names of the label columns."""
    simulated, real = _find_folders(text, split)
    paths = [side / name for side in (simulated, real) for name in listing.list_images(side)[0]]
    options["bit_depth"] = bit_depths.decide(paths, bit_depth)
    stream, names = _stream("simulated", "label", simulated, shape, **options)
    real_label = "real_label" if split == "test" else None
    real_stream, real_names = _stream("real", real_label, real, shape, **options)
    if split == "test" and len(real_names) != len(names):
        raise InputError(
            f"{real} has {len(real_names)} labels for each image, {simulated} has {len(names)}; "
            "expected the same numbers for both: make the label files agree"
        )
    return [stream, real_stream], names


def _find_folders(text: str, split: str) -> tuple[Path, Path]:
    """The folders of the simulated and of the real images."""
    parts = specs.split_two(text)
    if parts is not None:
        first, second = (specs.find_folder(part, WORLDS, _EXPECTED) for part in parts)
    else:
        folder = specs.find_folder(text, WORLDS, _EXPECTED)
        first, second = folder / "synthetic", folder / "real"
        if not first.is_dir() and (folder / "simulated").is_dir():
            first = folder / "simulated"
        for path in (first, second):
            if not path.is_dir():
                below = sorted(path.name for path in folder.iterdir() if path.is_dir())
                raise InputError(
                    f"{folder} has no folder {path.name}: found {', '.join(below) or '(none)'}; "
                    "expected synthetic (with labels) and real: add the missing one"
                )
    if split == "test":
        held_out = second.with_name(f"{second.name}_test")
        if not held_out.is_dir():
            raise InputError(
                f"{text} has no test split; expected labelled real images in {held_out}: add them"
            )
        second = held_out
        simulated_test = first.with_name(f"{first.name}_test")
        first = simulated_test if simulated_test.is_dir() else first
    return first, second


def _stream(
    key: str,
    label: str | None,
    folder: Path,
    shape: tuple[int, int, int],
    bit_depth: int | None,
    **options,
) -> tuple[Stream, tuple[str, ...]]:
    """The images of a folder, with labels under `label` if there are any."""
    listed = listing.list_images(folder)[0]
    readable, skipped = [], []
    for name in listed:
        try:
            image_files.probe(folder / name)
            readable.append(name)
        except image_files.Unreadable as error:
            skipped.append((str(folder / name), str(error)))
    file_sources.check_skipped(skipped, len(listed), options["strict"])
    labels = label_files.load_labels(folder, readable) if label is not None else None
    if labels is None and label == "real_label":
        raise InputError(
            f"the test images in {folder} have no labels; expected {folder / 'labels.csv'}: add it"
        )
    values, names = labels or (None, ())
    files = _Images(
        [(folder / name,) for name in readable],
        {key: shape},
        None if labels is None else {label: values},
        bit_depth,
    )
    return file_sources.file_stream(key, files, skipped=skipped, **options), names


class _Images(file_sources.FileExamples):
    """Single images of any aspect ratio."""

    def read(self, index: int) -> dict[str, np.ndarray]:
        ((key, shape),) = self.shapes.items()
        fit = functools.partial(resize_and_crop, size=shape[:2])
        path, side = self.paths[index][0], max(shape[:2])
        pixels = image_files.read(path, None, shape[2], self.bit_depth, shorter_side=side, use=fit)
        return {key: pixels}


def resize_and_crop(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scales an image so that it just covers a size, and crops the centre.

    Args:
        pixels: uint8 `(height, width, 1 or 3)`.
        size: requested height and width.

    Returns:
        uint8 `(*size, channels)`.
    """
    height, width = pixels.shape[:2]
    if (height, width) == tuple(size):
        return pixels
    scale = min(height / size[0], width / size[1])  # from the requested size to the image
    down, across = scale * size[0], scale * size[1]
    top, left = max(0.0, (height - down) / 2.0), max(0.0, (width - across) / 2.0)
    box = (left, top, min(left + across, width), min(top + down, height))
    return image_scaling.resize_array(pixels, (size[1], size[0]), scale > 1.0, box)
