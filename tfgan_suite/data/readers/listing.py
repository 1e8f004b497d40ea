"""Which images a folder holds, and which class each of them belongs to."""

from __future__ import annotations

import collections
import os
from pathlib import Path

import numpy as np

from tfgan_suite.data.readers import image_files
from tfgan_suite.errors import InputError

_SPLITS = {"train", "training", "test", "testing", "val", "valid", "validation"}


def list_images(
    folder: Path, split: str = "train"
) -> tuple[list[str], np.ndarray | None, tuple[str, ...] | None]:
    """Lists the images of a folder and their classes.

    Returns:
        Paths below `folder` in a fixed order, class numbers `(n,)` and names of the classes
        (both `None` where the images lie in one folder).

    Raises:
        InputError: no images, none of the wanted split, or images both at the top and in
            sub-folders.
    """
    found, others = _walk(folder)
    if not found:
        kinds = collections.Counter(Path(name).suffix.lower() or "(no ending)" for name in others)
        seen = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(4)) or "nothing"
        raise InputError(
            f"{folder} holds no images (found: {seen}); expected PNG, JPEG, WebP, GIF, BMP or "
            "TIFF files, in it or in one sub-folder for each class"
        )
    found, top = _step_in(folder, found, split)
    groups = _groups(found, top)
    if "" not in groups:
        number = {name: index for index, name in enumerate(sorted(groups))}
        labels = [number[name[len(top) :].split("/")[0]] for name in found]
        return found, np.array(labels, np.int32), tuple(number)
    if len(groups) > 1:
        folders = sorted(group for group in groups if group)
        raise InputError(
            f"{folder / top} holds {groups['']} images itself and {len(found) - groups['']} in "
            f"sub-folders ({', '.join(folders[:3])}{', ..' if len(folders) > 3 else ''}); "
            "expected either images only, or one sub-folder for each class: move some"
        )
    return found, None, None


def _groups(found: list[str], top: str) -> collections.Counter:
    """Number of images in each sub-folder of `top`; those in `top` itself count under ""."""
    below = (name[len(top) :] for name in found)
    return collections.Counter(name.split("/")[0] if "/" in name else "" for name in below)


def _step_in(folder: Path, found: list[str], split: str) -> tuple[list[str], str]:
    """Goes down through splits and single sub-folders, to where the classes or images are.

    Returns:
        The images of the split, and the place below `folder`, `""` or ending with a slash.
    """
    top, is_split = "", False
    while True:
        groups = _groups(found, top)
        names = sorted(groups)
        if not is_split and {name.lower() for name in names} <= _SPLITS:
            wanted = [name for name in names if name.lower().startswith(split)]
            if not wanted:
                raise InputError(
                    f"{folder / top} has no images for split {split!r}: found the sub-folders "
                    f"{', '.join(names)}"
                )
            top, is_split = f"{top}{wanted[0]}/", True
            found = [name for name in found if name.startswith(top)]
        elif len(names) == 1 and names[0]:
            top += f"{names[0]}/"  # a single sub-folder is no class
        else:
            break
    if split != "train" and not is_split:
        raise InputError(
            f"{folder} has no images for split {split!r}; expected sub-folders train and {split}"
        )
    return found, top


def _walk(folder: Path) -> tuple[list[str], list[str]]:
    """Names below `folder` of all images, sorted, and of all other visible files."""
    found, others, seen = [], [], set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:  # a link that leads back
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f != "__MACOSX")
        below = Path(place).relative_to(folder).as_posix()
        for file in files:
            if not file.startswith("."):
                name = file if below == "." else f"{below}/{file}"
                is_image = file.lower().endswith(image_files.SUFFIXES)
                (found if is_image else others).append(name)
    return sorted(found), others
