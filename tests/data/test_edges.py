"""The sharpness of outlines: step edges, ramps and blur by known values."""

import numpy as np
import pytest

from tfgan_suite.data.synthetic import captions, edges
from tfgan_suite.utils import bicubic


def columns(*values):
    """An image of 16x16 with these levels in its columns, in all channels, repeated downwards."""
    row = np.full(16, values[-1], np.float64)
    row[: len(values)] = values
    return np.tile(row[None, :, None], (16, 1, 3))[None]


def test_a_step_has_half_a_unit_on_both_sides():
    # From 0 to 1 between two columns: central differences of 1/2 in each of them.
    assert edges.sharpness(columns(*[-1.0] * 9, 1.0))[0] == pytest.approx(0.5)
    # The contrast does not count.
    assert edges.sharpness(columns(*[-1.0] * 9, 0.2))[0] == pytest.approx(0.5)


def test_a_ramp_has_its_slope():
    ramp = [-1.0] * 9 + [-0.5, 0.0, 0.5, 1.0]
    assert edges.sharpness(columns(*ramp))[0] == pytest.approx(0.25)


def test_bytes_and_floats_are_alike():
    image = columns(*[0.0] * 9, 255.0).astype(np.uint8)
    assert edges.sharpness(image)[0] == pytest.approx(0.5)


def test_nothing_has_no_edge():
    assert np.isnan(edges.sharpness(np.zeros((1, 16, 16, 3)))[0])


def test_enlarged_images_are_less_sharp_than_real_ones():
    small, large = (captions.generate(12, size).images / 127.5 - 1.0 for size in (16, 64))
    smooth = np.stack([bicubic.upscale(image, 4) for image in small])
    real, blurred = (edges.sharpness(images) for images in (large, smooth))
    assert (real > 0.35).all() and (blurred < 0.3).all()
