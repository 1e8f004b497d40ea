"""Layers run as they are written on both stacks: none waits for autograph to rewrite it."""

import sys

import keras
import pytest
import tensorflow as tf

from tfgan_suite import compat, games  # noqa: F401
from tfgan_suite.games import gran  # noqa: F401
from tfgan_suite.layers import conditioning, elementwise, resizing, stateless_dropout  # noqa: F401

PACKAGE = "tfgan_suite"


def layer_classes(base=keras.layers.Layer):
    """The layers of the package that Keras's files can name; games are called by nobody."""
    for layer in base.__subclasses__():
        if issubclass(layer, keras.Model):
            continue
        module = layer.__module__
        named = keras.saving.get_registered_name(layer).startswith(f"{PACKAGE}>")
        if named and module.startswith(PACKAGE) and module != f"{PACKAGE}._stand_ins":
            yield layer
        yield from layer_classes(layer)


@compat.register_layer
class Doubling(keras.layers.Layer):
    """Notes the file of the code that runs, and whether it is told that it trains."""

    runs = []

    def call(self, inputs, training=None):
        self.runs.append((sys._getframe().f_code.co_filename, training))
        return inputs * 2.0


def test_a_layer_runs_as_written_and_is_told_that_it_trains():
    image = keras.Input((2,))
    model = keras.Model(image, Doubling()(image))
    doubled = tf.function(model)(tf.ones((3, 2)), training=True)
    assert (doubled.numpy() == 2.0).all()
    assert {file for file, _ in Doubling.runs} == {__file__}
    assert Doubling.runs[-1][1] is True


@pytest.mark.skipif(compat.KERAS3, reason="Keras 3 rewrites no layer")
def test_no_layer_of_the_package_is_rewritten():
    layers = set(layer_classes())
    assert len(layers) > 20
    assert [layer for layer in layers if not hasattr(layer.call, "__wrapped__")] == []
