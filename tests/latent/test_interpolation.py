"""Ways between latent vectors: their ends, their lengths, their speed."""

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.latent import interpolation

A, B = np.array([3.0, 0.0, 0.0]), np.array([0.0, 3.0, 0.0])
SHARES = np.linspace(0.0, 1.0, 7)


@pytest.mark.parametrize("between", [interpolation.slerp, interpolation.lerp])
def test_a_way_begins_and_ends_at_its_ends(between):
    draws = np.random.default_rng(0).normal(size=(2, 50))
    np.testing.assert_allclose(between(*draws, 0.0), draws[0], atol=1e-12)
    np.testing.assert_allclose(between(*draws, 1.0), draws[1], atol=1e-12)


def test_slerp_of_equal_lengths_stays_on_the_sphere_at_an_even_speed():
    way = interpolation.slerp(A, B, SHARES)
    np.testing.assert_allclose(np.linalg.norm(way, axis=1), 3.0)
    steps = np.linalg.norm(np.diff(way, axis=0), axis=1)
    np.testing.assert_allclose(steps, steps[0])
    np.testing.assert_allclose(way[3], 3.0 / np.sqrt(2.0) * np.array([1.0, 1.0, 0.0]))


def test_slerp_moves_the_length_evenly_and_survives_what_has_no_angle():
    way = interpolation.slerp(A, 3.0 * B, SHARES)
    np.testing.assert_allclose(np.linalg.norm(way, axis=1), 3.0 + 6.0 * SHARES)
    np.testing.assert_allclose(interpolation.slerp(A, 2.0 * A, 0.5), 1.5 * A)
    np.testing.assert_allclose(interpolation.slerp(A, -A, 0.25), 0.5 * A)
    np.testing.assert_allclose(interpolation.slerp(0.0 * A, B, 0.5), 0.5 * B)


def test_a_circle_turns_once_and_passes_the_second_direction_at_a_quarter():
    way = interpolation.circle(A, A + 2.0 * B, np.array([0.0, 0.25, 0.5, 1.0]))
    np.testing.assert_allclose(way, [A, B, -A, A], atol=1e-12)
    with pytest.raises(InputError, match="two different directions"):
        interpolation.circle(A, -2.0 * A, 0.5)


def test_through_visits_every_point_and_a_closed_way_can_be_repeated():
    points = np.random.default_rng(1).normal(size=(3, 8))
    way = interpolation.through(points, 5)
    assert way.shape == (11, 8)
    np.testing.assert_allclose(way[[0, 5, 10]], points)
    closed = interpolation.through(points, 5, "lerp", closed=True)
    assert closed.shape == (15, 8)
    np.testing.assert_allclose(closed[[0, 5, 10]], points)
    np.testing.assert_allclose(closed[-1], points[2] + 0.8 * (points[0] - points[2]))
    assert interpolation.through(points, 9, "circle").shape == (9, 8)


@pytest.mark.parametrize(
    "arguments, reason",
    [
        ((A[None], 5), "1 samples"),
        ((np.stack([A, B]), 0), "0 steps"),
        (([A, B], 3, "line"), "line"),
    ],
)
def test_what_cannot_be_walked_is_refused(arguments, reason):
    with pytest.raises(InputError, match=reason):
        interpolation.through(*arguments)
