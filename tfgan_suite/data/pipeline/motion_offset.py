"""The offset of a clip's sound without any network: where loudness and the mouth move together."""

from __future__ import annotations

import numpy as np

from tfgan_suite.data.readers import audio

_CELLS = 12  # of the lower half, across


def motion_offset(
    faces: np.ndarray, mel: np.ndarray, numbers: np.ndarray, fps: float, most_shift: int = 10
) -> int:
    """By how many frames the sound of a clip seems to lag behind its picture.

    The brightness of parts of the lower half is correlated with the loudness, for each shift; the
    shift at which the best parts correlate most is the answer. It is rough on real faces, but needs
    no expert, so that it can tell why one does not learn.

    Args:
        faces: `(n, size, size, 3)`.
        mel: `(columns, 80)`.
        numbers: the number of each frame.
        fps: frames a second.
        most_shift: largest shift to either side.

    Returns:
        Frames; 0 where nothing moves.
    """
    cells = _lower_cells(faces)
    loudness, frames = mel.mean(axis=1), int(len(mel) * fps / audio.COLUMNS_PER_SECOND)
    edges = [audio.window_start(frame, fps) for frame in range(frames)]
    heard = np.array([loudness[a:b].mean() for a, b in zip(edges, edges[1:])])
    shifts = range(-most_shift, most_shift + 1)
    scores = [_correlation(cells, heard, numbers + shift) for shift in shifts]
    return int(np.argmax(scores)) - most_shift if max(scores) > 0.0 else 0


def _lower_cells(faces: np.ndarray) -> np.ndarray:
    """Mean brightness of cells of the lower half, `(n, cells)`."""
    size = faces.shape[1]
    block = max(1, size // _CELLS)
    lower = faces[:, size // 2 :].astype(np.float32).mean(axis=-1)
    rows, columns = lower.shape[1] // block * block, size // block * block
    lower = lower[:, :rows, :columns]
    cells = lower.reshape(len(lower), rows // block, block, columns // block, block)
    return cells.mean(axis=(2, 4)).reshape(len(lower), -1)


def _correlation(cells: np.ndarray, heard: np.ndarray, frames: np.ndarray) -> float:
    """Mean absolute correlation of the best eighth of the cells with the loudness at frames."""
    inside = (frames >= 0) & (frames < len(heard))
    if inside.sum() < 8:
        return 0.0
    cells, sound = cells[inside], heard[frames[inside]]
    cells, sound = cells - cells.mean(axis=0), sound - sound.mean()
    norms = np.linalg.norm(cells, axis=0) * np.linalg.norm(sound)
    correlations = np.abs(sound @ cells) / np.maximum(norms, 1e-6)
    correlations[np.linalg.norm(cells, axis=0) < 1e-3] = 0.0
    return float(np.sort(correlations)[-max(1, len(correlations) // 8) :].mean())
