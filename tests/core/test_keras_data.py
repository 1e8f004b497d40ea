"""Data as users of Keras pass them to a game, and what a game says of them."""

import numpy as np
import pytest
import tensorflow as tf
from harness import assert_same_bits, state
from keras_games import IMAGES, POINTS, batches, image_game, points_game

from tfgan_suite import InputError
from tfgan_suite.core import first_batch
from tfgan_suite.utils import notices


def logged(caplog, monkeypatch):
    monkeypatch.setattr(notices, "_SAID", set())
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.fixture(scope="module")
def untrained():
    """A game of images that all refusals share: they leave it as it is."""
    return image_game()


@pytest.mark.parametrize("call", ["fit", "evaluate", "train_on_batch", "validation_data"])
@pytest.mark.parametrize("kind", ["array", "data set"])
@pytest.mark.parametrize(("dtype", "words"), [("u1", "are uint8"), ("f4", "from 0 to 255")])
def test_images_of_bytes_are_refused_before_a_step(untrained, call, kind, dtype, words):
    images, game = IMAGES.astype(dtype), untrained
    before = int(game.steps.numpy())
    if call == "train_on_batch" and kind == "data set":
        images = tf.constant(images)
    elif kind == "data set":
        images = batches(images)
    with pytest.raises(InputError, match=f"{words}.*/ 127.5 - 1.0"):
        if call == "validation_data":
            game.fit(IMAGES / np.float32(127.5) - 1.0, validation_data=images, verbose=0)
        else:
            getattr(game, call)(images, **({} if call == "train_on_batch" else {"verbose": 0}))
    if call != "validation_data":
        assert int(game.steps.numpy()) == before


def test_the_look_at_the_first_batch_traces_nothing_and_drops_nothing():
    games = [points_game(eagerly=False) for _ in range(2)]
    games[1].checks_examples = False
    traces = []
    step = games[0].train_step
    games[0].train_step = lambda batch: traces.append(batch) or step(batch)
    for game in games:
        game.fit(batches().shuffle(4, seed=1), epochs=2, verbose=0)
    assert len(traces) == 1
    assert_same_bits(state(games[0]), state(games[1]))


def test_images_in_0_1_are_mentioned_once(caplog, monkeypatch):
    messages = logged(caplog, monkeypatch)
    for _ in range(2):
        first_batch.check_range(IMAGES / np.float32(255.0), ("image",), "GAN")
    (message,) = messages()
    assert "lie in [0, 1]" in message and "2.0 * images - 1.0" in message


def test_labels_that_no_loss_reads_are_mentioned(caplog, monkeypatch):
    messages = logged(caplog, monkeypatch)
    game = points_game()
    game.fit(POINTS, np.zeros(len(POINTS)), verbose=0)
    (message,) = messages()
    assert "ignores the labels" in message and "CGAN" in message
    assert int(game.steps.numpy()) == 1


@pytest.mark.parametrize("weights", ["sample_weight", "class_weight", "batches"])
def test_weights_of_examples_are_refused(weights):
    game = points_game()
    with pytest.raises(InputError, match=r"got .*weight.*plain means"):
        if weights == "batches":
            game.fit(batches((POINTS, POINTS, POINTS[:, 0])), verbose=0)
        else:
            game.fit(POINTS, **{weights: np.ones(len(POINTS))}, verbose=0)


@pytest.mark.parametrize("count", [4, 36])  # a batch, and what 32 leave of 36
def test_a_batch_that_is_too_small_for_its_updates_is_refused(count):
    game = points_game(discriminator_steps=5)
    with pytest.raises(InputError, match="batch of 4 examples.*5 updates.*drop_remainder"):
        game.fit(np.zeros((count, 2), "f4"), verbose=0)


def test_dicts_reach_the_step_from_arrays_too():
    game = points_game()
    game.fit({"point": POINTS}, verbose=0)
    game.train_on_batch({"point": POINTS})
    assert int(game.steps.numpy()) == 2
