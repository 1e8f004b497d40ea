"""The worlds of points: scale of the official code, and an oracle that finds modes."""

import numpy as np
import pytest

from tfgan_suite import data
from tfgan_suite.data.synthetic import gaussians
from tfgan_suite.errors import InputError


def test_centres_and_deviations_are_those_of_the_paper():
    ring, grid = gaussians.WORLDS["ring"], gaussians.WORLDS["grid"]
    assert ring.centres.shape == (8, 2) and grid.centres.shape == (25, 2)
    np.testing.assert_allclose(np.linalg.norm(ring.centres, axis=1), 2 / 1.414)
    np.testing.assert_allclose(ring.centres[2], [0, 2 / 1.414], atol=1e-12)
    assert ring.deviation == pytest.approx(0.014144, abs=1e-6)
    np.testing.assert_allclose(np.unique(grid.centres), np.array([-4, -2, 0, 2, 4]) / 2.828)
    assert grid.deviation == pytest.approx(0.017680, abs=1e-6)


@pytest.mark.parametrize("world,modes", [("ring", 8), ("grid", 25)])
def test_points_follow_the_mixture(world, modes):
    points, label = gaussians.generate(world, 50_000, seed=1)
    assert points.dtype == np.float32 and label.dtype == np.int32
    assert np.bincount(label).tolist() == [50_000 // modes] * modes
    offset = points - gaussians.WORLDS[world].centres[label]
    deviation = gaussians.WORLDS[world].deviation
    np.testing.assert_allclose(offset.std(axis=0), deviation, rtol=0.02)
    np.testing.assert_allclose(offset.mean(axis=0), 0, atol=deviation * 0.03)
    assert abs(np.corrcoef(offset.T)[0, 1]) < 0.03
    mode, distance = gaussians.read(points, world)
    np.testing.assert_array_equal(mode, label)
    # The distance follows Rayleigh's law: P(distance <= 3) = 1 - exp(-4.5).
    assert np.mean(distance <= 3) == pytest.approx(1 - np.exp(-4.5), abs=0.003)


def test_distance_is_in_standard_deviations():
    world = gaussians.WORLDS["grid"]
    points = world.centres[[3, 24]] + world.deviation * np.array([[0.0, 2.0], [3.0, 4.0]])
    mode, distance = gaussians.read(points, "grid")
    assert mode.tolist() == [3, 24]
    np.testing.assert_allclose(distance, [2.0, 5.0])


def test_report_counts_modes_with_a_hundredth_of_the_points():
    centres = gaussians.WORLDS["ring"].centres
    points = np.concatenate(
        [
            np.repeat(centres[:1], 60, axis=0),  # a mode
            np.repeat(centres[1:2], 1, axis=0),  # just a mode: 1 of 100
            np.full((19, 2), 0.0),  # between all modes
            np.repeat(centres[2:3] * 1.1, 20, axis=0),  # 10 deviations off
        ]
    )
    found = gaussians.report(points, "ring")
    assert found["modes_found"] == 2 and found["modes"] == 8 and found["good_share"] == 0.61
    assert found["counts"] == [60, 1, 0, 0, 0, 0, 0, 0]
    assert gaussians.report(np.repeat(points, 2, axis=0)[:-1], "ring")["modes_found"] == 2
    assert gaussians.report(np.concatenate([points, points[:1]]), "ring")["modes_found"] == 1
    assert gaussians.report(points, "ring", sigmas=15)["modes_found"] == 3


def test_points_that_are_no_numbers_are_not_good():
    found = gaussians.report(np.array([[np.nan, 0.0], [np.inf, 0.0]]), "grid")
    assert found["good_share"] == 0.0 and found["modes_found"] == 0


def test_the_source_gives_points():
    source = data.load("ring")
    assert source.shape == (2,) and source.key == "point" and len(source.classes) == 8
    batch = next(iter(source.batches(256, seed=0)))
    assert set(batch) == {"point", "label"} and batch["point"].shape == (256, 2)
    np.testing.assert_array_equal(gaussians.read(batch["point"], "ring")[0], batch["label"])
    assert source.report(source.take(2000)["point"])["modes_found"] == 8
    assert data.load("grid", split="test").report(np.zeros((10, 2)))["modes_found"] == 1


def test_bad_requests_are_explained():
    with pytest.raises(InputError, match="points"):
        data.load("ring", size=32)
    with pytest.raises(InputError, match="mirror"):
        data.load("grid").batches(8, seed=0, horizontal_flip=True)
    with pytest.raises(InputError, match="ring or grid"):
        gaussians.read(np.zeros((3, 2)), "spiral")
    with pytest.raises(InputError, match=r"\(3, 3\)"):
        gaussians.read(np.zeros((3, 3)), "ring")
