"""Batches of talking faces, and how networks see them: halves of frames, stacks, folded time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_suite.core.batches import unpacked
from tfgan_suite.errors import InputError

# Of a batch that Wav2Lip learns from.
KEYS = ("target", "reference", "mels", "mel")


def talking_faces(batch: Any) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """The parts of a batch of talking faces, images brought to [0, 1].

    Args:
        batch: a dict with `target` and `reference` `(batch, time, size, size, 3)` in [-1, 1],
            `mels` `(batch, time, 80, 16, 1)`, the window of each frame, and `mel` `(batch, 80, 16,
            1)`, that of all of them.

    Returns:
        Targets, references, windows of frames, windows of examples, float32.

    Raises:
        InputError: other keys.
    """
    batch = unpacked(batch)
    if not isinstance(batch, Mapping) or not set(KEYS) <= set(batch):
        keys = sorted(batch) if isinstance(batch, Mapping) else type(batch).__name__
        raise InputError(
            f"a batch with {keys}, but Wav2Lip learns from talking faces: {', '.join(KEYS)}"
            " (data.load_talking(..., task='dub'))"
        )
    target, reference, mels, mel = (tf.cast(batch[key], tf.float32) for key in KEYS)
    return target * 0.5 + 0.5, reference * 0.5 + 0.5, mels, mel


def without_lower_half(frames: tf.Tensor) -> tf.Tensor:
    """Frames `(..., size, size, channels)` whose rows from size // 2 on are 0."""
    rows = frames.shape[-3]
    mask = np.zeros((rows, 1, 1), np.float32)
    mask[: rows // 2] = 1.0
    return frames * tf.cast(mask, frames.dtype)


def lower_half(frames: tf.Tensor) -> tf.Tensor:
    """Rows from size // 2 on of frames `(batch, time, size, size, channels)`."""
    return frames[:, :, frames.shape[2] // 2 :]


def fold_time(frames: tf.Tensor) -> tf.Tensor:
    """`(batch, time, ...)` to `(batch * time, ...)`, all times of the first example first."""
    return tf.reshape(frames, (-1, *frames.shape[2:]))


def stack_time(frames: tf.Tensor) -> tf.Tensor:
    """`(batch, time, height, width, 3)` to `(batch, height, width, 3 * time)`: channel 3 t + c."""
    time, height, width, channels = frames.shape[1:]
    moved = tf.transpose(frames, (0, 2, 3, 1, 4))
    return tf.reshape(moved, (-1, height, width, time * channels))
