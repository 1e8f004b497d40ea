"""SWD: the pyramid, the distance, and what it tells apart."""

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.features.distances import laplacian_level, pyramid_sides
from tfgan_suite.measures.ruler import blur
from tfgan_suite.measures.sliced_wasserstein import sliced_wasserstein

DRAWS = np.random.RandomState(0)


def textures(count, seed, size=32):
    """Noise whose neighbours are alike at several scales."""
    draws = np.random.RandomState(seed)
    images = np.zeros((count, size, size, 3))
    for side in (4, 8, 16, 32):
        coarse = draws.normal(0, 30, (count, side, side, 3))
        images += coarse.repeat(size // side, 1).repeat(size // side, 2)
    return np.clip(images + 128, 0, 255).astype("u1")


def values(results):
    return {result.name: result.value for result in results}


def test_the_pyramid_adds_up_to_the_images():
    images = textures(3, 0).astype("f4")
    levels = [laplacian_level(images, level, 3) for level in range(3)]
    assert [level.shape[1] for level in levels] == [32, 16, 8]
    restored = levels[-1]
    for level in reversed(levels[:-1]):
        spaced = np.zeros_like(level)
        spaced[:, ::2, ::2] = restored
        # The filter by hand: 1, 4, 6, 4, 1 along both axes, mirrored, with sum 4.
        for axis in (1, 2):
            padded = np.pad(spaced, [(2, 2) if a == axis else (0, 0) for a in range(4)], "reflect")
            shifts = [np.take(padded, range(s, s + level.shape[1]), axis) for s in range(5)]
            spaced = sum(w * shift for w, shift in zip((1, 4, 6, 4, 1), shifts)) / 8
        restored = level + spaced
    np.testing.assert_allclose(restored, images, atol=1e-3)
    flat = laplacian_level(np.full((1, 16, 16, 1), 50.0), 0, 2)
    np.testing.assert_allclose(flat, 0.0, atol=1e-4)


def test_levels_of_a_pyramid():
    assert pyramid_sides(1024, 16) == (1024, 512, 256, 128, 64, 32, 16)
    assert pyramid_sides(28, 7) == (28, 14, 7)
    assert pyramid_sides(28, 16) == (28,)
    assert pyramid_sides(16, 7, (16, 18)) == (16, 8)  # 9 is odd


def test_values_of_two_points_masses():
    """Patches of constant sign: after normalization all +1 or half +1 and half -1 per channel."""
    stripes = np.zeros((4, 8, 8, 1))
    stripes[:2] = 1.0
    (found, mean) = sliced_wasserstein(stripes, stripes, patches=16, seed=1)
    assert found.value == mean.value == 0.0
    # Against a single value, whose patches are 0 after normalization: E |s . u| with s = +-1 in 49
    # dimensions is the mean of |sum of a random unit vector's entries|, sqrt(2 / pi) about.
    flat = np.ones((4, 8, 8, 1))
    found = sliced_wasserstein(stripes, flat, patches=16, directions=2000)[0]
    assert found.value == pytest.approx(1000 * np.sqrt(2 / np.pi), rel=0.03)


def test_equal_distributions_are_close_and_a_blur_shows_at_the_finest_level():
    real, other = textures(200, 1), textures(200, 2)
    options = {"patches": 32, "smallest": 8, "directions": 64}
    same = values(sliced_wasserstein(real, other, **options))
    blurred = values(sliced_wasserstein(real, blur(other), **options))
    assert list(same) == ["SWD-32", "SWD-16", "SWD-8", "SWD"]
    assert same["SWD"] < 60
    # Normalized patches of a blurred level differ in how neighbours go together.
    assert blurred["SWD-32"] > 2.5 * same["SWD-32"]
    assert blurred["SWD-8"] < 1.5 * same["SWD-8"]
    again = values(sliced_wasserstein(real, other, **options))
    assert again == same
    assert values(sliced_wasserstein(real, other, **options, seed=1)) != same


def test_more_patches_of_equal_distributions_are_closer():
    real, other = textures(200, 1), textures(200, 2)
    few, many = (sliced_wasserstein(real, other, patches=n)[-1] for n in (2, 64))
    assert many.value < 0.5 * few.value
    assert many.protocol["patches"] == 64 and many.protocol["levels"] == [32, 16]


def test_the_larger_set_is_cut():
    real, fake = textures(40, 1), textures(25, 2)
    results = sliced_wasserstein(real, fake, patches=4, extractor=None)
    assert values(results) == values(sliced_wasserstein(real[:25], fake, patches=4))
    assert results[0].protocol["n_real"] == 25 and results[0].protocol["scale"] == "times 1000"


def test_bad_input():
    images = textures(3, 0)
    for real, fake, reason in (
        (images, images[:, :16], "one shape"),
        (images[:0], images, "one or more"),
        (images[:, :6, :6], images[:, :6, :6], "6x6 pixels"),
        (images.reshape(3, -1), images, "one shape"),
    ):
        with pytest.raises(InputError, match=reason):
            sliced_wasserstein(real, fake)
    with pytest.raises(InputError, match="1 or more"):
        sliced_wasserstein(images, images, patches=0)
