"""Transport against the sheet's toy, closed forms, SciPy and Kantorovich's duality."""

import numpy as np
import pytest

from tfgan_suite.errors import InputError
from tfgan_suite.measures import transport

stats = pytest.importorskip("scipy.stats")

SOURCE, TARGET = [1, 2, 3], [7, 8, 9, 10]
OUT, INTO = [3, 1, 2], [1, 1, 2, 2]
WAYS = np.abs(np.subtract.outer(SOURCE, TARGET)).astype(float)


def test_the_toy_transport_is_7_apart():
    assert transport.earth_movers_1d(SOURCE, TARGET, OUT, INTO) == pytest.approx(7.0, abs=1e-12)
    plan = transport.discrete_plan(OUT, INTO, WAYS)
    assert plan.cost == pytest.approx(42.0) and plan.cost / sum(OUT) == pytest.approx(7.0)
    assert plan.flow.sum(1) == pytest.approx(OUT) and plan.flow.sum(0) == pytest.approx(INTO)
    # The sheet's two plans cost the same: more than one is optimal.
    for moved in ([[1, 0, 0, 2], [0, 1, 0, 0], [0, 0, 2, 0]],
                  [[1, 0, 1, 1], [0, 1, 0, 0], [0, 0, 1, 1]]):  # fmt: skip
        assert np.sum(moved * WAYS) == pytest.approx(plan.cost)


def test_the_dual_equals_the_plan():
    draws = np.random.RandomState(0)
    source, target = draws.dirichlet(np.ones(7)), draws.dirichlet(np.ones(5))
    ways = draws.uniform(0, 1, (7, 5))
    plan = transport.discrete_plan(source, target, ways)
    u, v = plan.source_potential, plan.target_potential
    assert u @ source + v @ target == pytest.approx(plan.cost)
    slack = ways - u[:, None] - v
    assert slack.min() > -1e-9 and slack[plan.flow > 1e-9] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_one_dimension_as_scipy_and_as_the_linear_program(seed):
    draws = np.random.RandomState(seed)
    one, two = draws.normal(size=9), draws.normal(1.0, 2.0, size=6)
    a, b = draws.dirichlet(np.ones(9)), draws.dirichlet(np.ones(6))
    found = transport.earth_movers_1d(one, two, a, b)
    assert found == pytest.approx(stats.wasserstein_distance(one, two, a, b), rel=1e-10)
    ways = np.abs(one[:, None] - two)
    assert found == pytest.approx(transport.discrete_plan(a, b, ways).cost, rel=1e-8)


def test_closed_forms():
    numbers = np.random.RandomState(1).normal(size=400)
    assert transport.earth_movers_1d(numbers, numbers) == 0.0
    for power in (1.0, 2.0, 3.0):
        moved = transport.earth_movers_1d(numbers, numbers[::-1] + 2.5, power=power)
        assert moved == pytest.approx(2.5)
    # W_2 of centred numbers and their double is their own deviation.
    centred = numbers - numbers.mean()
    found = transport.earth_movers_1d(centred, 2 * centred, power=2.0)
    assert found == pytest.approx(centred.std())
    # Repeated points are mass; zero mass is no point.
    assert transport.earth_movers_1d([0, 0, 1], [0.0, 1, 99], None, [2, 1, 0]) == 0.0


def test_parallel_lines_the_lectures_example():
    """Two lines at a distance: the earth mover's distance is the gap, JSD stays at log 2."""
    along = np.linspace(0, 1, 50)
    for gap in (0.1, 1.0, 3.0):
        left = np.stack([np.zeros(50), along], 1)
        right = np.stack([np.full(50, gap), along], 1)
        assert transport.earth_movers_points(left, right[::-1]) == pytest.approx(gap)
    assert transport.jensen_shannon([1, 0, 0], [0, 0.5, 0.5]) == pytest.approx(np.log(2))


def test_divergences_of_tables():
    assert transport.jensen_shannon([0.5, 0.5], [0.9, 0.1]) == pytest.approx(0.101749, abs=1e-6)
    assert transport.jensen_shannon([0.9, 0.1], [0.5, 0.5]) == pytest.approx(0.101749, abs=1e-6)
    assert transport.jensen_shannon([0.2, 0.8], [0.2, 0.8]) == 0.0
    assert transport.kullback_leibler([1.0, 0.0], [0.5, 0.5]) == pytest.approx(np.log(2))
    assert transport.kullback_leibler([0.5, 0.5], [1.0, 0.0]) == np.inf
    # V(D*) = -log 4 + 2 JSD.
    p, q = np.array([0.5, 0.5]), np.array([0.9, 0.1])
    best = p / (p + q)
    value = np.sum(p * np.log(best) + q * np.log(1 - best))
    assert value == pytest.approx(-np.log(4) + 2 * transport.jensen_shannon(p, q))
    assert value == pytest.approx(-1.182796, abs=1e-6)


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: transport.earth_movers_1d([], [1.0]), "some must be above 0"),
        (lambda: transport.earth_movers_1d([np.nan], [1.0]), "finite"),
        (lambda: transport.earth_movers_1d(np.zeros((2, 2)), [1.0]), "discrete_plan"),
        (lambda: transport.earth_movers_1d([0.0], [1.0], [-1.0]), "negative"),
        (lambda: transport.earth_movers_1d([0.0], [1.0], power=0.5), "power"),
        (lambda: transport.discrete_plan([1, 1], [1], np.ones((2, 1))), "equal sums"),
        (lambda: transport.discrete_plan([1], [1], np.ones((2, 1))), "do not fit"),
        (lambda: transport.discrete_plan(np.ones(600), np.ones(600), np.ones((600, 600))),
         "360000 cells"),
        (lambda: transport.earth_movers_points(np.zeros((2, 2)), np.zeros((3, 2))), "paired"),
        (lambda: transport.jensen_shannon([0.5, 0.6], [1.0, 0.0]), "sum to 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_moved_is_refused(call, said):
    with pytest.raises(InputError, match=said):
        call()


def test_a_missing_scipy_names_its_extra(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(InputError, match=r"needs scipy.*\[measures\]"):
        transport.discrete_plan([1], [1], [[1.0]])
