"""R-precision: an image's own sentence among others, by known vectors."""

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.cli.main import main
from tfgan_suite.measures import r_precision


def test_candidates_are_an_images_own_sentence_and_others_that_differ():
    texts = ["a", "b", "a", "c", "d"]
    rows = r_precision.candidate_rows(texts, 4, seed=0)
    assert rows[:, 0].tolist() == [0, 1, 2, 3, 4]
    for row in rows:
        assert len({texts[index] for index in row}) == 4
    assert np.array_equal(rows, r_precision.candidate_rows(texts, 4, seed=0))
    with pytest.raises(InputError, match="takes 5 different sentences; the test split has 4"):
        r_precision.candidate_rows(texts, 5, seed=0)


def test_the_share_that_comes_first():
    vectors = np.eye(4)
    rows = r_precision.candidate_rows(list("abcd"), 4, seed=0)
    assert r_precision.first_share(vectors, vectors, rows) == 1.0
    assert r_precision.first_share(vectors[::-1], vectors, rows) == 0.0
    half = vectors[[0, 1, 3, 2]]
    assert r_precision.first_share(half, vectors, rows) == 0.5
    # Alike for all: its own is not found.
    assert r_precision.first_share(np.ones((4, 4)), vectors, rows) == 0.0


def test_it_asks_for_a_reader_and_is_measured_alone(capsys):
    words = ["measure", "runs/a", "--against", "captions", "--measures"]
    assert main([*words, "r_precision"]) == 2
    assert "pass its run as --text-encoder" in capsys.readouterr().err
    assert main([*words, "fid,r_precision"]) == 2
    assert "measure it alone" in capsys.readouterr().err
