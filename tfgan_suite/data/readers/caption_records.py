"""Images with captions, boxes and key points, whatever files they were read from, and their checks.

Boxes are left, top, width, height; key points are x, y, visibility (1 or 0; where it is 0, x and y
are 0, too). Files state them in pixels of the upright image; a `CaptionSet` in fractions of its
width and height.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.data.readers import image_files, listing
from tfgan_suite.errors import InputError

BORDER = 1.0  # pixels by which a box may reach over the edge, for annotations that count from 1


@dataclasses.dataclass
class Record:
    """An image and what is said of it.

    Args:
        path: the file.
        origin: file and line where it is first named, for messages.
        captions: sentences, at least one.
        box: in pixels.
        keypoints: float `(k, 3)`, in pixels.
        label: name of its class.
    """

    path: Path
    origin: str
    captions: list[str] = dataclasses.field(default_factory=list)
    box: tuple[float, ...] | None = None
    keypoints: np.ndarray | None = None
    label: str | None = None


@dataclasses.dataclass(frozen=True)
class CaptionSet:
    """Images with captions.

    Args:
        paths: the files.
        sizes: int `(n, 2)`: widths and heights of the upright images.
        captions: sentences of each image, at least one.
        labels: int32 `(n,)` or `None`.
        classes: names of the classes, or `None`.
        boxes: float32 `(n, 4)` or `None`, in fractions.
        keypoints: float32 `(n, k, 3)` or `None`, in fractions.
        parts: names of the key points; empty if they have none.
        skipped: `(file, reason)` of the images that cannot be used.
        layout: in words, how the files are laid out.
    """

    paths: tuple[Path, ...]
    sizes: np.ndarray
    captions: tuple[tuple[str, ...], ...]
    labels: np.ndarray | None
    classes: tuple[str, ...] | None
    boxes: np.ndarray | None
    keypoints: np.ndarray | None
    parts: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    layout: str

    def __len__(self) -> int:
        return len(self.captions)

    def select(self, rows: Sequence[int] | np.ndarray) -> CaptionSet:
        """The images with some indices; the classes keep their numbers."""
        rows = np.asarray(rows, np.int64)
        arrays = {
            name: None if getattr(self, name) is None else getattr(self, name)[rows]
            for name in ("sizes", "labels", "boxes", "keypoints")
        }
        return dataclasses.replace(
            self,
            paths=tuple(self.paths[row] for row in rows),
            captions=tuple(self.captions[row] for row in rows),
            **arrays,
        )


class Records:
    """Gathers what files say of images, line by line, and checks each line."""

    def __init__(self) -> None:
        self._records: dict[Path, Record] = {}

    def add(
        self,
        path: Path,
        captions: Iterable[str],
        origin: str,
        *,
        box: Any = None,
        keypoints: Any = None,
        label: str | None = None,
    ) -> None:
        """Adds what a line says of an image, which other lines may have named before.

        Args:
            path: the image.
            captions: its sentences.
            origin: file and line, for messages.
            box: four numbers in pixels, or `None`.
            keypoints: numbers x, y, visibility of all points in turn, or a list of points of two
                or three numbers, in pixels; `None` without key points.
            label: name of its class.

        Raises:
            InputError: there is no such image, a caption is empty, a box or key points are no
                numbers, or they contradict an earlier line.
        """
        if path not in self._records:
            if not path.is_file():
                raise InputError(
                    f"{origin}: there is no image {path}; expected the image of each caption: "
                    "correct the name, or remove the caption"
                )
            self._records[path] = Record(path, origin)
        record = self._records[path]
        for caption in captions:
            text = " ".join(str(caption).split())
            if not text:
                raise InputError(
                    f"{origin}: the caption of {path.name} is empty; expected a sentence: write "
                    "it, or remove the line"
                )
            record.captions.append(text)
        points = None if keypoints is None else _points(keypoints, origin)
        for name, value in (
            ("box", None if box is None else _box(box, origin)),
            ("keypoints", points),
            ("label", label),
        ):
            if value is not None:
                self._set(record, name, value, origin)

    def _set(self, record: Record, name: str, value: Any, origin: str) -> None:
        previous = getattr(record, name)
        if previous is not None and not np.array_equal(previous, value):
            raise InputError(
                f"{origin}: another {name} of {record.path.name} than in {record.origin}; "
                "expected the same in all lines of an image: correct one of them"
            )
        setattr(record, name, value)

    def finish(
        self,
        source: str | Path,
        layout: str,
        *,
        parts: Sequence[str] = (),
        skipped: Sequence[tuple[str, str]] = (),
        classes: Sequence[str] | None = None,
    ) -> CaptionSet:
        """Reads the sizes of the images and checks the annotations against them.

        Args:
            source: the data, for messages.
            layout: as for `CaptionSet`.
            parts: names of the key points.
            skipped: images that were left out before.
            classes: names of all classes in order; `None`: those that occur, in natural order.

        Raises:
            InputError: no captions, boxes, key points or classes of some images only, numbers of
                key points that differ, or a box outside its image or without area.
        """
        records, sizes, skipped = [], [], list(skipped)
        for record in self._records.values():
            if not record.captions:
                skipped.append((str(record.path), "no caption"))
                continue
            try:
                header = image_files.header(record.path)
            except image_files.Unreadable as error:
                skipped.append((str(record.path), str(error)))
                continue
            records.append(record)
            sizes.append((header.width, header.height))
        if not records:
            raise InputError(
                f"{source} holds no readable images with captions; expected at least one: check "
                "the files"
            )
        for name in ("box", "keypoints", "label"):
            _check_complete(records, name, source)
        return self._arrays(records, np.array(sizes, np.int64), parts, skipped, classes, layout)

    def _arrays(self, records, sizes, parts, skipped, classes, layout) -> CaptionSet:
        boxes = keypoints = labels = None
        if records[0].box is not None:
            boxes = [_inside(record, size) for record, size in zip(records, sizes)]
            boxes = np.array(boxes, np.float32)
        if records[0].keypoints is not None:
            _check_counts(records, parts)
            keypoints = np.stack([record.keypoints for record in records])
            keypoints = relative_keypoints(keypoints, sizes)
        if records[0].label is not None:
            names = {record.label for record in records}
            classes = tuple(classes or sorted(names, key=listing.natural_key))
            labels = np.array([classes.index(record.label) for record in records], np.int32)
        return CaptionSet(
            tuple(record.path for record in records),
            sizes,
            tuple(tuple(dict.fromkeys(record.captions)) for record in records),
            labels,
            None if labels is None else classes,
            boxes,
            keypoints,
            tuple(parts) if keypoints is not None else (),
            tuple(skipped),
            layout,
        )


def relative_keypoints(keypoints: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Key points in fractions; those outside the image are not visible.

    Args:
        keypoints: `(n, k, 3)` in pixels.
        sizes: `(n, 2)`, widths and heights.
    """
    position = keypoints[..., :2] / sizes[:, None]
    visible = (keypoints[..., 2] > 0) & ((position >= 0) & (position <= 1)).all(axis=2)
    points = np.concatenate([position, np.ones_like(position[..., :1])], axis=2)
    return np.where(visible[..., None], points, 0.0).astype(np.float32)


def numbers(values: Any, origin: str, what: str) -> list[float]:
    """A flat list of finite numbers.

    Raises:
        InputError: it is none.
    """
    try:
        result = [float(value) for value in values]
        if isinstance(values, str) or not all(map(math.isfinite, result)):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise InputError(
            f"{origin}: {what} is {str(values)[:60]!r}; expected finite numbers: correct the line"
        ) from None
    return result


def _box(values: Any, origin: str) -> tuple[float, ...]:
    box = numbers(values, origin, "the box")
    if len(box) != 4:
        raise InputError(
            f"{origin}: the box has {len(box)} numbers; expected 4, left, top, width and height "
            "in pixels: correct the line"
        )
    return tuple(box)


def _points(values: Any, origin: str) -> np.ndarray:
    """Key points `(k, 3)` with visibility 0 or 1."""
    nested = isinstance(values, (list, tuple)) and any(isinstance(v, (list, tuple)) for v in values)
    if nested:
        lengths = {len(point) if isinstance(point, (list, tuple)) else 0 for point in values}
        if not lengths <= {2, 3} or len(lengths) > 1:
            raise InputError(
                f"{origin}: key points of {sorted(lengths)} numbers; expected x, y, or x, y, "
                "visibility of each: correct the line"
            )
        rows = [[*numbers(point, origin, "a key point"), 1.0][:3] for point in values]
    else:
        flat = numbers(values, origin, "the list of key points")
        if not flat or len(flat) % 3:
            raise InputError(
                f"{origin}: {len(flat)} numbers of key points; expected x, y, visibility of each "
                "point in turn: correct the line"
            )
        rows = [flat[i : i + 3] for i in range(0, len(flat), 3)]
    points = np.array(rows, np.float64)
    points[:, 2] = points[:, 2] > 0
    return points * points[:, 2:]


def _inside(record: Record, size: np.ndarray) -> list[float]:
    """The box of an image in fractions, cut at the edges.

    Raises:
        InputError: it has no area, or reaches outside.
    """
    left, top, width, height = record.box
    if width <= 0 or height <= 0:
        raise InputError(
            f"{record.origin}: the box {list(record.box)} of {record.path.name} has no area; "
            "expected a width and a height above 0: correct it"
        )
    far = (left + width - size[0], top + height - size[1])
    if min(left, top) < -BORDER or max(far) > BORDER:
        raise InputError(
            f"{record.origin}: the box {list(record.box)} reaches outside {record.path.name}, "
            f"which has {size[0]}x{size[1]} pixels; expected left, top, width, height inside it: "
            "correct the box"
        )
    low = np.clip([left, top], 0, size)
    high = np.clip([left + width, top + height], 0, size)
    if (high - low).min() <= 0:
        raise InputError(
            f"{record.origin}: the box {list(record.box)} lies outside {record.path.name}, which "
            f"has {size[0]}x{size[1]} pixels; expected a box inside it: correct it"
        )
    return [*(low / size), *((high - low) / size)]


def _check_complete(records: Sequence[Record], name: str, source: str | Path) -> None:
    missing = [record for record in records if getattr(record, name) is None]
    if missing and len(missing) < len(records):
        raise InputError(
            f"{source}: {len(missing)} of {len(records)} images have no {name}, such as "
            f"{missing[0].path.name} ({missing[0].origin}); expected one for each image or for "
            "none: add or remove them"
        )


def _check_counts(records: Sequence[Record], parts: Sequence[str]) -> None:
    expected = len(parts) or len(records[0].keypoints)
    for record in records:
        if len(record.keypoints) != expected:
            example = "there are names" if parts else f"{records[0].path.name} has"
            raise InputError(
                f"{record.origin}: {record.path.name} has {len(record.keypoints)} key points; "
                f"expected {expected}, as {example}: mark missing points with visibility 0"
            )
