"""The probe's protocol: its number of features, its grid, its SVM on data of known answers."""

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.latent import linear_probe


def test_the_paper_s_network_has_28672_features():
    """Six maps of 128 to 512 channels on images of 32x32: 1792 channels times 16 cells."""
    sides = [(32, 128), (16, 128), (16, 256), (8, 256), (8, 512), (4, 512)]
    layers = [np.zeros((1, side, side, channels), np.float32) for side, channels in sides]
    assert linear_probe.flatten(layers).shape == (1, 28672)


def test_each_cell_holds_its_largest_value():
    maps = np.arange(64.0).reshape(1, 8, 8, 1)
    expected = [[9, 11, 13, 15], [25, 27, 29, 31], [41, 43, 45, 47], [57, 59, 61, 63]]
    assert linear_probe.max_pool(maps)[0, ..., 0].tolist() == expected
    seven = linear_probe.max_pool(np.arange(7.0).reshape(1, 7, 1, 1))
    assert seven[0, :, 0, 0].tolist() == [1, 3, 5, 6]
    small = np.ones((2, 2, 2, 3))
    assert linear_probe.flatten([small, np.ones((2, 5))]).shape == (2, 17)


def clusters(count, noise, seed):
    draws = np.random.default_rng(seed)
    labels = draws.integers(0, 3, count)
    return np.eye(3)[labels] * [1.0, 50.0, 0.01] + noise * draws.normal(size=(count, 3)), labels


def test_separable_clusters_are_separated_whatever_their_scale():
    train, test = clusters(300, 1e-4, 0), clusters(100, 1e-4, 1)
    result = linear_probe.accuracy(*train, *test, labels=30, draws=2)
    assert result.mean == 1.0 and result.labels == 30 and result.deviation == 0.0
    assert linear_probe.accuracy(*train, *test).labels == 300


def test_labels_without_meaning_are_read_at_chance():
    (train, _), (test, _) = clusters(300, 1.0, 0), clusters(300, 1.0, 1)
    labels = np.random.default_rng(2).integers(0, 3, 600)
    result = linear_probe.accuracy(train, labels[:300], test, labels[300:])
    assert 0.2 < result.mean < 0.47


def test_too_few_classes_or_examples_are_refused():
    rows, labels = clusters(30, 1.0, 0)
    with pytest.raises(InputError, match="two classes"):
        linear_probe.accuracy(rows, 0 * labels, rows, labels)
    with pytest.raises(InputError, match="lower --labels"):
        linear_probe.accuracy(rows, labels, rows, labels, labels=30)
