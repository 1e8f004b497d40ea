"""Replicas assign variables and report means in the same way on both stacks."""

import socket
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from compat_values import by_replica, images, value_of, weight

from tfgan_suite import compat
from tfgan_suite.utils import replicas


@pytest.mark.parametrize("graph", [False, True])
def test_assign_without_a_strategy(graph):
    variable, plain = weight(), tf.Variable([1.0, 2.0])

    def double():
        both = [variable, plain]
        replicas.assign(both, [2.0 * compat.tensor_variable(v) for v in both])

    (tf.function(double) if graph else double)()
    np.testing.assert_array_equal(value_of(variable)[:, 0], [4.0, -8.0])
    np.testing.assert_array_equal(plain, [2.0, 4.0])


@pytest.mark.parametrize("place", ["replica", "cross-replica", "outside"])
@pytest.mark.parametrize("graph", [False, True])
def test_assign_with_a_strategy(two_replicas, place, graph):
    strategy = two_replicas
    with strategy.scope():
        variable, plain = weight(), tf.Variable([1.0, 2.0])

    def double():
        both = [variable, plain]
        replicas.assign(both, [2.0 * compat.tensor_variable(v) for v in both])

    def everywhere():
        if place == "replica":
            strategy.run(double)
        elif place == "cross-replica":
            with strategy.scope():
                double()
        else:
            double()

    (tf.function(everywhere) if graph else everywhere)()
    for local in strategy.experimental_local_results(compat.tensor_variable(variable)):
        np.testing.assert_array_equal(value_of(local)[:, 0], [4.0, -8.0])
    for local in strategy.experimental_local_results(plain):
        np.testing.assert_array_equal(local, [2.0, 4.0])


def test_assign_to_moving_averages(two_replicas):
    """Variables that replicas keep for themselves take each its own replica's value."""
    with two_replicas.scope():
        layer, copy = compat.BatchNormalization(), compat.BatchNormalization()
        for each in (layer, copy):
            each.build((None, 4, 5, 2))

    @tf.function
    def step():
        def replica():
            layer(by_replica(images(seed=1), images(seed=2)), training=True)
            values = [tf.convert_to_tensor(v) for v in layer.variables]
            replicas.assign(copy.variables, values)

        two_replicas.run(replica)

    step()
    assert np.abs(layer.get_weights()[2]).min() > 0.01
    for mine, other in zip(copy.get_weights(), layer.get_weights()):
        np.testing.assert_allclose(mine, other, rtol=1e-6)


class Reporter(keras.Model):
    """Reports 1 on the first replica and 3 on the second."""

    def __init__(self):
        super().__init__()
        self.built = True

    def train_step(self, batch):
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return {"value": compat.log_value(1.0 + 2.0 * tf.cast(replica, tf.float32))}


@pytest.mark.parametrize("replicas, expected", [(1, 1.0), (2, 2.0)])
def test_fit_reports_the_mean_over_replicas(two_replicas, replicas, expected):
    strategy = two_replicas if replicas == 2 else tf.distribute.get_strategy()
    with strategy.scope():
        model = Reporter()
        model.compile()
    batches = tf.data.Dataset.from_tensor_slices(tf.ones((8, 1))).batch(4)
    history = model.fit(batches, epochs=2, verbose=0).history
    assert history["value"] == [expected, expected]


WORKER = """
import json, os, sys
os.environ["TF_CONFIG"] = json.dumps({
    "cluster": {"worker": sys.argv[2:]}, "task": {"type": "worker", "index": int(sys.argv[1])}
})
import keras, tensorflow as tf
from tfgan_suite import compat

class Reporter(keras.Model):
    def __init__(self):
        super().__init__()
        self.built = True

    def train_step(self, batch):
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return {"value": compat.log_value(1.0 + 2.0 * tf.cast(replica, tf.float32))}

with tf.distribute.MultiWorkerMirroredStrategy().scope():
    model = Reporter()
    model.compile()
options = tf.data.Options()
options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
batches = tf.data.Dataset.from_tensor_slices(tf.ones((8, 1))).batch(4).with_options(options)
print(model.fit(batches.repeat(), steps_per_epoch=2, verbose=0).history["value"])
"""


@pytest.mark.large
def test_fit_reports_the_mean_over_workers():
    """Two processes on this machine, one replica each."""
    with socket.socket() as first, socket.socket() as second:
        for one in (first, second):
            one.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in (first, second)]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(index), *addresses],
            stdout=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]
    try:
        for worker in workers:
            assert worker.communicate(timeout=120)[0].strip().splitlines()[-1] == "[2.0]"
    finally:
        for worker in workers:
            worker.kill()
