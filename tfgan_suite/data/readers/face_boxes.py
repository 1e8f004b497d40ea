"""Where faces are in frames: a box of the user's, a file of boxes, OpenCV's cascade, any function.

A box is `(left, top, width, height)` in pixels.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.data.readers import image_scaling
from tfgan_suite.errors import InputError
from tfgan_suite.utils import foreign_files
from tfgan_suite.utils.files import user_path
from tfgan_suite.utils.json_files import read_json
from tfgan_suite.utils.optional_packages import require

Box = tuple[float, float, float, float]
Detect = Callable[[np.ndarray], "list[Box]"]
CASCADE = "haarcascade_frontalface_alt2.xml"
FACES = "faces"  # in place of a box: the frames are face crops already
EXPECTED = "X,Y,W,H, a .json or .csv file of boxes, or faces"
_DETECTED_SIDE = 480  # longer side of what the cascade sees
SMOOTHED = 5  # frames over which detected boxes are averaged


def detector() -> Detect:
    """OpenCV's frontal-face cascade (extra `faces`).

    Returns:
        Function from a frame, uint8 `(height, width, 3)` RGB, to the boxes of all faces in it, the
        largest first. Faces are at least a twelfth of the frame's shorter side high.

    Raises:
        InputError: OpenCV is not installed, or it is one without cascades.
    """
    cv2 = require("cv2", "faces", "finding faces (where no box is passed)")
    if not hasattr(cv2, "CascadeClassifier") or not hasattr(cv2, "data"):
        raise InputError(
            f"OpenCV {cv2.__version__} has no face cascades; expected a 4.x of"
            " opencv-python-headless: pip install -e '.[faces]', or pass a box"
        )
    cascade = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / CASCADE))

    def detect(frame: np.ndarray) -> list[Box]:
        height, width = frame.shape[:2]
        scale = min(1.0, _DETECTED_SIDE / max(height, width))
        grey = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY)
        if scale < 1.0:
            sides = (round(width * scale), round(height * scale))
            grey = cv2.resize(grey, sides, interpolation=cv2.INTER_AREA)
        least = max(20, min(grey.shape) // 12)
        boxes = cascade.detectMultiScale(grey, 1.1, 3, minSize=(least, least))
        boxes = [tuple(float(number) / scale for number in box) for box in boxes]
        return sorted(boxes, key=lambda box: -box[2] * box[3])

    return detect


class BoxSource:
    """Boxes of the frames of clips, as a user wants them.

    Args:
        spec: `"X,Y,W,H"` in every frame, a file (below), `"faces"`: whole frames, or `None`: faces
            are detected, and of several the largest is used.
        detect: replaces the cascade.

    A `.json` file holds `{clip: [x, y, w, h]}` or `{clip: [[x, y, w, h], null, ..]}`, a box or null
    for each frame; a `.csv` file lines of `clip,x,y,w,h` or `clip,frame,x,y,w,h`. A clip is named
    by its path below the folder without its ending.

    Raises:
        InputError: no such file, or other content.
    """

    def __init__(self, spec: str | os.PathLike | None, detect: Detect | None = None) -> None:
        self.spec = None if spec is None else os.fspath(spec)
        self._detect, self._constant = detect, None
        self._by_clip: dict[str, Any] | None = None
        if self.spec in (None, FACES):
            return
        self._constant = _numbers(self.spec)
        if self._constant is None:
            path = user_path(self.spec)
            if path.suffix not in (".json", ".csv"):
                raise InputError(f"the box is {self.spec!r}; expected {EXPECTED}")
            self._by_clip = _read_json(path) if path.suffix == ".json" else _read_csv(path)

    @property
    def detects(self) -> bool:
        """Whether the frames must be seen to know the boxes."""
        return self.spec is None

    def boxes(
        self, name: str, frames: Callable[[], Any]
    ) -> tuple[Callable[[int], Box | None], str | None]:
        """The boxes of a clip.

        Args:
            name: of the clip.
            frames: yields its frames in order; called where faces are detected.

        Returns:
            Function from the number of a frame to its box, `None` without one, and what a user
            should know, if anything.

        Raises:
            InputError: there is no face, or the file has no boxes of the clip.
        """
        if self.spec == FACES:
            return lambda number: (0.0, 0.0, np.inf, np.inf), None
        if self._constant is not None:
            constant = self._constant
            return lambda number: constant, None
        if self._by_clip is not None:
            return _of_clip(self._by_clip, name, str(self.spec)), None
        return self._detected(name, frames)

    def _detected(self, name, frames):
        if self._detect is None:
            self._detect = detector()
        found, several = [], 0
        for frame in frames():
            boxes = self._detect(frame)
            several += len(boxes) > 1
            found.append(_nearest(boxes, next((b for b in reversed(found) if b), None)))
        if not any(found):
            raise InputError(
                f"no face in any of {len(found)} frames of {name}; expected one, from the front:"
                " pass a box"
            )
        note = None
        if several:
            note = (
                f"{name} shows two or more faces in {several} frames: the largest one of the first"
                " is followed; pass a box to choose another"
            )
        smooth = _smoothed(found)
        return (lambda number: smooth[number] if number < len(smooth) else None), note


def _nearest(boxes: list[Box], last: Box | None) -> Box | None:
    """The largest box; after a first face the one that is nearest to it."""
    if not boxes or last is None:
        return boxes[0] if boxes else None
    centre = np.array(last[:2]) + np.array(last[2:]) / 2
    return min(
        boxes, key=lambda b: float(np.hypot(*(np.array(b[:2]) + np.array(b[2:]) / 2 - centre)))
    )


def _smoothed(boxes: list[Box | None]) -> list[Box | None]:
    """Boxes averaged over the frames around each, of a copy; gaps stay gaps."""
    reach, smooth = SMOOTHED // 2, []
    for number, box in enumerate(boxes):
        around = [b for b in boxes[max(0, number - reach) : number + reach + 1] if b]
        smooth.append(tuple(np.mean(around, axis=0)) if box else None)
    return smooth


def crop(frame: np.ndarray, box: Box, size: int) -> np.ndarray | None:
    """A box of a frame, scaled to a square.

    Args:
        frame: uint8 `(height, width, 3)`.
        box: is clipped to the frame.
        size: side of the result.

    Returns:
        uint8 `(size, size, 3)`; `None` where the box lies outside the frame.
    """
    height, width = frame.shape[:2]
    left, top = max(0.0, box[0]), max(0.0, box[1])
    right, bottom = min(float(width), box[0] + box[2]), min(float(height), box[1] + box[3])
    if right - left < 2.0 or bottom - top < 2.0:
        return None
    smaller = min(right - left, bottom - top) > size
    edges = (left, top, right, bottom)
    return image_scaling.resize_array(frame, (size, size), smaller, edges)


def _numbers(text: str) -> Box | None:
    """Four numbers with commas; `None` for anything else."""
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        return None
    if len(numbers) != 4 or not np.isfinite(numbers).all() or min(numbers[2:]) <= 0:
        raise InputError(f"the box is {text!r}; expected left, top, width and height: X,Y,W,H")
    return numbers


def _of_clip(by_clip: Mapping[str, Any], name: str, file: str) -> Callable[[int], Box | None]:
    boxes = by_clip.get(name, by_clip.get(Path(name).name))
    if boxes is None:
        raise InputError(
            f"{file} has no boxes of {name}; it has {', '.join(list(by_clip)[:3])}, ..: add them"
        )
    if isinstance(boxes, Mapping):
        return lambda number: boxes.get(number)
    if boxes and not isinstance(boxes[0], (list, tuple, type(None))):
        constant = tuple(float(number) for number in boxes)
        return lambda number: constant
    return lambda number: tuple(boxes[number]) if number < len(boxes) and boxes[number] else None


def _read_json(path: Path) -> dict[str, Any]:
    content = read_json(path, {str: list}, advice="write {clip: [x, y, w, h]}")
    for name, boxes in content.items():
        rows = boxes if boxes and isinstance(boxes[0], (list, type(None))) else [boxes]
        _check_rows([row for row in rows if row is not None], name, path)
    return content


def _read_csv(path: Path) -> dict[str, Any]:
    by_clip: dict[str, Any] = {}
    for row in csv.reader(io.StringIO(foreign_files.read_text(path))):
        if not row or row[-1].strip().isalpha():  # the head
            continue
        try:
            numbers = [float(part) for part in row[1:]]
        except ValueError:
            numbers = []
        if len(numbers) not in (4, 5):
            raise InputError(
                f"{path} holds {','.join(row)[:60]!r}; expected clip,x,y,w,h or clip,frame,x,y,w,h"
            )
        _check_rows([numbers[-4:]], row[0], path)
        if len(numbers) == 4:
            by_clip[row[0]] = numbers
        else:
            by_clip.setdefault(row[0], {})[int(numbers[0])] = tuple(numbers[1:])
    return by_clip


def _check_rows(rows: Sequence[Any], name: str, path: Path) -> None:
    for row in rows:
        is_box = isinstance(row, (list, tuple)) and len(row) == 4
        if not is_box or not all(isinstance(n, (int, float)) for n in row) or min(row[2:]) <= 0:
            raise InputError(
                f"{path} holds {str(row)[:60]} for {name}; expected x, y, w and h in pixels"
            )
