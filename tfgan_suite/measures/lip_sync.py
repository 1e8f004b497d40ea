"""Lip sync: the distance between picture and sound by a trained expert, against their shift.

As LSE-D and LSE-C of Prajwal et al. 2020 (after Chung, Zisserman 2016): for shifts of up to 15
frames the mean distance of the embeddings of picture and sound; LSE-D is the least of these, LSE-C
the median minus the least, and the offset the shift of the least. Their published values are of
one particular network; those of another expert can only be compared with each other, and every
result names it.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfgan_suite.data.pipeline.talking_source import FPS, FRAMES, Clip
from tfgan_suite.data.readers import audio
from tfgan_suite.errors import InputError
from tfgan_suite.inference.generator import Generator, open_generator
from tfgan_suite.measures.result import MeasureResult

MOST_SHIFT = 15


@dataclasses.dataclass(frozen=True)
class LipSync:
    """Lip sync of one clip.

    Args:
        name: of the clip.
        distance: LSE-D, lower is better; it is that of the best shift, so it says nothing of the
            offset.
        confidence: LSE-C, higher is better.
        offset: frames by which the sound lags behind the picture (negative: it leads). The
            published script prints the negative of it.
        curve: mean distance for each shift of the sound, -15 to 15.
        windows: number of windows compared.
    """

    name: str
    distance: float
    confidence: float
    offset: int
    curve: tuple[float, ...]
    windows: int


def distance_curve(
    video: np.ndarray,
    sound: np.ndarray,
    most_shift: int = MOST_SHIFT,
    positions: np.ndarray | None = None,
) -> np.ndarray:
    """Mean Euclidean distance between embeddings of picture and shifted sound.

    Before and after the sound its embedding is 0, as in the published script.

    Args:
        video: `(n, d)`.
        sound: `(m, d)`.
        most_shift: largest shift to either side.
        positions: for each row of `video` the row of `sound` at the same time. `None`: 0, 1, ..

    Returns:
        `(2 most_shift + 1,)`: entry i compares the picture at t with the sound at t + i -
        most_shift.
    """
    video, sound = np.asarray(video, np.float64), np.asarray(sound, np.float64)
    rows = np.arange(len(video)) if positions is None else np.asarray(positions)
    after = max(0, int(rows.max(initial=0)) + 1 - len(sound)) + most_shift
    padded = np.pad(sound, ((most_shift, after), (0, 0)))
    return np.array(
        [
            np.linalg.norm(video - padded[rows + shift], axis=1).mean()
            for shift in range(2 * most_shift + 1)
        ]
    )


def from_curve(name: str, curve: np.ndarray, windows: int) -> LipSync:
    """LSE-D, LSE-C and offset of a curve of `distance_curve`."""
    least = int(np.argmin(curve))
    distance = float(curve[least])
    confidence = float(np.median(curve)) - distance
    return LipSync(
        name, distance, confidence, least - len(curve) // 2, tuple(map(float, curve)), windows
    )


def clip_lip_sync(expert: Any, clip: Clip, batch: int = 64) -> LipSync:
    """Lip sync of one clip.

    Args:
        expert: has `run_signature(inputs, signature, batch=)` with the signatures `embed_video` and
            `embed_audio`: a `SyncNet`, or one that was loaded from a run or an export.
        clip: the clip; an offset that is set in it is corrected first.
        batch: windows at once.

    Raises:
        InputError: the expert takes frames of another size, or the clip has no windows.
    """
    starts = clip.starts()
    expected = _signatures(expert)["embed_video"].inputs[0].shape
    if clip.faces.shape[1:3] != tuple(expected[1:3]):
        raise InputError(
            f"{clip.name} has faces of {clip.faces.shape[2]}x{clip.faces.shape[1]} pixels, but the"
            f" expert takes {expected[2]}x{expected[1]}: load the clips with size={expected[1]}"
        )
    if not len(starts):
        raise InputError(
            f"{clip.name} has no {FRAMES} frames in a row with a face and sound; expected one"
            " window or more: choose a longer clip"
        )
    frames = np.stack([clip.faces[start : start + FRAMES] for start in starts])
    frames = frames.astype(np.float32) / 127.5 - 1.0
    last = (len(clip.mel) - audio.WINDOW) * FPS // audio.COLUMNS_PER_SECOND - clip.offset
    heard = np.arange(max(0, -clip.offset), last + 1)
    windows = [audio.frame_window(clip.mel, number + clip.offset) for number in heard]
    embed = {"embed_video": {"frames": frames}, "embed_audio": {"mel": np.stack(windows)}}
    video, sound = (
        expert.run_signature(inputs, name, batch=batch)["embedding"]
        for name, inputs in embed.items()
    )
    positions = clip.frame_numbers()[starts] - heard[0]
    curve = distance_curve(video, sound, positions=positions)
    return from_curve(clip.name, curve, len(starts))


def lip_sync(expert: Any, clips: Sequence[Clip], *, name: str = "expert") -> list[MeasureResult]:
    """Lip sync of clips by an expert.

    Args:
        expert: as for `clip_lip_sync`.
        clips: the clips.
        name: of the expert, for the results' names and protocols.

    Returns:
        `LSE-D-NAME` and `LSE-C-NAME`, means over clips (spread: standard deviation over them), and
        `offset-NAME`, their median, with the offset of each clip in the protocol.

    Raises:
        InputError: no clips, or as for `clip_lip_sync`.
    """
    if not clips:
        raise InputError("there are no clips to measure; expected one or more: name a folder")
    results = [clip_lip_sync(expert, clip) for clip in clips]
    offsets = {result.name: result.offset for result in results}
    protocol = {
        "extractor": name,
        "clips": len(results),
        "windows": sum(result.windows for result in results),
        "most_shift": MOST_SHIFT,
        "in_sync": sum(not offset for offset in offsets.values()),
    }
    columns = {
        "LSE-D": [result.distance for result in results],
        "LSE-C": [result.confidence for result in results],
    }
    spread = {"spread": "standard deviation over clips"}
    return [
        *(
            MeasureResult(
                f"{measure}-{name}",
                float(np.mean(values)),
                {**protocol, **spread},
                float(np.std(values)),
            )
            for measure, values in columns.items()
        ),
        MeasureResult(
            f"offset-{name}",
            float(np.median(list(offsets.values()))),
            {**protocol, "offsets": offsets},
        ),
    ]


def clip_offsets(
    expert: Any, clips: Sequence[Clip], *, least_confidence: float = 0.05
) -> dict[str, int]:
    """The offsets of clips whose curve has a clear minimum that is not at 0.

    Pass them to `data.load_talking(offsets=...)`, which corrects them.

    Args:
        expert: as for `clip_lip_sync`.
        clips: the clips.
        least_confidence: LSE-C below which a clip is left as it is.

    Returns:
        Frames by which the sound lags behind the picture, by the clip's name.
    """
    results = [clip_lip_sync(expert, clip) for clip in clips]
    return {
        result.name: result.offset
        for result in results
        if result.offset and result.confidence >= least_confidence
    }


def open_expert(path: str | os.PathLike) -> Generator:
    """Opens a trained expert: a run, an export, a SavedModel folder or a TFLite file.

    Raises:
        InputError: there is none, or it is no lip-sync expert.
    """
    expert = open_generator(path)
    missing = {"embed_video", "embed_audio"} - set(expert.signatures)
    if missing:
        raise InputError(
            f"{path} is no lip-sync expert (it has no {' and no '.join(sorted(missing))}); expected"
            " a run or an export of recipes/syncnet.py"
        )
    return expert


def _signatures(expert: Any) -> Mapping[str, Any]:
    """Of a game, where they are a method, or of an opened run or export."""
    return expert.signatures() if callable(expert.signatures) else expert.signatures
