"""Metropolis against exact chains, exact acceptance, exact moments."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from short_runs import eager_steps

from tfgan_suite.errors import InputError
from tfgan_suite.mcmc import diagnostics, metropolis, targets

ROOT = Path(__file__).parents[2]
SHARES = np.array([0.1, 0.2, 0.3, 0.4])


def normal(x):
    return -0.5 * np.sum(x * x, axis=-1)


def test_the_discrete_chain_is_in_detailed_balance():
    matrix = metropolis.transition_matrix(SHARES)
    assert matrix.sum(1) == pytest.approx(1, abs=1e-12) and matrix.min() >= 0
    flow = SHARES[:, None] * matrix
    assert np.abs(flow - flow.T).max() < 1e-12
    assert np.abs(SHARES @ matrix - SHARES).max() < 1e-12
    # By hand: from .2 a step to .1 is taken half of the time it is proposed.
    assert matrix[1] == pytest.approx([0.25, 0.25, 0.5, 0.0])


def test_the_discrete_chain_reaches_its_target():
    states = metropolis.sample_ring(SHARES, 200_000, seed=1)
    seen = np.bincount(states, minlength=4) / len(states)
    assert 0.5 * np.abs(seen - SHARES).sum() < 0.01
    moved = np.zeros((4, 4))
    np.add.at(moved, (states[:-1], states[1:]), 1)
    empirical = moved / moved.sum(1, keepdims=True)
    assert empirical == pytest.approx(metropolis.transition_matrix(SHARES), abs=0.01)


def test_the_normal_density():
    chain = metropolis.sample(normal, np.zeros((1, 1)), 40_000, 2.4, seed=0)
    series = chain.samples[:, 0, 0]
    assert abs(series.mean()) < 0.06 and abs(series.var() - 1) < 0.08
    assert chain.acceptance[0] == pytest.approx(0.442, abs=0.02)
    tau = diagnostics.autocorrelation_time(series)
    assert tau == pytest.approx(4.4, abs=0.8)
    assert diagnostics.effective_samples(chain.samples) == pytest.approx(40_000 / tau)
    error = diagnostics.standard_error(chain.samples)[0]
    assert error == pytest.approx(series.std() / np.sqrt(40_000 / tau))
    assert chain.log_density[:, 0] == pytest.approx(-0.5 * series**2)


@pytest.mark.parametrize(
    "step, acceptance, tau", [(0.1, 0.9682, 322), (1.0, 0.7048, None), (2.4, 0.4423, 4.4),
                              (25, 0.0508, 35)]
)  # fmt: skip
def test_exact_acceptance_and_known_times(step, acceptance, tau):
    assert diagnostics.gaussian_acceptance(step) == pytest.approx(acceptance, abs=5e-5)
    start = np.random.RandomState(0).normal(size=(40, 1))
    chain = metropolis.sample(normal, start, 5000, step, seed=2)
    assert chain.acceptance.mean() == pytest.approx(acceptance, abs=0.01)
    if tau:
        worth = diagnostics.effective_samples(chain.samples)
        assert 40 * 5000 / worth == pytest.approx(tau, rel=0.35)


def test_refused_moves_are_recorded_again():
    chain = metropolis.sample(normal, np.zeros((1, 1)), 2000, 25.0, seed=3)
    stayed = np.mean(np.diff(chain.samples[:, 0, 0]) == 0)
    assert stayed == pytest.approx(1 - chain.acceptance[0], abs=2e-3) and stayed > 0.9


def test_a_constant_changes_nothing():
    starts = np.random.RandomState(0).normal(size=(3, 2))
    plain = metropolis.sample(normal, starts, 500, 1.0, seed=4)
    lifted = metropolis.sample(lambda x: normal(x) + 1000.0, starts, 500, 1.0, seed=4)
    assert np.array_equal(plain.samples, lifted.samples)
    other = metropolis.sample(normal, starts, 500, 1.0, seed=5)
    assert not np.array_equal(plain.samples, other.samples)


def test_a_box_accepts_inside_and_refuses_outside():
    def box(x):
        return np.where(np.abs(x).max(-1) <= 1, 0.0, -np.inf)

    chain = metropolis.sample(box, np.zeros((4, 2)), 4000, 0.7, seed=6)
    assert np.abs(chain.samples).max() <= 1
    tiny = metropolis.sample(box, np.zeros((4, 2)), 50, 1e-3, seed=6)
    assert (tiny.acceptance == 1).all()
    assert chain.samples.var() == pytest.approx(1 / 3, abs=0.03)


def test_hastings_correction_is_needed_where_moves_are_not_symmetric():
    """Log-normal moves on Exp(1): without log x' - log x the mean is another."""

    def exponential(x):
        return np.where(x[:, 0] > 0, -x[:, 0], -np.inf)

    moves = {"propose": lambda x, normal: x * np.exp(normal)}
    start = np.ones((100, 1))
    right = metropolis.sample(
        exponential, start, 1000, seed=7, burn_in=200, **moves,
        correction=lambda x, new: np.log(new[:, 0]) - np.log(x[:, 0]),
    )  # fmt: skip
    wrong = metropolis.sample(exponential, start, 1000, seed=7, burn_in=200, **moves)
    assert right.samples.mean() == pytest.approx(1.0, abs=0.05)
    assert wrong.samples.mean() < 0.8


def test_small_steps_stay_in_one_mode_of_the_mixture():
    target = targets.targets()["mixture"]
    density = targets.in_numpy(target)
    starts = np.array([[-2.0], [2.0]])
    stuck = metropolis.sample(density, starts, 2000, 0.1, seed=8)
    assert (stuck.samples[:, 0] < 0).all() and (stuck.samples[:, 1] > 0).all()
    assert diagnostics.r_hat(stuck.samples) > 3
    free = metropolis.sample(density, np.repeat(starts, 20, 0), 2500, 4.0, seed=8)
    assert np.mean(free.samples < 0) == pytest.approx(0.30, abs=0.02)
    assert diagnostics.r_hat(free.samples) < 1.01


def test_diagnostics_by_hand():
    samples = np.array([[[0.0], [2.0]], [[2.0], [4.0]]])  # two chains of two steps
    # W = 2, B = 2 * var(1, 3) = 4: sqrt((1/2 * 2 + 4/2) / 2).
    assert diagnostics.r_hat(samples) == pytest.approx(np.sqrt(1.5))
    noise = np.random.RandomState(0).normal(size=20_000)
    assert diagnostics.autocorrelation_time(noise) == pytest.approx(1, abs=0.1)
    # x_t = a x_(t-1) + e has rho_k = a^k and tau = (1 + a) / (1 - a).
    series = [0.0]
    for value in noise:
        series.append(0.8 * series[-1] + value)
    assert diagnostics.autocorrelation_time(np.array(series)) == pytest.approx(9, rel=0.2)
    assert diagnostics.autocorrelation_time(np.full(10, 0.1)) == 10
    still = np.ones((5, 2, 1)) * [[0.0], [1.0]]
    assert np.isinf(diagnostics.r_hat(still))


def test_adaptation_ends_with_the_burn_in():
    start = np.zeros((20, 1))
    chain = metropolis.sample(normal, start, 2000, 0.01, seed=9, burn_in=2000, adapt=0.44)
    assert 1.5 < chain.step < 3.6
    assert chain.acceptance.mean() == pytest.approx(0.44, abs=0.1)


def test_fixed_steps_fail_in_many_dimensions():
    found = []
    for d in (1, 10, 50):
        start = np.random.RandomState(0).normal(size=(20, d))
        found.append(metropolis.sample(normal, start, 1000, 1.0, seed=10).acceptance.mean())
    assert found == pytest.approx([0.706, 0.151, 0.0], abs=0.03)


@pytest.mark.parametrize("name", list(targets.targets()))
def test_tensorflow_walks_the_same_chain(name):
    target = targets.targets()[name]
    start = targets.dispersed(target, 3, seed=1)
    draws = np.random.RandomState(2)
    normals = draws.normal(size=(200, *start.shape))
    uniforms = draws.uniform(size=(200, 3))
    graph = metropolis.sample_tensorflow(
        targets.in_tensorflow(target), start, 200, target.step, draws=(normals, uniforms)
    )
    density, x = targets.in_numpy(target), start
    for number in range(200):
        new = x + target.step * normals[number]
        yes = np.log1p(-uniforms[number]) < density(new) - density(x)
        x = np.where(yes[:, None], new, x)
        assert graph.samples[number] == pytest.approx(x, rel=1e-12, abs=1e-12)
    assert graph.log_density[-1] == pytest.approx(density(x))


def test_tensorflow_reaches_the_normal_density():
    target = targets.targets()["normal"]
    start = targets.dispersed(target, 50)
    chain = metropolis.sample_tensorflow(targets.in_tensorflow(target), start, 1500, 2.4)
    kept = chain.samples[100:]
    assert abs(kept.mean()) < 0.06 and abs(kept.var() - 1) < 0.08
    assert chain.acceptance.mean() == pytest.approx(0.442, abs=0.02)
    again = metropolis.sample_tensorflow(targets.in_tensorflow(target), start, 1500, 2.4)
    assert np.array_equal(chain.samples, again.samples)


def test_densities_of_targets():
    found = targets.targets()
    mixture = targets.in_numpy(found["mixture"])
    x = np.array([[-2.0], [0.3]])
    direct = 0.3 * np.exp(-2 * (x + 2) ** 2) + 0.7 * np.exp(-2 * (x - 2) ** 2)
    assert mixture(x) == pytest.approx(np.log(direct[:, 0]))
    far = targets.in_numpy(found["ring"])(np.array([[40.0, 0.0]]))
    assert np.isfinite(far).all() and far[0] < -1e6


@pytest.mark.parametrize(
    "words, said",
    [
        ({"start": np.zeros(3)}, "chains, d"),
        ({"steps": 0}, "1 step or more"),
        ({"step": -1.0}, "above 0"),
        ({"adapt": 0.4}, "burn-in to tune in"),
        ({"log_density": lambda x: np.full(len(x), -np.inf)}, "density is 0"),
        ({"log_density": lambda x: x}, "has shape"),
    ],
)
def test_impossible_chains_are_refused(words, said):
    words = {"log_density": normal, "start": np.zeros((2, 1)), "steps": 5, **words}
    with pytest.raises(InputError, match=said):
        metropolis.sample(**words)


@pytest.fixture(scope="module")
def recipe():
    return runpy.run_path(str(ROOT / "recipes" / "metropolis.py"), run_name="recipe")["main"]


def test_the_recipe_compares_chains_with_a_gan(recipe, tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    words = ["--samples", "200", "--chains", "4", "--gan-steps", "2", "--width", "8"]
    with eager_steps():
        assert recipe(words) == 0
    rows = (tmp_path / "runs/metropolis/measures.jsonl").read_text().splitlines()
    rows = {(row["target"], row["method"]): row for row in map(json.loads, rows)}
    assert ("normal", "Metropolis, step 2.4") in rows
    gan = rows["ring", "WGAN-GP"]
    assert gan["effective_samples"] == 200 and gan["training_seconds"] > 0
    said = capsys.readouterr().out
    assert "R-hat" in said and "ms/independent" in said
    for name in ("one_dimension", "two_dimensions"):
        assert (tmp_path / f"runs/metropolis/{name}.png").stat().st_size > 10_000


@pytest.mark.parametrize("words", [["--samples", "3"], ["--chains", "1"], ["--gan-steps", "-1"]])
def test_the_recipe_refuses_in_one_line(recipe, tmp_path, monkeypatch, capsys, words):
    monkeypatch.chdir(tmp_path)
    assert recipe(words) == 2
    (reason,) = capsys.readouterr().err.splitlines()
    assert words[0] in reason and not list(tmp_path.iterdir())


def test_the_recipe_names_the_extra_of_its_images(recipe, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert recipe([]) == 2
    (reason,) = capsys.readouterr().err.splitlines()
    assert "[plots]" in reason and not list(tmp_path.iterdir())
