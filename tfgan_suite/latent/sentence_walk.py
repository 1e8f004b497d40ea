"""Walks from sentence to sentence: what a generator draws for vectors between theirs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.inference import sentences
from tfgan_suite.inference.generator import Generator
from tfgan_suite.latent import interpolation
from tfgan_suite.latent.walk import MOST_FRAMES, Walk


def walk(
    generator: Generator,
    texts: Sequence[str],
    steps: int = 16,
    *,
    seed: int = 0,
    closed: bool = False,
) -> Walk:
    """Walks in straight lines between the vectors of sentences, with one z.

    Args:
        generator: a generator that takes vectors of sentences.
        texts: two sentences or more.
        steps: frames from each sentence to the next.
        seed: seed of z.
        closed: whether to return to the first sentence.

    Raises:
        InputError: one sentence only, more than 4096 frames, or a generator that takes none.
    """
    sentences.check_text(generator)
    if len(texts) < 2:
        raise InputError("a walk leads from one sentence to another; pass two --text or more")
    if len(texts) * steps > MOST_FRAMES:
        raise InputError(
            f"the walk would have {len(texts) * steps} frames; it may have {MOST_FRAMES}: lower"
            " --steps or visit fewer sentences"
        )
    encoded = sentences.vectors(generator, texts)
    frames = interpolation.through(encoded, steps, "lerp", closed).astype(np.float32)
    inputs = {sentences.VECTOR: frames}
    for index, spec in enumerate(generator.signature().inputs):
        if spec.drawable:
            inputs[spec.name] = np.repeat(spec.draw(1, [seed, index]).numpy(), len(frames), axis=0)
    images = generator.run_signature(inputs, batch=64)["image"]
    return Walk(images, inputs, steps, closed)
