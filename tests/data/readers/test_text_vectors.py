"""Vectors of sentences from functions and files."""

import numpy as np
import pytest

from tfgan_suite.data.readers import text_vectors
from tfgan_suite.errors import InputError


def test_a_function_gets_the_sentences_in_blocks():
    sizes = []

    def lengths(texts):
        sizes.append(len(texts))
        return [[len(text), 1] for text in texts]

    texts = ["x" * (i % 7) for i in range(300)]
    vectors = text_vectors.embed(texts, lengths)
    assert vectors.dtype == np.float32 and vectors[:, 0].tolist() == [i % 7 for i in range(300)]
    assert sizes == [256, 44]
    with pytest.raises(InputError, match=r"have the shape \(1, 1\)"):
        text_vectors.embed(texts[:2], lambda texts: np.ones((1, 1)))
    with pytest.raises(InputError, match="not finite"):
        text_vectors.embed(texts[:1], lambda texts: np.full((1, 1), np.nan))


def test_files_of_vectors(tmp_path):
    path = tmp_path / "vectors.npz"
    np.savez(path, text=np.array(["a dog", "one  cat"]), vector=np.arange(6).reshape(2, 3))
    vectors = text_vectors.embed(["one cat", "a dog", "one cat"], path)
    assert vectors.tolist() == [[3, 4, 5], [0, 1, 2], [3, 4, 5]]
    for words, arrays in (
        ("no vector of 1 of 2 captions, such as 'a bird'", {}),
        ("has no array 'text'", {"text": None}),
        ("text has the type", {"text": np.arange(2)}),
        (r"have the shape \(3, 3\)", {"vector": np.ones((3, 3))}),
    ):
        content = {"text": np.array(["a dog", "b"]), "vector": np.ones((2, 3)), **arrays}
        np.savez(path, **{key: value for key, value in content.items() if value is not None})
        with pytest.raises(InputError, match=words) as caught:
            text_vectors.embed(["a dog", "a bird"], path)
        assert "vectors.npz" in str(caught.value) and "\n" not in str(caught.value)
