"""benchmarks/quality.py: what it runs, what it skips, what its tables say."""

import json
import sys
from pathlib import Path

import pytest
import quality


@pytest.fixture
def played(monkeypatch):
    """Recipes that only write what a run would leave behind; the calls they got."""
    calls = []

    def recipe(game, run, *flags):
        calls.append((game, run, flags))
        Path(run).mkdir(parents=True)
        seed = int(flags[flags.index("--seed") + 1])
        line = {"step": 9, "seed": 1, "modes_found": 6 + seed, "modes": 8}
        line["good_share"] = 0.5 + seed / 10
        (Path(run) / "measures.jsonl").write_text(json.dumps(line) + "\n")
        return 2.0

    monkeypatch.setattr(quality, "_recipe", recipe)
    return calls


def run(monkeypatch, tmp_path, *words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["quality.py", *words])
    return quality.main()


def test_points_give_the_median_and_the_range(monkeypatch, tmp_path, played, capsys):
    words = ["points", "--games", "gan --loss minimax", "--worlds", "ring", "--seeds"]
    assert run(monkeypatch, tmp_path, *words, "2", "0", "1") == 0
    cells = capsys.readouterr().out.splitlines()[-1].strip("| ").split(" | ")
    assert cells[:2] == ["`gan --loss minimax`", "ring"]
    assert cells[2:] == ["7 (6 to 8) of 8", "60.0 (50.0 to 70.0) %", "3", "2"]
    assert [call[2] for call in played] == [("--data", "ring", "--seed", s) for s in "201"]
    assert len({call[1] for call in played}) == 3


def test_what_is_measured_is_not_run_again(monkeypatch, tmp_path, played, capsys):
    words = ["points", "--games", "gan", "--worlds", "ring", "--seeds", "0"]
    assert run(monkeypatch, tmp_path, *words) == 0
    assert run(monkeypatch, tmp_path, *words, "1") == 0
    assert len(played) == 2
    assert len((tmp_path / "quality.jsonl").read_text().splitlines()) == 2


def test_images_have_a_column_for_every_measure():
    rows = [
        {"game": "a", "steps": 100, "seconds": 9, "images_per_s": 50.0 + s, "FID-x": 3.0 + s}
        for s in (0, 1, 2)
    ]
    head, _, line = quality.images_table(rows).splitlines()
    assert head == "| game | FID-x | images/s | steps | seeds |"
    assert line == "| `a` | 4 (3 to 5) | 51 | 100 | 3 |"


def test_of_two_seeds_numbers_have_their_mean_and_counts_the_lower():
    """The better seed alone would flatter a game."""
    assert quality._spread([0.5, 0.75], ".3g") == "0.625 (0.5 to 0.75)"
    assert quality._spread([8, 7], "d") == "7 (7 to 8)"


def test_the_pace_of_a_run_comes_from_its_last_two_grids(tmp_path):
    import os

    (tmp_path / "samples").mkdir()
    (tmp_path / "run.json").write_text('{"constants": {"batch": 8, "discriminator_steps": 5}}')
    for step, time in ((10, 100.0), (20, 103.0), (30, 105.0)):
        path = tmp_path / "samples" / f"step_{step:08d}.png"
        path.touch()
        os.utime(path, (time, time))
    assert quality._pace(str(tmp_path)) == {"seconds_a_step": 0.2, "images_per_s": 200.0}
    (tmp_path / "run.json").write_text('{"constants": {"batch": 8, "critic_steps": 2}}')
    assert quality._pace(str(tmp_path)) == {"seconds_a_step": 0.2, "images_per_s": 80.0}


def test_a_games_pace_is_measured_once(monkeypatch, tmp_path, capsys):
    calls = []
    monkeypatch.setattr(quality, "_recipe", lambda *words: calls.append(words))
    monkeypatch.setattr(quality, "_pace", lambda run: {"seconds_a_step": 0.5, "images_per_s": 64.0})
    words = ["images", "--games", "gan", "lsgan --norm none", "--data", "p", "--extractor", "c"]
    assert run(monkeypatch, tmp_path, *words, "--pace-only") == 0
    assert run(monkeypatch, tmp_path, *words, "--pace-only") == 0
    assert [call[0] for call in calls] == ["gan", "lsgan --norm none"]
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert said == 4 * [{"seconds_a_step": 0.5, "images_per_s": 64.0}]


def test_the_ruler_stands_below_the_games():
    values = {"FID-x": 3.0, "FID-x, real against real": 0.5, "FID-x, blurred real": 9.0}
    rows = [{"game": "a", "steps": 100, "seconds": 9, "images_per_s": 50.0, **values}]
    head, _, game, real, blurred = quality.images_table(rows).splitlines()
    assert head == "| game | FID-x | images/s | steps | seeds |"
    assert game == "| `a` | 3 | 50 | 100 | 1 |"
    assert real == "| real against real | 0.5 | | | |"
    assert blurred == "| blurred real | 9 | | | |"
