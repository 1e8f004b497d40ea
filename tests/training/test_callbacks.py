"""Health in words, and what is written at which step."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.data.synthetic import gaussians
from tfgan_suite.games import cgan, dcgan
from tfgan_suite.training import callbacks
from tfgan_suite.training import health as health_checks
from tfgan_suite.training.health import Health, first_not_finite, spread_of
from tfgan_suite.training.optimizers import FusedAdam
from tfgan_suite.training.sample_grids import SampleGrid
from tfgan_suite.training.update_sizes import UpdateSizes
from tfgan_suite.utils import image_grids

pytestmark = pytest.mark.usefixtures("eager_module")


def small_game(rate=1e-3, **arguments):
    keras.utils.set_random_seed(1)
    game = dcgan.DCGAN(
        dcgan.build_generator(8, 1, 2, 4), dcgan.build_discriminator(8, 1, 2), **arguments
    )
    game.compile(generator=keras.optimizers.SGD(rate), discriminator=keras.optimizers.SGD(rate))
    return game


def fit(game, steps, *watching, data=None):
    if data is None:
        data = np.random.RandomState(0).uniform(-1, 1, (4, 8, 8, 1)).astype("f4")
    dataset = tf.data.Dataset.from_tensors(data).repeat()
    game.fit(dataset, steps_per_epoch=steps, callbacks=list(watching), verbose=0, shuffle=False)
    return int(game.steps.numpy())


def health(every=1, **arguments):
    told = []
    return Health(every, told.append, **arguments), told


def halves():
    """Real images whose spread is 0.5."""
    images = np.broadcast_to(np.float32([-0.5, 0.5])[:, None, None, None], (2, 8, 8, 1))
    assert spread_of(images) == 0.5
    return {"image": images}


def test_a_nan_in_the_data_stops_the_run_at_once():
    watch, _ = health(every=100)
    done = fit(small_game(), 5, watch, data=np.full((4, 8, 8, 1), np.nan, "f4"))
    assert done == 1
    assert "step 1" in watch.fatal and "discriminator/real" in watch.fatal
    assert "NaN in the data" in watch.fatal


def test_an_infinite_weight_is_named_and_stops_the_run():
    game = small_game()
    kernel = game.generator.get_layer("project").kernel
    kernel.assign(tf.fill(kernel.shape, np.inf))
    # The losses go through batch norm and may be NaN too: look at the weights alone.
    found = first_not_finite(game)
    assert found.endswith("of the generator") and "weight" in found


def test_a_broken_optimizer_state_is_named():
    game = small_game()
    optimizer = keras.optimizers.Adam()
    compat.build_optimizer(optimizer, game.discriminator.trainable_variables)
    game.discriminator_optimizer = optimizer
    slot = compat.tensor_variable(compat.optimizer_variables(optimizer)[-1])
    slot.assign(tf.fill(slot.shape, np.nan))
    assert "discriminator's optimizer" in first_not_finite(game)


def test_a_healthy_run_says_nothing():
    watch, told = health()
    assert fit(small_game(), 3, watch) == 3
    assert watch.fatal is None and told == [] and watch.warnings == []


def test_a_collapse_after_diversity_is_told_once():
    watch, told = health(examples=halves())
    game = small_game(rate=0.0)
    draws = iter([0.4, 0.4, 0.001, 0.001])
    game.generate = lambda count, seed: (
        next(draws) * np.random.RandomState(0).normal(size=(count, 8, 8, 1))
    )
    fit(game, 4, watch)
    assert len(told) == 1 and "step 3" in told[0] and "collapsed" in told[0]
    assert len(watch.warnings) == 2
    assert watch.fatal is None


def test_kinds_that_disappear_are_named_once():
    """Modes of the ring 0 and 1, then 0 alone, then both again; a stray point is no kind."""
    watch, told = health(oracle=lambda points: gaussians.report(points, "ring"))
    centres = gaussians.WORLDS["ring"].centres
    stray = [0] * 253 + [1] * 3
    draws = iter([[0, 1] * 128, [0] * 256, [0, 1] * 128, [0] * 256, stray, [0] * 256])
    game = small_game(rate=0.0)
    game.collapse_pairs = lambda examples: {}
    game.generate = lambda count, seed: centres[next(draws)]
    fit(game, 6, watch)
    assert len(told) == 1 and len(watch.warnings) == 3
    assert "step 2" in told[0] and "mode 1, which appeared before" in told[0]
    assert "1 of 8 kinds appear: no mode 1, mode 2, mode 3" in told[0] and "and 1 more" in told[0]


def test_kinds_that_never_appeared_are_no_warning():
    watch, told = health(oracle=lambda points: gaussians.report(points, "ring"))
    draws = iter([[0] * 253 + [1] * 3, [0] * 256])
    game = small_game(rate=0.0)
    game.collapse_pairs = lambda examples: {}
    game.generate = lambda count, seed: gaussians.WORLDS["ring"].centres[next(draws)]
    fit(game, 2, watch)
    assert told == []


def test_an_untrained_even_generator_has_not_collapsed():
    watch, told = health(examples=halves())
    game = small_game(rate=0.0)
    game.generate = lambda count, seed: np.full((count, 8, 8, 1), 0.1)
    fit(game, 3, watch)
    assert told == []


def test_a_discriminator_that_wins_is_told():
    watch, told = health()
    game = small_game(rate=0.0)
    game.discriminator = tiny_certain_discriminator()
    game.compile(generator=keras.optimizers.SGD(0.0), discriminator=keras.optimizers.SGD(0.0))
    fit(game, 1, watch, data=np.ones((4, 8, 8, 1), "f4"))
    assert len(told) == 1 and "wins outright" in told[0]


def tiny_certain_discriminator():
    """Logit 100 for white images, -100 for grey ones."""
    image = keras.Input((8, 8, 1))
    head = keras.layers.Dense(1)
    discriminator = keras.Model(image, head(keras.layers.GlobalAveragePooling2D()(image)))
    head.set_weights([np.array([[200.0]], "f4"), np.array([-100.0], "f4")])
    return discriminator


def test_lines_and_grids_come_at_multiples_of_their_steps(tmp_path):
    game = small_game()
    grid = SampleGrid(tmp_path / "samples", 2, count=4)
    log = callbacks.LossLog(tmp_path / "losses.jsonl", 3)
    fit(game, 7, grid, log)
    fit(game, 2, grid, log)
    assert sorted(p.name for p in (tmp_path / "samples").iterdir()) == [
        f"step_{step:08d}.png" for step in (2, 4, 6, 8)
    ]
    lines = [json.loads(line) for line in (tmp_path / "losses.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [3, 6, 9]
    assert set(lines[0]) == {"step", *game.loss_names}


def test_a_grid_holds_the_images_of_the_game(tmp_path):
    game = small_game()
    fit(game, 1, SampleGrid(tmp_path, 1, count=4, seed=7))
    grid = image_grids.read_png(tmp_path / "step_00000001.png")
    factor = grid.shape[0] // 22  # two images of 8 pixels and three gaps of 2
    first = grid[2 * factor : 10 * factor : factor, 2 * factor : 10 * factor : factor, 0]
    expected = image_grids.to_uint8(game.generate(4, seed=7))[0, :, :, 0]
    assert np.array_equal(first, expected)


def test_tensorboard_gets_losses_rates_and_grids(tmp_path):
    writer = tf.summary.create_file_writer(str(tmp_path))
    log = callbacks.LossLog(tmp_path / "l", 1, writer)
    grid = SampleGrid(tmp_path / "samples", 1, count=4, writer=writer)
    fit(small_game(rate=0.25), 1, log, grid)
    writer.close()
    (events,) = tmp_path.glob("events*")
    tags = {}
    for record in tf.data.TFRecordDataset(str(events)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for item in event.summary.value:
            tags[item.tag] = tf.make_ndarray(item.tensor)
    assert tags["discriminator/learning_rate"] == 0.25
    assert {"discriminator/real", "generator/adversarial", "samples"} <= set(tags)


def test_measures_are_taken_at_their_steps(tmp_path):
    path = tmp_path / "measures.jsonl"
    fit(small_game(), 5, callbacks.MeasureEvery(lambda game: {"answer": 42.0}, 2, path))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == [{"step": 2, "answer": 42.0}, {"step": 4, "answer": 42.0}]


def test_linear_decay_is_a_function_of_the_step(tmp_path):
    game, decay = small_game(rate=1.0), callbacks.LinearDecay(2, 6)
    assert [decay.factor(step) for step in range(8)] == [1, 1, 1, 0.75, 0.5, 0.25, 0, 0]
    fit(game, 5, decay)
    assert compat.get_learning_rate(game.discriminator_optimizer) == pytest.approx(0.5)
    path = tf.train.Checkpoint(game=game).save(str(tmp_path / "ckpt"))
    again = small_game(rate=1.0)
    tf.train.Checkpoint(game=again).restore(path)
    fit(again, 1, callbacks.LinearDecay(2, 6))
    assert compat.get_learning_rate(again.generator_optimizer) == pytest.approx(0.25)


def test_a_learning_rate_that_replaces_the_weights_is_told_once():
    watch, told = health(every=2)
    game = small_game()
    game.compile(generator=FusedAdam(0.05), discriminator=FusedAdam(1e-3))
    fit(game, 8, watch)
    lines = [line for line in told if "of their size" in line]
    assert len(lines) == 1 and "step 2" in lines[0]
    assert "weights of the generator" in lines[0] and "0.05, by 10 or more" in lines[0]
    # Adam's second step moves every weight by about the rate; they were drawn with 0.02.
    share = float(lines[0].partition(" by ")[2].partition("%")[0])
    assert 30 < share < 400


def test_sizes_of_updates_by_hand():
    game = small_game()
    sizes = UpdateSizes(game)
    sizes.remember(3)
    for kernel in game.discriminator.trainable_variables:
        kernel.assign(compat.tensor_variable(kernel) * 1.5)
    shares = sizes.compare(5)  # by a half in two steps
    assert shares["generator"] == 0.0 and shares["discriminator"] == pytest.approx(0.25)
    assert sizes.compare(6) == {}


def blind_losses(game, steps, *looks):
    """What the health check says when it looks at these losses at these steps."""
    watch, told = health()
    watch.set_model(game)
    game.collapse_pairs = lambda examples: {}
    for step, (real, fake) in zip(steps, looks):
        watch._look(step, {"discriminator/real": real, "discriminator/fake": fake})
    return told


def test_a_discriminator_that_stays_at_a_draw_is_blind():
    half, game = float(np.log(2.0)), small_game()
    blind = (half, half + 1e-4)
    (line,) = blind_losses(game, (50, 150, 200), blind, blind, blind)
    assert "step 150" in line and "blind" in line and "1.3864" in line and "divided by 4" in line
    # Normal at the start, and it has to last.
    assert not blind_losses(game, (1, 50, 100), blind, blind, blind)
    assert not blind_losses(game, (50, 100, 200), blind, (0.68, 0.69), blind)
    # Logits of 0.1 and -0.1 already tell something.
    told = float(np.log1p(np.exp(-0.1)))
    assert not blind_losses(game, (50, 150), (told, told), (told, told))
    assert not blind_losses(game, (50, 150), (0.65, 0.74), (0.65, 0.74))  # the sum is a draw


def test_a_message_with_other_numbers_is_still_the_same_message(monkeypatch):
    watch, told = health()
    game = small_game()
    watch.set_model(game)
    slopes = iter([3.25, 4.5, 1234.0])
    monkeypatch.setattr(game, "diagnose", lambda logs: [f"the slope is {next(slopes):,.2f}, not 1"])
    lasting = iter([0.5, 0.25, 0.125])
    monkeypatch.setattr(
        game, "diagnose_lasting", lambda logs: [f"it stays at {next(lasting)}; start again"]
    )
    for step in (50, 150, 250):
        watch._look(step, {})
    # Each is said once: the first at once, the second where it lasts.
    slope, stays = told
    assert "step 50: warning: the slope is 3.25, not 1" in slope
    assert "step 150: warning: it stays at 0.25" in stays


def test_the_draw_of_other_losses():
    for loss, draw in (("least_squares", 0.125), ("wasserstein", 0.0), ("hinge", 1.0)):
        game = small_game(loss=loss)
        lines = blind_losses(game, (50, 150), (draw, draw), (draw, draw))
        assert len(lines) == (loss == "least_squares"), loss
    game, half = small_game(pairing=True), float(np.log(2.0))
    assert len(game.diagnose_lasting({"discriminator/pairs": half})) == 1
    assert not game.diagnose_lasting({"discriminator/pairs": half - 0.01})
    assert not small_game(label_smoothing=0.1).diagnose_lasting(
        {"discriminator/real": half, "discriminator/fake": half}
    )


def test_a_generator_that_never_listened_to_its_input_is_told():
    watch, told = health(examples=halves())
    game = small_game(rate=0.0)
    watch.set_model(game)
    spreads = {10: 0.001, 60: 0.001, 110: 0.001, 160: 0.001}
    for step, spread in spreads.items():
        samples = spread * np.random.RandomState(0).normal(size=(32, 8, 8, 1))
        game.generate = lambda count, seed, samples=samples: samples
        watch._look(step, {})
    (line,) = told
    assert "step 110" in line and "ignores its input" in line and "real examples 0.5" in line
    assert len(watch.warnings) == 2


def test_samples_of_one_class_differ_in_z_alone():
    """Samples of all classes differ although z may do nothing."""
    form = ((8, 8, 1), 3, "concat", "conv")
    networks = cgan.build_generator(*form, 2, 6), cgan.build_discriminator(*form, 2, norm="none")
    game, labels = cgan.CGAN(*networks, classes=3), []
    images = np.random.RandomState(0).normal(size=(12, 8, 8, 1))

    def generate(count=1, seed=0, **inputs):
        labels.append(inputs.get("label"))
        return images[:5]

    game.generate = generate
    label = np.array([0, 1, 1, 2] * 3)
    pairs = game.collapse_pairs({"image": images, "label": label})
    real, samples = pairs["samples of class 1"]
    np.testing.assert_array_equal(real, images[label == 1])
    assert labels[0] is None and len(labels[1]) == 32 and (labels[1] == 1).all()
    assert set(pairs) == {"samples", "samples of class 1"} and len(samples) == 5


@pytest.mark.parametrize("scale, lines", [(0.0, 1), (100.0, 0)])
def test_a_dead_discriminator_is_told_while_it_trains(monkeypatch, scale, lines):
    monkeypatch.setattr(health_checks, "LASTING_STEPS", 2)
    game, (watch, told) = small_game(rate=0.0), health()
    head = [layer for layer in game.discriminator.layers if layer.weights][-1]
    head.set_weights([scale * array for array in head.get_weights()])
    fit(game, 5, watch)
    assert len([line for line in told if "blind" in line]) == lines
