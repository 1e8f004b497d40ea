"""Shares of variance that layers explain."""

import numpy as np
import pytest

from tfgan_suite.data.synthetic import shapes
from tfgan_suite.latent.style_mixing import shape_attributes, share_of_variance


def test_shares_of_a_sum_are_those_of_its_parts():
    """y = 2 a + b with a and b of variance 1: a explains 4 / 5, b 1 / 5."""
    a, b, other_a, other_b = np.random.RandomState(0).normal(size=(4, 200_000, 1))
    source = 2 * a + b
    assert share_of_variance(source, 2 * a + other_b) == pytest.approx(0.8, abs=0.01)
    assert share_of_variance(source, 2 * other_a + b) == pytest.approx(0.2, abs=0.01)
    assert share_of_variance(source, 2 * other_a + other_b) == pytest.approx(0.0, abs=0.01)
    assert share_of_variance(source, source) == pytest.approx(1.0)
    assert share_of_variance(np.ones((3, 2)), np.ones((3, 2))) == 0.0


def test_a_code_explains_a_share_as_a_number_does():
    """A class that is copied in half of the pairs explains half of its variance."""
    draws = np.random.RandomState(1)
    label, other = draws.randint(0, 4, (2, 100_000))
    mixed = np.where(draws.uniform(size=100_000) < 0.5, label, other)
    assert share_of_variance(np.eye(4)[label], np.eye(4)[mixed]) == pytest.approx(0.5, abs=0.01)


def test_attributes_of_the_shapes_world_are_what_it_drew():
    examples = shapes.generate(60, seed=3)
    attributes = shape_attributes(examples.images)
    assert attributes["colour"].shape == (60, 6) and attributes["shape"].shape == (60, 3)
    kind = attributes["shape"].argmax(1) * 6 + attributes["colour"].argmax(1)
    assert np.mean(kind == examples.label) > 0.95
    empty = shape_attributes(np.zeros((1, 32, 32, 3), "f4"))
    assert not empty["colour"].any() and not empty["shape"].any()
