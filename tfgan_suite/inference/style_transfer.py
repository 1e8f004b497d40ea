"""Style transfer of GAN-CLS: the style of a picture, that is its z, and the words of a sentence.

The encoder of styles is trained for a run's frozen generator when it is first needed, and is kept
in the run folder.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite.data.readers import image_files, image_scaling
from tfgan_suite.errors import InputError
from tfgan_suite.features import weights
from tfgan_suite.inference import files as picture_files
from tfgan_suite.inference.generator import Generator
from tfgan_suite.training.optimizers import FusedAdam
from tfgan_suite.utils import files

STEPS, BATCH, RATE = 2000, 32, 1e-3


def open_style_encoder(generator: Generator) -> Any:
    """The style encoder of a run, which is trained if the run has none for its present weights.

    Args:
        generator: an opened run of recipes/gan_cls.py.

    Raises:
        InputError: another game, an export, or a file in the run that cannot be read.
    """
    game = generator.game
    if not hasattr(game, "style_encoder"):
        raise InputError(
            f"--style needs a run of recipes/gan_cls.py, whose z is the style; {generator.name} is"
            f" {'an export' if game is None else 'a run of ' + game.name}: pass such a run folder"
        )
    (network,) = game.ema("generator")
    path = generator.path / f"style_encoder-{weights.hash_weights(network)}.keras"
    if path.is_file():
        return game.style_encoder(weights.read_model(path))
    keras.utils.set_random_seed(0)
    style = game.style_encoder()
    print(f"training a style encoder, {STEPS} steps: {path}", file=sys.stderr)
    train(style, STEPS)
    with files.writing_to(path.parent), files.replacing(path) as part:
        style.network.save(part)
    return style


def train(style: Any, steps: int) -> None:
    """Trains a style encoder on what its generator draws for the sentences of its encoder.

    Args:
        style: of `GANCLS.style_encoder`.
        steps: updates.

    Raises:
        InputError: the game has no sentences.
    """
    encoder = style.game.encoder
    if encoder is None or not encoder.sentences:
        raise InputError("the run has no sentences to train a style encoder with; train it anew")
    vectors = tf.constant(encoder.encode(encoder.sentences))

    def batch(step: tf.Tensor) -> dict[str, tf.Tensor]:
        rows = tf.random.stateless_uniform(
            [BATCH], tf.stack([0, tf.cast(step, tf.int32)]), 0, len(vectors), tf.int32
        )
        return {"embedding": tf.gather(vectors, rows)}

    style.compile(style=FusedAdam(RATE))
    history = style.fit(tf.data.Dataset.range(steps).map(batch), epochs=1, shuffle=False, verbose=0)
    return float(history.history["style/squared_error"][-1])


def read_pictures(paths: Sequence[str], shape: tuple[int, ...]) -> np.ndarray:
    """Pictures at a generator's size, of each the largest square in its middle.

    Args:
        paths: image files.
        shape: height, width and channels.

    Returns:
        float32 `(n, *shape)` in [-1, 1].

    Raises:
        InputError: a file that is no picture; the message names it.
    """
    pictures = []
    for path in paths:
        try:
            pixels = picture_files.read(Path(path), shape[2])
        except (image_files.Unreadable, OSError) as error:
            raise InputError(f"--style is {path}, which cannot be read: {error}") from None
        height, width = pixels.shape[:2]
        side = min(height, width)
        left, top = (width - side) / 2, (height - side) / 2
        edges = (left, top, left + side, top + side)
        sides = (shape[1], shape[0])
        pictures.append(image_scaling.resize_array(pixels, sides, side > max(sides), edges))
    return np.stack(pictures).reshape(-1, *shape).astype(np.float32) / 127.5 - 1.0


def transfer(generator: Generator, texts: Sequence[str], pictures: np.ndarray) -> np.ndarray:
    """Images of sentences in the styles of pictures.

    Args:
        generator: an opened run of recipes/gan_cls.py.
        texts: the sentences.
        pictures: `(n, ...)`, see `read_pictures`.

    Returns:
        `(len(texts), n, height, width, channels)` in [-1, 1].
    """
    style = open_style_encoder(generator)
    drawn = [style.transfer(pictures, text) for text in texts]
    return np.stack(drawn)
