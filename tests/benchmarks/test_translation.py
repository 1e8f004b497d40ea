"""benchmarks/translation.py: what its rows hold, and the rows that need no learning."""

import numpy as np
import pytest
import translation
from tiny_translation import Negatives

from tfgan_suite.core.translation_game import TranslationGame


class Perfect:
    """Knows that the answer to an image is its negative."""

    takes, gives = "source", "target"

    def __init__(self, ways=("serving_default",), takes="source", gives="target"):
        self.ways, self.takes, self.gives = ways, takes, gives

    def signatures(self):
        return dict.fromkeys(self.ways)

    translations = TranslationGame.translations

    def translate(self, images, signature):
        return -images


class Domains(Negatives):
    """The same without pairs: A is brighter, B darker than the middle."""

    def held_out(self, count):
        bright = np.abs(super().held_out(count)["source"])
        return {"domain_a": bright, "domain_b": -bright[::-1]}

    def take(self, count, seed=0):
        return self.held_out(count)


def describe(images):
    return np.asarray(images, np.float64).reshape(len(images), -1)[:, :3]


def test_the_nearest_is_found_by_pixels():
    known = np.array([[0.0, 0.0], [0.1, 0.1], [-0.1, 0.2]]).reshape(3, 1, 2, 1)
    given = np.array([[0.09, 0.12], [-0.04, 0.01], [-0.9, 0.9]]).reshape(3, 1, 2, 1)
    found = translation.nearest_by_pixels(given, known, shifts=0)
    np.testing.assert_array_equal(found.index, [1, 0, 2])


def test_rows_of_pairs():
    source = Negatives()
    learnt, found = translation.rows(Perfect(), source, describe)
    assert [learnt["row"], found["row"]] == ["translated", "nearest"]
    assert learnt["l1"] == 0.0 and learnt["fid"] == pytest.approx(0.0, abs=1e-6)
    assert learnt["images"] == found["images"] == 6
    # Unrelated even noise differs by 2/3 on the mean; the nearest of 24 by a little less.
    assert 0.5 < found["l1"] < 0.7
    test = source.held_out(6)
    known = source.take(24)
    best = [np.argmin([np.sum((x - y) ** 2) for y in known["source"]]) for x in test["source"]]
    assert found["l1"] == pytest.approx(np.abs(known["target"][best] - test["target"]).mean())


def test_rows_of_two_domains_compare_with_what_is_not_translated():
    game = Perfect(("serving_default", "b_to_a"), "domain_a", "domain_b")
    found = list(translation.rows(game, Domains(), describe))
    assert [row["direction"] for row in found] == ["domain_a to domain_b"] * 4 + [
        "domain_b to domain_a"
    ] * 4
    for translated, untranslated, *curves in (found[:4], found[4:]):
        assert [row["row"] for row in curves] == ["constant", "gamma"]
        assert all(row["fid"] < untranslated["fid"] for row in curves)
        assert "l1" not in translated
        assert translated["fid"] == pytest.approx(0.0, abs=1e-6)
        assert untranslated["fid"] > 0.5 and untranslated["kid"] > translated["kid"] + 0.5


def test_bad_input_ends_with_one_line(tmp_path, capsys):
    assert translation.main([str(tmp_path), "--extractor", str(tmp_path / "no.keras")]) == 2
    assert capsys.readouterr().err.startswith("translation.py: ")


def test_the_ruler_compares_two_halves_of_the_real_images():
    def describe(images):
        return np.asarray(images, np.float64).reshape(len(images), -1).std(axis=1, keepdims=True)

    game, source = Perfect(), Negatives()
    real, blurred = translation.ruler_rows(game, source, describe)
    assert (real["row"], blurred["row"], real["direction"]) == ("real", "blurred", "target")
    assert real["images"] == blurred["images"] == 3
    rows = describe(np.round((source.held_out(6)["target"] + 1) * 127.5).astype("u1"))
    expected = translation.fid(
        translation.Moments.of(rows[:3]), translation.Moments.of(rows[3:])
    ).value
    assert real["fid"] == pytest.approx(expected)
    assert blurred["fid"] != pytest.approx(expected)
    both = Perfect(("serving_default", "b_to_a"), "domain_a", "domain_b")
    directions = [row["direction"] for row in translation.ruler_rows(both, Domains(), describe)]
    assert directions == ["domain_a"] * 2 + ["domain_b"] * 2
