"""Dropout whose draws come from outside, in training and, where it is kept, afterwards."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import InputError
from tfgan_suite.layers.stateless_dropout import InferenceDropout, StatelessDropout, dropout_noise

X = tf.reshape(tf.range(1.0, 9.0), (1, 2, 2, 2))
DRAWS = np.array([[0.0, 0.4], [0.5, 0.9], [0.1, 0.6], [0.49, 0.7]], "f4").reshape(1, 2, 2, 2)
EXPECTED = 2.0 * X * (DRAWS >= 0.5)


def draw(shape, name):
    assert tuple(int(size) for size in shape) == DRAWS.shape and name == "here"
    return tf.constant(DRAWS)


@pytest.mark.parametrize("kind", [StatelessDropout, InferenceDropout])
def test_in_training_both_drop_what_is_drawn(kind):
    layer = kind(0.5, name="here")
    with dropout_noise(draw):
        np.testing.assert_array_equal(layer(X, training=True), EXPECTED)
    with pytest.raises(RuntimeError, match="here was called in training"):
        layer(X, training=True)
    np.testing.assert_array_equal(layer(X, training=False), X)


def test_the_kept_one_drops_afterwards_too():
    layers = [kind(0.5, name="here") for kind in (StatelessDropout, InferenceDropout)]
    with dropout_noise(draw):
        passed, dropped = (layer(X, training=False) for layer in layers)
    np.testing.assert_array_equal(passed, X)
    np.testing.assert_array_equal(dropped, EXPECTED)
    again = InferenceDropout.from_config(layers[1].get_config())
    assert again.rate == 0.5 and again.name == "here"


def test_unknown_sizes():
    image = keras.Input((None, None, 2))
    model = keras.Model(image, InferenceDropout(0.5, name="here")(image))
    seen = []

    def any_size(shape, name):
        seen.append(shape)
        return tf.ones(shape)

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 2))], autograph=False)
    def run(images):
        with dropout_noise(any_size):
            return model(images, training=False)

    np.testing.assert_array_equal(run(X), 2.0 * X)
    assert seen[0][-1] == 2


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_impossible_rates(rate):
    with pytest.raises(InputError, match="dropout rate"):
        InferenceDropout(rate)
