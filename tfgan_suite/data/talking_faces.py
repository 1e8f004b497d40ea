"""Talking faces: frames and sound for the lip-sync expert and for Wav2Lip."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Mapping

import numpy as np

from tfgan_suite.data.pipeline.talking_source import Clip, TalkingSource
from tfgan_suite.data.readers import audio, clip_folders, face_boxes, image_files, specs
from tfgan_suite.data.synthetic import talking_mouths
from tfgan_suite.errors import InputError, must_be
from tfgan_suite.utils.cache_folders import cache_folder
from tfgan_suite.utils.files import user_path
from tfgan_suite.utils.json_files import Number, read_json

WORLDS = ("talking", "talking-hard")
TASKS = ("sync", "dub")
WORLD_SIZE, SIZE = 48, 96
# Number of speakers, and the first of them: nobody speaks in both splits.
_SPEAKERS = {"train": (96, 0), "test": (16, 10_000)}
_SECONDS = 3
_FRAMES = Number(int, -1000, 1000)  # by which a sound may be corrected


def load_talking(
    spec: str | os.PathLike,
    *,
    size: int | None = None,
    task: str = "sync",
    split: str = "train",
    min_offset: int = 5,
    silent_negatives: bool = False,
    mel_offset: int = -1,
    offsets: Mapping[str, int] | str | os.PathLike | None = None,
    clips: int | None = None,
    box: str | os.PathLike | None = None,
    detect: face_boxes.Detect | None = None,
    cache: str | None = None,
) -> TalkingSource:
    """Opens a set of clips of talking faces.

    | `spec` | what it is |
    |---|---|
    | `"talking"` | 96 cartoon speakers of 3 s and 16 others to test on, with an oracle |
    | `"talking-hard"` | the same with small mouths, thin lips, blur and noise |
    | a folder | of clips at any depth: videos that PyAV opens, with their sound (extra `video`), \
or folders of face crops `0.jpg`, `1.jpg`, .. with `audio.wav`, as Wav2Lip's preprocessing of \
LRS2 leaves them; `filelists/train.txt`, `val.txt` and `test.txt` name the splits |

    Clips are resampled to 25 frames a second by their containers' clocks. Without lists one in ten
    sub-folders is held out (one in ten clips where all lie in one folder). A clip that cannot be
    read is skipped and named, and no window reaches over frames without a face.

    A batch of the task `"sync"`, for the expert:

    * `"frames"` float32 `(batch, 5, size, size, 3)` in [-1, 1], RGB: frames n to n + 4, whole faces
      (the expert looks at rows `size // 2` and below);
    * `"mel"` float32 `(batch, 80, 16, 1)` in [-4, 4]: the window of frame n, in sync;
    * `"off_mel"` likewise: the window of a random other frame of the clip, at least `min_offset`
      away, so that it does not overlap; not both it and `mel` are silent.

    A batch of the task `"dub"`, for the generator:

    * `"target"` float32 `(batch, 5, size, size, 3)` in [-1, 1]: frames n to n + 4, not masked;
    * `"reference"` likewise: 5 frames in a row from another time of the clip, at least
      `min_offset` away;
    * `"mels"` float32 `(batch, 5, 80, 16, 1)`: for frame n + t the window of frame
      n + t + mel_offset;
    * `"mel"` float32 `(batch, 80, 16, 1)`: the window of frame n, for the expert.

    `held_out(count)` gives windows of the test split, evenly spaced: for `"dub"` as above, with
    `"opening"` float32 `(n, 5)` (true heights of the mouths in pixels) in the embedded worlds; for
    `"sync"` the keys `"frames"`, `"mel"` and `"label"`, first all windows with their own sound
    (label 1), then all again with another (label 0). `source.clips` holds the clips themselves
    (`faces`, `mel`, `numbers`, `opening`).

    Args:
        spec: see above.
        size: side of the square faces. `None`: 48 for the embedded worlds, else 96.
        task: `"sync"` or `"dub"`.
        split: `"train"` or `"test"`; other speakers, or other clips.
        min_offset: least distance in frames between a window and another of its clip; below 5
            windows overlap, and some pairs out of sync look as if they were in sync.
        silent_negatives: whether pairs out of sync may be silent in both windows.
        mel_offset: see above. The authors' training code uses -1 and their inference 0; here -1 is
            meant for both.
        offsets: for clips by name how many frames their sound lags behind the picture, as
            `measures.lip_sync.clip_offsets` finds it, or a JSON file of it; it is corrected.
        clips: use at most this many clips of the split. `None`: all.
        box: where the faces are in videos: `"X,Y,W,H"` in every frame, a `.json` or `.csv` file
            (see `readers.face_boxes.BoxSource`), or `"faces"`: the frames are crops already.
            `None`: a detector finds them; frames of folders are crops.
        detect: the detector, a function from a frame to boxes. `None`: OpenCV's cascade (extra
            `faces`).
        cache: folder for decoded faces, or `"none"`. `None`: `$TFGAN_SUITE_CACHE`, else
            `~/.cache/tfgan_suite`. A clip is decoded again when it has changed.

    Returns:
        `TalkingSource`.

    Raises:
        InputError: there is no such set, or an option does not suit it.
    """
    specs.check_split(split)
    if task not in TASKS:
        raise InputError(f"the task is {task!r}; {must_be(task, TASKS)}")
    if specs.check_count(min_offset, "min_offset") < 1:
        raise InputError("min_offset is 0; expected 1 frame or more, 5 for windows without overlap")
    text = os.fspath(spec)
    if size is None:
        size = WORLD_SIZE if text in WORLDS else SIZE
    image_files.check_size(size)
    reading = {"size": size, "clips": clips, "box": box, "detect": detect, "cache": cache}
    members, skipped = load_clips(text, split=split, **reading)
    members = corrected(members, offsets)
    options = {
        "task": task,
        "min_offset": min_offset,
        "silent_negatives": silent_negatives,
        "mel_offset": mel_offset,
    }
    open_test = functools.partial(
        load_talking, text, split="test", offsets=offsets, **reading, **options
    )
    return TalkingSource(
        specs.short_name(text),
        members,
        test=open_test if split == "train" else None,
        report=report_sync if task == "sync" else report_openings,
        skipped=skipped,
        **options,
    )


def load_clips(
    spec: str | os.PathLike,
    *,
    size: int,
    split: str | None = None,
    clips: int | None = None,
    box: str | os.PathLike | None = None,
    detect: face_boxes.Detect | None = None,
    cache: str | None = None,
) -> tuple[list[Clip], list[tuple[str, str]]]:
    """The clips of a set of talking faces, or that of a single video.

    Args:
        spec, size, clips, box, detect, cache: as for `load_talking`.
        split: `"train"` or `"test"`. `None`: all; of the embedded worlds `"test"`.

    Returns:
        The clips, and `(name, reason)` of those that were skipped.

    Raises:
        InputError: as for `load_talking`.
    """
    text = os.fspath(spec)
    if text in WORLDS:
        return _world(text, split or "test", size, clips), []
    boxes = face_boxes.BoxSource(box, detect)
    folder, paths = clip_folders.list_clips(text)
    names = clip_folders.split_names(folder, list(paths), split)[:clips]
    chosen = {name: paths[name] for name in names}
    members, skipped = clip_folders.read_clips(
        folder, chosen, boxes, size, cache=cache_folder(cache)
    )
    if not members:
        listed = "; ".join(f"{name}: {reason}" for name, reason in skipped[:3])
        raise InputError(f"no clip of {text} can be read ({listed})")
    return members, skipped


def _world(text: str, split: str, size: int, clips: int | None) -> list[Clip]:
    """Clips of an embedded world."""
    count, first = _SPEAKERS[split]
    count = count if clips is None else min(count, clips)
    return [_speaker(first + index, size, text == WORLDS[1]) for index in range(count)]


@functools.lru_cache(maxsize=256)
def _speaker(number: int, size: int, hard: bool) -> Clip:
    """One cartoon speaker; kept, because both tasks and both trainings use the same."""
    cartoon = talking_mouths.generate_clip(number, _SECONDS * talking_mouths.FPS, size, hard)
    mel = audio.log_mel(cartoon.samples)
    return Clip(f"speaker {number}", cartoon.frames, mel, opening=cartoon.opening)


def corrected(
    clips: list[Clip], offsets: Mapping[str, int] | str | os.PathLike | None
) -> list[Clip]:
    """Clips whose sound is moved by what `offsets` says of them, by name.

    Raises:
        InputError: the file cannot be read, or holds something else.
    """
    if offsets is None:
        return clips
    if not isinstance(offsets, Mapping):
        advice = "write it with measure lipsync --offsets"
        offsets = dict(read_json(user_path(os.fspath(offsets)), {str: _FRAMES}, advice=advice))
    numbers = {name: int(frames) for name, frames in offsets.items()}
    return [
        dataclasses.replace(clip, offset=clip.offset + numbers[clip.name])
        if numbers.get(clip.name)
        else clip
        for clip in clips
    ]


def report_sync(examples: dict, outputs: np.ndarray) -> dict:
    """How well an expert tells windows in sync from others.

    Args:
        examples: `held_out` of the task `"sync"`.
        outputs: its probabilities of being in sync, `(n,)`.

    Returns:
        `{"windows": n, "sync_accuracy": share of windows on the right side of 0.5, "sync_bce":
        mean binary cross-entropy}`.
    """
    probability = np.clip(np.asarray(outputs, np.float64).ravel(), 1e-7, 1.0 - 1e-7)
    label = np.asarray(examples["label"], np.float64)
    likelihood = label * np.log(probability) + (1.0 - label) * np.log(1.0 - probability)
    return {
        "windows": len(label),
        "sync_accuracy": float(np.mean((probability > 0.5) == (label > 0.5))),
        "sync_bce": float(-likelihood.mean()),
    }


def report_openings(examples: dict, outputs: np.ndarray) -> dict:
    """How well generated mouths fit the sound.

    Args:
        examples: `held_out` of the task `"dub"`.
        outputs: the generated faces, float `(n, 5, size, size, 3)` in [-1, 1].

    Returns:
        In the embedded worlds what `talking_mouths.report` says; elsewhere, where no one knows the
        truth, `{"images": n}`.
    """
    if "opening" not in examples:
        return {"images": int(np.prod(np.shape(outputs)[:-3]))}
    return talking_mouths.report(examples["opening"], outputs)
