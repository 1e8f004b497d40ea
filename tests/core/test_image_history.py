"""The history of images: how it fills, what it replaces, draws and refuses."""

import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import InputError
from tfgan_suite.core.image_history import ImageHistory


def tagged(first, number):
    """Images whose pixels are a number of their own."""
    tags = np.arange(first, first + number, dtype="f4")
    return tf.constant(np.broadcast_to(tags[:, None, None, None], (number, 2, 3, 1)))


def tags_of(images):
    return [int(tag) for tag in np.asarray(images)[:, 0, 0, 0]]


def test_the_history_fills_and_then_replaces_half_a_batch():
    history, half = ImageHistory(10, (2, 3, 1)), 4
    before, out_of_order = tags_of(history.images), 0
    for step in range(40):
        history.push(tagged(100 + half * step, half), "0", step)
        after = tags_of(history.images)
        assert sum(a != b for a, b in zip(before, after)) == half
        assert int(history.filled.numpy()) == min(half * (step + 1), 10)
        assert sum(tag >= 100 for tag in after) == min(half * (step + 1), 10)
        assert set(range(100 + half * step, 100 + half * (step + 1))) <= set(after)
        before, newest = after, 100 + half * (step + 1)
        out_of_order += step >= 3 and min(after) < newest - 10
    # Replaced at random, not the oldest first: then the history would be the newest ten.
    assert out_of_order > 20 and len(set(before)) == 10


def test_draws_are_different_stored_images_and_functions_of_the_step():
    history, unused = ImageHistory(12, (2, 3, 1), seed=5), tagged(0, 3)
    history.push(tagged(100, 8), "0", 0)
    seen = set()
    for step in range(30):
        drawn = tags_of(history.sample(unused, "0", step))
        assert len(set(drawn)) == 3 and min(drawn) >= 100
        assert drawn == tags_of(history.sample(unused, "0", step))
        seen |= set(drawn)
    assert seen == set(range(100, 108))
    draws = [tags_of(history.sample(unused, use, 1)) for use in "abcdef"]
    assert len({tuple(d) for d in draws}) > 3


def test_a_history_with_too_few_images_gives_back_the_new_ones():
    history = ImageHistory(8, (2, 3, 1))
    assert tags_of(history.sample(tagged(7, 4), "0", 0)) == [7, 8, 9, 10]
    history.push(tagged(100, 3), "0", 0)
    assert tags_of(history.sample(tagged(7, 4), "0", 1)) == [7, 8, 9, 10]
    history.push(tagged(200, 1), "0", 1)
    assert sorted(tags_of(history.sample(tagged(7, 4), "0", 2))) == [100, 101, 102, 200]


def test_bytes_keep_256_levels():
    history = ImageHistory(256, (1, 1, 1), dtype="uint8")
    levels = tf.reshape(tf.range(256.0) / 127.5 - 1.0, (256, 1, 1, 1))
    history.push(levels, "0", 0)
    assert history.images.dtype == tf.uint8
    drawn = np.sort(history.sample(levels * 0.0, "0", 1).numpy().ravel())
    np.testing.assert_allclose(drawn, levels.numpy().ravel(), atol=1e-6)


@pytest.mark.parametrize(
    "given, message",
    [
        ({"size": 0}, "history of 0"),
        ({"dtype": "float16"}, "float32, uint8"),
        ({"shape": (None, 3, 1)}, "needs one fixed size"),
    ],
)
def test_impossible_histories_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        ImageHistory(**{"size": 4, "shape": (2, 3, 1), **given})


def test_a_step_larger_than_the_history_or_of_another_size_is_refused():
    history = ImageHistory(4, (2, 3, 1))
    with pytest.raises(InputError, match="of which a step uses 5"):
        history.push(tagged(0, 5), "0", 0)
    with pytest.raises(InputError, match="images of shape"):
        history.sample(tf.zeros((2, 4, 4, 1)), "0", 0)
