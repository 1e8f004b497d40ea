"""Pairs of images in folders: side by side in one file, or in two folders with equal names."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tfgan_suite.data.pipeline import file_sources
from tfgan_suite.data.pipeline.decoding import read_in_parallel
from tfgan_suite.data.readers import bit_depths, image_files, image_scaling, listing
from tfgan_suite.errors import InputError

SPLITS = {"train": ("train",), "test": ("test", "val")}  # folder names, in order of preference


@dataclasses.dataclass(frozen=True)
class PairFormat:
    """The format to which the images of a pair are converted.

    Args:
        size: side of both images as they are stored; `None` keeps the arrays' own.
        keys: of image A and of image B in the batch.
        channels: of A and of B: 1, 3, or `None` for 3, or 1 if all of them are grey.
        bit_depth: significant bits of 16-bit images, as for `data.load`.
    """

    size: int | None
    keys: tuple[str, str]
    channels: tuple[int | None, int | None]
    bit_depth: int | None = None

    def shapes(self, grey: tuple[bool, bool]) -> dict[str, tuple[int, int, int]]:
        """Shape of each image by its key, given whether all A and all B are grey."""
        depths = [count or (1 if is_grey else 3) for count, is_grey in zip(self.channels, grey)]
        return {key: (self.size, self.size, depth) for key, depth in zip(self.keys, depths)}


def open_pair_folder(
    folder: Path, split: str, hold_out: int, pair_format: PairFormat
) -> tuple[file_sources.FileExamples, list[tuple[str, str]]]:
    """Finds the pairs of a folder in any of the supported layouts.

    Args:
        folder: contains side-by-side images, or sub-folders A and B.
        split: `"train"` or `"test"`.
        hold_out: pairs held out for testing if the folder has no test split.
        pair_format: the format of the images.

    Returns:
        The pairs, and `(file, reason)` of those that cannot be read.

    Raises:
        InputError: no images, no such split, images without a partner, pairs of different
            size.
    """
    if find_sides(folder, split) or find_sides(folder, "train"):
        return _two_folders(
            lambda part: find_sides(folder, part), folder, split, hold_out, pair_format
        )

    def list_part(part: str) -> list[Path]:
        return [folder / name for name in list_split(folder, part)]

    files = _select_split(list_part, lambda paths: paths, split, hold_out)
    headers, skipped = _read_headers([(file,) for file in files])
    odd = [files[i].name for i, header in headers.items() if header[0].width % 2]
    if odd:
        raise InputError(
            f"{folder}: {len(odd)} images have an odd width and cannot be halved "
            f"({_few(odd)}); expected pairs A|B side by side, in two equal halves: crop or "
            "remove them"
        )
    grey = all(header[0].grey for header in headers.values())
    bit_depth = bit_depths.decide(files, pair_format.bit_depth)
    shapes = pair_format.shapes((grey, grey))
    return _SideBySide([(files[i],) for i in headers], shapes, bit_depth=bit_depth), skipped


def open_two_folders(
    first: Path, second: Path, split: str, hold_out: int, pair_format: PairFormat
) -> tuple[file_sources.FileExamples, list[tuple[str, str]]]:
    """Finds the pairs of any two folders; see `open_pair_folder`."""
    return _two_folders(
        lambda part: ((first, part), (second, part)),
        f"{first},{second}",
        split,
        hold_out,
        pair_format,
    )


def find_sides(folder: Path, split: str) -> tuple[tuple[Path, str], tuple[Path, str]] | None:
    """The folders of A and of B, each with the split to list in it; `None` if there are none.

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
    """Visible sub-folders by their names in lower case."""
    folders = sorted(path for path in folder.iterdir() if path.is_dir())
    return {path.name.lower(): path for path in folders if not path.name.startswith(".")}


def list_split(folder: Path, split: str) -> list[str]:
    """Images below a folder; the test split may be called val if there is no test folder.

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


def _two_folders(sides_of, origin, split: str, hold_out: int, pair_format: PairFormat):
    """The pairs of two folders; `sides_of` returns the folders of A and B for a split."""

    def list_part(part: str) -> list[tuple[Path, list[str]]]:
        sides = sides_of(part)
        if sides is None:
            raise InputError(
                f"{origin} has no folders A and B for split {part!r}; expected both: add them"
            )
        return [(side, list_split(side, label)) for side, label in sides]

    pairs = _select_split(list_part, _match_names, split, hold_out)
    headers, skipped = _read_headers(pairs)
    unequal = [
        f"{pairs[i][0]} is {a.width} x {a.height}, {pairs[i][1]} is {b.width} x {b.height}"
        for i, (a, b) in headers.items()
        if (a.width, a.height) != (b.width, b.height)
    ]
    if unequal:
        raise InputError(
            f"{len(unequal)} of {len(pairs)} pairs differ in size ({_few(unequal, '; ')}); "
            "expected two aligned images of the same size: resize or remove them"
        )
    grey = tuple(all(header[side].grey for header in headers.values()) for side in (0, 1))
    bit_depth = bit_depths.decide([path for pair in pairs for path in pair], pair_format.bit_depth)
    shapes = pair_format.shapes(grey)
    return _TwoFiles([pairs[i] for i in headers], shapes, bit_depth=bit_depth), skipped


def _select_split(list_part: Callable, match: Callable[..., list], split: str, hold_out: int):
    """The examples of a split, which may first have to be held out of the training examples.

    Held-out examples are spread evenly over the list of all examples.
    """
    if not hold_out:
        return match(list_part(split))
    try:
        test = list_part("test")
    except InputError:  # no test split of its own: the usual case
        examples = match(list_part("train"))
    else:
        return match(test if split == "test" else list_part("train"))
    if hold_out >= len(examples):
        raise InputError(
            f"{hold_out} pairs were to be held out for testing, but there are only "
            f"{len(examples)}; expected fewer than that: hold out fewer"
        )
    held_out = set(np.linspace(0, len(examples) - 1, hold_out).astype(int).tolist())
    return [pair for i, pair in enumerate(examples) if (i in held_out) == (split == "test")]


def _match_names(sides: Sequence[tuple[Path, list[str]]]) -> list[tuple[Path, Path]]:
    """Pairs of files with the same name, ignoring file endings, sorted by name."""
    (first, _), (second, _) = sides
    stems = [_by_stem(*side) for side in sides]
    unmatched = [sorted(set(ours) - set(theirs)) for ours, theirs in (stems, stems[::-1])]
    if unmatched[0] or unmatched[1]:
        raise InputError(
            "; ".join(
                f"{len(names)} images in {here} have no partner in {there} "
                f"({_few([stems[side][name] for name in names])})"
                for side, (names, here, there) in enumerate(
                    [(unmatched[0], first, second), (unmatched[1], second, first)]
                )
                if names
            )
            + "; expected images of equal names (endings may differ): add or remove some, or use "
            "the folders as unpaired domains"
        )
    return [(first / stems[0][name], second / stems[1][name]) for name in sorted(stems[0])]


def _by_stem(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """File names by their stems."""
    by_stem: dict[str, str] = {}
    for name in names:
        stem = Path(name).with_suffix("").as_posix()
        if stem in by_stem:
            raise InputError(
                f"{folder} holds both {by_stem[stem]} and {name}; expected one image of that name "
                "for each pair: remove one of them"
            )
        by_stem[stem] = name
    return by_stem


def _few(names: Sequence[str], sign: str = ", ") -> str:
    return sign.join(names[:5]) + (f"{sign}.." if len(names) > 5 else "")


def _read_headers(
    examples: Sequence[tuple[Path, ...]],
) -> tuple[dict[int, tuple[image_files.Header, ...]], list[tuple[str, str]]]:
    """Headers of the examples' files by the examples' indices, and the unreadable files."""

    def probe(paths: tuple[Path, ...]) -> tuple[image_files.Header, ...] | tuple[str, str]:
        headers = []
        for path in paths:
            try:
                headers.append(image_files.header(path))
            except image_files.Unreadable as error:
                return str(path), str(error)
        return tuple(headers)

    answers = list(read_in_parallel(probe, examples, "reading headers"))
    headers = {
        i: answer for i, answer in enumerate(answers) if isinstance(answer[0], image_files.Header)
    }
    skipped = [answer for answer in answers if not isinstance(answer[0], image_files.Header)]
    if not headers:
        file_sources.check_skipped(skipped, len(examples), False)
    return headers, skipped


class _SideBySide(file_sources.FileExamples):
    """Images of twice the width: A is the left half."""

    def read(self, index: int) -> dict[str, np.ndarray]:
        (path,) = self.paths[index]
        channels = max(shape[2] for shape in self.shapes.values())
        return image_files.read(path, None, channels, self.bit_depth, use=self._halves)

    def _halves(self, both: np.ndarray) -> dict[str, np.ndarray]:
        half = both.shape[1] // 2  # split before resizing, so that the halves do not bleed over
        return {
            key: image_scaling.fit_array(pixels, shape[0], shape[2])
            for (key, shape), pixels in zip(self.shapes.items(), (both[:, :half], both[:, half:]))
        }


class _TwoFiles(file_sources.FileExamples):
    """Images of A and of B in separate files."""

    def read(self, index: int) -> dict[str, np.ndarray]:
        images = {}
        for path, (key, (size, _, channels)) in zip(self.paths[index], self.shapes.items()):
            fit = functools.partial(image_scaling.fit_array, size=size, channels=channels)
            images[key] = image_files.read(
                path, None, channels, self.bit_depth, shorter_side=size, use=fit
            )
        return images
