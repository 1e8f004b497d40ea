"""The tree of CUB-200-2011, with captions in `text_c10/`, and splits without common classes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tfgan_suite.data.readers.caption_metadata import read_lines
from tfgan_suite.data.readers.caption_records import CaptionSet, Records, numbers
from tfgan_suite.errors import InputError

_CAPTIONS = ("text_c10", "text")
_CLASS_LISTS = {"train": "trainvalclasses.txt", "test": "testclasses.txt"}
TEST_EVERY = 4  # without lists of classes, each fourth one is for testing


def find(folder: Path) -> Path | None:
    """The folder that holds `images.txt` and `images/`; `None` if there is none."""
    for path in (folder, folder / "CUB_200_2011"):
        if (path / "images.txt").is_file() and (path / "images").is_dir():
            return path
    return None


def load(folder: Path, split: str) -> CaptionSet:
    """Reads the images of the classes of a split.

    `images.txt` has lines of image number and path below `images/`, whose folder is the class.
    `bounding_boxes.txt`, and `parts/parts.txt` with `parts/part_locs.txt`, are read if they are
    there. Captions are `text_c10/CLASS/NAME.txt` in the folder or beside it, one a line.

    The classes of the training split are those of `trainvalclasses.txt`, of the test split those
    of `testclasses.txt`; without these files each fourth class is for testing.

    Raises:
        InputError: a line is broken, a file is missing, or what `Records` refuses.
    """
    listed = folder / "images.txt"
    files = {}
    for number, (image, name) in _lines(listed, 2):
        if image in files:
            raise _broken(listed, number, f"image {image} is listed twice")
        files[image] = name
    classes = sorted({name.split("/")[0] for name in files.values()})
    chosen = _classes(folder, classes, split)
    boxes = dict(_boxes(folder, files))
    parts, points = _parts(folder, files)
    texts = _caption_folder(folder)
    records, skipped = Records(), []
    for image, name in files.items():
        label = name.split("/")[0]
        if label not in chosen:
            continue
        path, captions = folder / "images" / name, (texts / name).with_suffix(".txt")
        if not captions.is_file():
            skipped.append((str(path), f"no caption: there is no {captions}"))
            continue
        origin = f"{listed} (image {image})"
        records.add(
            path, (), origin, box=boxes.get(image), keypoints=points.get(image), label=label
        )
        for number, line in enumerate(read_lines(captions), 1):
            if line.strip():
                records.add(path, [line], f"{captions} (line {number})")
    return records.finish(
        folder, "the tree of CUB-200-2011", parts=parts, skipped=skipped, classes=chosen
    )


def _classes(folder: Path, classes: list[str], split: str) -> list[str]:
    """The classes of a split."""
    path = folder / _CLASS_LISTS[split]
    if path.is_file():
        names = {line.strip() for line in read_lines(path) if line.strip()}
        chosen = [name for name in classes if name in names]
    else:
        chosen = [
            name
            for number, name in enumerate(classes, 1)
            if (number % TEST_EVERY == 0) == (split == "test")
        ]
    if not chosen:
        raise InputError(
            f"{folder} has no classes for split {split!r}: it has {len(classes)}; expected some "
            f"of them in {path.name}, or at least {TEST_EVERY} classes: add them"
        )
    return chosen


def _boxes(folder: Path, files: dict[str, str]) -> Iterator[tuple[str, list[float]]]:
    path = folder / "bounding_boxes.txt"
    if path.is_file():
        for number, (image, *values) in _lines(path, 5):
            _check_image(image, files, path, number)
            yield image, numbers(values, f"{path} (line {number})", "the box")


def _parts(folder: Path, files: dict[str, str]) -> tuple[tuple[str, ...], dict[str, list]]:
    """Names of the parts, and of each image their x, y and visibility."""
    names, located = folder / "parts" / "parts.txt", folder / "parts" / "part_locs.txt"
    if not names.is_file() or not located.is_file():
        return (), {}
    parts = dict(values for _, values in _lines(names, 2))
    points: dict[str, dict[str, list[float]]] = {}
    for number, (image, part, *values) in _lines(located, 5):
        _check_image(image, files, located, number)
        if part not in parts:
            raise _broken(located, number, f"part {part} is not in {names.name}")
        origin = f"{located} (line {number})"
        points.setdefault(image, {})[part] = numbers(values, origin, "the part")
    for image, by_part in points.items():
        if len(by_part) != len(parts):
            raise InputError(
                f"{located}: image {image} has {len(by_part)} key points; expected {len(parts)}, "
                f"as {names.name} lists: mark missing ones with visibility 0"
            )
    return tuple(parts.values()), {
        image: [by_part[part] for part in parts] for image, by_part in points.items()
    }


def _caption_folder(folder: Path) -> Path:
    candidates = [parent / name for parent in (folder, folder.parent) for name in _CAPTIONS]
    for path in candidates:
        if path.is_dir():
            return path
    raise InputError(
        f"{folder} has no captions; expected {candidates[0]}/CLASS/NAME.txt with one a line: add "
        "that folder"
    )


def _lines(path: Path, count: int) -> Iterator[tuple[int, list[str]]]:
    """Number and words of each line; the last of two words takes what is left of the line."""
    for number, line in enumerate(read_lines(path), 1):
        if line.strip():
            words = line.strip().split(None, 1 if count == 2 else -1)
            if len(words) != count:
                raise _broken(path, number, f"it has {len(words)} words")
            yield number, words


def _check_image(image: str, files: dict[str, str], path: Path, number: int) -> None:
    if image not in files:
        raise _broken(path, number, f"image {image} is not in images.txt")


def _broken(path: Path, number: int, problem: str) -> InputError:
    return InputError(
        f"{path} (line {number}) is broken: {problem}; expected a line as in CUB-200-2011: correct "
        "it"
    )
