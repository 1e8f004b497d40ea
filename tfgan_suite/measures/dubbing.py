"""How well a trained Wav2Lip dubs: mouths that follow the sound, close in silence, and no more.

Every frame of the test clips is redrawn from its upper half, a reference frame of another time and
the sound. In the embedded worlds an oracle reads the opening of each mouth.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.data import talking_faces
from tfgan_suite.data.pipeline.talking_source import FRAMES, Clip
from tfgan_suite.data.readers import audio
from tfgan_suite.data.synthetic import talking_mouths
from tfgan_suite.errors import InputError
from tfgan_suite.games.syncnet import SyncNet
from tfgan_suite.inference.face_dubber import Dubber, open_dubber
from tfgan_suite.measures import lip_sync
from tfgan_suite.measures.result import MeasureResult
from tfgan_suite.training import lip_sync_expert

CLOSED = 0.05  # pixels of a true opening below which a mouth counts as closed
# What a good generator reaches on the talking world, for the protocol of each result.
BARS = {
    "opening_correlation": (">=", 0.95),
    "opening_error": ("<=", 0.5),
    "silence_error": ("<=", 0.5),
    "swapped_correlation": (">=", 0.9),
    "upper_half_error": ("<=", 0.02),
}
Faces = list[np.ndarray]  # of each clip uint8 (n, size, size, 3)


@dataclasses.dataclass(frozen=True)
class Rows:
    """Which frames of a clip are redrawn, and from what.

    Args:
        frames: indices of the frames.
        references: for each the index of a frame half the clip away.
        numbers: for each its number in the sound, to which the generator's offset is added.
    """

    frames: np.ndarray
    references: np.ndarray
    numbers: np.ndarray


def rows_of(clip: Clip, mel_offset: int) -> Rows:
    """The frames of a clip whose window of sound lies within the sound.

    Args:
        clip: the clip.
        mel_offset: frame n hears the window of frame n + mel_offset.

    Raises:
        InputError: there are fewer than two windows of frames.
    """
    heard = clip.frame_numbers() + clip.offset + mel_offset
    starts = np.array([audio.window_start(max(number, 0)) for number in heard], int)
    frames = np.flatnonzero((heard >= 0) & (starts + audio.WINDOW <= len(clip.mel)))
    if len(frames) < 2 * FRAMES:
        raise InputError(
            f"{clip.name} has {len(frames)} frames with sound; expected {2 * FRAMES} or more:"
            " choose a longer clip"
        )
    references = np.roll(frames, len(frames) // 2)
    return Rows(frames, references, clip.frame_numbers()[frames] + clip.offset)


def redraw(dubber: Dubber, clip: Clip, mel: np.ndarray, batch: int = 64) -> np.ndarray:
    """The frames of a clip, redrawn for a sound.

    Args:
        dubber: the model.
        clip: the clip, whose `rows_of` are redrawn.
        mel: `(columns, 80)`, its own or another sound.
        batch: frames at once.

    Returns:
        uint8 `(n, size, size, 3)`.
    """
    rows = rows_of(clip, dubber.mel_offset)
    faces = clip.faces.astype(np.float32) / 127.5 - 1.0
    target = faces[rows.frames]
    target[:, dubber.size // 2 :] = -1.0
    inputs = np.concatenate([target, faces[rows.references]], axis=-1)
    windows = np.stack(
        [audio.frame_window(mel, number + dubber.mel_offset) for number in rows.numbers]
    )
    parts = [
        dubber.call(inputs[start : start + batch], windows[start : start + batch])
        for start in range(0, len(inputs), batch)
    ]
    return np.clip(np.rint((np.concatenate(parts) + 1.0) * 127.5), 0, 255).astype(np.uint8)


def measure(
    source: str | Path,
    against: str = "talking",
    *,
    expert: str | Path | None = None,
    split: str = "test",
    clips: int | None = None,
    box: str | None = None,
    batch: int = 64,
) -> list[MeasureResult]:
    """Measures a trained Wav2Lip on clips.

    Args:
        source: run, export, SavedModel or TFLite file.
        against: `"talking"`, `"talking-hard"` or clips, as `data.load_talking` takes them.
        expert: run or export of recipes/syncnet.py, for LSE-D, LSE-C and the offset of what is
            redrawn, beside those of the real clips. `None`: the one that a run was trained with; of
            an export none, which clips of your own need.
        split: of the data.
        clips: at most so many. `None`: all.
        box: where the faces are, as for `data.load_talking`.
        batch: frames at once.

    Returns:
        In the embedded worlds `opening_correlation`, `opening_error`, `silence_error`,
        `swapped_correlation`, see `openings`; everywhere `upper_half_error`, the mean absolute
        difference to the real upper half in [0, 1]; with an expert what `lip_sync.lip_sync` gives.

    Raises:
        InputError: another model, no clips, or nothing that could be measured.
    """
    dubber = open_dubber(str(source))
    members, skipped = talking_faces.load_clips(
        against, size=dubber.size, split=split, clips=clips, box=box
    )
    if not members:
        raise InputError(f"{against} has no clip to measure ({skipped[:1]}); pass another")
    is_world = all(clip.opening is not None for clip in members)
    judge, name = _open_judge(Path(source), expert, dubber.size)
    if not is_world and judge is None:
        raise InputError(
            f"nobody knows how far mouths of {against} should open; pass --expert, a run of"
            " recipes/syncnet.py, which judges the lip sync, or the run, which keeps its own"
        )
    own = [redraw(dubber, clip, clip.mel, batch) for clip in members]
    protocol = {
        "samples_of": str(source),
        "against": against,
        "split": split,
        "clips": len(members),
        "n_fake": sum(map(len, own)),
        "size": f"{dubber.size}x{dubber.size}",
        "mel_offset": dubber.mel_offset,
        "skipped": [name for name, _ in skipped],
    }
    results = openings(dubber, members, own, batch) if is_world else []
    results.append(_upper_half(dubber, members, own))
    if against == "talking":
        results = [
            dataclasses.replace(
                result, protocol={**result.protocol, "bar": " ".join(map(str, BARS[result.name]))}
            )
            for result in results
        ]
    if judge is not None:
        results += _judged(judge, name, dubber, members, own)
    return [
        dataclasses.replace(result, protocol={**protocol, **result.protocol}) for result in results
    ]


def _open_judge(source: Path, expert: str | Path | None, size: int) -> tuple[Any, str]:
    """The expert that was passed, or that which a run keeps, and its name; else None."""
    if expert is not None:
        return lip_sync.open_expert(expert), Path(expert).name
    if not (source / lip_sync_expert.COPY).is_file():
        return None, ""
    frozen = lip_sync_expert.read_copy(source, size)
    return SyncNet(frozen.face_encoder, frozen.audio_encoder), f"expert_{frozen.checksum()[:8]}"


def openings(
    dubber: Dubber, clips: Sequence[Clip], own: Faces, batch: int = 64
) -> list[MeasureResult]:
    """How mouths open, by the oracle of the embedded worlds.

    Args:
        dubber: the model.
        clips: with their true openings.
        own: the clips redrawn for their own sound.
        batch: frames at once.

    Returns:
        * `opening_correlation` of read and true openings, and `opening_error`, their mean absolute
          difference in pixels; the protocol has both of the reference frames (`"copied"`), which
          is what a generator gets that copies them, and of the real frames (`"real"`).
        * `silence_error`: mean absolute difference in pixels between mouths that hear silence and
          those of the clip's real frames that are closed.
        * `swapped_correlation`: mean over clips of the correlation between a clip redrawn for the
          next clip's sound and the next clip's openings; the protocol has that with the clip's own
          openings (`"own"`).
    """
    every = [rows_of(clip, dubber.mel_offset) for clip in clips]
    truth = [np.asarray(clip.opening)[rows.frames] for clip, rows in zip(clips, every)]
    whole = np.concatenate(truth)
    kinds = {
        "": own,
        "copied": [clip.faces[rows.references] for clip, rows in zip(clips, every)],
        "real": [clip.faces[rows.frames] for clip, rows in zip(clips, every)],
    }
    reports = {
        kind: talking_mouths.report(whole, np.concatenate(faces)) for kind, faces in kinds.items()
    }
    results = [
        MeasureResult(
            key, reports[""][key], {kind: reports[kind][key] for kind in ("copied", "real")}
        )
        for key in ("opening_correlation", "opening_error")
    ]
    silent, swapped, unmoved = [], [], []
    for number, clip in enumerate(clips):
        silence = np.full_like(clip.mel, audio.SILENCE)
        read = talking_mouths.read_opening(redraw(dubber, clip, silence, batch))
        silent.append(np.abs(read - _closed(clip)).mean())
        if len(clips) == 1:
            continue
        other = clips[(number + 1) % len(clips)]
        read = talking_mouths.read_opening(redraw(dubber, clip, other.mel, batch))
        rows = every[number]
        said = np.asarray(other.opening)[np.minimum(rows.numbers, len(other.opening) - 1)]
        swapped.append(_correlation(read, said))
        unmoved.append(_correlation(read, truth[number]))
    spread = {"spread": "standard deviation over clips"}
    results.append(
        MeasureResult("silence_error", float(np.mean(silent)), spread, float(np.std(silent)))
    )
    if swapped:
        facts = {**spread, "own": float(np.mean(unmoved))}
        value = float(np.mean(swapped))
        results.append(MeasureResult("swapped_correlation", value, facts, float(np.std(swapped))))
    return results


def _closed(clip: Clip) -> float:
    """What the oracle reads off a clip's closed mouths; 0 where none is closed."""
    closed = np.asarray(clip.opening) < CLOSED
    return float(talking_mouths.read_opening(clip.faces[closed]).mean()) if closed.any() else 0.0


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    spread = first.std() * second.std()
    covariance = np.mean((first - first.mean()) * (second - second.mean()))
    return float(covariance / spread) if spread > 1e-9 else 0.0


def _upper_half(dubber: Dubber, clips: Sequence[Clip], own: Faces) -> MeasureResult:
    half, errors = dubber.size // 2, []
    for clip, faces in zip(clips, own):
        real = clip.faces[rows_of(clip, dubber.mel_offset).frames]
        difference = real[:, :half].astype(np.float32) - faces[:, :half]
        errors.append(np.abs(difference).mean() / 255.0)
    return MeasureResult(
        "upper_half_error",
        float(np.mean(errors)),
        {"spread": "standard deviation over clips"},
        float(np.std(errors)),
    )


def _judged(
    judge: Any, name: str, dubber: Dubber, clips: Sequence[Clip], own: Faces
) -> list[MeasureResult]:
    """LSE of redrawn clips, with that of the same frames of the real ones in the protocol."""
    kinds: tuple[list[Clip], list[Clip]] = ([], [])
    for clip, faces in zip(clips, own):
        rows = rows_of(clip, dubber.mel_offset)
        numbers = clip.frame_numbers()[rows.frames]
        for kind, pixels in zip(kinds, (faces, clip.faces[rows.frames])):
            kind.append(dataclasses.replace(clip, faces=pixels, numbers=numbers, opening=None))
    redrawn, real = (lip_sync.lip_sync(judge, kind, name=name) for kind in kinds)
    return [
        dataclasses.replace(result, protocol={**result.protocol, "real": other.value})
        for result, other in zip(redrawn, real)
    ]
