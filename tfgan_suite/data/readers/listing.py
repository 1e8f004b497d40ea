"""Which images a folder holds, and which class each of them belongs to."""

from __future__ import annotations

import collections
import os
import re
from pathlib import Path

import numpy as np

from tfgan_suite.data.readers import image_files
from tfgan_suite.errors import InputError
from tfgan_suite.utils.text import printable

_SPLITS = {"train", "training", "test", "testing", "val", "valid", "validation"}


def list_images(
    folder: Path, split: str = "train"
) -> tuple[list[str], np.ndarray | None, tuple[str, ...] | None]:
    """Lists the images of a folder and their classes.

    Returns:
        Paths below `folder` in a fixed order, class numbers `(n,)` and names of the classes
        (both `None` if the images lie in one folder).

    Raises:
        InputError: no images, none for the split, or images both at the top and in sub-folders.
    """
    images, other_files = _walk(folder)
    if not images:
        kinds = collections.Counter(
            Path(name).suffix.lower() or "(no ending)" for name in other_files
        )
        summary = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(4)) or "nothing"
        raise InputError(
            f"{folder} holds no images (found: {summary}); expected PNG, JPEG, WebP, GIF, BMP or "
            "TIFF files: put them in it, or in one sub-folder for each class"
        )
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
        raise InputError(
            f"{folder} has no images for split {split!r}; expected sub-folders train and {split}: "
            "add them"
        )
    return images, top


def _walk(folder: Path) -> tuple[list[str], list[str]]:
    """Paths below `folder` of all images, sorted, and of all other visible files."""
    images, other_files, visited = [], [], set()
    for current, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(current)
        if real in visited:  # a link that leads back
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f != "__MACOSX")
        below = Path(current).relative_to(folder).as_posix()
        for file in files:
            if not file.startswith("."):
                name = file if below == "." else f"{below}/{file}"
                is_image = file.lower().endswith(image_files.SUFFIXES)
                (images if is_image else other_files).append(name)
    return sorted(images), other_files
