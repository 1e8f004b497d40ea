"""Sentences on a page: their vectors, and the alphabet of those that a visitor types.

TFLite files take the vector of a sentence, not its characters. So the vectors of some sentences are
computed here, by the encoder in the export's SavedModel; and where the export of a
`text_encoder` stands on the same page, visitors type their own.
"""

from __future__ import annotations

from collections.abc import Sequence

from tfgan_suite.demo.entries import Entry
from tfgan_suite.errors import InputError
from tfgan_suite.networks.text import ALPHABET

_DIGITS = 7  # of a float32


def add(read: Sequence[Entry], texts: Sequence[str]) -> list[str]:
    """Adds the vectors of sentences to the descriptions of the exports that take them.

    Returns:
        Remarks for the user, in sentences.

    Raises:
        InputError: an empty sentence, or sentences where no export takes any.
    """
    takers = [entry for entry in read if entry.takes_sentences]
    if texts and not takers:
        names = ", ".join(entry.description["id"] for entry in read)
        raise InputError(f"--text is set, but no export of {names} takes sentences; omit it")
    if not texts:
        return [
            f"{entry.description['id']} takes vectors of sentences: pass --text SENTENCE, once or"
            " more, for sentences to choose from"
            for entry in takers
            if not _has_encoder(read)
        ]
    from tfgan_suite.inference import sentences
    from tfgan_suite.inference.generator import open_generator

    remarks = []
    for entry in takers:
        generator = open_generator(str(entry.path))
        vectors = sentences.vectors(generator, texts)
        remarks += sentences.remarks(generator, texts)
        entry.description["sentences"] = [
            {"text": text, "vector": [float(f"{value:.{_DIGITS + 2}g}") for value in vector]}
            for text, vector in zip(texts, vectors.tolist())
        ]
    return remarks


def alphabet() -> dict[str, int]:
    """The index of each character that encoders of characters read."""
    return {symbol: index for index, symbol in enumerate(ALPHABET)}


def _has_encoder(read: Sequence[Entry]) -> bool:
    """Whether an export on the page turns characters into vectors."""
    return any(
        spec["kind"] == "characters"
        for entry in read
        for signature in entry.description["signatures"].values()
        for spec in signature["inputs"]
    )
