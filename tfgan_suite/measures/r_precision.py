"""R-precision: whether a network that reads sentences finds the one an image was drawn for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite import data
from tfgan_suite.errors import InputError
from tfgan_suite.inference import sentences
from tfgan_suite.inference.generator import open_generator
from tfgan_suite.measures.result import MeasureResult
from tfgan_suite.text.encoders import decode

NAME = "r_precision"
CANDIDATES = 100  # sentences among which an image's own has to be found


def measure(
    source: str | Path,
    against: str | Path,
    reader: str | Path | None,
    *,
    samples: int = 1000,
    seed: int = 0,
    candidates: int = CANDIDATES,
) -> list[MeasureResult]:
    """Measures how well images drawn for test sentences are told apart by a trained reader.

    Args:
        source: run or export of a game that draws sentences.
        against: captioned images, as `data.load_captions` takes them; their test split is used.
        reader: a run of recipes/text_encoder.py: both its networks judge.
        samples: test sentences, at most as many as there are.
        seed: of the images and of the other sentences.
        candidates: sentences among which an image's own has to come first.

    Returns:
        The share of images whose own sentence comes first; the protocol holds `"real"`, that of the
        sentences' real images, and `"shuffled"`, that of images of other sentences.

    Raises:
        InputError: a game without sentences, no reader, or one of another size.
    """
    check_reader(reader)
    generator = open_generator(source)
    sentences.check_text(generator)
    judge = _open_reader(reader)
    shape = tuple(generator.signature().output.shape)
    if judge.image_network.input_shape[1:] != shape:
        raise InputError(
            f"{reader} reads images of shape {judge.image_network.input_shape[1:]}, and"
            f" {generator.name} draws {shape}; train it with --size {shape[0]}"
        )
    examples = data.load_captions(against, size=shape[0], mismatched=False).held_out(samples)
    texts = decode(examples["text"])
    vectors = judge.embed_texts(texts)
    drawn = sentences.draw_examples(generator, texts, examples, seed)
    rows = candidate_rows(texts, candidates, seed)
    shares = {
        name: first_share(judge.embed_images(images), vectors, rows)
        for name, images in (("", drawn), ("real", examples["image"]), ("shuffled", drawn[::-1]))
    }
    own = judge.encoder().hash
    protocol = {
        "n_fake": len(texts),
        "candidates": candidates,
        "text_encoder": own,
        "against": str(against),
        "split": "test",
        "seed": seed,
        "step": generator.facts.get("steps"),
        "ema": generator.facts.get("ema"),
        **{name: share for name, share in shares.items() if name},
    }
    return [MeasureResult(f"R-precision-{own}", shares[""], protocol)]


def check_reader(reader: str | Path | None) -> None:
    """Raises InputError if there is no network that reads sentences and images."""
    if reader is None:
        raise InputError(
            f"{NAME} needs a network that reads sentences and images; train one with"
            " recipes/text_encoder.py and pass its run as --text-encoder"
        )


def candidate_rows(texts: list[str], candidates: int, seed: int) -> np.ndarray:
    """For each sentence its own row and those of others that differ: int `(n, candidates)`.

    Raises:
        InputError: there are fewer different sentences.
    """
    different = sorted(set(texts))
    if len(different) < candidates:
        raise InputError(
            f"r_precision takes {candidates} different sentences; the test split has"
            f" {len(different)}: pass more data"
        )
    rows, random = [], np.random.default_rng(seed)
    first = {text: texts.index(text) for text in different}
    for row, text in enumerate(texts):
        others = [first[each] for each in different if each != text]
        rows.append([row, *random.choice(others, candidates - 1, replace=False)])
    return np.array(rows)


def first_share(images: np.ndarray, vectors: np.ndarray, rows: np.ndarray) -> float:
    """Share of images whose own sentence, the first of its candidates, has the largest product.

    Args:
        images: vectors of images `(n, k)`.
        vectors: vectors of sentences `(n, k)`.
        rows: `(n, candidates)`, see `candidate_rows`.
    """
    scores = np.einsum("nk,nck->nc", images, vectors[rows])
    return float(np.mean(scores[:, 0] > scores[:, 1:].max(axis=1)))


def _open_reader(reader: str | Path) -> Any:
    """The game of a run of recipes/text_encoder.py."""
    game = open_generator(reader).game
    if not hasattr(game, "embed_images"):
        raise InputError(f"--text-encoder is {reader}; expected a run of recipes/text_encoder.py")
    return game
