"""Two logical CPU devices for the whole session, and one strategy over them.

The devices have to be set before TensorFlow starts. Tests share the strategy: TensorFlow keeps
the shapes of a process's collective operations by a number that each strategy counts from the
start, so a second MirroredStrategy fails with "Shape mismatch in the collective instance".
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest  # noqa: E402
import tensorflow as tf  # noqa: E402

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


@pytest.fixture(scope="session")
def two_replicas() -> tf.distribute.MirroredStrategy:
    """Two replicas on two logical CPU devices."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
