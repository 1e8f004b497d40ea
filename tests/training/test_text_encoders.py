"""The sentence encoder of a run: what is said of it when a run starts."""

import types

import numpy as np
import pytest
from PIL import Image

from tfgan_suite import data
from tfgan_suite.errors import InputError
from tfgan_suite.text import BagOfWords
from tfgan_suite.training import text_encoders


@pytest.mark.parametrize(("words", "advised"), [(1000, False), (1001, True)])
def test_a_bag_of_very_many_words_comes_with_advice(tmp_path, capsys, words, advised):
    (tmp_path / "run.json").write_text("{}")
    captions = [f"word{number}" for number in range(words)]
    encoder = BagOfWords.learn(captions)
    options = types.SimpleNamespace(run=str(tmp_path), data="BIRDS", encoder="words")
    text_encoders.keep(options, encoder, types.SimpleNamespace(texts=captions))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"sentences are read by a bag of {words} words")
    assert len(lines) == 1 + advised
    if advised:
        assert lines[1].startswith("1001 words are slow to learn one by one")
        assert "recipes/text_encoder.py --data BIRDS" in lines[1]


def save_vectors(path, texts):
    np.savez(path, text=np.array(sorted(texts)), vector=np.eye(len(texts), 3, dtype="f4"))


@pytest.mark.parametrize("lacking", ["train", "test", "held_out"])
def test_a_file_of_vectors_has_every_sentence_that_training_and_measuring_need(tmp_path, lacking):
    """Or the run would fail when it is measured, after all its steps."""
    source = data.load_captions("captions", size=16)
    splits = {"train": source.texts, **source.texts_of_other_splits()}
    assert sorted(splits) == ["held_out", "test", "train"] and all(splits.values())
    save_vectors(tmp_path / "all.npz", set().union(*splits.values()))
    assert text_encoders.choose(str(tmp_path / "all.npz"), source).dim == 3

    others = set().union(*(texts for split, texts in splits.items() if split != lacking))
    save_vectors(tmp_path / "some.npz", others)
    with pytest.raises(InputError, match="some.npz has no vector of") as refusal:
        text_encoders.choose(str(tmp_path / "some.npz"), source)
    assert (f'split="{lacking}"' in str(refusal.value)) == (lacking != "train")


def test_data_without_a_test_split_need_vectors_of_their_captions_only(tmp_path):
    for index in range(4):
        Image.new("RGB", (8, 8), (60 * index, 0, 0)).save(tmp_path / f"{index}.png")
        (tmp_path / f"{index}.txt").write_text(f"number {index}")
    source = data.load_captions(tmp_path, size=8, hold_out=0)
    save_vectors(tmp_path / "vectors.npz", source.texts)
    assert text_encoders.choose(str(tmp_path / "vectors.npz"), source).dim == 3
