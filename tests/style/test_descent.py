"""L-BFGS and Adam on quadratics: counts, the way back from a kill, what is refused."""

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.style import descent

GOAL = np.linspace(-0.5, 0.5, 30)
STEEP = np.linspace(1.0, 50.0, 30)


def bowl(x):
    away = x - GOAL
    total = float((STEEP * away**2).sum())
    return total, 2 * STEEP * away, {"content": total}


@pytest.mark.parametrize("method", descent.METHODS)
def test_it_evaluates_as_often_as_asked_and_keeps_the_lowest(method):
    state, seen, kept = descent.State(np.zeros(30)), [], []
    descent.descend(
        bowl, state, 25, method=method, segment=10,
        on_evaluation=lambda state, parts: seen.append(parts["content"]),
        on_segment=lambda state: kept.append(state.evaluations),
    )  # fmt: skip
    assert state.evaluations == 25 and kept == [10, 20, 25] and seen == state.totals
    assert bowl(state.best)[0] == min(state.totals) < state.totals[0] / 10


def test_lbfgs_reaches_the_bottom_and_says_when_it_settles():
    state = descent.State(np.zeros(30))
    assert descent.descend(lambda x: (bowl(x)[0] + 100.0, *bowl(x)[1:]), state, 2000)
    assert state.evaluations < 2000
    np.testing.assert_allclose(state.best, GOAL, atol=1e-5)


def test_adam_takes_its_first_step_by_the_rate_and_stays_inside():
    def slide(x):
        return float(-x.sum()), -np.ones(30), {}

    state = descent.State(np.full(30, 0.9))
    descent.descend(slide, state, 1, method="adam", learning_rate=0.05)
    np.testing.assert_allclose(state.x, 0.95, atol=1e-6)
    descent.descend(slide, state, 9, method="adam", learning_rate=0.05)
    np.testing.assert_array_equal(state.x, np.ones(30))


@pytest.mark.parametrize("method", descent.METHODS)
def test_a_descent_that_was_killed_ends_like_one_that_was_not(tmp_path, method):
    options = {"method": method, "segment": 10}
    whole = descent.State(np.zeros(30))
    descent.descend(bowl, whole, 30, **options)
    path, settings = tmp_path / "state.npz", {"size": 3, "layers": ("a", "b")}

    def kill(state, parts):
        if state.evaluations == 14:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        descent.descend(
            bowl, descent.State(np.zeros(30)), 30, on_evaluation=kill,
            on_segment=lambda state: state.save(path, settings), **options,
        )  # fmt: skip
    state = descent.State.load(path, settings)
    assert state.evaluations == 10
    descent.descend(bowl, state, 30, **options)
    assert state.totals == whole.totals
    np.testing.assert_array_equal(state.best, whole.best)


def test_other_settings_and_other_files_are_refused(tmp_path):
    path = tmp_path / "state.npz"
    descent.State(np.zeros(3)).save(path, {"size": 3, "seed": 0})
    with pytest.raises(InputError, match="written with size 3 \\(now 4\\); use the same"):
        descent.State.load(path, {"size": 4, "seed": 0})
    np.savez(path, image=np.zeros(3))
    with pytest.raises(InputError, match="cannot be read as a descent's state"):
        descent.State.load(path, {})
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="remove it to start again"):
        descent.State.load(path, {})


def test_a_loss_that_is_not_finite_and_unknown_words_are_refused():
    for method in descent.METHODS:
        with pytest.raises(InputError, match="the loss is nan at evaluation 1"):
            descent.descend(
                lambda x: (float("nan"), x, {}), descent.State(np.ones(3)), 5, method=method
            )
    with pytest.raises(InputError, match="one of lbfgs, adam"):
        descent.descend(bowl, descent.State(np.zeros(30)), 5, method="sgd")
    with pytest.raises(InputError, match="at least 1"):
        descent.descend(bowl, descent.State(np.zeros(30)), 5, segment=0)
