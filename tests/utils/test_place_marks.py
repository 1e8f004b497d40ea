"""Marks of boxes and points lie where the fractions say."""

import numpy as np

from tfgan_suite.utils import place_marks

IMAGES = np.full((1, 8, 8, 3), 100, np.uint8)


def test_boxes_have_an_outline_and_nothing_else():
    marked = place_marks.mark_boxes(IMAGES, [[0.25, 0.5, 0.5, 0.25]])
    assert marked.shape == (1, 96, 96, 3)
    rows, columns = np.nonzero(marked[0, :, :, 0] == 255)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (48, 72, 24, 72)
    assert (marked[0, 52:70, 28:70] == 100).all() and (marked[0, :48] == 100).all()
    assert (IMAGES == 100).all()


def test_only_visible_points_are_marked_also_at_the_edge():
    points = [[[0.5, 0.25, 1.0], [0.9, 0.9, 0.0], [1.0, 0.0, 1.0]]]
    marked = place_marks.mark_points(IMAGES, points)[0, :, :, 0]
    assert marked[24, 48] == 255 and marked[0, 95] == 255
    assert (marked != 100).sum() == 7 * 7 + 4 * 4


def test_large_images_keep_their_size():
    assert place_marks.enlarged(np.zeros((2, 128, 128, 1))).shape == (2, 128, 128, 3)
