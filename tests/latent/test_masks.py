"""Masks, the paper's weights by hand, and what is refused."""

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.latent import masks


def test_weights_are_the_paper_s():
    """A 9x9 image with a 3x3 hole in its middle, window 7."""
    mask = np.ones((9, 9), np.float32)
    mask[3:6, 3:6] = 0.0
    weights = 49.0 * masks.weights(mask, "paper")
    expected = {(2, 4): 9, (0, 0): 1, (0, 4): 3, (2, 2): 9, (1, 4): 6, (4, 4): 0, (3, 3): 0}
    for (row, column), count in expected.items():
        assert weights[row, column] == pytest.approx(count), (row, column)


def test_binary_weights_and_what_is_far_from_every_hole():
    mask = masks.make("half", 32, 32)
    np.testing.assert_array_equal(masks.weights(mask, "binary"), mask)
    weights = masks.weights(mask, "paper")
    assert weights[16, 0] == 0.0 and weights[16, 15] == pytest.approx(3 / 7)
    np.testing.assert_allclose(masks.weights(mask), weights + 0.1 * mask, atol=1e-6)


def test_each_kind_leaves_its_share():
    shares = {kind: 1.0 - masks.make(kind, 28, 28).mean() for kind in masks.KINDS}
    assert shares["centre"] == pytest.approx(0.25) and shares["half"] == pytest.approx(0.5)
    assert shares["random"] == pytest.approx(0.8, abs=1e-3)
    assert shares["lowres"] == pytest.approx(15 / 16)
    assert not np.array_equal(masks.make("random", 28, 28), masks.make("random", 28, 28, seed=1))


@pytest.mark.parametrize(
    "mask, reason",
    [
        (np.ones((8, 9)), "9x8 pixels, but the images have 8x8"),
        (np.ones((8, 8)), "no hole"),
        (np.zeros((8, 8)), "no pixel known"),
    ],
)
def test_masks_that_do_not_suit_are_refused(mask, reason):
    with pytest.raises(InputError, match=reason):
        masks.check(mask, 8, 8)


def test_unknown_words_are_refused():
    with pytest.raises(InputError, match="centre, random, half, lowres"):
        masks.make("center", 8, 8)
    with pytest.raises(InputError, match="window is 6"):
        masks.weights(np.ones((8, 8)), window=6)
    with pytest.raises(InputError, match="mixed, paper, binary"):
        masks.weights(np.ones((8, 8)), "official")
