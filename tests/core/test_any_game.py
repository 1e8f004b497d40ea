"""A kind of game that the suite has never seen, defined here alone: a sequence in, two images out.

This file is its recipe too. It goes the ordinary road: trains, watches, resumes, exports, is used.
"""

import json
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import AdversarialModel, InputError, data
from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.inference.generator import open_generator
from tfgan_suite.training import launch
from tfgan_suite.training.optimizers import FusedAdam
from tfgan_suite.training.run_folder import Run
from tfgan_suite.utils import image_grids

DATA = "chords"
STEPS = 4
BATCH = 4
EXPORT = "none"
LOG_EVERY = 2
CHECKPOINT_EVERY = 2
WIDTH = 8  # hidden units

LENGTH, NOTES = 6, 5


def chords(count, seed):
    """Sequences `(count, 6, 5)`, and what they should look like: their levels on a left and a
    right image."""
    draws = np.random.RandomState(seed).uniform(0, 255, (2, count)).astype("f4")
    sequence = np.ones((count, LENGTH, NOTES), "f4") * draws[0, :, None, None] / 255
    sequence[:, ::2] *= -draws[1, :, None, None] / 255
    left = np.broadcast_to(draws[0, :, None, None, None], (count, 8, 8, 3)).astype("u1")
    right = np.broadcast_to(draws[1, :, None, None, None], (count, 8, 8, 1)).astype("u1")
    return {"sequence": sequence, "left": left, "right": right}


def chord_source(seed=0, test=None):
    arrays = chords(40, seed)
    shapes = {name: array.shape[1:] for name, array in arrays.items()}
    stream = data.Stream(
        "chords",
        40,
        shapes,
        lambda index: {name: tf.gather(array, index) for name, array in arrays.items()},
        f"chords {seed}",
    )
    return data.StreamSource("chords", [stream], key="sequence", test=test, report=read)


def read(examples, outputs):
    """The oracle: how far the images are from those that belong to the sequences."""
    return {side: float(np.mean(np.abs(outputs[side] - examples[side]))) for side in outputs}


class Duet(AdversarialModel):
    """A generator from sequences to two images, a discriminator of the pair."""

    loss_names = ("generator/adversarial", "generator/l1", "discriminator/logistic")
    batch_keys = ("sequence", "left", "right")
    usage = "duet {}"

    def __init__(self, width, seed=0):
        super().__init__(seed=seed, ema_decays={"generator": 0.5})
        sequence = keras.Input((LENGTH, NOTES), name="sequence")
        x = keras.layers.Dense(width, "relu")(keras.layers.Flatten()(sequence))
        sides = [
            keras.layers.Reshape((8, 8, c))(keras.layers.Dense(64 * c, "tanh")(x)) for c in (3, 1)
        ]
        self.generator = keras.Model(sequence, sides)
        pair = keras.Input((8, 8, 4))
        self.discriminator = keras.Model(pair, keras.layers.Dense(1)(keras.layers.Flatten()(pair)))

    def players(self):
        return {"generator": [self.generator], "discriminator": [self.discriminator]}

    def train_step(self, batch):
        def score(left, right):
            return self.discriminator(tf.concat([left, right], -1), training=True)

        def generator_terms():
            left, right = self.generator(batch["sequence"], training=True)
            errors = [tf.abs(left - batch["left"]), tf.abs(right - batch["right"])]
            return {
                "adversarial": tf.reduce_mean(tf.nn.softplus(-score(left, right))),
                "l1": tf.add_n([tf.reduce_mean(error) for error in errors]),
            }

        def discriminator_terms():
            fake = score(*self.generator(batch["sequence"], training=True))
            real = score(batch["left"], batch["right"])
            return {"logistic": tf.reduce_mean(tf.nn.softplus(-real) + tf.nn.softplus(fake))}

        self.update("discriminator", discriminator_terms)
        self.update("generator", generator_terms)
        return self.logs()

    def signatures(self):
        (generator,) = self.ema("generator")

        def play(sequence):
            left, right = generator(sequence, training=False)
            return {"left": left, "right": right}

        return {
            "serving_default": Signature(
                inputs=(TensorSpec("sequence", (LENGTH, NOTES), kind="chords"),),
                output=TensorSpec("left", (8, 8, 3)),
                call=play,
                networks=(generator,),
                further_outputs=(TensorSpec("right", (8, 8, 1)),),
            )
        }


def load_data(options):
    return chord_source(test=lambda: chord_source(seed=1))


def make_game(options, data):
    assert data.shape == (LENGTH, NOTES)
    game = Duet(options.width, seed=options.seed)
    game.compile(generator=FusedAdam(0.05), discriminator=FusedAdam(0.01))
    return game


def train(folder, steps, export="none"):
    """Runs this file as a recipe, with the words of a command line."""
    words = ["chords.py", "--run", str(folder), "--steps", str(steps), "--export", str(export)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as end:
            launch.main(globals())
    return end.value.code


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("duet")
    assert train(folder / "whole", 6) == 0
    assert train(folder / "resumed", 3) == 0
    assert train(folder / "resumed", 6, folder / "exports") == 0
    return folder


def weights(run):
    game, _, _ = Run(run).load()
    networks = [*game.players()["generator"], game.discriminator, *game.ema("generator")]
    return [array for network in networks for array in network.get_weights()]


def test_it_is_watched_and_measured(home):
    samples = home / "resumed" / "samples"
    for name in ("step_00000002", "step_00000004", "step_00000006", "final", "held_out"):
        grid = image_grids.read_png(samples / f"{name}.png")
        # Eight rows of the two images side by side, grey beside colour, enlarged.
        factor = grid.shape[1] // (2 * 10 + 2)
        assert grid.shape == ((8 * 10 + 2) * factor, (2 * 10 + 2) * factor, 3), name
    losses = [json.loads(x) for x in (home / "resumed/losses.jsonl").read_text().splitlines()]
    assert [line["step"] for line in losses] == [2, 4, 6]
    assert set(losses[0]) == {"step", *Duet.loss_names}
    (measured,) = (home / "whole" / "measures.jsonl").read_text().splitlines()
    measured = json.loads(measured)
    held_out = chord_source(seed=1).held_out(256)
    game, _, _ = Run(home / "whole").load()
    left = game.run_signature({"sequence": held_out["sequence"]})["left"]
    assert measured["split"] == "test" and measured["translations"] == 40
    assert measured["left"] == pytest.approx(np.mean(np.abs(left - held_out["left"])), rel=1e-5)


def test_resuming_equals_never_stopping(home):
    expected, resumed = weights(home / "whole"), weights(home / "resumed")
    assert len(expected) == len(resumed) == 14
    for one, other in zip(expected, resumed):
        assert np.array_equal(one, other)


def test_every_format_gives_both_images(home):
    (export,) = (home / "exports").glob("*/1")
    parity = json.loads((export / "parity.json").read_text())["signatures"]["serving_default"]
    assert parity["inputs"] == "representative batches"
    for name in ("saved_model", "tflite_float32", "tflite_float16", "tflite_int8"):
        assert parity[name]["ok"] and set(parity[name]["outputs"]) == {"left", "right"}, name
    card = json.loads((export / "card.json").read_text())
    described = card["export"]["signatures"]["serving_default"]
    assert described["inputs"][0]["kind"] == "chords"
    assert [described["output"]["name"], described["further_outputs"][0]["name"]] == [
        "left", "right"
    ]  # fmt: skip
    sequence = chords(3, 5)["sequence"]
    expected = open_generator(home / "resumed").run_signature({"sequence": sequence})
    assert set(expected) == {"left", "right"} and expected["right"].shape == (3, 8, 8, 1)
    assert np.abs(expected["left"]).max() > 0.01
    for source in (export, export.parent, export / "saved_model.pb",
                   export / "tflite" / "float32.tflite"):  # fmt: skip
        outputs = open_generator(source).run_signature({"sequence": sequence})
        for side in expected:
            np.testing.assert_allclose(outputs[side], expected[side], atol=1e-5, err_msg=source)
    png = open_generator(export).run_signature({"sequence": sequence}, "png")
    decoded = tf.io.decode_png(png["right_bytes"][2]).numpy()
    assert np.abs(decoded.astype(int) - image_grids.to_uint8(expected["right"][2])).max() <= 1


def test_what_cannot_be_drawn_is_asked_for(home):
    generator = open_generator(home / "resumed")
    with pytest.raises(InputError, match=r"'sequence' \(chords\) is missing and cannot be drawn"):
        generator.sample(2)
    with pytest.raises(InputError, match="use `python -m tfgan_suite duet"):
        generator.check_command("sample", "draws no images from noise")
    sampled = generator.sample(2, sequence=chords(2, 0)["sequence"])
    assert sampled["left"].dtype == np.uint8 and sampled["left"].shape == (2, 8, 8, 3)


def test_a_collapse_is_seen_in_each_output():
    from tfgan_suite.training.health import Health

    messages, game = [], Duet(4)
    health = Health(1, messages.append, chord_source().take(32))
    game.compile(generator=keras.optimizers.SGD(0.1), discriminator=keras.optimizers.SGD(0.1))
    health.set_model(game)
    layers = [layer for layer in game.ema("generator")[0].layers if layer.weights]
    layers[1].set_weights([100.0 * layers[1].get_weights()[0], layers[1].get_weights()[1]])
    health._look(1, {})
    assert messages == []
    layers[1].set_weights([0.0 * array for array in layers[1].get_weights()])
    health._look(2, {})
    (message,) = messages
    assert "collapsed" in message and "outputs for 32 examples (left)" in message
