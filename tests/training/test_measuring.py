"""What `--measure-every` measures, what `best/` keeps by it, what TensorBoard shows of a run."""

import json
import shutil
import types
from pathlib import Path

import keras
import numpy as np
import pytest
import tiny_recipe

from tfgan_suite import InputError, compat, data
from tfgan_suite.games import gan
from tfgan_suite.training import best, fit, measuring
from tfgan_suite.training.run_folder import DataInfo, Run

RECIPE = Path(__file__).parents[2] / "recipes" / "gan.py"
OPTIONS = {
    "data": "ring", "steps": 8, "batch": 4, "size": None, "seed": 0, "strategy": "one",
    "precision": "float32", "export": "none", "log_every": 4, "checkpoint_every": 3,
    "measure_every": 2, "measure_extractor": None, "warm_start": None, "epochs": None,
    "steps_per_execution": 1,
}  # fmt: skip
# The best of four measurements is the third; the second one is as good as the first.
SHARES = {2: 0.25, 4: 0.25, 6: 0.75, 8: 0.5}


@pytest.fixture(scope="module")
def game():
    game = gan.GAN(
        gan.build_generator((2,), "mlp", 4, latent_dim=3),
        gan.build_discriminator((2,), "mlp", 4),
        ema_decay=0.9,
    )
    adam = keras.optimizers.Adam
    game.compile(generator=adam(1e-3), discriminator=adam(1e-3), run_eagerly=True)
    return game


@pytest.fixture(scope="module")
def train(game):
    """`train(folder, steps=..)`: from step 0 in a new folder, or on in an old one."""
    first, source = [v.numpy() for v in compat.saved_variables(game)], data.load("ring")
    source.report = lambda points: {
        "points": len(points),
        "good_share": SHARES[game.steps_done],
        "modes_found": 8,
    }

    def call(folder, **changes):
        for variable, value in zip(compat.saved_variables(game), first):
            variable.assign(value)
        options = types.SimpleNamespace(**{**OPTIONS, "run": str(folder), **changes})
        run = Run(folder)
        run.open(RECIPE, options, DataInfo(source.name, source.shape, None, source.fingerprint))
        fit.train(run, game, source, options, log=lambda line: None)
        return [v.numpy() for v in compat.saved_variables(game)]

    return call


@pytest.fixture(scope="module")
def measured(train, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "measured"
    return folder, train(folder)


def lines_of(folder):
    return [json.loads(line) for line in (folder / "measures.jsonl").read_text().splitlines()]


def test_measurements_change_nothing_that_is_trained(measured, train, tmp_path):
    without = train(tmp_path / "run", measure_every=None)
    assert not (tmp_path / "run" / "best").exists()
    assert not (tmp_path / "run" / "measures.jsonl").exists()
    for one, other in zip(measured[1], without):
        np.testing.assert_array_equal(one, other)


def test_the_best_step_is_kept_as_a_run(measured, game):
    folder, _ = measured
    assert [entry["good_share"] for entry in lines_of(folder)] == list(SHARES.values())
    record = best.read(folder)
    assert record == {
        "step": 6, "measure": "good_share x modes_found", "value": 6.0, "better": "higher"
    }  # fmt: skip
    assert "step 6" in best.describe(record) and "higher is better" in best.describe(record)
    run = Run(folder / "best")
    assert run.trained_steps() == 6 and run.manifest["recipe"] == "gan"
    assert len(list((folder / "best" / "checkpoints").glob("*.index"))) == 1


def test_a_resumed_run_keeps_the_same_best_step(measured, train, tmp_path):
    folder = tmp_path / "run"
    train(folder, steps=6)
    # A kill before the next checkpoint: step 6 is measured again.
    for path in (folder / "checkpoints").glob("ckpt-6*"):
        path.unlink()
    after = train(folder)
    for one, other in zip(after, measured[1]):
        np.testing.assert_array_equal(one, other)
    assert lines_of(folder) == lines_of(measured[0])
    assert best.read(folder) == best.read(measured[0])
    assert Run(folder / "best").trained_steps() == 6


def test_a_best_checkpoint_that_cannot_be_written_stops_nothing(measured, game, tmp_path):
    folder = shutil.copytree(measured[0], tmp_path / "run")
    shutil.rmtree(folder / "best")
    (folder / "best").write_text("a file")
    said = []
    best.Best(folder, game, said.append).offer(8, {"good_share": 1.0, "modes_found": 8})
    assert "could not be kept" in said[0]


def test_tensorboard_shows_losses_rates_measures_grids_and_times(measured):
    from tensorboard.backend.event_processing import event_accumulator

    events = event_accumulator.EventAccumulator(str(measured[0] / "logs"))
    events.Reload()
    steps = {tag: [e.step for e in events.Tensors(tag)] for tag in events.Tags()["tensors"]}
    assert steps["generator/adversarial"] == steps["generator/learning_rate"] == [4, 8]
    assert steps["measures/good_share"] == [2, 4, 6, 8]
    assert steps["samples"] == [4, 8]
    assert steps["time/step_seconds"] == steps["time/seconds_with_logs"] == [4, 8]


def headline(values, own=None):
    result = measuring.headline(types.SimpleNamespace(headline_measure=own), values)
    return result and tuple(result)


def test_which_number_says_how_good_a_game_is():
    assert headline({"clean_share": 0.5, "classes_seen": 9, "kid": 1.0}) == (
        "clean_share x classes_seen", 4.5, "higher"
    )  # fmt: skip
    assert headline({"kid": 0.25, "fid": 3.0}) == ("kid", 0.25, "lower")
    assert headline({"psnr_y": 20.0, "swd": 5.0}, ("swd", "lower")) == ("swd", 5.0, "lower")
    assert headline({"psnr_y": 20.0}, ("swd", "lower")) == ("psnr_y", 20.0, "higher")
    assert headline({"images": 5}) is None
    lower = measuring.Headline("kid", 1.0, "lower")
    assert lower.beats(2.0) and not lower.beats(1.0) and not lower.beats(0.5)
    assert measuring.Headline("psnr", 1.0, "higher").beats(0.5)
    assert not measuring.Headline("psnr", float("nan"), "higher").beats(0.5)


class Drawing:
    """A generator from noise that returns given images."""

    headline_measure, takes_examples, outputs_have_truth = None, False, False
    distribute_strategy = None

    def __init__(self, images):
        self.images, self.start = images, 0

    def signatures(self):
        return {}

    def recalibrate_batch_norm(self):
        self.start = 0

    def held_out_measures(self, source):
        return {}

    def generate(self, count, seed):
        self.start += count
        return self.images[self.start - count : self.start]


def test_images_without_an_oracle_are_compared_with_a_fixed_reference():
    source = data.load(tiny_recipe.images())
    measure = measuring.TrainingMeasure(source)
    real = source.take(11, 0)["image"]
    noise = np.random.RandomState(0).uniform(-1, 1, real.shape).astype("f4")
    values = [measure(Drawing(images)) for images in (real, 0 * noise, real)]
    assert values[0]["swd"] == values[2]["swd"] < values[1]["swd"]
    assert values[0]["samples"] == 11 and values[0]["reference"] == "train"


def test_the_statistics_of_batch_norm_are_put_back():
    source = data.load(tiny_recipe.images())
    options = types.SimpleNamespace(width=2)
    game = tiny_recipe.make_game(options, DataInfo("images", source.shape))
    before = [v.numpy() for v in compat.saved_variables(game)]
    with measuring.exported_state(game):
        inside = [v.numpy() for v in compat.saved_variables(game)]
    assert any((one != other).any() for one, other in zip(before, inside))
    for one, other in zip(before, compat.saved_variables(game)):
        np.testing.assert_array_equal(one, other.numpy())


def test_bad_requests(tmp_path):
    source = data.load(tiny_recipe.images())
    options = types.SimpleNamespace(measure_every=None, measure_extractor="vgg16", seed=0)
    with pytest.raises(InputError, match="--measure-every"):
        measuring.create(source, options)
    options.measure_every, options.measure_extractor = 5, str(tmp_path / "none.keras")
    with pytest.raises(InputError, match="no extractor"):
        measuring.create(source, options)
