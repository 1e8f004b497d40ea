"""The sentence encoder of a run: what is said of it when a run starts."""

import types

import pytest

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
