"""Which of the known layouts the captions of a folder have, and the splits of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tfgan_suite.data.readers import (
    caption_metadata,
    caption_texts,
    coco_captions,
    cub_files,
    listing,
)
from tfgan_suite.data.readers.caption_records import CaptionSet
from tfgan_suite.errors import InputError

MOST_HELD_OUT = 256
LAYOUTS = (
    "metadata.jsonl or metadata.csv (file_name, text), images.txt with images/ and text_c10/ "
    "(CUB), annotations/captions_*.json (COCO), name.txt beside name.jpg"
)


def load(path: Path, split: str, hold_out: int | None = None) -> CaptionSet:
    """Reads images and their captions in any of the known layouts.

    Args:
        path: a folder, a `metadata.jsonl` or `.csv` file, or a JSON file in COCO's format.
        split: `"train"` or `"test"`.
        hold_out: images held out for testing where the data have no test split. `None`: a tenth,
            at most 256.

    Raises:
        InputError: no layout fits, or what its reader refuses.
    """
    captions, has_splits = _load(path, split)
    if has_splits:
        return captions
    rows = held_out_rows(len(captions), hold_out, path)
    if split == "test" and not len(rows):
        raise InputError(
            f"{path} has no test split, and none of its {len(captions)} images are held out; "
            "expected folders train and test, or hold_out of 1 or more: add one of these"
        )
    return captions.select(rows if split == "test" else np.setdiff1d(range(len(captions)), rows))


def held_out_rows(count: int, hold_out: int | None, source: object) -> np.ndarray:
    """Indices of the images held out for testing, evenly spread over all.

    Raises:
        InputError: none are left for training.
    """
    number = min(count // 10, MOST_HELD_OUT) if hold_out is None else hold_out
    if not 0 <= number < count:
        raise InputError(
            f"{number} of {count} images of {source} were to be held out; expected 0 to "
            f"{count - 1}: hold out fewer"
        )
    return np.floor((np.arange(number) + 0.5) * count / max(number, 1)).astype(np.int64)


def _load(path: Path, split: str) -> tuple[CaptionSet, bool]:
    """The captions, and whether they are those of the split and not of the entire set."""
    if path.is_file():
        return _file(path), False
    folders = _metadata_folders(path)
    if "train" in folders:  # a test split alone is no set
        both = "test" in folders
        return caption_metadata.load(folders[split if both else "train"]), both
    cub = cub_files.find(path)
    if cub is not None:
        return cub_files.load(cub, split), True
    metadata = caption_metadata.find(path)
    if metadata is not None:
        return caption_metadata.load(metadata), False
    coco = coco_captions.find(path)
    if coco:
        both = len(coco) == 2
        return coco_captions.load(coco[split if both else "train"]), both
    if caption_texts.is_layout(path):
        both = _has_test(path)
        return caption_texts.load(path, split if both else "train"), both
    raise _unknown(path)


def _metadata_folders(path: Path) -> dict[str, Path]:
    """Files of captions in sub-folders called train and test (or val), by split."""
    files = {}
    for folder in sorted(entry for entry in path.iterdir() if entry.is_dir()):
        metadata = caption_metadata.find(folder)
        for split, words in (("train", ("train",)), ("test", ("test", "val"))):
            if metadata is not None and folder.name.lower().startswith(words):
                files.setdefault(split, metadata)
    return files


def _has_test(path: Path) -> bool:
    try:
        listing.list_images(path, "test")
    except InputError:
        return False
    return True


def _file(path: Path) -> CaptionSet:
    if path.suffix in (".jsonl", ".csv"):
        return caption_metadata.load(path)
    if path.suffix == ".json":
        return coco_captions.load(path)
    raise _unknown(path)


def _unknown(path: Path) -> InputError:
    contents = sorted(entry.name for entry in path.iterdir())[:5] if path.is_dir() else [path.name]
    return InputError(
        f"{path} holds no captions in a known layout (found: {', '.join(contents) or 'nothing'}); "
        f"expected one of: {LAYOUTS}: add one of these"
    )
