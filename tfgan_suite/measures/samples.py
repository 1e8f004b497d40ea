"""Where the images to be measured come from: a run, an export, or images that lie on a disk."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite import data
from tfgan_suite.data.readers import listing
from tfgan_suite.errors import InputError
from tfgan_suite.features import extractors
from tfgan_suite.inference.generator import Generator, open_generator
from tfgan_suite.measures import features
from tfgan_suite.utils import image_grids


@dataclasses.dataclass
class Samples:
    """Generated examples that can be drawn in batches.

    Args:
        shape: of one example: `(height, width, channels)`, or `(2,)`.
        draw: takes count, seed and batch; yields uint8 images or float32 points.
        about: for the protocol: what they are, step, whether averaged weights (EMA) drew them.
        size: what the reference's images are scaled to; `None`: as they are.
        most: how many there are; `None`: no end.
        log: file of JSON lines that belongs to them; `None`: none.
        game: the game of a run; `None`: no run.
    """

    shape: tuple[int, ...]
    draw: Callable[[int, int, int], Iterator[np.ndarray]]
    about: dict[str, Any]
    size: int | None = None
    most: int | None = None
    log: Path | None = None
    game: Any = None


def open_samples(place: str | Path, size: int | None = None) -> Samples:
    """Opens a run folder, an export, or what `data.load` takes (a folder of images, `.npz`, ..).

    Args:
        place: the folder or file.
        size: side to which images on a disk are scaled; `None`: as they are.

    Raises:
        InputError: nothing of these, or images of more than one size and no `size`.
    """
    path = Path(place)
    if path.suffix == ".tflite" or any(
        (path / name).is_file() for name in ("run.json", "saved_model.pb", "model.config")
    ):
        return _of_generator(open_generator(place))
    return _of_files(place, size)


def image_files(place: str | Path) -> list[Path]:
    """The images of a folder; empty where it is something else."""
    path = Path(place)
    if not path.is_dir():
        return []
    try:
        return [path / name for name in listing.list_images(path)[0]]
    except InputError:  # arrays, no images, or a split's folders: data.load says what is wrong
        return []


def native_size(files: list[Path], place: str | Path) -> int:
    """The side of square images that all have one size; reads their headers only.

    Raises:
        InputError: several sizes, or images that are not square.
    """
    from PIL import Image

    sizes: dict[tuple[int, int], Path] = {}
    for file in files:
        try:
            with Image.open(file) as image:
                sizes.setdefault(image.size, file)
        except (OSError, SyntaxError, ValueError):
            continue  # broken ones are skipped when they are loaded, with their names
        if len(sizes) > 1 or image.size[0] != image.size[1]:
            shown = ", ".join(f"{file.name} {w}x{h}" for (w, h), file in sizes.items())
            raise InputError(
                f"{place} holds images of several sizes or not square ones ({shown}); give "
                "--size, to which all of them are scaled and cut"
            )
    if not sizes:
        raise InputError(f"{place} holds no image that can be read; give another folder")
    return next(iter(sizes))[0]


def _of_generator(generator: Generator) -> Samples:
    signature, facts = generator.signature(), generator.facts
    if not signature.drawable:
        raise InputError(
            f"{generator.name} needs inputs that cannot be drawn; measure the files that"
            f" `python -m tfgan_suite {generator.command}` writes"
        )

    def draw(count: int, seed: int, batch: int) -> Iterator[np.ndarray]:
        for size, own in parts(count, seed, batch):
            examples = generator.generate(size, own, batch=size)
            extractors.check_finite(examples)  # before rounding to bytes hides it
            yield image_grids.to_uint8(examples) if examples.ndim == 4 else examples

    constants = facts.get("constants") or {}
    averages = bool(constants["ema_decay"]) if "ema_decay" in constants else None
    about = {
        "samples_of": generator.origin,
        generator.origin: str(generator.path),
        "game": facts.get("game"),
        "step": facts.get("steps"),
        "ema": facts.get("ema", averages),
        "trained_on": facts.get("data"),
    }
    log = generator.path / "measures.jsonl" if generator.origin == "run" else None
    return Samples(
        tuple(signature.output.shape),
        draw,
        about,
        constants.get("size") or None,
        None,
        log,
        generator.game,
    )


def _of_files(place: str | Path, size: int | None) -> Samples:
    files = image_files(place)
    if files and size is None:
        size = native_size(files, place)
    # A small limit: what does not fit is read from the disk in a stream.
    source = data.load(place, size=size, memory_limit=2**28)
    about = {"samples_of": "files", "files": str(place), "skipped": len(source.skipped)}

    def draw(count: int, seed: int, batch: int) -> Iterator[np.ndarray]:
        return features.stream(source, count, seed, batch)

    return Samples(source.shape, draw, about, size, len(source))


def parts(count: int, seed: int, batch: int) -> Iterator[tuple[int, int]]:
    """Sizes of the parts, and a seed for each: no two parts of any two seeds share noise."""
    for number, start in enumerate(range(0, count, batch)):
        own = np.random.SeedSequence([seed, number]).generate_state(1)[0] >> 1
        yield min(batch, count - start), int(own)
