"""Captions in `name.txt` beside `name.jpg`: one a line."""

from __future__ import annotations

from pathlib import Path

from tfgan_suite.data.readers import listing
from tfgan_suite.data.readers.caption_metadata import read_lines
from tfgan_suite.data.readers.caption_records import CaptionSet, Records
from tfgan_suite.errors import InputError

# Text files that belong to a folder and not to an image.
_ABOUT = ("readme", "license", "licence", "copying", "notice", "source", "classes", "parts")


def is_layout(folder: Path) -> bool:
    """Whether a folder, at any depth, holds a text file with the name of an image beside it."""
    try:
        images = listing.find_images(folder)
    except InputError:
        return False
    return any((folder / name).with_suffix(".txt").is_file() for name in images)


def load(folder: Path, split: str) -> CaptionSet:
    """Reads a folder of images and text files; sub-folders are classes, as in `data.load`.

    Images without a text file are skipped.

    Raises:
        InputError: a text file without its image, one without a line of text, or what `Records`
            refuses.
        NoSplits: there is no such split.
    """
    names, labels, classes = listing.list_images(folder, split)
    images = {(folder / name).with_suffix("") for name in names}
    for parent in sorted({path.parent for path in images}):
        for text in sorted(parent.glob("*.txt")):
            is_about = text.stem.lower().startswith(_ABOUT) or text.name.startswith(".")
            if text.with_suffix("") not in images and not is_about:
                raise InputError(
                    f"{text} has no image of the same name beside it; expected the image of each "
                    "caption: add it, or remove the text"
                )
    records, skipped = Records(), []
    for row, name in enumerate(names):
        path = folder / name
        text = path.with_suffix(".txt")
        if not text.is_file():
            skipped.append((str(path), f"no caption: there is no {text.name}"))
            continue
        label = None if classes is None else classes[labels[row]]
        lines = [(number, line) for number, line in enumerate(read_lines(text), 1) if line.strip()]
        if not lines:
            raise InputError(
                f"{text} is empty; expected the captions of {path.name}, one a line: write them, "
                "or remove the file"
            )
        for number, line in lines:
            records.add(path, [line], f"{text} (line {number})", label=label)
    return records.finish(folder, "name.txt beside each image", skipped=skipped, classes=classes)
