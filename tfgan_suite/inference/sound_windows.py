"""The mel windows of a sound file, computed block by block."""

from __future__ import annotations

import os

import numpy as np

from tfgan_suite.data.readers import audio
from tfgan_suite.errors import InputError
from tfgan_suite.inference.video_files import sound_blocks

BLOCK_COLUMNS = 1600  # 20 s
# Columns of which a block needs the sound before and after: half a Fourier frame is two columns.
CONTEXT = 4


def read_mel(path: str | os.PathLike) -> tuple[np.ndarray, float]:
    """The mel spectrogram of a file's sound.

    Args:
        path: a sound, or a video with sound.

    Returns:
        float32 `(columns, 80)`, equal to `audio.log_mel` of the whole sound, and its seconds. An
        hour of it takes 92 MB; the sound itself is never in memory as a whole.

    Raises:
        InputError: no sound, or less than 0.2 s of it.
    """
    columns, waiting, start, total = [], np.zeros(0, np.float32), 0, 0
    step, context = BLOCK_COLUMNS * audio.HOP, CONTEXT * audio.HOP
    for block in sound_blocks(path, audio.SAMPLE_RATE):
        waiting = np.concatenate([waiting, block[0]])
        total += block.shape[1]
        while len(waiting) >= start + step + context:
            mel = audio.log_mel(waiting[: start + step + context])
            columns.append(mel[start // audio.HOP : (start + step) // audio.HOP])
            # The next block begins `context` before its first column.
            waiting = waiting[start + step - context :]
            start = context
    if total < audio.SHORTEST * audio.SAMPLE_RATE:
        raise InputError(
            f"the sound of {path} lasts {total / audio.SAMPLE_RATE:.2f} s; expected at least"
            f" {audio.SHORTEST} s: choose a longer one"
        )
    columns.append(audio.log_mel(waiting)[start // audio.HOP :])
    return np.concatenate(columns), total / audio.SAMPLE_RATE


def window(mel: np.ndarray, frame: int, fps: float) -> np.ndarray:
    """The mel window of a frame: the last one of the sound near its end, then silence.

    Args:
        mel: of `read_mel`.
        frame: number of the frame.
        fps: frames a second.

    Returns:
        float32 `(80, 16, 1)`.
    """
    if audio.window_start(max(frame, 0), fps) >= len(mel):
        return np.full((audio.MELS, audio.WINDOW, 1), audio.SILENCE, np.float32)
    return audio.frame_window(mel, frame, fps)
