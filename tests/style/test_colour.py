"""Colours that stay: by lightness, and by moments."""

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.style import colour


def image(height, width, seed, spread=0.3):
    return np.random.default_rng(seed).uniform(-spread, spread, (height, width, 3))


def test_luma_of_the_primaries():
    primaries = np.eye(3)[None]
    np.testing.assert_allclose(colour.luminance(primaries)[0, :, 0], (0.299, 0.587, 0.114))
    assert colour.luminance(np.ones((1, 1, 3))).item() == pytest.approx(1.0)


def test_lightness_of_one_and_colours_of_the_other():
    content, made = image(5, 6, 0), image(5, 6, 1)
    found = colour.with_luminance_of(content, made)
    np.testing.assert_allclose(colour.luminance(found), colour.luminance(made), atol=1e-6)
    for first, second in ((0, 1), (1, 2)):
        np.testing.assert_allclose(
            found[..., first] - found[..., second],
            content[..., first] - content[..., second],
            atol=1e-6,
        )
    bright = colour.with_luminance_of(np.full((2, 2, 3), 0.9), np.full((2, 2, 3), 1.0))
    assert bright.max() <= 1.0 and bright.dtype == np.float32


def test_a_style_gets_the_contents_mean_and_covariance_whatever_the_sizes():
    content = image(20, 30, 2) * [1.0, 0.5, 0.2] + [0.1, 0.2, -0.3]
    style = image(40, 11, 3) @ np.random.default_rng(4).normal(size=(3, 3))
    found = colour.with_colours_of(content, style).reshape(-1, 3)
    wanted = content.reshape(-1, 3)
    np.testing.assert_allclose(found.mean(0), wanted.mean(0), atol=1e-6)
    np.testing.assert_allclose(np.cov(found.T, bias=True), np.cov(wanted.T, bias=True), atol=2e-5)
    np.testing.assert_allclose(colour.with_colours_of(content, content), content, atol=1e-6)


def test_a_image_of_one_colour_stays_finite():
    plain = np.full((4, 4, 3), 0.5)
    found = colour.with_colours_of(plain, image(6, 6, 5))
    assert np.isfinite(found).all() and np.abs(found - 0.5).max() < 0.1
    found = colour.with_colours_of(image(6, 6, 5), plain)
    assert np.isfinite(found).all()


def test_shapes_that_do_not_fit():
    with pytest.raises(InputError, match="resize one"):
        colour.with_luminance_of(np.zeros((4, 4, 3)), np.zeros((4, 5, 3)))
    for call in (colour.with_luminance_of, colour.with_colours_of):
        with pytest.raises(InputError, match="expected \\(height, width, 3\\)"):
            call(np.zeros((4, 4, 1)), np.zeros((4, 4, 1)))
