"""Precision, recall, density, coverage: the sheet's values, the definition, bounded memory."""

import tracemalloc

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.measures import MeasureWarning
from tfgan_suite.measures import precision_recall as module
from tfgan_suite.measures.precision_recall import precision_recall


def values(*sets, **options):
    return [result.value for result in precision_recall(*sets, **options)]


def by_definition(real, fake, k):
    """All of it by direct differences."""

    def apart(a, b):
        return np.sqrt(((a[:, None] - b[None]) ** 2).sum(2))

    real_radius = np.sort(apart(real, real), axis=1)[:, k]
    fake_radius = np.sort(apart(fake, fake), axis=1)[:, k]
    cross = apart(real, fake)
    inside = cross < real_radius[:, None]
    return [
        inside.any(0).mean(),
        (cross < fake_radius).any(1).mean(),
        inside.sum() / (k * len(fake)),
        (cross.min(1) < real_radius).mean(),
    ]


@pytest.mark.parametrize("block", [10_000, 10**9])
def test_a_set_with_itself_is_exactly_one(monkeypatch, block):
    monkeypatch.setattr(module, "_BLOCK", block)
    rows = np.random.RandomState(0).randn(400, 8)
    assert values(rows, rows) == [1.0, 1.0, 1.0, 1.0]
    assert values(rows + 1e4, rows + 1e4) == [1.0, 1.0, 1.0, 1.0]


def test_far_sets_are_exactly_zero():
    rows = np.random.RandomState(0).randn(200, 8)
    assert values(rows, rows + 100.0) == [0.0, 0.0, 0.0, 0.0]


def test_gaussians_of_the_sheet():
    draws = np.random.default_rng(0)  # density differs from seed to seed by 0.06
    found = values(draws.standard_normal((2000, 64)), draws.standard_normal((2000, 64)), k=5)
    np.testing.assert_allclose(found, [0.712, 0.709, 0.971, 0.963], atol=0.02)


@pytest.mark.parametrize("k", [1, 3])
def test_equals_the_definition(monkeypatch, k):
    monkeypatch.setattr(module, "_BLOCK", 200)  # many blocks
    draws = np.random.RandomState(k)
    real, fake = draws.randn(60, 3), 0.7 * draws.randn(60, 3) + 0.4
    np.testing.assert_allclose(values(real, fake, k=k), by_definition(real, fake, k), rtol=1e-12)


def test_samples_of_half_of_the_modes():
    """Fine but not various: precision stays, recall and coverage fall to one half."""
    draws = np.random.RandomState(0)
    modes = np.array([[0.0, 0.0], [100.0, 0.0]])
    real = np.concatenate([mode + draws.randn(500, 2) for mode in modes])
    fake = modes[0] + draws.randn(1000, 2)
    precision, recall, _, coverage = values(real, fake)
    assert precision > 0.95 and recall == pytest.approx(0.5, abs=0.03)
    assert coverage == pytest.approx(0.5, abs=0.03)


def test_memory_does_not_hold_all_distances():
    rows = np.random.RandomState(0).randn(6000, 4)
    tracemalloc.start()
    precision_recall(rows, rows + 0.01)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6000 * 6000 * 8 / 2


def test_names_and_protocol():
    rows = np.random.RandomState(0).randn(20, 3)
    found = precision_recall(rows, rows, k=3, extractor="tiny")
    names = [result.name for result in found]
    assert names == ["precision-tiny", "recall-tiny", "density-tiny", "coverage-tiny"]
    assert {"k": 3, "n_real": 20, "inequality": "strict"}.items() <= found[0].protocol.items()


def test_bad_input_and_unequal_counts():
    rows = np.random.RandomState(0).randn(20, 3)
    with pytest.raises(InputError, match="at least 6 of each"):
        precision_recall(rows[:5], rows)
    with pytest.raises(InputError, match="k is 0"):
        precision_recall(rows, rows, k=0)
    with pytest.raises(InputError, match="3 dimensions, generated ones 2"):
        precision_recall(rows, rows[:, :2])
    with pytest.warns(MeasureWarning, match="20 of each are needed"):
        precision_recall(rows, rows[:10])
