"""SyncNet: the expert that tells whether lips and sound belong together (Prajwal et al. 2020)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite.core.adversarial_model import AdversarialModel
from tfgan_suite.core.batches import unpacked
from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.core.talking_batches import lower_half, stack_time
from tfgan_suite.core.trained_game import DEFAULT, Arrays
from tfgan_suite.errors import InputError
from tfgan_suite.losses.lip_sync import (
    cosine_probability,
    other_sounds_cross_entropy,
    sync_cross_entropy,
)
from tfgan_suite.networks.talking import FRAMES, MEL_SHAPE
from tfgan_suite.utils import image_grids

PAPER = "Prajwal, Mukhopadhyay, Namboodiri, Jawahar 2020, arXiv:2008.10010 (Chung, Zisserman 2016)"
DATA = "clips of talking faces"

KEYS = ("frames", "mel", "off_mel")
# A loss above it has hardly left log 2 = 0.693, that of an expert that always says 0.5.
PLATEAU = 0.6
# From this share of clips on, sound and picture do not belong together.
_OUT_OF_SYNC = 0.5


class SyncNet(AdversarialModel):
    """An expert of two encoders, of the lower halves of 5 frames and of 0.2 s of sound.

    ```
    P = v . s / (|v| |s|),   L = mean -log P(in sync) / 2 + mean -log(1 - P(out of sync)) / 2
    ```

    Both embeddings end in a ReLU, so that P is in [0, 1]. It is a game of one player, whose
    trained form judges the generator of Wav2Lip and measures lip sync.

    `expert/accuracy` is the share of windows on the right side of P = 0.5. On real data the loss
    stays near log 2 = 0.693 for a long time before it drops (the authors: for 150,000 to 200,000
    steps on LRS2); `diagnose` says so, and tells it from data that are out of sync.

    Args:
        face_encoder: model from stacked lower halves `(batch, size // 2, size, 15)` in [0, 1] to
            embeddings of length 1 that are not negative.
        audio_encoder: model from mel windows `(batch, 80, 16, 1)` to embeddings of the same length.
        other_sounds: share of the term out of sync that compares each window with all sounds of
            the batch (of a replica), where the rest compares it with one. It needs batches whose
            windows hardly ever overlap: many clips. Default 0, the paper.
        plateau_steps: until which step a loss near 0.69 is normal.
        seed: of the game; it draws nothing.

    Example:
        ```
        game = SyncNet(build_sync_face_encoder(), build_sync_audio_encoder())
        game.compile(expert=Adam(1e-4))
        game.fit(data.load_talking("LRS2").batches(64, seed=0), steps_per_epoch=1000)
        probability = game.generate(frames=frames, mel=mel)
        ```

    Reference:
        Prajwal, Mukhopadhyay, Namboodiri, Jawahar, "A Lip Sync Expert Is All You Need for Speech to
        Lip Generation In the Wild", ACM Multimedia 2020, arXiv:2008.10010. Chung, Zisserman, "Out
        of Time: Automated Lip Sync in the Wild", ACCV Workshops 2016.

    Raises:
        InputError: encoders of other inputs, or whose embeddings differ in length; a share that is
            none.

    Deviations:
        * Each window of frames is shown with its own sound and with another of the same clip,
          instead of with either at random: the same expectation, and a face embedded once for two.
        * The sound out of sync is at least 5 frames away and not silent where the picture's own
          sound is (`data.load_talking`): the published code takes any other frame, whose window
          may overlap the right one.
    """

    loss_names = ("expert/bce", "expert/accuracy")
    usage = "measure lipsync talking --expert {}"
    health_examples = 8
    # Cosines of embeddings of 8 bits are off by more than the bound of int8 files.
    export_formats = ("saved_model", "tflite_float32", "tflite_float16")

    def __init__(
        self,
        face_encoder: keras.Model,
        audio_encoder: keras.Model,
        *,
        other_sounds: float = 0.0,
        plateau_steps: int = 150_000,
        seed: int = 0,
        name: str | None = None,
    ):
        super().__init__(seed=seed, name=name)
        _check(face_encoder, audio_encoder)
        self.face_encoder, self.audio_encoder = face_encoder, audio_encoder
        if not 0.0 <= other_sounds <= 1.0:
            raise InputError(f"other_sounds is {other_sounds}; it must be a share in [0, 1]")
        self.other_sounds, self.plateau_steps = float(other_sounds), int(plateau_steps)
        self.__dict__["clip_offsets"] = None

    @property
    def size(self) -> int:
        """Height and width of the frames."""
        return int(self.face_encoder.inputs[0].shape[2])

    @property
    def batch_keys(self) -> tuple[str, ...]:
        return KEYS

    def players(self) -> dict[str, list[keras.Model]]:
        return {"expert": [self.face_encoder, self.audio_encoder]}

    def use_clip_offsets(self, clip_offsets: Callable[[], Sequence[int]] | None) -> None:
        """Sets what `diagnose` asks where the expert does not learn.

        Args:
            clip_offsets: returns for some clips of the data by how many frames their sound seems to
                lag behind their picture; it is called once, if ever.
        """
        self.__dict__["clip_offsets"] = clip_offsets

    # ---- training ----------------------------------------------------------------------------

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        frames, mel, off_mel = _parts(batch)

        def terms() -> dict[str, tf.Tensor]:
            video = self.embed_video(frames, training=True)
            mels = tf.concat([mel, off_mel], 0)
            sounds = self.audio_encoder(mels, training=True)
            in_sync, off_sync = (cosine_probability(video, s) for s in tf.split(sounds, 2))
            correct = tf.concat([in_sync > 0.5, off_sync <= 0.5], 0)
            self.record("expert/accuracy", tf.reduce_mean(tf.cast(correct, tf.float32)))
            off_loss = (1.0 - self.other_sounds) * sync_cross_entropy(off_sync, 0.0)
            if self.other_sounds:
                others = other_sounds_cross_entropy(video, sounds, mels)
                off_loss += self.other_sounds * others
            return {"bce": 0.5 * (sync_cross_entropy(in_sync, 1.0) + off_loss)}

        self.update("expert", terms)
        return self.logs()

    def embed_video(self, frames: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Embeddings of windows of frames.

        Args:
            frames: `(batch, 5, size, size, 3)` in [-1, 1].
            training: whether batch norm uses the batch's statistics.

        Returns:
            float32 `(batch, n)`, of length 1 and not negative.
        """
        video = stack_time(lower_half(tf.cast(frames, tf.float32) * 0.5 + 0.5))
        return self.face_encoder(video, training=training)

    def embed_audio(self, mel: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Embeddings of mel windows `(batch, 80, 16, 1)`, as of `embed_video`."""
        return self.audio_encoder(mel, training=training)

    # ---- what it offers ----------------------------------------------------------------------

    def signatures(self) -> dict[str, Signature]:
        size, length = self.size, int(self.face_encoder.outputs[0].shape[-1])
        frames = TensorSpec("frames", (FRAMES, size, size, 3), kind="video")
        mel = TensorSpec("mel", MEL_SHAPE, kind="mel")
        embedding = TensorSpec("embedding", (length,), kind="embedding")
        return {
            DEFAULT: Signature(
                (frames, mel),
                TensorSpec("probability", (), kind="score"),
                lambda frames, mel: cosine_probability(
                    self.embed_video(frames), self.embed_audio(mel)
                ),
                (self.face_encoder, self.audio_encoder),
            ),
            "embed_video": Signature(
                (frames,), embedding, lambda frames: self.embed_video(frames), (self.face_encoder,)
            ),
            "embed_audio": Signature(
                (mel,), embedding, lambda mel: self.embed_audio(mel), (self.audio_encoder,)
            ),
        }

    def collapse_pairs(self, examples: Arrays) -> dict[str, tuple[np.ndarray | None, np.ndarray]]:
        """Nothing: an expert that is always sure has not collapsed."""
        return {}

    def preview(
        self, examples: Arrays, *, seed: int = 0, count: int | None = None
    ) -> np.ndarray | None:
        """A row for each window: its frames, its own sound, another, each over a bar as long as P.

        Args:
            examples: a batch of the data.
            seed, count: not used.
        """
        frames = np.asarray(examples["frames"])
        columns = [frames[:, time] for time in range(FRAMES)]
        for key in ("mel", "off_mel"):
            if key in examples:
                inputs = {"frames": frames, "mel": np.asarray(examples[key])}
                probability = self.run_signature(inputs)["probability"]
                columns.append(_mel_images(inputs["mel"], probability, self.size))
        return image_grids.rows(columns)

    def diagnose(self, logs: Mapping[str, float]) -> list[str]:
        bce = float(logs.get("expert/bce", 0.0))
        if bce < PLATEAU:
            return []
        step, offsets = int(self.steps.numpy()), self._offsets()
        shifted = [offset for offset in offsets if offset]
        if offsets and len(shifted) > _OUT_OF_SYNC * len(offsets):
            return [_out_of_sync(shifted, len(offsets), bce)]
        if step < self.plateau_steps:
            return [
                f"on the plateau (loss {bce:.2f}; one that knows nothing has 0.69): this is normal"
                f" until about step {self.plateau_steps}"
            ]
        return [
            f"still on the plateau (loss {bce:.2f}) after step {self.plateau_steps}, where it"
            " should have dropped: look at the sample grids (is each mouth in the lower half?), use"
            " more clips, a larger batch or a smaller learning rate"
        ]

    def _offsets(self) -> list[int]:
        """What `clip_offsets` said when it was first asked."""
        state = self.__dict__
        if state["clip_offsets"] is None:
            return []
        if "_known_offsets" not in state:
            state["_known_offsets"] = [int(offset) for offset in state["clip_offsets"]()]
        return state["_known_offsets"]


def _out_of_sync(shifted: list[int], count: int, bce: float) -> str:
    values, counts = np.unique(shifted, return_counts=True)
    usual, often = int(values[counts.argmax()]), int(counts.max())
    return (
        "not learning: sound and picture are not in sync (best offset"
        f" {usual:+d} frames in {often} of {count} clips, not 0 in {len(shifted)}; loss {bce:.2f});"
        " correct the clips with --offsets, and check that their frame rate is what they say"
    )


def _parts(batch: Any) -> tuple[tf.Tensor, ...]:
    batch = unpacked(batch)
    if not isinstance(batch, Mapping) or not set(KEYS) <= set(batch):
        keys = sorted(batch) if isinstance(batch, Mapping) else type(batch).__name__
        raise InputError(
            f"a batch with {keys}, but SyncNet learns from talking faces: {', '.join(KEYS)}"
            " (data.load_talking(..., task='sync'))"
        )
    return tuple(tf.cast(batch[key], tf.float32) for key in KEYS)


def _check(face_encoder: keras.Model, audio_encoder: keras.Model) -> None:
    """Refuses encoders that do not fit each other or the data."""
    video, mel = (tuple(n.inputs[0].shape[1:]) for n in (face_encoder, audio_encoder))
    if len(video) != 3 or video[1] != 2 * video[0] or video[2] != 3 * FRAMES:
        raise InputError(
            f"the face encoder takes {video}; expected (size // 2, size, {3 * FRAMES}): build it"
            " with networks.talking.build_sync_face_encoder"
        )
    if mel != MEL_SHAPE:
        raise InputError(
            f"the audio encoder takes {mel}; expected {MEL_SHAPE}: build it with"
            " networks.talking.build_sync_audio_encoder"
        )
    lengths = [tuple(n.outputs[0].shape[1:]) for n in (face_encoder, audio_encoder)]
    if lengths[0] != lengths[1]:
        raise InputError(
            f"the embeddings of faces are {lengths[0]}, those of sounds {lengths[1]}; expected the"
            " same: build both encoders with one width"
        )


def _mel_images(mel: np.ndarray, probability: np.ndarray, size: int) -> np.ndarray:
    """Mel windows as images `(n, size, size, 3)` in [-1, 1], low bands below, with a bar for P."""
    rows = np.arange(size) * mel.shape[1] // size
    columns = np.arange(size) * mel.shape[2] // size
    images = np.repeat(mel[:, ::-1][:, rows][:, :, columns] / 4.0, 3, axis=-1)
    height = max(2, size // 12)
    for image, share in zip(images, probability):
        image[-height:] = -1.0
        image[-height:, : round(float(share) * size)] = (-0.6, 0.8, -0.6)
    return images
