"""A style-based generator that is linear, opened as a run is, so that searches have known ends."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.inference.generator import Generator

SIDE, LATENT, FEATURES, LAYERS = 4, 2, 3, 2
_draws = np.random.default_rng(0)
MAPPING = _draws.normal(size=(LATENT, FEATURES)).astype("f4")
SYNTHESIS = 0.2 * _draws.normal(size=(LAYERS, FEATURES, SIDE * SIDE)).astype("f4")


def generator(labels=0):
    """w = z M for every layer, psi times; image = sum over layers of w_l S_l."""
    z, psi = (
        TensorSpec("z", (LATENT,), kind="normal"),
        TensorSpec("psi", (LAYERS,), kind="truncation"),
    )
    w, image = (
        TensorSpec("w", (LAYERS, FEATURES), kind="style"),
        TensorSpec("image", (SIDE, SIDE, 1)),
    )
    label = [TensorSpec("label", (), "int32", "label", labels)] if labels else []

    def mapping(z, psi=None, label=None):
        rows = (z @ MAPPING)[:, None] * tf.ones((1, LAYERS, 1))
        rows = rows if label is None else rows + tf.cast(label, tf.float32)[:, None, None]
        return rows if psi is None else psi[..., None] * rows

    def synthesis(w):
        return tf.reshape(tf.einsum("blf,lfp->bp", w, SYNTHESIS), (-1, SIDE, SIDE, 1))

    def score(image, label=None):
        return tf.reduce_mean(image, [1, 2, 3])

    calls = {
        "serving_default": (lambda **inputs: synthesis(mapping(**inputs)), (z, *label), image),
        "mapping": (mapping, (z, *label, psi), w),
        "synthesis": (synthesis, (w,), image),
        "score": (score, (image, *label), TensorSpec("score", ())),
        "features": (score, (image, *label), TensorSpec("features_0", ())),
    }

    def tensors(name):
        call, _, output = calls[name]
        return lambda **inputs: {output.name: call(**inputs)}

    def arrays(name):
        def call(**inputs):
            named = {key: tf.constant(value) for key, value in inputs.items()}
            return {key: value.numpy() for key, value in tensors(name)(**named).items()}

        return call

    signatures = {
        name: Signature(inputs, output, arrays(name), ())
        for name, (_, inputs, output) in calls.items()
    }
    return Generator("linear", "run", signatures, "sample {}", {}, Path(), None, None, tensors)
