"""Which images a folder holds, and which class each of them belongs to."""

from __future__ import annotations

import collections
import os
import re
from pathlib import Path

import numpy as np

from tfgan_suite.data.readers import image_kinds
from tfgan_suite.errors import InputError
from tfgan_suite.utils import notices
from tfgan_suite.utils.text import printable

_SPLITS = {"train", "training", "test", "testing", "val", "valid", "validation"}


class NoSplits(InputError):
    """A folder was asked for a split, and has neither this one nor others."""


def list_images(
    folder: Path, split: str = "train"
) -> tuple[list[str], np.ndarray | None, tuple[str, ...] | None]:
    """Lists the images of a folder and their classes, and says which other files may be images.

    Returns:
        Paths below `folder` in a fixed order, class numbers `(n,)` and names of the classes
        (both `None` if the images lie in one folder).

    Raises:
        InputError: no images, none for the split, or images both at the top and in sub-folders.
    """
    images = find_images(folder)
    images, top = _descend(folder, images, split)
    groups = _groups(images, top)
    if "" not in groups:
        number = {name: index for index, name in enumerate(sorted(groups, key=natural_key))}
        labels = [number[name[len(top) :].split("/")[0]] for name in images]
        return images, np.array(labels, np.int32), tuple(map(printable, number))
    if len(groups) > 1:
        folders = sorted(group for group in groups if group)
        raise InputError(
            f"{folder / top} holds {groups['']} images itself and {len(images) - groups['']} in "
            f"sub-folders ({', '.join(folders[:3])}{', ..' if len(folders) > 3 else ''}); "
            "expected either only images, or one sub-folder for each class: move the images"
        )
    return images, None, None


def find_images(folder: Path, excluded: Path | None = None) -> list[str]:
    """Paths of all images below a folder, sorted; says which other files may be images.

    Hidden files are left out.

    Args:
        folder: the folder; links in it are followed.
        excluded: a folder below it that is not searched.

    Raises:
        InputError: no images.
    """
    images, other_files, visited = [], [], set()
    skip = None if excluded is None else os.path.realpath(excluded)
    for current, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(current)
        if real in visited or (real == skip and visited):  # a link that leads back
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f != "__MACOSX")
        below = Path(current).relative_to(folder).as_posix()
        for file in files:
            if not file.startswith("."):
                name = file if below == "." else f"{below}/{file}"
                is_image = image_kinds.is_image(os.path.join(current, file))
                (images if is_image else other_files).append(name)
    if not images:
        raise InputError(
            f"{folder} holds no images (found: {image_kinds.summary(other_files)}); expected "
            f"{image_kinds.EXPECTED} files: put them in it, or in one sub-folder for each class"
        )
    notices.say_once(image_kinds.ignored_line(folder, other_files))
    return sorted(images)


def natural_key(name: str) -> tuple:
    """A key that sorts numbers inside names by value: 2 before 10."""
    parts = re.split(r"([0-9]+)", name)
    return tuple((int(p[:4000]), p) if i % 2 else p for i, p in enumerate(parts)), name


def _groups(images: list[str], top: str) -> collections.Counter:
    """Number of images in each sub-folder of `top`; those in `top` itself count under ""."""
    below = (name[len(top) :] for name in images)
    return collections.Counter(name.split("/")[0] if "/" in name else "" for name in below)


def _descend(folder: Path, images: list[str], split: str) -> tuple[list[str], str]:
    """Descends through splits and single sub-folders to where the classes or images are.

    Returns:
        The images of the split, and the path below `folder`, `""` or ending with a slash.
    """
    top, is_split = "", False
    while True:
        groups = _groups(images, top)
        names = sorted(groups)
        if not is_split and {name.lower() for name in names} <= _SPLITS:
            matches = [name for name in names if name.lower().startswith(split)]
            if not matches:
                raise InputError(
                    f"{folder / top} has no images for split {split!r}: found the sub-folders "
                    f"{', '.join(names)}; expected one that is called {split}: add it"
                )
            top, is_split = f"{top}{matches[0]}/", True
            images = [name for name in images if name.startswith(top)]
        elif len(names) == 1 and names[0]:
            top += f"{names[0]}/"  # a single sub-folder is not a class
        else:
            break
    if split != "train" and not is_split:
        raise NoSplits(
            f"{folder} has no images for split {split!r}; expected sub-folders train and {split}: "
            "add them"
        )
    return images, top
