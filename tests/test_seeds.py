"""Kernels survive the setting of a seed in tests (`conftest.py`), the state of random ones not."""

import pytest
import tensorflow as tf


def draws():
    """Two draws of one kernel, whose state moves on in between."""
    return [tf.random.uniform((3,), seed=5).numpy().tolist() for _ in range(2)]


@tf.function
def draw_in_a_graph():
    return tf.random.uniform((3,))


@pytest.mark.parametrize("rounds", [2, 3])
def test_a_seed_restarts_random_operations(rounds):
    found = []
    for _ in range(rounds):
        tf.random.set_seed(1)
        found.append(draws())
    assert all(each == found[0] for each in found)
    assert found[0][0] != found[0][1]


def test_a_seed_restarts_random_operations_of_a_graph():
    """The second and third time, nothing asks for a seed: the graph has been traced."""
    found = []
    for _ in range(3):
        tf.random.set_seed(1)
        found.append([draw_in_a_graph().numpy().tolist() for _ in range(2)])
    assert found[1] == found[2] and found[1][0] != found[1][1]
