"""Vectors of sentences: from a function of the user's, or from an `.npz` file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import numpy as np

from tfgan_suite.data.readers import npz_files
from tfgan_suite.errors import InputError
from tfgan_suite.utils.files import user_path

Embedding = Callable[[list[str]], np.ndarray]
_KEYS = ("text", "vector")
_BLOCK = 256  # sentences that a function gets at once


def embed(texts: Sequence[str], embedding: Embedding | str | os.PathLike) -> np.ndarray:
    """One vector of each sentence.

    Args:
        texts: the sentences.
        embedding: a function from a list of sentences to an array `(n, k)`, or an `.npz` file
            with `text` `(n,)` and `vector` `(n, k)`.

    Returns:
        float32 `(len(texts), k)`.

    Raises:
        InputError: the file cannot be read, a sentence is missing from it, or the vectors are no
            finite numbers of one length.
    """
    if callable(embedding):
        blocks = [
            _checked(
                embedding(list(texts[i : i + _BLOCK])), len(texts[i : i + _BLOCK]), "embedding"
            )
            for i in range(0, len(texts), _BLOCK)
        ]
        return np.concatenate(blocks)
    known, vectors = read(embedding)
    return vectors[rows_of(texts, known, embedding)]


def read(file: str | os.PathLike) -> tuple[list[str], np.ndarray]:
    """The sentences of an `.npz` file, and their vectors, float32 `(n, k)`.

    Raises:
        InputError: as for `embed`.
    """
    path = user_path(file)
    missing = [key for key in _KEYS if key not in npz_files.array_names(path)]
    if missing:
        raise InputError(
            f"{path} has no array {missing[0]!r}; expected text (sentences) and vector (one row "
            "each): save them with np.savez(file, text=sentences, vector=vectors)"
        )
    known, vectors = npz_files.read_arrays(path, _KEYS)
    if known.ndim != 1 or known.dtype.kind not in "US":
        raise InputError(
            f"{path}: text has the type {known.dtype} and the shape {known.shape}; expected "
            "sentences (n,): save them as np.array(sentences)"
        )
    vectors = _checked(vectors, len(known), str(path))
    if known.dtype.kind == "S":
        known = np.char.decode(known, "utf-8", "replace")
    return known.tolist(), vectors


def rows_of(texts: Sequence[str], known: Sequence[str], file: str | os.PathLike) -> list[int]:
    """Where sentences stand among those of a file.

    Args:
        texts: the sentences.
        known: those of the file, from `read`.
        file: its name, for the message.

    Raises:
        InputError: a sentence is not among them.
    """
    row = {" ".join(text.split()): index for index, text in enumerate(known)}
    absent = [text for text in texts if text not in row]
    if absent:
        raise InputError(
            f"{user_path(file)} has no vector of {len(absent)} of {len(texts)} captions, such as "
            f"{absent[0][:80]!r}; expected one of each: compute the missing ones"
        )
    return [row[text] for text in texts]


def _checked(vectors: object, count: int, source: str) -> np.ndarray:
    try:
        array = np.asarray(vectors, np.float32)
    except (TypeError, ValueError):
        array = np.zeros(0, np.float32)
    if array.ndim != 2 or len(array) != count or not array.shape[1] or not np.isfinite(array).all():
        raise InputError(
            f"{source}: the vectors of {count} sentences have the shape {np.shape(vectors)} or are "
            f"not finite; expected numbers ({count}, k): correct them"
        )
    return array
