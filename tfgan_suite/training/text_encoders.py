"""The sentence encoder of a run: chosen at its first start, then kept in its folder."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras

from tfgan_suite import data
from tfgan_suite.data.caption_source import CaptionSource
from tfgan_suite.data.readers import npz_files, text_vectors
from tfgan_suite.errors import InputError
from tfgan_suite.text import BagOfWords, SentenceEncoder, VectorTable, encoders, storage
from tfgan_suite.training import naming
from tfgan_suite.training.run_folder import Run
from tfgan_suite.utils.files import user_path, write_bytes, writing_to

FILE = "text_encoder.npz"
WORDS = "words"
# Above, few words occur often enough: of 4,000 words of emoji captions a discriminator knew little
# after 1,200 steps (mismatched 0.339, at a draw 0.347), and much of a trained encoder (0.228).
_MANY_WORDS = 1000
# What `load_data` chose, for `make_game`, which gets no data.
_CHOSEN: dict[tuple[str, str], SentenceEncoder] = {}


def load_data(options: types.SimpleNamespace, recipe: str, **arguments: Any) -> CaptionSource:
    """Captioned images with vectors by the run's encoder.

    Args:
        options: the constants: `data`, `size`, `bit_depth`, `run` and `encoder`: `"words"`,
            a run of recipes/text_encoder.py, or an `.npz` file.
        recipe: its name.
        **arguments: further ones of `data.load_captions`.

    Raises:
        InputError: the data or the encoder cannot be read, or the encoder has no vector of a
            caption.
    """
    source = data.load_captions(
        options.data, size=options.size, bit_depth=options.bit_depth, **arguments
    )
    run = options.run or naming.default_run(recipe, source.name)
    encoder = _stored(run) or choose(options.encoder, source)
    _CHOSEN[options.data, options.encoder] = encoder
    source.use_embedding(encoder.encode)
    return source


def encoder_of(options: types.SimpleNamespace) -> SentenceEncoder:
    """The encoder of a run that is started, resumed or opened.

    Args:
        options: as for `load_data`.
    """
    stored = None if options.run is None else _stored(options.run)
    chosen = stored or _CHOSEN.get((options.data, options.encoder))
    return chosen or choose(options.encoder, data.load_captions(options.data, mismatched=False))


def keep(options: types.SimpleNamespace, encoder: SentenceEncoder, source: CaptionSource) -> None:
    """Stores the encoder in the run folder, and says what it is and what it does not read.

    Args:
        options: the recipe's constants.
        encoder: the run's.
        source: the data.
    """
    folder = Path(options.run)
    if not (folder / "run.json").exists():
        return  # another worker's
    if _stored(folder) is None:
        with writing_to(folder):
            write_bytes(folder / FILE, encoder.to_bytes())
    print(f"sentences are read by {encoder.describe()} (hash {encoder.hash}), kept in {FILE}")
    if isinstance(encoder, BagOfWords) and encoder.dim > _MANY_WORDS:
        print(
            f"{encoder.dim} words are slow to learn one by one: an encoder that is trained on these"
            f" captions says sooner what they mean (recipes/text_encoder.py --data {options.data},"
            " then --encoder with its run)"
        )
    remarks = encoder.remarks(source.texts)
    for line in remarks[:3]:
        print(line)
    if len(remarks) > 3:
        print(f"and so on for {len(remarks) - 3} more")


def choose(name: str, source: CaptionSource) -> SentenceEncoder:
    """The encoder that `--encoder` names.

    Args:
        name: `"words"`, a run folder of recipes/text_encoder.py, or an `.npz` file: of an
            encoder, or of vectors (`text`, `vector`).
        source: the captions, from which a bag of words learns its vocabulary.

    Raises:
        InputError: there is no such file, it is damaged, or it lacks a caption's vector.
    """
    if name == WORDS:
        return BagOfWords.learn(source.texts)
    path = user_path(name)
    if path.is_dir():
        path = path / FILE
        if not path.is_file():
            raise InputError(
                f"{name} is a folder without {FILE}; expected a run of recipes/text_encoder.py, an"
                " .npz file, or words: pass one of these as --encoder"
            )
    if not path.is_file():
        raise InputError(
            f"--encoder is {name!r}, and there is no such run or file; expected words, a run of"
            " recipes/text_encoder.py or an .npz file of vectors"
        )
    if storage.HEADER in npz_files.array_names(path):
        return encoders.open_encoder(path)
    texts, vectors = text_vectors.read(path)
    # All captions need a vector, also those that the run is measured with at its end.
    text_vectors.rows_of(source.texts, texts, path)
    for split, captions in source.texts_of_other_splits().items():
        try:
            text_vectors.rows_of(captions, texts, path)
        except InputError as error:
            raise InputError(
                f'the run is measured with split="{split}" of its data: {error}'
            ) from error
    print(f"{name} has vectors of {len(texts)} sentences; the game will draw these only")
    return VectorTable(encoders.decode(texts), vectors)


class KeepTrained(keras.callbacks.Callback):
    """Keeps the encoder that a run trains in its folder, and says how it retrieves.

    Args:
        folder: the run folder.
        source: the data.
        measure: takes the game, returns names and values.
    """

    def __init__(
        self,
        folder: Path,
        source: CaptionSource,
        measure: Callable[[keras.Model], Mapping[str, float]],
    ):
        super().__init__()
        self.folder, self.source, self.measure = folder, source, measure

    def on_train_end(self, logs: Any = None) -> None:
        encoder = self.model.encoder(encoders.examples_of(self.source.texts))
        with writing_to(self.folder):
            write_bytes(self.folder / FILE, encoder.to_bytes())
        listed = ", ".join(
            f"{name} {value:.3g}" for name, value in self.measure(self.model).items()
        )
        print(f"retrieval of test sentences and images: {listed or 'no test split'}")
        print(f"kept {encoder.describe()} (hash {encoder.hash}): pass --encoder {self.folder}")


def _stored(run: str | Path) -> SentenceEncoder | None:
    """The encoder in the folder of a run that has trained."""
    path = Path(run) / FILE
    if not path.is_file() or not Run(run).trained_steps():
        return None
    return encoders.open_encoder(path)
