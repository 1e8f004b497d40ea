"""The two learning curves: filters, ranks, logs of runs, fitted estimates, the recipe."""

import json
import math
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.measures import curves, transport

ROOT = Path(__file__).parents[2]
LOG2 = math.log(2.0)


def test_the_two_point_world_of_the_sheet():
    real, fake = np.array([0.5, 0.5]), np.array([0.9, 0.1])
    best = curves.optimal_discriminator(real, fake)
    assert best == pytest.approx([0.357143, 0.833333], abs=1e-6)
    assert curves.gan_value(real, fake, best) == pytest.approx(-1.182796, abs=1e-6)
    assert transport.jensen_shannon(real, fake) == pytest.approx(0.101749, abs=1e-6)
    assert transport.jensen_shannon([1.0, 0.0], [0.0, 1.0]) == pytest.approx(LOG2)
    assert transport.jensen_shannon(real, real) == pytest.approx(0.0, abs=1e-12)


def test_ascending_the_value_finds_the_optimal_discriminator():
    real, fake = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.3, 0.6])
    logits = np.zeros(3)
    for _ in range(2000):
        probability = 1.0 / (1.0 + np.exp(-logits))
        logits += real * (1.0 - probability) - fake * probability  # dV / d logit
    found = 1.0 / (1.0 + np.exp(-logits))
    best = curves.optimal_discriminator(real, fake)
    assert found == pytest.approx(best, abs=1e-6)
    assert curves.gan_value(real, fake, best) >= curves.gan_value(real, fake, best + 0.01)


def test_the_median_filter_takes_out_spikes_and_keeps_steps():
    values = np.array([0.0, 0.0, 9.0, 0.0, 0.0, 5.0, 5.0, 5.0, 5.0, 6.0])
    found = curves.median_filter(values, 3)
    assert found.tolist() == [0.0, 0.0, 0.0, 0.0, 0.0, 5.0, 5.0, 5.0, 5.0, 6.0]
    assert curves.median_filter(values, 1).tolist() == values.tolist()
    wide = curves.median_filter(values, 101)
    assert wide[0] == 0.0 and wide[-1] == 6.0 and wide[4] == np.median(values[:9])
    assert curves.median_filter([], 3).shape == (0,)


@pytest.mark.parametrize("window", [0, 2, -1, 2.5])
def test_a_window_without_a_middle_is_refused(window):
    with pytest.raises(InputError, match="odd"):
        curves.median_filter([1.0, 2.0], window)


def test_rank_correlation_is_spearmans():
    assert curves.rank_correlation([1, 2, 3, 4], [1, 10, 11, 500]) == pytest.approx(1.0)
    assert curves.rank_correlation([1, 2, 3], [9, 5, 0]) == pytest.approx(-1.0)
    # 1 - 6 sum d^2 / (n (n^2 - 1)) with d = (0, 1, 1, 2, 0, 2)
    found = curves.rank_correlation([1, 2, 3, 4, 5, 6], [1, 3, 2, 6, 5, 4])
    assert found == pytest.approx(1 - 6 * 10 / 210)
    # Ties share 1.5: ranks (1.5, 1.5, 3) against (1, 2, 3).
    assert curves.rank_correlation([1, 1, 2], [1, 2, 3]) == pytest.approx(math.sqrt(3) / 2)
    for first, second in (([1, 1], [1, 2]), ([1], [1]), ([1, 2], [1, 2, 3])):
        with pytest.raises(InputError):
            curves.rank_correlation(first, second)


def a_run(folder, lines, **constants):
    folder.mkdir()
    content = {
        "version": "0.2.0",
        "recipe": "gan",
        "stack": "keras3",
        "constants": constants,
        "data": {"name": "ring", "shape": [2], "fingerprint": "0"},
    }
    (folder / "run.json").write_text(json.dumps(content))
    (folder / "losses.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_the_curve_of_a_run(tmp_path):
    lines = [{"step": 10 * i, "critic/wasserstein": -1.0 / i} for i in (1, 2, 4)]
    curve = curves.curve_of_run(a_run(tmp_path / "wgan", lines))
    assert (curve.kind, curve.name) == ("wasserstein", "wgan")
    assert curve.steps.tolist() == [10, 20, 40] and curve.values.tolist() == [1.0, 0.5, 0.25]
    lines = [{"step": 5, "discriminator/real": LOG2, "discriminator/fake": 0.0}]
    found = curves.curve_of_run(a_run(tmp_path / "dcgan", lines, loss="non_saturating"))
    assert found.kind == "jsd" and found.values == pytest.approx([LOG2 / 2])
    lines = [
        {"step": 5, "discriminator/jsd": 0.25, "discriminator/real": 1.0, "discriminator/fake": 1.0}
    ]
    assert curves.curve_of_run(a_run(tmp_path / "gan", lines)).values.tolist() == [0.25]


@pytest.mark.parametrize(
    "lines, constants",
    [
        (
            [{"step": 1, "discriminator/real": 0.2, "discriminator/fake": 0.2}],
            {"loss": "least_squares"},
        ),
        ([{"step": 1, "discriminator/real": 0.2, "discriminator/fake": 0.2}], {}),
        (
            [{"step": 1, "discriminator/real": 0.2, "discriminator/fake": 0.2}],
            {"loss": "minimax", "label_smoothing": 0.1},
        ),
        ([], {"loss": "minimax"}),
    ],
)
def test_a_run_that_estimates_nothing_is_refused(tmp_path, lines, constants):
    with pytest.raises(InputError, match="neither|no losses"):
        curves.curve_of_run(a_run(tmp_path / "run", lines, **constants))


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="run.json"):
        curves.curve_of_run(tmp_path)
    folder = a_run(tmp_path / "run", [{"step": 1}])
    (folder / "losses.jsonl").write_text('{"step"\n')
    with pytest.raises(InputError, match="line 1"):
        curves.curve_of_run(folder)


def test_the_examples_stand_where_they_should():
    def lines(theta, step):
        return [np.array(one) for one in curves.parallel_lines(np.float32(theta), np.int64(step))]

    real, fake = lines(0.7, 3)
    assert np.all(real[:, 0] == 0.0) and np.allclose(fake[:, 0], 0.7)
    assert np.array_equal(real, lines(0.2, 3)[0]) and not np.array_equal(real, lines(0.7, 4)[0])
    assert not np.allclose(real[:, 1], fake[:, 1])
    heights = np.concatenate([lines(0.0, step)[0][:, 1] for step in range(20)])
    assert heights.min() >= 0 and heights.max() < 1
    assert heights.mean() == pytest.approx(0.5, abs=0.03)
    real, fake = curves.two_points(np.float32(0.3), np.int64(0))
    assert np.all(real == 0.0) and np.allclose(fake, 0.3)


def test_impossible_fits_are_refused():
    with pytest.raises(InputError, match="wasserstein, jsd"):
        curves.fitted_estimates("kl", curves.two_points, [1.0])
    with pytest.raises(InputError, match="steps is 0"):
        curves.fitted_estimates("jsd", curves.two_points, [1.0], steps=0)


def test_an_estimate_hangs_on_its_own_theta_alone():
    """Every fit begins with the same weights and the same optimizer."""
    several = curves.fitted_estimates("jsd", curves.two_points, [0.5, 0.1, 0.5], steps=5, width=4)
    assert several[0] == several[2] != several[1]


def play(monkeypatch, folder, *words):
    monkeypatch.chdir(folder)
    return runpy.run_path(str(ROOT / "recipes" / "curves.py"), run_name="recipe")["main"](words)


def test_the_lectures_two_curves(tmp_path, monkeypatch, capsys):
    """Rank correlation 1 for the distance, log 2 for the divergence, as one figure."""
    pytest.importorskip("matplotlib")
    assert play(monkeypatch, tmp_path, "--theta", "0", ".4", "1") == 0
    rows = [json.loads(line) for line in (tmp_path / "curves/curves.jsonl").open()]
    for row in rows[-2:]:
        assert row["rank_correlation"] == pytest.approx(1.0)
        assert 0.66 < row["smallest_jsd"] <= row["largest_jsd"] <= LOG2
    for row in rows[:-2]:
        if row["theta"] == 0.0:
            assert abs(row["jsd"]) < 0.02 and abs(row["wasserstein"]) < 0.005
    # Much the same factor for every distance.
    lines = [row for row in rows[:-2] if row["example"] == "parallel lines" and row["theta"]]
    factors = [row["wasserstein"] / row["theta"] for row in lines]
    assert max(factors) < 1.5 * min(factors)
    assert (tmp_path / "curves/curves.png").read_bytes()[:4] == b"\x89PNG"
    assert "curves.png" in capsys.readouterr().out


def test_the_curves_of_two_runs(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    lines = [{"step": i, "critic/wasserstein": -1.0 / i} for i in range(1, 8)]
    a_run(tmp_path / "wgan", lines)
    a_run(tmp_path / "gan", [{"step": i, "discriminator/jsd": 0.6} for i in range(1, 4)])
    words = ["--run-folder", "wgan", "gan", "--out", "figures", "--median", "3"]
    assert play(monkeypatch, tmp_path, *words) == 0
    rows = [json.loads(line) for line in (tmp_path / "figures/runs.jsonl").open()]
    assert len(rows) == 10 and rows[0] == {
        "run": "wgan", "kind": "wasserstein", "step": 1, "value": 1.0, "median": 1.0
    }  # fmt: skip
    assert (tmp_path / "figures/runs.png").is_file()


def test_losses_of_a_run_are_read_as_they_are_logged(tmp_path):
    lines = [{"step": 10, "critic/slope": 2.0, "critic/gp": 3.0}]
    lines.append({"step": 20, "critic/slope": 1.0, "critic/gp": 0.5})
    folder = a_run(tmp_path / "wgan", lines)
    gp, slope = curves.losses_of_run(folder, ["critic/gp", "critic/slope"])
    assert (gp.kind, gp.name, gp.values.tolist()) == ("critic/gp", "wgan", [3.0, 0.5])
    assert slope.steps.tolist() == [10, 20] and slope.values.tolist() == [2.0, 1.0]
    with pytest.raises(InputError, match="critic/gp, critic/slope"):
        curves.losses_of_run(folder, ["discriminator/real"])


def test_the_losses_of_two_runs_are_one_small_figure(tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    for name in ("healthy", "sick"):
        losses = [{"step": i, "discriminator/real": 1.0 / i} for i in range(1, 8)]
        a_run(tmp_path / name, losses)
    words = ["--run-folder", "healthy", "sick", "--losses", "discriminator/real"]
    assert play(monkeypatch, tmp_path, *words, "--draw-value", "0.69", "--out", "figures") == 0
    picture = (tmp_path / "figures/losses.png").read_bytes()
    assert int.from_bytes(picture[16:20], "big") == 700 and len(picture) < 40_000
    assert "losses.png" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words, said",
    [
        (["--losses", "generator/l1"], "--run-folder"),
        (["--run-folder", "nowhere", "--draw-value", "1"], "--losses"),
        (["--median", "4"], "odd"),
        (["--theta", "1"], "two or more"),
        (["--clip", "0"], "above 0"),
        (["--run-folder", "nowhere"], "run.json"),
    ],
)
def test_bad_input_is_a_line_and_code_2(tmp_path, monkeypatch, capsys, words, said):
    pytest.importorskip("matplotlib")
    assert play(monkeypatch, tmp_path, *words) == 2
    (reason,) = capsys.readouterr().err.splitlines()
    assert reason.startswith("curves.py: ") and said in reason


def test_an_unknown_flag_is_a_line_and_code_2(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit) as end:
        play(monkeypatch, tmp_path, "--tetha", "1")
    assert end.value.code == 2 and len(capsys.readouterr().err.splitlines()) == 1


def test_without_matplotlib_the_extra_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert play(monkeypatch, tmp_path) == 2
    assert ".[plots]" in capsys.readouterr().err
