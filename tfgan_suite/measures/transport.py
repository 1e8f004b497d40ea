"""Exact distances between distributions: earth mover's, Jensen-Shannon.

The earth mover's distance is the least work, mass times distance, that turns one distribution into
another. In one dimension it is the area between two distribution functions; for small tables it is
a linear program; for equally many points on both sides it is the cheapest pairing.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.utils.optional_packages import require

CELLS = 250_000  # largest plan; its linear program takes seconds
POINTS = 4096  # largest pairing; its costs take 128 MiB


@dataclasses.dataclass(frozen=True)
class Plan:
    """An optimal transport.

    Args:
        cost: its work, the earth mover's distance.
        flow: mass from each source to each target, `(n, m)`.
        source_potential: `(n,)`, and
        target_potential: `(m,)`: the dual solution, u_i + v_j <= cost_ij everywhere and equal
            where mass flows; its value, u.p + v.q, equals the cost (Kantorovich's duality,
            on which the Wasserstein critic rests).
    """

    cost: float
    flow: np.ndarray
    source_potential: np.ndarray
    target_potential: np.ndarray


def earth_movers_1d(
    first: np.ndarray,
    second: np.ndarray,
    first_weights: np.ndarray | None = None,
    second_weights: np.ndarray | None = None,
    power: float = 1.0,
) -> float:
    """Exact earth mover's (Wasserstein) distance of two sets of numbers.

    W_p = (integral over u in [0, 1] of |F^-1(u) - G^-1(u)|^p)^(1/p), summed over the pieces on
    which both quantile functions are constant.

    Args:
        first: positions `(n,)`.
        second: positions `(m,)`.
        first_weights: mass at each position; default uniform. Total mass is scaled to 1.
        second_weights: the same for the second set.
        power: p, 1 or more; default 1.

    Raises:
        InputError: an empty set, another shape, values that are not finite, negative mass.
    """
    if not power >= 1.0:
        raise InputError(f"power is {power}; it must be 1 or more")
    first, first_mass = _distribution(first, first_weights)
    second, second_mass = _distribution(second, second_weights)
    first_cdf, second_cdf = np.cumsum(first_mass), np.cumsum(second_mass)
    first_cdf[-1] = second_cdf[-1] = 1.0
    cuts = np.sort(np.concatenate([first_cdf, second_cdf]))
    share = np.diff(np.concatenate([[0.0], cuts]))
    # A piece that ends at `cut` belongs to the first position whose running mass reaches it.
    distance = np.abs(
        first[np.searchsorted(first_cdf, cuts)] - second[np.searchsorted(second_cdf, cuts)]
    )
    return float(np.sum(share * distance**power) ** (1.0 / power))


def discrete_plan(source: np.ndarray, target: np.ndarray, cost: np.ndarray) -> Plan:
    """The cheapest way to turn one table of masses into another, by linear programming.

    Args:
        source: masses `(n,)`, not negative.
        target: masses `(m,)` with the same sum.
        cost: of a unit of mass from each source to each target, `(n, m)`.

    Returns:
        `Plan`; its cost is total work: divide by the mass if that is not 1.

    Raises:
        InputError: shapes, signs or sums that do not fit; more than 250,000 cells; SciPy is
            missing.
    """
    source, target, cost = (np.asarray(x, np.float64) for x in (source, target, cost))
    if source.ndim != 1 or target.ndim != 1 or cost.shape != (len(source), len(target)):
        raise InputError(
            f"masses of shapes {source.shape} and {target.shape} do not fit costs of shape "
            f"{cost.shape}; expected (n,), (m,) and (n, m)"
        )
    if not cost.size or cost.size > CELLS:
        raise InputError(f"a plan of {cost.size} cells was requested; expected 1 to {CELLS}")
    if not all(np.isfinite(x).all() for x in (source, target, cost)):
        raise InputError("masses or costs hold NaN or infinity; they must be finite")
    if min(source.min(), target.min()) < 0 or not np.isclose(source.sum(), target.sum()):
        raise InputError(
            f"masses must not be negative and must have equal sums; found {source.sum():g} and "
            f"{target.sum():g}"
        )
    optimize = require("scipy.optimize", "measures", "A transport plan")
    sparse = require("scipy.sparse", "measures", "A transport plan")
    n, m = cost.shape
    rows = sparse.kron(sparse.eye(n), np.ones((1, m)))
    columns = sparse.kron(np.ones((1, n)), sparse.eye(m))
    # The last column follows from the others; a sum with rounding errors stays feasible.
    table = sparse.vstack([rows, columns.tocsr()[:-1]]).tocsr()
    masses = np.concatenate([source, target[:-1]])
    solution = optimize.linprog(cost.ravel(), A_eq=table, b_eq=masses, method="highs")
    if solution.x is None:
        raise InputError(f"the linear program has no solution ({solution.message})")
    dual = np.concatenate([solution.eqlin.marginals, [0.0]])
    return Plan(float(solution.fun), solution.x.reshape(n, m), dual[:n], dual[n:])


def earth_movers_points(first: np.ndarray, second: np.ndarray) -> float:
    """Exact earth mover's distance of two sets of equally many points, Euclidean, by pairing.

    Args:
        first: `(n, d)`, at most 4096 points.
        second: `(n, d)`.

    Raises:
        InputError: other shapes, too many points, values that are not finite; SciPy is missing.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if first.ndim != 2 or first.shape != second.shape or not 1 <= len(first) <= POINTS:
        raise InputError(
            f"points of shapes {first.shape} and {second.shape} cannot be paired; expected twice "
            f"(n, d) with n from 1 to {POINTS}"
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise InputError("the points hold NaN or infinity; they must be finite")
    optimize = require("scipy.optimize", "measures", "Pairing points")
    distance = require("scipy.spatial.distance", "measures", "Pairing points")
    cost = distance.cdist(first, second)
    return float(cost[optimize.linear_sum_assignment(cost)].mean())


def kullback_leibler(first: np.ndarray, second: np.ndarray) -> float:
    """KL(p || q) of two tables of probabilities, in nats; 0 log 0 = 0; infinite if q lacks p.

    Raises:
        InputError: other shapes, or tables that do not sum to 1.
    """
    first, second = _table(first), _table(second)
    if first.shape != second.shape:
        raise InputError(f"tables of shapes {first.shape} and {second.shape} cannot be compared")
    inside = first > 0
    with np.errstate(divide="ignore"):
        return float(np.sum(first[inside] * np.log(first[inside] / second[inside])))


def jensen_shannon(first: np.ndarray, second: np.ndarray) -> float:
    """Jensen-Shannon divergence of two tables, in nats: 0 if equal, log 2 if disjoint.

    JSD = KL(p || (p+q)/2) / 2 + KL(q || (p+q)/2) / 2.

    Raises:
        InputError: as `kullback_leibler`.
    """
    first, second = _table(first), _table(second)
    if first.shape != second.shape:
        raise InputError(f"tables of shapes {first.shape} and {second.shape} cannot be compared")
    middle = (first + second) / 2
    return (kullback_leibler(first, middle) + kullback_leibler(second, middle)) / 2


def _distribution(positions, weights) -> tuple[np.ndarray, np.ndarray]:
    """Sorted positions that have mass, and their shares of it."""
    positions = np.asarray(positions, np.float64)
    weights = np.ones(positions.shape) if weights is None else np.asarray(weights, np.float64)
    if positions.ndim != 1 or weights.shape != positions.shape:
        raise InputError(
            f"positions of shape {positions.shape} with masses of shape {weights.shape}; expected "
            "(n,) twice: in more dimensions use discrete_plan or earth_movers_points"
        )
    if not (np.isfinite(positions).all() and np.isfinite(weights).all()):
        raise InputError("positions or masses hold NaN or infinity; they must be finite")
    if np.any(weights < 0) or not weights.sum() > 0:
        raise InputError(
            f"masses must not be negative, and some must be above 0; they sum to {weights.sum():g}"
        )
    order = np.argsort(positions, kind="stable")
    order = order[weights[order] > 0]
    return positions[order], weights[order] / weights.sum()


def _table(shares) -> np.ndarray:
    shares = np.asarray(shares, np.float64)
    if not shares.size or np.any(~(shares >= 0)) or abs(shares.sum() - 1.0) > 1e-6:
        raise InputError(
            f"a table of probabilities must not be negative and sum to 1; it sums to "
            f"{shares.sum():g}"
        )
    return shares
