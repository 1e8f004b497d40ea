"""Pairs of images in folders: side by side in one file, or in two folders with equal names."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tfgan_suite.data.pipeline import columns
from tfgan_suite.data.readers import image_files, listing
from tfgan_suite.errors import InputError

SPLITS = {"train": ("train",), "test": ("test", "val")}  # names of folders, the first that exists


@dataclasses.dataclass(frozen=True)
class Form:
    """What the images of a pair become.

    Args:
        size: side of both images as they are kept; `None` keeps what arrays have.
        keys: of image A and of image B in the batch.
        channels: of A and of B: 1, 3, or `None` for 3, or 1 if all of them are grey.
    """

    size: int | None
    keys: tuple[str, str]
    channels: tuple[int | None, int | None]

    def shapes(self, grey: tuple[bool, bool]) -> dict[str, tuple[int, int, int]]:
        """Shape of each image by its key, where all A or all B are or are not grey."""
        depths = [want or (1 if is_grey else 3) for want, is_grey in zip(self.channels, grey)]
        return {key: (self.size, self.size, depth) for key, depth in zip(self.keys, depths)}


def open_files(
    folder: Path, split: str, hold_out: int, form: Form
) -> tuple[columns.Files, list[tuple[str, str]]]:
    """Finds the pairs of a folder in any of its layouts.

    Args:
        folder: with side-by-side images, or with sub-folders A and B.
        split: `"train"` or `"test"`.
        hold_out: pairs set aside for testing where the folder has no test split.
        form: what the images become.

    Returns:
        The pairs, and `(file, reason)` of those that cannot be read.

    Raises:
        InputError: no images, no such split, images without a partner, pairs of different
            size.
    """
    if sides(folder, split) or sides(folder, "train"):
        return _two_folders(lambda part: sides(folder, part), folder, split, hold_out, form)

    def find(part: str) -> list[Path]:
        return [folder / name for name in list_split(folder, part)]

    files = _chosen(find, lambda found: found, split, hold_out)
    heads, skipped = _headers([(file,) for file in files])
    odd = [files[i].name for i, head in heads.items() if head[0].width % 2]
    if odd:
        raise InputError(
            f"{folder}: {len(odd)} images have an odd width and cannot be halved "
            f"({_few(odd)}); expected pairs A|B side by side, each image two equal halves"
        )
    grey = all(head[0].grey for head in heads.values())
    return _SideBySide([(files[i],) for i in heads], form.shapes((grey, grey))), skipped


def open_two(
    first: Path, second: Path, split: str, hold_out: int, form: Form
) -> tuple[columns.Files, list[tuple[str, str]]]:
    """Finds the pairs of any two folders; see `open_files`."""
    return _two_folders(
        lambda part: ((first, part), (second, part)), f"{first},{second}", split, hold_out, form
    )


def sides(folder: Path, split: str) -> tuple[tuple[Path, str], tuple[Path, str]] | None:
    """The folders of A and of B, each with the split to list it with; `None` if there are none.

    Layouts: `A` and `B`, which may hold splits; `train/A` and `train/B`; `trainA` and `trainB`.
    """
    below = _folders(folder)
    if {"a", "b"} <= set(below):
        return (below["a"], split), (below["b"], split)
    for name in SPLITS[split]:
        if {f"{name}a", f"{name}b"} <= set(below):
            return (below[f"{name}a"], "train"), (below[f"{name}b"], "train")
        inner = _folders(below[name]) if name in below else {}
        if {"a", "b"} <= set(inner):
            return (inner["a"], "train"), (inner["b"], "train")
    return None


def _folders(folder: Path) -> dict[str, Path]:
    """Visible sub-folders by their names in small letters."""
    found = sorted(path for path in folder.iterdir() if path.is_dir())
    return {path.name.lower(): path for path in found if not path.name.startswith(".")}


def list_split(folder: Path, split: str) -> list[str]:
    """Images below a folder; the test split may be called val where there is no test.

    Raises:
        InputError: no images of that split.
    """
    failure = None
    for name in SPLITS[split]:
        try:
            return listing.list_images(folder, name)[0]
        except InputError as error:
            failure = failure or error
    raise failure


def _two_folders(find_sides, origin, split: str, hold_out: int, form: Form):
    def find(part: str) -> list[tuple[Path, list[str]]]:
        found = find_sides(part)
        if found is None:
            raise InputError(f"{origin} has no folders A and B for split {part!r}")
        return [(side, list_split(side, label)) for side, label in found]

    pairs = _chosen(find, _match, split, hold_out)
    heads, skipped = _headers(pairs)
    unequal = [
        f"{pairs[i][0]} is {a.width} x {a.height}, {pairs[i][1]} is {b.width} x {b.height}"
        for i, (a, b) in heads.items()
        if (a.width, a.height) != (b.width, b.height)
    ]
    if unequal:
        raise InputError(
            f"{len(unequal)} of {len(pairs)} pairs differ in size ({_few(unequal, '; ')}); "
            "expected two images of one size that show the same thing at the same place"
        )
    grey = tuple(all(head[side].grey for head in heads.values()) for side in (0, 1))
    return _TwoFiles([pairs[i] for i in heads], form.shapes(grey)), skipped


def _chosen(find: Callable, match: Callable[..., list], split: str, hold_out: int) -> list:
    """The examples of a split, which may have to be set aside first.

    Those for testing are spread evenly over the list of all examples.
    """
    if not hold_out:
        return match(find(split))
    try:
        test = find("test")
    except InputError:  # no test split of its own: the usual case
        everything = match(find("train"))
    else:
        return match(test if split == "test" else find("train"))
    if hold_out >= len(everything):
        raise InputError(
            f"{hold_out} pairs were to be set aside for testing, but there are "
            f"{len(everything)} in all: set aside fewer"
        )
    aside = set(np.linspace(0, len(everything) - 1, hold_out).astype(int).tolist())
    return [one for i, one in enumerate(everything) if (i in aside) == (split == "test")]


def _match(found: Sequence[tuple[Path, list[str]]]) -> list[tuple[Path, Path]]:
    """Pairs of files with the same name, endings left out, in the order of the names."""
    (first, _), (second, _) = found
    stems = [_stems(*side) for side in found]
    lonely = [sorted(set(one) - set(other)) for one, other in (stems, stems[::-1])]
    if lonely[0] or lonely[1]:
        raise InputError(
            "; ".join(
                f"{len(names)} images in {here} have no partner in {there} "
                f"({_few([stems[side][name] for name in names])})"
                for side, (names, here, there) in enumerate(
                    [(lonely[0], first, second), (lonely[1], second, first)]
                )
                if names
            )
            + "; expected images of equal names (endings may differ): add or remove some, or take "
            "the folders as unpaired domains"
        )
    return [(first / stems[0][name], second / stems[1][name]) for name in sorted(stems[0])]


def _stems(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Names without endings, and the names they stand for."""
    found: dict[str, str] = {}
    for name in names:
        stem = Path(name).with_suffix("").as_posix()
        if stem in found:
            raise InputError(
                f"{folder} holds both {found[stem]} and {name}, so that it is not clear which of "
                "them belongs to a pair: remove one"
            )
        found[stem] = name
    return found


def _few(names: Sequence[str], sign: str = ", ") -> str:
    return sign.join(names[:5]) + (f"{sign}.." if len(names) > 5 else "")


def _headers(
    examples: Sequence[tuple[Path, ...]],
) -> tuple[dict[int, tuple[image_files.Header, ...]], list[tuple[str, str]]]:
    """Headers of the examples' files by the examples' numbers, and the unreadable ones."""

    def probe(paths: tuple[Path, ...]) -> tuple[image_files.Header, ...] | tuple[str, str]:
        heads = []
        for path in paths:
            try:
                heads.append(image_files.header(path))
            except image_files.Unreadable as error:
                return str(path), str(error)
        return tuple(heads)

    with ThreadPoolExecutor(columns.threads()) as pool:
        answers = list(pool.map(probe, examples))
    heads = {
        i: found for i, found in enumerate(answers) if isinstance(found[0], image_files.Header)
    }
    skipped = [found for found in answers if not isinstance(found[0], image_files.Header)]
    if not heads:
        columns.check_skipped(skipped, len(examples), False)
    return heads, skipped


def _fitted(shapes: Mapping[str, tuple], images: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    return {
        key: image_files.fit_array(pixels, shape[0], shape[2])
        for (key, shape), pixels in zip(shapes.items(), images)
    }


class _SideBySide(columns.Files):
    """Images of twice the width: A is the left half."""

    def read(self, index: int) -> dict[str, np.ndarray]:
        (path,) = self.paths[index]
        whole = image_files.read(path, None, max(shape[2] for shape in self.shapes.values()))
        half = whole.shape[1] // 2  # cut before anything is resized, so that nothing bleeds over
        return _fitted(self.shapes, (whole[:, :half], whole[:, half:]))


class _TwoFiles(columns.Files):
    """Images of A and of B in files of their own."""

    def read(self, index: int) -> dict[str, np.ndarray]:
        depths = [shape[2] for shape in self.shapes.values()]
        images = [image_files.read(p, None, d) for p, d in zip(self.paths[index], depths)]
        return _fitted(self.shapes, images)
