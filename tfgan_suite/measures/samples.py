"""Where the images to measure come from: a run, an export, or files."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite import data
from tfgan_suite.core.labels import class_labels
from tfgan_suite.data.readers import image_files as readers
from tfgan_suite.data.readers import listing
from tfgan_suite.errors import InputError
from tfgan_suite.features import extractors
from tfgan_suite.inference.generator import Generator, open_generator
from tfgan_suite.measures import features
from tfgan_suite.utils import image_grids


@dataclasses.dataclass
class Samples:
    """Generated examples that can be read in batches.

    Args:
        shape: of one example: `(height, width, channels)`, or `(2,)`.
        draw: takes count, seed and batch; yields uint8 images or float32 points.
        facts: for the protocol: what they are, step, whether averaged weights (EMA) drew them.
        size: what the reference's images are scaled to; `None`: as they are.
        limit: number of examples; `None`: unlimited.
        log: file of JSON lines that belongs to them; `None`: none.
        game: the game of a run; `None`: not a run.
        bit_depth: significant bits of the 16-bit images of a run's training data, or of the files.
        opened: the generator of a run or an export; `None`: files.
    """

    shape: tuple[int, ...]
    draw: Callable[[int, int, int], Iterator[np.ndarray]]
    facts: dict[str, Any]
    size: int | None = None
    limit: int | None = None
    log: Path | None = None
    game: Any = None
    bit_depth: int | None = None
    opened: Generator | None = None


def open_samples(
    source: str | Path, size: int | None = None, bit_depth: int | None = None
) -> Samples:
    """Opens a run folder, an export, or what `data.load` takes (a folder of images, `.npz`, ..).

    Args:
        source: the folder or file.
        size: side to which images on disk are scaled; `None`: as they are.
        bit_depth: significant bits of 16-bit images on disk.

    Raises:
        InputError: none of these, or images of more than one size and no `size`.
    """
    path = Path(source)
    if path.suffix == ".tflite" or any(
        (path / name).is_file() for name in ("run.json", "saved_model.pb", "model.config")
    ):
        return _of_generator(open_generator(source))
    return _of_files(source, size, bit_depth)


def image_files(source: str | Path) -> list[Path]:
    """The images of a folder; empty if it is something else."""
    path = Path(source)
    if not path.is_dir():
        return []
    try:
        return [path / name for name in listing.list_images(path)[0]]
    except InputError:  # arrays, no images, or folders of splits: data.load says what is wrong
        return []


def native_size(files: list[Path], source: str | Path) -> int:
    """The side of square images of a single size; reads only their headers.

    Raises:
        InputError: several sizes, or images that are not square.
    """
    sizes: dict[tuple[int, int], Path] = {}
    for file in files:
        try:
            header = readers.header(file)
        except readers.Unreadable:
            continue  # broken files are skipped and named when they are loaded
        sizes.setdefault((header.width, header.height), file)
        if len(sizes) > 1 or header.width != header.height:
            listed = ", ".join(f"{file.name} {w}x{h}" for (w, h), file in sizes.items())
            raise InputError(
                f"{source} holds images of several sizes, or that are not square ({listed}); pass "
                "--size, to which all of them are scaled and cropped"
            )
    if not sizes:
        raise InputError(f"{source} holds no readable image; pass another folder")
    return next(iter(sizes))[0]


def _of_generator(generator: Generator) -> Samples:
    signature, facts = generator.signature(), generator.facts
    if not signature.drawable:
        raise InputError(
            f"{generator.name} needs inputs that cannot be drawn; measure the files that"
            f" `python -m tfgan_suite {generator.command}` writes"
        )

    counts = _class_counts(signature, facts)

    def draw(count: int, seed: int, batch: int) -> Iterator[np.ndarray]:
        labels, start = class_labels(counts, count, seed) if counts else None, 0
        for size, part_seed in parts(count, seed, batch):
            inputs = {} if labels is None else {"label": labels[start : start + size]}
            start += size
            examples = generator.generate(size, part_seed, batch=size, **inputs)
            extractors.check_finite(examples)  # before rounding to bytes hides it
            yield image_grids.to_uint8(examples) if examples.ndim == 4 else examples

    constants = facts.get("constants") or {}
    averages = bool(constants["ema_decay"]) if "ema_decay" in constants else None
    protocol = {
        "samples_of": generator.origin,
        generator.origin: str(generator.path),
        "game": facts.get("game"),
        "step": facts.get("steps"),
        "ema": facts.get("ema", averages),
        "trained_on": facts.get("data"),
        **_class_shares(signature, counts),
    }
    log = generator.path / "measures.jsonl" if generator.origin == "run" else None
    return Samples(
        tuple(signature.output.shape),
        draw,
        protocol,
        constants.get("size") or None,
        None,
        log,
        generator.game,
        constants.get("bit_depth"),
        generator,
    )


def _class_counts(signature: Any, facts: Mapping[str, Any]) -> list[int] | None:
    """Training examples of each class that a generator draws, where they are known."""
    classes = [s.classes for s in signature.inputs if s.kind == "label" and s.name == "label"]
    counts = list(facts.get("class_counts") or ())
    return counts if classes == [len(counts)] and sum(counts) else None


def _class_shares(signature: Any, counts: list[int] | None) -> dict[str, Any]:
    """For the protocol: which share of the samples each class has."""
    if not any(s.kind == "label" and s.name == "label" for s in signature.inputs):
        return {}
    if counts is None:
        return {"class_shares": "equal, drawn at random"}
    return {"class_shares": [round(count / sum(counts), 6) for count in counts]}


def _of_files(source: str | Path, size: int | None, bit_depth: int | None) -> Samples:
    files = image_files(source)
    if files and size is None:
        size = native_size(files, source)
    # A small limit: what does not fit is streamed from disk.
    images = data.load(source, size=size, memory_limit=2**28, bit_depth=bit_depth)
    facts = {"samples_of": "files", "files": str(source), "skipped": len(images.skipped)}

    def draw(count: int, seed: int, batch: int) -> Iterator[np.ndarray]:
        return features.stream(images, count, seed, batch)

    return Samples(images.shape, draw, facts, size, len(images), bit_depth=images.bit_depth)


def parts(count: int, seed: int, batch: int) -> Iterator[tuple[int, int]]:
    """Sizes of the parts, and a seed for each: no two parts of any two seeds share noise."""
    for number, start in enumerate(range(0, count, batch)):
        part_seed = np.random.SeedSequence([seed, number]).generate_state(1)[0] >> 1
        yield min(batch, count - start), int(part_seed)
