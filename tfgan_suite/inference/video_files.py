"""Videos frame by frame: constant memory for any length, written whole or not at all."""

from __future__ import annotations

import contextlib
import fractions
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.data.readers import containers
from tfgan_suite.errors import InputError
from tfgan_suite.utils.files import replacing, writing_to
from tfgan_suite.utils.optional_packages import require

PURPOSE, EXTRA = "dubbing", "video"
SOUND_RATE, SOUND_BLOCK = 48_000, 1024  # of written files
STILL_FPS = 25
COMMENT = "AI-generated: the mouth was redrawn to fit this sound (tfgan_suite lipsync)"


class VideoReader:
    """The frames of a video or of a still image at a constant rate.

    Args:
        path: a video in any container that PyAV opens, or an image.

    Attributes:
        fps: frames a second, a fraction; 25 of a still image.
        still: whether it is an image.
        frame_count: frames that the container promises; 0: unknown, or a still image.
        repeated, dropped: frames that were repeated and left out for the constant rate, so far.

    Raises:
        InputError: PyAV is missing, or the file cannot be read or holds no picture.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        self.repeated = self.dropped = 0
        with self._open() as (_, stream):
            rate = stream.average_rate or stream.guessed_rate
            self.still = stream.frames <= 1 and not stream.duration or _is_image(self.path)
            self.fps = fractions.Fraction(STILL_FPS if self.still or not rate else rate)
            self.frame_count = 0 if self.still else int(stream.frames)

    @contextlib.contextmanager
    def _open(self) -> Iterator[tuple[Any, Any]]:
        with opened(self.path) as container:
            if not container.streams.video:
                raise InputError(f"{self.path} holds no picture; expected a video or an image")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            yield container, stream

    def frames(self) -> Iterator[np.ndarray]:
        """The frames once, uint8 `(height, width, 3)`, RGB, turned as the file says.

        Frame i is the picture that is shown at the time i / fps: of a file whose rate varies some
        are repeated and others left out.
        """
        with self._open() as (container, stream):
            shown = 0
            for decoded, copies in containers.at_rate(container.decode(stream), float(self.fps)):
                self.repeated += max(0, copies - 1)
                self.dropped += copies == 0
                picture = containers.pixels(decoded) if copies else None
                for _ in range(copies):
                    yield picture
                shown += copies
            if not shown:
                raise InputError(f"{self.path} holds no frame that can be decoded; choose another")

    def looped(self) -> Iterator[tuple[int, np.ndarray]]:
        """The frames with their numbers, again and again; a still image without end."""
        while True:
            for number, frame in enumerate(self.frames()):
                yield number, frame
                while self.still:
                    yield number, frame


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


def opened(path: str | os.PathLike) -> contextlib.AbstractContextManager[Any]:
    """A container for reading, as `containers.opened`."""
    return containers.opened(path, PURPOSE, "a video, an image or a sound")


def sound_blocks(path: str | os.PathLike, rate: int, layout: str = "mono") -> Iterator[np.ndarray]:
    """The sound of a file, resampled, block by block: float32 `(channels, n)` in [-1, 1].

    Raises:
        InputError: it holds no sound, or cannot be read.
    """
    av = require("av", EXTRA, PURPOSE)
    with opened(path) as container:
        if not container.streams.audio:
            raise InputError(f"{path} holds no sound; pass a sound file, or a video with sound")
        resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)
        for frame in container.decode(container.streams.audio[0]):
            frame.pts = None  # gaps are not filled
            for part in resampler.resample(frame):
                yield part.to_ndarray()
        for part in resampler.resample(None):
            yield part.to_ndarray()


class VideoWriter:
    """Writes frames and sound to an MP4 file, which appears when it is complete.

    Args:
        path: the file, `.mp4`.
        fps: frames a second.
        sound: file whose sound is muxed; None: none.
        lossless: whether to keep every bit of the frames (H.264 of RGB, few players show it).
    """

    def __init__(
        self,
        path: str | os.PathLike,
        fps: fractions.Fraction,
        sound: str | os.PathLike | None,
        lossless: bool = False,
    ):
        self.path, self.fps, self.sound, self.lossless = Path(path), fps, sound, lossless

    def write(
        self,
        frames: Iterator[np.ndarray],
        report: Callable[[int], None] = lambda count: None,
        comment: str = COMMENT,
    ) -> int:
        """Writes all frames; returns their number.

        Args:
            frames: uint8 `(height, width, 3)`, RGB; an odd row or column is repeated.
            report: called with the number of frames so far.
            comment: the file's metadata.

        Raises:
            InputError: the file cannot be written, or there is no frame.
        """
        av = require("av", EXTRA, PURPOSE)
        count, stream, track = 0, None, None
        with writing_to(self.path.parent):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        with writing_to(self.path.parent), replacing(self.path) as part:
            with av.open(str(part), "w", format="mp4") as container:
                container.metadata["comment"] = comment
                for frame in frames:
                    if stream is None:
                        stream = self._video_stream(container, frame)
                        if self.sound is not None:
                            track = _SoundTrack(av, container, self.sound)
                    if not self.lossless:
                        odd = [(0, side % 2) for side in frame.shape[:2]]
                        frame = np.pad(frame, (*odd, (0, 0)), mode="edge")
                    picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
                    picture.pts, picture.time_base = count, 1 / self.fps
                    container.mux(stream.encode(picture))
                    count += 1
                    if track is not None:
                        track.advance(float(count / self.fps))
                    report(count)
                if stream is None:
                    raise InputError(f"there is no frame to write to {self.path}")
                container.mux(stream.encode())
                if track is not None:
                    track.close()
        return count

    def _video_stream(self, container: Any, frame: np.ndarray) -> Any:
        stream = container.add_stream("libx264rgb" if self.lossless else "libx264", rate=self.fps)
        height, width = frame.shape[:2]
        stream.height, stream.width = (n if self.lossless else n + n % 2 for n in (height, width))
        stream.pix_fmt = "rgb24" if self.lossless else "yuv420p"
        stream.options = {"qp": "0"} if self.lossless else {"crf": "18"}
        return stream


class _SoundTrack:
    """The sound of a file, encoded as far as the picture goes, so that nothing waits in memory."""

    def __init__(self, av: Any, container: Any, source: str | os.PathLike):
        self.av, self.container = av, container
        self.stream = container.add_stream("aac", rate=SOUND_RATE)
        self.stream.layout = "stereo"
        self._blocks = sound_blocks(source, SOUND_RATE, "stereo")
        self._waiting = np.zeros((2, 0), np.float32)
        self._written = self._end = 0

    def advance(self, seconds: float) -> None:
        """Encodes the sound up to a time, in full blocks."""
        self._end = round(seconds * SOUND_RATE)
        while self._end - self._written >= SOUND_BLOCK and self._encode(SOUND_BLOCK):
            pass

    def close(self) -> None:
        """Encodes what fills no block."""
        self._encode(self._end - self._written)
        self.container.mux(self.stream.encode(None))
        self._blocks.close()

    def _encode(self, count: int) -> bool:
        """Encodes up to `count` samples; whether there were that many."""
        while self._waiting.shape[1] < count:
            block = next(self._blocks, None)
            if block is None:
                break
            self._waiting = np.concatenate([self._waiting, block], axis=1)
        samples, self._waiting = self._waiting[:, :count], self._waiting[:, count:]
        if samples.shape[1]:
            contiguous = np.ascontiguousarray(samples)
            frame = self.av.AudioFrame.from_ndarray(contiguous, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = SOUND_RATE, self._written
            frame.time_base = fractions.Fraction(1, SOUND_RATE)
            self.container.mux(self.stream.encode(frame))
            self._written += samples.shape[1]
        return samples.shape[1] == count
