"""Shares of variance that layers explain, and the spread of samples for each psi."""

import linear_styles as linear
import numpy as np
import pytest

from tfgan_suite.data.synthetic import shapes
from tfgan_suite.measures import style_variance
from tfgan_suite.measures.style_variance import shape_attributes, share_of_variance


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


def test_groups_of_a_linear_synthesis_explain_what_their_layers_do(monkeypatch):
    """x = w S_1 + w S_2 shares w S_l with the mixed image: covariance over the mean variance."""
    monkeypatch.setattr(
        style_variance.styles, "layer_groups", lambda _: {"coarse": range(1), "fine": range(1, 2)}
    )
    generator = linear.generator()
    pixels = lambda images: {"pixels": images.reshape(len(images), -1)}  # noqa: E731
    shares = style_variance.explained_variance(generator, pixels, 4000)
    parts = [np.square(linear.MAPPING @ layer).sum() for layer in linear.SYNTHESIS]
    total = np.square(linear.MAPPING @ linear.SYNTHESIS.sum(0)).sum()
    mixed = (total + sum(parts)) / 2
    cross = (total - sum(parts)) / 2
    for share, part in zip(shares.values(), parts):
        assert share["pixels"] == pytest.approx((part + cross) / mixed, abs=0.05)


def test_results_carry_what_was_compared():
    results = style_variance.style_variances(linear.generator(), 64, 0)
    names = {result.name for result in results}
    assert {
        f"style-variance-{a}-{g}" for a in ("colour", "layout") for g in ("coarse", "fine")
    } <= names
    assert all(r.protocol["pairs"] == 64 and "4x4" in r.protocol["attributes"] for r in results)


def test_colour_and_layout_of_any_image():
    images = np.zeros((2, 8, 8, 3), "f4")
    images[0, :2, :2] = 1.0
    images[1] = [0.5, 0.0, -0.5]
    read = style_variance.image_attributes(images)
    np.testing.assert_allclose(read["colour"], [[1 / 16] * 3, [0.5, 0, -0.5]], atol=1e-7)
    np.testing.assert_allclose(read["layout"][0], [15 / 16, *[-1 / 16] * 15], atol=1e-7)
    assert not read["layout"][1].any()


def test_the_spread_of_a_linear_generator_grows_with_psi_in_a_line():
    results = style_variance.psi_sweep(linear.generator(), 200, 3)
    assert [r.name for r in results] == [f"spread-psi-{psi:g}" for psi in style_variance.PSIS]
    values = np.array([r.value for r in results])
    np.testing.assert_allclose(values / values[-1], style_variance.PSIS, atol=1e-6)
    # |M S (z - z')| of normal z with variance 2 in each dimension, by its mean square.
    matrix = linear.MAPPING @ linear.SYNTHESIS.sum(0)
    assert 0.7 < values[-1] / np.sqrt(2 * np.square(matrix).sum() / linear.SIDE**2) < 1.0
