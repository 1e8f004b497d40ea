"""Dubs a video or a still image with a sound: redraws the mouths frame by frame."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.data.readers import face_boxes
from tfgan_suite.errors import InputError
from tfgan_suite.inference import face_blending, sound_windows, watermark
from tfgan_suite.inference.face_blending import Box
from tfgan_suite.inference.generator import open_generator
from tfgan_suite.inference.video_files import VideoReader, VideoWriter

LENGTHS = ("sound", "video", "longer", "shorter")
Detect = Callable[[np.ndarray], "list[Box]"]
# From a frame and its number in the video to the face's place; None: no face, the frame passes.
Locate = Callable[[np.ndarray, int], "Box | None"]


@dataclasses.dataclass(frozen=True)
class Dubber:
    """A trained Wav2Lip as a function of faces and mel windows; made by `open_dubber`.

    Args:
        name: where it comes from.
        size: height and width of its faces.
        mel_offset: frame n hears the window of frame n + mel_offset, as in training.
        call: `(face, mel)` float32 arrays to faces `(n, size, size, 3)` in [-1, 1].
    """

    name: str
    size: int
    mel_offset: int
    call: Callable[[np.ndarray, np.ndarray], np.ndarray]

    def redraw(self, faces: list[np.ndarray], windows: list[np.ndarray]) -> np.ndarray:
        """Faces with the mouths of their windows; each face is its own reference.

        Args:
            faces: float32 `(size, size, 3)` in [-1, 1].
            windows: float32 `(80, 16, 1)`.

        Returns:
            float32 `(n, size, size, 3)` in [-1, 1].
        """
        reference = np.stack(faces)
        target = reference.copy()
        target[:, self.size // 2 :] = -1.0
        return self.call(np.concatenate([target, reference], axis=-1), np.stack(windows))


def open_dubber(source: str) -> Dubber:
    """Opens a trained Wav2Lip: a run, an export, a SavedModel or a TFLite file.

    Raises:
        InputError: there is none, or it is of another game.
    """
    generator = open_generator(source)
    specs = {spec.name: spec for spec in generator.signature().inputs}
    if set(specs) != {"face", "mel"}:
        generator.check_command("lipsync", "redraws no mouths")
        raise InputError(f"{source} takes {sorted(specs)}; expected a model of recipes/wav2lip.py")
    constants = generator.facts.get("constants") or {}
    size = int(specs["face"].shape[0] or 0)

    def call(face: np.ndarray, mel: np.ndarray) -> np.ndarray:
        return generator.run_signature({"face": face, "mel": mel}, batch=len(face))["image"]

    return Dubber(source, size, -int(constants.get("mel_lead", 1)), call)


def boxes_of_file(path: str, picture: str | Path) -> Locate:
    """The boxes that a file holds of a video.

    Args:
        path: `.json` or `.csv`, as `data.readers.face_boxes.BoxSource` reads it. Its frames are
            those of the video at its own rate, from 0.
        picture: the video or image; its name without the ending is the clip's name.

    Raises:
        InputError: the file cannot be read, or has no boxes of the video.
    """
    of_frame, _ = face_boxes.BoxSource(path).boxes(Path(picture).stem, lambda: ())

    def locate(frame: np.ndarray, number: int) -> Box | None:
        box = of_frame(number)
        return None if box is None else Box(*(int(round(value)) for value in box))

    return locate


class FaceTracker:
    """Finds the face to dub in each frame, always the same one.

    Args:
        detect: finds all faces in a frame.
        index: which face of the first frame that has some, from left to right; None: the largest.
        log: receives a line where there are several.
    """

    def __init__(self, detect: Detect, index: int | None = None, log: Callable[[str], Any] = print):
        self.detect, self.index, self.log = detect, index, log
        self.last: Box | None = None

    def __call__(self, frame: np.ndarray, number: int = 0) -> Box | None:
        """The face in a frame, whatever its number; None: there is none."""
        boxes = sorted(self.detect(frame), key=lambda box: box.x)
        if not boxes:
            return None
        if self.last is None:
            self.last = self._first(boxes)
        else:
            x, y = self.last.x + self.last.width / 2, self.last.y + self.last.height / 2
            self.last = min(
                boxes,
                key=lambda b: (b.x + b.width / 2 - x) ** 2 + (b.y + b.height / 2 - y) ** 2,
            )
        return self.last

    def _first(self, boxes: list[Box]) -> Box:
        if self.index is not None and self.index >= len(boxes):
            raise InputError(
                f"--face is {self.index}, but there are {len(boxes)} faces; expected 0 to"
                f" {len(boxes) - 1}, from left to right"
            )
        largest = max(range(len(boxes)), key=lambda i: boxes[i].width * boxes[i].height)
        number = largest if self.index is None else self.index
        if len(boxes) > 1:
            chosen = "the largest" if self.index is None else "as requested"
            self.log(
                f"{len(boxes)} faces: number {number} from the left is dubbed ({chosen}), at"
                f" {boxes[number]}; --face chooses another"
            )
        return boxes[number]


def dub_frames(
    dubber: Dubber,
    frames: Iterable[tuple[np.ndarray, Box | None]],
    mel: np.ndarray,
    fps: float,
    batch: int = 16,
    feather: float = face_blending.FEATHER,
    blend: str = "feather",
) -> Iterator[tuple[np.ndarray, bool]]:
    """Redraws the mouths of frames; at most `batch` frames are in memory.

    Args:
        dubber: the model.
        frames: uint8 `(height, width, 3)` with the box of their face; None: they pass through.
        mel: of `sound_windows.read_mel`.
        fps: frames a second.
        batch: faces that go through the network at once.
        feather, blend: as for `face_blending.paste_mouth`.

    Yields:
        Frames in order, and whether a face was redrawn. Outside the lower half of the box every
        pixel is the frame's own.
    """
    numbered = enumerate(frames)
    while part := list(itertools.islice(numbered, batch)):
        rows = [
            (number, frame, box.inside(*frame.shape[:2]))
            for number, (frame, box) in part
            if box is not None
        ]
        drawn: dict[int, np.ndarray] = {}
        if rows:
            faces = [face_blending.crop(frame, box, dubber.size) for _, frame, box in rows]
            windows = [
                sound_windows.window(mel, number + dubber.mel_offset, fps) for number, _, _ in rows
            ]
            for (number, frame, box), face in zip(rows, dubber.redraw(faces, windows)):
                drawn[number] = face_blending.paste_mouth(frame, face, box, feather, blend)
        for number, (frame, _) in part:
            yield drawn.get(number, frame), number in drawn


@dataclasses.dataclass
class Dubbing:
    """What `dub` did.

    Args:
        frames: frames written.
        faces: of them, those with a face.
        fps: frames a second of the video.
        repeated, dropped: frames of a video of variable rate that were repeated or left out.
    """

    frames: int = 0
    faces: int = 0
    fps: float = 0.0
    repeated: int = 0
    dropped: int = 0


def dub(
    dubber: Dubber,
    picture: str | Path,
    sound: str | Path,
    output: str | Path,
    locate: Locate,
    *,
    length: str = "sound",
    batch: int = 16,
    feather: float = face_blending.FEATHER,
    blend: str = "feather",
    smooth: int = face_blending.SMOOTHED_FRAMES,
    watermarked: bool = True,
    lossless: bool = False,
    progress: Callable[[int, int | None], Any] = lambda count, total: None,
) -> Dubbing:
    """Writes a video of a face that speaks a sound.

    Args:
        dubber: of `open_dubber`.
        picture: a video or a still image.
        sound: a sound, or a video with sound.
        output: the `.mp4` file.
        locate: finds the face in a frame, such as a `FaceTracker`.
        length: `"sound"` (a shorter video is repeated, a longer one cut), `"video"` (a shorter
            sound ends in silence), `"longer"` or `"shorter"` of the two.
        batch, feather, blend: as for `dub_frames`.
        smooth: boxes of a mean; 1: they are not smoothed.
        watermarked: whether frames carry a visible mark.
        lossless: as for `VideoWriter`.
        progress: called with the frames so far, and the expected number.

    Returns:
        Counts of what was done.

    Raises:
        InputError: a file that cannot be read or written, no face in any frame. No file is left.
    """
    reader = VideoReader(picture)
    mel, seconds = sound_windows.read_mel(sound)
    done = Dubbing(fps=float(reader.fps))
    heard = max(1, round(seconds * float(reader.fps)))
    total = _total(length, heard, reader)

    def located() -> Iterator[tuple[np.ndarray, Box | None]]:
        numbered = _source_frames(reader, length, heard)
        return ((frame, locate(frame, number)) for number, frame in numbered)

    def finished() -> Iterator[np.ndarray]:
        pairs = face_blending.smoothed(located(), smooth) if smooth > 1 else located()
        for frame, redrawn in dub_frames(dubber, pairs, mel, done.fps, batch, feather, blend):
            done.faces += redrawn
            yield watermark.mark(frame) if watermarked else frame
        if not done.faces:
            raise InputError(
                f"there is no face in {picture}; choose another, or pass the face's place as --box"
                " x,y,width,height"
            )

    writer = VideoWriter(output, reader.fps, sound, lossless)
    done.frames = writer.write(finished(), lambda count: progress(count, total))
    done.repeated, done.dropped = reader.repeated, reader.dropped
    return done


def _source_frames(
    reader: VideoReader, length: str, heard: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Frames with their numbers in the video."""
    if reader.still or length == "sound":
        return itertools.islice(reader.looped(), heard)
    if length == "video":
        return enumerate(reader.frames())
    if length == "shorter":
        return itertools.islice(enumerate(reader.frames()), heard)
    return _at_least(reader, heard)


def _at_least(reader: VideoReader, heard: int) -> Iterator[tuple[int, np.ndarray]]:
    """The whole video, repeated while it is shorter than the sound."""
    count = 0
    for number, frame in enumerate(reader.frames()):
        count += 1
        yield number, frame
    yield from itertools.islice(reader.looped(), max(0, heard - count))


def _total(length: str, heard: int, reader: VideoReader) -> int | None:
    """The expected number of frames; None: unknown."""
    if reader.still or length == "sound":
        return heard
    if not reader.frame_count:
        return None
    choose = {"video": lambda a, b: a, "shorter": min, "longer": max}[length]
    return choose(reader.frame_count, heard)
