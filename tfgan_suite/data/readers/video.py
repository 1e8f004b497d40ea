"""Videos as clips of face crops with sound: containers that PyAV opens, and folders of frames."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.data.pipeline.talking_source import FPS, Clip
from tfgan_suite.data.readers import audio, containers, face_boxes, image_files
from tfgan_suite.errors import InputError
from tfgan_suite.utils import notices
from tfgan_suite.utils.optional_packages import require

CONTAINERS = frozenset(
    ".3gp .avi .flv .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .ts .webm .wmv".split()
)
PICTURES = frozenset((".jpg", ".jpeg", ".png"))
SOUND = "audio.wav"  # beside the frames of a folder
EXPECTED = "a video with sound"
_GAP = 0.02  # seconds by which the sound's clock may differ before silence is filled in


def read_clip(path: str | os.PathLike, name: str, boxes: face_boxes.BoxSource, size: int) -> Clip:
    """Reads a video, or a folder of frames with their sound, as face crops at 25 frames a second.

    Picture and sound are put side by side by the container's clock. Other frame rates, also
    variable ones, are resampled: frame n is what is shown at the time n / 25.

    Args:
        path: a container, or a folder of frames 0.jpg, 1.jpg, .. with `audio.wav` (missing numbers
            are frames without a face; these are crops unless a box is passed).
        name: of the clip, for messages and files of boxes.
        boxes: where the faces are.
        size: side of the crops.

    Returns:
        `Clip`.

    Raises:
        InputError: it cannot be read; it has no picture, no sound, or less than 0.2 s of it; there
            is no face.
    """
    path = Path(path)
    if path.is_dir():
        return _read_folder(path, name, boxes, size)
    sound = read_sound(path)
    box_of, note = boxes.boxes(name, lambda: frames_of(path))
    if note:
        notices.say_once(note)
    crops, numbers = [], []
    for number, frame in enumerate(frames_of(path)):
        box = box_of(number)
        face = None if box is None else face_boxes.crop(frame, box, size)
        if face is not None:
            crops.append(face)
            numbers.append(number)
    return _clip(name, crops, numbers, sound)


def _clip(name: str, crops: list[np.ndarray], numbers: list[int], sound: np.ndarray) -> Clip:
    if not crops:
        raise InputError(f"no frame of {name} has a face in its box; check the box")
    return Clip(name, np.stack(crops), audio.log_mel(sound), np.array(numbers, np.int64))


def _read_folder(path: Path, name: str, boxes: face_boxes.BoxSource, size: int) -> Clip:
    """A clip of the layout that Wav2Lip's preprocessing writes."""
    files = sorted((int(file.stem), file) for file in path.iterdir() if is_frame(file))
    sound = audio.read_wav(path / SOUND)
    if boxes.detects:
        boxes = face_boxes.BoxSource(face_boxes.FACES)
    box_of, _ = boxes.boxes(name, lambda: iter(()))
    crops, numbers = [], []
    for number, file in files:
        try:
            frame = image_files.read(file, None, 3)
        except image_files.Unreadable as error:
            notices.say_once(f"{file} is left out: {error}")
            continue
        box = box_of(number)
        face = None if box is None else face_boxes.crop(frame, box, size)
        if face is not None:
            crops.append(face)
            numbers.append(number)
    return _clip(name, crops, numbers, sound)


def is_frame(path: Path) -> bool:
    """Whether a file of a folder of frames is one of them: `12.jpg`."""
    return path.stem.isdigit() and path.suffix.lower() in PICTURES


def _opened(path: Path) -> contextlib.AbstractContextManager[Any]:
    return containers.opened(path, "reading videos", EXPECTED)


def frames_of(path: Path) -> Iterator[np.ndarray]:
    """The frames of a video at 25 a second, uint8 `(height, width, 3)`, RGB.

    Raises:
        InputError: it cannot be decoded, or holds no picture.
    """
    with _opened(path) as container:
        if not container.streams.video:
            raise InputError(f"{path} has no picture; expected a video of a face")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        rate, times, count = float(stream.average_rate or FPS), [], 0
        for frame, copies in containers.at_rate(container.decode(stream), FPS):
            times.append(frame.time)
            picture = containers.pixels(frame) if copies else None
            for _ in range(copies):
                yield picture
            count += copies
        if not count:
            raise InputError(f"{path} has no frame that can be decoded; replace or convert it")
        known = [float(time) for time in times if time is not None]
        _say_rate(path, rate, {round(b - a, 3) for a, b in zip(known, known[1:])})


def _say_rate(path: Path, rate: float, steps: set[float]) -> None:
    if steps and max(steps) > 1.5 * max(min(steps), 0.002):
        notices.say_once(f"{path} has a variable frame rate; it is resampled to {FPS} a second")
    elif abs(rate - FPS) > 0.01:
        notices.say_once(f"{path} has {rate:g} frames a second; it is resampled to {FPS}")


def read_sound(path: Path) -> np.ndarray:
    """The sound of a video, mixed to one channel at 16 kHz, from the time of its first frame on.

    Raises:
        InputError: it has none, or less than 0.2 s, or cannot be decoded.
    """
    av = require("av", "video", "reading videos")
    with _opened(path) as container:
        if not container.streams.audio:
            raise InputError(f"{path} has no sound; expected a video with the voice of its face")
        start = _first_time(path)
        stream = container.streams.audio[0]
        rate, blocks, count = int(stream.rate), [], 0
        mixer = av.AudioResampler(format="fltp", layout="mono", rate=rate)
        for frame in container.decode(stream):
            time = None if frame.time is None else float(frame.time) - start
            for part in mixer.resample(frame):
                block = part.to_ndarray()[0]
                if time is not None and abs(time * rate - count) > _GAP * rate:
                    missing = round(time * rate) - count
                    block = np.pad(block, (missing, 0)) if missing > 0 else block[-missing:]
                time = None
                blocks.append(block)
                count += len(block)
    samples = audio.resample(np.concatenate(blocks) if blocks else np.zeros(0, np.float32), rate)
    audio.check_length(samples, path)
    return samples


def _first_time(path: Path) -> float:
    """The time of the first frame, in seconds; 0 where there is no picture."""
    with _opened(path) as container:
        if container.streams.video:
            for frame in container.decode(container.streams.video[0]):
                return float(frame.time or 0.0)
    return 0.0
