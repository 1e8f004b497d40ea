"""Histograms of oriented gradients: known answers at flat images, edges and rotations."""

import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite.latent import oriented_gradients as hog


def ramp(angle, side=16, slope=0.25):
    """An image whose gradient of grey in [0, 1] is `slope` in a direction, per pixel."""
    rows, columns = np.indices((side, side)) - side / 2
    grey = 0.5 + slope * (np.cos(angle) * columns + np.sin(angle) * rows)
    return (2 * grey - 1)[None, :, :, None].astype("f4")


def inner(bins):
    return bins.numpy()[0, 2:-2, 2:-2]


def test_a_flat_image_has_empty_bins_also_at_its_edge_and_no_slope_that_is_not_finite():
    images = tf.fill((1, 16, 16, 3), 0.3)
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(hog.histograms(images, 4))
    assert total == 0.0
    assert np.isfinite(tape.gradient(total, images)).all()


@pytest.mark.parametrize("orientation", range(8))
def test_a_gradient_of_a_bin_s_orientation_fills_it_and_not_its_neighbours(orientation):
    """h = g gives (g - a sqrt(g^2 + .001)) / (1 - a); at pi / 8, h = a g gives 0.

    Sobel's kernel over 4 gives twice the slope of a pixel.
    """
    bins = inner(hog.orientation_bins(ramp(np.pi / 8 * orientation)))
    g, a = 2 * 0.25, np.cos(np.pi / 8)
    exact = (g - a * np.sqrt(g**2 + 1e-3)) / (1 - a)
    np.testing.assert_allclose(bins[..., orientation], exact, atol=1e-4)
    assert exact > 0.5 * g
    others = np.delete(bins, orientation, axis=-1)
    np.testing.assert_allclose(others, 0.0, atol=1e-4)


def test_orientations_have_no_sign():
    image = ramp(0.7)
    first, second = hog.histograms(image, 4), hog.histograms(-image, 4)
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_a_vertical_edge_fills_bin_0_and_turning_the_image_exchanges_it_for_bin_4():
    image = np.full((1, 16, 16, 1), -1, "f4")
    image[:, :, 8:] = 1
    upright = hog.histograms(image, 4).numpy()[0]
    turned = hog.histograms(np.rot90(image, axes=(1, 2)), 4).numpy()[0]
    strongest = upright.max((0, 1))
    # Two columns have a gradient of 1, and weigh .625 and .375 of a window's 4 rows' worth.
    a = np.cos(np.pi / 8)
    assert strongest[0] == pytest.approx(4 * (1 - a * np.sqrt(1 + 1e-3)) / (1 - a), rel=1e-3)
    assert strongest[1:].max() < 1e-3
    np.testing.assert_allclose(np.rot90(upright[..., 0]), turned[..., 4], atol=1e-4)


def test_windows_are_triangles_that_overlap():
    """Bins of 1 everywhere sum to cell^2 in each window that lies inside."""
    pooled = hog._pool(
        tf.ones((1, 16, 16, 1)), np.outer(*[1 - np.abs((np.arange(8) - 3.5) / 4)] * 2), 4
    )
    assert pooled.shape == (1, 4, 4, 1)
    np.testing.assert_allclose(pooled[0, 1:-1, 1:-1], 16.0)
    assert hog.histograms(tf.zeros((1, 28, 28, 1)), 4).shape == (1, 7, 7, 8)


def test_a_mask_covers_the_windows_that_hold_its_pixels():
    mask = np.zeros((16, 16), "f4")
    assert not hog.pooled_mask(mask, 4).any()
    mask[0, 0] = 1
    assert hog.pooled_mask(mask, 4).sum() == 1  # the window of the corner
    mask[8, 8] = 1
    assert hog.pooled_mask(mask, 4).sum() == 1 + 4  # windows overlap


def test_cells_are_smaller_in_small_images():
    assert [hog.cell_size(side, side) for side in (28, 32, 64, 128)] == [4, 4, 8, 8]
