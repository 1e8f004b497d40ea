"""The source of talking faces: windows of frames with their sound, and windows of other times.

Which windows come, and which others they are put beside, are functions of the seed, the step and
the position in the batch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfgan_suite.data.pipeline import motion_offset, order
from tfgan_suite.data.pipeline.source import fingerprint_of
from tfgan_suite.data.pipeline.streams import Stream, StreamSource, check_held_out
from tfgan_suite.data.readers import audio
from tfgan_suite.errors import InputError

FPS = 25
FRAMES = 5  # of a window
TRIES = 16  # random windows of which the first that suits is taken


@dataclasses.dataclass(frozen=True)
class Clip:
    """The face crops and the sound of one clip at 25 frames a second.

    Args:
        name: for messages.
        faces: uint8 `(n, size, size, 3)`, RGB.
        mel: float32 `(columns, 80)`, of `audio.log_mel`.
        numbers: int `(n,)`: the number of each frame in the clip; frames without a face are left
            out, and no window reaches over such a gap. `None`: 0, 1, 2, ..
        offset: frames by which the sound lags behind the picture: frame n is heard at n + offset.
        opening: float32 `(n,)`: the truth, where the embedded world knows it.
    """

    name: str
    faces: np.ndarray
    mel: np.ndarray
    numbers: np.ndarray | None = None
    offset: int = 0
    opening: np.ndarray | None = None

    def frame_numbers(self) -> np.ndarray:
        """The number of each frame, int64 `(n,)`."""
        if self.numbers is None:
            return np.arange(len(self.faces))
        return np.asarray(self.numbers, np.int64)

    def starts(self) -> np.ndarray:
        """Indices of the frames that start a window: five in a row, with sound, not frame 0."""
        numbers = self.frame_numbers()
        first = np.arange(max(0, len(numbers) - FRAMES + 1))
        numbers, last = numbers[first], numbers[first + FRAMES - 1]
        # The generator's last frame hears the window of the frame before it, or its own.
        heard = (last + self.offset) * audio.COLUMNS_PER_SECOND // FPS + audio.WINDOW
        return first[
            (last - numbers == FRAMES - 1)
            & (numbers + self.offset >= 1)
            & (heard <= len(self.mel))
            & (numbers >= 1)
        ]


class WindowTable:
    """All windows of clips, and for each the windows of its clip that may stand beside it.

    Args:
        clips: the clips, each with two windows at least `min_offset` frames apart.
        min_offset: least distance in frames between a window and another of its clip.
        silent_negatives: whether a silent window may be put beside another silent one, whose
            mouth looks the same.
    """

    def __init__(self, clips: Sequence[Clip], min_offset: int, silent_negatives: bool) -> None:
        columns: dict[str, list[np.ndarray]] = {}
        face, column, window = 0, 0, 0
        for clip in clips:
            rows = _rows(clip, min_offset, silent_negatives)
            count = len(rows["face"])
            rows |= {"first": np.zeros(count), "count": np.full(count, count)}
            rows = {key: np.asarray(values, np.int64) for key, values in rows.items()}
            for key, base in (("face", face), ("column", column)):
                rows[key] = rows[key] + base
            for key in ("first", "fallback"):
                rows[key] = rows[key] + window
            for key, values in rows.items():
                columns.setdefault(key, []).append(values)
            face, column, window = face + len(clip.faces), column + len(clip.mel), window + count
        self.arrays = {key: np.concatenate(values) for key, values in columns.items()}
        self.min_offset, self.silent_negatives = min_offset, silent_negatives
        with tf.device("CPU:0"):
            self._tensors = {key: tf.constant(values) for key, values in self.arrays.items()}

    def __len__(self) -> int:
        return len(self.arrays["face"])

    def gather(self, key: str, rows: tf.Tensor) -> tf.Tensor:
        """A column at some rows, int64."""
        return tf.gather(self._tensors[key], rows)

    def other_windows(self, rows: tf.Tensor, draws: tf.Tensor, heard: bool) -> tf.Tensor:
        """For each window another one of its clip, at least `min_offset` frames away.

        Args:
            rows: int64 `(n,)`.
            draws: float32 `(n, TRIES)` in [0, 1).
            heard: whether the sounds must differ, too: not both are silent.

        Returns:
            int64 `(n,)`.
        """
        first, count = self.gather("first", rows)[:, None], self.gather("count", rows)[:, None]
        position = tf.cast(draws * tf.cast(count, tf.float32), tf.int64)
        candidates = first + tf.minimum(position, count - 1)
        distance = self.gather("number", candidates) - self.gather("number", rows)[:, None]
        suits = tf.abs(distance) >= self.min_offset
        if heard and not self.silent_negatives:
            silent = self.gather("silent", candidates) * self.gather("silent", rows)[:, None]
            suits &= silent == 0
        best = tf.argmax(tf.cast(suits, tf.int32), axis=1)
        chosen = tf.gather(candidates, best, axis=1, batch_dims=1)
        return tf.where(tf.reduce_any(suits, axis=1), chosen, self.gather("fallback", rows))


def _rows(clip: Clip, min_offset: int, silent_negatives: bool) -> dict[str, np.ndarray]:
    """The windows of one clip that have a negative; positions count from the clip's start."""
    starts = clip.starts()
    numbers = clip.frame_numbers()[starts]
    columns = (numbers + clip.offset) * audio.COLUMNS_PER_SECOND // FPS
    quiet = np.append(0, np.cumsum(audio.is_silent(clip.mel))) if len(clip.mel) else np.zeros(1)
    silent = quiet[columns + audio.WINDOW] - quiet[columns] == audio.WINDOW
    loud = np.flatnonzero(~silent) if not silent_negatives else np.arange(len(numbers))
    rows = {"face": starts, "number": numbers, "column": columns, "silent": silent}
    rows["offset"] = np.full(len(starts), clip.offset)
    if not len(loud):
        return {key: values[:0] for key, values in {**rows, "fallback": starts}.items()}
    # The farthest window that may stand beside each: the first or the last of those that count.
    everyone = np.array([0, len(numbers) - 1])
    ends = np.where(silent[:, None], loud[[0, -1]], everyone)
    distance = np.abs(numbers[ends] - numbers[:, None])
    farthest = np.take_along_axis(ends, distance.argmax(axis=1)[:, None], axis=1)[:, 0]
    usable = distance.max(axis=1) >= min_offset
    # Windows without a negative are left out, so the positions of the others move up.
    moved = np.cumsum(usable) - 1
    rows["fallback"] = moved[farthest]
    return {key: values[usable] for key, values in rows.items()}


class TalkingSource(StreamSource):
    """Batches for the lip-sync expert or for the generator: see `data.load_talking`.

    Args:
        name: short name.
        clips: the clips; those without two windows `min_offset` apart are skipped.
        task: `"sync"` for the expert, `"dub"` for the generator.
        min_offset: least distance in frames between a window and another of its clip.
        silent_negatives: whether both windows of a pair out of sync may be silent.
        mel_offset: the generator hears for frame n the window of frame n + mel_offset.
        test: opens the test split; `None` where this source is it.
        report: the oracle: takes `held_out` and what the game made of it.
        skipped: `(clip, reason)` of those that could not be read.

    Attributes:
        clips: the clips in use.

    Raises:
        InputError: no clip has two windows far enough apart.
    """

    def __init__(
        self,
        name: str,
        clips: Sequence[Clip],
        *,
        task: str = "sync",
        min_offset: int = 5,
        silent_negatives: bool = False,
        mel_offset: int = -1,
        test: Callable[[], StreamSource] | None = None,
        report: Callable[[dict, np.ndarray], dict] | None = None,
        skipped: Sequence[tuple[str, str]] = (),
    ) -> None:
        usable, skipped = [], list(skipped)
        for clip in clips:
            if len(_rows(clip, min_offset, silent_negatives)["face"]):
                usable.append(clip)
            else:
                skipped.append((clip.name, _unusable(clip, min_offset)))
        if not usable:
            raise InputError(
                f"{name} has no clip to train on ({'; '.join(f'{n}: {r}' for n, r in skipped[:3])})"
                f"; expected clips of a talking face, longer than {(min_offset + 8) / FPS:.1f} s: "
                "add some"
            )
        self.clips, self.task, self.mel_offset = tuple(usable), task, mel_offset
        self.table = WindowTable(usable, min_offset, silent_negatives)
        faces = np.concatenate([clip.faces for clip in usable])
        mel = np.concatenate([clip.mel for clip in usable]).astype(np.float32)
        openings = [clip.opening for clip in usable]
        with tf.device("CPU:0"):
            self._faces, self._mel = tf.constant(faces), tf.constant(mel)
            self._opening = None
            if all(opening is not None for opening in openings):
                self._opening = tf.constant(np.concatenate(openings), tf.float32)
        size = faces.shape[1]
        self._main = "frames" if task == "sync" else "target"
        stream = Stream(
            "talking",
            len(self.table),
            {self._main: (FRAMES, size, size, 3)},
            lambda index: {self._main: self._window(index), "row": index},
            fingerprint_of(faces, mel, self.table.arrays["column"], self.table.arrays["face"]),
            skipped,
        )
        super().__init__(name, [stream], key=self._main, test=test, report=report)
        self.native_size = None
        mels = (audio.MELS, audio.WINDOW, 1)
        window = (FRAMES, size, size, 3)
        self.shapes = {"frames": window, "mel": mels, "off_mel": mels}
        if task == "dub":
            self.shapes = {"target": window, "reference": window, "mels": (FRAMES, *mels)}
            self.shapes["mel"] = mels

    @property
    def lengths(self) -> dict[str, int]:
        return dict.fromkeys(self.shapes, len(self))

    def __repr__(self) -> str:
        return f"<TalkingSource {self.name}: {len(self)} windows of {len(self.clips)} clips>"

    def motion_offsets(self, clips: int = 10) -> list[int]:
        """By how many frames the sound of the first clips seems to lag behind their picture."""
        return [
            motion_offset.motion_offset(
                clip.faces, clip.mel, clip.frame_numbers() + clip.offset, FPS
            )
            for clip in self.clips[:clips]
        ]

    def held_out(self, count: int) -> dict[str, np.ndarray]:
        """Windows of the test split, evenly spaced over it, always the same.

        Args:
            count: number of windows, at most as many as there are.

        Returns:
            For the generator as in batches, with `"opening"` float32 `(n, 5)` where it is known.
            For the expert each window twice, with its own sound and then all of them with another:
            `"frames"`, `"mel"`, `"label"` float32 `(2 n,)`, 1 where they belong together.

        Raises:
            InputError: there is no test split, or `count` is below 1.
        """
        check_held_out(count, self.name)
        if self._test is not None:
            return self._test().held_out(count)
        count = min(int(count), len(self))
        with tf.device("CPU:0"):
            rows = tf.range(count, dtype=tf.int64) * len(self) // count
            stream = self.streams[0]
            examples = self._to_float(self._fetch_centered(stream, rows))
            if self.task == "sync":
                examples = _both_kinds(examples)
            elif self._opening is not None:
                examples["opening"] = tf.gather(self._opening, self._frame_indices(rows))
        return {key: value.numpy() for key, value in examples.items()}

    def _finish(self, step, replica, examples, share, seed, horizontal_flip):
        """Draws the other windows, flips, and scales to [-1, 1]."""
        seeds = order.stateless_seed(seed, "other window", step)
        draws = order.draw_uniform([share.batch, TRIES], seeds)
        draws = order.replica_slice(draws, replica, share)
        frames = tf.ensure_shape(examples[self._main], (share.size, *self.shape))
        batch = self._assemble(frames, tf.ensure_shape(examples["row"], [share.size]), draws)
        if horizontal_flip:
            flipped = order.flip_mask(step, replica, share, seed)[:, None, None, None, None]
            for key in ("frames", "target", "reference"):
                if key in batch:
                    batch[key] = tf.where(flipped, tf.reverse(batch[key], [3]), batch[key])
        return self._to_float(batch)

    def _fetch_centered(self, stream: Stream, index: tf.Tensor) -> dict[str, tf.Tensor]:
        """Examples whose other windows are always the same."""
        seeds = order.stateless_seed(0, "other window", 0)
        draws = order.draw_uniform([index.shape[0], TRIES], seeds)
        examples = stream.fetch(index)
        return self._assemble(examples[self._main], index, draws)

    def _assemble(self, frames, rows, draws) -> dict[str, tf.Tensor]:
        """A batch of windows and of what stands beside them."""
        sync = self.task == "sync"
        others = self.table.other_windows(rows, draws, heard=sync)
        if sync:
            return {"frames": frames, "mel": self._mels(rows), "off_mel": self._mels(others)}
        shifts = range(self.mel_offset, self.mel_offset + FRAMES)
        mels = tf.stack([self._mels(rows, shift) for shift in shifts], axis=1)
        reference = self._window(others)
        return {"target": frames, "reference": reference, "mels": mels, "mel": self._mels(rows)}

    def _frame_indices(self, rows: tf.Tensor) -> tf.Tensor:
        return self.table.gather("face", rows)[:, None] + tf.range(FRAMES, dtype=tf.int64)

    def _window(self, rows: tf.Tensor) -> tf.Tensor:
        """The frames of windows, uint8 `(n, 5, size, size, 3)`."""
        return tf.gather(self._faces, self._frame_indices(rows))

    def _mels(self, rows: tf.Tensor, shift: int = 0) -> tf.Tensor:
        """The mel windows of frames `shift` after the first of some windows."""
        column, number = self.table.gather("column", rows), self.table.gather("number", rows)
        if shift:
            # Starts are rounded down for the number of the frame, which repeats every 5 frames.
            number = number + self.table.gather("offset", rows)
            start = (number + shift) * audio.COLUMNS_PER_SECOND // FPS
            column = column + start - number * audio.COLUMNS_PER_SECOND // FPS
        columns = column[:, None] + tf.range(audio.WINDOW, dtype=tf.int64)
        return tf.transpose(tf.gather(self._mel, columns), [0, 2, 1])[..., None]


def _both_kinds(examples: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    frames, count = examples["frames"], examples["frames"].shape[0]
    return {
        "frames": tf.concat([frames, frames], 0),
        "mel": tf.concat([examples["mel"], examples["off_mel"]], 0),
        "label": tf.concat([tf.ones([count]), tf.zeros([count])], 0),
    }


def _unusable(clip: Clip, min_offset: int) -> str:
    """Why a clip has no windows."""
    starts = clip.starts()
    if not len(starts):
        return f"{len(clip.faces)} frames without 5 in a row that have sound"
    if audio.is_silent(clip.mel).all():
        return "silent throughout"
    return f"no two windows {min_offset} frames apart of which one is heard"
