"""Encoders that turn sentences into vectors; they are frozen when a game uses them.

An encoder belongs to the game that was trained with its vectors: it is stored with the run and,
where TensorFlow can compute it, exported in the same graph as the generator.
"""

from __future__ import annotations

import abc
import base64
import collections
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite.data.readers import text_vectors
from tfgan_suite.errors import InputError
from tfgan_suite.networks import text as networks
from tfgan_suite.text import storage

# Sentences that an encoder keeps as examples of what its vectors were trained for.
EXAMPLES = 256
WORDS = 4000  # of a vocabulary, at most
_BLOCK = 256
_NO_WORD = r"[^\p{L}\p{M}\p{N}]+"
_BUCKETS = 2**62


class SentenceEncoder(abc.ABC):
    """Sentences to vectors.

    Args:
        sentences: examples of sentences it was made for. A game draws them where it is asked for
            none, and its batch norm statistics are those of their vectors.

    Attributes:
        kind: its name in files.
        dim: length of a vector.
        in_graph: whether `tensor` works, so that an export can take sentences.
        networks: Keras models whose variables `tensor` uses.
    """

    kind: ClassVar[str]
    in_graph = True
    dim: int

    def __init__(self, sentences: Sequence[str] = ()):
        self.sentences = tuple(str(text) for text in sentences)
        self.networks: tuple[keras.Model, ...] = ()

    @abc.abstractmethod
    def tensor(self, texts: tf.Tensor) -> tf.Tensor:
        """Vectors of a string tensor `(batch,)`: float32 `(batch, dim)`; TensorFlow ops only."""

    def encode(self, texts: Sequence[str | bytes]) -> np.ndarray:
        """Vectors of sentences: float32 `(len(texts), dim)`.

        Raises:
            InputError: a sentence that it has no vector of.
        """
        decoded = decode(texts)
        blocks = (decoded[start : start + _BLOCK] for start in range(0, len(decoded), _BLOCK))
        parts = [self.tensor(tf.constant(block)).numpy() for block in blocks]
        return np.concatenate([np.zeros((0, self.dim), np.float32), *parts])

    def remarks(self, texts: Sequence[str | bytes]) -> list[str]:
        """What it does not read of some sentences, in words: a line each; mostly nothing."""
        return []

    @abc.abstractmethod
    def describe(self) -> str:
        """What it is, in a few words."""

    # ---- files -------------------------------------------------------------------------------

    @abc.abstractmethod
    def content(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """All that it consists of: plain values, and arrays, by name."""

    @property
    def hash(self) -> str:
        """16 hex digits that change with any weight or word of it."""
        values, arrays = self.content()
        digest = hashlib.sha256(json.dumps([self.kind, values], sort_keys=True).encode())
        for name in sorted(arrays):
            digest.update(f"{name}{arrays[name].shape}{arrays[name].dtype}".encode())
            digest.update(np.ascontiguousarray(arrays[name]).tobytes())
        return digest.hexdigest()[:16]

    def to_bytes(self) -> bytes:
        """The encoder as an `.npz` file, which `open_encoder` opens."""
        values, arrays = self.content()
        header = {"kind": self.kind, "hash": self.hash, "sentences": list(self.sentences)}
        return storage.pack({**header, "values": values}, arrays)

    def get_config(self) -> dict[str, Any]:
        """For `.keras` files of games."""
        return {"content": base64.b64encode(self.to_bytes()).decode()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Any = None) -> SentenceEncoder:
        """An encoder from what `get_config` returned."""
        header, arrays = storage.unpack(base64.b64decode(config["content"]))
        return _checked(header, arrays, "the sentence encoder")


@keras.saving.register_keras_serializable(package="tfgan_suite")
class BagOfWords(SentenceEncoder):
    """Which words of a vocabulary a sentence holds: 1 for each that it does, else 0.

    Words are runs of letters and digits, in lower case. Their order does not count.

    Args:
        words: the vocabulary.
        sentences: as for `SentenceEncoder`.

    Raises:
        InputError: there are no words.
    """

    kind = "words"

    def __init__(self, words: Sequence[str], sentences: Sequence[str] = ()):
        super().__init__(sentences)
        if not words:
            raise InputError(
                "a bag of words needs a vocabulary, but there is no word of letters or digits in"
                " the captions; write captions in words"
            )
        self.words, self.dim = tuple(words), len(words)
        keys = tf.strings.to_hash_bucket_fast(list(self.words), _BUCKETS).numpy()
        self._order = np.argsort(keys).astype(np.int32)
        self._keys = keys[self._order]

    @classmethod
    def learn(cls, texts: Iterable[str], limit: int = WORDS) -> BagOfWords:
        """The vocabulary of some captions: their most frequent words, at most `limit`."""
        captions = decode(texts)
        counts: collections.Counter[bytes] = collections.Counter()
        for start in range(0, len(captions), 4096):
            _, words = _split(tf.constant(captions[start : start + 4096]))
            counts.update(words.numpy().tolist())
        frequent = sorted(counts, key=lambda word: (-counts[word], word))[:limit]
        return cls(sorted(word.decode() for word in frequent), examples_of(captions))

    def tensor(self, texts: tf.Tensor) -> tf.Tensor:
        rows, words = _split(texts)
        column, known = self._look_up(words)
        shape = tf.stack([tf.size(texts, tf.int64), tf.constant(self.dim, tf.int64)])
        counts = tf.scatter_nd(tf.stack([rows, column], 1), tf.cast(known, tf.float32), shape)
        return tf.ensure_shape(tf.minimum(counts, 1.0), (None, self.dim))

    def _look_up(self, words: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Columns of words, int64, and whether they are known.

        By hashes of 62 bits: a graph with a table of strings would have a resource to initialize.
        """
        hashes = tf.strings.to_hash_bucket_fast(words, _BUCKETS)
        position = tf.minimum(tf.searchsorted(self._keys, hashes), self.dim - 1)
        known = tf.equal(tf.gather(self._keys, position), hashes)
        return tf.cast(tf.gather(self._order, position), tf.int64), known

    def remarks(self, texts: Sequence[str | bytes]) -> list[str]:
        words = words_of(texts)
        known = self._look_up(tf.constant(words, tf.string))[1].numpy()
        unknown = [word for word, is_known in zip(words, known) if not is_known]
        return ignored(unknown) if unknown else []

    def describe(self) -> str:
        return f"a bag of {self.dim} words"

    def content(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {"words": list(self.words)}, {}


@keras.saving.register_keras_serializable(package="tfgan_suite")
class CharacterEncoder(SentenceEncoder):
    """A trained char-CNN-RNN.

    Args:
        network: from `tfgan_suite.networks.text.build_char_cnn_rnn`.
        form: the arguments that it was built with, `text_dim` among them.
        sentences: as for `SentenceEncoder`.
    """

    kind = "characters"

    def __init__(
        self, network: keras.Model, form: Mapping[str, Any], sentences: Sequence[str] = ()
    ):
        super().__init__(sentences)
        self.networks, self.form = (network,), dict(form)
        network.trainable = False
        self.length, self.dim = int(network.input_shape[1]), int(network.output_shape[-1])

    def tensor(self, texts: tf.Tensor) -> tf.Tensor:
        characters = networks.character_indices(texts, self.length)
        return tf.cast(self.networks[0](characters, training=False), tf.float32)

    def remarks(self, texts: Sequence[str | bytes]) -> list[str]:
        lines = []
        for text in decode(texts):
            if len(text) > self.length:
                lines.append(
                    f"{_short(text)} has {len(text)} characters; the encoder reads the first"
                    f" {self.length}"
                )
            unknown = "".join(dict.fromkeys(c for c in text.lower() if c not in networks.ALPHABET))
            if unknown:
                lines.append(
                    f"{_short(text)} has characters that the encoder does not know: {unknown[:20]}"
                )
        return lines

    def describe(self) -> str:
        return f"a char-CNN-RNN with vectors of {self.dim}"

    def content(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        weights = self.networks[0].get_weights()
        return self.form, {f"weight_{index}": array for index, array in enumerate(weights)}


@keras.saving.register_keras_serializable(package="tfgan_suite")
class VectorTable(SentenceEncoder):
    """Vectors of a fixed list of sentences; others have none.

    Args:
        texts: the sentences.
        vectors: `(n, k)`.
    """

    kind = "vectors"
    in_graph = False

    def __init__(self, texts: Sequence[str], vectors: np.ndarray):
        super().__init__(examples_of(texts))
        self.texts, self.vectors = tuple(texts), np.asarray(vectors, np.float32)
        self.dim = int(self.vectors.shape[1])
        self._rows = {_spaced(text): row for row, text in enumerate(self.texts)}

    def tensor(self, texts: tf.Tensor) -> tf.Tensor:
        raise TypeError("a table of vectors is computed by encode() only")

    def encode(self, texts: Sequence[str | bytes]) -> np.ndarray:
        rows = []
        for text in decode(texts):
            row = self._rows.get(_spaced(text))
            if row is None:
                raise InputError(
                    f"there is no vector of {_short(text)}: the game was trained with a file of"
                    f" vectors, so it draws these {len(self.texts)} sentences only, such as"
                    f" {_short(self.texts[0])}"
                )
            rows.append(row)
        return self.vectors[rows].reshape(-1, self.dim)

    def describe(self) -> str:
        return f"vectors of {self.dim} for {len(self.texts)} sentences"

    def content(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {}, {"text": np.array(self.texts), "vector": self.vectors}


class FunctionEncoder(SentenceEncoder):
    """A Python function from a list of sentences to vectors `(n, k)`, for use in Python.

    No file holds it: a run keeps the vectors of its captions (`VectorTable`).

    Args:
        function: such as the `encode` of a sentence model.
        sentences: as for `SentenceEncoder`; at least one.
    """

    kind = "function"
    in_graph = False

    def __init__(self, function: Callable[[list[str]], np.ndarray], sentences: Sequence[str]):
        super().__init__(sentences)
        self.function = function
        self.dim = int(self.encode(self.sentences[:1]).shape[1])

    def tensor(self, texts: tf.Tensor) -> tf.Tensor:
        raise TypeError("a Python function is computed by encode() only")

    def encode(self, texts: Sequence[str | bytes]) -> np.ndarray:
        return text_vectors.embed(decode(texts), self.function)

    def describe(self) -> str:
        return f"a Python function with vectors of {self.dim}"

    def content(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        raise InputError(
            "a Python function as encoder cannot be saved; save its vectors: VectorTable(texts,"
            " encoder.encode(texts))"
        )


def open_encoder(path: Path) -> SentenceEncoder:
    """The encoder of a file that holds what `to_bytes` returned.

    Raises:
        InputError: there is no such file, or it is damaged.
    """
    return _checked(*storage.read(path), str(path))


def _checked(
    header: Mapping[str, Any], arrays: Mapping[str, np.ndarray], source: str
) -> SentenceEncoder:
    try:
        encoder = _restored(header, arrays)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise storage.damaged(source, f"{type(error).__name__}: {error}") from error
    if encoder.hash != header["hash"]:
        raise storage.damaged(source, "its contents differ from its hash")
    return encoder


def _restored(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> SentenceEncoder:
    kind, values, sentences = header["kind"], header["values"], header["sentences"]
    if kind == BagOfWords.kind:
        return BagOfWords(values["words"], sentences)
    if kind == CharacterEncoder.kind:
        network = networks.build_char_cnn_rnn(**values)
        network.set_weights([arrays[f"weight_{index}"] for index in range(len(arrays))])
        return CharacterEncoder(network, values, sentences)
    if kind == VectorTable.kind:
        return VectorTable(arrays["text"].tolist(), arrays["vector"])
    raise ValueError(f"kind is {kind!r}")


def examples_of(texts: Sequence[str], count: int = EXAMPLES) -> tuple[str, ...]:
    """Up to `count` different sentences, evenly spread over a list."""
    different = list(dict.fromkeys(texts))
    rows = np.linspace(0, len(different) - 1, min(count, len(different))).astype(int)
    return tuple(different[row] for row in rows)


def decode(texts: Iterable[str | bytes]) -> list[str]:
    """Sentences as strings, also where a batch of the data holds them as bytes."""
    return [t.decode("utf-8", "replace") if isinstance(t, bytes) else str(t) for t in texts]


def words_of(texts: Sequence[str | bytes]) -> list[str]:
    """The different words of sentences, in lower case, as a bag of words reads them."""
    _, words = _split(tf.constant(decode(texts)))
    return list(dict.fromkeys(word.decode() for word in words.numpy()))


def ignored(unknown: Sequence[str]) -> list[str]:
    """The remark about words that an encoder does not read."""
    listed = ", ".join(repr(word[:40]) for word in unknown[:5])
    listed += f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
    return [f"words that are not in the captions of the training are ignored: {listed}"]


def _split(texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The words of sentences `(batch,)`: int64 row and string of each."""
    lower = tf.strings.lower(texts, encoding="utf-8")
    pieces = tf.raw_ops.StringSplitV2(input=tf.strings.regex_replace(lower, _NO_WORD, " "), sep="")
    return pieces.indices[:, 0], pieces.values


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
