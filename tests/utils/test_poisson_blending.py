"""Poisson blending: cases whose answer is known."""

import numpy as np
import pytest

from tfgan_suite.latent import masks
from tfgan_suite.utils import poisson_blending as blending

RAMP = np.add.outer(2.0 * np.arange(12.0), np.arange(10.0))[None, :, :, None]


def mask_of(*holes):
    mask = np.ones((12, 10), np.float32)
    for rows, columns in holes:
        mask[rows, columns] = 0.0
    return mask


INNER = slice(3, 7), slice(2, 8)
AT_EDGE, IN_CORNER = (slice(0, 4), slice(0, 10)), (slice(8, 12), slice(6, 10))


@pytest.mark.parametrize("holes", [[INNER], [AT_EDGE], [AT_EDGE, IN_CORNER]])
def test_a_filling_that_is_the_image_plus_a_constant_gives_the_image(holes):
    image = np.random.default_rng(0).normal(size=(2, 12, 10, 3))
    blended = blending.poisson(mask_of(*holes))(image, image + 0.7)
    np.testing.assert_allclose(blended, image, atol=1e-9)


def test_a_constant_filling_continues_a_ramp():
    """A linear function is harmonic: it is what a hole without gradients is filled with."""
    blended = blending.poisson(mask_of(INNER))(RAMP, np.full_like(RAMP, 5.0))
    np.testing.assert_allclose(blended, RAMP, atol=1e-9)


def test_known_pixels_stay_bit_for_bit_in_both_ways():
    draws = np.random.default_rng(1).normal(size=(2, 3, 12, 10, 1)).astype(np.float32)
    mask = masks.make("random", 12, 10)
    for result in (blending.paste(*draws, mask), blending.poisson(mask)(*draws)):
        assert result.shape == draws[0].shape and result.dtype == np.float32
        assert np.array_equal(result[:, mask > 0], draws[0][:, mask > 0])
        assert not np.array_equal(result, draws[0])
    assert np.array_equal(blending.paste(*draws, mask)[:, mask < 1], draws[1][:, mask < 1])


def test_a_hole_without_known_neighbours_keeps_the_filling():
    filling = np.random.default_rng(2).normal(size=(1, 12, 10, 1))
    blended = blending.poisson(np.zeros((12, 10)))(RAMP, filling)
    np.testing.assert_allclose(blended, filling, atol=1e-9)


def test_a_blended_seam_is_less_visible_than_a_pasted_one():
    mask = mask_of(INNER)
    texture = RAMP + np.random.default_rng(3).normal(size=RAMP.shape) * 0.1
    assert blending.seam(blending.paste(RAMP, texture + 4.0, mask), mask) > 3.0
    assert blending.seam(blending.poisson(mask)(RAMP, texture + 4.0), mask) < 2.0
