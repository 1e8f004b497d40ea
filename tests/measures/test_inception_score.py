"""Inception score: its range, its splits, logits and probabilities."""

import json

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.measures.inception_score import inception_score
from tfgan_suite.measures.result import MeasureWarning


def one_hot(count, classes=10):
    return np.eye(classes)[np.arange(count) % classes]


def test_uniform_predictions_score_one():
    found = inception_score(np.full((1000, 10), 0.1), splits=10)
    assert found.value == pytest.approx(1.0, abs=1e-12) and found.spread < 1e-12


def test_balanced_certain_predictions_score_the_number_of_classes():
    found = inception_score(one_hot(1000), splits=10, seed=None)
    assert found.value == pytest.approx(10.0, rel=1e-12)
    logits = 1000.0 * one_hot(1000)
    assert inception_score(logits, logits=True, splits=1).value == pytest.approx(10.0, rel=1e-12)


def test_two_classes_by_hand():
    """p = (.9, .1) and (.1, .9): p(y) = (.5, .5), KL = .9 log 1.8 + .1 log .2."""
    rows = np.array([[0.9, 0.1], [0.1, 0.9]] * 200)
    expected = np.exp(0.9 * np.log(1.8) + 0.1 * np.log(0.2))
    assert inception_score(rows, splits=1).value == pytest.approx(expected, rel=1e-12)
    assert inception_score(np.log(rows), logits=True, splits=1).value == pytest.approx(expected)


def test_samples_sorted_by_class_are_shuffled_before_they_are_split():
    rows = np.repeat(np.eye(10), 100, axis=0)
    assert inception_score(rows, splits=10, seed=None).value == pytest.approx(1.0)
    shuffled = inception_score(rows, splits=10)
    assert 9.0 < shuffled.value < 10.0
    assert shuffled.value == inception_score(rows, splits=10).value
    assert shuffled.value != inception_score(rows, splits=10, seed=1).value


def test_the_result_carries_its_protocol():
    found = inception_score(one_hot(1000), extractor="tiny", weights="abc")
    said = json.loads(found.to_json())
    assert said["name"] == "IS-tiny" and said["protocol"]["weights"] == "abc"
    assert said["protocol"]["splits"] == 10 and said["protocol"]["n_fake"] == 1000


def test_too_few_samples_warn_with_the_number_needed():
    with pytest.warns(MeasureWarning, match="at least 1000 are needed"):
        inception_score(one_hot(500))


@pytest.mark.parametrize(
    "rows, splits, said",
    [
        (np.eye(3) * 2, 1, "logits=True"),
        (-np.eye(3), 1, "logits=True"),
        (np.eye(3), 5, "cannot be divided into 5"),
        (np.ones(4), 1, "(4,)"),
        (np.full((4, 2), np.nan), 1, "not finite"),
    ],
)
def test_bad_input(rows, splits, said):
    with pytest.raises(InputError) as error:
        inception_score(rows, splits=splits)
    assert said in str(error.value)
