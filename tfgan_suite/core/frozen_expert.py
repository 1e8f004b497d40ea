"""A trained lip-sync expert as a part of another game's loss."""

from __future__ import annotations

import hashlib

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite.losses.lip_sync import cosine_probability


class FrozenExpert:
    """A trained SyncNet that judges and does not change: inference mode, frozen weights.

    Args:
        face_encoder: model from stacked lower halves to embeddings of length 1.
        audio_encoder: model from mel windows to embeddings of length 1.
    """

    def __init__(self, face_encoder: keras.Model, audio_encoder: keras.Model):
        self.face_encoder, self.audio_encoder = face_encoder, audio_encoder
        for network in (face_encoder, audio_encoder):
            network.trainable = False

    def __call__(self, video: tf.Tensor, mel: tf.Tensor) -> tf.Tensor:
        """P: the cosine of the embeddings, which are not negative; float32 `(batch,)`."""
        face = self.face_encoder(video, training=False)
        audio = self.audio_encoder(mel, training=False)
        return cosine_probability(face, audio)

    @property
    def video_shape(self) -> tuple[int, ...]:
        """Of what it takes: `(size // 2, size, 3 * frames)`."""
        return tuple(self.face_encoder.inputs[0].shape[1:])

    def checksum(self) -> str:
        """Changes when a weight does, moving statistics included."""
        digest = hashlib.sha256()
        for network in (self.face_encoder, self.audio_encoder):
            for weight in network.get_weights():
                digest.update(np.ascontiguousarray(weight).tobytes())
        return digest.hexdigest()
