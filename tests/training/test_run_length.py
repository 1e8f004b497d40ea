"""Lengths of runs: steps of embedded worlds, epochs of own data, flags, what is said of them."""

import sys
import types

import pytest

from tfgan_suite import InputError, data
from tfgan_suite.training import older_runs, options, run_length, run_manifest

RECIPE = """
DATA = "shapes"
STEPS = 1500
EPOCHS: int | None = None  # passes over data of your own; default: 100; --paper 200
BATCH: int | None = None
WIDTH = 4
UPSAMPLING: str | None = None

def defaults(options, data):
    return {"epochs": 100, "batch": 4 if data.embedded else 1, "upsampling": "nearest"}
"""


class Source:
    key = "source"

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "tiny.py"
    path.write_text("from __future__ import annotations\n" + RECIPE)
    namespace = {"__file__": str(path)}
    exec(path.read_text(), namespace)
    return namespace


def length(recipe, monkeypatch, *words, count=400, embedded=False):
    monkeypatch.setattr(sys, "argv", ["tiny.py", *words])
    info = types.SimpleNamespace(shape=(8, 8, 3), embedded=embedded)
    return run_length.choose(recipe, options.parse(recipe), info, Source(count))


@pytest.mark.parametrize("batches", [0, -1])
def test_a_step_of_no_batches_is_left_to_the_game_which_refuses_it(recipe, monkeypatch, batches):
    recipe["batches_per_step"] = lambda options: batches
    assert length(recipe, monkeypatch) == run_length.Length(1500, None, "")


@pytest.mark.parametrize(
    "words, count, expected",
    [
        ([], 400, (40_000, 100, "400 pairs: 100 epochs, 40,000 steps; the paper has 200")),
        (["--batch", "3"], 400,
         (13_334, 100, "400 pairs: 100 epochs, 13,334 steps; the paper has 200")),
        # A small folder: the recipe's steps are the least.
        ([], 6, (1500, None, "6 pairs: 250 epochs, 1,500 steps; the paper has 200")),
        (["--epochs", "5"], 6, (30, 5, "6 pairs: 5 epochs, 30 steps; the paper has 200")),
        (["--steps=100"], 400, (100, None, "400 pairs: 0.25 epochs, 100 steps; the paper has 200")),
    ],
)  # fmt: skip
def test_own_data_are_counted_in_epochs(recipe, monkeypatch, words, count, expected):
    assert tuple(length(recipe, monkeypatch, *words, count=count)) == expected


def test_embedded_worlds_keep_their_steps(recipe, monkeypatch):
    assert tuple(length(recipe, monkeypatch, embedded=True)) == (1500, None, "")
    assert tuple(length(recipe, monkeypatch, "--steps", "7", embedded=True)) == (7, None, "")
    typed = length(recipe, monkeypatch, "--epochs", "2", embedded=True)
    assert typed[:2] == (200, 2)  # of batches of 4


def test_a_step_of_several_batches_takes_as_much_of_an_epoch(recipe, monkeypatch):
    recipe["batches_per_step"] = lambda options: 3
    assert length(recipe, monkeypatch, "--batch", "2").steps == 6667


def test_steps_and_epochs_together_are_refused(recipe, monkeypatch):
    with pytest.raises(InputError, match="^--steps and --epochs .*pass one of them"):
        length(recipe, monkeypatch, "--steps", "7", "--epochs", "2")


def test_a_recipe_without_epochs_says_what_its_steps_are(recipe, monkeypatch):
    recipe.pop("EPOCHS")
    recipe["defaults"] = lambda options, data: {"batch": 4}
    assert tuple(length(recipe, monkeypatch)) == (1500, None, "400 pairs: 15 epochs, 1,500 steps")


@pytest.mark.parametrize("name", ["ring", "shapes", "textures", "hues", "eyes", "scenes"])
def test_worlds_are_embedded_and_folders_of_their_names_are_not(name):
    assert data.is_embedded(name) and not data.is_embedded(f"./{name}")


class Game:
    """Counts steps."""

    steps_done = 0


def estimate(steps, seconds_per_step, start=0, per_call=1):
    """What is said during 60 calls of the step of a run that was resumed at a step."""
    said, now, game = [], [0.0], Game()
    callback = run_length.Estimate(steps, said.append, lambda: now[0])
    callback.set_model(game)
    game.steps_done = start
    callback.on_train_begin()
    for step in range(start + per_call, min(start + 60 * per_call, steps) + 1, per_call):
        game.steps_done = step
        # The first steps trace: they do not count.
        now[0] += 100.0 if step - start < 10 else seconds_per_step * per_call
        callback.on_train_batch_end(step)
    return said


def test_the_time_is_estimated_from_the_first_steps():
    assert estimate(40_000, 0.3) == ["the other 39,950 steps take about 3 h 20 min here"]
    assert estimate(40_000, 0.3, start=30_000) == ["the other 9,950 steps take about 50 min here"]
    assert estimate(100, 0.3) == [] == estimate(40, 30.0)
    assert estimate(8000, 0.1, per_call=50) == ["the other 7,900 steps take about 13 min here"]


@pytest.mark.parametrize(
    "seconds, words",
    [(29, "29 s"), (61, "1 min"), (3600, "1 h"), (12_000, "3 h 20 min"), (300_000, "3 days")],
)
def test_durations(seconds, words):
    assert run_length.duration(seconds) == words


def test_constants_that_a_run_is_older_than_differ_only_where_they_are_on():
    data = {"name": "images", "shape": [8, 8, 3], "fingerprint": "0"}
    older = {"recipe": "pix2pix", "constants": {"width": 4}, "data": data}

    def differences(**constants):
        now = {**older, "constants": {"width": 4, **constants}}
        return run_manifest.differences(older, now)

    off = {"paper": False, "augment": "", "test_crops": False, "weight": 0.0, "layer": None}
    assert differences(**off, upsampling="transposed", epochs=7, bit_depth=16) == []
    assert differences(augment="color") == ["augment None (now color)"]
    assert differences(upsampling="nearest") == ["upsampling transposed (now nearest)"]
    # Runs of Wav2Lip, StyleGAN and R3GAN that are older than these constants go on.
    assert differences(sync_term="cross_entropy", convolution_multiplier=1.0) == []
    assert differences(discriminator_width=1, full_width_size=32, crop=False) == []
    assert differences(crop=True) == ["crop None (now True)"]
    # No rate of its own is the generator's.
    rates = {"learning_rate": 0.5, "discriminator_learning_rate": None}
    older["constants"].update(rates)
    assert differences(learning_rate=0.5, discriminator_learning_rate=0.5) == []
    assert differences(**rates) == []
    assert differences(learning_rate=0.5, discriminator_learning_rate=0.25) == [
        "discriminator_learning_rate 0.5 (now 0.25)"
    ]
    for name in rates:
        del older["constants"][name]
    assert differences(sync_term="shortfall") == ["sync_term cross_entropy (now shortfall)"]


def test_a_run_of_an_older_recipe_goes_on_as_it_began(recipe, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["tiny.py"])
    typed = types.SimpleNamespace(steps=1500, epochs=None, batch=None, width=4, upsampling=None)
    chosen = types.SimpleNamespace(steps=40_000, epochs=100, batch=1, width=4, upsampling="nearest")
    older = {"constants": {"steps": 600, "batch": 4, "width": 4}}
    older_runs.keep_constants(older, chosen, typed, recipe)
    assert vars(chosen) == {
        "steps": 600, "epochs": None, "batch": 4, "width": 4, "upsampling": "transposed"
    }  # fmt: skip
    # What is typed binds, and is refused later; a run of today's recipe is left alone.
    typed.upsampling = chosen.upsampling = "bilinear"
    older_runs.keep_constants(older, chosen, typed, recipe)
    assert chosen.upsampling == "bilinear"
    older["constants"].update(epochs=None, upsampling="subpixel")
    typed.upsampling, chosen.upsampling = None, "nearest"
    older_runs.keep_constants(older, chosen, typed, recipe)
    assert chosen.upsampling == "nearest"
