"""Draws what sentences say, with a trained generator that takes their vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgan_suite.core.text_game import ENCODE, TEXT
from tfgan_suite.errors import InputError
from tfgan_suite.text import encoders
from tfgan_suite.utils import image_grids

if TYPE_CHECKING:
    from tfgan_suite.inference.generator import Generator

VECTOR = "embedding"


def takes_text(generator: Generator) -> bool:
    """Whether a generator takes vectors of sentences."""
    return any(spec.kind == VECTOR for spec in generator.signature().inputs)


def check_text(generator: Generator) -> None:
    """Refuses a generator that draws no sentences.

    Raises:
        InputError: says what it takes.
    """
    if not takes_text(generator):
        takes = " and ".join(spec.name for spec in generator.signature().inputs)
        raise InputError(
            f"--text is set, but {generator.name} takes {takes} and no sentence; omit it, or train"
            " a game that draws sentences, such as recipes/gan_cls.py"
        )


def remarks(generator: Generator, texts: Sequence[str]) -> list[str]:
    """What the encoder of a run or of an export does not read of some sentences, in words."""
    encoder = getattr(generator.game, "encoder", None)
    if encoder is not None:
        return encoder.remarks(texts)
    if ENCODE not in generator.signatures:
        return []
    # Of an export only the vectors are known: a word that it does not read has none of its own.
    words = encoders.words_of(texts)
    if not words:
        return []
    alone = generator.run_signature({TEXT: np.array(words, object)}, ENCODE)[VECTOR]
    unknown = [word for word, vector in zip(words, alone) if not vector.any()]
    return encoders.ignored(unknown) if unknown else []


def vectors(generator: Generator, texts: Sequence[str]) -> np.ndarray:
    """Vectors of sentences by the encoder of a run or of an export: `(len(texts), text_dim)`.

    Raises:
        InputError: a sentence is empty, the generator takes none, or its file holds no encoder.
    """
    check_text(generator)
    if any(not text.strip() for text in texts):
        raise InputError("--text is empty; expected a sentence, such as 'a small red circle'")
    if getattr(generator.game, "encoder", None) is not None:
        return generator.game.encode(texts)
    if ENCODE in generator.signatures:
        return generator.run_signature({TEXT: np.array(texts, object)}, ENCODE)[VECTOR]
    raise InputError(
        f"{generator.name} takes vectors of sentences and holds no encoder; pass the run, or a"
        " SavedModel whose encoder is a bag of words or a char-CNN-RNN"
    )


def draw(
    generator: Generator,
    texts: Sequence[str],
    count: int,
    seed: int = 0,
    conditions: Mapping[str, Any] | None = None,
    same_z: bool = False,
) -> np.ndarray:
    """Images of sentences: `(len(texts), count, height, width, channels)` in [-1, 1].

    Column c of all rows has the same z.

    Args:
        generator: the generator.
        texts: the sentences.
        count: images of each.
        seed: seed of z.
        conditions: further inputs by name, one value for each sentence or for each image.
        same_z: whether all columns have the z of the first one.
    """
    encoded = vectors(generator, texts)
    inputs: dict[str, np.ndarray] = {VECTOR: np.repeat(encoded, count, axis=0)}
    for name, values in (conditions or {}).items():
        array = np.asarray(values, np.float32)
        each = len(array) == len(texts) * count
        inputs[name] = array if each else np.repeat(array, count, axis=0)
    for index, spec in enumerate(generator.signature().inputs):
        if spec.name not in inputs and spec.drawable:
            noise = spec.draw(1 if same_z else count, [seed, index]).numpy()
            noise = np.repeat(noise, count if same_z else 1, axis=0)
            inputs[spec.name] = np.tile(noise, (len(texts),) + (1,) * (noise.ndim - 1))
    images = generator.run_signature(inputs, batch=64)["image"]
    return images.reshape(len(texts), count, *images.shape[1:])


def draw_examples(
    generator: Generator, texts: Sequence[str], examples: Mapping[str, np.ndarray], seed: int = 0
) -> np.ndarray:
    """One image of each sentence, rounded as files would hold it: `(n, ...)` in [-1, 1].

    Args:
        generator: the generator.
        texts: the sentences.
        examples: what else it takes and cannot draw, such as `"box"`, by name `(n, ...)`.
        seed: seed of what is drawn.

    Raises:
        InputError: the examples lack an input, such as key points, or have it in another shape.
    """
    inputs = {VECTOR: vectors(generator, texts)}
    for spec in generator.signature().inputs:
        if spec.drawable or spec.name in inputs:
            continue
        shape = np.shape(examples.get(spec.name, ()))[1:]
        if shape != tuple(spec.shape):
            has = f"of shape {shape}" if spec.name in examples else "not among them"
            raise InputError(
                f"{generator.name} takes {spec.name} of shape {tuple(spec.shape)}, and those of the"
                f" data are {has}; pass data like those of its training"
            )
        inputs[spec.name] = examples[spec.name]
    images = generator.run_signature(inputs, batch=64, seed=seed)["image"]
    return image_grids.to_uint8(images).astype(np.float32) / 127.5 - 1.0
