"""The nearest training image: planted copies, shifts, brute force, and the ratio of medians."""

import numpy as np
import pytest

from tfgan_suite.errors import InputError
from tfgan_suite.measures import memorisation


def images(count, size=12, seed=0, channels=1):
    draws = np.random.RandomState(seed)
    return draws.randint(0, 256, (count, size, size, channels)).astype(np.uint8)


def test_copies_are_found_exactly():
    train = images(50)
    found = memorisation.nearest_by_pixels(train[[7, 31]], train)
    assert found.index.tolist() == [7, 31] and found.distance.tolist() == [0.0, 0.0]
    assert np.array_equal(found.example, train[[7, 31]]) and found.train_size == 50


@pytest.mark.parametrize("down, right", [(2, 0), (-1, 2), (-2, -2), (1, 1)])
def test_a_shifted_copy_is_a_copy_to_shifts_only(down, right):
    train = images(40, channels=3)
    moved = np.roll(train[[5]], (down, right), (1, 2))
    found = memorisation.nearest_by_pixels(moved, train, shifts=2)
    assert found.index[0] == 5 and found.distance[0] == 0.0
    assert memorisation.nearest_by_pixels(moved, train, shifts=0).distance[0] > 50


def test_shifts_beyond_the_search_are_not_copies():
    train = images(40)
    assert memorisation.nearest_by_pixels(np.roll(train[[5]], 3, 1), train).distance[0] > 50


def test_blocks_change_nothing(monkeypatch):
    train, samples = images(60, seed=1), images(11, seed=2)
    whole = memorisation.nearest_by_pixels(samples, train)
    monkeypatch.setattr(memorisation, "BLOCK", 4)
    parts = memorisation.nearest_by_pixels(samples, (train[i : i + 7] for i in range(0, 60, 7)))
    assert np.array_equal(whole.index, parts.index)
    assert np.array_equal(whole.distance, parts.distance)
    assert np.array_equal(whole.example, parts.example) and parts.train_size == 60


def test_the_search_agrees_with_brute_force():
    train, samples = images(30, 6, seed=3), images(8, 6, seed=4)
    middle = samples[:, 1:-1, 1:-1].astype(float)
    gaps = [
        ((middle[:, None] - train[None, :, y : y + 4, x : x + 4]) ** 2).mean((2, 3, 4))
        for y in range(3)
        for x in range(3)
    ]
    least = np.min(gaps, axis=0)
    found = memorisation.nearest_by_pixels(samples, train, shifts=1)
    assert np.array_equal(found.index, least.argmin(1))
    assert found.distance == pytest.approx(np.sqrt(least.min(1)))


def test_features_of_large_offset_keep_small_distances():
    """The rounding of |a|^2 - 2 a.b must not decide what the distance is."""
    train = 1000.0 + np.random.RandomState(0).normal(size=(300, 16))
    found = memorisation.nearest_by_features(train[:20] + 1e-3, train)
    assert found.distance == pytest.approx(np.full(20, 4e-3), rel=0.1)
    assert memorisation.nearest_by_features(train[:5], train).distance.tolist() == [0.0] * 5


def test_the_ratio_of_copies_and_of_fresh_images():
    draws = np.random.RandomState(5)
    everything = draws.normal(size=(1500, 8)).astype("f4")
    train, test, fresh = np.split(everything, [500, 1000])
    copied, _ = memorisation.compare(train[:400], test, train, extractor="none")
    assert copied.value == 0.0 and copied.protocol["copies"] == 400
    assert copied.protocol["closer"] == 1.0
    assert copied.protocol["n_fake"] == 400 and copied.protocol["n_train"] == 500
    honest, _ = memorisation.compare(fresh, test, train, extractor="none")
    assert honest.value == pytest.approx(1.0, abs=0.08) and honest.protocol["closer"] < 0.04
    assert honest.name == "memorisation-none" and honest.protocol["space"] == "features"


def test_the_ratio_by_pixels_and_its_grid():
    base = images(120, 16, seed=6)
    train, test = base[:60], base[60:]
    near = train[:20].astype(int) + np.random.RandomState(7).randint(-9, 10, (20, 16, 16, 1))
    near = np.clip(near, 0, 255).astype(np.uint8)
    found, nearest = memorisation.compare(near, test, train)
    assert found.value < 0.2 and found.protocol["copies"] == 0 and found.protocol["shifts"] == 2
    assert nearest.index.tolist() == list(range(20))
    grid = memorisation.neighbour_grid(near, nearest.example, columns=4)
    assert grid.dtype == np.uint8 and grid.shape[2] == 3
    factor = grid.shape[1] // (4 * (2 * 16 + 4 + 2) + 2)
    plain = grid[::factor, ::factor, 0]
    assert np.array_equal(plain[2:18, 4:20], near[0, ..., 0])
    assert np.array_equal(plain[2:18, 20:36], train[0, ..., 0])


def test_floats_are_compared_as_a_file_would_hold_them():
    train = images(20)
    assert memorisation.nearest_by_pixels(train[:3] / 127.5 - 1.0, train).distance.max() == 0.0


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda p: memorisation.nearest_by_pixels(p, p[:0]), "empty"),
        (lambda p: memorisation.nearest_by_pixels(p[:0], p), "cannot be compared"),
        (lambda p: memorisation.nearest_by_pixels(p, p[:, :8]), "one size"),
        (lambda p: memorisation.nearest_by_pixels(p, p, shifts=6), "leave nothing"),
        (lambda p: memorisation.nearest_by_pixels(np.full((1, 8, 8, 1), np.nan), p), "finite"),
        (lambda p: memorisation.compare(p, p, p), "not trained on"),
        (lambda p: memorisation.compare(p, p[:0], p), "at least one of each"),
        (lambda p: memorisation.nearest_by_features(np.zeros((2, 3)), np.zeros((2, 4))), "size"),
        (lambda p: memorisation.neighbour_grid(p, p[:1]), "beside"),
    ],
)
def test_what_cannot_be_searched_is_refused(call, said):
    with pytest.raises(InputError, match=said):
        call(images(4))
