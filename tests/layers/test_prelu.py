"""PReLU equals Keras's formula in values and gradients, and comes back from its config."""

import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.layers.elementwise import PReLU


def test_prelu_and_its_gradients_are_keras():
    x = np.random.RandomState(0).normal(size=(2, 3, 4, 5)).astype("f4")
    layer = PReLU(initial_alpha=0.25)
    layer.build(x.shape)
    slopes = np.linspace(-0.5, 1.5, 5).reshape(1, 1, 5).astype("f4")
    layer.set_weights([slopes])
    weights = tf.constant(np.random.RandomState(1).normal(size=x.shape), tf.float32)
    found = []
    for training in (True, False):
        given = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(given)
            made = layer(given, training=training)
            loss = tf.reduce_sum(made * weights)
        variable = compat.tensor_variable(layer.trainable_variables[0])
        found.append([made, *tape.gradient(loss, [given, variable])])
    np.testing.assert_allclose(found[0][0], np.where(x > 0, x, x * slopes), atol=1e-6)
    for one, other in zip(*found):
        np.testing.assert_allclose(one, other, atol=1e-5)
    again = PReLU.from_config(layer.get_config())
    assert again.initial_alpha == 0.25 and list(again.shared_axes) == [1, 2]
