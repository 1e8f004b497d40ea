"""Encoders of sentences: known vectors, the same in a graph, what is not read, files."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import InputError, text
from tfgan_suite.networks.text import (
    LENGTH,
    build_char_cnn_rnn,
    character_indices,
    encode_characters,
)
from tfgan_suite.text import encoders, storage

CAPTIONS = ["A red circle, at the top", "a blue square at the bottom", "the RED square"]


@pytest.fixture(scope="module")
def words():
    return text.BagOfWords.learn(CAPTIONS)


@pytest.fixture(scope="module")
def characters():
    keras.utils.set_random_seed(0)
    form = {"text_dim": 5, "width": 8, "length": 60}
    return text.CharacterEncoder(build_char_cnn_rnn(**form), form, CAPTIONS)


def test_a_bag_holds_the_words_of_a_sentence_whatever_their_order_and_case(words):
    assert words.words == ("a", "at", "blue", "bottom", "circle", "red", "square", "the", "top")
    expected = np.zeros((2, 9))
    expected[0, [0, 4, 5]] = expected[1, [5, 6, 7]] = 1.0
    assert np.array_equal(words.encode(["a RED, red circle!", b"the square: red"]), expected)
    assert not words.encode(["", "zebra"]).any()


def test_the_most_frequent_words_are_kept():
    assert text.BagOfWords.learn(CAPTIONS, limit=3).words == ("a", "at", "the")
    with pytest.raises(InputError, match="no word of letters"):
        text.BagOfWords.learn(["!!!"])


def test_words_of_other_scripts_count():
    assert text.BagOfWords.learn(["Größe ÉTÉ 7"]).words == ("7", "größe", "été")


def test_unknown_words_are_named(words):
    assert words.remarks(["a red circle"]) == []
    (line,) = words.remarks(["a Purple circle", "purple hexagon"])
    assert line.endswith("ignored: 'purple', 'hexagon'")


def test_characters_in_a_graph_are_those_of_numpy():
    texts = ["a Small red-circle; ~{}", "", "Größe", "x" * 300]
    expected = encode_characters(texts)
    assert np.array_equal(tf.function(character_indices)(tf.constant(texts)).numpy(), expected)
    assert expected.shape == (4, LENGTH) and (expected[1] == -1).all()


def test_a_cut_sentence_and_unknown_characters_are_said(characters):
    assert characters.remarks(["a red circle"]) == []
    cut, unknown = characters.remarks(["x" * 61, "größer"])
    assert "has 61 characters; the encoder reads the first 60" in cut
    assert unknown.endswith("does not know: öß")
    long = characters.encode(["y" * 60, "y" * 61])
    assert np.array_equal(long[0], long[1])


def test_the_network_of_an_encoder_is_frozen(characters):
    assert not characters.networks[0].trainable_variables


def test_a_table_knows_its_sentences_only():
    table = text.VectorTable(["a  bird", "a cat"], np.eye(2))
    assert np.array_equal(table.encode(["a cat", "a bird "]), [[0, 1], [1, 0]])
    with pytest.raises(InputError, match="no vector of 'a dog'.*these 2 sentences only"):
        table.encode(["a dog"])


def test_a_function_is_for_python_alone():
    encoder = text.FunctionEncoder(lambda texts: [[len(t), 1.0] for t in texts], ["ab"])
    assert encoder.dim == 2 and encoder.encode([b"abc"]).tolist() == [[3.0, 1.0]]
    with pytest.raises(InputError, match="VectorTable"):
        encoder.to_bytes()


@pytest.mark.parametrize("kind", ["words", "characters", "vectors"])
def test_a_file_gives_the_same_vectors_and_the_same_hash(kind, words, characters, tmp_path):
    table = text.VectorTable(CAPTIONS, np.arange(6.0).reshape(3, 2))
    encoder = {"words": words, "characters": characters, "vectors": table}[kind]
    (tmp_path / "encoder.npz").write_bytes(encoder.to_bytes())
    again = encoders.open_encoder(tmp_path / "encoder.npz")
    assert np.array_equal(again.encode(CAPTIONS), encoder.encode(CAPTIONS))
    assert again.hash == encoder.hash and again.sentences == encoder.sentences
    assert type(again).from_config(again.get_config()).hash == encoder.hash


def test_the_hash_changes_with_a_word_and_a_weight(words, characters):
    assert text.BagOfWords(words.words[1:]).hash != words.hash
    weights = characters.networks[0].get_weights()
    before = characters.hash
    characters.networks[0].set_weights([w + 1e-3 for w in weights])
    assert characters.hash != before
    characters.networks[0].set_weights(weights)
    assert characters.hash == before


def test_damaged_files_are_named(words, tmp_path):
    path, content = tmp_path / "text_encoder.npz", words.to_bytes()
    for broken in (b"", b"zip", content[: len(content) // 2]):
        path.write_bytes(broken)
        with pytest.raises(InputError, match="text_encoder.npz cannot be read"):
            encoders.open_encoder(path)
    path.write_bytes(content)
    header, arrays = storage.read(path)
    header["values"]["words"][0] = "an"
    path.write_bytes(storage.pack(header, arrays))
    with pytest.raises(InputError, match="text_encoder.npz.*differ from its hash"):
        encoders.open_encoder(path)
    np.savez(path, text=np.zeros(2))
    with pytest.raises(InputError, match="no header"):
        encoders.open_encoder(path)
