"""Writes clips of the talking world as files: videos with sound, or frames beside their sound."""

from __future__ import annotations

import fractions
import os
from pathlib import Path

import numpy as np

from tfgan_suite.data.readers import audio
from tfgan_suite.data.synthetic.talking_mouths import FPS, TalkingClip
from tfgan_suite.utils import image_grids
from tfgan_suite.utils.optional_packages import require


def write_video(
    path: str | os.PathLike, frames: np.ndarray, samples: np.ndarray | None, fps: float = FPS
) -> None:
    """Writes frames and their sound as a video of any container that PyAV writes.

    Args:
        path: the file; its ending chooses the container.
        frames: uint8 `(n, height, width, 3)` of even sides.
        samples: `(m,)` at 16 kHz, or `None` for a video without sound.
        fps: frames a second.

    Raises:
        InputError: PyAV is not installed.
    """
    av = require("av", "video", "a video file")
    rate = fractions.Fraction(fps).limit_denominator(1001)
    with av.open(os.fspath(path), "w") as container:
        picture = container.add_stream("libx264", rate=rate)
        picture.height, picture.width = frames.shape[1:3]
        picture.pix_fmt, picture.options = "yuv420p", {"crf": "12"}
        sound = None
        if samples is not None:
            sound = container.add_stream("aac", rate=audio.SAMPLE_RATE)
            sound.layout = "mono"
        for pixels in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            container.mux(picture.encode(frame))
        container.mux(picture.encode())
        if sound is not None and samples is not None:
            for start in range(0, len(samples), 1024):
                block = np.ascontiguousarray(samples[None, start : start + 1024], np.float32)
                part = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
                part.sample_rate, part.pts = audio.SAMPLE_RATE, start
                part.time_base = fractions.Fraction(1, audio.SAMPLE_RATE)
                container.mux(sound.encode(part))
            container.mux(sound.encode())


def write_frames(folder: str | os.PathLike, clip: TalkingClip) -> None:
    """Writes a clip in the layout of Wav2Lip's preprocessing: `0.png`, `1.png`, .., `audio.wav`."""
    home = Path(folder)
    home.mkdir(parents=True, exist_ok=True)
    for number, pixels in enumerate(clip.frames):
        image_grids.write_png(home / f"{number}.png", pixels)
    audio.write_wav(home / "audio.wav", clip.samples)
