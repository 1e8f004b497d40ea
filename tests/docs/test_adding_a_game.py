"""The worked example of docs/adding_a_game.md is a game as any other."""

import json
import runpy
import sys
import types

import pytest
from harness import GameChecks
from pages import ROOT, python_blocks
from short_runs import eager_steps

from tfgan_suite import games
from tfgan_suite.training import launch

GAME, RECIPE, TEST, FRAME = python_blocks((ROOT / "docs/adding_a_game.md").read_text("utf-8"))
NAME = "tfgan_suite.games.mygan"


def execute(block, name):
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(block, f"{name} of docs/adding_a_game.md", "exec"), vars(module))
    return module


@pytest.fixture(scope="module", autouse=True)
def game():
    """The example's module, where its recipe and its test import it."""
    games.mygan = execute(GAME, NAME)
    yield games.mygan
    del games.mygan, sys.modules[NAME]


@pytest.fixture(scope="module", autouse=True)
def example(game):
    yield execute(TEST, "test_mygan")
    del sys.modules["test_mygan"]


def test_the_papers_equation_holds(example):
    example.test_the_value_at_the_optimum_is_pearsons_divergence()


def test_the_recipe_trains_and_resumes(game, tmp_path, monkeypatch, capsys):
    recipe = tmp_path / "recipes/mygan.py"
    recipe.parent.mkdir()
    recipe.write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    for steps in (1, 2):
        words = [str(recipe), "--steps", str(steps), "--width", "4", "--log-every", "1"]
        words += ["--export", "none", "--batch", "8", "--steps-per-execution", "1"]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as end, eager_steps():
            launch.main(runpy.run_path(str(recipe), run_name="recipe"))
        assert end.value.code == 0
    assert "resuming from step 1 of 2" in capsys.readouterr().out
    losses = (tmp_path / "runs/mygan_ring/losses.jsonl").read_text().splitlines()
    names = {"generator/adversarial", "discriminator/real", "discriminator/fake"}
    assert names <= set(json.loads(losses[-1]))


@pytest.mark.large
class TestExample(GameChecks):
    """All that `GameChecks` gives to the test of the page."""

    def make_game(self, plain=False):
        return sys.modules["test_mygan"].TestMyGAN.make_game(self, plain)

    def examples(self, count):
        return sys.modules["test_mygan"].TestMyGAN.examples(self, count)
