"""Images, weights and values of variables for tests of what differs between the stacks."""

import keras
import numpy as np
import tensorflow as tf


def value_of(variable):
    return tf.convert_to_tensor(variable).numpy()


def by_replica(*values):
    """A value for each replica, chosen inside a replica by its number."""
    return tf.stack(values)[tf.distribute.get_replica_context().replica_id_in_sync_group]


def images(shape=(3, 4, 5, 2), seed=1):
    return tf.random.stateless_normal(shape, [seed, 2]) * 3.0 + 1.0


def weight(values=(2.0, -4.0)):
    layer = keras.layers.Dense(1, use_bias=False)
    layer.build((None, len(values)))
    layer.set_weights([np.reshape(np.float32(values), (-1, 1))])
    return layer.kernel
